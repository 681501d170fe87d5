// How fast the server gets ready, what it takes while idle, and what a first visit costs over the wire.
import { mkdtempSync } from "node:fs";
import { get } from "node:http";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { KIB, MIB, etiqa, memory, withServer } from "./processes.mjs";
import { report } from "./report.mjs";

/** GETs `url` as a browser would; gives status and the bytes of the body on the wire. */
function visit(url) {
  return new Promise((done, failed) => {
    get(url, { headers: { "accept-encoding": "br", accept: "*/*" } }, (answer) => {
      let wireBytes = 0;
      answer.on("data", (piece) => (wireBytes += piece.length));
      answer.on("end", () => done({ status: answer.statusCode, wireBytes }));
    }).on("error", failed);
  });
}

/** Everything that /login makes a browser fetch from us, the page itself among it. */
async function firstPageBytes(base) {
  // Asked for without compression, so that its links can be read; what it weighs is measured apart.
  const html = await fetch(`${base}/login`).then((answer) => answer.text());
  const linked = [...html.matchAll(/"(\/[^"\s]+\.(?:js|wasm|css|svg|png|ico|woff2))"/g)].map((match) => match[1]);
  for (const kind of ["js", "wasm", "css"]) {
    if (!linked.some((path) => path.endsWith(`.${kind}`))) throw new Error(`/login links no .${kind}: the figure would be too small.`);
  }
  let total = 0;
  for (const path of new Set(["/login", ...linked])) {
    const answer = await visit(base + path);
    if (answer.status !== 200) throw new Error(`GET ${path} answered ${answer.status}: the figure would be too small.`);
    total += answer.wireBytes;
  }
  return total;
}

export async function serverFigures() {
  const data = mkdtempSync(resolve("target/bench/server-"));
  await withServer(data, async ({ base, pid, readyAfterMs }) => {
    report("server: start to ready, empty database", readyAfterMs, "ms", 1000);
    // Until there is somebody who can sign in, /login leads elsewhere.
    await etiqa(["user", "add", "bench", "--role", "admin", "--password-stdin"], { input: "a sentence is easy to keep\n", data });
    report("first page over the wire, brotli, all of it", (await firstPageBytes(base)) / KIB, "KB", 350);
    await sleep(3000);
    report("server: idle memory", memory(pid, "VmRSS") / MIB, "MB", 60);
  });
}
