/**
 * Takes a picture of every view in both themes, on a desk and on a phone, from recorded answers, to be looked at.
 *
 *     npm run pictures -- FOLDER           FOLDER/health-desk-dark.png and so on
 *     npm run pictures -- FOLDER BEFORE    and says which differ from those of an earlier run, and by how much
 *
 * It shows what `npm run build` has built. Of one build less than 3 % of a picture differ: what tells the time.
 */

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DESK, open, PHONE } from "./rig.mjs";
import { show, VIEWS } from "./views.mjs";

const [folder, before] = process.argv.slice(2);
if (!folder) {
  console.error("Where to? Name a folder: npm run pictures -- FOLDER [BEFORE]");
  process.exit(2);
}
mkdirSync(folder, { recursive: true });
const rig = await open();
try {
  for (const [place, size] of Object.entries({ desk: DESK, phone: PHONE }))
    for (const theme of ["light", "dark"]) {
      const { page, close } = await rig.page({ size, theme });
      for (const view of VIEWS) {
        await show(rig, page, view, { phone: size === PHONE });
        const name = `${view[0]}-${place}-${theme}.png`;
        const taken = await page.screenshot({ path: join(folder, name), fullPage: true, animations: "disabled" });
        console.log(before ? `${name}: ${await against(page, taken, join(before, name))}` : name);
      }
      await close();
    }
} finally {
  await rig.close();
}

/** Says how a picture differs from the one in a file, in words. */
async function against(page, taken, file) {
  if (!existsSync(file)) return "new";
  const blank = await page.context().browser().newPage();
  const share = await blank.evaluate(
    differing,
    [taken, readFileSync(file)].map((one) => one.toString("base64")),
  );
  await blank.close();
  return share === null ? "of another size" : share === 0 ? "the same" : `${(100 * share).toFixed(2)} % differ`;
}

/** Runs in the browser: the share of pixels that differ, null where the pictures are not of one size. */
async function differing(encoded) {
  const [one, other] = await Promise.all(
    encoded.map(async (text) => {
      const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${text}`)).blob());
      const context = new OffscreenCanvas(image.width, image.height).getContext("2d");
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, image.width, image.height);
    }),
  );
  if (one.width !== other.width || one.height !== other.height) return null;
  const [left, right] = [new Uint32Array(one.data.buffer), new Uint32Array(other.data.buffer)];
  return left.reduce((count, pixel, place) => count + (pixel === right[place] ? 0 : 1), 0) / left.length;
}
