/**
 * What a view says, to whoever reads it by ear or by eye: its outline is kept in `browser/outlines`, and compared.
 *
 * `npm run outlines` writes them anew; what has changed is then to be read in the difference. Time stands still in them.
 */

import { existsSync, mkdirSync, readdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";

/** The moment at which time stands still. */
export const NOW_MS = Date.UTC(2026, 10, 30, 9, 41);

const FOLDER = new URL("./outlines/", import.meta.url);
const WRITE = process.env.WRITE === "1";
/** Of brothers and sisters of one kind so many are kept; of the others, their number. */
const ALIKE_MAX = 8;
const DIFFERENCE_LINES_MAX = 30;

/** Those of one file of tests, all of which begin with `prefix`. */
export class Outlines {
  constructor(prefix) {
    this.prefix = prefix;
    this.seen = new Set();
    this.changed = [];
    mkdirSync(FOLDER, { recursive: true });
  }

  /** Holds a page against its outline, or writes that. */
  async hold(page, name) {
    const is = await settled(page);
    const file = `${this.prefix}-${name}.yaml`;
    const place = new URL(file, FOLDER);
    this.seen.add(file);
    if (WRITE) writeFileSync(place, is);
    else if (!existsSync(place)) this.changed.push(`${file} is not there yet`);
    else if (readFileSync(place, "utf8") !== is) this.changed.push(difference(readFileSync(place, "utf8"), is, file));
  }

  /** Returns what is not as it was, "" where all is; also an outline of what is not looked at any more. */
  told() {
    const old = readdirSync(FOLDER).filter((one) => one.startsWith(`${this.prefix}-`) && !this.seen.has(one));
    if (WRITE) for (const one of old) unlinkSync(new URL(one, FOLDER));
    else this.changed.push(...old.map((one) => `${one} is of nothing that is looked at`));
    return this.changed.join("\n\n");
  }
}

/** Returns the outline of the page once nothing of it is on its way any more. */
async function settled(page) {
  let before = "";
  for (;;) {
    // What failed may be asked for again at any moment, and is then on its way once more.
    await page.waitForFunction(() => !document.querySelector(".waiting"));
    const is = `${folded(await page.locator("body").ariaSnapshot())}\n`;
    if (is === before && !is.includes('status "Loading')) return is;
    before = is;
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  }
}

/** Returns an outline with long lists cut to their beginnings. */
function folded(outline) {
  const kept = [];
  // For each depth, how many of one kind there were in a row so far; and below which depth lines are left out.
  const rows = [];
  let cut = Number.POSITIVE_INFINITY;
  for (const line of outline.split("\n")) {
    const depth = line.search(/\S/);
    if (depth > cut) continue;
    const kind = /^- (\w+)/.exec(line.slice(depth))?.[1] ?? "";
    rows.length = depth + 1;
    const row = rows[depth]?.kind === kind ? rows[depth] : { kind, count: 0, place: 0 };
    rows[depth] = row;
    row.count += 1;
    const left = row.count - ALIKE_MAX;
    cut = left > 0 ? depth : Number.POSITIVE_INFINITY;
    if (left <= 0) kept.push(line);
    else if (left === 1) row.place = kept.push("") - 1;
    if (left > 0) kept[row.place] = `${" ".repeat(depth)}- … and ${left} more: ${kind}`;
  }
  return kept.join("\n");
}

/** Returns the lines that are not in both. */
function difference(was, is, file) {
  const [before, now] = [was.split("\n"), is.split("\n")];
  const gone = before.filter((line) => !now.includes(line)).map((line) => `- ${line}`);
  const come = now.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  return [`${file}:`, ...gone, ...come].slice(0, DIFFERENCE_LINES_MAX).join("\n");
}
