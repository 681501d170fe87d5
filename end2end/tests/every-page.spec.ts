// Every page at the width of a phone, a tablet and a desk, light and dark: it comes alive without a complaint, nothing
// sticks out, nothing stands in anybody's way, and a picture of each is kept under screenshots/ for people to look at.
import { join } from "node:path";

import { type BrowserContextOptions, type Page, expect, test } from "@playwright/test";

import { barriers } from "../support/axe.ts";
import { PLACES_OUTSIDE, type Place, Site, routes } from "../support/site.ts";
import { Watch, settled, stickingOut } from "../support/watch.ts";
import { type SignedIn, World } from "../support/world.ts";

const SCREENSHOTS = join(import.meta.dirname, "../screenshots");
const WIDTHS = [390, 768, 1440] as const;
const SCHEMES = ["light", "dark"] as const;

// Two of them fit beside each other on two processors.
test.describe.configure({ mode: "parallel" });

let site: Site;
/** One that nobody has set up. */
let empty: World;
let signedIn: SignedIn;

test.beforeAll(async ({ browser }) => {
  test.setTimeout(120_000);
  [site, empty] = await Promise.all([Site.start(), World.startEmpty()]);
  signedIn = await site.world.signedIn(browser);
});
test.afterAll(async () => {
  await Promise.all([empty.stop(), site.stop()]);
});

test("every address that the program has a page for is looked at", () => {
  const known = [...site.places, ...PLACES_OUTSIDE].map(({ route }) => route);
  expect(routes().filter((route) => !known.includes(route))).toEqual([]);
  expect(known.filter((route) => route !== "" && !routes().includes(route))).toEqual([]);
  // Each has pictures of its own.
  const names = [...site.places, ...PLACES_OUTSIDE].map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

/** What axe-core looks for at each width: everything in each scheme once, and colours wherever other words are shown. */
const LOOKED_FOR: Record<string, "all" | "colours"> = { "390 dark": "all", "1440 light": "all", "1440 dark": "colours" };

/** Takes the page's pictures and gives what is wrong with it. */
async function look(page: Page, watch: Watch, { name, status }: Place, width: number): Promise<string[]> {
  const wrong = await stickingOut(page);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    const path = join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`);
    await page.screenshot({ path, fullPage: true, animations: "disabled" });
    const about = LOOKED_FOR[`${width} ${colorScheme}`];
    if (about !== undefined) wrong.push(...(await barriers(page, about)));
  }
  await page.emulateMedia({ colorScheme: "light" });
  // The browser complains of the page itself where there is none.
  const complaints = watch.take().filter((what) => status !== 404 || !what.includes("status of 404"));
  return [...complaints, ...wrong];
}

for (const width of WIDTHS) {
  test(`every page comes alive, fits and can be used by everybody at ${width} px`, async ({ browser }) => {
    test.setTimeout(360_000);
    const options: BrowserContextOptions = { viewport: { width, height: width < 600 ? 844 : 900 }, colorScheme: "light" };

    const inside = await browser.newContext({ ...options, storageState: signedIn });
    const watch = await Watch.of(inside, site.world.url);
    const page = await inside.newPage();
    for (const place of site.places) {
      await test.step(place.name, async () => {
        const answer = await page.goto(site.world.url + place.path);
        expect.soft(answer?.status(), place.name).toBe(place.status);
        await settled(page);
        expect.soft(await page.title(), place.name).toMatch(/\S · Etiqa$/);
        await expect.soft(page.getByRole("heading", { level: 1 }), place.name).toHaveCount(1);
        expect.soft(await look(page, watch, place, width), place.name).toEqual([]);
      });
    }
    await inside.close();

    for (const [name, { url }] of [["", site.world], ["first-", empty]] as const) {
      const outside = await browser.newContext(options);
      const watchAtDoor = await Watch.of(outside, url);
      const door = await outside.newPage();
      for (const place of PLACES_OUTSIDE) {
        await test.step(name + place.name, async () => {
          await door.goto(url + place.path, { waitUntil: "networkidle" });
          expect.soft(await door.title(), place.name).toMatch(/\S · Etiqa$/);
          await expect.soft(door.getByRole("heading", { level: 1 }), place.name).toHaveCount(1);
          const wrong = await look(door, watchAtDoor, { ...place, name: name + place.name }, width);
          expect.soft(wrong, name + place.name).toEqual([]);
        });
      }
      await outside.close();
    }
  });
}

test("a form that was refused before the program of its page was there comes alive as it was typed", async ({ browser }) => {
  test.setTimeout(120_000);
  const context = await browser.newContext({ storageState: signedIn });
  const page = await context.newPage();
  const watch = await Watch.of(context, site.world.url);
  const program = /\/pkg\/.*\.(js|wasm)$/;
  /** Opens a page without its program, fills its form in and has the browser post it; gives what the page that comes back complains of. */
  const refused = async (path: string, fill: () => Promise<void>, button: string): Promise<string[]> => {
    await page.route(program, (route) => route.abort());
    await page.goto(site.world.url + path, { waitUntil: "load" });
    await fill();
    await page.unroute(program);
    watch.take();
    await page.getByRole("button", { name: button, exact: true }).click();
    await settled(page);
    // Whatever sets a control has done so by now.
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))));
    return watch.take();
  };
  const path = (name: string): string => site.places.find((place) => place.name === name)?.path ?? "";

  await test.step("a device", async () => {
    const complaints = await refused(path("device-new"), async () => {
      await page.getByLabel("Address").fill("no address");
      await page.getByLabel("Old SSH algorithms").check();
    }, "Save device");
    expect(complaints).toEqual([]);
    await expect(page.getByLabel("Address")).toHaveAttribute("aria-invalid", "true");
    await expect(page.getByLabel("Address")).toHaveValue("no address");
    await expect(page.getByLabel("Old SSH algorithms")).toBeChecked();
  });

  await test.step("a backup, whose form follows what is filled in", async () => {
    const complaints = await refused(path("backup-edit"), async () => {
      await page.getByLabel("How often").selectOption("weekly");
      await page.getByLabel("Logs").check();
      await page.getByLabel("Archives are").selectOption("passphrase");
      await page.getByLabel("Passphrase", { exact: true }).fill("short");
    }, "Save backup");
    expect(complaints).toEqual([]);
    await expect(page.getByLabel("How often")).toHaveValue("weekly");
    await expect(page.getByLabel("Weekday")).toBeVisible();
    await expect(page.getByLabel("Passphrase", { exact: true })).toBeVisible();
    await expect(page.getByLabel("Logs")).toBeChecked();
    await page.getByLabel("Makes").selectOption("data");
    await expect(page.getByLabel("Database")).toBeChecked();
  });

  await test.step("the boxes of a list", async () => {
    const complaints = await refused("/devices/", async () => {
      await page.locator("input.pick").nth(0).check();
      await page.locator("input.pick").nth(2).check();
    }, "Add tag");
    expect(complaints).toEqual([]);
    await expect(page.getByText(/^2 of \d+ chosen$/)).toBeVisible();
    await expect(page.locator("input.pick:checked")).toHaveCount(2);
  });
  await context.close();
});

test("every page reads without JavaScript", async ({ browser }) => {
  test.setTimeout(120_000);
  const context = await browser.newContext({ storageState: signedIn, javaScriptEnabled: false });
  const page = await context.newPage();
  for (const { name, path, status } of site.places) {
    const answer = await page.goto(site.world.url + path);
    expect.soft(answer?.status(), name).toBe(status);
    const main = page.locator("main");
    const heading = main.getByRole("heading", { level: 1 });
    await expect.soft(heading, name).toHaveText(/\S/);
    // More than the heading, and nothing that only JavaScript would fetch.
    const words = (await main.innerText()).replace(await heading.first().innerText(), "");
    expect.soft(words.trim().length, name).toBeGreaterThan(20);
    expect.soft(words, name).not.toContain("Loading…");
    // Whatever is to be filled in there can be sent.
    const sendable = main.locator("form[action]:has(button:not([type=button]), input[type=search])");
    expect.soft(await sendable.count(), name).toBe(await main.locator("form").count());
  }
  await context.close();
});
