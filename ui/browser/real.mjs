/** A newcomer's first minutes with a real Council: `node browser/real.mjs URL LINK`, the link as `council login` prints it. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ask, QUESTIONS, signIn } from "./newcomer.mjs";
import { accessible, launch, page as open } from "./rig.mjs";

const [base, link] = process.argv.slice(2);
const ASKED = [QUESTIONS.maths, QUESTIONS.logic, QUESTIONS.knowledge, QUESTIONS.code];

/** Saves what a link leads to, and returns what is in the file. */
async function saved(link, name) {
  const [file] = await Promise.all([page.waitForEvent("download"), link.click()]);
  assert.match(file.suggestedFilename(), name);
  return readFile(await file.path(), "utf8");
}

/** Takes the conversation away in both forms: each holds what was asked and answered. */
async function exports() {
  const menu = page.locator(".session .menu-button").first();
  await menu.click();
  const text = await saved(page.getByRole("menuitem", { name: "Export as Markdown" }), /\.md$/);
  for (const { text: asked, part } of ASKED)
    for (const words of [asked, part]) assert.ok(text.includes(words), `“${words}” is not in the Markdown: ${text}`);
  await menu.click();
  const whole = JSON.parse(await saved(page.getByRole("menuitem", { name: "Export as JSON" }), /\.json$/));
  const said = whole.messages.filter((one) => one.role === "user").map((one) => one.text);
  assert.deepEqual(
    said,
    ASKED.map((one) => one.text),
  );
  assert.ok(whole.messages.filter((one) => one.role === "assistant").every((one) => one.council.request_id === one.id));
}

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
  const memories = (await saved(page.getByRole("link", { name: "Export" }), /\.jsonl$/)).trim().split("\n");
  assert.ok(
    memories.map((line) => JSON.parse(line)).some((one) => JSON.stringify(one).includes(QUESTIONS.maths.text)),
    `no memory of the first question was exported: ${memories}`,
  );
  await page.getByRole("link", { name: "Chat", exact: true }).click();
  await exports();
  await page.goto(link);
  await page.getByText("That link was used already").waitFor();
  wellBehaved();
} catch (error) {
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  throw error;
} finally {
  await browser.close();
}
