// What was just done is said, and can be taken back.
import { expect, testsWith } from "../support/test.ts";
import type { ListedDevice, World } from "../support/world.ts";

const test = testsWith({ fleet: { devices: 2 } });

/** The first device of the inventory. */
async function firstDevice(world: World): Promise<ListedDevice> {
  const [device] = await world.devices();
  if (device === undefined) throw new Error("there is no device");
  return device;
}

test("what was done is said, and undone, even where the page shows it before the answer comes", async ({ page, open, world }) => {
  const device = await firstDevice(world);
  await open(`/devices/${device.id}`);
  const enable = page.getByRole("button", { name: "Enable", exact: true });
  await page.route("**/rpc/enable_device", async (route) => {
    const response = await route.fetch();
    await enable.waitFor();
    await route.fulfill({ response });
  });
  await page.getByRole("button", { name: "Disable", exact: true }).click();
  await expect(page.locator(".toast")).toContainText(`${device.hostname} is disabled.`);
  await page.unroute("**/rpc/enable_device");
  await page.locator(".toast").getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Disable", exact: true })).toBeVisible();
});

test("a key undoes, for twenty seconds, and why that failed is shown as long as anything", async ({ page, open, world, watch }) => {
  await page.clock.install();
  const device = await firstDevice(world);
  await open(`/devices/${device.id}`);
  const toast = page.locator(".toast");
  const disable = async (): Promise<void> => {
    await page.getByRole("button", { name: "Disable", exact: true }).click();
    await expect(toast).toContainText(`${device.hostname} is disabled.`);
  };

  await test.step("it is still there after fifteen seconds, and the key works", async () => {
    await disable();
    await page.clock.runFor(15_000);
    await expect(toast).toBeVisible();
    await page.keyboard.press("u");
    await expect(page.getByRole("button", { name: "Disable", exact: true })).toBeVisible();
    await expect(toast).toHaveCount(0);
  });

  await test.step("what the first one waited for does not take the next one away", async () => {
    await disable();
    await page.clock.runFor(15_000);
    const body = JSON.stringify({ kind: "unavailable", message: "The database does not answer." });
    watch.allow(/status of 503/);
    await page.route("**/rpc/enable_device", (route) =>
      route.fulfill({ status: 503, contentType: "application/json", body }),
    );
    await page.keyboard.press("u");
    await expect(toast).toContainText("The database does not answer.");
    await page.clock.runFor(5_500);
    await expect(toast).toContainText("The database does not answer.");
    await page.clock.runFor(4_000);
    await expect(toast).toHaveCount(0);
    await page.unroute("**/rpc/enable_device");
  });

  await test.step("with single keys switched off it does nothing", async () => {
    await page.getByRole("button", { name: "Enable", exact: true }).click();
    await expect(toast).toContainText(`${device.hostname} is enabled.`);
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keyboard" });
    await expect(help).toContainText("Undo what was just done");
    await help.getByLabel("Single keys lead around").uncheck();
    await page.keyboard.press("Escape");
    await page.getByRole("heading", { level: 1 }).click();
    await page.keyboard.press("u");
    await expect(toast).toContainText(`${device.hostname} is enabled.`);
    await expect(page.getByRole("button", { name: "Disable", exact: true })).toBeVisible();
  });
});

test("a device that was disabled by mistake is enabled again from where that is said", async ({ page, open, world }) => {
  const device = await firstDevice(world);
  await open(`/devices/${device.id}`);
  await page.getByRole("button", { name: "Disable" }).click();
  const said = page.locator(".toast");
  await expect(said).toContainText(`${device.hostname} is disabled.`);
  await page.screenshot({ path: "screenshots/toast-1440-light.png" });
  await said.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Disable" })).toBeVisible();
  await expect(said).toBeHidden();
  await expect.poll(async () => world.etiqa(["device", "list", "--json"])).not.toContain('"enabled":false');
});
