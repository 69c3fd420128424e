/** What a newcomer does with a real Council: signs in, asks each specialist, looks at what stands behind the answers. */

import assert from "node:assert/strict";

/** A question of each kind: its words, a part of the right answer, and how the answer must be labelled. */
export const QUESTIONS = {
  maths: { text: "What is 17% of 2,340?", part: "397.8", label: "Verified: computed" },
  logic: {
    text: "All whales are mammals. No mammals are fish. Is it true that no whales are fish?",
    part: "Yes.",
    label: "Verified: proved",
  },
  knowledge: { text: "What does verified mean?", part: "Source:", label: "Quoted" },
  code: {
    text: "Write a Python function that reverses a string.",
    part: "def",
    label: "Tested by Council, not by you",
  },
  quantities: {
    text: "A train travels 60 km/h for 90 minutes. How far does it go?",
    part: "90 km",
    label: "Verified: computed",
  },
  dates: {
    text: "How many days are there between 1 March 2024 and 1 March 2025?",
    part: "365 days",
    label: "Verified: computed",
  },
  told: { text: "I live in Lyon.", part: "", label: "" },
  memory: { text: "Where do I live?", part: "Lyon", label: "Quoted" },
  model: { text: "Write one sentence about the sea.", part: "", label: "Unverified" },
};

/** The packaged model takes its time on a busy machine, milliseconds. */
const ANSWER_MS = 600_000;

/** Opens a one-time link, and sees that its code does not stay in the address. */
export async function signIn(page, link) {
  await page.goto(link);
  await page.locator(".welcome").waitFor();
  assert.ok(!page.url().includes("code="), "the code stays in the address");
}

/** Asks, waits for the end of the answer, and sees that it is right and labelled as it must be. */
export async function ask(page, { text, part, label }) {
  const answer = page.locator(".answer").nth(await page.locator(".answer").count());
  await page.getByLabel("Your question").fill(text);
  await page.locator('[aria-label="Send"]:enabled').waitFor();
  await page.keyboard.press("Enter");
  const badge = answer.locator(".badge");
  await badge.waitFor({ timeout: ANSWER_MS });
  const found = await badge.locator("span").first().textContent();
  assert.ok(label === "" || found === label, `“${found}” is the answer to: ${text}`);
  assert.ok((await answer.textContent()).includes(part), `${part} is not in the answer to: ${text}`);
  return answer;
}

/** Opens whatever is folded in the evidence of the newest answer. */
export async function unfold(page) {
  const folded = page.locator(".evidence-panel details:not([open]) > summary");
  while ((await folded.count()) > 0) await folded.first().click();
  await page.locator(".evidence-head").scrollIntoViewIfNeeded();
}
