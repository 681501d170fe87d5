// The first page: the way to a first backup, then whether everything is backed up and what needs a hand.
import { type Locator, type Page, expect, testsWith } from "../support/test.ts";
import { lookOnPhone, settled, stickingOut } from "../support/watch.ts";
import type { World } from "../support/world.ts";

const DEVICES = 4;

const test = testsWith({
  // One device refuses the password.
  fleet: { devices: DEVICES, faults: "wrong-password=1" },
  isImported: false,
});

test.describe.configure({ mode: "serial" });

test("a newcomer is led to a first backup, a step after the other", async ({ page, open, world, fleet }) => {
  await open("/");
  const guide = page.locator("section", { has: page.getByRole("heading", { name: "To your first backup" }) });
  const next = guide.locator('[aria-current="step"]');
  // The world begins with a credential.
  await expect(guide).toContainText("1 of 5 done");
  await expect(next).toContainText("Add your devices");
  await expect(next.getByRole("link", { name: "Import devices" })).toHaveAttribute("href", "/devices/import");
  await lookOnPhone(page, "overview-first-steps");

  await world.etiqa(["import-devices", fleet.inventory]);
  await page.reload();
  await settled(page);
  await expect(page.getByRole("heading", { name: `${DEVICES} devices added, none backed up yet.` })).toBeVisible();
  await expect(next).toContainText("Test the connection");
  await expect(next.getByRole("link")).toHaveAttribute("href", /^\/devices\/\d+\?tab=connection$/);

  await world.etiqa(["backup-config", "add", "Nightly configs", "--type", "config", "--frequency", "daily"]);
  await page.reload();
  await settled(page);
  await guide.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByRole("heading", { name: `${DEVICES - 1} of ${DEVICES} devices have` })).toBeVisible({
    timeout: 60_000,
  });
  await expect(guide).toBeHidden();
});

/** The card of devices that need a hand. */
const hands = (page: Page): Locator =>
  page.locator("section", { has: page.getByRole("heading", { name: "Needs a hand" }) });

/** When the device that refuses the password was last tried. */
async function lastTried(world: World): Promise<string | undefined> {
  return (await world.devices()).find(({ last_result }) => last_result?.class === "auth_failed")?.last_result?.finished_at;
}

test("what needs a hand says why and what to do, and is backed up again from here", async ({ page, open, world }) => {
  await open("/");
  const row = hands(page).locator(".hand");
  await expect(row).toHaveCount(1);
  const all = page.getByRole("link", { name: "1 needs a hand." });
  await expect(all).toHaveAttribute("href", "/devices/?state=needs_hand");
  await expect(row).toContainText("Login refused");
  await expect(row).toContainText("Check the user name and the password of the credential");
  await expect(row).toContainText("Never backed up.");
  await expect(row.getByRole("link", { name: "Fix credential" })).toBeVisible();
  const tried = await lastTried(world);
  await row.getByRole("button", { name: "Back up now" }).click();
  await expect.poll(() => lastTried(world)).not.toBe(tried);
  await expect(row.getByRole("button", { name: "Back up now" })).toBeVisible();

  await hands(page).getByRole("link", { name: "Failing 1" }).click();
  await expect(page.getByRole("heading", { name: "Devices", level: 1 })).toBeVisible();
  await expect(page.locator("table.rows tbody tr")).toHaveCount(1);
});

test("the charts say in numbers what they show", async ({ page, open }) => {
  await open("/");
  for (const [title, words] of [
    ["Last 30 days", "0 good, 1 with failed devices, 0 failed"],
    ["Storage", /\d [KM]?B$/],
  ] as const) {
    const card = page.locator("section", { has: page.getByRole("heading", { name: title }) });
    await card.getByText("As a table").click();
    await expect(card.getByRole("row")).toHaveCount(30);
    await expect(card.getByRole("row").last()).toContainText(words);
  }
});

test("without JavaScript a device is backed up from the page as well", async ({ plain, world }) => {
  await plain.goto("/");
  const tried = await lastTried(world);
  await hands(plain).getByRole("button", { name: "Back up now" }).click();
  await expect(plain.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  await expect.poll(() => lastTried(world)).not.toBe(tried);
});

test("devices whose backup was disabled are said to be in none", async ({ page, open, world }) => {
  await world.etiqa(["backup-config", "edit", "Nightly configs", "--disable"]);
  await open("/");
  await expect(page.getByRole("heading", { name: `0 of ${DEVICES} devices have` })).toBeVisible();
  await expect(hands(page).locator(".hand").last()).toContainText("No enabled backup covers it.");
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await stickingOut(page)).toEqual([]);
  await hands(page).getByRole("link", { name: `In no backup ${DEVICES - 1}` }).click();
  await expect(page).toHaveURL(/state=no_backup/);
  // The one that fails is in none either, but its failing is what needs a hand first.
  const rows = page.locator("table.rows tbody tr");
  await expect(rows).toHaveCount(DEVICES - 1);
  // Somebody enables it elsewhere.
  const [config] = (await world.status()).configs;
  await world.call("enable_backup_config", { id: String(config?.id), enabled: "true" });
  await expect(rows).toHaveCount(0);
});
