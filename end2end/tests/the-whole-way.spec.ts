// What a newcomer does on the first day: import devices, plan a backup, run it, keep the archive, and read next what
// changed. All of it by what stands on the pages.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { openArchive } from "../support/archive.ts";
import type { Fleet } from "../support/fleet.ts";
import { type Locator, type Page, expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";

const DEVICES = 6;
const BACKUP = "Nightly configs";

const test = testsWith({
  // One device takes its time, so that there is something to watch.
  fleet: { devices: DEVICES, faults: "slow=1", slowMs: 400 },
  isImported: false,
  isSignedIn: false,
});

/** Host names in the inventory, in its order. */
function hostnames(fleet: Fleet): string[] {
  const rows = readFileSync(fleet.inventory, "utf8").trim().split("\n").slice(1);
  return rows.map((row) => row.split(",")[1] ?? "");
}

function heading(page: Page, name: string | RegExp): Locator {
  return page.getByRole("heading", { name, level: 1 });
}

/** The newest run in the list of runs on the page. */
function newestRun(page: Page): Locator {
  const runs = page.getByRole("table").filter({ has: page.getByRole("columnheader", { name: "Outcome" }) });
  return runs.getByRole("row").nth(1);
}

async function follow(page: Page, link: string): Promise<void> {
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: link }).click();
  await expect(heading(page, link)).toBeVisible();
}

test("from a CSV of devices to the difference of two versions", async ({ page, world, fleet }) => {
  test.setTimeout(240_000);
  await world.signIn(page);

  await test.step("import a CSV", async () => {
    await follow(page, "Devices");
    await page.getByRole("link", { name: "Import" }).first().click();
    await expect(heading(page, /import/i)).toBeVisible();
    await page.locator('input[type="file"]').setInputFiles(fleet.inventory);
    await page.getByRole("button", { name: /upload|preview|check/i }).click();
    // The preview names the devices before anything is written.
    for (const hostname of hostnames(fleet)) {
      await expect(page.getByRole("row").filter({ hasText: hostname })).toBeVisible();
    }
    await page.getByRole("button", { name: /^import/i }).click();
    await follow(page, "Devices");
    for (const hostname of hostnames(fleet)) {
      await expect(page.getByRole("link", { name: hostname, exact: true })).toBeVisible();
    }
  });

  await test.step("create a backup", async () => {
    await follow(page, "Backups");
    await page.getByRole("link", { name: "New backup" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill(BACKUP);
    // The form begins as: device configurations, daily at 02:00, all devices.
    await page.getByRole("button", { name: /^(save|create|add)/i }).click();
    await follow(page, "Backups");
    await expect(page.getByRole("link", { name: BACKUP })).toBeVisible();
  });

  await test.step("run it and watch the bar move, without reloading", async () => {
    await settled(page);
    await page.evaluate(() => Object.assign(window, { isSamePage: true }));
    await page.getByRole("button", { name: "Run now" }).click();

    const bar = newestRun(page).getByRole("progressbar");
    const done = (): Promise<number> =>
      bar.evaluate((element: HTMLProgressElement) => element.value, undefined, { timeout: 5_000 }).catch(() => 0);
    const isOnTheWay = async (): Promise<boolean> => {
      const value = await done();
      return value > 0 && value < DEVICES;
    };
    await expect.poll(isOnTheWay, { message: "the bar stands between none and all", intervals: [50] }).toBe(true);
    await expect(newestRun(page)).toContainText("Completed", { timeout: 60_000 });
    await expect(newestRun(page)).toContainText(`${DEVICES} devices`);
    expect(await page.evaluate(() => "isSamePage" in window)).toBe(true);
  });

  await test.step("download the archive and open it with other programs", async () => {
    const waiting = page.waitForEvent("download");
    await newestRun(page).getByRole("link", { name: /download/i }).click();
    const download = await waiting;
    expect(download.suggestedFilename()).toMatch(/^nightly_configs_\d{8}_\d{6}\.zip$/);
    const path = join(world.folder, download.suggestedFilename());
    await download.saveAs(path);

    const archive = await openArchive(path);
    expect(archive.names).toContain("manifest.json");
    expect(archive.names).toContain("network_configs.json");
    for (const hostname of hostnames(fleet)) {
      const running = archive.configs.find(({ name }) => name === `configs/${hostname}/running.cfg`);
      expect(running?.text, hostname).toContain(`hostname ${hostname}`);
      expect(running?.text.trimEnd().split("\n").at(-1), hostname).toBe("end");
    }
  });

  await test.step("change the devices and run again", async () => {
    await fleet.startEditing();
    const first = await newestRun(page).getByRole("link").first().innerText();
    await page.getByRole("button", { name: "Run now" }).click();
    await expect(newestRun(page).getByRole("link").first()).not.toHaveText(first);
    await expect(newestRun(page)).toContainText("Completed", { timeout: 60_000 });
  });

  await test.step("read the difference", async () => {
    await follow(page, "Overview");
    const changes = page.locator("section", { has: page.getByRole("heading", { name: "Recent changes" }) });
    const changed = changes.locator(".change").getByRole("link").first();
    const hostname = await changed.innerText();
    expect(hostnames(fleet)).toContain(hostname);
    await changed.click();
    await expect(heading(page, hostname)).toBeVisible();
    await expect(page.getByText("v2", { exact: true }).first()).toBeVisible();
    await expect(page.getByText("v1", { exact: true }).first()).toBeVisible();

    const difference = page.getByRole("region", { name: "Difference" });
    await expect(difference).toBeVisible();
    const lines = difference.getByRole("row");
    await expect(lines.filter({ hasText: /\+/ }).first()).toBeVisible();
    await expect(difference).toContainText("unchanged line");
  });
});
