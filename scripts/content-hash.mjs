// Prints one SHA-256 over the names and contents of the files and folders given, in name order.
// Contents, not times: a checkout or a rebuild that changes nothing must not look like a change.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Every file under `path`, or `path` itself when it is a file; nothing when it does not exist. */
function filesUnder(path) {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return [path];
  return readdirSync(path).sort().flatMap((name) => filesUnder(join(path, name)));
}

const hash = createHash("sha256");
for (const file of process.argv.slice(2).flatMap(filesUnder)) {
  const content = readFileSync(file);
  hash.update(`${file}\0${content.length}\0`).update(content);
}
console.log(hash.digest("hex"));
