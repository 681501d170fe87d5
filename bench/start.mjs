// How long the program takes to say something: what a person waits for who asks for help, and a shell that completes.
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { resolve } from "node:path";

import { heading, report } from "./report.mjs";

const ETIQA = resolve("target/release/etiqa");
const [WARM, ROUNDS] = [5, 51];

/** Milliseconds from the start of a process to its end, the middle one of many; what starting any process takes is in it. */
function took(program, args, env = process.env) {
  const all = [];
  for (let round = 0; round < WARM + ROUNDS; round += 1) {
    const began = performance.now();
    const { status } = spawnSync(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with ${status}.`);
    if (round >= WARM) all.push(performance.now() - began);
  }
  return all.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)];
}

export function start() {
  heading("From the start of a process to its end, in the middle of many:");
  report("etiqa --help", took(ETIQA, ["--help"]), "ms", 20);
  report("etiqa backup-config add --help", took(ETIQA, ["backup-config", "add", "--help"]), "ms", 20);
  const env = { ...process.env, ETIQA_DATA_DIR: mkdtempSync(resolve("target/bench/start-")) };
  report("etiqa backup-status, empty database", took(ETIQA, ["backup-status"], env), "ms");
  report("true, to compare with", took("true", []), "ms");
}
