// The program without a mouse: from signing in to a backup, a question taken back, and the focus seen all the way.
import { type Locator, type Page, expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";
import { ADMIN } from "../support/world.ts";

const test = testsWith({ fleet: { devices: 3 } });

/** What is wrong with where the focus is: nowhere, not to be seen, or behind something else. */
function lostFocus(page: Page): Promise<string | undefined> {
  return page.evaluate(() => {
    const active = document.activeElement;
    if (active === null || active === document.body) return "the focus is nowhere";
    // The page itself has it where a page begins; nothing is done there.
    if (active.id === "main") return undefined;
    const name = `<${active.tagName.toLowerCase()}> "${active.textContent?.trim().slice(0, 40) ?? ""}"`;
    const { outlineStyle, outlineWidth } = getComputedStyle(active);
    if (outlineStyle === "none" || outlineWidth === "0px") return `${name} has the focus and does not show it`;
    const { left, right, top, bottom } = active.getBoundingClientRect();
    const isSeen = [left + 4, (left + right) / 2, right - 4].some((x) =>
      [top + 4, (top + bottom) / 2, bottom - 4].some((y) => {
        const there = document.elementFromPoint(x, y);
        return there !== null && (active.contains(there) || there.contains(active));
      }),
    );
    return isSeen ? undefined : `${name} has the focus, all of it behind something else`;
  });
}

/** Presses Tab until `wanted` has the focus; on the way it is seen wherever it is. */
async function tabTo(page: Page, wanted: Locator): Promise<void> {
  await expect(wanted).toBeVisible();
  for (let presses = 0; presses < 80; presses++) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
    const lost = await lostFocus(page);
    // Between the last place and the first there is the browser's own.
    if (lost !== "the focus is nowhere") expect(lost).toBeUndefined();
  }
  throw new Error(`Tab does not lead to ${wanted.toString()}`);
}

test("a device is backed up by the keyboard alone", async ({ page, world, watch }) => {
  await page.context().clearCookies();
  const [device] = await world.devices();
  const hostname = device?.hostname ?? "";

  await test.step("sign in", async () => {
    await page.goto("/login");
    await expect(page.getByLabel("User name")).toBeFocused();
    await page.keyboard.type(ADMIN.name);
    await page.keyboard.press("Tab");
    await page.keyboard.type(ADMIN.password);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
    await settled(page);
    expect(await lostFocus(page)).toBeUndefined();
  });

  await test.step("go to a device", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await expect(page.getByRole("heading", { name: "Devices", level: 1 })).toBeVisible();
    await settled(page);
    const row = page.getByRole("link", { name: hostname, exact: true });
    await expect(row).toBeVisible();
    await page.keyboard.press("j");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await expect(row).toBeFocused();
    expect(await lostFocus(page)).toBeUndefined();
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: hostname, level: 1 })).toBeVisible();
    await settled(page);
  });

  await test.step("back it up", async () => {
    const now = page.getByRole("button", { name: "Back up now" });
    await tabTo(page, now);
    await page.keyboard.press("Enter");
    await expect(page.getByText("v1", { exact: true }).first()).toBeVisible();
    await expect(now).toBeFocused();
    expect(await lostFocus(page)).toBeUndefined();
  });

  await test.step("ask to delete it, and take that back", async () => {
    const settings = page.getByRole("link", { name: "Settings" });
    await tabTo(page, settings);
    await page.keyboard.press("Enter");
    const ask = page.getByRole("button", { name: "Delete…" });
    await tabTo(page, ask);
    await page.keyboard.press("Enter");
    const question = page.getByRole("dialog", { name: `Delete ${hostname}` });
    await expect(question.getByRole("button", { name: "Not now" })).toBeFocused();
    expect(await lostFocus(page)).toBeUndefined();
    await page.keyboard.press("j");
    await expect(question.getByRole("button", { name: "Not now" })).toBeFocused();
    await page.keyboard.press("Tab");
    await expect(question.getByRole("button", { name: "Delete" })).toBeFocused();
    expect(await lostFocus(page)).toBeUndefined();
    await page.keyboard.press("Escape");
    await expect(question).toBeHidden();
    await expect(ask).toBeFocused();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Enter");
    await expect(question).toBeHidden();
    await expect(ask).toBeFocused();
    expect(await lostFocus(page)).toBeUndefined();
  });

  await test.step("open windows and close them", async () => {
    const ask = page.getByRole("button", { name: "Delete…" });
    for (const [key, name] of [["?", "Keyboard"], ["Control+k", "Go to"]] as const) {
      await page.keyboard.press(key);
      const window = page.getByRole("dialog", { name });
      await expect(window).toBeVisible();
      expect(await lostFocus(page)).toBeUndefined();
      await page.keyboard.press("Escape");
      await expect(window).toBeHidden();
      await expect(ask).toBeFocused();
    }
  });

  await test.step("save a mistake, and mend it", async () => {
    const port = page.getByLabel("Port", { exact: true });
    await tabTo(page, port);
    await page.keyboard.press("Control+a");
    await page.keyboard.type("70000");
    await page.keyboard.press("Enter");
    await expect(port).toHaveAttribute("aria-invalid", "true");
    await expect(port).toBeFocused();
    expect(watch.take()).toEqual([expect.stringContaining("status of 422")]);
  });
});

for (const path of ["/", "/devices/", "/devices/1", "/admin/credentials"]) {
  test(`the focus is seen all the way through ${path} on a phone`, async ({ page, open }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open(path);
    const complaints = [];
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press("Tab");
      const lost = await lostFocus(page);
      if (lost === "the focus is nowhere") break;
      if (lost !== undefined) complaints.push(lost);
    }
    expect(complaints).toEqual([]);
  });
}
