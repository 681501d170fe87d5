// What it costs to know who asks, and to sign in.
import { execFileSync } from "node:child_process";
import { Agent, request } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";

import { percentile } from "./pages.mjs";
import { KIB, adminToken, etiqa, idle, withServer, writtenBytes } from "./processes.mjs";
import { heading, report } from "./report.mjs";

const [WARM, ROUNDS, SIGN_INS] = [500, 5000, 20];
const PASSWORD = "a sentence is easy to keep";

/** Asks over one connection that stays open: what is measured is not the connection. */
function asker(base) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return (path, headers) =>
    new Promise((done, failed) => {
      const sent = performance.now();
      const asked = request(base + path, { agent, headers }, (answer) => {
        answer.resume().on("end", () => {
          const took = performance.now() - sent;
          if (answer.statusCode === 200) done(took);
          else failed(new Error(`GET ${path} answered ${answer.statusCode}: no figure.`));
        });
      });
      asked.on("error", failed).end();
    });
}

/** Signs in; gives the cookies and the milliseconds. */
async function signIn(base, cookie) {
  const sent = performance.now();
  const answer = await fetch(`${base}/rpc/sign_in`, {
    method: "POST",
    headers: { origin: base, accept: "application/json", ...(cookie ? { cookie } : {}) },
    body: new URLSearchParams({ name: "ada", password: PASSWORD }),
    redirect: "manual",
  });
  await answer.arrayBuffer();
  const took = performance.now() - sent;
  if (answer.status >= 400) throw new Error(`Signing in answered ${answer.status}: no figure.`);
  return { took, cookie: answer.headers.getSetCookie().map((set) => set.split(";")[0]).join("; ") };
}

export async function access() {
  const data = mkdtempSync(resolve("target/bench/access-"));
  await etiqa(["user", "add", "ada", "--role", "admin", "--password-stdin"], { input: `${PASSWORD}\n`, data });
  const token = await adminToken({ data });
  const bare = Number(execFileSync("target/release/examples/hash_time", { encoding: "utf8" }));
  await withServer(data, async ({ base, pid }) => {
    await idle(pid);
    heading("Who asks: /healthz, which answers everybody, asked by a stranger, with a cookie and with a token:");
    const { cookie } = await signIn(base);
    const ask = asker(base);
    const callers = { "a stranger": {}, "a cookie": { cookie }, "a token": { authorization: `Bearer ${token}` } };
    const took = Object.fromEntries(Object.keys(callers).map((name) => [name, []]));
    for (let round = 0; round < WARM; round += 1) for (const headers of Object.values(callers)) await ask("/healthz", headers);
    const before = writtenBytes(pid);
    // By turns, so that whatever else the machine does meets all alike.
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, headers] of Object.entries(callers)) took[name].push(await ask("/healthz", headers));
    }
    const written = writtenBytes(pid) - before;
    for (const name of Object.keys(callers)) report(`${name}: p99`, percentile(took[name], 99), "ms");
    for (const name of ["a cookie", "a token"]) {
      report(`the check of ${name}: p99 of it less p99 without`, percentile(took[name], 99) - percentile(took["a stranger"], 99), "ms", 1);
    }
    // When they were used is written once a minute, whatever is asked.
    report(`written meanwhile, in ${ROUNDS * 3} requests`, written / KIB, "KB");
    const signIns = [];
    let known = cookie;
    for (let round = 0; round < SIGN_INS; round += 1) {
      const signedIn = await signIn(base, known);
      known = signedIn.cookie;
      signIns.push(signedIn.took);
    }
    report("one bare hash of a password: median", bare, "ms");
    report("signing in: median", percentile(signIns, 50), "ms", bare * 1.5 + 20);
  });
  rmSync(data, { recursive: true });
}
