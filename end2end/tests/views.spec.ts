// The list of devices as somebody wants it: views kept under names, each person their own, and the columns they choose.
import { type Locator, type Page, expect, testsWith } from "../support/test.ts";
import { settled, stickingOut, visit } from "../support/watch.ts";
import type { World } from "../support/world.ts";

/** Somebody who only looks. */
const VERA = { name: "vera", password: "another sentence to keep" };

const test = testsWith({
  before: async ({ world }) => {
    await world.etiqa(["user", "add", VERA.name, "--role", "viewer", "--password-stdin"], `${VERA.password}\n`);
    for (const [name, number] of [["core-sw-1", 1], ["core-sw-2", 2], ["edge-rtr-1", 3]] as const) {
      const about = ["--hostname", name, "--type", "switch", "--site", "graz", "--description", `Rack ${number}`];
      await world.etiqa(["device", "add", `192.0.2.${number}`, ...about]);
    }
  },
});

/** Signs in as her instead of as the admin. */
async function becomeVera(page: Page, world: World): Promise<void> {
  await page.context().clearCookies();
  await world.signIn(page, VERA);
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

test("a view is saved, is there after a reload, is replaced and removed, and somebody else has none of it", async ({ page, open, world, another }) => {
  await open("/devices/?q=core");
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
    const theirs = await another();
    await becomeVera(theirs, world);
    await visit(theirs, "/devices/?q=core");
    await expect(views(theirs)).toHaveCount(0);
    await save(theirs, "Mine");
    await expect(view(theirs, "Mine")).toBeVisible();
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
});

test("a name that is half typed stays while the list changes, and one that is refused is said beside it", async ({ page, open, watch }) => {
  watch.allow(/status of 422/);
  await open("/devices/");
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

test("columns are chosen, stay with what is looked for, and are part of a view", async ({ page, open }) => {
  await open("/devices/");
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
  await open("/devices/?sort=site");
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
});

test("without JavaScript columns are chosen and a view is saved by plain forms", async ({ plain: page, world }) => {
  await becomeVera(page, world);
  await page.goto("/devices/?sort=-site");
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
