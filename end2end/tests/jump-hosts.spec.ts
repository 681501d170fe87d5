// A device behind a jump host: the host is added on its page, chosen on the device's, and removed again.
import { expect, test } from "@playwright/test";

import { CREDENTIAL } from "../support/fleet.ts";
import { Watch, settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
test.beforeAll(async () => {
  world = await World.start();
  await world.etiqa(["device", "add", "192.0.2.9", "--hostname", "core-sw-1"]);
});
test.afterAll(() => world.stop());

test("a jump host is added, chosen on a device and removed", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);

  await test.step("add it", async () => {
    await page.goto(`${world.url}/admin/`);
    await page.getByRole("main").getByRole("link", { name: "Jump hosts" }).click();
    await settled(page);
    await page.getByLabel("Name", { exact: true }).fill("vienna");
    await page.getByLabel("Address").fill("192.0.2.1");
    await page.getByRole("button", { name: "Save jump host" }).click();
    await expect(page.getByText("A jump host needs a credential of its own.").first()).toBeVisible();
    expect(watch.take()).toEqual([expect.stringContaining("status of 422")]);
    await page.getByLabel("Credential").selectOption(CREDENTIAL);
    await page.getByRole("button", { name: "Save jump host" }).click();
    const row = page.getByRole("row").filter({ hasText: "vienna" });
    await expect(row).toContainText("not seen yet");
    await expect(row).toContainText("no device names it");
  });

  await test.step("choose it on a device, and telnet with it", async () => {
    await page.goto(`${world.url}/devices/`);
    await page.getByRole("link", { name: "core-sw-1" }).click();
    await page.getByRole("link", { name: "Settings" }).click();
    await settled(page);
    await page.getByLabel("Jump host").selectOption("vienna");
    await page.getByLabel("Transport").selectOption("telnet");
    await page.getByLabel("Old SSH algorithms").check();
    await page.getByRole("button", { name: "Save device" }).click();
    await expect(page.locator(".facts")).toContainText("192.0.2.9, telnet");
    await expect(page.locator(".facts")).toContainText("vienna");
    const [device] = JSON.parse(await world.etiqa(["device", "list", "--json"])) as Record<string, unknown>[];
    expect(device).toMatchObject({ jump_host: "vienna", transport: "telnet", port: 23, legacy_ssh: true });
  });

  await test.step("remove it", async () => {
    await page.goto(`${world.url}/admin/jump-hosts`);
    await settled(page);
    const row = page.getByRole("row").filter({ hasText: "vienna" });
    await expect(row).toContainText("1 device names it");
    await row.getByRole("button", { name: "Remove…" }).click();
    await row.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(page.getByText("No jump host yet")).toBeVisible();
  });

  expect(watch.take()).toEqual([]);
});
