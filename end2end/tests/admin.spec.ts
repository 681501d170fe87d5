// The admin's pages: a driver on the bench, and lists that are searched, added to, changed and removed from.
import { expect, testsWith } from "../support/test.ts";

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

  await mara.getByText("Remove…").click();
  await mara.getByRole("button", { name: "Remove" }).click();
  await expect(mara).toBeHidden();
});
