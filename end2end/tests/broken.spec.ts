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

test("what was typed outlives the session: signed in again in another tab, it is saved", async ({ page, context, open, world, watch }) => {
  watch.allow(/status of 401/);
  await world.signIn(page);
  await open("/devices/new");
  await page.getByLabel("Address").fill("192.0.2.7");
  await page.getByLabel("Name", { exact: true }).fill("core-sw-7");
  await world.etiqa(["user", "passwd", ADMIN.name, "--password-stdin"], `${ADMIN.password}\n`);
  await page.getByRole("button", { name: "Save device" }).click();
  await expect(page.getByRole("alert").filter({ hasText: /sign in/i }).first()).toBeVisible();
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("core-sw-7");
  await world.signIn(await context.newPage());
  await page.getByRole("button", { name: "Save device" }).click();
  await expect(page.getByRole("heading", { name: "core-sw-7", level: 1 })).toBeVisible();
});

test("what was typed outlives a lost server: it is said, and saved once the server is back", async ({ page, open, world, watch }) => {
  watch.allow(/ERR_/);
  await world.signIn(page);
  await open("/devices/new");
  await page.getByLabel("Address").fill("192.0.2.8");
  await page.getByLabel("Name", { exact: true }).fill("core-sw-8");
  await world.restart(async () => {
    await expect(page.getByText("Reconnecting…")).toBeVisible();
    await page.getByRole("button", { name: "Save device" }).click();
    await expect(page.getByText("The server does not answer. Check that it runs, then try again.")).toBeVisible();
  });
  // The page finds it again by itself.
  await settled(page);
  await expect(page.getByLabel("Name", { exact: true })).toHaveValue("core-sw-8");
  await page.getByRole("button", { name: "Save device" }).click();
  await expect(page.getByRole("heading", { name: "core-sw-8", level: 1 })).toBeVisible();
});
