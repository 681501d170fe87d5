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
  await page.clock.install();
  await open("/admin/users");
  await refuseUsers(page);
  await world.addUser("zoe");
  const notice = page.getByRole("status").filter({ hasText: "Not up to date: The database does not answer." });
  await expect(notice).toBeVisible();
  await expect(page.locator("tbody tr").filter({ hasText: "admin" })).toBeVisible();
  await expect(page.locator("tbody tr").filter({ hasText: "zoe" })).toHaveCount(0);
  await page.screenshot({ path: "screenshots/stale-1440-light.png" });
  await page.unroute("**/rpc/list_users");
  // It asks again within five seconds.
  await page.clock.runFor(5_000);
  await expect(page.locator("tbody tr").filter({ hasText: "zoe" })).toBeVisible();
  await expect(notice).toHaveCount(0);
});

test("however often it could not be had, a page asks again by itself once at a time, and ever later", async ({ page, open, world, watch }) => {
  watch.allow(REFUSED);
  await page.clock.install();
  await open("/admin/users");
  await refuseUsers(page);
  let asked = 0;
  page.on("request", (request) => (asked += request.url().endsWith("/rpc/list_users") ? 1 : 0));
  /** Lets time pass, and everything that the page asks meanwhile come to this counter. */
  const pass = async (ms: number): Promise<void> => {
    await page.clock.runFor(ms);
    await page.evaluate(() => fetch("/healthz").then(({ ok }) => ok));
  };
  await world.addUser("cleo");
  const askNow = page.getByRole("button", { name: "Ask now" });
  await expect(askNow).toBeVisible();
  await page.clock.pauseAt(await page.evaluate(() => Date.now() + 500));
  for (let presses = 1; presses <= 5; presses++) {
    const before = asked;
    await askNow.click();
    await expect.poll(() => asked).toBeGreaterThan(before);
  }
  const byHand = asked;
  // The first wait is five seconds at most, the second between seven and ten.
  await pass(5_000);
  expect(asked - byHand).toBe(1);
  await pass(6_000);
  expect(asked - byHand).toBe(1);
  await pass(10_000);
  expect(asked - byHand).toBe(2);
  await page.unroute("**/rpc/list_users");
  await askNow.click();
  await expect(page.locator("tbody tr").filter({ hasText: "cleo" })).toBeVisible();
  // Nobody asks for what is there.
  const answered = asked;
  await pass(31_000);
  expect(asked).toBe(answered);
});

test("where the one to change cannot be had, no form for a new one stands in its place", async ({ page, open, world, watch }) => {
  watch.allow(REFUSED);
  await world.addUser("dora");
  await open("/admin/users");
  await refuseUsers(page);
  await page.getByRole("row").filter({ hasText: "dora" }).getByRole("link", { name: "Edit" }).click();
  await expect(page).toHaveURL(/edit=/);
  await expect(page.getByRole("heading", { name: "This could not be shown" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Add a user" })).toHaveCount(0);
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
  await row.getByRole("button", { name: "Remove…" }).focus();
  await world.addUser("ben");
  await expect(page.locator("tbody tr").filter({ hasText: "ben" })).toBeVisible();
  const marked = page.locator("tbody tr[data-marked]");
  await expect(marked).toHaveCount(1);
  await expect(marked).toContainText("mia");
  await expect(marked.getByRole("button", { name: "Remove…" })).toBeFocused();
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
