// Puts the site together: what wasm-bindgen made, one style sheet out of style/*.css, the files of public/, Swagger UI for
// /api/docs, and beside each of them its brotli and gzip form, so that the server compresses nothing while it serves.
//
//   node scripts/assemble-site.mjs PARTS SITE SWAGGER_UI
//
// A file whose bytes are already right is left alone: its time is what tells cargo to embed it again.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [parts, site, swagger] = process.argv.slice(2);

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

/** One style sheet, the files in name order, without comments and the spaces that only people read. */
function styleSheet() {
  const sheets = filesUnder("style").filter((name) => name.endsWith(".css"));
  const text = sheets.map((name) => readFileSync(join("style", name), "utf8")).join("\n");
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\s*([{};])\s*/g, "$1").replace(/;}/g, "}");
  return Buffer.from(bare.replace(/([{;][a-z-]+): /g, "$1:").trim());
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

/** What shows the API. Whoever opens that has a browser that takes a compressed form: the files as they are stay out of the program. */
const ONLY_COMPRESSED = new Set(["pkg/swagger-ui.js", "pkg/swagger-ui.css"]);

function apiDocs() {
  const vendored = (name) => readFileSync(join(swagger, name));
  const licences = ["NOTICE", "swagger-ui-bundle.js.LICENSE.txt", "LICENSE"].map(vendored);
  return new Map([
    ["pkg/swagger-ui.js", vendored("swagger-ui-bundle.js")],
    ["pkg/swagger-ui.css", vendored("swagger-ui.css")],
    ["pkg/swagger-ui.txt", Buffer.concat(licences)],
    ["pkg/api-docs.js", readFileSync("frontend/api-docs/api-docs.js")],
  ]);
}

/** The whole site: path inside it → bytes. */
function assemble() {
  const files = new Map();
  for (const name of filesUnder("public")) files.set(name, readFileSync(join("public", name)));
  for (const name of filesUnder(parts)) files.set(join("pkg", name), readFileSync(join(parts, name)));
  files.set(join("pkg", "etiqa.css"), styleSheet());
  for (const [name, content] of apiDocs()) files.set(name, content);

  for (const [name, content] of [...files]) {
    if (COMPRESSED_ALREADY.has(extname(name)) || content.length < WORTH_COMPRESSING) continue;
    files.set(`${name}.br`, brotli(content));
    files.set(`${name}.gz`, gzipSync(content, { level: 9 }));
    if (ONLY_COMPRESSED.has(name)) files.delete(name);
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

/** What the first load of a page may weigh on the wire, in KB: its WebAssembly, and all its files but the document. */
const WASM_BUDGET = 330;
const BUDGET = 385;

const sent = (name) => (files.get(`${name}.br`) ?? files.get(name)).length / 1024;
const style = sent("pkg/etiqa.css");
let isHeavy = false;
console.error(`    with brotli, in KB: style ${style.toFixed(1)}`);
for (const name of files.keys()) {
  const [, bundle] = /^pkg\/(.*)_bg\.wasm$/.exec(name) ?? [];
  if (!bundle) continue;
  const [wasm, script] = [sent(name), sent(`pkg/${bundle}.js`)];
  console.error(`    ${bundle.padEnd(14)} WebAssembly ${wasm.toFixed(1).padStart(6)}, script ${script.toFixed(1).padStart(5)}`);
  isHeavy ||= wasm > WASM_BUDGET || wasm + script + style > BUDGET;
}
// A build that checks itself is heavier.
if (isHeavy && !process.env.ETIQA_ANY_SIZE) {
  console.error(`A bundle is over its budget (${WASM_BUDGET} KB of WebAssembly, ${BUDGET} KB in all): split it in app/src/bundle.rs.`);
  process.exit(1);
}
