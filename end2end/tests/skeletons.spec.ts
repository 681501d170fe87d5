// What stands where something is awaited: its shape, after a moment, and still for who wants no motion.
import { type Page, expect, testsWith } from "../support/test.ts";
import { visit } from "../support/watch.ts";

const test = testsWith();

/** Goes to the list of users, whose answer takes its time until it is called. */
async function goToSlowUsers(page: Page): Promise<() => void> {
  let answer = (): void => undefined;
  const isTime = new Promise<void>((resolve) => (answer = resolve));
  await page.route("**/rpc/list_users", async (route) => {
    await isTime;
    await route.continue();
  });
  await visit(page, "/admin/");
  await page.locator("a.tile[href='/admin/users']").click();
  return answer;
}

test("a list that is awaited shows its shape, and says so to who hears the page", async ({ page }) => {
  const answer = await goToSlowUsers(page);
  const shape = page.locator(".waits .card.bones").first();
  await expect(shape).toBeVisible();
  await expect(shape).toHaveAttribute("aria-busy", "true");
  await expect(page.getByRole("status").filter({ hasText: "Loading…" }).first()).toBeAttached();
  await page.screenshot({ path: "screenshots/skeleton-1440-light.png" });
  answer();
  await expect(page.locator("tbody tr").filter({ hasText: "admin" })).toBeVisible();
  await expect(page.locator(".waits")).toHaveCount(0);
});

test("it waits for a moment before it is shown, and never moves for who wants no motion", async ({ page }) => {
  await page.emulateMedia({ reducedMotion: "reduce" });
  const answer = await goToSlowUsers(page);
  const shape = page.locator(".waits .card.bones").first();
  await expect(shape).toBeVisible();
  expect(await shape.evaluate((element) => getComputedStyle(element).animationName)).toBe("none");
  const around = page.locator(".waits").first();
  expect(await around.evaluate((element) => getComputedStyle(element).animationDelay)).toBe("0.15s");
  answer();
  await expect(page.locator(".waits")).toHaveCount(0);
});
