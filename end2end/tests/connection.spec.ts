// Testing the connection to a device: a person sees each step as it happens, and who answers there.
import { expect, testsWith } from "../support/test.ts";

const test = testsWith({ fleet: { devices: 1 } });

test("a connection test shows its steps, live, and asks for no configuration", async ({ page, open, world }) => {
  await open("/devices/1?tab=connection");
  await expect(page.getByText("It was not tested yet.")).toBeVisible();
  await page.getByRole("button", { name: "Test the connection" }).click();
  await expect(page.getByText("The device can be reached, takes the login and shows its prompt.")).toBeVisible();
  const steps = page.locator(".trace");
  for (const step of ["connecting to 127.", "host key SHA256:", "is taken", "the prompt is", "logging out"]) {
    await expect(steps).toContainText(step);
  }
  await page.screenshot({ path: "screenshots/device-connection-1440-light.png", fullPage: true });
  const [device] = await world.devices();
  expect(device).toMatchObject({ last_result: null });
});

test("a device that was replaced is let in by its new key", async ({ page, open, world, fleet }) => {
  await fleet.replace();
  await world.etiqa(["collect", "--all"]).catch(() => undefined);
  await open("/devices/1?tab=connection");
  const notice = page.locator(".notice").filter({ hasText: "The host key changed." });
  await expect(notice).toContainText("known SHA256:");
  await expect(notice).toContainText("offered SHA256:");
  await notice.getByRole("button", { name: "Accept the new key" }).click();
  await expect(notice).toBeHidden();
  await page.getByRole("button", { name: "Test the connection" }).click();
  await expect(page.getByText("The device can be reached, takes the login and shows its prompt.")).toBeVisible();
});
