// What somebody sees who has not signed in: a door, and nothing behind it.
import { expect, testsWith } from "../support/test.ts";
import { visit } from "../support/watch.ts";
import { ADMIN } from "../support/world.ts";

const test = testsWith({ isSignedIn: false });

const PAGES = [
  "/",
  "/backup/",
  "/backup/new",
  "/backup/config/1",
  "/backup/run/1",
  "/configs/",
  "/devices/",
  "/devices/1",
  "/devices/import",
  "/admin/",
  "/account",
];

for (const path of PAGES) {
  test(`${path} leads a stranger to the sign-in page`, async ({ request, world }) => {
    const answer = await request.get(world.url + path, { maxRedirects: 0, headers: { accept: "text/html" } });
    expect([302, 303, 307]).toContain(answer.status());
    expect(new URL(answer.headers()["location"] ?? "", world.url).pathname).toBe("/login");
    expect(await answer.text()).not.toContain("Overview");
  });
}

const PROGRAMS = [
  ["GET", "/backup/status/"],
  ["GET", "/backup/status"],
  ["GET", "/backup/download/1/"],
  ["GET", "/events"],
  ["POST", "/backup/config/1/run/"],
  ["POST", "/backup/config/1/toggle/"],
  ["POST", "/devices/import"],
  ["POST", "/rpc/list_devices"],
  ["POST", "/rpc/get_overview"],
  ["POST", "/rpc/list_users"],
] as const;

for (const [method, path] of PROGRAMS) {
  test(`${method} ${path} answers 401 to a stranger`, async ({ request, world }) => {
    const answer = await request.fetch(world.url + path, {
      method,
      maxRedirects: 0,
      headers: { accept: "application/json", origin: world.url },
    });
    expect(answer.status()).toBe(401);
  });

  test(`${method} ${path} answers 401 to a made-up token`, async ({ request, world }) => {
    const answer = await request.fetch(world.url + path, {
      method,
      maxRedirects: 0,
      headers: { accept: "application/json", authorization: "Bearer nobody" },
    });
    expect(answer.status()).toBe(401);
  });
}

for (const path of ["/healthz", "/readyz", "/healthz/", "/readyz/"]) {
  test(`${path} answers anybody`, async ({ request, world }) => {
    expect((await request.get(world.url + path)).status()).toBe(200);
  });
}

test("a wrong password is refused in words and opens nothing", async ({ page, world, watch }) => {
  watch.allow(/status of 4\d\d/);
  await page.goto("/login");
  await world.fillDoor(page, "not the password");
  await expect(page.getByRole("alert").filter({ hasText: /\S/ })).toBeVisible();
  await page.goto("/devices/");
  await expect(page).toHaveURL(/\/login/);
});

test("signing in leads to the page that was asked for", async ({ page, world }) => {
  await page.goto("/devices/");
  await world.fillDoor(page, ADMIN.password);
  await expect(page).toHaveURL(/\/devices\/?$/);
  await expect(page.getByRole("heading", { name: "Devices", level: 1 })).toBeVisible();
});

test("signing in never leads to another site", async ({ page, world, watch }) => {
  // The page that is still open when its cookies go may ask once more.
  watch.allow(/status of 401/);
  for (const elsewhere of ["https://example.invalid/", "//example.invalid/", "/\\example.invalid/"]) {
    await page.context().clearCookies();
    await page.goto(`/login?next=${encodeURIComponent(elsewhere)}`);
    await world.fillDoor(page, ADMIN.password);
    await expect(page.getByRole("heading", { level: 1, name: "Sign in" })).toBeHidden();
    expect(new URL(page.url()).origin).toBe(world.url);
  }
});

test("the session's cookie is out of reach of scripts and other sites", async ({ page, world }) => {
  await world.signIn(page);
  const cookies = await page.context().cookies();
  const guarded = cookies.filter((cookie) => cookie.httpOnly);
  expect(guarded).not.toHaveLength(0);
  for (const cookie of guarded) expect(cookie.sameSite).toBe("Strict");
});

test("a viewer reads, is offered nothing to change, and is told what is not for them", async ({ page, world, watch }) => {
  await world.addUser("vera");
  await world.etiqa(["device", "add", "192.0.2.1", "--hostname", "core-sw-1"]);
  await world.signIn(page, { name: "vera", password: ADMIN.password });
  await visit(page, "/devices/");
  await expect(page.getByRole("link", { name: "core-sw-1" })).toBeVisible();
  await expect(page.getByRole("navigation", { name: "Main" }).getByRole("link")).toHaveText(["Overview", "Backups", "Devices", "Configs"]);
  await expect(page.getByRole("main").getByRole("checkbox")).toHaveCount(0);
  await expect(page.getByRole("link", { name: "New device" })).toHaveCount(0);
  watch.allow(/status of 403/);
  await page.goto("/admin/users");
  await expect(page.getByRole("heading", { name: "Not for your role" })).toBeVisible();
});

// The last one: nobody has the old password any more.
test("one's own look and password are changed, and other browsers must sign in again", async ({ page, world, watch, another }) => {
  // It may ask once more when it is signed out.
  const other = await another(/status of 401/);
  await world.signIn(other);
  await world.signIn(page);
  await visit(page, "/account");
  await page.getByLabel("Dark").check();
  await visit(page, "/account");
  await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
  watch.allow(/status of 4\d\d/);
  await page.getByLabel("Current password").fill("not my password");
  await page.getByLabel("New password").fill("another sentence to keep");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByLabel("Current password")).toHaveAttribute("aria-invalid", "true");
  await page.getByLabel("Current password").fill(ADMIN.password);
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("Your password is changed.")).toBeVisible();
  await other.goto("/devices/");
  await expect(other).toHaveURL(/\/login/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await world.signIn(page, { ...ADMIN, password: "another sentence to keep" });
});
