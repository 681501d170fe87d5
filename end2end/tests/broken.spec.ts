// What goes wrong under an open page: it says so, and what to do.
import { expect, test } from "@playwright/test";

import { settled } from "../support/watch.ts";
import { ADMIN, World } from "../support/world.ts";

let world: World;
test.beforeAll(async () => {
  world = await World.start();
});
test.afterAll(() => world.stop());

test("a session that ends under an open page is said, and signing in leads back to it", async ({ page }) => {
  await world.signIn(page);
  await page.goto(`${world.url}/devices/?q=core`);
  await settled(page);
  // Another admin's new password for them ends their sessions.
  await world.etiqa(["user", "passwd", ADMIN.name, "--password-stdin"], `${ADMIN.password}\n`);
  const notice = page.getByRole("alert").filter({ hasText: "Your session has ended" });
  await expect(notice).toBeVisible({ timeout: 30_000 });
  await notice.getByRole("link", { name: "Sign in again" }).click();
  await world.fillDoor(page, ADMIN.password);
  await expect(page).toHaveURL(/\/devices\/?\?q=core$/);
});

test("a page whose program breaks says so and can be loaded again", async ({ page }) => {
  await world.signIn(page);
  const offered = page.getByRole("alert").filter({ hasText: "This page has stopped working" });
  await page.route(`${world.url}/devices/`, async (route) => {
    const answer = await route.fetch();
    // Not the page that the program expects to find.
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/<main[^>]*>/, "<main>").replace("<h1>", "<p>") });
  });
  await page.goto(`${world.url}/devices/`);
  await expect(offered).toBeVisible();
  await page.unroute(`${world.url}/devices/`);
  await offered.getByRole("link", { name: "Load it again" }).click();
  await settled(page);
  await expect(offered).toBeHidden();
});
