// The list of devices as somebody wants it: views kept under names, each person their own, and the columns they choose.
import { type Locator, type Page, expect, test } from "@playwright/test";

import { Watch, settled, stickingOut } from "../support/watch.ts";
import { World } from "../support/world.ts";

const VERA = { name: "vera", password: "another sentence to keep" };

let world: World;
test.beforeAll(async () => {
  world = await World.start();
  await world.etiqa(["user", "add", VERA.name, "--role", "viewer", "--password-stdin"], `${VERA.password}\n`);
  for (const [name, number] of [["core-sw-1", 1], ["core-sw-2", 2], ["edge-rtr-1", 3]] as const) {
    const about = ["--hostname", name, "--type", "switch", "--site", "graz", "--description", `Rack ${number}`];
    await world.etiqa(["device", "add", `192.0.2.${number}`, ...about]);
  }
});
test.afterAll(() => world.stop());

/** Signs in as somebody who only looks. */
async function signInAsVera(page: Page): Promise<void> {
  await page.goto(`${world.url}/login`);
  await page.getByLabel("User name").fill(VERA.name);
  await page.getByLabel("Password").fill(VERA.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
}

/** The links to the views. */
function views(page: Page): Locator {
  return page.getByRole("navigation", { name: "Views" });
}

function view(page: Page, name: string): Locator {
  return views(page).getByRole("link", { name, exact: true });
}

/** Keeps what is shown under a name. */
async function save(page: Page, name: string): Promise<void> {
  await page.getByText("Save this view…", { exact: true }).click();
  await page.getByLabel("Name of the view").fill(name);
  await page.getByRole("button", { name: "Save view" }).click();
}

function headings(page: Page): Locator {
  return page.locator(".rows th");
}

test("a view is saved, is there after a reload, is replaced and removed, and somebody else has none of it", async ({ page, browser }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/devices/?q=core`);
  await settled(page);
  await expect(views(page)).toHaveCount(0);
  await save(page, "Core");
  await expect(page.getByText("The view is kept.")).toBeVisible();
  await expect(view(page, "Core")).toHaveAttribute("aria-current", "page");

  await test.step("it leads to the list as it was", async () => {
    await page.reload();
    await settled(page);
    await expect(view(page, "Core")).toHaveAttribute("aria-current", "page");
    await view(page, "All").click();
    await expect(page.locator(".rows tbody tr")).toHaveCount(3);
    await expect(view(page, "Core")).not.toHaveAttribute("aria-current");
    await settled(page);
    await view(page, "Core").click();
    await expect(page.locator(".rows tbody tr")).toHaveCount(2);
    await expect(page.getByRole("searchbox", { name: "Search" })).toHaveValue("core");
    await settled(page);
  });

  await test.step("another order takes its place", async () => {
    await page.getByRole("columnheader", { name: "Device" }).getByRole("link").click();
    await expect(page).toHaveURL(/sort=-name/);
    await expect(view(page, "Core")).not.toHaveAttribute("aria-current");
    await save(page, "Core");
    await expect(page.getByText("The view of this name is replaced.")).toBeVisible();
    await expect(view(page, "Core")).toHaveAttribute("aria-current", "page");
    expect(await stickingOut(page)).toEqual([]);
    await page.screenshot({ path: "screenshots/views-1440-light.png" });
  });

  await test.step("somebody else has none, and keeps their own", async () => {
    const theirs = await (await browser.newContext()).newPage();
    await signInAsVera(theirs);
    await theirs.goto(`${world.url}/devices/?q=core`);
    await settled(theirs);
    await expect(views(theirs)).toHaveCount(0);
    await save(theirs, "Mine");
    await expect(view(theirs, "Mine")).toBeVisible();
    await theirs.context().close();
    await page.reload();
    await settled(page);
    await expect(view(page, "Core")).toBeVisible();
    await expect(view(page, "Mine")).toHaveCount(0);
  });

  await test.step("it is removed", async () => {
    await page.getByText("Save this view…", { exact: true }).click();
    await page.locator(".kept form", { hasText: "Core" }).getByRole("button", { name: "Remove" }).click();
    await expect(page.getByText("The view Core is removed.")).toBeVisible();
    await expect(views(page)).toHaveCount(0);
  });
  expect(watch.take()).toEqual([]);
});

test("a name that is half typed stays while the list changes, and one that is refused is said beside it", async ({ page }) => {
  await world.signIn(page);
  await page.goto(`${world.url}/devices/`);
  await settled(page);
  await page.getByText("Save this view…", { exact: true }).click();
  const name = page.getByLabel("Name of the view");
  await name.fill("   ");
  await page.getByRole("button", { name: "Save view" }).click();
  await expect(page.getByText("The name of the view is missing.")).toBeVisible();
  await expect(name).toHaveAttribute("aria-invalid", "true");
  await name.fill("Half");
  await page.getByRole("searchbox", { name: "Search" }).fill("edge");
  await expect(page.locator(".rows tbody tr")).toHaveCount(1);
  await expect(name).toHaveValue("Half");
  await page.keyboard.press("Escape");
  await expect(name).toBeHidden();
});

test("columns are chosen, stay with what is looked for, and are part of a view", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/devices/`);
  await settled(page);
  await expect(headings(page)).toHaveText(["Device", "Type", "Site", "Answers", "Backup", "Last good"]);
  await page.getByText("Columns", { exact: true }).click();
  await expect(page.getByLabel("Device", { exact: true })).toHaveCount(0);
  await page.getByLabel("Site", { exact: true }).uncheck();
  await expect(page.getByRole("columnheader", { name: "Site" })).toHaveCount(0);
  // The choice stays open for the next one.
  await page.getByLabel("Description", { exact: true }).check();
  await expect(page.getByRole("columnheader", { name: "Description" })).toBeVisible();
  await expect(page.locator(".rows tbody tr").first()).toContainText("Rack 1");
  await page.keyboard.press("Escape");
  await expect(page.getByLabel("Site", { exact: true })).toBeHidden();

  await page.getByRole("searchbox", { name: "Search" }).fill("edge");
  await expect(page.locator(".rows tbody tr")).toHaveCount(1);
  await expect(headings(page)).toHaveText(["Device", "Type", "Answers", "Backup", "Last good", "Description"]);
  await save(page, "With racks");
  await expect(view(page, "With racks")).toHaveAttribute("aria-current", "page");
  await page.goto(`${world.url}/devices/?sort=site`);
  await settled(page);
  await expect(headings(page)).toHaveCount(6);
  await view(page, "With racks").click();
  await expect(page.getByRole("columnheader", { name: "Site" })).toHaveCount(0);
  await settled(page);
  await expect(page.locator(".rows tbody tr")).toHaveText(/Rack 3/);

  await page.setViewportSize({ width: 390, height: 844 });
  await expect(page.getByText("Rack 3")).toBeVisible();
  await expect(page.locator(".rows tbody")).not.toContainText("graz");
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: "screenshots/views-phone-390-light.png" });
  expect(watch.take()).toEqual([]);
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("columns are chosen and a view is saved by plain forms", async ({ page }) => {
    await signInAsVera(page);
    await page.goto(`${world.url}/devices/?sort=-site`);
    await page.getByText("Columns", { exact: true }).click();
    await page.getByLabel("Site", { exact: true }).uncheck();
    await page.getByLabel("Last good", { exact: true }).uncheck();
    await page.getByRole("button", { name: "Show these" }).click();
    await expect(page).toHaveURL(/sort=-site/);
    await expect(headings(page)).toHaveText(["Device", "Type", "Answers", "Backup"]);
    await page.getByRole("searchbox", { name: "Search" }).fill("core");
    await page.getByRole("button", { name: "Find" }).click();
    await expect(headings(page)).toHaveText(["Device", "Type", "Answers", "Backup"]);
    await save(page, "By hand");
    await expect(view(page, "By hand")).toHaveAttribute("aria-current", "page");
    await view(page, "All").click();
    await expect(headings(page)).toHaveCount(6);
    await view(page, "By hand").click();
    await expect(headings(page)).toHaveText(["Device", "Type", "Answers", "Backup"]);
    await page.getByText("Save this view…", { exact: true }).click();
    await page.locator(".kept form", { hasText: "By hand" }).getByRole("button", { name: "Remove" }).click();
    await expect(view(page, "By hand")).toHaveCount(0);
  });
});
