// The first figures: how fast the server gets ready, what it takes while idle, what a first visit costs over the
// wire, how many devices per second one collection reads, and the same beside our peers on the same devices in the same
// run. Called by bench/run.sh, from the project's folder.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ETIQA = resolve("target/release/etiqa");
const SIMULATOR = resolve("target/release/etiqa-simulator");
const PYTHON = resolve("target/bench-venv/bin/python");
/** How many devices the comparison has, and how many sessions ours has at once by default. */
const PEER_DEVICES = 1000;
const SESSIONS = 64;
const [devices, bytes] = process.argv.slice(2).map(Number);

const KIB = 1024;
const MIB = 1024 * KIB;

/** A figure, its budget (none: not settled yet) and whether it keeps it. */
function report(what, value, unit, budget) {
  const verdict = budget === undefined ? "" : value <= budget ? "kept" : "OVER";
  const limit = budget === undefined ? "no budget yet" : `budget ${budget} ${unit}`;
  console.log(`${what.padEnd(44)} ${value.toFixed(1).padStart(9)} ${unit.padEnd(10)} ${limit.padEnd(20)} ${verdict}`);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** A figure of /proc/PID/status in bytes: VmRSS now, VmHWM at its highest; 0 once the process is gone. */
function memory(pid, field) {
  const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, "utf8") : "";
  return Number(status.match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"))?.[1] ?? 0) * KIB;
}

/** GETs `url` as a browser would; gives status, headers, text and the bytes of the body on the wire. */
function visit(url) {
  return new Promise((done, failed) => {
    get(url, { headers: { "accept-encoding": "br", accept: "*/*" } }, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => {
        const body = Buffer.concat(pieces);
        done({ status: answer.statusCode, wireBytes: body.length, text: body.toString("latin1"), headers: answer.headers });
      });
    }).on("error", failed);
  });
}

async function isReady(base) {
  return visit(`${base}/readyz`).then((answer) => answer.status === 200, () => false);
}

/** Everything that /login makes a browser fetch from us, the page itself among it. */
async function firstPageBytes(base) {
  // Asked for without compression, so that its links can be read; what it weighs is measured apart.
  const html = await fetch(`${base}/login`).then((answer) => answer.text());
  const linked = [...html.matchAll(/"(\/[^"\s]+\.(?:js|wasm|css|svg|png|ico|woff2))"/g)].map((match) => match[1]);
  for (const kind of ["js", "wasm", "css"]) {
    if (!linked.some((path) => path.endsWith(`.${kind}`))) throw new Error(`/login links no .${kind}: the figure would be too small.`);
  }
  const loaded = ["/login", ...linked];
  let total = 0;
  for (const path of new Set(loaded)) {
    const answer = await visit(base + path);
    if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: the figure would be too small.`);
    total += answer.wireBytes;
  }
  return total;
}

async function server() {
  const base = `http://127.0.0.1:${await freePort()}`;
  const data = mkdtempSync(resolve("target/bench/server-"));
  const began = performance.now();
  const child = spawn(ETIQA, ["serve", "--listen", base.slice(7), "--data-dir", data], { stdio: "ignore" });
  try {
    while (!(await isReady(base))) {
      if (child.exitCode !== null) throw new Error(`etiqa serve ended with ${child.exitCode}.`);
      await sleep(5);
    }
    report("server: start to ready, empty database", performance.now() - began, "ms", 1000);
    report("first page over the wire, brotli, all of it", (await firstPageBytes(base)) / KIB, "KB", 350);
    await sleep(3000);
    report("server: idle memory", memory(child.pid, "VmRSS") / MIB, "MB", 60);
  } finally {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  }
}

/** Runs etiqa to its end; gives its seconds and its peak memory in bytes. */
async function etiqa(args, { input = "", data }) {
  const began = performance.now();
  const child = spawn(ETIQA, args, { env: { ...process.env, ETIQA_DATA_DIR: data }, stdio: ["pipe", "ignore", "inherit"] });
  child.stdin.end(input);
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, memory(child.pid, "VmHWM"))), 20);
  const [code] = await once(child, "exit");
  clearInterval(watch);
  if (code !== 0) throw new Error(`etiqa ${args.join(" ")} ended with ${code}.`);
  return { seconds: (performance.now() - began) / 1000, peak };
}

/** Starts `count` simulated IOS devices; `use` gets their inventory and a data directory that knows them. */
async function withDevices(count, use) {
  const data = mkdtempSync(resolve("target/bench/collect-"));
  const inventory = join(data, "inventory.csv");
  const simulator = spawn(
    SIMULATOR,
    ["--devices", count, "--types", "ios", "--config-size", bytes, "--listen", "127.0.0.1", "--inventory", inventory].map(String),
    { stdio: "ignore" },
  );
  try {
    while (!existsSync(inventory)) {
      if (simulator.exitCode !== null) throw new Error(`etiqa-simulator ended with ${simulator.exitCode}.`);
      await sleep(50);
    }
    await etiqa(["credential", "add", "bench", "--username", "admin", "--password-stdin", "--enable-stdin"], {
      input: "admin\nadmin\n",
      data,
    });
    await etiqa(["import-devices", inventory], { data });
    await use(inventory, data);
  } finally {
    simulator.kill();
  }
}

async function collection() {
  await withDevices(devices, async (_, data) => {
    for (const what of ["first", "unchanged"]) {
      const run = await etiqa(["collect", "--all", "--json"], { data });
      report(`collect ${devices} devices of ${Math.round(bytes / KIB)} KB, ${what}`, devices / run.seconds, "devices/s");
      report(`collect, peak memory, ${what}`, run.peak / MIB, "MB");
    }
  });
}

/** Runs bench/peers.py; a run that lost texts is no figure. */
async function peer(tool, inventory, atOnce) {
  const child = spawn(PYTHON, ["bench/peers.py", tool, inventory, String(atOnce)], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (piece) => (text += piece));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`bench/peers.py ${tool} ended with ${code}.`);
  const run = JSON.parse(text);
  if (run.good !== run.devices) console.log(`${tool} at ${atOnce}: only ${run.good} of ${run.devices} texts came whole`);
  return { rate: run.good / run.seconds, peak: run.peak_bytes };
}

/** Ours beside nornir with netmiko (the best of several numbers of threads) and scrapli with asyncssh (as many at once
 * as ours), on the same devices. */
async function peers() {
  if (!existsSync(PYTHON)) {
    console.log("\nNo comparison with peers: target/bench-venv is missing.");
    return;
  }
  console.log(`\nBeside peers, ${PEER_DEVICES} devices of ${Math.round(bytes / KIB)} KB on the same simulator:\n`);
  await withDevices(PEER_DEVICES, async (inventory, data) => {
    const run = await etiqa(["collect", "--all", "--json"], { data });
    const ours = { rate: PEER_DEVICES / run.seconds, peak: run.peak };
    report("etiqa", ours.rate, "devices/s");
    report("etiqa, peak memory", ours.peak / MIB, "MB");
    const threads = [];
    for (const atOnce of [10, 25, 50, 100]) threads.push({ atOnce, ...(await peer("nornir", inventory, atOnce)) });
    const best = threads.reduce((one, other) => (other.rate > one.rate ? other : one));
    compare(`nornir with netmiko, ${best.atOnce} threads`, ours, best, 10);
    compare(`scrapli with asyncssh, ${SESSIONS} at once`, ours, await peer("scrapli", inventory, SESSIONS), 5);
  });
}

/** Prints a peer's figures and the ratios to ours, each beside what it should be at least. */
function compare(name, ours, theirs, faster) {
  report(name, theirs.rate, "devices/s");
  report(`${name}, peak memory`, theirs.peak / MIB, "MB");
  for (const [what, ratio, budget] of [
    ["times its devices per second", ours.rate / theirs.rate, faster],
    ["of its peak memory is ours: 1 in", theirs.peak / ours.peak, 5],
  ]) {
    console.log(`  ${ratio.toFixed(1).padStart(6)} ${what.padEnd(44)} at least ${budget}: ${ratio >= budget ? "kept" : "MISSED"}`);
  }
}

console.log(`On ${(await import("node:os")).cpus().length} cores:\n`);
await server();
await collection();
await peers();
