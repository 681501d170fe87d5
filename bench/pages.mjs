// How long each page takes on the server with a large inventory and a long history, then in a browser, and what many open
// pages cost.
import { execFileSync } from "node:child_process";
import { get } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { MIB, adminToken, etiqa, idle, memory, withDevices, withServer } from "./processes.mjs";
import { heading, report } from "./report.mjs";
import { firstVisits } from "./visits.mjs";

const [DEVICES, VERSIONS, RUNS] = [10_000, 200_000, 100_000];
const [WARM, ROUNDS, BUDGET_MS] = [20, 200, 50];
const [STREAMS, DEVICES_IN_RUN, BYTES] = [500, 1000, 8192];
/** So many addresses the streams come from. */
const ADDRESSES = 10;
const [MEMORY_MB, DELAY_MS] = [200, 200];

const LAST_PAGE = DEVICES / 50;
/** A day of the calendar, so many days ago. */
const day = (ago) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
const PAGES = [
  "/",
  "/backup/",
  `/backup/?before=${RUNS / 2}`,
  ...["outcome=good", "outcome=partial", "config=3&outcome=failed", "config=3&outcome=cancelled&kind=config", "kind=full", "trigger=manual"].map((filter) => `/backup/?${filter}`),
  `/backup/?from=${day(200)}&to=${day(190)}`,
  "/backup/new",
  "/backup/config/1",
  "/backup/config/1/edit",
  "/backup/config/1/retention",
  `/backup/run/${RUNS}`,
  `/backup/run/${RUNS}?results=failed`,
  `/backup/run/${RUNS - 1}`,
  "/devices/",
  `/devices/?page=${LAST_PAGE}`,
  "/devices/?q=sw-00",
  "/devices/?q=nowhere",
  "/devices/?site=site-07",
  "/devices/?platform=ios&tag=core",
  "/devices/?state=failing&sort=-backup",
  "/devices/?state=overdue",
  "/devices/?state=no_backup&sort=-last_good",
  ...["type", "site", "-site", "status", "backup", "-last_good"].map((sort) => `/devices/?sort=${sort}&page=${LAST_PAGE}`),
  "/devices/1",
  "/devices/1?tab=results",
  `/devices/1?tab=results&good=false&from=${day(60)}`,
  ...["class=tls_error", "good=false&class=timeout"].map((filter) => `/devices/1?tab=results&${filter}`),
  "/devices/5",
  "/devices/new",
  "/devices/import",
  "/configs/",
  `/configs/?page=${LAST_PAGE}`,
  "/configs/?q=sw-00",
  `/configs/?at=${day(60)}T12:00`,
  `/configs/?at=${day(60)}T12:00&page=${LAST_PAGE}`,
  "/configs/search",
  "/configs/search?q=c0mmun1ty-4711+RO",
  `/configs/version/${VERSIONS}`,
  "/configs/compare?old_device=%231&new_device=%232",
  "/configs/compare?old_device=sw-00006&new_device=sw-00012",
  "/account",
  "/admin/",
  "/admin/components",
  "/admin/config-versions",
  "/admin/config-versions?page=200",
  "/admin/config-versions?q=sw-00006",
  "/admin/config-versions?q=sw-0",
  ...["credentials", "destinations", "drivers", "drivers/ios", "jobs", "jump-hosts", "machines"].map((page) => `/admin/${page}`),
  ...["recovery-kit", "settings", "tokens", "users"].map((page) => `/admin/${page}`),
];

/** Lists of the REST API; those that say so where the first part ends, too. */
const LISTS = [
  "devices?limit=100",
  "devices?limit=500",
  "devices?q=sw-00&limit=100",
  "devices?q=nowhere",
  "devices?site=site-07&limit=100",
  "devices?platform=ios&tag=core&limit=100",
  "devices?state=failing&limit=100",
  "devices?state=overdue&limit=100",
  "devices/1/results",
  "devices/1/results?good=false",
  "devices/1/versions?part=running",
  "configs?limit=100",
  "configs?q=sw-00&limit=100",
  "runs",
  "runs?outcome=failed",
  "runs?config=3&outcome=cancelled&type=config",
  `runs?from=${day(200)}&to=${day(190)}`,
  `runs/${RUNS}/results?limit=100`,
  "archives",
  "audit",
  "jobs",
  ...["backup-configs", "credentials", "destinations", "tokens", "users"],
];

/** Each page once, whatever it is asked. */
const FIRST_VISITS = [...new Map(PAGES.toReversed().map((page) => [page.split("?")[0], page])).values()].reverse();

/** The value that so many hundredths of the others do not exceed. */
export function percentile(values, hundredths) {
  const ordered = values.toSorted((a, b) => a - b);
  return ordered[Math.max(0, Math.ceil((ordered.length * hundredths) / 100) - 1)];
}

export async function pages() {
  const data = mkdtempSync(resolve("target/bench/pages-"));
  const began = performance.now();
  execFileSync("target/release/examples/seed", [data, DEVICES, VERSIONS, RUNS].map(String));
  const seeded = (performance.now() - began) / 1000;
  const token = await adminToken({ data });
  await withServer(data, async ({ base, pid, readyAfterMs }) => {
    await idle(pid);
    const many = [DEVICES, VERSIONS, RUNS].map((count) => count.toLocaleString("en"));
    heading(`Every page, whole and one after the other, with ${many[0]} devices, ${many[1]} versions and ${many[2]} runs in SQLite:`);
    report("filling the database", seeded, "s", 120);
    report("server: start to ready", readyAfterMs, "ms", 1000);
    const headers = { authorization: `Bearer ${token}`, accept: "text/html" };
    const ask = async (page) => {
      const sent = performance.now();
      const answer = await fetch(base + page, { headers });
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`GET ${page} answered ${answer.status}: no figure.`);
      return performance.now() - sent;
    };
    let slowest = 0;
    for (const page of PAGES) {
      for (let round = 0; round < WARM; round += 1) await ask(page);
      const took = [];
      for (let round = 0; round < ROUNDS; round += 1) took.push(await ask(page));
      slowest = Math.max(slowest, percentile(took, 99));
      report(`${page}: p50`, percentile(took, 50), "ms");
      report(`${page}: p99`, percentile(took, 99), "ms", BUDGET_MS);
    }
    report("the slowest of them: p99", slowest, "ms", BUDGET_MS);
    await lists({ base, token });
    report("server: memory after all this", memory(pid, "VmRSS") / MIB, "MB");
    await firstVisits({ base, data }, FIRST_VISITS);
  });
  rmSync(data, { recursive: true });
}

/** The lists of the REST API: the first part of each, and one from the middle, where a page would have to skip the rows before it. */
async function lists({ base, token }) {
  heading("Every list of the REST API, its first part and one from the middle:");
  const headers = { authorization: `Bearer ${token}` };
  const ask = async (path) => {
    const sent = performance.now();
    const answer = await fetch(`${base}/api/v1/${path}`, { headers });
    const part = await answer.json();
    if (answer.status !== 200) throw new Error(`GET /api/v1/${path} answered ${answer.status}: no figure.`);
    return { took: performance.now() - sent, next: part.next };
  };
  let slowest = 0;
  for (const list of LISTS) {
    const parts = [list];
    let next = (await ask(list)).next;
    for (let skipped = 0; next && skipped < 20; skipped += 1) {
      parts[1] = `${list}${list.includes("?") ? "&" : "?"}cursor=${next}`;
      next = (await ask(parts[1])).next;
    }
    for (const [at, path] of parts.entries()) {
      for (let round = 0; round < WARM; round += 1) await ask(path);
      const took = [];
      for (let round = 0; round < ROUNDS; round += 1) took.push((await ask(path)).took);
      slowest = Math.max(slowest, percentile(took, 99));
      const name = `/api/v1/${list}${at > 0 ? ", further on" : ""}`;
      report(`${name}: p50`, percentile(took, 50), "ms");
      report(`${name}: p99`, percentile(took, 99), "ms", BUDGET_MS);
    }
  }
  report("the slowest of them: p99", slowest, "ms", BUDGET_MS);
}

/** Opens the live stream from an address; `hear` gets the JSON of each event. Gives its request once the server has greeted it. */
function listen(base, token, localAddress, hear) {
  return new Promise((open, failed) => {
    const options = { headers: { authorization: `Bearer ${token}` }, agent: false, localAddress };
    const request = get(`${base}/events`, options, (answer) => {
      if (answer.statusCode !== 200) failed(new Error(`GET /events answered ${answer.statusCode}.`));
      let rest = "";
      answer.setEncoding("utf8").on("data", (piece) => {
        const messages = (rest + piece).split("\n\n");
        rest = messages.pop();
        for (const message of messages) {
          if (message.startsWith("event: hello")) open(request);
          else if (message.startsWith("data: {")) hear(JSON.parse(message.slice(6)));
        }
      });
      // Cut at the end of it all.
      answer.on("error", () => {});
    });
    request.on("error", failed);
  });
}

/** Many open pages while a run goes on. */
export async function openPages() {
  await withDevices({ count: DEVICES_IN_RUN, bytes: BYTES, latencyMs: 200, sessions: 32 }, async ({ data }) => {
    const seldom = ["--frequency", "monthly", "--day", "1", "--at", "00:00", "--zone", "UTC"];
    await etiqa(["backup-config", "add", "Fleet", "--type", "config", ...seldom], { data });
    await etiqa(["backup-config", "add", "Other", "--type", "data", ...seldom], { data });
    const token = await adminToken({ data });
    await withServer(
      data,
      async ({ base, pid }) => {
        let [events, arrived] = [0, () => {}];
        const streams = [];
        for (let at = 0; at < STREAMS; at += 1) {
          // One of them, neither the first nor the last that is told.
          const isMeasured = at === STREAMS / 2;
          // Of one address the server takes 250 connections.
          const from = `127.0.1.${1 + (at % ADDRESSES)}`;
          streams.push(
            await listen(base, token, from, (event) => {
              if (!isMeasured) return;
              events += 1;
              if (event.topic === "backup_configs" && event.id === 2) arrived(performance.now());
            }),
          );
        }
        const post = async (path) => {
          const answer = await fetch(base + path, { method: "POST", headers: { authorization: `Bearer ${token}` } });
          if (!answer.ok) throw new Error(`POST ${path} answered ${answer.status}: ${await answer.text()}`);
          return answer.json();
        };
        const isOver = async () => {
          const answer = await fetch(`${base}/backup/status/`, { headers: { authorization: `Bearer ${token}` } });
          return Boolean((await answer.json()).configs.find((config) => config.id === 1).last_run?.finished_at);
        };
        await post("/backup/config/1/run/");
        const delays = [];
        while (!(await isOver())) {
          const arrival = new Promise((heard) => (arrived = heard));
          // The way there and the write, with its sync, are in the figure.
          const sent = performance.now();
          await post("/backup/config/2/toggle/");
          const heard = await Promise.race([arrival, sleep(10_000)]);
          if (heard === undefined) throw new Error("An event never arrived: no figure.");
          delays.push(heard - sent);
          await sleep(50);
        }
        heading(`${STREAMS} open pages while a run collects ${DEVICES_IN_RUN} devices; all of them share this machine:`);
        report(`from asked for to heard, median of ${delays.length}`, percentile(delays, 50), "ms");
        report("from asked for to heard, p99", percentile(delays, 99), "ms", DELAY_MS);
        report("events that one page heard", events, "events");
        report("server: peak memory", memory(pid, "VmHWM") / MIB, "MB", MEMORY_MB);
        for (const stream of streams) {
          stream.on("error", () => {});
          stream.destroy();
        }
      },
      { env: { ETIQA_START_DELAY: "0" } },
    );
  });
}
