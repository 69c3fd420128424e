/** Measures what a browser loads before the first view shows, compressed, and fails above the budget. Run by `npm run build`. */

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

const BUDGET_BYTES = 200_000;
const dist = new URL("../dist", import.meta.url).pathname;

const html = readFileSync(join(dist, "index.html"), "utf8");
for (const forbidden of [
  /<script(?![^>]*\bsrc=)/i,
  /<style/i,
  /\sstyle=/i,
  /\son\w+=/i,
  /(?:src|href)="(?:https?:)?\/\//i,
]) {
  if (forbidden.test(html)) fail(`index.html has what the page's policy refuses: ${forbidden}`);
}

const assets = readdirSync(join(dist, "assets"));
const manifest = JSON.parse(readFileSync(join(dist, ".vite", "manifest.json"), "utf8"));
const first = new Set(["index.html"]);
gather("index.html");
gather("src/chat/view.tsx");

let sum = 0;
for (const file of [...first].sort()) {
  const size = compressed(file);
  sum += size;
  console.log(`  ${file.padEnd(44)} ${kilobytes(size)}`);
}
const rest = assets.map((name) => `assets/${name}`).filter((file) => !first.has(file));
const later = rest.reduce((before, file) => before + compressed(file), 0);
console.log(`first load ${kilobytes(sum)} of ${kilobytes(BUDGET_BYTES)}, everything else ${kilobytes(later)} (gzip)`);
// The list of parts is of use here alone.
rmSync(join(dist, ".vite"), { recursive: true });
if (sum > BUDGET_BYTES) fail("The first load is over its budget: load something lazily, or leave it out.");

function gather(entry) {
  const chunk = manifest[entry];
  if (!chunk) fail(`the build has no ${entry}`);
  for (const file of [chunk.file, ...(chunk.css ?? [])]) first.add(file);
  for (const one of chunk.imports ?? []) if (!first.has(manifest[one]?.file)) gather(one);
}

/** gzip: what every browser takes. Brotli is smaller, and not counted on. */
function compressed(file) {
  const content = readFileSync(join(dist, file));
  return Math.max(gzipSync(content, { level: 9 }).length, brotliCompressSync(content).length);
}

function kilobytes(size) {
  return `${(size / 1000).toFixed(1)} KB`;
}

function fail(why) {
  console.error(why);
  process.exit(1);
}
