/** Every view, in both themes, on a desk and on a phone: nothing that axe finds, nothing refused, nothing too wide. */

import { after, before, test } from "node:test";
import { accessible, fitsTheWindow, open, PHONE } from "./rig.mjs";

const INCIDENT = "/health/incident/01M8NVREDREDREDREDREDREDRE";
/** Where to go, what shows that it is there, how things are, and whether once is enough of what is made of the same parts. */
const VIEWS = [
  ["/", ".welcome", "well"],
  ["/health", ".gate.red", "red"],
  ["/health/gate/latency_p95", ".plot canvas", "red"],
  [INCIDENT, ".timeline li", "red"],
  ["/changes", ".step-strip", "well"],
  ["/insight", ".story", "well"],
  ["/guide/gates", ".guide-page h1", "well"],
  ["/changes", ".how", "empty"],
  ["/sandbox", ".trail tbody tr", "well"],
  ["/memory", ".memory-entry", "well"],
  ["/admin", ".provider", "well"],
  ["/admin/budget", ".meter", "well"],
  ["/admin/library", ".table tbody tr", "well", true],
  ["/admin/tokens", ".tokens tbody tr", "well", true],
  ["/admin/policy", ".protected li", "well", true],
  ["/admin/audit", ".audit tbody tr", "well", true],
  ["/login", "#token", "nobody"],
];

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

for (const theme of ["light", "dark"]) {
  test(`views have nothing that axe finds, in ${theme}`, async () => {
    const { page, wellBehaved, close } = await rig.page({ theme });
    for (const [path, shown, scene, once] of VIEWS) {
      if (once && theme === "dark") continue;
      await rig.scene(scene);
      await page.goto(path);
      await page.waitForSelector(shown);
      await accessible(page, `${path} in ${theme}`);
    }
    wellBehaved();
    await close();
  });
}

test("views fit a phone, and have nothing that axe finds there", async () => {
  const { page, wellBehaved, close } = await rig.page({ size: PHONE });
  for (const [path, shown, scene] of VIEWS) {
    await rig.scene(scene);
    await page.goto(shown === ".step-strip" ? "/changes/b8e3d2f500000000" : path);
    await page.waitForSelector(shown);
    await fitsTheWindow(page, path);
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
