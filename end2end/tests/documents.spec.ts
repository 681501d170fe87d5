// What the documents tell people to type does what they say: each page on its own, beside a server with fresh data and two
// simulated devices that have been collected once.
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "@playwright/test";

import { commandsOf, documents, unmarked, unmarkedIn } from "../support/documents.ts";
import { Fleet } from "../support/fleet.ts";
import { ETIQA, Program, freePort } from "../support/program.ts";
import { World } from "../support/world.ts";

/** Pages whose commands are tried by tests of their own, which are there once the page is. */
const ELSEWHERE: Record<string, string> = {
  "docs/api.md": "server/tests/it/api_examples.rs",
  "docs/command-line.md": "server/src/cli/tree/tests.rs",
};

const pages = documents();

// Each has a world of its own.
test.describe.configure({ mode: "parallel" });

/** A world as the pages speak of one: a router, a load balancer, their login, a nightly backup with one archive. */
async function asInTheDocuments(): Promise<{ world: World; fleet: Fleet; folder: string; archive: string }> {
  const world = await World.start();
  // The pages name addresses that are nobody's: the program is not to look whether they answer.
  await world.change({ reach_minutes: 0 });
  const fleet = await Fleet.start(world.folder, { devices: 2, types: "router,f5_big_ip" });
  await world.etiqa(["import-devices", fleet.inventory]);
  const [router, balancer] = (await world.devices()).sort((one, other) => one.id - other.id);
  if (router === undefined || balancer === undefined) throw new Error("the devices are not there");
  await world.etiqa(["device", "edit", router.address, "--hostname", "core-rtr-1", "--tags", "core"]);
  await world.etiqa(["device", "edit", balancer.address, "--hostname", "lb-edge-1"]);
  await world.etiqa(["backup-config", "add", "Nightly", "--type", "full", "--frequency", "daily", "--at", "02:00", "--artifacts", "never"]);
  await world.etiqa(["run-backups", "--config", "Nightly", "--force"]);
  const folder = join(world.folder, "home");
  const bin = join(world.folder, "bin");
  mkdirSync(folder);
  mkdirSync(bin);
  symlinkSync(ETIQA, join(bin, "etiqa"));
  // Files that the pages come with.
  symlinkSync(join(import.meta.dirname, "../../docs"), join(folder, "docs"));
  // The pages name an archive; this one has another time in its name.
  const archive = (await world.shell('ln -s "$ETIQA_DATA_DIR"/backups/nightly_*.zip . && echo nightly_*.zip', folder)).trim();
  await world.shell('cp -p "$ETIQA_DATA_DIR/secret.key" .', folder);
  return { world, fleet, folder, archive };
}

/** Starts a server of its own, waits until it says that it serves, and stops it. */
async function serve(command: string, folder: string, line: number): Promise<void> {
  // Tests listen on this machine alone, and not where others do.
  const [own, named] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const here = command.replaceAll(/0\.0\.0\.0:\d+/g, named);
  const env = {
    ETIQA_DATA_DIR: join(folder, `data-of-line-${line}`),
    ETIQA_LISTEN: own,
    PATH: `${join(folder, "../bin")}:${process.env["PATH"] ?? ""}`,
  };
  const program = new Program("bash", ["-euc", `cd "$0"\nexec ${here}`, folder], env);
  try {
    await program.ready(() => program.output.includes("Serving http"));
  } finally {
    await program.stop();
  }
}

for (const { name, commands } of pages) {
  const runnable = commands.filter(({ notRun }) => notRun === undefined);
  if (runnable.length === 0 || name in ELSEWHERE) continue;
  test(`what ${name} says to type works`, async () => {
    test.setTimeout(180_000);
    const { world, fleet, folder, archive } = await asInTheDocuments();
    try {
      for (const { line, first, serves, text } of runnable) {
        await test.step(`line ${line}`, async () => {
          if (serves) return serve(text, folder, line);
          await world.shell(`${first}\n${text}`.replaceAll("nightly_20261123_020000.zip", archive), folder);
        });
      }
    } finally {
      await Promise.all([world.stop(), fleet.stop()]);
    }
  });
}

test("README counts the platforms", () => {
  const root = join(import.meta.dirname, "../..");
  const drivers = readdirSync(join(root, "drivers")).filter((name) => name.endsWith(".toml"));
  expect(readFileSync(join(root, "README.md"), "utf8")).toContain(`**[${drivers.length} platforms](docs/platforms.md)**`);
});

test("what cannot be tried says why, and is the lesser part", () => {
  for (const { name } of pages.filter((page) => page.name in ELSEWHERE)) {
    expect(existsSync(join(import.meta.dirname, "../..", ELSEWHERE[name] ?? "")), `${name} is tried by ${ELSEWHERE[name] ?? ""}`).toBe(true);
  }
  const all = pages.filter(({ name }) => !(name in ELSEWHERE)).flatMap(({ name, commands }) => commands.map((block) => ({ ...block, name })));
  const notRun = all.filter((block) => block.notRun !== undefined);
  for (const { name, line, notRun: why } of notRun) console.log(`not run: ${name}:${line}: ${why ?? ""}`);
  console.log(`${all.length - notRun.length} blocks of commands are run, ${notRun.length} are not`);
  expect(notRun.filter(({ notRun: why }) => (why ?? "").length < 10)).toEqual([]);
  expect(notRun.length).toBeLessThan(all.length / 2);
});

test("commands stand in blocks that are tried", () => {
  expect(unmarked()).toEqual([]);
});

test("unmarked blocks are found wherever they stand", () => {
  const page = "a\n\n```\netiqa one\n```\n- in a list\n\n  ```\n  etiqa two\n  ```\n\n```text\netiqa says\n```\n\n    etiqa three\n";
  expect(unmarkedIn(page)).toEqual(["etiqa one", "etiqa two", "etiqa three"]);
});

test("blocks and what is said of them are found", () => {
  const page = "a\n\n```sh\none\n```\n<!-- not run: it never\nends -->\n```sh\ntwo\n```\n\n<!-- first: prepare -->\n\n```sh\nthree\n```\n- in a list\n\n  <!-- serves -->\n  ```sh\n  four\n    five\n  ```\n```\nsix\n```\n";
  expect(commandsOf(page)).toEqual([
    { line: 4, text: "one\n", first: "", serves: false, notRun: undefined },
    { line: 9, text: "two\n", first: "", serves: false, notRun: "it never\nends" },
    { line: 15, text: "three\n", first: "prepare", serves: false, notRun: undefined },
    { line: 21, text: "four\n  five\n", first: "", serves: true, notRun: undefined },
  ]);
});
