/** What the page says when things are not well: offline, stale, refused, empty; who may do what; endless lists; keys. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { open } from "./rig.mjs";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

test("a service that goes away is said to be away, and back when it is back", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/health");
  await page.getByText("All 11 gates green").waitFor();
  await rig.scene("away");
  await page.getByText(/not heard from since/).waitFor();
  await page.locator(".board.doubted").waitFor();
  assert.equal(await page.locator(".sentence .shape.unknown").count(), 1);
  await rig.scene("red");
  await page.locator(".sentence.current .shape.red").waitFor();
  await page.locator(".gate.red").getByText("1,840 ms").waitFor();
  await close();
});

test("what is unknown is hatched with its reason and never green", async () => {
  await rig.scene("unknown");
  const { page, close } = await rig.page();
  await page.goto("/health");
  await page.locator(".gate.unknown").first().waitFor();
  assert.equal(await page.locator(".gate.green").count(), 0);
  await page.locator(".gate", { hasText: "Memory growth" }).getByText("warm-up: 150 minutes left").waitFor();
  await close();
});

test("an error quotes its code and its request id, and another try is offered", async () => {
  await rig.scene("well", { broken: ["/api/changes"] });
  const { page, close } = await rig.page();
  await page.goto("/changes");
  await page.locator(".lineage").getByText("records_unavailable").waitFor();
  await page.locator(".lineage").getByText("01M8NVM14AE3K9GSTBJ3S2HNXG").waitFor();
  await rig.scene("well");
  await page.getByRole("button", { name: "Try again" }).first().click();
  await page.locator(".step-strip").waitFor();
  await close();
});

test("what is empty says what to do", async () => {
  await rig.scene("empty");
  const { page, close } = await rig.page();
  await page.goto("/changes");
  await page.getByText("Nothing has been changed yet").waitFor();
  await page.getByText("council patch sign patch.json").waitFor();
  await page.goto("/");
  await page.getByText("No conversations yet").waitFor();
  await close();
});

test("of ten thousand patches those in sight are drawn, and the last can be reached", async () => {
  await rig.scene("many", { lineage: 10_000 });
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/changes");
  await page.locator(".patch").first().waitFor();
  const frame = page.locator(".lineage-frame");
  for (let turn = 0; turn < 4; turn++) {
    await frame.evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await page.waitForFunction(
      (pages) => document.querySelector(".lineage-row")?.getAttribute("aria-setsize") >= pages,
      (turn + 2) * 100,
    );
  }
  const rows = await page.locator(".patch").count();
  assert.ok(rows < 60, `${rows} rows are drawn`);
  wellBehaved();
  await close();
});

test("a rollback and a freeze take two steps and a reason, and are sent as they are asked for", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/changes");
  await page.getByRole("button", { name: "Roll back…" }).click();
  const sure = page.getByRole("button", { name: "Roll back b8e3d2f5" });
  assert.equal(await sure.isDisabled(), true);
  await page.getByText("3 processes").first().waitFor();
  await page.getByLabel("Why, for the lineage").fill("Too slow");
  await sure.click();
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Freeze…" }).click();
  await page.getByLabel("Why, for the lineage").fill("Looking");
  await page.getByRole("button", { name: "Freeze", exact: true }).click();
  await page.getByText("by ann: Looking").waitFor();
  const seen = await rig.seen();
  assert.ok(seen.includes("POST /api/changes/b8e3d2f500000000/rollback") && seen.includes("POST /api/freeze"));
  await close();
});

test("a viewer sees all and is offered nothing that is not theirs", async () => {
  await rig.scene("well", { role: "viewer" });
  const { page, close } = await rig.page();
  await page.goto("/changes");
  await page.getByText("An admin may roll it back.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Freeze…" }).count(), 0);
  await close();
});

test("who is nobody signs in, and is told why a token is refused", async () => {
  await rig.scene("nobody");
  const { page, close } = await rig.page();
  await page.goto("/health");
  await page.getByLabel("Token").fill("cncl_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("invalid_api_key").waitFor();
  await page.getByLabel("Token").fill("cncl_right");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.locator(".sentence").waitFor();
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out", exact: true }).click();
  await page.getByLabel("Token").waitFor();
  await close();
});

test("all of it is reached by keys", async () => {
  await rig.scene("red");
  const { page, close } = await rig.page();
  await page.goto("/");
  await page.locator(".welcome").waitFor();
  await page.locator(".skip").focus();
  await page.keyboard.press("g");
  await page.keyboard.press("h");
  await page.waitForURL("**/health");
  await page.locator(".gate").first().waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Go to" }).waitFor();
  await page.keyboard.type("disk");
  await page.getByRole("option", { name: /Disk usage/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/health/gate/disk_usage");
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keys" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.locator(".lineage-frame").focus();
  await page.keyboard.press("j");
  await page.waitForURL("**/changes/*");
  await close();
});
