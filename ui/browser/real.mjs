/** A newcomer's first minutes with a real Council: `node browser/real.mjs URL LINK`, the link as `council login` prints it. */

import assert from "node:assert/strict";
import { accessible, launch, page as open } from "./rig.mjs";

const [base, link] = process.argv.slice(2);
const QUESTIONS = [
  ["What is 17% of 2,340?", "397.8", "Verified: computed"],
  ["All whales are mammals. No mammals are fish. Is it true that no whales are fish?", "Yes.", "Verified: proved"],
  ["What does verified mean?", "Source:", "Quoted"],
  ["Write a Python function that reverses a string.", "def", "Tested by Council, not by you"],
];

const browser = await launch();
const { page, wellBehaved } = await open(browser, base);
try {
  await page.goto(link);
  await page.locator(".welcome").waitFor();
  assert.ok(!page.url().includes("code="), "the code stays in the address");
  for (const [text, part, words] of QUESTIONS) {
    await page.getByLabel("Your question").fill(text);
    await page.keyboard.press("Enter");
    const answer = page.locator(".answer").last();
    await answer.getByText(words).waitFor();
    assert.ok((await answer.textContent()).includes(part), `${part} is not in the answer to: ${text}`);
  }
  await page.getByRole("button", { name: "Run" }).first().click();
  await page.getByText("Ended well").waitFor();
  await page.getByRole("button", { name: "A good answer" }).last().click();
  // Nothing is learned unless somebody has set so, and then the page says it.
  await page.getByText("Nothing is learned here").waitFor();
  await accessible(page, "the chat");
  // What was said is there after the page was left.
  await page.reload();
  await page
    .locator(".answer")
    .nth(QUESTIONS.length - 1)
    .waitFor();
  await page.getByRole("link", { name: "Health" }).click();
  await page.locator(".gate").nth(11).waitFor();
  await page
    .getByRole("row", { name: /gateway/ })
    .first()
    .waitFor();
  await accessible(page, "health");
  await page.locator(".gate", { hasText: "Disk usage" }).click();
  await page.getByRole("heading", { name: "History" }).waitFor();
  await page.getByRole("link", { name: "Changes" }).click();
  await page.getByRole("button", { name: "Freeze…" }).click();
  await page.getByLabel("Why, for the lineage").fill("Trying the page");
  await page.getByRole("button", { name: "Freeze", exact: true }).click();
  await page.getByText("Trying the page").waitFor();
  await page.getByRole("button", { name: "Lift the freeze…" }).click();
  await page.getByRole("button", { name: "Take patches again" }).click();
  await page.getByText("Trying the page").waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Guide" }).click();
  await page.locator(".guide-page h1").waitFor();
  await page.getByRole("link", { name: "Memory", exact: true }).click();
  await page.locator(".memory-entry").first().waitFor();
  await page.goto(link);
  await page.getByText("That link was used already").waitFor();
  wellBehaved();
} catch (error) {
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  throw error;
} finally {
  await browser.close();
}
