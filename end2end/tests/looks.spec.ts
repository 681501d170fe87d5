// Every page at the width of a phone and of a desk, light and dark: no error, nothing sticks out, and a picture of each
// under screenshots/ for people to look at.
import { join } from "node:path";

import { type Browser, type Page, expect, test } from "@playwright/test";

import { CREDENTIAL, Fleet } from "../support/fleet.ts";
import { Watch, settled, stickingOut } from "../support/watch.ts";
import { World } from "../support/world.ts";

const SCREENSHOTS = join(import.meta.dirname, "../screenshots");
const WIDTHS = [390, 1440] as const;
const SCHEMES = ["light", "dark"] as const;

/** A name for the picture, and where the page is. */
type Place = [name: string, path: string];

let world: World;
let fleet: Fleet;
let signedIn: Awaited<ReturnType<ReturnType<Page["context"]>["storageState"]>>;
let places: Place[];

test.beforeAll(async ({ browser }) => {
  test.setTimeout(120_000);
  world = await World.start();
  // One device refuses the password and one breaks off, so that the pages have something to say.
  fleet = await Fleet.start(world.folder, { devices: 8, faults: "wrong-password=1,drop=1" });
  await world.etiqa(["import-devices", fleet.inventory]);
  // No device goes through them: nothing may leave this machine.
  const jump = ["--credential", CREDENTIAL];
  await world.etiqa(["jump-host", "add", "headquarters", "--address", "192.0.2.1", "--port", "2222", ...jump]);
  await world.etiqa(["jump-host", "add", "warehouse", "--address", "192.0.2.2", "--via", "headquarters", "--site", "warehouse", ...jump]);
  await world.etiqa(["backup-config", "add", "Nightly configs", "--type", "config", "--frequency", "daily"]);
  await world.etiqa(["backup-config", "add", "Monthly full", "--type", "full", "--frequency", "monthly", "--day", "last"]);
  // Two devices fail, which the exit status says.
  await world.etiqa(["run-backups", "--config", "Nightly configs", "--force"]).catch(() => undefined);
  signedIn = await signIn(browser);
  places = await findPlaces(browser);
});
test.afterAll(async () => {
  await fleet.stop();
  await world.stop();
});

async function signIn(browser: Browser): Promise<typeof signedIn> {
  const page = await browser.newPage();
  await world.signIn(page);
  const state = await page.context().storageState();
  await page.context().close();
  return state;
}

/** Every page of the design, and those of the admin that its first page links to. */
async function findPlaces(browser: Browser): Promise<Place[]> {
  const page = await browser.newPage({ storageState: signedIn });
  const links = (prefix: string): Promise<string[]> =>
    page.locator(`main a[href^="${prefix}"]`).evaluateAll((all) => all.map((link) => link.getAttribute("href") ?? ""));

  await page.goto(`${world.url}/devices/`);
  const device = (await links("/devices/")).find((path) => /^\/devices\/\d+$/.test(path));
  await page.goto(`${world.url}/admin/`);
  const admin = [...new Set(await links("/admin/"))].filter((path) => path !== "/admin/");
  await page.context().close();

  const config = (await world.status()).configs.find(({ last_run }) => last_run !== null);
  if (device === undefined || config?.last_run == null) throw new Error("there is no device, or nothing has run");
  return [
    ["overview", "/"],
    ["backups", "/backup/"],
    ["backup-new", "/backup/new"],
    ["backup-config", `/backup/config/${config.id}`],
    ["backup-run", `/backup/run/${config.last_run.id}`],
    ["archive", `/backup/run/${config.last_run.id}/archive`],
    ["configs", "/configs/"],
    ["search", "/configs/search?q=interface"],
    ["devices", "/devices/"],
    ["devices-import", "/devices/import"],
    ["device", device],
    ["device-results", `${device}?tab=results`],
    ["device-settings", `${device}?tab=settings`],
    ["device-new", "/devices/new"],
    ["account", "/account"],
    ["admin", "/admin/"],
    ["admin-jump-host-edit", "/admin/jump-hosts?edit=2"],
    ["admin-driver", "/admin/drivers/gaia"],
    ...admin.map((path): Place => [path.slice(1).replaceAll(/\W+/g, "-"), path]),
  ];
}

/** Looks at one page: takes its picture and gives what is wrong with it. */
async function look(page: Page, watch: Watch, picture: string): Promise<string[]> {
  await page.screenshot({ path: join(SCREENSHOTS, `${picture}.png`), fullPage: true, animations: "disabled" });
  return [...watch.take(), ...(await stickingOut(page))];
}

for (const width of WIDTHS) {
  for (const colorScheme of SCHEMES) {
    test(`every page looks right at ${width} px, ${colorScheme}`, async ({ browser }) => {
      test.setTimeout(180_000);
      const viewport = { width, height: width < 600 ? 844 : 900 };
      const inside = await browser.newContext({ storageState: signedIn, viewport, colorScheme });
      const page = await inside.newPage();
      const watch = await Watch.of(page, world.url);
      for (const [name, path] of places) {
        await test.step(name, async () => {
          const answer = await page.goto(world.url + path);
          expect.soft(answer?.status(), name).toBe(200);
          await settled(page);
          await expect.soft(page.getByRole("heading", { level: 1 }), name).toHaveCount(1);
          expect.soft(await look(page, watch, `${name}-${width}-${colorScheme}`), name).toEqual([]);
        });
      }
      await inside.close();

      const outside = await browser.newContext({ viewport, colorScheme });
      const door = await outside.newPage();
      const watchAtDoor = await Watch.of(door, world.url);
      for (const name of ["login", "setup"]) {
        await test.step(name, async () => {
          await door.goto(`${world.url}/${name}`);
          await expect.soft(door.getByRole("heading", { level: 1 }), name).toHaveCount(1);
          expect.soft(await look(door, watchAtDoor, `${name}-${width}-${colorScheme}`), name).toEqual([]);
        });
      }
      await outside.close();
    });
  }
}
