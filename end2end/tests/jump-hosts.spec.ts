// A device behind a jump host: the host is added on its page, chosen on the device's, and removed again.
import { CREDENTIAL } from "../support/fleet.ts";
import { expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";

const test = testsWith({
  before: ({ world }) => world.etiqa(["device", "add", "192.0.2.9", "--hostname", "core-sw-1"]),
});

test("a jump host is added, chosen on a device and removed", async ({ page, open, world, watch }) => {

  await test.step("add it", async () => {
    await page.goto("/admin/");
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
    await page.goto("/devices/");
    await page.getByRole("link", { name: "core-sw-1" }).click();
    await page.getByRole("link", { name: "Settings" }).click();
    await settled(page);
    await page.getByLabel("Jump host").selectOption("vienna");
    await page.getByLabel("Transport").selectOption("telnet");
    await page.getByLabel("Old SSH algorithms").check();
    await page.getByRole("button", { name: "Save device" }).click();
    await expect(page.locator(".facts")).toContainText("192.0.2.9, telnet");
    await expect(page.locator(".facts")).toContainText("vienna");
    const [device] = await world.devices();
    expect(device).toMatchObject({ jump_host: "vienna", transport: "telnet", port: 23, legacy_ssh: true });
  });

  await test.step("remove it", async () => {
    await open("/admin/jump-hosts");
    const row = page.getByRole("row").filter({ hasText: "vienna" });
    await expect(row).toContainText("1 device names it");
    await row.getByRole("button", { name: "Remove…" }).click();
    await row.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await expect(page.getByText("No jump host yet")).toBeVisible();
  });
});
