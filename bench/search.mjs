// How fast all configurations are searched, beside ripgrep on the same texts as files.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

import { MIB, collectAll, cpuSeconds, etiqa, idle, memory, withDevices, withServer } from "./processes.mjs";
import { heading, ratio, report } from "./report.mjs";

const [TEXTS, BYTES, ROUNDS] = [10_000, 65_536, 21];
/** Devices that a search answers with at once. */
const PAGE = 50;

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** The median of some rounds, in milliseconds. */
async function timed(round) {
  const took = [];
  for (let at = 0; at < ROUNDS; at += 1) {
    const began = performance.now();
    await round();
    took.push(performance.now() - began);
  }
  return median(took);
}

/** The texts as files, as an archive has them. */
async function asFiles(data) {
  await etiqa(["backup-config", "add", "Texts", "--type", "config", "--frequency", "daily"], { data });
  await etiqa(["run-backups", "--force"], { data });
  const [name] = readdirSync(join(data, "backups"));
  const plain = mkdtempSync(resolve("target/bench/texts-"));
  execFileSync("unzip", ["-q", join(data, "backups", name), "configs/*", "-d", plain]);
  return plain;
}

export async function search() {
  if (spawnSync("rg", ["--version"]).error) {
    console.log("ripgrep is missing (scripts/install-test-tools.sh brings it): no figures of searches");
    return;
  }
  await withDevices({ count: TEXTS, bytes: BYTES, sessions: 128 }, async (fleet) => {
    const { data } = fleet;
    await collectAll(fleet);
    const before = statSync(join(data, "etiqa.db")).size;
    const plain = await asFiles(data);
    // One device has it: the last name begins no other one.
    const [{ hostname }] = JSON.parse((await etiqa(["device", "list", "--json"], { data })).output).slice(-1);
    const rare = `hostname ${hostname}`;
    const token = (await etiqa(["token", "create", "search", "--role", "operator"], { data })).output.trim();
    await withServer(data, async ({ base, pid }) => {
      const ask = async (fields) => {
        const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
        const body = new URLSearchParams(Object.entries(fields).map(([name, value]) => [`search[${name}]`, value]));
        const answer = await fetch(`${base}/rpc/search_configs`, { method: "POST", headers, body });
        if (!answer.ok) throw new Error(`The search answered ${answer.status}: ${await answer.text()}`);
        return answer.json();
      };
      const rg = (fixed, text, ...more) =>
        spawnSync("rg", ["--no-config", "--ignore-case", ...more, fixed ? "-F" : "-e", text, plain], { encoding: "utf8" });
      const expect = (found, count) => {
        if (found !== count) throw new Error(`${found} instead of ${count} devices were found: no figure.`);
      };
      const unindexed = (await ask({ text: rare })).devices.length;
      const began = performance.now();
      const cpu = cpuSeconds(pid);
      await idle(pid);
      expect(unindexed, 1);
      heading(`Searching ${TEXTS} active configs of 64 KB, in any case, next to ripgrep on the same texts as files:`);
      report("index: processor", ((cpuSeconds(pid) - cpu) * 1000) / TEXTS, "ms/text");
      report("index: until it was whole", (performance.now() - began) / 1000 - 4, "s");
      report("index: on disk", (statSync(join(data, "etiqa.db")).size - before) / TEXTS / 1024, "KB/text");
      for (const [what, text, fixed, budget] of [
        ["a rare text", rare, true, 100],
        ["a text that is nowhere", "no such line anywhere", true, 100],
        ["an address, in about a hundred texts", "10.13.77.0", true],
        ["a rare expression", `^hostname +${hostname}$`, false, 100],
      ]) {
        const found = (await ask({ text, regex: !fixed })).devices.length;
        const files = rg(fixed, text, "--files-with-matches").stdout.split("\n").filter(Boolean);
        expect(found, Math.min(new Set(files.map(dirname)).size, PAGE));
        const ours = await timed(() => ask({ text, regex: !fixed }));
        const theirs = await timed(() => rg(fixed, text, "--line-number"));
        report(`${what}: etiqa, over HTTP`, ours, "ms", budget);
        report(`${what}: ripgrep`, theirs, "ms");
        ratio("beside ripgrep", theirs / ours, 1);
      }
      report("a text that is everywhere: first page of devices", await timed(() => ask({ text: "interface" })), "ms");
      report("an expression that no index helps with", await timed(() => ask({ text: "\\d\\d\\d\\d\\d\\d\\d\\d\\d\\d", regex: true })), "ms");
      report("server: memory after all this", memory(pid, "VmRSS") / MIB, "MB");
    });
    rmSync(plain, { recursive: true });
  });
}
