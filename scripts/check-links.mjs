// Follows every link within our documents: to files, to headings, to pictures. Links to elsewhere are not followed.
//
//   node scripts/check-links.mjs               the Markdown, as a repository shows it, and whether docs/SUMMARY.md has all pages
//   node scripts/check-links.mjs FOLDER        the book, as it was built there
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const DOCS = join(ROOT, "docs");
const isElsewhere = (link) => /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(link);
const problems = [];

/** The text without code, in which brackets are no links. */
const withoutCode = (markdown) => markdown.replace(/^```.*?^```$/gms, "").replace(/(`+)(?!`).*?\1(?!`)/gs, (code) => " ".repeat(code.length));

/** The names that headings have as targets of links, as GitHub and mdBook make them. */
function anchorsOf(markdown) {
  const seen = new Map();
  const names = [];
  for (const [, heading] of markdown.replace(/^```.*?^```$/gms, "").matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const words = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const name = words.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, "").replaceAll(" ", "-");
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    names.push(before === 0 ? name : `${name}-${before}`);
  }
  return names;
}

/** Says where a link of `file` leads to nothing; `anchorsIn` gives the targets within a file. */
function follow(file, link, anchorsIn) {
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? file : resolve(dirname(file), decodeURI(path));
  const shown = relative(ROOT, file);
  if (!existsSync(target)) {
    problems.push(`${shown}: ${link}: there is no such file`);
  } else if (anchor !== undefined && anchor !== "" && !statSync(target).isDirectory() && !anchorsIn(target).includes(decodeURIComponent(anchor))) {
    problems.push(`${shown}: ${link}: there is no such heading`);
  }
}

function checkMarkdown() {
  const pages = readdirSync(DOCS).filter((name) => name.endsWith(".md") && name !== "SUMMARY.md");
  const files = ["README.md", "SECURITY.md", "ARCHITECTURE.md", "docs/SUMMARY.md", ...pages.map((name) => `docs/${name}`)];
  const anchorsIn = (file) => (file.endsWith(".md") ? anchorsOf(readFileSync(file, "utf8")) : []);
  let links = 0;
  for (const name of files) {
    const file = join(ROOT, name);
    for (const [, link] of withoutCode(readFileSync(file, "utf8")).matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)) {
      if (isElsewhere(link)) continue;
      links += 1;
      follow(file, link, anchorsIn);
      // The book has the pages of docs/ and nothing else.
      if (dirname(file) === DOCS && relative(DOCS, resolve(DOCS, link.split("#")[0])).startsWith("..")) {
        problems.push(`${name}: ${link}: it leads out of the book`);
      }
    }
  }
  const summary = readFileSync(join(DOCS, "SUMMARY.md"), "utf8");
  for (const page of pages) {
    if (!summary.includes(`](${page})`)) problems.push(`docs/SUMMARY.md does not have ${page}`);
  }
  for (const [, title] of summary.matchAll(/\[([^\]]+)\]\(\)/g)) console.error(`docs/SUMMARY.md: the page "${title}" is still to be written`);
  return `${links} links in ${files.length} documents`;
}

function checkBook(folder) {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".html") && name !== "404.html");
  const read = new Map();
  const anchorsIn = (file) => {
    if (!read.has(file)) read.set(file, [...readFileSync(file, "utf8").matchAll(/ id="([^"]+)"/g)].map(([, id]) => id));
    return read.get(file);
  };
  let links = 0;
  for (const name of files) {
    const file = resolve(folder, name);
    for (const [, link] of readFileSync(file, "utf8").matchAll(/ (?:href|src)="([^"]+)"/g)) {
      if (isElsewhere(link)) continue;
      links += 1;
      follow(file, link.replaceAll("&amp;", "&"), anchorsIn);
    }
  }
  return `${links} links in ${files.length} pages of the book`;
}

const counted = process.argv[2] === undefined ? checkMarkdown() : checkBook(resolve(process.argv[2]));
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.error(`${counted} lead somewhere`);
