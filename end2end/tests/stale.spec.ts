// A page that cannot be brought up to date: it stays as it was and says so, until it can.
import { type Page, expect, testsWith } from "../support/test.ts";

const test = testsWith();

/** What a browser says of that. */
const REFUSED = /status of 503/;

/** Lets the page ask for users in vain. */
async function refuseUsers(page: Page): Promise<void> {
  const body = JSON.stringify({ kind: "unavailable", message: "The database does not answer." });
  await page.route("**/rpc/list_users", (route) => route.fulfill({ status: 503, contentType: "application/json", body }));
}

test("what cannot be had again stays on the page under a notice, which goes by itself", async ({ page, open, world, watch }) => {
  watch.allow(REFUSED);
  await open("/admin/users");
  await refuseUsers(page);
  await world.addUser("zoe");
  const notice = page.getByRole("status").filter({ hasText: "Not up to date: The database does not answer." });
  await expect(notice).toBeVisible();
  await expect(page.locator("tbody tr").filter({ hasText: "admin" })).toBeVisible();
  await expect(page.locator("tbody tr").filter({ hasText: "zoe" })).toHaveCount(0);
  await page.screenshot({ path: "screenshots/stale-1440-light.png" });
  await page.unroute("**/rpc/list_users");
  await expect(page.locator("tbody tr").filter({ hasText: "zoe" })).toBeVisible({ timeout: 20_000 });
  await expect(notice).toHaveCount(0);
});

test("a page that was never shown says why, in its own place", async ({ page, open, watch }) => {
  watch.allow(REFUSED);
  await open("/admin/");
  await refuseUsers(page);
  await page.locator('main a[href="/admin/users"]').first().click();
  await expect(page.getByRole("heading", { name: "This could not be shown" })).toBeVisible();
});

test("a row keeps its element and its focus while another comes in above it", async ({ page, open, world }) => {
  await world.addUser("mia");
  await open("/admin/users");
  const row = page.locator("tbody tr").filter({ hasText: "mia" });
  await row.evaluate((element) => element.setAttribute("data-marked", ""));
  await row.locator("summary").first().focus();
  await world.addUser("ben");
  await expect(page.locator("tbody tr").filter({ hasText: "ben" })).toBeVisible();
  const marked = page.locator("tbody tr[data-marked]");
  await expect(marked).toHaveCount(1);
  await expect(marked).toContainText("mia");
  await expect(marked.locator("summary").first()).toBeFocused();
});

test("on a phone a dot says that the page is live, and words say when it is not", async ({ page, open, world, watch }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open("/");
  await expect(page.locator(".live .pulse")).toBeVisible();
  await expect(page.locator(".live .pulse")).toBeInViewport();
  const words = page.locator(".live > span").last();
  expect((await words.boundingBox())?.width ?? 0).toBeLessThanOrEqual(1);
  // The last test of this file: nobody needs the server any more.
  watch.allow(/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|request for/);
  await world.stop();
  await expect(page.getByText("Reconnecting…")).toBeInViewport();
  expect((await words.boundingBox())?.width ?? 0).toBeGreaterThan(40);
  await page.screenshot({ path: "screenshots/stale-390-light.png" });
});
