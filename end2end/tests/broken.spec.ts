// What goes wrong under an open page: it says so, and what to do.
import { expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";
import { ADMIN } from "../support/world.ts";

const test = testsWith({ isSignedIn: false });

test("a session that ends under an open page is said, and signing in leads back to it", async ({ page, open, world, watch }) => {
  watch.allow(/status of 401/);
  await world.signIn(page);
  await open("/devices/?q=core");
  // Another admin's new password for them ends their sessions.
  await world.etiqa(["user", "passwd", ADMIN.name, "--password-stdin"], `${ADMIN.password}\n`);
  const notice = page.getByRole("alert").filter({ hasText: "Your session has ended" });
  await expect(notice).toBeVisible({ timeout: 30_000 });
  await notice.getByRole("link", { name: "Sign in again" }).click();
  await world.fillDoor(page, ADMIN.password);
  await expect(page).toHaveURL(/\/devices\/?\?q=core$/);
});

test("a page whose program breaks says so and can be loaded again", async ({ page, world, watch }) => {
  watch.allow(/^console: |^uncaught: /);
  await world.signIn(page);
  const offered = page.getByRole("alert").filter({ hasText: "This page has stopped working" });
  await page.route(`${world.url}/devices/`, async (route) => {
    const answer = await route.fetch();
    // Not the page that the program expects to find.
    await route.fulfill({ response: answer, body: (await answer.text()).replace(/<main[^>]*>/, "<main>").replace("<h1>", "<p>") });
  });
  await page.goto("/devices/");
  await expect(offered).toBeVisible();
  await page.unroute(`${world.url}/devices/`);
  await offered.getByRole("link", { name: "Load it again" }).click();
  await settled(page);
  await expect(offered).toBeHidden();
});
