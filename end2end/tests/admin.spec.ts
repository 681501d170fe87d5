// The admin's pages: a driver on the bench, and lists that are searched, added to, changed and removed from.
import { expect, test } from "@playwright/test";

import { Watch, settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
test.beforeAll(async () => {
  world = await World.start();
});
test.afterAll(() => world.stop());

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

test("a driver is tried against a pasted session, as it is and edited", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/admin/drivers/ios`);
  await settled(page);
  await page.getByLabel("Pasted session").fill(SESSION);
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByRole("heading", { name: "Part running" })).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "the echo “sw#show running-config”" })).toBeVisible();

  const driver = page.getByLabel("Driver", { exact: true });
  await driver.fill((await driver.inputValue()).replace("min_lines = 5", "min_lines = 500"));
  await page.getByRole("button", { name: "Try it" }).click();
  await expect(page.getByText("at least 500 are expected").first()).toBeVisible();
  await expect(page.getByLabel("Pasted session")).toHaveValue(SESSION);
  expect(watch.take()).toEqual([]);
});

test("a driver is tried without JavaScript", async ({ browser, page }) => {
  await world.signIn(page);
  const state = await page.context().storageState();
  const plain = await (await browser.newContext({ javaScriptEnabled: false, storageState: state })).newPage();
  await plain.goto(`${world.url}/admin/drivers/ios`);
  await plain.getByLabel("Pasted session").fill(SESSION);
  await plain.getByRole("button", { name: "Try it" }).click();
  await expect(plain.getByRole("heading", { name: "Part running" })).toBeVisible();
  await expect(plain.getByLabel("Pasted session")).toHaveValue(SESSION);
  await plain.context().close();
});

test("a user is added, found, changed and removed", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/admin/users`);
  await settled(page);
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
  expect(watch.take()).toEqual([]);
});

test("what was typed for one user never becomes another's, and search and form keep to the address", async ({ page }) => {
  for (const name of ["anna", "ben"]) {
    await world.etiqa(["user", "add", name, "--role", "viewer", "--password-stdin"], "a sentence is easy to keep\n");
  }
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/admin/users`);
  await settled(page);
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
  // Only what was typed wrongly may be refused.
  expect(watch.take().filter((what) => !what.includes("422"))).toEqual([]);

  // A form that was accepted makes room for the next.
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByLabel("User name").fill("carl");
  await page.getByLabel("Password").fill("a sentence is easy to keep");
  await page.getByRole("button", { name: "Save user" }).click();
  await expect(row("carl")).toBeVisible();
  await expect(page.getByLabel("User name")).toHaveValue("");
  await expect(page.getByLabel("Password")).toHaveValue("");
});
