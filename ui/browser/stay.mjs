/**
 * Two pages that stay open: `node browser/stay.mjs WISH`, WISH an object of JSON: `url`, `link`, `duration_s`.
 *
 * In one somebody asks on and on, looks at the other views in between, and deletes each conversation; the other shows Health
 * all the while. After each round both are at rest as they were before it, and what they hold then is told as a line of JSON,
 * garbage collected: bytes of the heap, nodes of the document, listeners. What grows from round to round is a leak.
 */

import { ask, QUESTIONS, signIn, unfold } from "./newcomer.mjs";
import { launch, page as open } from "./rig.mjs";

const wish = JSON.parse(process.argv[2]);
/** Whatever the model makes of it: what is wanted is that it streams. */
const STREAMED = ["Write five sentences about a river.", "Write a short story about a lighthouse."];
const ASKED = [
  { text: STREAMED[0], part: "", label: "" },
  QUESTIONS.maths,
  { text: STREAMED[1], part: "", label: "" },
  QUESTIONS.knowledge,
  QUESTIONS.code,
];
/** The other views, and by what each shows that it is there. */
const VIEWS = {
  Health: ".gate",
  Changes: ".changes-none .how",
  Insight: ".insight h1",
  Guide: ".guide-page h1",
  Memory: ".memory-entry",
};
/** What was done last comes to its rest within that, milliseconds. */
const REST_MS = 1_500;
/** A busy machine takes its time to show what was asked for, milliseconds. */
const PATIENCE_MS = 120_000;
/** Garbage of weak references takes more than one collection. */
const COLLECTIONS = 3;

const begunMs = performance.now();
const browser = await launch();
const talking = await open(browser, wish.url);
talking.page.setDefaultTimeout(PATIENCE_MS);
await signIn(talking.page, wish.link);
const cookies = await talking.page.context().cookies();
// In a context of its own, so in a process of its own: what is counted is then of this page alone.
const watching = await open(browser, wish.url);
watching.page.setDefaultTimeout(PATIENCE_MS);
await watching.page.context().addCookies(cookies);
await watching.page.goto("/health");
await watching.page.locator(".gate").nth(11).waitFor();
const meters = { chat: await meter(talking.page), health: await meter(watching.page) };

async function meter(page) {
  const client = await page.context().newCDPSession(page);
  await client.send("HeapProfiler.enable");
  return async () => {
    for (let count = 0; count < COLLECTIONS; count += 1) await client.send("HeapProfiler.collectGarbage");
    const { usedSize } = await client.send("Runtime.getHeapUsage");
    const { documents, nodes, jsEventListeners } = await client.send("Memory.getDOMCounters");
    return { heap_bytes: usedSize, documents, nodes, listeners: jsEventListeners };
  };
}

const view = (page, name) => page.locator(".rail").getByRole("link", { name }).click();

async function round(page) {
  for (const question of ASKED) {
    await ask(page, question);
    await unfold(page);
  }
  for (const [name, sign] of Object.entries(VIEWS)) {
    await view(page, name);
    await page.locator(sign).first().waitFor();
  }
  await view(page, "Chat");
  await page.locator(".session").hover();
  await page.locator(".session .menu-button").click();
  await page.getByRole("menuitem", { name: "Delete…" }).click();
  await page.getByLabel("Forget what was remembered of it, too").check();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByText("No conversations yet").waitFor();
  await page.locator(".welcome").waitFor();
}

try {
  for (let rounds = 1; performance.now() - begunMs < wish.duration_s * 1000; rounds += 1) {
    await round(talking.page);
    await talking.page.waitForTimeout(REST_MS);
    const atS = Math.round((performance.now() - begunMs) / 1000);
    for (const [page, measure] of Object.entries(meters))
      process.stdout.write(`${JSON.stringify({ at_s: atS, page, round: rounds, ...(await measure()) })}\n`);
  }
  talking.wellBehaved();
  watching.wellBehaved();
} finally {
  await browser.close();
}
