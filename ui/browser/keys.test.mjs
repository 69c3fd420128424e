/** By keys alone: each view and what can be done in it is reached, what has the focus shows it, windows give it back. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, open, PHONE } from "./rig.mjs";
import { show, VIEWS } from "./views.mjs";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

/** Runs in the page: what of it no key reaches, and what does not show that it has the focus. */
function unreached() {
  const TAKES_FOCUS = "a[href], button, input, select, textarea, summary, [tabindex]";
  const ALIKE_MAX = 12;
  const isSeen = (one) => one.checkVisibility({ visibilityProperty: true }) && one.getClientRects().length > 0;
  const named = (one) =>
    `${one.tagName.toLowerCase()} “${(one.getAttribute("aria-label") ?? one.textContent).trim().slice(0, 40)}”`;
  const look = (one) => {
    const told = [];
    for (let at = one, up = 0; at && up < 4; at = at.parentElement, up += 1) {
      const style = getComputedStyle(at);
      const outline = style.outlineStyle === "none" ? "" : `${style.outlineWidth} ${style.outlineColor}`;
      told.push(outline, style.boxShadow, style.borderColor, style.backgroundColor);
    }
    return told.join();
  };
  const wrong = [];
  const counts = {};
  for (const one of document.querySelectorAll("#app *")) {
    if (!isSeen(one)) continue;
    const isPressed = getComputedStyle(one).cursor === "pointer";
    if (isPressed && getComputedStyle(one.parentElement).cursor !== "pointer") {
      const by = one.tagName === "LABEL" ? one.control : one.closest(TAKES_FOCUS);
      if (!by || by.tabIndex < 0) wrong.push(`${named(one)} is not reached by keys`);
    }
    if (!one.matches(TAKES_FOCUS) || one.disabled || one.tabIndex < 0) continue;
    if (one.tabIndex > 0) wrong.push(`${named(one)} is out of order`);
    counts[one.className] = (counts[one.className] ?? 0) + 1;
    if (counts[one.className] > ALIKE_MAX) continue;
    document.activeElement?.blur();
    const before = look(one);
    one.focus();
    if (document.activeElement !== one) wrong.push(`${named(one)} does not take the focus`);
    else if (look(one) === before) wrong.push(`${named(one)} does not show that it has the focus`);
  }
  return wrong;
}

for (const [place, size] of Object.entries({ desk: undefined, phone: PHONE })) {
  test(`what can be pressed on a ${place} is reached by keys, and shows that it has the focus`, async () => {
    const { page, wellBehaved, close } = await rig.page({ size });
    const wrong = [];
    for (const view of VIEWS) {
      const [name, , , , once] = view;
      if (once && size) continue;
      await show(rig, page, view, { phone: size !== undefined });
      // From then on the browser takes the focus for one that keys have moved.
      await page.keyboard.press("Tab");
      wrong.push(...(await page.evaluate(unreached)).map((one) => `${name}: ${one}`));
    }
    assert.deepEqual(wrong, []);
    wellBehaved();
    await close();
  });
}

const button = (name) => (page) => page.getByRole("button", { name, exact: true }).first();
/** Where, what opens a window, and what it is called. */
const WINDOWS = [
  ["/changes", button("Freeze…"), /Freeze/],
  ["/changes", button("Roll back…"), /Roll back/],
  ["/sandbox", button("Throw the kill switch…"), "Throw the kill switch"],
  ["/memory", button("Forget all…"), "Forget everything"],
  ["/admin", button("Replace the key of openai"), /key/i],
  ["/admin", button("Remove the key of openai"), /key/i],
  ["/admin", button("Change big-model"), /big-model/],
  ["/admin/budget", button("Change the limits…"), "Change the budgets"],
  ["/admin/library", button("Remove uploads/tides.md"), "Remove tides.md"],
  ["/admin/tokens", button("New token…"), /token/i],
  ["/admin/tokens", button("Revoke night shift"), /night shift/],
  ["/guide", (page) => page.getByRole("button", { name: /^Go to…/ }), "Go to"],
];

test("a window keeps the focus, closes at Escape and gives it back to what opened it", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  let at = "";
  for (const [path, opener, name] of WINDOWS) {
    if (path !== at) await page.goto(path);
    at = path;
    await opener(page).focus();
    await page.keyboard.press("Enter");
    const shown = page.getByRole("dialog", { name });
    await shown.waitFor();
    await accessible(page, `the window ${name}`);
    for (let tab = 0; tab < 12; tab += 1) {
      const inside = await page.evaluate(() => document.activeElement?.closest("dialog, body")?.tagName);
      assert.ok(inside === "DIALOG" || tab > 0, `${name} does not take the focus`);
      const behind = await page.evaluate(() => document.activeElement?.closest(".shell")?.contains(document.body));
      assert.ok(!behind, `${name} loses the focus`);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Escape");
    await shown.waitFor({ state: "detached" });
    assert.ok(await has(opener(page)), `${name} does not give the focus back`);
  }
  wellBehaved();
  await close();
});

const has = (locator) => locator.evaluate((one) => one === document.activeElement);

test("a conversation is renamed and deleted by keys, and the focus is never lost", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  const menu = page.getByRole("button", { name: "What to do with Percentages" });
  await menu.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Rename" }).waitFor();
  await page.keyboard.press("ArrowDown");
  assert.ok(await has(page.getByRole("menuitem", { name: "Export as Markdown" })));
  await page.keyboard.press("Escape");
  assert.ok(await has(menu), "the menu does not give the focus back");
  for (const [steps, name] of [
    [0, "Rename the conversation"],
    [3, "Delete the conversation"],
  ]) {
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Rename" }).waitFor();
    for (let step = 0; step < steps; step += 1) await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog", { name }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name }).waitFor({ state: "detached" });
    assert.ok(await has(menu), `${name} does not give the focus back`);
  }
  wellBehaved();
  await close();
});

test("what is put right in place is left at Escape, and the focus is where it was", async () => {
  await rig.scene("well");
  const { page, close } = await rig.page();
  await page.goto("/memory");
  const correct = page.getByRole("button", { name: "Correct: I live in Lyon." });
  await correct.focus();
  await page.keyboard.press("Enter");
  assert.ok(await has(page.getByLabel("What is right")));
  await page.keyboard.press("Escape");
  await correct.waitFor();
  assert.ok(await has(correct), "a memory does not give the focus back");
  await page.goto("/");
  await page.getByRole("link", { name: "Percentages" }).press("Enter");
  const edit = page.getByRole("button", { name: "Edit the question" });
  await edit.focus();
  await page.keyboard.press("Enter");
  assert.ok(await has(page.getByLabel("Your question, edited")));
  await page.keyboard.press("Escape");
  await edit.waitFor();
  assert.ok(await has(edit), "a question does not give the focus back");
  await close();
});
