// Signing in with a second factor, and one's browsers: by hand, as a person does.
import { createHmac } from "node:crypto";

import { type Page, expect, testsWith } from "../support/test.ts";
import { visit } from "../support/watch.ts";
import { ADMIN, type World } from "../support/world.ts";

const test = testsWith({ isSignedIn: false });
test.describe.configure({ mode: "serial" });

/** The code that an authenticator app shows for a secret so many steps from now (RFC 6238). */
function code(secret: string, later = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll(" ", "")].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later));
  const hash = createHmac("sha1", key).update(step).digest();
  const offset = (hash[19] ?? 0) & 15;
  return String((hash.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

const person = { name: "mara", password: ADMIN.password };
/** What she wrote down, and her phone. */
let secret = "";
let recovery: string[] = [];

async function enter(page: Page, world: World, given: string): Promise<void> {
  await page.goto(`${world.url}/login`);
  await world.fillDoor(page, person.password, person.name);
  await expect(page.getByLabel("Code")).toBeVisible();
  await page.getByLabel("Code").fill(given);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("a second factor is set up from the secret that is shown, and once only", async ({ page, world, watch }) => {
  await world.addUser(person.name);
  await world.signIn(page, person);
  await visit(page, "/account");
  watch.allow(/status of 422/);
  await page.getByLabel("Your password").fill("not my password");
  await page.getByRole("button", { name: "Set up" }).click();
  await expect(page.getByText("This is not your password.").first()).toBeVisible();
  await page.getByLabel("Your password").fill(person.password);
  await page.getByRole("button", { name: "Set up" }).click();
  await expect(page.getByRole("img", { name: "The secret as a QR code" })).toBeVisible();
  secret = (await page.locator(".secret code").textContent()) ?? "";
  recovery = await page.locator(".codes code").allTextContents();
  expect(recovery).toHaveLength(10);
  await page.getByLabel("The code that the app shows now").fill(code(secret));
  await page.getByRole("button", { name: "Switch on" }).click();
  await expect(page.getByText("with 10 recovery codes left")).toBeVisible();
  await visit(page, "/account");
  await expect(page.getByText(secret)).toBeHidden();
});

test("the password alone does not let in, and a code does, with and without JavaScript", async ({ page, world, watch, plain }) => {
  watch.allow(/status of 422/);
  await enter(page, world, "000000");
  await expect(page.getByText("This code is wrong").first()).toBeVisible();
  await page.goto("/devices/");
  await expect(page).toHaveURL(/\/login/);
  // The code of now was taken when it was set up.
  await enter(page, world, code(secret, 1));
  await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  await enter(plain, world, recovery[0] ?? "");
  await expect(plain.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
});

test("a recovery code signs in once, and another browser is signed out from here", async ({ page, world, another, watch }) => {
  watch.allow(/status of 4\d\d/);
  const other = await another(/status of 4\d\d/);
  await enter(other, world, recovery[1] ?? "");
  await expect(other.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  await enter(page, world, recovery[1] ?? "");
  await expect(page.getByText("This code is wrong").first()).toBeVisible();
  await page.getByLabel("Code").fill(recovery[2] ?? "");
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();

  await visit(page, "/account");
  const others = page.getByRole("row").filter({ has: page.getByRole("button", { name: "Sign it out" }) });
  const before = await others.count();
  expect(before).toBeGreaterThan(0);
  await others.first().getByRole("button").click();
  await expect(others).toHaveCount(before - 1);
  await page.getByRole("button", { name: "Sign all others out" }).click();
  await expect(others).toHaveCount(0);
  await other.goto(`${world.url}/devices/`);
  await expect(other).toHaveURL(/\/login/);
});

test("an admin sees where somebody is signed in, and resets a second factor", async ({ page, world, another, watch }) => {
  watch.allow(/status of 4\d\d/);
  const mara = await another(/status of 4\d\d/);
  await enter(mara, world, recovery[3] ?? "");
  await expect(mara.getByRole("heading", { name: "Overview", level: 1 })).toBeVisible();
  await world.signIn(page);
  await visit(page, "/admin/users");
  const row = page.getByRole("row").filter({ hasText: "mara" });
  await expect(row).toContainText("second factor");
  await row.getByRole("link", { name: "Edit" }).click();
  await expect(page.getByRole("heading", { name: "Signed in", exact: true })).toBeVisible();
  const sessions = page.getByRole("button", { name: "Sign it out" });
  const count = await sessions.count();
  await sessions.first().click();
  await expect(sessions).toHaveCount(count - 1);
  await mara.goto(`${world.url}/devices/`);
  await expect(mara).toHaveURL(/\/login/);
  await page.getByRole("button", { name: "Reset second factor…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Reset" }).click();
  await expect(row).not.toContainText("second factor");
  await world.signIn(mara, person);
});
