/** A newcomer's first minutes with a real Council: `node browser/real.mjs URL LINK`, the link as `council login` prints it. */

import { ask, QUESTIONS, signIn } from "./newcomer.mjs";
import { accessible, launch, page as open } from "./rig.mjs";

const [base, link] = process.argv.slice(2);
const ASKED = [QUESTIONS.maths, QUESTIONS.logic, QUESTIONS.knowledge, QUESTIONS.code];

const browser = await launch();
const { page, wellBehaved } = await open(browser, base);
try {
  await signIn(page, link);
  for (const question of ASKED) await ask(page, question);
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
    .nth(ASKED.length - 1)
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
