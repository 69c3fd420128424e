/** Each role is offered nothing that is refused: every button of every view is pressed. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pressAll } from "./pressing.mjs";
import { open } from "./rig.mjs";
import { VIEWS } from "./views.mjs";

/** Where there is something to press, and how things are there; the audit and the login have nothing. */
const PLACES = VIEWS.filter(([name]) => !["gate", "audit", "login"].includes(name));
/** So many buttons there are for each at least, or it was not looked at. */
const PRESSED_MIN = { viewer: 15, operator: 25 };

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

for (const role of Object.keys(PRESSED_MIN))
  test(`of what a page offers to role ${role} nothing is refused`, async () => {
    const { page, close } = await rig.page();
    let pressed = 0;
    const refused = [];
    for (const [, path, , scene] of PLACES) {
      await rig.scene(scene, { role });
      const found = await pressAll(page, path);
      pressed += found.pressed.length;
      refused.push(...found.refused);
    }
    assert.deepEqual(refused, []);
    assert.ok(pressed >= PRESSED_MIN[role], `${pressed} buttons were pressed`);
    await close();
  });
