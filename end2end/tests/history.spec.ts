// History as a person uses it: labels, an older version made active, texts compared, files attached, archives' fates.
import { expect, testsWith } from "../support/test.ts";
import { lookOnPhone, settled, stickingOut } from "../support/watch.ts";

const test = testsWith({
  fleet: { devices: 2, types: "router" },
  before: async ({ world, fleet }) => {
    await world.etiqa(["collect", "--all"]);
    await fleet.startEditing();
    await world.etiqa(["collect", "--all"]);
  },
});

test("a version is labelled, an older one made active, and any two texts compared", async ({ page, open, watch }) => {
  await open("/devices/1?part=running&v=1");
  await page.getByRole("link", { name: "Label, compare …" }).click();
  await expect(page.getByRole("heading", { name: /running v1$/, level: 1 })).toBeVisible();
  await settled(page);
  await page.getByLabel("Label").fill("before the upgrade");
  await page.getByLabel("Note").fill("Ticket 4711.");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();
  await expect(page.locator("dd", { hasText: "before the upgrade" })).toBeVisible();
  await page.getByRole("button", { name: "Make it active…" }).click();
  await page.getByRole("button", { name: "Make it active", exact: true }).click();
  await expect(page.getByText("It is the active version now.")).toBeVisible();
  expect(await stickingOut(page)).toEqual([]);
  await page.screenshot({ path: "screenshots/version-1440-light.png", fullPage: true });

  await page.getByRole("link", { name: "Compare with another" }).click();
  await expect(page.getByRole("heading", { name: "Compare", level: 1 })).toBeVisible();
  await settled(page);
  watch.allow(/status of 422/);
  await page.getByRole("group", { name: "New" }).getByLabel("Device").fill("nobody");
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByText("There is no device named").first()).toBeVisible();
  const device = await page.getByRole("group", { name: "Old" }).getByLabel("Device").inputValue();
  await page.getByRole("group", { name: "New" }).getByLabel("Device").fill(device);
  await page.getByRole("group", { name: "New" }).getByLabel("Which text").fill("2");
  await page.getByLabel("Volatile lines left out").uncheck();
  await page.getByLabel("Side by side").check();
  await page.getByRole("button", { name: "Compare" }).click();
  await expect(page.getByRole("region", { name: "Difference" }).locator(".side-by-side")).toBeVisible();
  await page.screenshot({ path: "screenshots/compare-1440-light.png", fullPage: true });
  await lookOnPhone(page, "compare");

  const coming = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  expect((await coming).suggestedFilename()).toMatch(/^network_\d{8}_\d{6}Z\.zip$/);
  await open("/devices/1?part=running&v=2");
  await expect(page.getByText("before the upgrade").first()).toBeVisible();
  const steady = page.getByRole("link", { name: "Volatile lines left out" });
  await expect(steady).toHaveAttribute("aria-current", "true");
  await page.screenshot({ path: "screenshots/device-history-1440-light.png", fullPage: true });
  await steady.click();
  await expect(steady).not.toHaveAttribute("aria-current", "true");
  await page.getByRole("link", { name: "Text", exact: true }).click();
  await expect(page.getByLabel("Configuration")).toBeVisible();
  await expect(steady, "a text is the device's own").not.toHaveAttribute("aria-current", "true");
  await page.getByRole("link", { name: "Unified" }).click();
  await expect(steady).toHaveAttribute("aria-current", "true");
});

test("changes are stepped through, folds opened, and a change copied", async ({ page, context, open, world }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: world.url });
  for (const view of ["unified", "split"]) {
    await open(`/devices/1?part=running&v=2&view=${view}`);
    const difference = page.getByRole("region", { name: "Difference" });
    const changes = difference.locator("tr[id^=change-]");
    const total = await changes.count();
    expect(total).toBeGreaterThan(0);
    await page.keyboard.press("n");
    await expect(page.getByText(`Change 1 of ${total}`)).toBeVisible();
    await expect(changes.first()).toHaveAttribute("aria-current", "true");
    await expect(changes.first()).toBeFocused();
    await page.keyboard.press("p");
    await expect(page.getByText(`Change ${total} of ${total}`)).toBeVisible();
    await expect(changes.last()).toBeFocused();
    await page.getByRole("button", { name: "Copy change" }).click();
    await expect(page.getByRole("button", { name: "Copied" })).toBeVisible();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^[+-]/);
    const folds = difference.locator("tr.fold");
    const before = await folds.count();
    await folds.getByRole("link", { name: /^Show all/ }).first().click();
    await expect(folds).toHaveCount(before - 1);
    expect(new URL(page.url()).searchParams.get("open")).toMatch(/^\d+-\d+$/);
    await lookOnPhone(page, `diff-${view}`);
  }
  await page.getByRole("button", { name: "Copy new text" }).click();
  await expect(page.locator(".diff-bar button").last()).toHaveText("Copied");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/end\n$/);
});

test("the way through older runs leads to the list, not to the top of the page", async ({ page, open }) => {
  await page.setViewportSize({ width: 1440, height: 240 });
  // There are none, which its own way back says as well.
  await open("/backup/?before=1");
  await page.getByRole("link", { name: "Newest" }).click();
  await expect(page).toHaveURL(/\/backup\/#runs$/);
  await expect(page.getByText("Nothing has run yet.")).toBeVisible();
  await expect(page.locator("#runs")).toBeInViewport();
  const scrolled = (): Promise<number> => page.evaluate(() => window.scrollY);
  expect(await scrolled()).toBeGreaterThan(0);

  await test.step("nor does a filter lead there", async () => {
    await page.getByLabel("Any outcome").selectOption("failed");
    await expect(page.getByText("No run is like this.")).toBeVisible();
    expect(await scrolled()).toBeGreaterThan(0);
  });
});

test("results of a device and the network as of a time are found by their addresses", async ({ page, open }) => {
  await open("/devices/1?tab=results");
  await expect(page.getByRole("img", { name: "Duration of the last" })).toBeVisible();
  await page.getByLabel("Good or not").selectOption("false");
  await expect(page.getByText("No result is like this.")).toBeVisible();
  await lookOnPhone(page, "results");
  await page.goto("/configs/?at=2020-01-01T00:00");
  await expect(page.getByText("No configuration from then")).toBeVisible();
  await open("/configs/?at=2099-01-01T00:00");
  await expect(page.getByText("The network as of")).toContainText("2 devices");
  await page.screenshot({ path: "screenshots/network-as-of-1440-light.png", fullPage: true });
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download all of it" }).click();
  expect((await coming).suggestedFilename()).toMatch(/^network_20981231_230000Z\.zip$/);
});

test("a file is attached to a device, handed out and deleted", async ({ page, open }) => {
  await open("/devices/1?tab=files");
  await page.getByLabel("Attach a file").setInputFiles({
    name: "rack plan.txt",
    mimeType: "text/plain",
    buffer: Buffer.from("top of rack"),
  });
  await page.getByRole("button", { name: "Upload" }).click();
  await expect(page.getByText("rack_plan.txt", { exact: true })).toBeVisible();
  await settled(page);
  const coming = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download", exact: true }).click();
  expect((await coming).suggestedFilename()).toBe("rack_plan.txt");
  await lookOnPhone(page, "files");
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByRole("button", { name: "Delete it" }).click();
  await expect(page.getByText("Nothing is attached")).toBeVisible();
});

test("the page of archives says what stays and why, also with other counts", async ({ page, open, world }) => {
  const add = ["backup-config", "add", "Nightly", "--type", "data", "--frequency", "daily"];
  await world.etiqa(add);
  for (let run = 0; run < 3; run++) await world.etiqa(["run-backups", "--force"]);
  await page.goto("/backup/config/1");
  await page.getByRole("link", { name: "What stays and why" }).click();
  await expect(page.getByText("Nothing goes.")).toBeVisible();
  await settled(page);
  await page.getByLabel("The newest").fill("1");
  await page.getByRole("button", { name: "Look" }).click();
  await expect(page.getByText(/^2 of 3 archives would go/)).toBeVisible();
  await expect(page.getByText("the newest good one")).toBeVisible();
  await page.screenshot({ path: "screenshots/retention-1440-light.png", fullPage: true });
  await page.getByRole("button", { name: "Keep for good" }).last().click();
  await expect(page.getByText("protected")).toBeVisible();
  await lookOnPhone(page, "retention");
  await open("/backup/config/1/edit");
  await page.getByLabel("Newest archives").fill("1");
  await expect(page.getByText("of 3 archives 2 would be kept and 1 removed")).toBeVisible();
  await open("/backup/?config=1&kind=data");
  await expect(page.getByText("3 runs", { exact: true })).toBeVisible();
  await page.getByLabel("Any outcome").selectOption("failed");
  await expect(page.getByText("No run is like this.")).toBeVisible();
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await stickingOut(page)).toEqual([]);
});

// The last one: what the devices say is too short from here on.
test("a text that lost most of its lines waits for a person, who accepts one and rejects the other", async ({ page, open, world, fleet }) => {
  await fleet.shrink();
  await world.etiqa(["collect", "--all"]).catch(() => undefined);
  const notice = page.locator(".notice").filter({ hasText: "of running waits for a look" });
  await open("/devices/1");
  await notice.getByRole("link", { name: "Compare" }).click();
  await expect(page.getByRole("region", { name: "Difference" })).toBeVisible();
  await notice.getByRole("button", { name: "Accept" }).click();
  await expect(notice).toHaveCount(0);
  await open("/devices/2");
  await notice.getByRole("button", { name: "Reject" }).click();
  await expect(notice).toHaveCount(0);
  const active = async (id: number): Promise<number> => {
    const { address = "" } = (await world.devices()).find((device) => device.id === id) ?? {};
    return (await world.etiqa(["device", "show", address, "--part", "running"])).length;
  };
  expect(2 * (await active(1))).toBeLessThan(await active(2));

  await open("/admin/config-versions?q=no-such-device");
  await expect(page.getByRole("row")).toHaveCount(0);
  await page.getByRole("searchbox", { name: "Search" }).fill((await world.devices())[0]?.hostname ?? "");
  await expect(page.getByRole("row").filter({ hasText: "Rejected" }).or(page.getByRole("row").filter({ hasText: "Active" })).first()).toBeVisible();
});

test("a text is copied where the browser has no clipboard for the page, and what fails is said", async ({ page, open, watch }) => {
  watch.allow(/ERR_FAILED/);
  // As on a page of plain HTTP that is not of this machine.
  await page.addInitScript(() => Object.defineProperty(Navigator.prototype, "clipboard", { get: () => undefined }));
  await open("/devices/1?part=running&v=2&view=unified");
  const copied = page.evaluate(
    () => new Promise<string>((done) => {
      document.addEventListener("copy", () => done((document.activeElement as HTMLTextAreaElement).value), { once: true });
    }),
  );
  await page.getByRole("button", { name: "Copy change" }).click();
  await expect(page.getByRole("button", { name: "Copied" })).toBeFocused();
  expect(await copied).toMatch(/^[+-]/);

  await page.evaluate(() => Object.assign(document, { execCommand: () => false }));
  await page.getByRole("button", { name: "Copy new text" }).click();
  await expect(page.getByText("The browser does not let this page copy.")).toBeVisible();
  await page.route("**/rpc/get_config", (route) => route.abort());
  await page.getByRole("button", { name: "Copy new text" }).click();
  await expect(page.getByText("The server does not answer.").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Copy new text" })).toBeVisible();
});
