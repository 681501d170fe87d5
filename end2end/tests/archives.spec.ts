// Archives as a person sees them: sealed with a passphrase that was made, looked into, tried out, kept, and the kit.
import { expect, testsWith } from "../support/test.ts";
import { lookOnPhone, settled, stickingOut } from "../support/watch.ts";
import { ADMIN } from "../support/world.ts";

const test = testsWith({ fleet: { devices: 2 } });

test("a sealed archive is made, looked into, tried out and kept for good", async ({ page, open, world, watch }) => {
  await open("/backup/new");
  await page.getByLabel("Name", { exact: true }).fill("Sealed");
  await page.getByLabel("Makes").selectOption("full");
  await expect(page.getByLabel("Passphrase")).toBeHidden();
  await page.getByLabel("Archives are").selectOption("age");
  await expect(page.getByLabel("Recipients, one a line")).toBeVisible();
  await page.getByLabel("Archives are").selectOption("passphrase");
  await expect(page.getByLabel("Recipients, one a line")).toBeHidden();
  await page.getByRole("button", { name: "Make one" }).click();
  const passphrase = (await page.locator(".secret code").textContent()) ?? "";
  expect(passphrase).toMatch(/^[a-z2-9]{4}(-[a-z2-9]{4}){5}$/);
  await page.screenshot({ path: "screenshots/backup-passphrase-1440-light.png", fullPage: true });
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(page.getByRole("heading", { name: "Sealed", level: 1 })).toBeVisible();

  await world.etiqa(["run-backups", "--force"]);
  await page.goto("/backup/run/1");
  await page.getByRole("link", { name: "Archive", exact: true }).click();
  await expect(page.getByRole("heading", { name: /^sealed_\d{8}_\d{6}\.zip$/ })).toBeVisible();
  await expect(page.getByRole("link", { name: "database.json" })).toBeVisible();
  await settled(page);

  await page.getByRole("button", { name: "Try out a restore" }).click();
  await expect(page.getByText(/^It restores: \d+ rows and \d+ files came back/)).toBeVisible();
  await expect(page.getByText("Restores", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Verify" }).click();
  await expect(page.getByText("Every checksum matches.")).toBeVisible();
  await page.getByRole("button", { name: "Keep for good" }).click();
  await expect(page.getByText("Kept for good by admin.")).toBeVisible();
  await page.screenshot({ path: "screenshots/archive-1440-light.png", fullPage: true });

  await page.getByLabel("Find a file by its name").fill("running.cfg");
  await page.getByLabel("Find a file by its name").press("Enter");
  await expect(page.getByText(/^2 of \d+ files$/)).toBeVisible();
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: /^configs\/.*\/running\.cfg$/ }).first().click();
  expect((await coming).suggestedFilename()).toBe("running.cfg");
  await lookOnPhone(page, "archive");

  await page.setViewportSize({ width: 390, height: 844 });
  await open("/admin/recovery-kit");
  await expect(page.getByText("No kit was taken yet.")).toBeVisible();
  watch.allow(/status of 422/);
  await page.getByLabel("Your password").fill("not my password");
  await page.getByRole("button", { name: "Show the recovery kit" }).click();
  await expect(page.getByText("This is not your password.").first()).toBeVisible();
  await page.getByLabel("Your password").fill(ADMIN.password);
  await page.getByRole("button", { name: "Show the recovery kit" }).click();
  await expect(page.locator(".paper pre")).toContainText(passphrase);
  await expect(page.getByText("holds everything: the key and 1 passphrase.")).toBeVisible();
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: "screenshots/recovery-kit-390-light.png", fullPage: true });
});
