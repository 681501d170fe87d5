// Ours beside its peers, on the same devices in the same run.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";

import { KIB, MIB, PYTHON, collectAll, cpuSeconds, withDevices } from "./processes.mjs";
import { heading, ratio, report } from "./report.mjs";

const DEVICES = 1000;
/** Nornir's threads; the best number counts. */
const THREADS = [10, 25, 50, 100];

/** Runs bench/peers.py; what it lost does not count as collected. */
async function peer(tool, fleet, atOnce) {
  const before = cpuSeconds(fleet.simulator.pid);
  const child = spawn(PYTHON, ["bench/peers.py", tool, fleet.inventory, String(atOnce)], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (piece) => (text += piece));
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`bench/peers.py ${tool} ended with ${code}.`);
  const run = JSON.parse(text);
  if (run.good !== run.devices) console.log(`${tool} at ${atOnce}: only ${run.good} of ${run.devices} texts came whole`);
  const simulatorCpu = cpuSeconds(fleet.simulator.pid) - before;
  return { atOnce, rate: run.good / run.seconds, peak: run.peak_bytes, cpu: run.cpu_seconds, simulatorCpu };
}

function reportTool(name, run) {
  report(`${name}: speed`, run.rate, "devices/s");
  report(`${name}: processor`, (run.cpu * 1000) / DEVICES, "ms/device");
  report(`${name}: processor, simulator`, (run.simulatorCpu * 1000) / DEVICES, "ms/device");
  report(`${name}: peak memory`, run.peak / MIB, "MB");
}

/** Ours beside nornir with netmiko and scrapli with asyncssh (as many at once as ours). */
export async function peers(bytes, sessions) {
  if (!existsSync(PYTHON)) {
    console.log("\nNo comparison with peers: target/bench-venv is missing.");
    return;
  }
  heading(
    `Beside peers: ${DEVICES} devices of ${Math.round(bytes / KIB)} KB on the same simulator, the same commands, ours and ` +
      `scrapli ${sessions} at once. Peak memory of each is its VmHWM.`,
  );
  await withDevices({ count: DEVICES, bytes, sessions }, async (fleet) => {
    const run = await collectAll(fleet);
    const ours = { ...run, rate: DEVICES / run.seconds };
    reportTool("etiqa", ours);
    const threads = [];
    for (const atOnce of THREADS) {
      threads.push(await peer("nornir", fleet, atOnce));
      report(`nornir with netmiko, ${atOnce} threads: speed`, threads.at(-1).rate, "devices/s");
    }
    const best = threads.reduce((one, other) => (other.rate > one.rate ? other : one));
    compare(`nornir, best: ${best.atOnce} threads`, ours, best, 10);
    compare(`scrapli, ${sessions} at once`, ours, await peer("scrapli", fleet, sessions), 5);
  });
}

/** Prints a peer's figures and the ratios to ours, each beside what it should be at least. */
function compare(name, ours, theirs, faster) {
  reportTool(name, theirs);
  ratio("ours is faster by", ours.rate / theirs.rate, faster);
  ratio("ours has less memory by", theirs.peak / ours.peak, 5);
}
