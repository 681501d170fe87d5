// Testing the connection to a device: a person sees each step as it happens.
import { expect, test } from "@playwright/test";

import { Fleet } from "../support/fleet.ts";
import { Watch, settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
let fleet: Fleet;
test.beforeAll(async () => {
  world = await World.start();
  fleet = await Fleet.start(world.folder, { devices: 1 });
  await world.etiqa(["import-devices", fleet.inventory]);
});
test.afterAll(async () => {
  await world.stop();
  await fleet.stop();
});

test("a connection test shows its steps, live, and asks for no configuration", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/devices/1?tab=connection`);
  await settled(page);
  await expect(page.getByText("It was not tested yet.")).toBeVisible();
  await page.getByRole("button", { name: "Test the connection" }).click();
  await expect(page.getByText("The device can be reached, takes the login and shows its prompt.")).toBeVisible();
  const steps = page.locator(".trace");
  for (const step of ["connecting to 127.", "host key SHA256:", "is taken", "the prompt is", "logging out"]) {
    await expect(steps).toContainText(step);
  }
  await page.screenshot({ path: "screenshots/device-connection-1440-light.png", fullPage: true });
  const [device] = JSON.parse(await world.etiqa(["device", "list", "--json"])) as Record<string, unknown>[];
  expect(device).toMatchObject({ last_result: null });
  expect(watch.take()).toEqual([]);
});
