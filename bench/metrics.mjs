// What programs that watch the server ask of it again and again, with a large inventory and a long history.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { percentile } from "./pages.mjs";
import { KIB, adminToken, idle, withServer } from "./processes.mjs";
import { heading, report } from "./report.mjs";

const [DEVICES, VERSIONS, RUNS] = [10_000, 200_000, 100_000];
const [WARM, ROUNDS, SCRAPES, AT_ONCE] = [20, 200, 20, 50];
const BUDGET_MS = 20;
/** What was read of the database is told again for less than this. */
const STALE_MS = 5_500;

export async function metrics() {
  const data = mkdtempSync(resolve("target/bench/metrics-"));
  execFileSync("target/release/examples/seed", [data, DEVICES, VERSIONS, RUNS].map(String));
  const token = await adminToken({ data });
  await withServer(data, async ({ base, pid }) => {
    await idle(pid);
    const many = [DEVICES, VERSIONS, RUNS].map((count) => count.toLocaleString("en"));
    heading(`What watches the server, with ${many[0]} devices, ${many[1]} versions and ${many[2]} runs in SQLite:`);
    const headers = { authorization: `Bearer ${token}` };
    let bytes = 0;
    const ask = async (path) => {
      const sent = performance.now();
      const answer = await fetch(base + path, { headers });
      bytes = (await answer.arrayBuffer()).byteLength;
      if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: no figure.`);
      return performance.now() - sent;
    };
    const asked = async (path, rounds) => {
      const took = [];
      for (let round = 0; round < rounds; round += 1) took.push(await ask(path));
      return took;
    };
    for (const path of ["/backup/status/", "/metrics", "/readyz", "/healthz"]) {
      await asked(path, WARM);
      const took = await asked(path, ROUNDS);
      report(`${path}: p50`, percentile(took, 50), "ms");
      report(`${path}: p99`, percentile(took, 99), "ms", BUDGET_MS);
    }
    const cold = [];
    for (let scrape = 0; scrape < SCRAPES; scrape += 1) {
      await sleep(STALE_MS);
      cold.push(await ask("/metrics"));
    }
    report("/metrics, read from the database each time: p50", percentile(cold, 50), "ms");
    report("/metrics, read from the database each time: worst", Math.max(...cold), "ms", BUDGET_MS);
    report("/metrics: size", bytes / KIB, "KB");
    await sleep(STALE_MS);
    const together = await Promise.all(Array.from({ length: AT_ONCE }, () => ask("/metrics")));
    report(`/metrics, ${AT_ONCE} at once: worst`, Math.max(...together), "ms");
  });
  rmSync(data, { recursive: true });
}
