// The processes that are measured: started, watched, ended.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ETIQA = resolve("target/release/etiqa");
const SIMULATOR = resolve("target/release/etiqa-simulator");
export const PYTHON = resolve("target/bench-venv/bin/python");

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Clock ticks per second in /proc: USER_HZ, which is 100 on every machine that this runs on. */
const TICKS = 100;
/** How often a process is looked at. Its peak is kept by the kernel; only what it does in between at its very end is missed. */
const LOOK_EVERY_MS = 10;

/** A figure of /proc/PID/status in bytes: VmRSS now, VmHWM at its highest; 0 once the process is gone. */
export function memory(pid, field) {
  return Number(read(pid, "status").match(new RegExp(`^${field}:\\s+(\\d+) kB`, "m"))?.[1] ?? 0) * KIB;
}

/** Seconds of processor time that a process has taken, in its own code and in the kernel for it. */
export function cpuSeconds(pid) {
  const fields = read(pid, "stat").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
}

/** Bytes that a process had written to disk, as far as the kernel knows. */
export function writtenBytes(pid) {
  return Number(read(pid, "io").match(/^write_bytes: (\d+)/m)?.[1] ?? 0);
}

function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  return port;
}

/** The environment of a process of ours on `data`, and on the PostgreSQL at `url` where one is named. */
function environment(data, url, more = {}) {
  return { ...process.env, ETIQA_DATA_DIR: data, ...(url ? { ETIQA_DATABASE_URL: url } : {}), ...more };
}

/** Starts `etiqa serve` on `data`; `use` gets its process and its address once it is ready. */
export async function withServer(data, use, { url, env } = {}) {
  const base = `http://127.0.0.1:${await freePort()}`;
  const began = performance.now();
  const child = spawn(ETIQA, ["serve", "--listen", base.slice(7)], { env: environment(data, url, env), stdio: "ignore" });
  const isReady = () => fetch(`${base}/readyz`).then((answer) => answer.ok, () => false);
  try {
    while (!(await isReady())) {
      if (child.exitCode !== null) throw new Error(`etiqa serve ended with ${child.exitCode}.`);
      await sleep(5);
    }
    await use({ base, pid: child.pid, readyAfterMs: performance.now() - began });
  } finally {
    child.kill();
    if (child.exitCode === null) await once(child, "exit");
  }
}

/** Starts workers of a site of the PostgreSQL at `url`, each on a data directory of its own beside `data`, whose key they
 * have; `use` gets their processes. */
export async function withWorkers(count, { data, url, site }, use) {
  const workers = Array.from({ length: count }, (_, at) => {
    const env = environment(`${data}-worker-${at + 1}`, url, { ETIQA_SECRET_KEY_FILE: join(data, "secret.key") });
    return spawn(ETIQA, ["worker", "--site", site], { env, stdio: "ignore" });
  });
  try {
    await use(workers.map((worker) => worker.pid));
  } finally {
    for (const worker of workers) worker.kill();
    await Promise.all(workers.map((worker) => worker.exitCode ?? worker.signalCode ?? once(worker, "exit")));
  }
}

/** Runs etiqa to its end; gives what it printed, its seconds, its peak memory, its processor time and what it wrote. */
export async function etiqa(args, { input = "", data, url }) {
  const began = performance.now();
  const child = spawn(ETIQA, args, { env: environment(data, url), stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(input);
  let [output, complaints] = ["", ""];
  child.stdout.on("data", (piece) => (output += piece));
  child.stderr.on("data", (piece) => (complaints += piece));
  const run = { peak: 0, cpu: 0, written: 0 };
  const look = () => {
    run.peak = Math.max(run.peak, memory(child.pid, "VmHWM"));
    run.cpu = Math.max(run.cpu, cpuSeconds(child.pid));
    run.written = Math.max(run.written, writtenBytes(child.pid));
  };
  const watch = setInterval(look, LOOK_EVERY_MS);
  const [code] = await once(child, "close");
  clearInterval(watch);
  if (code !== 0) throw new Error(`etiqa ${args.join(" ")} ended with ${code}: ${complaints.slice(-2000)}`);
  return { ...run, output, seconds: (performance.now() - began) / 1000 };
}

/** Waits until a server has nothing to do any more: its index is whole then. */
export async function idle(pid) {
  for (let [before, quiet] = [-1, 0]; quiet < 4; ) {
    await sleep(1000);
    const now = cpuSeconds(pid);
    quiet = now - before < 0.1 ? quiet + 1 : 0;
    before = now;
  }
}

/** Collects every device; a run that lost a text is no figure. */
export async function collectAll(fleet) {
  const before = cpuSeconds(fleet.simulator.pid);
  const run = await etiqa(["collect", "--all", "--json"], { data: fleet.data });
  const good = JSON.parse(run.output).filter((result) => ["ok", "unchanged"].includes(result.class)).length;
  if (good !== fleet.count) throw new Error(`Only ${good} of ${fleet.count} texts came whole.`);
  return { ...run, simulatorCpu: cpuSeconds(fleet.simulator.pid) - before };
}

/** Starts `count` simulated IOS devices with texts of so many `bytes`; `use` gets them, with a data directory that knows
 * them (and the PostgreSQL at `url`, where one is named) and lets so many `sessions` be on at once. */
export async function withDevices({ count, bytes, latencyMs = 0, sessions, url }, use) {
  const data = mkdtempSync(resolve("target/bench/collect-"));
  const inventory = join(data, "inventory.csv");
  const simulator = spawn(
    SIMULATOR,
    ["--devices", count, "--types", "ios", "--config-size", bytes, "--listen", "127.0.0.1", "--latency-ms", latencyMs]
      .concat(["--inventory", inventory])
      .map(String),
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
      url,
    });
    await etiqa(["import-devices", inventory], { data, url });
    const token = await adminToken({ data, url });
    await withServer(data, ({ base }) => saveSettings(base, token, { max_sessions: sessions }), { url });
    await use({ count, bytes, data, url, inventory, simulator });
  } finally {
    simulator.kill();
    // The next ones listen on the same addresses.
    if (simulator.exitCode === null && simulator.signalCode === null) await once(simulator, "exit");
  }
}

/** A token with which everything may be done. */
export async function adminToken({ data, url }) {
  return (await etiqa(["token", "create", `bench-${Date.now()}`, "--role", "admin"], { data, url })).output.trim();
}

/** Changes settings, as an admin does it on the settings page; the scheduler looks again then. */
export async function saveSettings(base, token, changes) {
  const ask = async (call, body) => {
    const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
    const answer = await fetch(`${base}/rpc/${call}`, { method: "POST", headers, body: new URLSearchParams(body) });
    if (!answer.ok) throw new Error(`${call} answered ${answer.status}: ${await answer.text()}`);
    return answer.json();
  };
  const settings = { ...(await ask("get_settings", {})), ...changes };
  await ask("save_settings", Object.entries(settings).map(([name, value]) => [`settings[${name}]`, String(value)]));
}
