// Vendors' own backups: a person trusts the appliance's certificate, fetches one, and downloads it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { expect, test } from "@playwright/test";

import { Fleet } from "../support/fleet.ts";
import { Watch, settled, stickingOut } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
let fleet: Fleet;
test.beforeAll(async () => {
  world = await World.start();
  fleet = await Fleet.start(world.folder, { devices: 1, types: "f5_big_ip" });
  await world.etiqa(["import-devices", fleet.inventory]);
});
test.afterAll(async () => {
  await world.stop();
  await fleet.stop();
});

test("a vendor's backup is fetched once its certificate is trusted, and comes down whole", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/devices/1?tab=artifacts`);
  await settled(page);
  await expect(page.getByText("None was fetched yet.")).toBeVisible();

  await page.getByRole("button", { name: "Fetch one now" }).click();
  await expect(page.getByText("Its certificate is not trusted.")).toBeVisible();
  await page.screenshot({ path: "screenshots/device-certificate-1440-light.png", fullPage: true });
  await page.getByRole("button", { name: "Trust this certificate" }).click();
  await expect(page.getByText("Only this certificate of the device is trusted")).toBeVisible();

  await page.getByRole("button", { name: "Fetch one now" }).click();
  await expect(page.getByText(/A whole F5 UCS of \d+ bytes was taken\./)).toBeVisible();
  await page.screenshot({ path: "screenshots/device-artifacts-1440-light.png", fullPage: true });
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: "screenshots/device-artifacts-390-light.png", fullPage: true });

  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  const file = await (await coming).path();
  const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
  await expect(page.getByText(sha256)).toBeVisible();
  expect(watch.take()).toEqual([]);
});
