// Several tabs of one browser: a browser opens only about six connections to a host, so they share one live stream.
import { type BrowserContext, type Page, expect, testsWith } from "../support/test.ts";
import { settled, visit } from "../support/watch.ts";
import { ADMIN, type World } from "../support/world.ts";

const test = testsWith({ isSignedIn: false });
let devices = 0;

/** Adds a device as a script does, outside of the browser, and gives its name. */
async function addDevice(world: World): Promise<string> {
  devices += 1;
  const hostname = `switch-${devices}`;
  await world.call("save_device", { "device[address]": `192.0.2.${devices}`, "device[hostname]": hostname });
  return hostname;
}

/** Has every page show `hostname`, without being touched. */
async function expectShown(hostname: string, pages: Page[]): Promise<void> {
  for (const page of pages) {
    await expect(page.getByRole("link", { name: hostname, exact: true })).toBeVisible();
  }
}

/** A tab that shows the devices and is alive, and how many streams it has opened so far. */
async function openTab(context: BrowserContext): Promise<{ page: Page; streams: () => number }> {
  const page = await context.newPage();
  let streams = 0;
  page.on("request", (request) => (streams += new URL(request.url()).pathname === "/events" ? 1 : 0));
  await visit(page, "/devices/");
  return { page, streams: () => streams };
}

test("tabs of one browser share a stream, and the next one takes over when its tab is closed", async ({ page, world }) => {
  const context = page.context();
  await world.signIn(page);
  await page.goto("about:blank");
  const first = await openTab(context);
  const second = await openTab(context);
  const third = await openTab(context);
  expect([first.streams(), second.streams(), third.streams()]).toEqual([1, 0, 0]);

  await test.step("all are live", async () => {
    await expectShown(await addDevice(world), [first.page, second.page, third.page]);
  });

  await test.step("the tab with the stream is closed", async () => {
    await first.page.close();
    await expect.poll(second.streams).toBe(1);
    await expectShown(await addDevice(world), [second.page, third.page]);
    await expect(third.page.locator(".pulse.up")).toBeAttached();
    expect(third.streams()).toBe(0);
  });

  await test.step("a tab that leaves and comes back waits for its turn again", async () => {
    await second.page.goto("/account");
    await settled(second.page);
    await expect.poll(third.streams).toBe(1);
    expect(second.streams()).toBe(1);
    await expectShown(await addDevice(world), [third.page]);
  });
});

test("signing out in one tab ends the stream of all, and signing in brings it back", async ({ page, world, watch }) => {
  watch.allow(/status of 401/);
  await world.signIn(page);
  const { page: other, streams } = await openTab(page.context());
  expect(streams()).toBe(0);

  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page).toHaveURL(/\/login/);
  // The server looks every ten seconds whether a session still is one.
  await expect(other.locator(".pulse.down")).toBeAttached({ timeout: 20_000 });
  // Long enough for the next try to be seconds away.
  await expect.poll(streams).toBeGreaterThan(2);

  await world.fillDoor(page, ADMIN.password);
  await settled(page);
  await settled(other);
  await expectShown(await addDevice(world), [other]);
});

test("tabs of a browser without locks have a stream each", async ({ page, world }) => {
  const context = page.context();
  // As over plain HTTP from another machine.
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, "locks", { value: undefined }));
  await world.signIn(page);
  await page.goto("about:blank");
  const first = await openTab(context);
  const second = await openTab(context);
  expect([first.streams(), second.streams()]).toEqual([1, 1]);
  await expectShown(await addDevice(world), [first.page, second.page]);
});
