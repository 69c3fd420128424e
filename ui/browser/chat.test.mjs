/** The chat as somebody uses it: streams that break and go on, stopping, trying again, editing, judging, keeping. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open } from "./rig.mjs";

const LOGIC = "All whales are mammals. No mammals are fish. Is it true that no whales are fish?";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

async function ask(page, text) {
  await page.getByLabel("Your question").fill(text);
  await page.locator('[aria-label="Send"]:enabled').waitFor();
  await page.keyboard.press("Enter");
}

test("an answer whose connection breaks again and again comes whole, and shows its evidence", async () => {
  await rig.scene("well", { dropAfter: 3 });
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await ask(page, LOGIC);
  await page.locator(".badge.verified").waitFor();
  assert.match(
    await page.locator(".answer-text").textContent(),
    /^Yes\. Nothing that is a whale is fish\.\s*Because: All whales/,
  );
  const events = (await rig.seen()).filter((one) => one.includes("/events"));
  assert.ok(events.length >= 2, `the stream was followed ${events.length} times`);
  const evidence = page.getByRole("complementary", { name: "Evidence" });
  await evidence.getByText("Verified: proved").waitFor();
  await evidence.getByText("Program", { exact: true }).click();
  await evidence.getByText("dom(e1).").waitFor();
  wellBehaved();
  await close();
});

test("an answer is stopped, tried again and its question edited; each try stays to be read", async () => {
  await rig.scene("well", { pieceMs: 400 });
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await ask(page, LOGIC);
  await page.getByText("Writing").waitFor();
  await page.getByRole("button", { name: "Stop the answer" }).click();
  await page.getByText("Stopped.").waitFor();
  await page.getByRole("button", { name: "Another try" }).click();
  await page.getByRole("button", { name: "Stop the answer" }).click();
  await page.locator(".answer").getByText("2/2").waitFor();
  await page.locator(".answer").getByRole("button", { name: "The one before" }).click();
  await page.locator(".answer").getByText("1/2").waitFor();
  await page.locator(".question").hover();
  await page.getByRole("button", { name: "Edit the question" }).click();
  await page.getByLabel("Your question, edited").fill("What does verified mean?");
  await page.keyboard.press("Enter");
  await page.locator(".question").getByText("2/2").waitFor();
  await page.getByRole("button", { name: "Stop the answer" }).click();
  wellBehaved();
  await close();
});

test("a bad answer is said to be one, with where the question belonged", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/");
  await ask(page, "Write one sentence about the sea.");
  await page.getByRole("button", { name: "A bad answer" }).click();
  await page.getByRole("button", { name: "knowledge", exact: true }).click();
  await page.getByText("it belonged to knowledge").waitFor();
  await close();
});

test("why an answer is good or bad is said in words of one's own, and stays to be changed", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await ask(page, LOGIC);
  await page.getByRole("button", { name: "A bad answer" }).click();
  const words = page.getByLabel("What is wrong with it");
  await words.fill("Whales are <b>not</b> fish, and I knew that.");
  await page.getByRole("button", { name: "knowledge", exact: true }).click();
  await page.getByText("it belonged to knowledge, and your words are kept").waitFor();
  assert.equal(await words.inputValue(), "Whales are <b>not</b> fish, and I knew that.");
  await words.fill("It is right after all.");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Change", exact: true }).and(page.locator(":disabled")).waitFor();
  await page.reload();
  const bad = page.getByRole("button", { name: "A bad answer" });
  await page.locator('[aria-label="A bad answer"][aria-pressed="true"]').waitFor();
  await bad.click();
  assert.equal(await words.inputValue(), "It is right after all.");
  await page.getByRole("button", { name: "A good answer" }).click();
  assert.equal(await page.getByLabel("What is good about it").inputValue(), "");
  wellBehaved();
  await close();
});

test("several questions at once have their evidence apart, each with its own level", async () => {
  await rig.scene("talks");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/chat/several");
  const evidence = page.getByRole("complementary", { name: "Evidence" });
  const first = evidence.getByRole("region", { name: /^Question 1: What is 17% of 2,340/ });
  await first.getByText("Verified: computed").waitFor();
  await first.getByText("computed again with exact fractions").waitFor();
  const second = evidence.getByRole("region", { name: /^Question 2: / });
  await second.getByText("Quoted", { exact: true }).waitFor();
  assert.equal(await second.getByText("exact fractions").count(), 0);
  await evidence.getByText("2 questions were asked at once").waitFor();
  await evidence.getByText("math specialist, knowledge specialist").waitFor();
  wellBehaved();
  await close();
});

test("who passed a question on is told with the reason, and whether it was escalated and why", async () => {
  await rig.scene("talks");
  const { page, close } = await rig.page();
  const evidence = page.getByRole("complementary", { name: "Evidence" });
  await page.goto("/chat/passed");
  await evidence.getByText("By logic: It does not read the whole question").waitFor();
  await evidence.getByText("By knowledge: No quote can answer such a question.").waitFor();
  await evidence.getByText("No. No paid model is set.").waitFor();
  await page.goto("/chat/escalated");
  await evidence.getByText("Yes, to claude-haiku. The general model was not sure enough of its words.").waitFor();
  await page.goto("/chat/refused");
  await evidence.getByText("No, not to claude-haiku. It was to be escalated").waitFor();
  await page.goto("/chat/older");
  await evidence.getByText("Why it went to general").click();
  await evidence.getByText("math: no grammar reads it").waitFor();
  await close();
});

test("the limits of code stand beside it before it is run, and beside what it took", async () => {
  await rig.scene("talks", { ran: { status: "killed_limit", limit: "wall_s", exit_code: null, wall_s: 10 } });
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/chat/code");
  await page.locator(".answer").getByText("at most 10 s, 1 GiB, 1 MiB of output").first().waitFor();
  await page.getByRole("button", { name: "Run" }).first().click();
  await page.getByText("Stopped at its limit of time").waitFor();
  const took = page.locator(".run-took");
  assert.match(await took.textContent(), /10 s of 10 s.*9 MiB of 1 GiB.*4 bytes of 1 MiB/s);
  assert.match(await took.locator(".met").textContent(), /^Time.*its limit$/);
  wellBehaved();
  await close();
});

test("code is run in the sandbox, and what held it is told", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/");
  await ask(page, "Write a Python function that reverses a string.");
  await page.getByRole("button", { name: "Run" }).first().click();
  await page.getByText("Ended well").waitFor();
  await page.getByText("18 layers between this code and the machine").click();
  await page.getByText("17-0a1b2c3d4e5f6071").waitFor();
  await close();
});

test("conversations are found, renamed and deleted", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/");
  await page.getByLabel("Search conversations").fill("whale");
  await page.locator(".session").nth(1).waitFor({ state: "detached" });
  await page.locator(".session").hover();
  await page.locator(".session .menu-button").click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByLabel("Title").fill("Of whales");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Of whales" }).waitFor();
  await page.locator(".session .menu-button").click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("No conversation has these words").waitFor();
  await close();
});

test("an answer of ten thousand lines comes to its end, folded", async () => {
  await rig.scene("long");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await ask(page, "Long");
  await page.locator(".badge").waitFor();
  await page.getByRole("button", { name: /more paragraphs of 2,500/ }).waitFor();
  const pieces = await page.locator(".markdown-piece").count();
  assert.ok(pieces <= 150, `${pieces} pieces are drawn`);
  wellBehaved();
  await close();
});

test("a failed answer quotes its code and its request, and what was written is not lost with a refused question", async () => {
  await rig.scene("well", { failing: true });
  const { page, close } = await rig.page();
  await page.goto("/");
  await ask(page, LOGIC);
  await page.getByText("model_unavailable").waitFor();
  await rig.scene("well", { broken: ["/api/chat/sessions"] });
  await page.goto("/");
  await ask(page, "Keep these words");
  await page.locator(".scroller").getByText("records_unavailable").waitFor();
  assert.equal(await page.getByLabel("Your question").inputValue(), "Keep these words");
  await close();
});

test("somebody who is not signed in may ask, and is told that nothing is kept", async () => {
  await rig.scene("anonymous");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await page.getByText("this conversation is gone when you leave the page").waitFor();
  await ask(page, LOGIC);
  await page.locator(".badge.verified").waitFor();
  assert.equal(await page.getByRole("button", { name: "Run" }).count(), 0);
  wellBehaved();
  await close();
});
