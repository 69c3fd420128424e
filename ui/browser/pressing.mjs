/** Presses all that a view offers, one after the other, as somebody would who tries what they may do. */

const PRESSED_MAX = 60;

/**
 * Goes to `path`, presses each button of the view once, and in each window that opens the one that does it.
 *
 * Returns the names of those it `pressed`, and of each that brought a refusal, with what was refused.
 */
export async function pressAll(page, path) {
  const pressed = [];
  const refused = [];
  let last = "opening the page";
  const hear = (response) => {
    if ([401, 403].includes(response.status()))
      refused.push(`${path}: ${last}: ${response.request().method()} ${new URL(response.url()).pathname}`);
  };
  page.on("response", hear);
  const quiet = untilQuiet(page);
  await go(page, path);
  while (pressed.length < PRESSED_MAX) {
    const name = await page.evaluate(pressNext, pressed);
    if (name === null) break;
    last = name;
    pressed.push(name);
    await quiet();
    if (await page.evaluate(pressInWindow)) await quiet();
    // What is still open was refused in its own words, or has told something.
    await page.evaluate(leaveWindow);
    if (new URL(page.url()).pathname !== path) await go(page, path);
  }
  page.off("response", hear);
  return { pressed, refused };
}

/** Returns what waits until nothing that the page has asked for is on its way, but for its streams. */
function untilQuiet(page) {
  const open = new Set();
  page.on("request", (request) => {
    if (!/\/api\/live|\/events$/.test(request.url())) open.add(request);
  });
  for (const end of ["requestfinished", "requestfailed"]) page.on(end, (request) => open.delete(request));
  return async () => {
    do await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    while (open.size > 0);
  };
}

async function go(page, path) {
  await page.goto(path);
  await page.locator("main h1").first().waitFor({ state: "attached" });
  await page.waitForFunction(() => !document.querySelector(".waiting"));
}

/** Runs in the page: presses the first button whose name is not among these, and returns that; null where there is none. */
function pressNext(pressed) {
  const LEFT_ALONE = /^(Sign out|Stop the answer)/;
  for (const button of document.querySelectorAll("main button:enabled")) {
    const name = button.getAttribute("aria-label") ?? button.textContent.trim();
    if (!button.checkVisibility() || pressed.includes(name) || LEFT_ALONE.test(name)) continue;
    button.click();
    return name;
  }
  return null;
}

/** Runs in the page: fills in a window that has opened, and presses what does it; returns whether there was one. */
function pressInWindow() {
  const form = document.querySelector("dialog[open] form");
  if (!form) return false;
  for (const field of form.querySelectorAll("input:not([type=checkbox]):not([type=radio]), textarea")) {
    // React hears of a value only where it is set as the browser sets it.
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value").set.call(field, "1");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  return new Promise((done) =>
    requestAnimationFrame(() => {
      const does = [...form.querySelectorAll(".dialog-buttons button")].at(-1);
      does?.click();
      done(true);
    }),
  );
}

/** Runs in the page: closes what is still open. */
function leaveWindow() {
  for (const shown of document.querySelectorAll("dialog[open]")) {
    [...shown.querySelectorAll("button:enabled")].at(-1)?.click();
    if (shown.open) shown.close();
  }
}
