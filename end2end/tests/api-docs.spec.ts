// The description of the REST API as people see it: all of it comes from the program, under its own policy, and what is tried
// is done as whoever is signed in.
import { expect, testsWith } from "../support/test.ts";

const test = testsWith({ fleet: { devices: 2 } });

for (const colorScheme of ["light", "dark"] as const) {
  test(`the API is shown and tried on a phone, ${colorScheme}, and nobody else is asked`, async ({ page, world }) => {
    const elsewhere: string[] = [];
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(world.url) && !url.startsWith("data:") && !url.startsWith("blob:")) elsewhere.push(url);
    });
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto("/api/docs");
    await expect(page.getByText("Etiqa Auto Backup").first()).toBeVisible();
    await expect(page.locator("html")).toHaveClass(colorScheme === "dark" ? /dark-mode/ : /^(?!.*dark-mode)/);

    const list = page.locator("#operations-devices-device_list");
    await list.getByRole("button").first().click();
    await list.getByRole("button", { name: "Try it out" }).click();
    await list.getByRole("button", { name: "Execute" }).click();
    await expect(list.locator(".live-responses-table")).toContainText('"next": null');
    await page.screenshot({ path: `screenshots/api-docs-390-${colorScheme}.png`, animations: "disabled" });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(elsewhere).toEqual([]);
  });
}

test("whoever is not signed in is led in first, and then to the API", async ({ browser, world }) => {
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] } });
  const page = await context.newPage();
  await page.goto(`${world.url}/api/docs`);
  await expect(page).toHaveURL(/\/login\?next=\/api\/docs/);
  await context.close();
});
