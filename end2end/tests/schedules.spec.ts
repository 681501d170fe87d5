// When backups run: windows and delays shown while they are filled in, all of them paused, and who works on them.
import { expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";

const test = testsWith();

test("a schedule says in words and by the clock what is filled in, with its windows and its delay", async ({ page, open, watch }) => {
  await open("/backup/new");
  await page.getByLabel("Name", { exact: true }).fill("Nightly");
  await page.getByLabel("Time zone").fill("UTC");
  await page.getByLabel("Time", { exact: true }).fill("09:30");
  const preview = page.locator(".preview");
  watch.allow(/status of 422/);
  await page.getByLabel("Not during").fill("mon-sun");
  await expect(preview).toContainText("These windows leave no time for a run.");
  await page.getByLabel("Not during").fill("08:00-18:00");
  await page.getByLabel("Up to so many minutes later").fill("20");
  await expect(preview).toContainText("daily at 09:30, UTC; up to 20 min later; not 08:00-18:00");
  await expect(preview.locator("time").first()).toHaveAttribute("datetime", /T18:00:00/);
  await page.getByRole("button", { name: "Save backup" }).click();
  await expect(page.getByRole("heading", { name: "Nightly" })).toBeVisible();
  await expect(page.getByRole("main")).toContainText("not 08:00-18:00");
});

test("all schedules are paused and run again", async ({ page, open }) => {
  await open("/backup/");
  await page.getByRole("button", { name: "Pause all schedules" }).click();
  await expect(page.getByRole("status").filter({ hasText: "paused all schedules" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Pause all schedules" })).toBeHidden();
  await page.goto("/");
  await settled(page);
  await page.getByRole("button", { name: "Run schedules again" }).click();
  await expect(page.getByText("paused all schedules")).toBeHidden();
});

test("the machines that work and the queue are looked at", async ({ page }) => {
  await page.goto("/admin/");
  await page.getByRole("main").getByRole("link", { name: "Machines" }).click();
  const row = page.getByRole("row").filter({ hasText: "server" });
  await expect(row).toContainText("Works");
  await expect(row).toContainText("Schedules");
  await page.goto("/admin/jobs");
  await expect(page.getByText("Nothing waits and nothing went wrong")).toBeVisible();
});
