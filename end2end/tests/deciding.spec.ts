// A page that changes while somebody decides: the question stays the one that was asked.
import { expect, testsWith } from "../support/test.ts";

const test = testsWith();

test("an open question stays what it is while rows come, and the news is shown once it is answered", async ({ page, open, world }) => {
  await world.addUser("mara");
  await open("/admin/users");
  const mara = page.getByRole("row").filter({ hasText: "mara" });
  await mara.getByRole("button", { name: "Remove…" }).click();
  const question = page.getByRole("dialog", { name: "Remove mara?" });
  await expect(question).toContainText("mara");

  await test.step("somebody whose row comes before hers is added", async () => {
    await world.addUser("anna");
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
