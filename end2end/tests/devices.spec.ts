// The list of devices, as who has many uses it: found while typing, ordered, chosen, and changed together.
import { expect, test } from "@playwright/test";

import { Watch, settled, stickingOut } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
test.beforeAll(async () => {
  world = await World.start();
  for (const [name, number] of [["core-sw-1", 1], ["core-sw-2", 2], ["core-sw-3", 3], ["edge-rtr-1", 4]] as const) {
    await world.etiqa(["device", "add", `192.0.2.${number}`, "--hostname", name, "--type", "switch"]);
  }
});
test.afterAll(() => world.stop());

test("devices are found while typing, ordered, and two of them disabled", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/devices/`);
  await settled(page);
  const rows = page.locator(".rows tbody tr");
  await expect(rows).toHaveCount(4);

  await test.step("find them while typing", async () => {
    const search = page.getByRole("searchbox", { name: "Search" });
    await search.click();
    await page.keyboard.type("core");
    await expect(rows).toHaveCount(3);
    await expect(page).toHaveURL(/q=core(&|$)/);
    // The cursor stays where it was.
    await page.keyboard.type("-sw");
    await expect(page).toHaveURL(/q=core-sw(&|$)/);
    await expect(search).toHaveValue("core-sw");
    await expect(search).toBeFocused();
  });

  await test.step("order them by name, the last one first", async () => {
    const heading = page.getByRole("columnheader", { name: "Device" });
    await expect(heading).toHaveAttribute("aria-sort", "ascending");
    await heading.getByRole("link").click();
    await expect(heading).toHaveAttribute("aria-sort", "descending");
    await expect(page).toHaveURL(/sort=-name/);
    await expect(rows.first()).toContainText("core-sw-3");
    await expect(rows).toHaveCount(3);
  });

  await test.step("disable two of them", async () => {
    await page.getByLabel("Choose core-sw-3").check();
    await page.getByLabel("Choose core-sw-1").check();
    await expect(page.getByText("2 of 3 chosen")).toBeVisible();
    expect(await stickingOut(page)).toEqual([]);
    await page.getByRole("button", { name: "Disable", exact: true }).click();
    await expect(page.getByText("Done for 2 devices.")).toBeVisible();
    await expect(rows.filter({ hasText: "Disabled" })).toHaveCount(2);
    await expect(rows.filter({ hasText: "core-sw-2" })).not.toContainText("Disabled");
    await expect(page.getByLabel("Choose core-sw-3")).not.toBeChecked();
  });

  expect(watch.take()).toEqual([]);
});

test("on a phone the list begins on the first screen, is filtered behind a button and ordered by a choice", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await page.setViewportSize({ width: 390, height: 844 });
  await world.signIn(page);
  await page.goto(`${world.url}/devices/`);
  await settled(page);
  const rows = page.locator(".rows tbody tr");
  await expect(rows.first()).toBeInViewport();
  await expect(page.getByLabel("Any type")).toBeHidden();
  await page.getByText("Filters", { exact: true }).click();
  await expect(page.getByLabel("Any type")).toBeVisible();
  await page.getByLabel("Order by").selectOption("-name");
  await expect(page).toHaveURL(/sort=-name/);
  await expect(rows.first()).toContainText("edge-rtr-1");
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: "screenshots/devices-phone-390-light.png" });
  expect(watch.take()).toEqual([]);
});

test("a choice that is refused is marked, and its reason belongs to it", async ({ page }) => {
  await world.etiqa(["credential", "add", "short-lived", "--username", "lab", "--password-stdin"], "lab-password\n");
  await world.signIn(page);
  await page.goto(`${world.url}/devices/new`);
  await settled(page);
  await page.getByLabel("Address", { exact: true }).fill("192.0.2.9");
  const credential = page.getByLabel("Credential");
  await credential.selectOption("short-lived");
  await world.etiqa(["credential", "remove", "short-lived"]);
  await page.getByRole("button", { name: "Save device" }).click();
  await expect(credential).toHaveAttribute("aria-invalid", "true");
  await expect(credential).toHaveAccessibleDescription(/\S/);
});

test("devices leave the list of those in no backup as soon as somebody enables one, elsewhere", async ({ page }) => {
  const token = (await world.etiqa(["token", "create", "devices", "--role", "operator"])).trim();
  await world.etiqa(["backup-config", "add", "Nightly configs", "--type", "config", "--frequency", "daily"]);
  const [config] = (await world.status()).configs;
  const toggle = async (): Promise<void> => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${world.url}/backup/config/${config?.id}/toggle/`, { method: "POST", headers });
    expect(answer.status, await answer.text()).toBe(200);
  };
  await toggle();
  await world.signIn(page);
  await page.goto(`${world.url}/devices/?state=no_backup`);
  await settled(page);
  const rows = page.locator(".rows tbody tr");
  await expect(rows.first()).toBeVisible();
  await toggle();
  await expect(rows).toHaveCount(0);
});

test("what time alone changes is looked at every minute", async ({ page }) => {
  await page.clock.install();
  await world.signIn(page);
  const asked = new Set<string>();
  page.on("request", (request) => asked.add(new URL(request.url()).pathname));
  for (const [path, question] of [
    ["/", "/rpc/get_overview"],
    ["/devices/?state=overdue", "/rpc/list_devices"],
    ["/admin/", "/rpc/list_admin_sections"],
  ] as const) {
    await page.goto(`${world.url}${path}`);
    await settled(page);
    asked.clear();
    // The minute turns, and not all pages ask at once.
    await page.clock.runFor(61_000);
    await page.clock.runFor(11_000);
    await expect.poll(() => asked.has(question), path).toBe(true);
  }
});
