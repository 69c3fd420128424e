/** A page stays quick however much there is: what it draws is bounded, and counted rather than timed. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open } from "./rig.mjs";

/** Of a page that draws this much the browser lays out all within a frame or two. */
const NODES_MAX = 4_000;
const LINES = 10_000;

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

/** Has the page note the most nodes that it had at any frame. */
async function watchNodes(page) {
  await page.addInitScript(() => {
    globalThis.nodesMost = 0;
    const look = () => {
      globalThis.nodesMost = Math.max(globalThis.nodesMost, document.querySelectorAll("*").length);
      requestAnimationFrame(look);
    };
    look();
  });
  return () => page.evaluate(() => globalThis.nodesMost);
}

async function ask(page) {
  await page.getByLabel("Your question").fill("Long");
  await page.locator('[aria-label="Send"]:enabled').waitFor();
  await page.keyboard.press("Enter");
}

const lines = (line) => Array.from({ length: LINES }, (_, at) => line(at + 1)).join("\n");
const ANSWERS = {
  paragraphs: lines((at) => (at % 4 === 0 ? "" : `Line ${at} of a long answer, with *some* \`marks\`.`)),
  "one block of code": `\`\`\`python\n${lines((at) => `value_${at} = make("${at}", ${at})  # line ${at}`)}\n\`\`\`\n`,
  "one list": lines((at) => `- The thing of number ${at}, with *marks*.`),
};

for (const [kind, answer] of Object.entries(ANSWERS))
  test(`an answer of ten thousand lines that is ${kind} draws a bounded part of it, while it comes and afterwards`, async () => {
    await rig.scene("well", { answer, pieceMs: 5 });
    const { page, wellBehaved, close } = await rig.page();
    const nodesMost = await watchNodes(page);
    await page.goto("/");
    await ask(page);
    await page.locator(".badge").waitFor({ timeout: 120_000 });
    const most = await nodesMost();
    assert.ok(most <= NODES_MAX, `${most} nodes were drawn`);
    wellBehaved();
    await close();
  });

test("of ten thousand patches a bounded number is drawn wherever one is in the list", async () => {
  await rig.scene("many", { lineage: 10_000 });
  const { page, wellBehaved, close } = await rig.page();
  const nodesMost = await watchNodes(page);
  await page.goto("/changes");
  await page.locator(".patch").first().waitFor();
  for (let known = 200; known <= 1_000; known += 100) {
    await page.locator(".lineage-frame").evaluate((one) => one.scrollTo(0, one.scrollHeight));
    await page.waitForFunction(
      (least) => Number(document.querySelector(".lineage-row")?.getAttribute("aria-setsize")) >= least,
      known,
    );
  }
  await page.locator(".lineage-frame").focus();
  for (const key of ["j", "j", "k"]) await page.keyboard.press(key);
  await page.locator(".patch.current").waitFor();
  const most = await nodesMost();
  assert.ok(most <= NODES_MAX, `${most} nodes were drawn`);
  wellBehaved();
  await close();
});

test("a gate that is unknown says why on its page, and draws no line", async () => {
  await rig.scene("unknown");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/health/gate/memory_growth");
  await page.getByText("warm-up: 150 minutes left").first().waitFor();
  await page.getByText("No numbers in this time").waitFor();
  assert.equal(await page.locator(".plot canvas").count(), 0);
  wellBehaved();
  await close();
});
