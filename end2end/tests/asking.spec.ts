// Questions before what cannot be undone: where they stand, what they say, and where the focus is afterwards.
import { type Locator, expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";

const test = testsWith({
  before: async ({ world }) => {
    for (const name of ["ann", "ben", "cid"]) await world.etiqa(["token", "create", name, "--role", "viewer"]);
  },
});

test("a question is a dialog in the middle, and a sheet at the bottom of a phone, in both themes", async ({ page, open }) => {
  await open("/admin/components");
  const question = page.getByRole("dialog", { name: "Delete the device core-1" });
  for (const [width, height] of [[1440, 900], [390, 844]] as const)
    for (const colorScheme of ["light", "dark"] as const) {
      await page.setViewportSize({ width, height });
      await page.emulateMedia({ colorScheme });
      await page.getByRole("button", { name: "Delete…" }).click();
      const box = await question.boundingBox();
      if (box === null) throw new Error("the question has no place");
      if (width === 390) expect([box.x, box.width, box.y + box.height].map(Math.round)).toEqual([0, 390, 844]);
      else expect(Math.abs(box.x + box.width / 2 - width / 2)).toBeLessThan(10);
      await page.screenshot({ path: `screenshots/question-${width}-${colorScheme}.png` });
      await page.keyboard.press("Escape");
      await expect(question).toBeHidden();
    }
});

test("once a row is removed the focus is in the one beside it, and in the heading when none is left", async ({ page, open }) => {
  await open("/admin/tokens");
  const remove = async (name: string): Promise<void> => {
    const row = page.getByRole("row").filter({ hasText: name });
    await row.getByRole("button", { name: "Remove…" }).focus();
    await page.keyboard.press("Enter");
    const question = page.getByRole("dialog", { name: `Remove ${name}?` });
    await expect(question.getByRole("button", { name: "Not now" })).toBeFocused();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await expect(row).toHaveCount(0);
  };
  const edit = (name: string): Locator =>
    page.getByRole("row").filter({ hasText: name }).getByRole("link", { name: "Edit" });
  await remove("ben");
  await expect(edit("cid")).toBeFocused();
  await remove("cid");
  await expect(edit("ann")).toBeFocused();
  await remove("ann");
  await expect(page.getByRole("heading", { name: "No token yet" })).toBeFocused();
});

test("what is refused is said in the question, which stays open", async ({ page, open, watch }) => {
  watch.allow(/status of 409/);
  await open("/admin/users");
  await page.getByRole("button", { name: "Remove…" }).click();
  const question = page.getByRole("dialog", { name: "Remove admin?" });
  await question.getByRole("button", { name: "Remove" }).click();
  await expect(question).toContainText("This is the last admin");
  await expect(question).toBeVisible();
  await question.getByRole("button", { name: "Not now" }).click();
  await expect(question).toBeHidden();
});

test("a backup is duplicated, and does not run by itself before somebody has looked at it", async ({ page, open, world }) => {
  await world.etiqa(["backup-config", "add", "Weekly", "--type", "data", "--frequency", "weekly", "--weekday", "friday", "--at", "04:15"]);
  await open("/backup/");
  await page.getByRole("row").filter({ hasText: "Weekly" }).getByRole("link", { name: "Duplicate" }).click();
  await settled(page);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("Weekly copy");
  await expect(page.getByLabel("Weekday")).toHaveValue("friday");
  await expect(page.getByLabel("Time", { exact: true })).toHaveValue("04:15");
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(page.getByRole("heading", { name: "Weekly copy", level: 1 })).toBeVisible();
  const [copy] = (await world.status()).configs.filter(({ name }) => name === "Weekly copy");
  expect(copy?.state).toBe("disabled");
});

test("the theme changes at once, without loading the page again", async ({ page, open }) => {
  await open("/account");
  await page.evaluate(() => document.body.setAttribute("data-marked", ""));
  await page.getByLabel("Dark").check();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  await expect(page.getByRole("button", { name: "Use this theme" })).toHaveCount(0);
  await expect(page.locator("body[data-marked]")).toHaveCount(1);
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
});

test("a form that was sent before the program was there comes back hydrated, with what is wrong", async ({ page }) => {
  let arrive = (): void => undefined;
  const hasArrived = new Promise<void>((resolve) => (arrive = resolve));
  // As over a bad connection: the browser posts the form itself.
  await page.route("**/*.wasm", async (route) => {
    await hasArrived;
    // Of a page that was left meanwhile nobody waits for it.
    await route.continue().catch(() => undefined);
  });
  await page.goto("/devices/new", { waitUntil: "commit" });
  await page.getByLabel("Address").fill("192.0.2.7");
  await page.getByLabel("Port", { exact: true }).fill("70000");
  await page.getByRole("button", { name: "Save device" }).click();
  await expect(page.getByRole("alert").filter({ hasText: /port/i }).first()).toBeVisible();
  await expect(page).toHaveURL("/devices/new");
  arrive();
  await settled(page);
  await expect(page.getByRole("alert").filter({ hasText: /port/i }).first()).toBeVisible();
  await expect(page.getByLabel("Address")).toHaveValue("192.0.2.7");
});
