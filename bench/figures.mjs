// What is measured, in order. Called by bench/run.sh, from the project's folder.
//
//   figures.mjs DEVICES BYTES [start|server|access|speed|latency|many|peers|archives|search|diff|schedule|pages|metrics|live …]
//
// All of them by default.
import { cpus, loadavg } from "node:os";

import { access } from "./access.mjs";
import { archives } from "./archives.mjs";
import { latency, speed, veryMany } from "./collection.mjs";
import { diff } from "./diff.mjs";
import { metrics } from "./metrics.mjs";
import { openPages, pages } from "./pages.mjs";
import { peers } from "./peers.mjs";
import { schedule } from "./schedule.mjs";
import { search } from "./search.mjs";
import { serverFigures } from "./server.mjs";
import { start } from "./start.mjs";

/** Device sessions at once, ours and scrapli's; a program that was just installed has 64. */
const SESSIONS = 128;

const [devices, bytes] = process.argv.slice(2, 4).map(Number);
const figures = {
  start,
  server: serverFigures,
  access,
  speed: () => speed(devices, bytes, SESSIONS),
  latency: () => latency(bytes),
  many: () => veryMany(bytes, SESSIONS),
  peers: () => peers(bytes, SESSIONS),
  archives,
  search,
  diff,
  schedule,
  pages,
  metrics,
  live: openPages,
};
const chosen = process.argv.slice(4);
console.log(`On ${cpus().length} cores, with a load of ${loadavg()[0].toFixed(1)} before it began:\n`);
for (const name of chosen.length > 0 ? chosen : Object.keys(figures)) await figures[name]();
