// What was just done is said, and can be taken back.
import { expect, testsWith } from "../support/test.ts";

const test = testsWith({ fleet: { devices: 2 } });

test("a device that was disabled by mistake is enabled again from where that is said", async ({ page, open, world }) => {
  const [device] = await world.devices();
  await open(`/devices/${device?.id}`);
  await page.getByRole("button", { name: "Disable" }).click();
  const said = page.locator(".toast");
  await expect(said).toContainText(`${device?.hostname} is disabled.`);
  await page.screenshot({ path: "screenshots/toast-1440-light.png" });
  await said.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Disable" })).toBeVisible();
  await expect(said).toBeHidden();
  await expect.poll(async () => world.etiqa(["device", "list", "--json"])).not.toContain('"enabled":false');
});
