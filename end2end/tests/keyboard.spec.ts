// The keyboard alone: from page to page, to any device, through rows, and what tells of it.
import { expect, testsWith } from "../support/test.ts";
import { settled } from "../support/watch.ts";

const test = testsWith({ fleet: { devices: 3 } });

test("keys lead from page to page, and through rows, and help tells of them", async ({ page, open, world }) => {
  await open("/");
  const devices = await world.devices();

  await test.step("g d leads to the devices", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("d");
    await expect(page.getByRole("heading", { name: "Devices", level: 1 })).toBeVisible();
    await expect(page.getByRole("link", { name: devices[0]?.hostname ?? "", exact: true })).toBeVisible();
  });

  await test.step("j, k and arrows go through the rows", async () => {
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.textContent ?? "");
    await page.keyboard.press("j");
    const first = await focused();
    await page.keyboard.press("ArrowDown");
    expect(await focused()).not.toBe(first);
    await page.keyboard.press("k");
    expect(await focused()).toBe(first);
  });

  await test.step("/ goes to the search of the page, where letters are letters", async () => {
    await page.keyboard.press("/");
    const search = page.getByRole("searchbox").first();
    await expect(search).toBeFocused();
    await page.keyboard.type("gd?");
    await expect(search).toHaveValue("gd?");
    await search.fill("");
    await search.blur();
  });

  await test.step("? tells of all of them", async () => {
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keyboard" });
    await expect(help).toContainText("Search on this page");
    await page.screenshot({ path: "screenshots/keyboard-1440-light.png" });
    await page.keyboard.press("Escape");
    await expect(help).toBeHidden();
  });

  await test.step("Ctrl K finds a device by a part of its name, however quickly it is typed", async () => {
    const wanted = devices[1]?.hostname ?? "";
    await page.keyboard.press("Control+k");
    const finder = page.getByRole("dialog", { name: "Go to" });
    await expect(finder.getByRole("link", { name: "Backups" })).toBeVisible();
    await expect(finder.getByRole("status")).toHaveText(/^\d+ found\. Enter goes to the first\.$/);
    await page.screenshot({ path: "screenshots/finder-1440-light.png" });
    await page.keyboard.type(wanted);
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: wanted, level: 1 })).toBeVisible();
    await expect(finder).toBeHidden();
  });

  await test.step("it finds pages of every bundle, and says when nothing is called so", async () => {
    await settled(page);
    await page.keyboard.press("Control+k");
    const finder = page.getByRole("dialog", { name: "Go to" });
    await page.keyboard.type("no such thing");
    await expect(finder.getByRole("status")).toHaveText("No page, no device and no backup is called so.");
    await finder.getByRole("textbox").fill("creden");
    await expect(finder.getByRole("link", { name: "Credentials" })).toBeVisible();
    await expect(finder.getByRole("status")).toHaveText("1 found. Enter goes to the first.");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("heading", { name: "Credentials", level: 1 })).toBeVisible();
  });

  await test.step("single keys can be switched off, and stay off after a reload", async () => {
    const help = page.getByRole("dialog", { name: "Keyboard" });
    await page.keyboard.press("?");
    await help.getByLabel("Single keys lead around").uncheck();
    await page.keyboard.press("Escape");
    await page.reload();
    await settled(page);
    await page.keyboard.press("?");
    await page.keyboard.press("g");
    await page.keyboard.press("b");
    await expect(help).toBeHidden();
    await expect(page.getByRole("heading", { name: "Credentials", level: 1 })).toBeVisible();
    await page.getByRole("button", { name: "Keyboard" }).click();
    await expect(help.getByLabel("Single keys lead around")).not.toBeChecked();
    await help.getByLabel("Single keys lead around").check();
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("b");
    await expect(page.getByRole("heading", { name: "Backups", level: 1 })).toBeVisible();
  });
});

test("who closes the window before the answer comes is led nowhere, then or later", async ({ page, open, watch }) => {
  const finder = page.getByRole("dialog", { name: "Go to" });
  const overview = page.getByRole("heading", { name: "Overview", level: 1 });
  await open("/devices/");
  const hurryAndLeave = async (): Promise<void> => {
    await page.keyboard.press("Control+k");
    await expect(finder.getByRole("link", { name: "Backups" })).toBeVisible();
    await page.keyboard.type("creden");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Escape");
    await expect(finder).toBeHidden();
  };

  await test.step("the answer comes late", async () => {
    const answered = page.waitForResponse((answer) => answer.request().postData()?.includes("creden") ?? false);
    await hurryAndLeave();
    await answered;
    await page.waitForTimeout(300);
    await expect(page.getByRole("heading", { name: "Devices", level: 1 })).toBeVisible();
  });

  await test.step("there is no answer", async () => {
    watch.allow(/ERR_FAILED/);
    const failed = page.waitForEvent("requestfailed");
    await page.route("**/rpc/find_page", (route) =>
      route.request().postData()?.includes("creden") ? route.abort() : route.continue(),
    );
    await hurryAndLeave();
    await failed;
    await page.keyboard.press("Control+k");
    await expect(finder.getByRole("link", { name: "Backups" })).toBeVisible();
    await page.waitForTimeout(300);
    await expect(finder).toBeVisible();
    await expect(overview).toHaveCount(0);
  });
});
