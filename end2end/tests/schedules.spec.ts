// When backups run: windows and delays shown while they are filled in, all of them paused, and who works on them.
import { expect, test } from "@playwright/test";

import { Watch, settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
test.beforeAll(async () => {
  world = await World.start();
});
test.afterAll(() => world.stop());

test("a schedule says in words and by the clock what is filled in, with its windows and its delay", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/backup/new`);
  await settled(page);
  await page.getByLabel("Name", { exact: true }).fill("Nightly");
  await page.getByLabel("Time zone").fill("UTC");
  await page.getByLabel("Time", { exact: true }).fill("09:30");
  const preview = page.locator(".preview");
  await page.getByLabel("Not during").fill("mon-sun");
  await expect(preview).toContainText("These windows leave no time for a run.");
  await page.getByLabel("Not during").fill("08:00-18:00");
  await page.getByLabel("Up to so many minutes later").fill("20");
  await expect(preview).toContainText("daily at 09:30, UTC; up to 20 min later; not 08:00-18:00");
  await expect(preview.locator("time").first()).toHaveAttribute("datetime", /T18:00:00/);
  watch.take();
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(page.getByRole("heading", { name: "Nightly" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("not 08:00-18:00");
  expect(watch.take()).toEqual([]);
});

test("all schedules are paused and run again", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/backup/`);
  await settled(page);
  await page.getByRole("button", { name: "Pause all schedules" }).click();
  await expect(page.getByRole("status").filter({ hasText: "paused all schedules" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Pause all schedules" })).toBeHidden();
  await page.goto(world.url);
  await settled(page);
  await page.getByRole("button", { name: "Run schedules again" }).click();
  await expect(page.getByText("paused all schedules")).toBeHidden();
  expect(watch.take()).toEqual([]);
});

test("the machines that work and the queue are looked at", async ({ page }) => {
  const watch = await Watch.of(page, world.url);
  await world.signIn(page);
  await page.goto(`${world.url}/admin/`);
  await page.getByRole("main").getByRole("link", { name: "Machines" }).click();
  const row = page.getByRole("row").filter({ hasText: "server" });
  await expect(row).toContainText("Works");
  await expect(row).toContainText("Schedules");
  await page.goto(`${world.url}/admin/jobs`);
  await expect(page.getByText("Nothing waits and nothing went wrong")).toBeVisible();
  expect(watch.take()).toEqual([]);
});
