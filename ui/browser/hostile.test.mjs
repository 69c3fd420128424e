/** What models, documents and patches may hold is shown as text: no script of theirs runs, nothing of theirs is loaded. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open } from "./rig.mjs";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

/** The sanitiser reads in a document that shows nothing, and the policy holds there, too. A script that was refused is not among these. */
const TAKEN_APART = /^(Applying inline style violates|Setting the document's base URI)/;

const FORBIDDEN =
  "script, iframe, object, embed, form[action], meta[http-equiv], base, link[rel~=import], [onclick], [onerror], [onload], [onfocus], [srcdoc], img:not([src='/icon.svg'])";

async function harmless(page, where) {
  const found = await page.evaluate((forbidden) => {
    const inside = document.querySelector("#app");
    const bad = [...inside.querySelectorAll(forbidden)].map((one) => one.outerHTML.slice(0, 120));
    const links = [...inside.querySelectorAll("a[href]")]
      .filter((one) => !/^(https?|mailto):$/.test(one.protocol))
      .map((one) => one.href);
    const elsewhere = [...inside.querySelectorAll("a[href]")].filter(
      (one) => one.protocol.startsWith("http") && one.origin !== location.origin && !one.rel.includes("noopener"),
    );
    return [...bad, ...links, ...elsewhere.map((one) => one.outerHTML)];
  }, FORBIDDEN);
  assert.deepEqual(found, [], where);
}

test("no attack in an answer, a guide, a patch, an incident or the state runs", async () => {
  await rig.scene("hostile", {
    incidents: [
      {
        id: "01M8NVREDREDREDREDREDREDRE",
        standing: "open",
        severity: "page",
        title: "<img src=x onerror=alert(1)>",
        detection_s: 1,
        repair_s: null,
        repaired_us: null,
      },
    ],
  });
  const { page, wellBehaved, close } = await rig.page({ refused: TAKEN_APART });
  await page.goto("/");
  await page.getByLabel("Your question").fill("<img src=x onerror=alert(1)>");
  await page.keyboard.press("Enter");
  await page.locator(".badge").waitFor();
  await harmless(page, "an answer");
  for (const [path, shown] of [
    ["/changes", ".patch-page"],
    ["/health", ".gate"],
    ["/health/incident/01M8NVREDREDREDREDREDREDRE", ".timeline li"],
    ["/guide/gates", ".guide-page article"],
    ["/insight", ".story"],
    ["/health/gate/latency_p95", "#happened li"],
    ["/sandbox", ".trail tbody tr"],
    ["/memory", ".memory-entry"],
    ["/admin", ".provider"],
    ["/admin/budget", ".meter"],
    ["/admin/library", ".table tbody tr"],
    ["/admin/audit", ".audit tbody tr"],
    ["/admin/tokens", ".tokens tbody tr"],
    ["/admin/policy", ".protected li"],
  ]) {
    await page.goto(path);
    await page.locator(shown).first().waitFor({ state: "attached" });
    // What loads a picture or takes the focus to run something needs a moment for it.
    await page.waitForTimeout(200);
    await harmless(page, path);
  }
  await page.keyboard.press("Control+k");
  await page.keyboard.type("alert");
  await page.locator("[role=option]").first().waitFor();
  await harmless(page, "the palette");
  wellBehaved();
  await close();
});

test("maths and code in answers are drawn, and run nothing", async () => {
  await rig.scene("well", {
    answer:
      "Euler: $e^{i\\pi}+1=0$ and $$\\int_0^1 x\\,dx$$\n\n$\\href{javascript:alert(1)}{x}$ $\\htmlClass{a}{b}$\n\n```python\nprint('<b>')\n```\n",
  });
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await page.getByLabel("Your question").fill("Maths");
  await page.keyboard.press("Enter");
  await page.locator("math").first().waitFor();
  await page.locator(".hljs-string").waitFor();
  assert.equal((await page.locator(".answer math").count()) >= 2, true);
  await harmless(page, "maths");
  wellBehaved();
  await close();
});
