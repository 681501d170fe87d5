// Puts the site together: what wasm-bindgen made, one style sheet out of style/*.css, the files of public/,
// and beside each of them its brotli and gzip form, so that the server compresses nothing while it serves.
//
//   node scripts/assemble-site.mjs PARTS SITE
//
// A file whose bytes are already right is left alone: its time is what tells cargo to embed it again.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [parts, site] = process.argv.slice(2);

/** What gains nothing from compression is served as it is. */
const COMPRESSED_ALREADY = new Set([".png", ".jpg", ".webp", ".avif", ".ico", ".woff2", ".br", ".gz"]);
/** Below this many bytes a compressed form saves no packet. */
const WORTH_COMPRESSING = 512;

/** Every file under `folder`, as paths relative to it; none when there is no such folder. */
function filesUnder(folder, inside = folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder).sort().flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesUnder(path, inside) : [relative(inside, path)];
  });
}

/** One style sheet, the files in name order, without comments and indentation. */
function styleSheet() {
  const sheets = filesUnder("style").filter((name) => name.endsWith(".css"));
  const text = sheets.map((name) => readFileSync(join("style", name), "utf8")).join("\n");
  return Buffer.from(text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s+/gm, ""));
}

function brotli(content) {
  return brotliCompressSync(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_LGWIN]: 24,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}

/** The whole site: path inside it → bytes. */
function assemble() {
  const files = new Map();
  for (const name of filesUnder("public")) files.set(name, readFileSync(join("public", name)));
  for (const name of filesUnder(parts)) files.set(join("pkg", name), readFileSync(join(parts, name)));
  files.set(join("pkg", "etiqa.css"), styleSheet());

  for (const [name, content] of [...files]) {
    if (COMPRESSED_ALREADY.has(extname(name)) || content.length < WORTH_COMPRESSING) continue;
    files.set(`${name}.br`, brotli(content));
    files.set(`${name}.gz`, gzipSync(content, { level: 9 }));
  }
  return files;
}

const files = assemble();
for (const [name, content] of files) {
  const path = join(site, name);
  if (existsSync(path) && readFileSync(path).equals(content)) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}
for (const name of filesUnder(site)) {
  if (!files.has(name)) rmSync(join(site, name));
}

for (const name of ["pkg/etiqa_bg.wasm", "pkg/etiqa-desk_bg.wasm", "pkg/etiqa.js", "pkg/etiqa.css"]) {
  const raw = files.get(name).length;
  const sent = (files.get(`${name}.br`) ?? files.get(name)).length;
  console.error(`    ${name.padEnd(22)} ${(raw / 1024).toFixed(1).padStart(8)} KB, ${(sent / 1024).toFixed(1).padStart(7)} KB with brotli`);
}
