// How fast two long texts are compared, beside git on the same files.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

import { heading, ratio, report } from "./report.mjs";

const [LINES, ROUNDS] = [50_000, 11];

/** Interfaces of a very large device, some of them changed, added and gone; always the same. */
function texts() {
  let state = 7;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const [old, fresh] = [[], []];
  for (let port = 0; old.length < LINES; port += 1) {
    const block = (vlan) => [
      `interface Ethernet${Math.floor(port / 48)}/${port % 48}`,
      ` description port ${port}`,
      ` switchport access vlan ${vlan}`,
      " spanning-tree portfast",
      "!",
    ];
    const vlan = port % 400;
    if (next() > 0.01) old.push(...block(vlan));
    if (next() > 0.01) fresh.push(...block(next() > 0.05 ? vlan : vlan + 1));
  }
  return [old, fresh].map((lines) => `${lines.join("\n")}\n`);
}

export function diff() {
  const folder = mkdtempSync(resolve("target/bench/diff-"));
  const files = ["old.cfg", "new.cfg"].map((name) => join(folder, name));
  texts().forEach((text, at) => writeFileSync(files[at], text));
  const [page, whole] = execFileSync("target/release/examples/diff_time", files, { encoding: "utf8" }).split(" ").map(Number);
  const took = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    spawnSync("git", ["diff", "--no-index", "--histogram", "--no-color", ...files], { maxBuffer: 2 ** 28 });
    took.push(performance.now() - began);
  }
  const git = took.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  heading(`The difference of two texts of ${LINES.toLocaleString("en")} lines, 5 % of the blocks changed:`);
  report("etiqa, for a page, changed words marked", page, "ms", 50);
  report("etiqa, all of it as a patch", whole, "ms", 50);
  report("git diff --no-index --histogram", git, "ms");
  ratio("beside git", git / whole, 1);
  rmSync(folder, { recursive: true });
}
