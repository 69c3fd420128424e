/** A browser with the page in it, and what no page of ours may ever do. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { serve } from "../dev/server.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const AXE = readFileSync(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
/** What a browser says of its own accord where the service does not answer. */
const EXPECTED = /Failed to load resource|net::ERR_/;

/** A busy machine takes its time, milliseconds. */
const PATIENCE_MS = 60_000;

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 800 };

export async function launch() {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS.split(" ") });
}

/** A service of recorded answers and a browser; `close` ends both. */
export async function open() {
  const server = await serve();
  const base = `http://127.0.0.1:${server.address().port}`;
  const browser = await launch();
  return {
    base,
    browser,
    scene: (name, more = {}) => fetch(`${base}/dev/scene`, { method: "POST", body: JSON.stringify({ ...more, name }) }),
    seen: async () => (await fetch(`${base}/dev/seen`)).json(),
    page: (options) => page(browser, base, options),
    close: async () => {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/**
 * Opens a page that keeps count of what must not be: scripts of others, refusals of the policy, requests elsewhere, errors.
 *
 * `refused` is what the policy may say of contents that are only being taken apart. At `nowMs` its time stands still.
 */
export async function page(browser, base, { size = DESK, theme = "light", refused = null, nowMs = null } = {}) {
  const context = await browser.newContext({
    viewport: size,
    colorScheme: theme,
    baseURL: base,
    hasTouch: size.width < 500,
    reducedMotion: "reduce",
    timezoneId: "UTC",
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const made = await context.newPage();
  if (nowMs !== null) await made.clock.setFixedTime(nowMs);
  const wrong = [];
  made.on("dialog", (dialog) => {
    wrong.push(`a script ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
  made.on("pageerror", (error) => wrong.push(`an error: ${error.message}`));
  made.on("console", (message) => {
    if (message.type() === "error" && !EXPECTED.test(message.text()) && !refused?.test(message.text()))
      wrong.push(message.text());
  });
  made.on("request", (request) => {
    if (!request.url().startsWith(base)) wrong.push(`a request elsewhere: ${request.url()}`);
  });
  return {
    page: made,
    /** Fails if anything happened that must not. */
    wellBehaved: () => assert.deepEqual(wrong, []),
    close: () => context.close(),
  };
}

/** Fails for whatever axe finds wrong with the page as it stands. */
export async function accessible(page, name) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  const told = found.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.join(" ")).join(", ")}`);
  assert.deepEqual(told, [], name);
}

/** Fails if the page is wider than the window. */
export async function fitsTheWindow(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(over <= 0, `${name} is ${over} pixels too wide`);
}
