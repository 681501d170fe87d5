// The list of devices, as who has many uses it: found while typing, ordered, chosen, changed together, handed out and
// taken in again.
import { readFileSync } from "node:fs";

import { CREDENTIAL } from "../support/fleet.ts";
import { expect, testsWith } from "../support/test.ts";
import { stickingOut } from "../support/watch.ts";

const test = testsWith({
  before: async ({ world }) => {
    for (const [name, number] of [["core-sw-1", 1], ["core-sw-2", 2], ["core-sw-3", 3], ["edge-rtr-1", 4]] as const) {
      await world.etiqa(["device", "add", `192.0.2.${number}`, "--hostname", name, "--type", "switch"]);
    }
  },
});

test("devices are found while typing, ordered, changed together, exported and deleted", async ({ page, open, world, watch }) => {
  await open("/devices/");
  const rows = page.locator(".rows tbody tr");
  await expect(rows).toHaveCount(4);

  await test.step("find them while typing", async () => {
    const search = page.getByRole("searchbox", { name: "Search" });
    await search.click();
    await page.keyboard.type("core");
    await expect(rows).toHaveCount(3);
    await expect(page).toHaveURL(/q=core(&|$)/);
    // The cursor stays where it was.
    await page.keyboard.type("-sw");
    await expect(page).toHaveURL(/q=core-sw(&|$)/);
    await expect(search).toHaveValue("core-sw");
    await expect(search).toBeFocused();
  });

  await test.step("order them by name, the last one first", async () => {
    const heading = page.getByRole("columnheader", { name: "Device" });
    await expect(heading).toHaveAttribute("aria-sort", "ascending");
    await heading.getByRole("link").click();
    await expect(heading).toHaveAttribute("aria-sort", "descending");
    await expect(page).toHaveURL(/sort=-name/);
    await expect(rows.first()).toContainText("core-sw-3");
    await expect(rows).toHaveCount(3);
  });

  await test.step("come back to the same by its address", async () => {
    await open(page.url());
    await expect(page.getByRole("searchbox", { name: "Search" })).toHaveValue("core-sw");
    await expect(rows).toHaveCount(3);
    await expect(rows.first()).toContainText("core-sw-3");
  });

  await test.step("disable two of them", async () => {
    await page.getByLabel("Choose core-sw-3").check();
    await page.getByLabel("Choose core-sw-1").check();
    await expect(page.getByText("2 of 3 chosen")).toBeVisible();
    expect(await stickingOut(page)).toEqual([]);
    await page.getByRole("button", { name: "Disable", exact: true }).click();
    await expect(page.getByText("Done for 2 devices.")).toBeVisible();
    await expect(rows.filter({ hasText: "Disabled" })).toHaveCount(2);
    await expect(rows.filter({ hasText: "core-sw-2" })).not.toContainText("Disabled");
    await expect(page.getByLabel("Choose core-sw-3")).not.toBeChecked();
  });

  await test.step("enable, tag, and give a credential to all that are shown", async () => {
    const all = page.getByLabel("Choose all devices of this page");
    await all.check();
    await page.getByRole("button", { name: "Enable", exact: true }).click();
    await expect(rows.filter({ hasText: "Disabled" })).toHaveCount(0);
    await expect(all).not.toBeChecked();
    await all.check();
    await page.getByRole("textbox", { name: "Tag" }).fill("rack-7");
    await page.getByRole("button", { name: "Add tag" }).click();
    await expect(rows.locator(".tag", { hasText: "rack-7" })).toHaveCount(3);
    await expect(all).not.toBeChecked();
    await all.check();
    await page.getByRole("combobox", { name: "Credential" }).selectOption(CREDENTIAL);
    await page.getByRole("button", { name: "Set credential" }).click();
    await expect(all).not.toBeChecked();
    const changed = (await world.devices()).filter(({ credential }) => credential === CREDENTIAL);
    expect(changed.map(({ hostname }) => hostname).sort()).toEqual(["core-sw-1", "core-sw-2", "core-sw-3"]);
  });

  await test.step("hand out the list, and no other device", async () => {
    const coming = page.waitForEvent("download");
    await page.getByRole("link", { name: "Export CSV" }).click();
    const table = readFileSync(await (await coming).path(), "utf8");
    expect(table.match(/core-sw-\d/g)?.sort()).toEqual(["core-sw-1", "core-sw-2", "core-sw-3"]);
    expect(table).not.toContain("edge-rtr-1");
    expect(table).toContain("rack-7");
  });

  await test.step("delete one of them, not without the word", async () => {
    watch.allow(/status of 422/);
    await page.getByLabel("Choose core-sw-2").check();
    await page.getByRole("button", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect(page.getByRole("alert").filter({ hasText: /delete/i }).first()).toBeVisible();
    await expect(page.getByLabel("Choose core-sw-2")).toBeChecked();
    await page.getByLabel("Type delete").fill("delete");
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await expect(rows).toHaveCount(2);
    await expect(rows.filter({ hasText: "core-sw-2" })).toHaveCount(0);
  });
});

test("on a phone the list begins on the first screen, is filtered behind a button and ordered by a choice", async ({ page, open }) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await open("/devices/");
  const rows = page.locator(".rows tbody tr");
  await expect(rows.first()).toBeInViewport();
  await expect(page.getByLabel("Any type")).toBeHidden();
  await page.getByText("Filters", { exact: true }).click();
  await expect(page.getByLabel("Any type")).toBeVisible();
  await page.getByLabel("Order by").selectOption("-name");
  await expect(page).toHaveURL(/sort=-name/);
  await expect(rows.first()).toContainText("edge-rtr-1");
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: "screenshots/devices-phone-390-light.png" });
});

test("a choice that is refused is marked, and its reason belongs to it", async ({ page, open, world, watch }) => {
  watch.allow(/status of 422/);
  await world.etiqa(["credential", "add", "short-lived", "--username", "lab", "--password-stdin"], "lab-password\n");
  await open("/devices/new");
  await page.getByLabel("Address", { exact: true }).fill("192.0.2.9");
  const credential = page.getByLabel("Credential");
  await credential.selectOption("short-lived");
  await world.etiqa(["credential", "remove", "short-lived"]);
  await page.getByRole("button", { name: "Save device" }).click();
  await expect(credential).toHaveAttribute("aria-invalid", "true");
  await expect(credential).toHaveAccessibleDescription(/\S/);
});

test("a file of devices is looked at before anything is written, known ones and refused lines among them", async ({ page, open, world }) => {
  await open("/devices/import");
  const file = "ip,hostname,type,colour\n192.0.2.4,edge-rtr-9,router,red\n192.0.2.21,dist-sw-1,switch,\n192.0.2.22,dist-sw-2,toaster,\n";
  await page.locator('input[type="file"]').setInputFiles({ name: "site.csv", mimeType: "text/csv", buffer: Buffer.from(file) });
  await page.getByRole("button", { name: "Upload and preview" }).click();
  await expect(page.getByText("These columns mean nothing here and are left out: colour.")).toBeVisible();
  await expect(page.getByRole("row").filter({ hasText: "dist-sw-1" })).toContainText("New");
  await expect(page.getByRole("row").filter({ hasText: "edge-rtr-9" })).toContainText("Stays");
  await expect(page.getByRole("row").filter({ hasText: "line 4" })).toContainText("toaster");
  await page.getByRole("link", { name: "Update known devices too" }).click();
  await expect(page.getByRole("row").filter({ hasText: "edge-rtr-9" })).toContainText("Changes");
  expect((await world.devices()).map(({ hostname }) => hostname)).not.toContain("dist-sw-1");
  await page.getByRole("button", { name: "Import 2 devices" }).click();
  await expect(page.getByText("site.csv is imported: 1 new, 1 changed")).toBeVisible();
  const names = (await world.devices()).map(({ hostname }) => hostname);
  expect(names).toContain("dist-sw-1");
  expect(names).toContain("edge-rtr-9");
});

test("a device that somebody else deletes is said to be gone, where it was open and where its address was kept", async ({ page, open, world, watch }) => {
  const device = (await world.devices()).find(({ hostname }) => hostname === "core-sw-1");
  await open(`/devices/${device?.id}`);
  watch.allow(/status of 404/);
  await world.call("delete_device", { id: String(device?.id) });
  await expect(page.getByRole("heading", { name: "Not found", level: 1 })).toBeVisible();
  await page.reload();
  await expect(page.getByRole("heading", { name: "Not found", level: 1 })).toBeVisible();
  await page.getByRole("main").getByRole("link", { name: "Overview" }).click();
  await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
});

test("what time alone changes is looked at every minute", async ({ page, open }) => {
  await page.clock.install();
  const asked = new Set<string>();
  page.on("request", (request) => asked.add(new URL(request.url()).pathname));
  for (const [path, question] of [
    ["/", "/rpc/get_overview"],
    ["/devices/?state=overdue", "/rpc/list_devices"],
    ["/admin/", "/rpc/list_admin_sections"],
  ] as const) {
    await open(path);
    asked.clear();
    // The minute turns, and not all pages ask at once.
    await page.clock.runFor(61_000);
    await page.clock.runFor(11_000);
    await expect.poll(() => asked.has(question), path).toBe(true);
  }
});
