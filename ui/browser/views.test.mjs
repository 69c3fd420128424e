/** Every view, in both themes, on a desk and on a phone: nothing that axe finds, nothing refused, nothing too wide. */

import { after, before, test } from "node:test";
import { accessible, fitsTheWindow, open, PHONE } from "./rig.mjs";
import { show, VIEWS } from "./views.mjs";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

for (const theme of ["light", "dark"]) {
  test(`views have nothing that axe finds, in ${theme}`, async () => {
    const { page, wellBehaved, close } = await rig.page({ theme });
    for (const view of VIEWS) {
      const [name, , , , once] = view;
      if (once && theme === "dark") continue;
      await show(rig, page, view);
      await accessible(page, `${name} in ${theme}`);
    }
    wellBehaved();
    await close();
  });
}

test("views fit a phone, and have nothing that axe finds there", async () => {
  const { page, wellBehaved, close } = await rig.page({ size: PHONE });
  for (const view of VIEWS) {
    await show(rig, page, view, { phone: true });
    await fitsTheWindow(page, view[0]);
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
