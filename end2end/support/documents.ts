// What the documents tell people to type.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** Commands of a document, as they stand in a block marked `sh`. */
export interface Commands {
  /** The line of the document on which they begin. */
  line: number;
  text: string;
  /** What must have happened before; people who read the page have it, or do not need it. */
  first: string;
  /** Whether they go on until they are stopped, once they have said that they serve. */
  serves: boolean;
  /** Why a test cannot run them. */
  notRun: string | undefined;
}

export interface Document {
  name: string;
  commands: Commands[];
}

/** Every document with commands. A comment right before a block says what a test needs to know: `<!-- not run: WHY -->`, `<!-- first: COMMANDS -->` or `<!-- serves -->`. */
export function documents(): Document[] {
  const pages = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", ...pages.sort().map((name) => `docs/${name}`)]
    .map((name) => ({ name, commands: commandsOf(readFileSync(join(ROOT, name), "utf8")) }))
    .filter(({ commands }) => commands.length > 0);
}

/** A comment, where one stands right before it, and a block. */
const BLOCK = /(?:^ *<!-- (not run|first|serves)(?::\s+((?:(?!-->)[^])*?))?\s*-->\n+)?^( *)```sh\n([^]*?)^\3```$/gm;

export function commandsOf(markdown: string): Commands[] {
  return [...markdown.matchAll(BLOCK)].map((found) => {
    const [all, what, words, indent = "", indented = ""] = found;
    const before = markdown.slice(0, found.index + all.indexOf("```sh\n"));
    const text = indented.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    return {
      line: before.split("\n").length + 1,
      text,
      first: what === "first" ? (words ?? "") : "",
      serves: what === "serves",
      notRun: what === "not run" ? words : undefined,
    };
  });
}

/** Blocks that begin with one of our commands and are not marked, so that nobody tries them. */
export function unmarked(): string[] {
  const pages = ["README.md", ...readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
  return pages.flatMap((name) => {
    return unmarkedIn(readFileSync(join(ROOT, name), "utf8")).map((line) => `${name}: ${line}`);
  });
}

const COMMAND = "(?:etiqa|make|curl|git|sudo|docker|apt-get|systemctl) ";
const FENCED = /^( *)```(\w*)\n([^]*?)^\1```$/gm;

/** Their first lines: of blocks between fences, in a list as well, and of those that four spaces make. */
export function unmarkedIn(markdown: string): string[] {
  const fenced = [...markdown.matchAll(FENCED)]
    .filter(([, , kind, block]) => kind === "" && new RegExp(`^ *${COMMAND}`, "m").test(block ?? ""))
    .map(([, , , block]) => (block ?? "").trim().split("\n")[0] ?? "");
  const indented = [...markdown.replaceAll(FENCED, "").matchAll(new RegExp(`\\n\\n {4,}(${COMMAND}.*)`, "g"))];
  return [...fenced, ...indented.map(([, line]) => line ?? "")];
}
