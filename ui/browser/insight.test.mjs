/** Insight as somebody reads it: another day, another stretch, a cell, an anomaly, an older snapshot; and what may not come again. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, fitsTheWindow, open, PHONE } from "./rig.mjs";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

test("another day's digest is chosen, and the way to the day beside it is there", async () => {
  const { page, wellBehaved, close } = await rig.page();
  await rig.scene("well");
  await page.goto("/insight");
  await page.getByRole("link", { name: "Digest" }).click();
  await page.getByRole("heading", { name: "Mon, 30 Nov 2026" }).waitFor();
  await page.getByRole("link", { name: "The day before" }).click();
  await page.getByRole("heading", { name: "Sun, 29 Nov 2026" }).waitFor();
  await page.getByRole("link", { name: "The day after" }).waitFor();
  const days = page.getByLabel("Day", { exact: true });
  await page.getByRole("button", { name: "Older days" }).click();
  await page.getByRole("button", { name: "Older days" }).waitFor({ state: "detached" });
  assert.equal(await days.locator("option").count(), 40);
  await days.selectOption("2026-10-25");
  await page.getByRole("heading", { name: "Sun, 25 Oct 2026" }).waitFor();
  assert.match(page.url(), /\/insight\/digest\/2026-10-25$/);
  // A number leads to how it is asked for again.
  await page.getByText("Patches applied: 1; rolled back").click();
  await page.getByText("council patch history").first().waitFor();
  wellBehaved();
  await close();
});

test("without a digest the page says when the first one comes", async () => {
  const { page, wellBehaved, close } = await rig.page();
  await rig.scene("empty");
  await page.goto("/insight/digest");
  await page.getByText("There is no digest yet").waitFor();
  await page.getByText(/The first one is made at .*03:00/).waitFor();
  wellBehaved();
  await close();
});

test("figures are those of the stretch that is chosen", async () => {
  const { page, wellBehaved, close } = await rig.page();
  await rig.scene("well");
  await page.goto("/insight/figures");
  const answers = page.getByRole("row", { name: /Questions answered/ });
  await answers.getByText("3,885").waitFor();
  await page.getByText("Four weeks").click();
  await answers.getByText("15,540").waitFor();
  await answers.getByText("+11.1 %").waitFor();
  await rig.scene("empty");
  await page.reload();
  await page.getByText("Nobody has made these figures yet.").waitFor();
  wellBehaved();
  await close();
});

test("a cell says what keeps it, what proved it, and when that proves nothing here", async () => {
  const { page, wellBehaved, close } = await rig.page();
  await rig.scene("well");
  await page.goto("/insight/coverage");
  await page.getByText("19 of 24 proven").waitFor();
  await page.getByRole("button", { name: "Health gate: latency Proven" }).click();
  await page.getByText("The gate latency_p95 is red while answers are slow").waitFor();
  await page.getByText("tests of 87e9e16").waitFor();
  const stale = page.getByRole("button", { name: /daily digest Stale/ });
  await stale.click();
  await page.getByText("ran on other code than what runs here").waitFor();
  assert.equal(await stale.getAttribute("aria-pressed"), "true");
  await accessible(page, "a chosen cell");
  await rig.scene("empty");
  await page.reload();
  await page.getByText("0 of 24 proven").waitFor();
  assert.equal(await page.locator(".square.unknown").count(), 24);
  wellBehaved();
  await close();
});

test("an anomaly is explained by itself", async () => {
  const { page, wellBehaved, close } = await rig.page();
  await rig.scene("red");
  await page.goto("/insight");
  await page.locator(".anomalies summary", { hasText: "Latency" }).click();
  await page.getByText("between 280 ms and 610 ms was expected").waitFor();
  await page.getByText("Patch 4cf7181300000000").waitFor();
  await page.getByText("It was back within that").waitFor();
  await accessible(page, "an explained anomaly");
  wellBehaved();
  await close();
});

test("snapshots go back beyond the newest, and one that is opened shows what it is made of", async () => {
  const { page, wellBehaved, close } = await rig.page({ size: PHONE });
  await rig.scene("well");
  await page.goto("/insight/snapshots");
  const lines = page.locator(".snapshot-line");
  await lines.nth(24).waitFor();
  await page.getByRole("button", { name: "Show older snapshots" }).click();
  await lines.nth(49).waitFor();
  await page.getByText("Of incidents").click();
  await lines.nth(1).waitFor({ state: "detached" });
  await lines.first().click();
  await page.getByRole("heading", { name: "Gates as they stood" }).waitFor();
  await page.getByText("1 part could not be had").click();
  await page.getByText("no more than 200 are looked at").waitFor();
  await page.getByText("council gates error_rate").waitFor();
  await page.locator(".anomalies summary").first().click();
  await page.locator(".odd-why").waitFor();
  await fitsTheWindow(page, "a snapshot");
  await accessible(page, "a snapshot");
  wellBehaved();
  await close();
});

test("what may not come again is listed with why", async () => {
  const { page, wellBehaved, close } = await rig.page();
  await rig.scene("well");
  await page.goto("/changes");
  await page.getByRole("link", { name: "2 in quarantine" }).click();
  await page.getByText("error_rate was red for 8 s while it baked").first().waitFor();
  assert.equal(await page.locator(".quarantined > li").count(), 2);
  await page.locator(".quarantined a").first().click();
  await page.locator(".patch-page").waitFor();
  wellBehaved();
  await close();
});
