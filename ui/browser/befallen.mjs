/**
 * What befalls a real Council while somebody looks on: `node browser/befallen.mjs URL LINK`.
 *
 * It cannot do any of that itself: it prints the name of a deed, and whoever runs it does that and answers with a line.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { ask, QUESTIONS, signIn } from "./newcomer.mjs";
import { accessible, launch, page as open } from "./rig.mjs";

const [base, link] = process.argv.slice(2);
/** What Council mends by itself takes its time on a busy machine, milliseconds. */
const MENDED_MS = 180_000;
const STORY = "Tell a very long story about a lighthouse keeper.";
/** Of an answer on its way, so much has come that something could be lost. */
const BEGUN_CHARS = 60;
const MOMENT_CHARS = 20;

const done = createInterface({ input: process.stdin });

/** Has a deed done. */
async function have(deed) {
  const answered = once(done, "line");
  process.stdout.write(`${deed}\n`);
  await answered;
}

const browser = await launch();
const { page, wellBehaved } = await open(browser, base);

const lastAnswer = () => page.locator(".answer").last();
const view = (name) => page.locator(".rail").getByRole("link", { name }).first().click();
/** What a process does now, as Health lists it. */
const process_ = (name, state) => page.getByRole("row", { name: new RegExp(`^${name} ${state}`) });

/** Puts a question, and returns what has come of its answer once that is on its way. */
async function askForLong(text) {
  // After an answer that was cut the model says less, and would be through before anything befalls it.
  await page.locator(".new-chat").click();
  await lastAnswer().waitFor({ state: "detached" });
  await page.getByLabel("Your question").fill(text);
  await page.locator('[aria-label="Send"]:enabled').click();
  await lastAnswer().waitFor();
  await written(BEGUN_CHARS);
  const before = (await lastAnswer().locator(".answer-text").textContent()).trim();
  // What was said within the last moment before a process is killed nobody can have kept.
  await written(before.length + MOMENT_CHARS);
  return before;
}

/** Waits until more than so much has come of the newest answer. */
const written = (chars) =>
  page.waitForFunction(
    (least) => [...document.querySelectorAll(".answer-text")].at(-1).textContent.length > least,
    chars,
    { timeout: MENDED_MS },
  );

/** A gateway that is killed takes the answer with it: what came stays, and the page says that the rest is lost. */
async function killed() {
  const before = await askForLong(STORY);
  await have("kill the gateway");
  await lastAnswer().getByText("The connection is away.").waitFor();
  assert.ok((await lastAnswer().textContent()).includes(before), "what had come is gone while the connection is away");
  await lastAnswer().getByText("the rest of it is lost. Ask again.").waitFor({ timeout: MENDED_MS });
  const after = await lastAnswer().locator(".answer-text").textContent();
  assert.ok(after.includes(before), `of what had come, “${before}”, this is left: “${after}”`);
  await page.locator(".sentence.current").waitFor({ timeout: MENDED_MS });
  await accessible(page, "a lost answer");
  await page.reload();
  await lastAnswer().getByText("the rest of it is lost. Ask again.").waitFor();
  const kept = await lastAnswer().locator(".answer-text").textContent();
  assert.ok(kept.includes(before), `of what had come, “${before}”, this was kept: “${kept}”`);
  await ask(page, QUESTIONS.maths);
}

/** A gateway that is told to stop ends the answer after its time for that: what came stays, and the page says so. */
async function ended() {
  const before = await askForLong(STORY);
  await have("stop the gateway in order");
  await lastAnswer()
    .getByText("Council stopped before the answer was whole. Ask again.")
    .waitFor({ timeout: MENDED_MS });
  const after = await lastAnswer().locator(".answer-text").textContent();
  assert.ok(after.includes(before), `of what had come, “${before}”, this is left: “${after}”`);
  await page.locator(".sentence.current").waitFor({ timeout: MENDED_MS });
  await ask(page, QUESTIONS.maths);
}

/** A question whose answer is lost on the way stays where it was written, and sent once more it is asked once. */
async function unheard() {
  const before = await page.locator(".question").count();
  await page.route(
    "**/turns",
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    { times: 1 },
  );
  await page.getByLabel("Your question").fill("What is 6 * 7?");
  await page.locator('[aria-label="Send"]:enabled').click();
  await page.locator(".scroller").getByText("offline").waitFor();
  await page.locator('[aria-label="Send"]:enabled').click();
  await lastAnswer().getByText("42").first().waitFor();
  await page.reload();
  await lastAnswer().getByText("42").first().waitFor();
  assert.equal(await page.locator(".question").count(), before + 1, "it was asked once");
}

/** Records that take nothing refuse the question, which stays where it was written, and is sent once more. */
async function locked() {
  const before = await page.locator(".failure").count();
  await have("lock the records");
  await page.getByLabel("Your question").fill("What is 12 * 12?");
  await page.locator('[aria-label="Send"]:enabled').click();
  await page.locator(".scroller").getByText("records_unavailable").waitFor();
  assert.equal(await page.getByLabel("Your question").inputValue(), "What is 12 * 12?");
  await accessible(page, "a refused question");
  await have("let all be well");
  const count = await page.locator(".question").count();
  await page.keyboard.press("Enter");
  await page.locator(".answer").last().getByText("144").first().waitFor();
  await page.locator(".badge.verified").last().waitFor();
  assert.equal(await page.locator(".question").count(), count + 1, "it was asked once");
  assert.equal(await page.locator(".failure").count(), before, "the error is gone with the next try");
}

/** Without its store Council answers, and Health says what cannot be reached. */
async function storeless() {
  await have("stop the store");
  await ask(page, { text: "What is 3% of 90?", part: "2.7", label: "Verified: computed" });
  await view("Health");
  await page.getByText(/the gateway does not reach: .*store/).waitFor({ timeout: MENDED_MS });
  await accessible(page, "health without a store");
  await have("let all be well");
  await page.getByText("the gateway reaches all of them").waitFor({ timeout: MENDED_MS });
  await view("Chat");
}

/** A model that does not come up is said to be away where it is asked and where health is looked at, and comes back. */
async function modelless() {
  await askForLong(STORY);
  await have("keep the model down");
  await lastAnswer().getByText("model_unavailable").waitFor({ timeout: MENDED_MS });
  await accessible(page, "an answer without a model");
  await page.getByRole("button", { name: "Another try" }).last().click();
  await lastAnswer().getByText("2/2").waitFor();
  await lastAnswer().getByText("model_unavailable").waitFor({ timeout: MENDED_MS });
  await ask(page, QUESTIONS.maths);
  await view("Health");
  await process_("model", "(?!ready)").waitFor();
  await page.locator(".troubles-button").click();
  await page
    .getByRole("region", { name: "What is not well" })
    .getByRole("link", { name: /^\S+ model / })
    .first()
    .waitFor();
  await page.keyboard.press("Escape");
  await accessible(page, "health without a model");
  await have("let all be well");
  await process_("model", "ready").waitFor({ timeout: MENDED_MS });
  await view("Chat");
  await askUntilAnswered(QUESTIONS.model.text);
}

/** Asks until there is an answer: of a model that has just come back the first try may still be refused. */
async function askUntilAnswered(text) {
  const untilMs = Date.now() + MENDED_MS;
  await page.getByLabel("Your question").fill(text);
  await page.locator('[aria-label="Send"]:enabled').click();
  for (let tries = 1; ; tries += 1) {
    const answer = page.locator(".answer[aria-busy=false]").last();
    if (tries > 1) await answer.getByText(`${tries}/${tries}`).waitFor({ timeout: MENDED_MS });
    await answer.locator(".badge, .failure").first().waitFor({ timeout: MENDED_MS });
    if ((await answer.locator(".badge").count()) > 0) return;
    assert.ok(Date.now() < untilMs, `no answer, but ${await answer.textContent()}`);
    await answer.getByRole("button", { name: "Another try" }).click();
  }
}

const CHAPTERS = [killed, ended, unheard, locked, storeless, modelless];

try {
  await signIn(page, link);
  for (const chapter of CHAPTERS) await chapter();
  wellBehaved();
} catch (error) {
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  throw error;
} finally {
  done.close();
  await browser.close();
}
