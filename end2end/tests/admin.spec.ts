// The admin's pages: a driver on the bench, and lists that are searched, added to, changed and removed from.
import { mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { CREDENTIAL } from "../support/fleet.ts";
import { expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";

const test = testsWith();

const SESSION = `sw>enable
Password: 
sw#terminal length 0
sw#show running-config
Building configuration...

Current configuration : 80 bytes
!
version 15.2
hostname sw
!
end
sw#exit
`;

test("a driver is tried against a pasted session, as it is and edited", async ({ page, open }) => {
  await open("/admin/drivers/ios");
  await page.getByLabel("Pasted session").fill(SESSION);
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByRole("heading", { name: "Part running" })).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "the echo “sw#show running-config”" })).toBeVisible();

  const driver = page.getByLabel("Driver", { exact: true });
  await driver.fill((await driver.inputValue()).replace("min_lines = 5", "min_lines = 500"));
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByText("at least 500 are expected").first()).toBeVisible();
  await expect(page.getByLabel("Pasted session")).toHaveValue(SESSION);
});

test("a driver is tried without JavaScript", async ({ plain }) => {
  await plain.goto("/admin/drivers/ios");
  await plain.getByLabel("Pasted session").fill(SESSION);
  await plain.getByRole("button", { name: "Try it" }).click();
  await expect(plain.getByRole("heading", { name: "Part running" })).toBeVisible();
  await expect(plain.getByLabel("Pasted session")).toHaveValue(SESSION);
});

test("a user is added, found, changed and removed", async ({ page, open }) => {
  await open("/admin/users");
  await page.getByLabel("User name").fill("mara");
  await page.getByLabel("Password").fill("a sentence is easy to keep");
  await page.getByRole("button", { name: "Save user" }).click();
  const mara = page.getByRole("row").filter({ hasText: "mara" });
  await expect(mara).toContainText("viewer");

  await page.getByLabel("Search").fill("nobody");
  await expect(page.getByText("Nothing was found")).toBeVisible();
  await page.getByLabel("Search").fill("mar");
  await expect(page).toHaveURL(/q=mar$/);
  await expect(mara).toBeVisible();

  await mara.getByRole("link", { name: "Edit" }).click();
  await expect(page.getByRole("heading", { name: "Change mara" })).toBeVisible();
  await page.getByLabel("Role").selectOption("operator");
  await page.getByRole("button", { name: "Save user" }).click();
  await expect(mara).toContainText("operator");
  await expect(page.getByRole("heading", { name: "Add a user" })).toBeVisible();

  await mara.getByRole("button", { name: "Remove…" }).click();
  await mara.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(mara).toBeHidden();
});

test("a token is shown once, works, and is refused once it is removed", async ({ page, open, world }) => {
  await open("/admin/tokens");
  await page.getByLabel("Name", { exact: true }).fill("monitoring");
  await page.getByRole("button", { name: "Make token" }).click();
  const secret = (await page.locator(".secret code").textContent()) ?? "";
  const ask = async (): Promise<number> =>
    (await fetch(`${world.url}/backup/status/`, { headers: { authorization: `Bearer ${secret}` } })).status;
  expect(await ask()).toBe(200);
  const row = page.getByRole("row").filter({ hasText: "monitoring" });
  await expect(row).toContainText("viewer");
  await page.reload();
  await settled(page);
  await expect(page.getByText(secret)).toHaveCount(0);
  await row.getByRole("button", { name: "Remove…" }).click();
  await row.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByText("No token yet")).toBeVisible();
  expect(await ask()).toBe(401);
});

test("a credential is added after a mistake, changed without its password, and removed", async ({ page, open, watch }) => {
  watch.allow(/status of 4\d\d/);
  await open("/admin/credentials");
  const name = page.getByLabel("Name", { exact: true });
  await name.fill(CREDENTIAL);
  await page.getByLabel("User name on the device").fill("backup");
  await page.getByLabel("Password", { exact: true }).fill("lab-password");
  await page.getByRole("button", { name: "Save credential" }).click();
  await expect(name).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByLabel("User name on the device")).toHaveValue("backup");
  await name.fill("Lab");
  await page.getByRole("button", { name: "Save credential" }).click();
  const row = page.getByRole("row").filter({ hasText: "Lab" });
  await expect(row).toContainText("password");
  await row.getByRole("link", { name: "Edit" }).click();
  await expect(page.getByRole("heading", { name: "Change Lab" })).toBeVisible();
  await page.reload();
  await settled(page);
  await page.getByLabel("Site").fill("vienna");
  await page.getByRole("button", { name: "Save credential" }).click();
  await expect(row).toContainText("vienna");
  await expect(row).toContainText("password");
  await row.getByRole("button", { name: "Remove…" }).click();
  await row.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(row).toHaveCount(0);
});

// Saved with what was typed for another, a credential would get the other's password.
test("what was typed for one credential is gone from the form of another", async ({ page, open }) => {
  await open("/admin/credentials");
  const name = page.getByLabel("Name", { exact: true });
  const password = page.getByLabel("Password", { exact: true });
  await name.fill("Lab 2");
  await page.getByLabel("User name on the device").fill("backup");
  await password.fill("lab-password");
  await page.getByRole("button", { name: "Save credential" }).click();
  await expect(page.getByRole("row").filter({ hasText: "Lab 2" })).toBeVisible();
  for (const credential of [CREDENTIAL, "Lab 2"]) {
    await page.getByRole("row").filter({ hasText: credential }).getByRole("link", { name: "Edit" }).click();
    await expect(page.getByRole("heading", { name: `Change ${credential}` })).toBeVisible();
    await expect(name).toHaveValue(credential);
    await expect(password).toHaveValue("");
    await name.fill("half typed");
    await password.fill("half-typed-password");
  }
});

test("settings that cannot be are refused and kept in the form, and others saved", async ({ page, open, watch }) => {
  watch.allow(/status of 422/);
  await open("/admin/settings");
  const sessions = page.getByLabel("Sessions at once");
  await sessions.fill("5000");
  await page.getByRole("button", { name: "Save settings" }).click();
  await expect(sessions).toHaveAttribute("aria-invalid", "true");
  await expect(sessions).toHaveValue("5000");
  await sessions.fill("48");
  await page.getByRole("button", { name: "Save settings" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await page.reload();
  await expect(sessions).toHaveValue("48");
});

test("a folder is made a destination, tested, chosen by a backup, and has its archive", async ({ page, open, world }) => {
  const folder = mkdtempSync(join(world.folder, "nas-"));
  await open("/admin/destinations");
  await page.getByLabel("Name", { exact: true }).fill("Cellar");
  await page.getByLabel("Folder", { exact: true }).fill(folder);
  await page.getByRole("button", { name: "Save destination" }).click();
  const row = page.getByRole("row").filter({ hasText: "Cellar" });
  await row.getByRole("button", { name: "Test" }).click();
  await expect(page.locator(".notice.good")).toBeVisible();
  await expect(row).toContainText("Works");
  await open("/backup/new");
  await page.getByLabel("Name", { exact: true }).fill("To the cellar");
  await page.getByLabel("Makes").selectOption("data");
  await page.getByLabel("Cellar").check();
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(page.locator(".facts")).toContainText("Cellar");
  await settled(page);
  await page.getByRole("button", { name: "Run now" }).click();
  await expect(page.getByRole("row").filter({ hasText: "Completed" })).toBeVisible();
  await open("/backup/run/1");
  const copy = page.getByRole("row").filter({ hasText: "Cellar" });
  await expect(copy).toContainText(/to_the_cellar_\d{8}_\d{6}\.zip/, { timeout: 20_000 });
  expect(readdirSync(folder).some((name) => /^to_the_cellar_.*\.zip$/.test(name))).toBe(true);
});

test("what was typed for one user never becomes another's, and search and form keep to the address", async ({ page, open, world, watch }) => {
  // A password that is too short.
  watch.allow(/status of 422/);
  for (const name of ["anna", "ben"]) {
    await world.etiqa(["user", "add", name, "--role", "viewer", "--password-stdin"], "a sentence is easy to keep\n");
  }
  await open("/admin/users");
  const row = (name: string) => page.getByRole("row").filter({ hasText: name });
  const edit = async (name: string) => {
    await row(name).getByRole("link", { name: "Edit" }).click();
    await expect(page.getByRole("heading", { name: `Change ${name}` })).toBeVisible();
  };
  const problems = page.locator("#form [role=alert]").filter({ hasText: /\S/ });

  await edit("anna");
  await page.getByLabel("Role").selectOption("admin");
  await page.getByLabel("New password").fill("another sentence to keep");
  await edit("ben");
  await expect(page.getByLabel("Role")).toHaveValue("viewer");
  await expect(page.getByLabel("New password")).toHaveValue("");

  await page.getByLabel("New password").fill("short");
  await page.getByRole("button", { name: "Save user" }).click();
  await expect(problems.first()).toBeVisible();
  await edit("anna");
  await expect(problems).toHaveCount(0);
  await page.getByLabel("Role").selectOption("operator");
  await page.getByRole("button", { name: "Save user" }).click();
  await expect(page.getByText("anna is saved.")).toBeVisible();
  await expect(row("anna")).toContainText("operator");
  await expect(row("ben")).toContainText("viewer");

  await page.getByLabel("Search").fill("ann");
  await expect(row("ben")).toBeHidden();
  await edit("anna");
  await expect(page).toHaveURL(/q=ann&edit=\d+/);
  await expect(row("ben")).toBeHidden();
  await page.getByLabel("New password").fill("half a sentence");
  await page.getByLabel("Search").fill("nobody");
  await expect(page.getByText("Nothing was found")).toBeVisible();
  await page.getByRole("link", { name: "Show all" }).click();
  await expect(row("ben")).toBeVisible();
  await expect(page.getByLabel("Search")).toHaveValue("");
  await expect(page.getByRole("heading", { name: "Change anna" })).toBeVisible();
  await expect(page.getByLabel("New password")).toHaveValue("half a sentence");

  // A form that was accepted makes room for the next.
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByLabel("User name").fill("carl");
  await page.getByLabel("Password").fill("a sentence is easy to keep");
  await page.getByRole("button", { name: "Save user" }).click();
  await expect(row("carl")).toBeVisible();
  await expect(page.getByLabel("User name")).toHaveValue("");
  await expect(page.getByLabel("Password")).toHaveValue("");
});
