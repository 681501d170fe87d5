// What schedules and the queue cost: very many backup configs, very many runs at once, and one run on several machines.
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { number, sql, withPostgres } from "./databases.mjs";
import { KIB, adminToken, cpuSeconds, etiqa, saveSettings, withDevices, withServer, withWorkers, writtenBytes } from "./processes.mjs";
import { heading, ratio, report } from "./report.mjs";

const [CONFIGS, LOOKS, IDLE_SECONDS] = [10_000, 21, 20];
const RUNS = 1000;
const [DEVICES, LATENCY_MS, SESSIONS] = [2000, 200, 64];
/** Small texts: what is looked at is not how fast they are worked through. */
const BYTES = 8 * KIB;
/** The scheduler says how long it looked. */
const TELLING = { ETIQA_LOG: "warn,etiqa_engine::schedule::tick=debug", ETIQA_START_DELAY: "0" };
/** Due once in a month: never while this runs. */
const SELDOM = ["--frequency", "monthly", "--day", "1", "--at", "00:00", "--zone", "UTC"];

/** Makes copies of the first backup config, one for each row of `numbers` (which is SQL, with the column `i`); `devices` is
 * what each covers, `due` when, as SQL. */
function multiply(place, numbers, devices = "c.devices", due = "c.next_run_at") {
  const same = ["kind", "schedule", "retention", "include", "enabled", "created_at", "updated_at", "artifacts", "encryption", "recipients"];
  sql(
    place,
    `INSERT INTO backup_config (name, slug, devices, next_run_at, ${same.join(", ")})
     SELECT c.name || ' ' || n.i, c.slug || '_' || n.i, ${devices}, ${due}, ${same.map((column) => `c.${column}`).join(", ")}
     FROM backup_config c, (${numbers}) n WHERE c.id = (SELECT MIN(id) FROM backup_config);\n`,
  );
}

/** The lines of a data directory's log that hold a text. */
function logged(data, text) {
  const files = readdirSync(join(data, "logs")).map((name) => readFileSync(join(data, "logs", name), "utf8"));
  return files.flatMap((file) => file.split("\n")).filter((line) => line.includes(text));
}

/** What the scheduler's looks took, in milliseconds, in order. */
function looks(data) {
  return logged(data, "the scheduler looked").map((line) => Number(line.match(/duration_us\D+(\d+)/)[1]) / 1000);
}

/** Waits until a query gives a number; it takes as long as it takes, while something still changes. */
async function until(place, query, wanted) {
  for (let [before, same] = [-1, 0]; same < 180; ) {
    const now = number(place, query);
    if (now >= wanted) return;
    same = now === before ? same + 1 : 0;
    before = now;
    await sleep(1000);
  }
  throw new Error(`It stays at ${number(place, query)} instead of ${wanted}: ${query}`);
}

async function manyConfigs() {
  const data = mkdtempSync(resolve("target/bench/schedule-"));
  await etiqa(["backup-config", "add", "Bench", "--type", "data", ...SELDOM], { data });
  multiply({ data }, `WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < ${CONFIGS}) SELECT i FROM n`);
  const token = await adminToken({ data });
  heading(`${CONFIGS} backup configs, none of them due:`);
  await withServer(
    data,
    async ({ base, pid }) => {
      for (let look = 0; look < LOOKS; look += 1) {
        await saveSettings(base, token, {});
        await sleep(200);
      }
      const took = looks(data).toSorted((a, b) => a - b);
      if (took.length < LOOKS) throw new Error(`The scheduler looked ${took.length} times instead of ${LOOKS}: no figure.`);
      report(`a look of the scheduler, median of ${took.length}`, took[Math.floor(took.length / 2)], "ms");
      report("a look of the scheduler, slowest", took.at(-1), "ms", 50);
      await sleep(5000);
      const [cpu, written] = [cpuSeconds(pid), writtenBytes(pid)];
      await sleep(IDLE_SECONDS * 1000);
      report(`idle for ${IDLE_SECONDS} s: processor`, (cpuSeconds(pid) - cpu) * 1000, "ms");
      report(`idle for ${IDLE_SECONDS} s: written to disk`, (writtenBytes(pid) - written) / KIB, "KB");
    },
    { env: TELLING },
  );
}

/** As many runs as there are devices, all due at one moment. */
async function manyRuns(what, url) {
  await withDevices({ count: RUNS, bytes: BYTES, sessions: SESSIONS, url }, async ({ data }) => {
    await etiqa(["backup-config", "add", "Drain", "--type", "config", ...SELDOM], { data, url });
    const place = { data, url };
    const numbered = "SELECT id, row_number() OVER (ORDER BY id) AS i FROM device";
    sql(place, "UPDATE backup_config SET devices = 'ids:' || (SELECT MIN(id) FROM device), next_run_at = 1000;\n");
    multiply(place, `SELECT * FROM (${numbered}) d WHERE d.i > 1`, "'ids:' || n.id");
    heading(`${RUNS} backups of one device each that are due at once, ${what}:`);
    await withServer(
      data,
      async ({ pid }) => {
        await until(place, "SELECT COUNT(*) FROM backup_run WHERE status NOT IN ('pending', 'running')", RUNS);
        report("processor, etiqa", (cpuSeconds(pid) * 1000) / RUNS, "ms/run");
      },
      { url, env: TELLING },
    );
    const seconds = number(place, "SELECT (MAX(finished_at) - MIN(queued_at)) / 1000.0 FROM backup_run");
    const completed = number(place, "SELECT COUNT(*) FROM backup_run WHERE status = 'completed' AND devices_failed = 0");
    const configs = number(place, "SELECT COUNT(DISTINCT backup_config_id) FROM backup_run");
    const runs = number(place, "SELECT COUNT(*) FROM backup_run");
    const archives = readdirSync(join(data, "backups")).filter((name) => name.endsWith(".zip")).length;
    report("the look that queued them", Math.max(...looks(data)), "ms");
    report("from the first one queued to the last one ended", seconds, "s");
    report("runs that did not complete whole", runs - completed, "runs", 0);
    report("due times without a run, or with two", Math.abs(RUNS - configs) + Math.abs(runs - configs), "runs", 0);
    report("completed runs without an archive", completed - archives, "runs", 0);
    report("log lines of a database that is locked", logged(data, "database is locked").length, "lines", 0);
  });
}

/** What all processors of this machine have done since it started, and could have done. */
function processors() {
  const times = cpus().map((cpu) => cpu.times);
  const all = times.flatMap((time) => Object.values(time)).reduce((sum, time) => sum + time, 0);
  return { all, busy: all - times.reduce((sum, time) => sum + time.idle, 0) };
}

async function manyWorkers(url) {
  await withDevices({ count: DEVICES, bytes: BYTES, latencyMs: LATENCY_MS, sessions: SESSIONS, url }, async ({ data }) => {
    const place = { data, url };
    sql(place, "UPDATE device SET site = 'lab';\n");
    await etiqa(["backup-config", "add", "Fleet", "--type", "config", "--devices", "site:lab", ...SELDOM], place);
    heading(
      `${DEVICES} devices that answer after ${LATENCY_MS} ms, collected by workers of their site, each with ${SESSIONS} sessions at ` +
        "most; workers, devices, server and PostgreSQL share this machine:",
    );
    const collect = async (count) => {
      let figures;
      await withWorkers(count, { data, url, site: "lab" }, async (pids) => {
        await until(place, "SELECT COUNT(*) FROM machine WHERE site = 'lab' AND stopped_at IS NULL", count);
        // Workers go on for months: once they know the database, and the database them.
        await etiqa(["run-backups", "--config", "Fleet", "--force"], place);
        const [before, spent] = [processors(), pids.map(cpuSeconds)];
        await etiqa(["run-backups", "--config", "Fleet", "--force"], place);
        const after = processors();
        const ours = pids.reduce((sum, pid, at) => sum + cpuSeconds(pid) - spent[at], 0);
        const [[good, rate]] = sql(
          place,
          `SELECT COUNT(*), COUNT(*) * 1000.0 / (MAX(finished_at) - MIN(started_at)) FROM device_result
           WHERE run_id = (SELECT MAX(id) FROM backup_run) AND class IN ('ok', 'unchanged');\n`,
        ).map((row) => row.map(Number));
        if (good !== DEVICES) throw new Error(`Only ${good} of ${DEVICES} texts came whole.`);
        figures = { rate, ours, busy: ((after.busy - before.busy) / (after.all - before.all)) * 100 };
      });
      return figures;
    };
    await withServer(
      data,
      async () => {
        // Without its look a command takes the run for its own.
        await until(place, "SELECT COUNT(*) FROM setting WHERE name = 'last_tick_at'", 1);
        let one;
        for (const [count, least] of [[1], [2, 1.8], [4, 3.2]]) {
          const { rate, ours, busy } = await collect(count);
          one ??= rate;
          report(`${count} of them: speed`, rate, "devices/s");
          if (least) ratio("beside one", rate / one, least);
          report(`${count} of them: processor`, (ours * 1000) / DEVICES, "ms/device");
          report(`${count} of them: all processors of this machine`, busy, "percent");
        }
      },
      { url, env: { ETIQA_START_DELAY: "0" } },
    );
  });
}

export async function schedule() {
  await manyConfigs();
  await manyRuns("on SQLite");
  await withPostgres("what several machines do", async (createDatabase) => {
    await manyRuns("on PostgreSQL", createDatabase("drain"));
    await manyWorkers(createDatabase("fleet"));
  });
}
