// The program in a browser that runs no JavaScript: everything is read by loading it again, and done by posting forms.
import { type Locator, type Page, expect, testsWith } from "../support/test.ts";
import { ADMIN } from "../support/world.ts";

const test = testsWith({ fleet: { devices: 2 }, isImported: false, isSignedIn: false });

test.use({ javaScriptEnabled: false });
test.describe.configure({ mode: "serial" });
// The program of a page is sent for all the same.
test.beforeEach(({ watch }) => watch.allow(/was preloaded using link preload but not used/));

function heading(page: Page, name: string | RegExp): Locator {
  return page.getByRole("heading", { name, level: 1 });
}

/** Loads the page again until it shows `what`, as a person does who waits for it. */
async function reloadUntil(page: Page, what: Locator): Promise<void> {
  await expect(async () => {
    await page.reload();
    await expect(what.first()).toBeVisible({ timeout: 1_000 });
  }).toPass({ timeout: 60_000 });
}

test("somebody signs in, is refused first, and signs out", async ({ page, world, watch }) => {
  watch.allow(/status of 4\d\d/);
  await page.goto("/devices/");
  await world.fillDoor(page, "not the password");
  await expect(page.getByRole("alert").filter({ hasText: /\S/ }).first()).toBeVisible();
  await world.fillDoor(page, ADMIN.password);
  await expect(heading(page, "Devices")).toBeVisible();
  await page.goto("/account");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(heading(page, "Sign in")).toBeVisible();
});

test("devices are imported, added, edited, found, disabled, and one is deleted", async ({ page, world, fleet }) => {
  await world.signIn(page);
  await page.goto("/devices/import");
  await page.getByLabel("File", { exact: true }).setInputFiles(fleet.inventory);
  await page.getByRole("button", { name: "Upload and preview" }).click();
  await page.getByRole("button", { name: "Import 2 devices" }).click();
  await expect(page.getByText("is imported: 2 new")).toBeVisible();

  await test.step("add one, after a mistake", async () => {
    await page.goto("/devices/");
    await page.getByRole("link", { name: "New device" }).click();
    await page.getByLabel("Address").fill("192.0.2.7");
    await page.getByLabel("Name", { exact: true }).fill("core-sw-7");
    await page.getByLabel("Port", { exact: true }).fill("70000");
    await page.getByRole("button", { name: "Save device" }).click();
    await expect(page.getByRole("alert").filter({ hasText: /port/i }).first()).toBeVisible();
    await expect(page.getByLabel("Address")).toHaveValue("192.0.2.7");
    await expect(page).toHaveURL(`${world.url}/devices/new`);
    await page.getByLabel("Port", { exact: true }).fill("");
    await page.getByRole("button", { name: "Save device" }).click();
    await expect(heading(page, "core-sw-7")).toBeVisible();
  });

  await test.step("edit it", async () => {
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByLabel("Description").fill("Third floor.");
    await page.getByRole("button", { name: "Save device" }).click();
    await expect(heading(page, "core-sw-7")).toBeVisible();
    await expect(page.getByText("Third floor.").first()).toBeVisible();
  });

  await test.step("edit it in two tabs", async () => {
    const other = await page.context().newPage();
    for (const tab of [page, other]) await tab.goto(`${page.url().split("?")[0]}?tab=settings`);
    await other.getByLabel("Description").fill("Fourth floor.");
    await other.getByRole("button", { name: "Save device" }).click();
    await expect(other.getByText("Fourth floor.").first()).toBeVisible();
    await other.close();
    // As often as it is sent: what was typed stays, and nothing is written over by the way.
    for (let time = 0; time < 2; time++) {
      await page.getByLabel("Description").fill("Fifth floor.");
      await page.getByRole("button", { name: "Save device" }).click();
      await expect(page.getByText("This was changed since you opened it").first()).toBeVisible();
      await expect(page.getByLabel("Description")).toHaveValue("Fifth floor.");
    }
    await page.getByLabel("Save over what was changed").check();
    await page.getByRole("button", { name: "Save device" }).click();
    await expect(page.getByText("Fifth floor.").first()).toBeVisible();
  });

  await test.step("find it, and disable it by its box", async () => {
    await page.goto("/devices/");
    await page.getByRole("searchbox", { name: "Search" }).fill("core-sw");
    await page.getByRole("button", { name: "Find" }).click();
    await expect(page.getByRole("row")).toHaveCount(2);
    await page.getByLabel("Choose core-sw-7").check();
    await page.getByRole("button", { name: "Disable", exact: true }).click();
    await expect(page.getByRole("row").filter({ hasText: "core-sw-7" })).toContainText("Disabled");
  });

  await test.step("delete it", async () => {
    await page.getByRole("link", { name: "core-sw-7" }).click();
    await page.getByRole("link", { name: "Settings" }).click();
    await page.getByRole("button", { name: "Delete…" }).click();
    await expect(page.getByText("Delete core-sw-7 with all its versions")).toBeVisible();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect(heading(page, "Devices")).toBeVisible();
    await expect(page.getByRole("link", { name: "core-sw-7" })).toHaveCount(0);
  });
});

test("a device is backed up now, and its text is read", async ({ page, world }) => {
  await world.signIn(page);
  await page.goto("/devices/1");
  await page.getByRole("button", { name: "Back up now" }).click();
  await expect(page).toHaveURL(/\/devices\/1/);
  await reloadUntil(page, page.getByText("v1", { exact: true }));
  await page.getByText("v1", { exact: true }).first().click();
  await expect(page.getByText("hostname").first()).toBeVisible();
});

test("a backup is created, run, disabled and deleted", async ({ page, world }) => {
  await world.signIn(page);
  await page.goto("/backup/");
  await page.getByRole("link", { name: "New backup" }).first().click();
  await page.getByLabel("Name", { exact: true }).fill("By hand");
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(heading(page, "By hand")).toBeVisible();
  await test.step("Enter in a field saves it, and a wrong count loses nothing", async () => {
    await page.goto(`${page.url()}/edit`);
    await page.getByLabel("Newest archives").fill("0");
    await page.getByLabel("Name", { exact: true }).fill("By hands");
    await page.getByRole("button", { name: "Preview" }).click();
    await expect(page.getByRole("alert").filter({ hasText: /\S/ }).first()).toBeVisible();
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("By hands");
    await page.getByLabel("Newest archives").fill("7");
    await page.getByLabel("Name", { exact: true }).fill("By hand");
    await page.getByLabel("Name", { exact: true }).press("Enter");
    await expect(heading(page, "By hand")).toBeVisible();
  });
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(heading(page, "By hand")).toBeVisible();
  await reloadUntil(page, page.getByText("Completed"));
  await page.getByRole("button", { name: "Disable" }).click();
  await expect(page.getByRole("button", { name: "Enable" })).toBeVisible();

  await test.step("make another one of it", async () => {
    const original = page.url();
    await page.getByRole("link", { name: "Duplicate" }).click();
    await expect(page.getByLabel("Name", { exact: true })).toHaveValue("By hand copy");
    await expect(page.getByLabel("Enabled")).not.toBeChecked();
    await page.getByRole("button", { name: "Save backup" }).click();
    await expect(heading(page, "By hand copy")).toBeVisible();
    await page.goto(original);
  });

  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(heading(page, "Backups")).toBeVisible();
  await expect(page.getByRole("link", { name: "By hand", exact: true })).toHaveCount(0);
});

test("light or dark is chosen by a form, and is there from the first byte", async ({ page, world }) => {
  await world.signIn(page);
  await page.goto("/account");
  for (const [label, theme] of [["Dark", "dark"], ["Light", "light"]] as const) {
    await page.getByLabel(label).check();
    await page.getByRole("button", { name: "Use this theme" }).click();
    await expect(page).toHaveURL(`${world.url}/account`);
    await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
    await expect(page.getByLabel(label)).toBeChecked();
    expect(await (await page.request.get("/")).text()).toContain(`data-theme="${theme}"`);
  }
  await page.getByLabel("Same as the system").check();
  await page.getByRole("button", { name: "Use this theme" }).click();
  await expect(page.locator("html[data-theme]")).toHaveCount(0);
});

test("a question is taken back by Escape, and by a press beside it", async ({ page, world }) => {
  await world.signIn(page);
  await page.goto("/admin/components");
  const ask = page.getByRole("button", { name: "Delete…" });
  const question = page.getByRole("dialog", { name: "Delete the device core-1" });
  await expect(question).toBeHidden();
  await ask.click();
  await expect(question.getByRole("button", { name: "Not now" })).toBeFocused();
  await page.keyboard.press("Escape");
  await expect(question).toBeHidden();
  await expect(ask).toBeFocused();
  await ask.click();
  await page.mouse.click(5, 5);
  await expect(question).toBeHidden();
});
