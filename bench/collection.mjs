// How fast devices are collected: the first time, unchanged, with a slow answer to every command, and very many of them.
import { execFileSync } from "node:child_process";

import { KIB, MIB, collectAll, etiqa, withDevices } from "./processes.mjs";
import { heading, report } from "./report.mjs";

/** Rows of each table, as JSON; of the index that searches use none, whose format Python's SQLite may not know. */
const COUNT_ROWS = `
import json, sqlite3, sys
db = sqlite3.connect(f"file:{sys.argv[1]}/etiqa.db?mode=ro", uri=True)
names = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'search%'")]
print(json.dumps({name: db.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()[0] for name in names}))
`;

function rows(data) {
  return JSON.parse(execFileSync("python3", ["-c", COUNT_ROWS, data], { encoding: "utf8" }));
}

function reportRun(what, { count }, run, budgets = {}) {
  report(`${what}: speed`, count / run.seconds, "devices/s");
  report(`${what}: processor, etiqa`, (run.cpu * 1000) / count, "ms/device");
  report(`${what}: processor, simulator`, (run.simulatorCpu * 1000) / count, "ms/device");
  report(`${what}: peak memory`, run.peak / MIB, "MB", budgets.memory);
}

/** The first time, and again with nothing changed: then nothing but the results is added. */
export async function speed(count, bytes, sessions) {
  heading(`Collecting ${count} devices of ${Math.round(bytes / KIB)} KB, ${sessions} at once:`);
  await withDevices({ count, bytes, sessions }, async (fleet) => {
    reportRun("first", fleet, await collectAll(fleet));
    const before = rows(fleet.data);
    const run = await collectAll(fleet);
    const after = rows(fleet.data);
    reportRun("unchanged", fleet, run);
    // One row of the queue is the collection itself.
    const own = (name) => (name === "device_result" ? count : name === "job" ? 1 : 0);
    const more = Object.keys(after).reduce((sum, name) => sum + Math.abs(after[name] - before[name] - own(name)), 0);
    report("unchanged: rows beside the result's own", more / count, "per device", 0);
    report("unchanged: written to disk", run.written / KIB / count, "KB/device");
  });
}

/** Every command answered after a while: the ideal is that nothing else takes time. */
export async function latency(bytes) {
  const [ms, sessions, rounds] = [200, 256, 4];
  const count = sessions * rounds;
  await withDevices({ count, bytes, sessions, latencyMs: ms }, async (fleet) => {
    const driver = (await etiqa(["drivers", "show", "ios"], { data: fleet.data })).output;
    const paging = JSON.parse(driver.match(/^disable = (\[.*\])$/m)[1]).length;
    const commands = driver.match(/^\[\[command\]\]$/gm).length;
    const ideal = ((paging + commands) * ms * rounds) / 1000;
    heading(
      `${count} devices that answer after ${ms} ms, ${sessions} at once. Ideal: ${paging} commands that stop the pager and ` +
        `${commands} that show something, times ${ms} ms, times ${rounds} rounds of sessions: ${ideal.toFixed(1)} s.`,
    );
    const run = await collectAll(fleet);
    report("slow answers: whole run", run.seconds, "s");
    report("slow answers: whole run to the ideal", run.seconds / ideal, "times", 1.3);
    report("slow answers: peak memory", run.peak / MIB, "MB");
  });
}

export async function veryMany(bytes, sessions) {
  const count = 10_000;
  heading(`${count} devices of ${Math.round(bytes / KIB)} KB in one run, ${sessions} at once:`);
  await withDevices({ count, bytes, sessions }, async (fleet) => {
    reportRun("very many", fleet, await collectAll(fleet), { memory: 400 });
  });
}
