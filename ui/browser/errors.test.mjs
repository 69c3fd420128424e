/** What each view says when something is wrong, on a desk in the dark and on a phone in the light. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { stand } from "../dev/clock.mjs";
import { NOW_MS, Outlines } from "./outline.mjs";
import { accessible, fitsTheWindow, open, PHONE } from "./rig.mjs";
import { ERRORS, show } from "./views.mjs";

const outlines = new Outlines("error");
/** The service's own words, its code and the request id are on the page wherever something was refused. */
const QUOTED = ["records_unavailable", "01M8NVM14AE3K9GSTBJ3S2HNXG"];

let rig;
before(async () => {
  stand(NOW_MS);
  rig = await open();
});
after(async () => {
  await rig.close();
  stand(null);
});

test("whatever is wrong is said in words, with a next step, in both themes and sizes", async () => {
  const desk = await rig.page({ theme: "dark", nowMs: NOW_MS });
  const phone = await rig.page({ size: PHONE, nowMs: NOW_MS });
  const wrong = [];
  for (const error of ERRORS) {
    try {
      await look(error, desk.page, phone.page);
    } catch (failure) {
      wrong.push(`${error[0]}: ${failure.message}`);
    }
  }
  assert.equal(wrong.join("\n\n"), "");
  for (const { wellBehaved, close } of [desk, phone]) {
    wellBehaved();
    await close();
  }
  assert.equal(outlines.told(), "", "`npm run outlines` writes anew what is meant to be so");
});

async function look(error, desk, phone) {
  const [name, , , scene, more] = error;
  await rig.scene(scene, more);
  const both = [desk, phone].map(async (page) => {
    // On a phone the list of conversations is behind a button.
    await show(null, page, error, { state: "attached" });
    const text = await page.locator("body").textContent();
    for (const part of more.broken ? QUOTED : []) assert.ok(text.includes(part), `${part} is not quoted`);
  });
  await Promise.all(both);
  await accessible(desk, "on a desk");
  await accessible(phone, "on a phone");
  await fitsTheWindow(phone, "it");
  await outlines.hold(desk, `${name}-desk`);
  await outlines.hold(phone, `${name}-phone`);
  if (!process.env.PICTURES) return;
  await desk.screenshot({ path: `${process.env.PICTURES}/${name}-desk.png` });
  await phone.screenshot({ path: `${process.env.PICTURES}/${name}-phone.png` });
}

test("a view whose parts are gone since the page was changed says so, and the others go on", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/");
  await page.locator(".welcome").waitFor();
  await page.route("**/assets/*.js", (route) => route.fulfill({ status: 404, body: "" }));
  await page.getByRole("link", { name: "Insight" }).click();
  await page.getByText("page_outdated").waitFor();
  await accessible(page, "a view whose parts are gone");
  await page.getByRole("link", { name: "Chat", exact: true }).click();
  await page.locator(".welcome").waitFor();
  await page.unroute("**/assets/*.js");
  await page.getByRole("link", { name: "Insight" }).click();
  await page.getByRole("button", { name: "Load anew" }).click();
  await page.locator(".story").waitFor();
  await close();
});
