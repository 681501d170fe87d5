// A run while it goes on: devices as they finish, why one failed and what it said, and an end before its time.
import { expect, testsWith } from "../support/test.ts";
import { visit } from "../support/watch.ts";

const test = testsWith({
  // One refuses the password, and one takes so long that the run is still there to be looked at.
  fleet: { devices: 3, faults: "wrong-password=1,slow=1", slowMs: 6_000 },
  before: ({ world }) => world.etiqa(["backup-config", "add", "Nightly", "--type", "config", "--frequency", "daily"]),
});

test("a run is watched as its devices finish, a failure is understood, and the run is cancelled", async ({ page, open, plain, another }) => {
  await open("/backup/config/1");
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.locator(".toast")).toContainText("Nightly is queued.");
  await page.getByRole("link", { name: "Watch it" }).click();
  await expect(page.getByRole("heading", { name: "Nightly #1", level: 1 })).toBeVisible();
  const results = page.locator("section", { has: page.getByRole("heading", { name: "Devices" }) });
  const failed = results.getByRole("row").filter({ hasText: "Login refused" });

  await test.step("devices come by themselves while it goes on", async () => {
    await expect(failed).toBeVisible({ timeout: 30_000 });
    await expect(results.getByRole("row").filter({ hasText: "OK" })).toBeVisible({ timeout: 30_000 });
    await expect(page.getByText("2 of 3 devices")).toBeVisible();
    await page.screenshot({ path: "screenshots/run-going-1440-light.png", fullPage: true });
  });

  await test.step("the overview shows it too, with its bar, and when the next one comes", async () => {
    const first = await another();
    await visit(first, "/");
    const running = first.locator("section", { has: first.getByRole("heading", { name: "Running now" }) });
    await expect(running.getByRole("link", { name: "Nightly" })).toBeVisible();
    await expect(running.getByRole("progressbar")).toHaveAttribute("value", "2");
    await expect(first.getByText("Next run")).toContainText(/in \d+ (h|min)/);
  });

  await test.step("the failed device says what to do, and what it sent", async () => {
    await results.getByRole("link", { name: "Failed 1" }).click();
    await expect(results.getByRole("row")).toHaveCount(2);
    await expect(failed).toContainText("Check the user name and the password of the credential");
    await failed.getByRole("link", { name: "See session" }).click();
    await expect(failed.locator(".transcript")).toContainText(/\S/);
    // The open session is in the address.
    await plain.goto(page.url());
    await expect(plain.locator(".transcript")).toContainText(/\S/);
  });

  await test.step("cancel it", async () => {
    await page.getByRole("button", { name: "Cancel…" }).click();
    await expect(page.getByText("Devices that are done keep their new versions")).toBeVisible();
    await page.getByRole("button", { name: "Cancel the run" }).click();
    await expect(page.locator("h1 + .chips, header .chip").filter({ hasText: "Cancelled" }).first()).toBeVisible({ timeout: 30_000 });
    await expect(page.getByRole("button", { name: "Run again" })).toBeVisible();
    await expect(page.getByRole("link", { name: "Download" })).toBeHidden();
  });

  await test.step("times are said for people, and exactly, by the viewer's clock", async () => {
    await expect(page.locator(".facts time").first()).toHaveText(/today|ago|now/);
    await expect(page.locator(".facts time").first()).toHaveAttribute("title", /\d{4}.*\d{2}:\d{2}:\d{2}/);
  });
});

test("a backup of chosen devices is planned, changed, disabled, enabled again from where that is said, and deleted", async ({ page, open, world }) => {
  const [device] = await world.devices();
  await open("/backup/new");
  await page.getByLabel("Name", { exact: true }).fill("One of them");
  await page.getByLabel("Devices", { exact: true }).selectOption({ label: "Chosen devices" });
  await page.getByPlaceholder("Find by name or address").fill(device?.hostname ?? "");
  await page.locator(".picker-list").getByLabel(device?.hostname ?? "").check();
  await expect(page.getByText("1 device chosen")).toBeVisible();
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(page.getByRole("heading", { name: "One of them", level: 1 })).toBeVisible();
  await expect(page.locator(".facts")).toContainText(device?.hostname ?? "");

  await page.getByRole("link", { name: "Edit" }).click();
  await page.getByLabel("How often").selectOption("weekly");
  await page.getByLabel("Weekday").selectOption({ label: "Sunday" });
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(page.locator(".facts")).toContainText(/sunday/i);

  await open("/backup/");
  const row = page.getByRole("row").filter({ hasText: "One of them" });
  await row.getByRole("button", { name: "Disable" }).click();
  await expect(row).toContainText("Disabled");
  await page.locator(".toast").getByRole("button", { name: "Undo" }).click();
  await expect(row.getByRole("button", { name: "Disable" })).toBeVisible();
  await row.getByRole("link", { name: "One of them" }).click();
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Backups", level: 1 })).toBeVisible();
  await expect(row).toHaveCount(0);
});
