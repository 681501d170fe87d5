// A page that cannot be brought up to date: it stays as it was and says so, until it can.
import { type Page, expect, test } from "@playwright/test";

import { settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
let token: string;
test.beforeAll(async () => {
  world = await World.start();
  token = (await world.etiqa(["token", "create", "stale", "--role", "admin"])).trim();
});
test.afterAll(() => world.stop());

/** Adds a user as another admin does, elsewhere. */
async function addUser(name: string): Promise<void> {
  const answer = await fetch(`${world.url}/rpc/add_user`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    body: new URLSearchParams({ name, role: "viewer", password: "a sentence is easy to keep" }),
    redirect: "manual",
  });
  expect(answer.status, await answer.text()).toBeLessThan(400);
}

/** Lets the page ask for users in vain. */
async function refuseUsers(page: Page): Promise<void> {
  const body = JSON.stringify({ kind: "unavailable", message: "The database does not answer." });
  await page.route(`${world.url}/rpc/list_users`, (route) => route.fulfill({ status: 503, contentType: "application/json", body }));
}

test("what cannot be had again stays on the page under a notice, which goes by itself", async ({ page }) => {
  await world.signIn(page);
  await page.goto(`${world.url}/admin/users`);
  await settled(page);
  await refuseUsers(page);
  await addUser("zoe");
  const notice = page.getByRole("status").filter({ hasText: "Not up to date: The database does not answer." });
  await expect(notice).toBeVisible();
  await expect(page.locator("tbody tr").filter({ hasText: "admin" })).toBeVisible();
  await expect(page.locator("tbody tr").filter({ hasText: "zoe" })).toHaveCount(0);
  await page.screenshot({ path: "screenshots/stale-1440-light.png" });
  await page.unroute(`${world.url}/rpc/list_users`);
  await expect(page.locator("tbody tr").filter({ hasText: "zoe" })).toBeVisible({ timeout: 20_000 });
  await expect(notice).toHaveCount(0);
});

test("however often it could not be had, a page asks again by itself once at a time, and ever later", async ({ page }) => {
  await world.signIn(page);
  await page.goto(`${world.url}/admin/users`);
  await settled(page);
  await refuseUsers(page);
  const asked: number[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/rpc/list_users")) asked.push(Date.now());
  });
  await addUser("cleo");
  const askNow = page.getByRole("button", { name: "Ask now" });
  for (let presses = 1; presses <= 5; presses++) {
    const before = asked.length;
    await askNow.click();
    await expect.poll(() => asked.length).toBeGreaterThan(before);
  }
  const byHand = asked.length;
  // The first wait is five seconds at most, the second between seven and ten.
  await expect.poll(() => asked.length, { timeout: 8_000 }).toBeGreaterThan(byHand);
  await page.waitForTimeout(6_000);
  expect(asked.length - byHand).toBe(1);
  await page.unroute(`${world.url}/rpc/list_users`);
  await askNow.click();
  await expect(page.locator("tbody tr").filter({ hasText: "cleo" })).toBeVisible();
  // Nobody asks for what is there.
  const answered = asked.length;
  await page.waitForTimeout(6_000);
  expect(asked.length).toBe(answered);
});

test("where the one to change cannot be had, no form for a new one stands in its place", async ({ page }) => {
  await addUser("dora");
  await world.signIn(page);
  await page.goto(`${world.url}/admin/users`);
  await settled(page);
  await refuseUsers(page);
  await page.getByRole("row").filter({ hasText: "dora" }).getByRole("link", { name: "Edit" }).click();
  await expect(page).toHaveURL(/edit=/);
  await expect(page.getByRole("heading", { name: "This could not be shown" })).toBeVisible();
  await expect(page.getByRole("heading", { name: "Add a user" })).toHaveCount(0);
});

test("a page that was never shown says why, in its own place", async ({ page }) => {
  await world.signIn(page);
  await page.goto(`${world.url}/admin/`);
  await settled(page);
  await refuseUsers(page);
  await page.locator('main a[href="/admin/users"]').first().click();
  await expect(page.getByRole("heading", { name: "This could not be shown" })).toBeVisible();
});

test("a row keeps its element and its focus while another comes in above it", async ({ page }) => {
  await addUser("mia");
  await world.signIn(page);
  await page.goto(`${world.url}/admin/users`);
  await settled(page);
  const row = page.locator("tbody tr").filter({ hasText: "mia" });
  await row.evaluate((element) => element.setAttribute("data-marked", ""));
  await row.getByRole("button", { name: "Remove…" }).focus();
  await addUser("ben");
  await expect(page.locator("tbody tr").filter({ hasText: "ben" })).toBeVisible();
  const marked = page.locator("tbody tr[data-marked]");
  await expect(marked).toHaveCount(1);
  await expect(marked).toContainText("mia");
  await expect(marked.getByRole("button", { name: "Remove…" })).toBeFocused();
});

test("on a phone a dot says that the page is live, and words say when it is not", async ({ page }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await world.signIn(page);
  await settled(page);
  await expect(page.locator(".live .pulse")).toBeVisible();
  await expect(page.locator(".live .pulse")).toBeInViewport();
  const words = page.locator(".live > span").last();
  expect((await words.boundingBox())?.width ?? 0).toBeLessThanOrEqual(1);
  // The last test of this file: nobody needs the server any more.
  await world.stop();
  await expect(page.getByText("Reconnecting…")).toBeInViewport();
  expect((await words.boundingBox())?.width ?? 0).toBeGreaterThan(40);
  await page.screenshot({ path: "screenshots/stale-390-light.png" });
});
