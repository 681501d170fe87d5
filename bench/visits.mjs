// What a first visit to a page costs a browser: how long until it can be used, and what comes over the wire.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";

import { KIB, etiqa } from "./processes.mjs";
import { heading, report } from "./report.mjs";

const ROUNDS = 5;
const [ALIVE_MS, WIRE_KB, WASM_KB] = [1500, 400, 330];

const CHROMIUM = process.env.ETIQA_CHROMIUM ?? "/usr/bin/chromium";
/** The browser tests' own, so that there is only one. */
const PLAYWRIGHT = resolve("end2end/node_modules/@playwright/test");
const PERSON = { name: "visitor", password: "a sentence is easy to keep" };

/** Runs in a page before anything of it, and notes when the program has taken it over. The help's button stands only
 * where there is a program: its first effect shows it, once all of the page is hydrated. */
function noteWhenAlive() {
  const look = new MutationObserver(() => {
    if (document.querySelector(".keys-button") === null) return;
    look.disconnect();
    // Whatever that effect's turn began is over then.
    setTimeout(() => (window.aliveAfterMs = performance.now()));
  });
  look.observe(document, { childList: true, subtree: true });
}

/** Runs in a page: bytes on the wire so far, headers and all, of everything and of the program alone. */
function wireBytes() {
  const loaded = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
  const sum = (entries) => entries.reduce((bytes, entry) => bytes + entry.transferSize, 0);
  return { all: sum(loaded), wasm: sum(loaded.filter(({ name }) => new URL(name).pathname.endsWith(".wasm"))) };
}

/** Loads a page as somebody does who is signed in and was never there: nothing is cached. */
async function visit(browser, storageState, url) {
  const context = await browser.newContext({ storageState });
  const page = await context.newPage();
  await page.addInitScript(noteWhenAlive);
  const answer = await page.goto(url, { waitUntil: "load" });
  if (answer.status() !== 200) throw new Error(`GET ${url} answered ${answer.status()}: no figure.`);
  const alive = await page.waitForFunction(() => window.aliveAfterMs);
  const visited = { aliveAfterMs: await alive.jsonValue(), ...(await page.evaluate(wireBytes)) };
  await context.close();
  if (visited.wasm === 0) throw new Error(`${url} loads no WASM: the figures would be too small.`);
  return visited;
}

/** The cookies of somebody who may see every page. */
async function signIn(browser, base) {
  const page = await browser.newPage();
  await page.goto(`${base}/login`);
  await page.getByLabel("User name").fill(PERSON.name);
  await page.getByLabel("Password").fill(PERSON.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL(`${base}/`);
  const state = await page.context().storageState();
  await page.context().close();
  return state;
}

/** First visits to `pages` of the server at `base`, which serves `data`. */
export async function firstVisits({ base, data }, pages) {
  if (!existsSync(PLAYWRIGHT) || !existsSync(CHROMIUM)) {
    console.log("\nChromium or Playwright is missing ('make e2e' brings them): no figures of a browser");
    return;
  }
  const { chromium } = createRequire(import.meta.url)(PLAYWRIGHT);
  await etiqa(["user", "add", PERSON.name, "--role", "admin", "--password-stdin"], { input: `${PERSON.password}\n`, data });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
  try {
    const state = await signIn(browser, base);
    heading(`First visits in Chromium, nothing cached, on ${availableParallelism()} cores that the server shares:`);
    let [slowest, heaviest, heaviestWasm] = [0, 0, 0];
    for (const page of pages) {
      const visits = [];
      for (let round = 0; round < ROUNDS; round += 1) visits.push(await visit(browser, state, base + page));
      const times = visits.map(({ aliveAfterMs }) => aliveAfterMs).toSorted((a, b) => a - b);
      const median = times[Math.floor(ROUNDS / 2)];
      const [all, wasm] = ["all", "wasm"].map((what) => Math.max(...visits.map((visited) => visited[what])) / KIB);
      [slowest, heaviest, heaviestWasm] = [Math.max(slowest, median), Math.max(heaviest, all), Math.max(heaviestWasm, wasm)];
      report(`${page}: can be used after, median`, median, "ms", ALIVE_MS);
      report(`${page}: over the wire`, all, "KB", WIRE_KB);
      report(`${page}: of it WASM`, wasm, "KB", WASM_KB);
    }
    report("the slowest of them: can be used after", slowest, "ms", ALIVE_MS);
    report("the heaviest of them: over the wire", heaviest, "KB", WIRE_KB);
    report("the heaviest WASM of them", heaviestWasm, "KB", WASM_KB);
  } finally {
    await browser.close();
  }
}
