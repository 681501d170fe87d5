// How fast an archive is made and read back, beside other programs that zip the same files.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeSync } from "node:fs";
import { join, resolve } from "node:path";

import { MIB, etiqa, withDevices } from "./processes.mjs";
import { heading, ratio, report } from "./report.mjs";

const [DEVICES, BYTES, LOG_FILES, LOG_MIB, NOISE_FILES, NOISE_MIB] = [2000, 65536, 20, 10, 5, 100];

const PYTHON_ZIP = `
import os, sys, zipfile
root, out = sys.argv[1:]
with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            archive.write(path, os.path.relpath(path, root))
`;

/** Lines as a program's own log has them: alike, and yet no two the same. */
function logLines(seed) {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  const words = ["collected", "unchanged", "unreachable", "the prompt was not found", "verified", "timeout"];
  const lines = [];
  for (let size = 0; size < MIB; ) {
    const device = `sw-${next() % 2000}`;
    const time = `2026-11-${10 + (next() % 20)}T0${next() % 10}:${10 + (next() % 50)}:${10 + (next() % 50)}.${next() % 1000000}Z`;
    const line = `${time}  INFO etiqa_engine::fleet: ${words[next() % words.length]} device=${device} run=${next() % 5000} bytes=${next() % 70000} duration_ms=${next() % 4000}\n`;
    lines.push(line);
    size += line.length;
  }
  return lines.join("");
}

function write(path, mib, piece) {
  const file = openSync(path, "w");
  for (let done = 0; done < mib; done += 1) writeSync(file, piece(done));
  closeSync(file);
}

function timed(run) {
  const began = performance.now();
  run();
  return (performance.now() - began) / 1000;
}

export async function archives() {
  await withDevices({ count: DEVICES, bytes: BYTES, sessions: 64 }, async ({ data }) => {
    mkdirSync(join(data, "media"), { recursive: true });
    for (let file = 0; file < LOG_FILES; file += 1) write(join(data, "logs", `old-${file}.log`), LOG_MIB, (at) => logLines(file * 1000 + at + 1));
    for (let file = 0; file < NOISE_FILES; file += 1) write(join(data, "media", `noise-${file}.bin`), NOISE_MIB, () => randomBytes(MIB));
    const add = ["backup-config", "add", "Bench", "--type", "full", "--frequency", "daily"];
    await etiqa(add, { data });
    // How long each part took stands in the log alone.
    process.env.ETIQA_LOG = "info";
    const run = await etiqa(["run-backups", "--force"], { data });
    delete process.env.ETIQA_LOG;
    const log = readdirSync(join(data, "logs"))
      .filter((name) => name.startsWith("etiqa"))
      .map((name) => readFileSync(join(data, "logs", name), "utf8"))
      .join("");
    const [, packing, verifying] = log.match(/packing_ms\D+(\d+).*?verifying_ms\D+(\d+)/);
    const seconds = (Number(packing) + Number(verifying)) / 1000;
    const [name] = readdirSync(join(data, "backups"));
    const archive = join(data, "backups", name);
    const size = statSync(archive).size;

    const plain = mkdtempSync(resolve("target/bench/plain-"));
    execFileSync("unzip", ["-q", archive, "-d", plain]);
    const out = join(data, "peer.zip");
    const peer = (program, args) => {
      rmSync(out, { force: true });
      const took = timed(() => execFileSync(program, args, { cwd: plain }));
      return { took, size: statSync(out).size };
    };
    const zip = peer("zip", ["-6", "-r", "-q", out, "."]);
    const python = peer("python3", ["-c", PYTHON_ZIP, plain, out]);
    rmSync(plain, { recursive: true });
    rmSync(out);

    heading(`An archive of ${DEVICES} texts of 64 KB, ${LOG_FILES * LOG_MIB} MB of logs and ${NOISE_FILES * NOISE_MIB} MB that do not shrink:`);
    report("packing", Number(packing) / 1000, "s");
    report("verifying", Number(verifying) / 1000, "s");
    report("zip -6 -r", zip.took, "s");
    report("Python's zipfile", python.took, "s");
    ratio("beside zip -6, our verification included", zip.took / seconds, 2);
    ratio("beside Python's zipfile", python.took / seconds, 2);
    report("size beside zip -6", (size / zip.size) * 100, "percent", 102);
    report("size beside Python's zipfile", (size / python.size) * 100, "percent", 102);
    report("peak memory of the whole run", run.peak / MIB, "MB", 100);
  });
}
