// The first figures: how fast the server gets ready, what it takes while idle, what a first visit costs over the
// wire, and how many devices per second one collection reads. Called by bench/run.sh, from the project's folder.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ETIQA = resolve("target/release/etiqa");
const SIMULATOR = resolve("target/release/etiqa-simulator");
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

async function collection() {
  const data = mkdtempSync(resolve("target/bench/collect-"));
  const inventory = join(data, "inventory.csv");
  const simulator = spawn(
    SIMULATOR,
    ["--devices", devices, "--types", "ios", "--config-size", bytes, "--listen", "127.0.0.1", "--inventory", inventory].map(String),
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
    for (const what of ["first", "unchanged"]) {
      const run = await etiqa(["collect", "--all", "--json"], { data });
      report(`collect ${devices} devices of ${Math.round(bytes / KIB)} KB, ${what}`, devices / run.seconds, "devices/s");
      report(`collect, peak memory, ${what}`, run.peak / MIB, "MB");
    }
  } finally {
    simulator.kill();
  }
}

console.log(`On ${(await import("node:os")).cpus().length} cores:\n`);
await server();
await collection();
