// The pictures of README and of the book, taken of the real program with simulated devices that somebody has edited.
import { join } from "node:path";

import { type Page, test } from "@playwright/test";

import { CREDENTIAL, Fleet, USERNAME } from "../support/fleet.ts";
import { settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

/** Where scripts/pictures.sh finds them. */
const PICTURES = process.env["ETIQA_PICTURES"] ?? join(import.meta.dirname, "../test-results/pictures-taken");

let world: World;
let fleet: Fleet;
let changed: number;
let run: number;

test.beforeAll(async () => {
  test.setTimeout(300_000);
  world = await World.start();
  // Words that are in no text: what is a secret is masked wherever it stands.
  const [password, enablePassword] = ["lighthouse-42", "drawbridge-17"];
  fleet = await Fleet.start(world.folder, { devices: 24, types: "mixed", password, enablePassword });
  await world.etiqa(["credential", "remove", CREDENTIAL]);
  await world.etiqa(["credential", "add", CREDENTIAL, "--username", USERNAME, "--password-stdin", "--enable-stdin"], `${password}\n${enablePassword}\n`);
  await world.etiqa(["import-devices", fleet.inventory]);
  await world.etiqa(["backup-config", "add", "Every night", "--type", "full", "--frequency", "daily", "--at", "02:00", "--artifacts", "never", "--keep-daily", "14"]);
  await world.etiqa(["backup-config", "add", "Configurations", "--type", "config", "--frequency", "hourly", "--minute", "30"]);
  // Two devices fail, which the exit status says.
  const back_up = (name: string): Promise<unknown> => world.etiqa(["run-backups", "--config", name, "--force"]).catch(() => undefined);
  for (let night = 0; night < 6; night += 1) await back_up("Every night");
  await fleet.fail("wrong-password=1,error=1");
  await fleet.startEditing();
  await new Promise((resolve) => setTimeout(resolve, 12_000));
  await back_up("Configurations");
  await back_up("Every night");
  const devices = await world.devices();
  const versions = await Promise.all(devices.map(({ address }) => world.etiqa(["device", "show", address, "--part", "running", "--version", "2"]).catch(() => "")));
  const found = devices.findIndex((_, at) => versions[at] !== "");
  if (found < 0) throw new Error("nobody has edited a device");
  changed = devices[found]?.id ?? 0;
  const of_night = (await world.status()).configs.find(({ name }) => name === "Every night");
  run = of_night?.last_run?.id ?? 0;
});
test.afterAll(() => Promise.all([world.stop(), fleet.stop()]));

async function take(page: Page, name: string, path: string): Promise<void> {
  await page.goto(world.url + path);
  await settled(page);
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: "disabled" });
}

for (const scheme of ["light", "dark"] as const) {
  test(`pictures in the ${scheme} theme`, async ({ browser }) => {
    const storageState = await world.signedIn(browser);
    const desk = await browser.newContext({ storageState, viewport: { width: 1280, height: 800 }, colorScheme: scheme });
    const page = await desk.newPage();
    await take(page, `overview-${scheme}`, "/");
    await take(page, `difference-${scheme}`, `/devices/${changed}?steady=true`);
    if (scheme === "light") {
      await take(page, "devices-light", "/devices/");
      await take(page, "run-light", `/backup/run/${run}`);
      await take(page, "search-light", "/configs/search?q=ntp+server");
    }
    await desk.close();
    const hand = await browser.newContext({ storageState, viewport: { width: 390, height: 780 }, colorScheme: scheme });
    await take(await hand.newPage(), `phone-${scheme}`, "/");
    await hand.close();
  });
}
