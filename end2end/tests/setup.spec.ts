// The first visit: the first admin by the console's code, and an archive of another instance instead of one.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { expect, testsWith } from "../support/test.ts";
import { Watch, settled } from "../support/watch.ts";
import { ADMIN, World } from "../support/world.ts";

const test = testsWith({ isSetUp: false });

test("the first admin is made with the code of the console, and nobody after that", async ({ page, world, watch }) => {
  await page.goto("/setup");
  watch.allow(/status of 4\d\d/);
  await page.getByLabel("One-time code").first().fill("not-the-code");
  await page.getByLabel("User name").fill("ada");
  await page.getByLabel("Password").first().fill(ADMIN.password);
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await expect(page.getByRole("alert").filter({ hasText: /code/ }).first()).toBeVisible();
  await expect(page.getByLabel("User name")).toHaveValue("ada");
  await page.getByLabel("One-time code").first().fill(world.setupCode);
  await page.getByRole("button", { name: "Create and sign in" }).click();
  await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  await expect(page.getByRole("heading", { name: "To your first backup" })).toBeVisible();
  await page.goto("/setup");
  await expect(page.getByRole("heading", { name: "Already set up" })).toBeVisible();
});

test("an archive is restored on the first page, with its people, and waits until schedules are let run", async ({ browser, world }) => {
  await world.etiqa(["backup-config", "add", "Whole", "--type", "full", "--frequency", "daily"]);
  await world.etiqa(["run-backups", "--force"]);
  const archives = join(world.folder, "data/backups");
  const [archive] = readdirSync(archives).filter((name) => name.endsWith(".zip"));
  const other = await World.startEmpty();
  const context = await browser.newContext();
  try {
    const watch = await Watch.of(context, other.url);
    const page = await context.newPage();
    await page.goto(`${other.url}/setup`);
    await page.getByText("Or restore an archive").click();
    const form = page.locator("details[open]");
    await form.getByLabel("One-time code").fill(other.setupCode);
    await form.getByLabel("Key", { exact: true }).fill(readFileSync(join(world.folder, "data/secret.key"), "utf8").trim());
    await form.getByLabel("Archive", { exact: true }).setInputFiles(join(archives, archive ?? ""));
    await form.getByRole("button", { name: "Restore" }).click();
    await expect(page.getByRole("heading", { name: "Already set up" })).toBeVisible({ timeout: 30_000 });
    await page.getByRole("link", { name: "Sign in" }).click();
    await page.getByLabel("User name").fill("ada");
    await page.getByLabel("Password").fill(ADMIN.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByText("Restored from an archive")).toBeVisible();
    await settled(page);
    await page.getByRole("button", { name: "Run schedules again" }).click();
    await expect(page.getByText("Restored from an archive")).toBeHidden();
    expect(watch.take()).toEqual([]);
  } finally {
    await context.close();
    await other.stop();
  }
});
