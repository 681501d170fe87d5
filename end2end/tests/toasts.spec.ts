// What was just done is said, and can be taken back.
import { expect, test } from "@playwright/test";

import { Fleet } from "../support/fleet.ts";
import { Watch, settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
let fleet: Fleet;
test.beforeAll(async () => {
  world = await World.start();
  fleet = await Fleet.start(world.folder, { devices: 2 });
  await world.etiqa(["import-devices", fleet.inventory]);
});
test.afterAll(async () => {
  await world.stop();
  await fleet.stop();
});

test("a device that was disabled by mistake is enabled again from where that is said", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  const [device] = JSON.parse(await world.etiqa(["device", "list", "--json"])) as { id: number; hostname: string }[];
  await page.goto(`${world.url}/devices/${device?.id}`);
  await settled(page);
  await page.getByRole("button", { name: "Disable" }).click();
  const said = page.locator(".toast");
  await expect(said).toContainText(`${device?.hostname} is disabled.`);
  await page.screenshot({ path: "screenshots/toast-1440-light.png" });
  await said.getByRole("button", { name: "Undo" }).click();
  await expect(page.getByRole("button", { name: "Disable" })).toBeVisible();
  await expect(said).toBeHidden();
  await expect.poll(async () => world.etiqa(["device", "list", "--json"])).not.toContain('"enabled":false');
  expect(watch.take()).toEqual([]);
});
