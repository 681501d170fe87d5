// Many who look at the same: six tabs of one browser, which opens six connections to a host, and two people.
import { type Locator, type Page, expect, testsWith } from "../support/test.ts";
import { settled, visit } from "../support/watch.ts";

const test = testsWith({
  fleet: { devices: 2 },
  before: ({ world }) => world.etiqa(["backup-config", "add", "Nightly", "--type", "config", "--frequency", "daily"]),
});

test("six tabs at once stay live while somebody else runs a backup", async ({ context, watch: _, another }) => {
  const theirs = await another();
  // Where each tab is, and what it shows once the backup has run.
  const tabs: [path: string, shows: (page: Page) => Locator][] = [
    ["/", (page) => page.getByRole("heading", { name: "All 2 devices have" })],
    ["/backup/", (page) => page.getByRole("row").filter({ hasText: "Completed" })],
    ["/backup/config/1", (page) => page.getByRole("row").filter({ hasText: "Completed" })],
    ["/configs/", (page) => page.getByRole("row").filter({ hasText: "running" })],
    ["/devices/", (page) => page.locator(".chip").getByText("Backed up", { exact: true })],
    ["/devices/1", (page) => page.getByText("v1", { exact: true })],
  ];
  const open: { path: string; page: Page; shown: Locator }[] = [];
  for (const [path, shows] of tabs) {
    const page = await context.newPage();
    await page.goto(path);
    open.push({ path, page, shown: shows(page).first() });
  }
  for (const { path, page, shown } of open) {
    await settled(page);
    await expect(shown, path).toBeHidden();
    await page.evaluate(() => Object.assign(window, { isSamePage: true }));
  }

  await visit(theirs, "/backup/config/1");
  await theirs.getByRole("button", { name: "Run now" }).click();
  await Promise.all(open.map(({ path, shown }) => expect(shown, path).toBeVisible({ timeout: 30_000 })));

  // Nothing was loaded again, and whoever presses something in a tab is answered.
  for (const { page } of open) expect(await page.evaluate(() => "isSamePage" in window)).toBe(true);
  const device = open.at(-1)?.page;
  await device?.getByRole("button", { name: "Disable" }).click();
  await expect(device?.getByRole("button", { name: "Enable" }) ?? theirs.locator("nothing")).toBeVisible();
  await expect(open[4]?.page.getByRole("row").filter({ hasText: "Disabled" }) ?? theirs.locator("nothing")).toBeVisible();
});

test("two people see what the other does, and neither loses what they type", async ({ page: anna, another }) => {
  const ben = await another();
  await Promise.all([visit(anna, "/devices/"), visit(ben, "/devices/new")]);
  const search = anna.getByRole("searchbox", { name: "Search" });
  await search.fill("core-sw");
  await expect(anna.getByText("No device is like this")).toBeVisible();

  await ben.getByLabel("Address").fill("192.0.2.9");
  await ben.getByLabel("Name", { exact: true }).fill("core-sw-9");
  await ben.getByRole("button", { name: "Save device" }).click();
  await expect(ben.getByRole("heading", { name: "core-sw-9", level: 1 })).toBeVisible();
  const row = anna.getByRole("row").filter({ hasText: "core-sw-9" });
  await expect(row).toBeVisible();
  await expect(search).toHaveValue("core-sw");

  await anna.getByLabel("Choose core-sw-9").check();
  await anna.getByRole("button", { name: "Disable", exact: true }).click();
  await expect(ben.getByRole("button", { name: "Enable" })).toBeVisible();
  await ben.getByRole("button", { name: "Enable" }).click();
  await expect(row).toContainText("Never backed up");
});

test("who saves over what somebody else changed is asked first, and keeps what they typed", async ({ page: anna, another, watch }) => {
  const ben = await another();
  const forms = [
    { path: "/devices/1?tab=settings", field: "Description", save: "Save device", then: "/devices/1" },
    { path: "/backup/config/1/edit", field: "Name", save: "Save backup", then: "/backup/config/1" },
  ];
  for (const { path, field, save, then } of forms) {
    await Promise.all([visit(anna, path), visit(ben, path)]);
    await ben.getByLabel(field, { exact: true }).fill("Ben's");
    await ben.getByRole("button", { name: save }).click();
    await expect(ben).toHaveURL(new RegExp(`${then}$`));

    watch.allow(/status of 422/);
    await anna.getByLabel(field, { exact: true }).fill("Anna's");
    await anna.getByRole("button", { name: save }).click();
    await expect(anna.getByText("This was changed since you opened it").first()).toBeVisible();
    await expect(anna.getByLabel(field, { exact: true })).toHaveValue("Anna's");
    await visit(ben, path);
    await expect(ben.getByLabel(field, { exact: true }), "nothing was written over").toHaveValue("Ben's");

    await anna.getByLabel("Save over what was changed").check();
    await anna.getByRole("button", { name: save }).click();
    await expect(anna).toHaveURL(new RegExp(`${then}$`));
    await visit(ben, path);
    await expect(ben.getByLabel(field, { exact: true })).toHaveValue("Anna's");
  }
});
