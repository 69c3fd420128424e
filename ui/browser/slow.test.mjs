/** A slow network and none: what is on its way is said to be, nothing jumps, nothing is sent twice, and all goes on afterwards. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open } from "./rig.mjs";

const LATENCY_MS = 400;
const BYTES_PER_S = 50_000;
/** What is called a good layout: https://web.dev/articles/cls */
const SHIFT_MAX = 0.1;
const QUESTION = "All whales are mammals. No mammals are fish. Is it true that no whales are fish?";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

/** Returns what makes a page's network slow, take it away, and give it back. */
async function network(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  const be = (offline, latency, bytes) =>
    client.send("Network.emulateNetworkConditions", {
      offline,
      latency,
      downloadThroughput: bytes,
      uploadThroughput: bytes,
    });
  return {
    slow: () => be(false, LATENCY_MS, BYTES_PER_S),
    away: () => be(true, 0, 0),
    back: () => be(false, 0, -1),
  };
}

/** Has a page add up by how much what is shown jumps. */
async function watchShifts(page) {
  await page.addInitScript(() => {
    globalThis.shifts = [];
    new PerformanceObserver((list) => {
      for (const one of list.getEntries())
        if (!one.hadRecentInput)
          globalThis.shifts.push([one.value, ...one.sources.map((source) => source.node?.className ?? "")]);
    }).observe({ type: "layout-shift", buffered: true });
  });
}

const asked = async () => (await rig.seen()).filter((one) => one.startsWith("POST /api/chat/sessions"));

test("on a slow network each view says that it is on its way, comes, and does not jump", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await watchShifts(page);
  await (await network(page)).slow();
  await page.goto("/", { waitUntil: "commit" });
  await page.getByText("Council is being loaded…").waitFor();
  await page.locator(".welcome").waitFor();
  const jumped = [];
  for (const [view, shown] of [
    ["Health", ".gate"],
    ["Changes", ".step-strip"],
    ["Insight", ".story"],
    ["Guide", ".guide-page h1"],
    ["Sandbox", ".trail tbody tr"],
    ["Memory", ".memory-entry"],
    ["Admin", ".provider"],
  ]) {
    await page.locator(".rail").getByRole("link", { name: view }).click();
    await page.locator("main .waiting").first().waitFor({ state: "attached" });
    await page.locator(shown).first().waitFor();
    await page.waitForFunction(() => !document.querySelector(".waiting"));
    const shifts = await page.evaluate(() => globalThis.shifts.splice(0));
    const sum = shifts.reduce((before, [value]) => before + value, 0);
    if (sum > SHIFT_MAX) jumped.push(`${view} jumps by ${sum.toFixed(3)}: ${JSON.stringify(shifts)}`);
  }
  assert.deepEqual(jumped, []);
  wellBehaved();
  await close();
});

test("a question sent over a slow network is sent once, however often Enter is pressed, and is said to be on its way", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await page.locator(".welcome").waitFor();
  await (await network(page)).slow();
  await page.getByLabel("Your question").fill(QUESTION);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByText("Sending…").waitFor();
  // Whoever goes on typing meanwhile keeps what they typed.
  await page.getByLabel("Your question").fill("And then?");
  await page.keyboard.press("Enter");
  await page.locator(".badge.verified").waitFor();
  assert.equal((await asked()).length, 2, "one conversation and one turn");
  assert.equal(await page.locator(".question").count(), 1);
  wellBehaved();
  await close();
});

test("without a network a question stays where it was written, and goes when the network is back", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/");
  await page.locator(".sentence.current").waitFor();
  const net = await network(page);
  await net.away();
  await page.getByLabel("Your question").fill(QUESTION);
  await page.keyboard.press("Enter");
  await page.locator(".scroller").getByText("offline", { exact: true }).waitFor();
  assert.equal(await page.getByLabel("Your question").inputValue(), QUESTION);
  await net.back();
  await page.getByLabel("Your question").press("Enter");
  await page.locator(".badge.verified").waitFor();
  assert.equal(await page.locator(".question").count(), 1);
  assert.equal(await page.locator(".scroller .failure").count(), 0);
  await close();
});

test("an answer goes on in the service while the network is away, and comes whole when it is back", async () => {
  await rig.scene("well", { pieceMs: 300, dropAfter: 3 });
  const { page, close } = await rig.page();
  await page.goto("/");
  const net = await network(page);
  await page.getByLabel("Your question").fill(QUESTION);
  await page.keyboard.press("Enter");
  await page.getByText("Writing").waitFor();
  await net.away();
  await page.getByText("The connection is away. The answer goes on").waitFor();
  await net.back();
  await page.locator(".badge.verified").waitFor();
  const text = await page.locator(".answer-text").textContent();
  assert.match(text, /^Yes\. Nothing that is a whale is fish\.\s*Because: All whales/);
  assert.equal(text.split("Because:").length, 2, "nothing comes twice");
  await close();
});

test("a page that was opened while the service was away comes by itself when it is back", async () => {
  await rig.scene("away");
  const { page, close } = await rig.page();
  await page.goto("/insight");
  await page.locator("main.alone .failure").waitFor();
  await rig.scene("well");
  await page.locator(".story").waitFor();
  await close();
});
