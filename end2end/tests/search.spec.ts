// Searching all configurations as a person does: from the list, narrowed, into a text, with a wrong expression, on a phone.
import { expect, testsWith } from "../support/test.ts";
import { settled, stickingOut } from "../support/watch.ts";

const test = testsWith({
  fleet: { devices: 4, types: "ios" },
  before: ({ world }) => world.etiqa(["collect", "--all"]),
});

test("what all configurations hold is found, narrowed and looked at", async ({ page, open, watch }) => {
  await open("/configs/");
  await page.getByLabel("Search in all active configurations").fill("HOSTNAME");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByRole("heading", { name: "Search in configs", level: 1 })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: /of 4 devices\./ })).toBeVisible();
  await expect(page.locator(".hits mark").first()).toHaveText("hostname");
  await settled(page);
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: "screenshots/search-1440-light.png", fullPage: true });

  // `/` leads to the field, wherever the page is.
  await page.locator("h1").click();
  await page.keyboard.press("/");
  await expect(page.getByLabel("Search in all active configurations")).toBeFocused();
  await page.keyboard.press("Control+A");
  await page.keyboard.type("^hostname .*$");
  await page.getByLabel("Regular expression").check();
  await page.getByLabel("Part").selectOption("running");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL(/regex=1/);
  await expect(page.getByText("4 lines of 4 devices.")).toBeVisible();
  const name = (await page.locator(".card h2").first().textContent()) ?? "";
  await expect(page.locator(".hits mark").first()).toHaveText(`hostname ${name}`);

  await page.setViewportSize({ width: 390, height: 844 });
  expect(await stickingOut(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: "dark" });
  await page.screenshot({ path: "screenshots/search-390-dark.png", fullPage: true });

  watch.allow(/status of 422/);
  await page.getByLabel("Search in all active configurations").fill("hostname (");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.getByText("This is not a regular expression: unclosed group, at character 10.")).toBeVisible();
  await expect(page.getByLabel("Search in all active configurations")).toHaveValue("hostname (");

  await page.getByLabel("Search in all active configurations").fill("hostname");
  await page.getByLabel("Regular expression").uncheck();
  await page.getByRole("button", { name: "Search" }).click();
  await page.locator(".hits-part a").first().click();
  await expect(page.locator(".text-view")).toContainText("hostname");
});

test("a search works without JavaScript", async ({ plain: page }) => {
  await page.goto("/configs/");
  await page.getByLabel("Search in all active configurations").fill("hostname");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page.locator(".hits mark").first()).toHaveText("hostname");
  await page.getByLabel("Lines around a hit").selectOption("0");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL(/context=0/);
  await expect(page.locator(".hits .same")).toHaveCount(0);
});
