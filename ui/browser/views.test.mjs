/** Every view, in both themes, on a desk and on a phone: nothing that axe finds, nothing refused, nothing too wide, and what it said before. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { stand } from "../dev/clock.mjs";
import { NOW_MS, Outlines } from "./outline.mjs";
import { accessible, fitsTheWindow, open, PHONE } from "./rig.mjs";
import { show, VIEWS } from "./views.mjs";

const outlines = new Outlines("view");
let rig;
before(async () => {
  stand(NOW_MS);
  rig = await open();
});
after(async () => {
  await rig.close();
  stand(null);
});

for (const theme of ["light", "dark"]) {
  test(`views have nothing that axe finds, in ${theme}`, async () => {
    const { page, wellBehaved, close } = await rig.page({ theme, nowMs: NOW_MS });
    for (const view of VIEWS) {
      const [name, , , , once] = view;
      if (once && theme === "dark") continue;
      await show(rig, page, view);
      await accessible(page, `${name} in ${theme}`);
      if (theme === "light") await outlines.hold(page, `${name}-desk`);
    }
    wellBehaved();
    await close();
  });
}

test("views fit a phone, and have nothing that axe finds there", async () => {
  const { page, wellBehaved, close } = await rig.page({ size: PHONE, nowMs: NOW_MS });
  for (const view of VIEWS) {
    await show(rig, page, view, { phone: true });
    await fitsTheWindow(page, view[0]);
    await accessible(page, `${view[0]} on a phone`);
    await outlines.hold(page, `${view[0]}-phone`);
  }
  await rig.scene("well");
  await page.goto("/");
  await page.getByRole("button", { name: "Conversations" }).tap();
  await page.getByRole("link", { name: "Percentages" }).tap();
  await page.locator(".badge").tap();
  await page.getByRole("complementary", { name: "Evidence" }).getByText("Verified: computed").waitFor();
  await accessible(page, "evidence on a phone");
  wellBehaved();
  await close();
});

test("each view says what it said before", () => {
  assert.equal(outlines.told(), "", "`npm run outlines` writes anew what is meant to be so");
});
