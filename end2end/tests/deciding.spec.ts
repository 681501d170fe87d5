// A page that changes while somebody decides: the question stays the one that was asked.
import { expect, test } from "@playwright/test";

import { settled } from "../support/watch.ts";
import { World } from "../support/world.ts";

let world: World;
let token: string;
test.beforeAll(async () => {
  world = await World.start();
  token = (await world.etiqa(["token", "create", "deciding", "--role", "admin"])).trim();
});
test.afterAll(() => world.stop());

/** Adds a user as another admin does, elsewhere. */
async function addUser(name: string): Promise<void> {
  const answer = await fetch(`${world.url}/rpc/add_user`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, accept: "application/json" },
    body: new URLSearchParams({ name, role: "viewer", password: "a sentence is easy to keep" }),
    redirect: "manual",
  });
  expect(answer.status, await answer.text()).toBeLessThan(400);
}

test("an open question stays what it is while rows come, and the news is shown once it is answered", async ({ page }) => {
  await addUser("mara");
  await world.signIn(page);
  await page.goto(`${world.url}/admin/users`);
  await settled(page);
  const mara = page.getByRole("row").filter({ hasText: "mara" });
  await mara.getByRole("button", { name: "Remove…" }).click();
  const question = page.getByRole("dialog", { name: "Remove mara?" });
  await expect(question).toContainText("mara");

  await test.step("somebody whose row comes before hers is added", async () => {
    await addUser("anna");
    await expect(page.getByText("There is news; it waits for you")).toBeVisible();
    await expect(question).toContainText("mara");
    await expect(page.getByRole("row").filter({ hasText: "anna" })).toBeHidden();
  });

  await test.step("the question is answered for whom it was asked", async () => {
    await question.getByRole("button", { name: "Remove" }).click();
    await expect(page.getByRole("row").filter({ hasText: "anna" })).toBeVisible();
    await expect(page.getByRole("row").filter({ hasText: "mara" })).toBeHidden();
  });
});
