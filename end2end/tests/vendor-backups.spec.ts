// Vendors' own backups: a person trusts the appliance's certificate, fetches one, and downloads it.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

import { expect, testsWith } from "../support/test.ts";
import { lookOnPhone } from "../support/watch.ts";

const test = testsWith({ fleet: { devices: 1, types: "f5_big_ip" } });

test("a vendor's backup is fetched once its certificate is trusted, and comes down whole", async ({ page, open }) => {
  await open("/devices/1?tab=artifacts");
  await expect(page.getByText("None was fetched yet.")).toBeVisible();

  await page.getByRole("button", { name: "Fetch one now" }).click();
  await expect(page.getByText("Its certificate is not trusted.")).toBeVisible();
  await page.screenshot({ path: "screenshots/device-certificate-1440-light.png", fullPage: true });
  await page.getByRole("button", { name: "Trust this certificate" }).click();
  await expect(page.getByText("Only this certificate of the device is trusted")).toBeVisible();

  await page.getByRole("button", { name: "Fetch one now" }).click();
  await expect(page.getByText(/A whole F5 UCS of \d+ bytes was taken\./)).toBeVisible();
  await page.screenshot({ path: "screenshots/device-artifacts-1440-light.png", fullPage: true });
  await lookOnPhone(page, "device-artifacts");

  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  const file = await (await coming).path();
  const sha256 = createHash("sha256").update(readFileSync(file)).digest("hex");
  await expect(page.getByText(sha256)).toBeVisible();
});
