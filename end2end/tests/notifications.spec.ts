// Channels and rules of notifications: what was just saved is what is edited next.
import { expect, testsWith } from "../support/test.ts";

const test = testsWith({ fleet: { devices: 1 } });

test("a channel and a rule that were just added are edited as they are, time after time", async ({ page, open }) => {
  await open("/admin/notifications");
  const channel = page.locator("#channel");
  await channel.getByLabel("Name", { exact: true }).fill("Duty log");
  await channel.getByLabel("Kind").selectOption("syslog");
  await channel.getByLabel("Server", { exact: true }).fill("192.0.2.9");
  await channel.getByRole("button", { name: "Save channel" }).click();
  const listed = page.getByRole("row").filter({ hasText: "Duty" });
  for (const [before, after] of [["Duty log", "Duty desk"], ["Duty desk", "Duty room"]] as const) {
    await listed.getByRole("link", { name: "Edit" }).click();
    await expect(channel.getByRole("heading", { name: `Change ${before}` })).toBeVisible();
    await expect(channel.getByLabel("Name", { exact: true })).toHaveValue(before);
    await channel.getByLabel("Name", { exact: true }).fill(after);
    await channel.getByRole("button", { name: "Save channel" }).click();
    await expect(listed).toContainText(after);
  }

  const rule = page.locator("#rule");
  await rule.getByLabel("Name", { exact: true }).fill("Night watch");
  await rule.getByLabel("Run failed").check();
  await rule.getByLabel("Duty room").check();
  await rule.getByRole("button", { name: "Save rule" }).click();
  const watch = page.getByRole("row").filter({ hasText: /Night (watch|shift)|Morning shift/ });
  for (const [before, after] of [["Night watch", "Night shift"], ["Night shift", "Morning shift"]] as const) {
    await watch.getByRole("link", { name: "Edit" }).click();
    await expect(rule.getByRole("heading", { name: `Change ${before}` })).toBeVisible();
    await expect(rule.getByLabel("Name", { exact: true })).toHaveValue(before);
    await rule.getByLabel("Name", { exact: true }).fill(after);
    await rule.getByRole("button", { name: "Save rule" }).click();
    await expect(watch).toContainText(after);
  }
});
