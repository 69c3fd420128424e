/**
 * The whole story with a real Council, in a browser and a terminal: `node browser/story.mjs WISH`, WISH an object of JSON.
 *
 * Somebody signs in, asks each specialist, breaks a service on purpose, sees it noticed and repaired, reads why, signs a patch,
 * and rolls it back. `url`, `link` (as `council login` prints it), `command` (the words that run `council` for this home),
 * `blueprint` (its repository), `key` (the fingerprint of a key in gpg's ring), `fault` and `service` (for `council chaos run`),
 * `folder` (for the files of the terminal), `pictures` (a folder for one of each step, or ""). Each step is told as a line of
 * JSON: its name and seconds.
 */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ask, QUESTIONS, signIn, unfold } from "./newcomer.mjs";
import { accessible, launch, page as open } from "./rig.mjs";

const wish = JSON.parse(process.argv[2]);
/** What the longest of what Council does by itself may take, milliseconds. */
const LONG_MS = 240_000;
const OUTPUT_BYTES_MAX = 1 << 20;
const QUALITY = 92;

const browser = await launch();
const { page, wellBehaved } = await open(browser, wish.url);
page.setDefaultTimeout(60_000);
const camera = await page.context().newCDPSession(page);
let number = 0;
let begunMs = performance.now();
/** The incident that the fault came to. */
let incident = "";

/** Ends a step: tells it, with whatever else is to be known of it, and takes its picture. */
async function done(step, more = {}) {
  number += 1;
  const tookS = Number(((performance.now() - begunMs) / 1000).toFixed(1));
  process.stdout.write(`${JSON.stringify({ step, took_s: tookS, ...more })}\n`);
  if (wish.pictures) {
    await page.evaluate(() => document.fonts.ready);
    const { data } = await camera.send("Page.captureScreenshot", { format: "webp", quality: QUALITY });
    const name = `${String(number).padStart(2, "0")}-${step.replaceAll(" ", "-")}.webp`;
    await writeFile(join(wish.pictures, name), Buffer.from(data, "base64"));
  }
  begunMs = performance.now();
}

/** Runs a command in the terminal, and returns what it printed. Throws where it fails. */
async function terminal(...words) {
  const { stdout } = await promisify(execFile)(words[0], words.slice(1), {
    cwd: wish.folder,
    maxBuffer: OUTPUT_BYTES_MAX,
  });
  return stdout;
}

const council = (...words) => terminal(...wish.command, ...words);

/** Begins a command of Council. `ended` is what it printed, and throws where it failed; `beside` waits for what comes meanwhile. */
function begin(...words) {
  const [program, ...first] = wish.command;
  const child = spawn(program, [...first, ...words], { cwd: wish.folder, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"])
    child[name].on("data", (part) => {
      said[name] += part;
    });
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(said.stdout);
      else reject(new Error(`${words.join(" ")} ended with ${status}: ${said.stdout}${said.stderr}`.slice(-2_000)));
    });
  });
  // Whoever awaits it is told; nobody else has to be.
  ended.catch(() => undefined);
  return {
    ended,
    beside: (work) => Promise.race([work, ended.then(() => work)]),
    stop: () => child.kill("SIGINT"),
  };
}

const view = (name) => page.locator(".rail").getByRole("link", { name }).click();

async function asks() {
  await signIn(page, wish.link);
  await done("signed in");
  for (const [kind, question] of Object.entries(QUESTIONS)) {
    await ask(page, question);
    await unfold(page);
    await done(`asked ${kind}`);
    if (kind === "code") {
      await page.getByRole("button", { name: "Run" }).first().click();
      await page.getByText("Ended well").waitFor();
      await done("ran the code");
    }
  }
  // What is behind an answer leads on to all that is remembered.
  await view("Memory");
  await page.locator(".memory-entry", { hasText: "Lyon" }).first().waitFor();
  await done("saw what is remembered");
}

async function breaks() {
  await view("Health");
  await page.locator(".gate").nth(11).waitFor();
  await accessible(page, "health");
  await done("health before it");
  await council("chaos", "allow");
  const chaos = begin("chaos", "run", wish.fault, "--service", wish.service, "--json");
  try {
    const line = page.locator(".card", { hasText: "Incidents" }).locator("li", { hasText: wish.service }).first();
    await chaos.beside(line.filter({ hasText: /for \d/ }).waitFor({ timeout: LONG_MS }));
    await done("it is noticed");
    await line.click();
    await page.waitForURL("**/health/incident/*");
    incident = page.url().split("/").at(-1);
    await page.getByRole("heading", { name: "What may have brought it about" }).waitFor();
    await page
      .getByText(new RegExp(`repair: .* of ${wish.service}: helped`))
      .first()
      .waitFor({ timeout: LONG_MS });
    await done("it is repaired");
    await page.getByText("No, it is over").waitFor({ timeout: LONG_MS });
    await accessible(page, "the incident");
    await done("the incident is over");
    await view("Health");
    await line.filter({ hasText: "over in" }).waitFor();
    const [fault] = JSON.parse(await chaos.ended).faults;
    assert.equal(fault.end, "healed", JSON.stringify(fault));
    await done("the fault is out", { noticed_s: fault.noticed_s, working_s: fault.working_s, repairs: fault.repairs });
  } finally {
    chaos.stop();
    await chaos.ended.catch(() => undefined);
    await council("chaos", "disallow");
  }
}

async function reads() {
  const told = await council("observe", "explain", incident);
  assert.ok(told.includes(wish.service), `the explanation does not name ${wish.service}: ${told}`);
  await view("Insight");
  await page.locator(".story").getByText(wish.service).first().waitFor();
  await accessible(page, "insight");
  await done("it is explained");
}

async function changes() {
  await council("keys", "add", wish.key, "--name", "Ann");
  await terminal("git", "clone", "--quiet", wish.blueprint, "blueprint");
  await terminal("sed", "-i", 's/limit: "<5%"/limit: "<4%"/', "blueprint/gates.yaml");
  await terminal("sh", "-c", "echo 'Answer in one sentence where that is enough.' >> blueprint/prompts/general.md");
  const words = ["--title", "Answer shorter", "--reason", "Answers were long.", "--ticket", "7"];
  await council("patch", "new", "--from", "blueprint", ...words);
  await council("patch", "sign", "patch.json", "--yes");
  await view("Changes");
  const patch = begin("patch", "submit", "patch.json");
  try {
    const shown = page.locator(".patch-page", { hasText: "Answer shorter" });
    await patch.beside(shown.locator(".step-strip .step").nth(1).waitFor({ timeout: LONG_MS }));
    await done("a patch is on its way");
    await Promise.all([shown.locator(".outcome.live").waitFor({ timeout: LONG_MS }), patch.ended]);
  } finally {
    patch.stop();
  }
  await page.locator(".patch", { hasText: "Answer shorter" }).first().click();
  await page.locator(".file-diff").nth(1).waitFor();
  await accessible(page, "changes");
  await page.locator(".file-diff").last().scrollIntoViewIfNeeded();
  await done("the patch serves");
  await view("Chat");
  await ask(page, QUESTIONS.maths);
  await page.locator(".evidence-panel").getByRole("link").last().click();
  await page.locator(".patch-page", { hasText: "Answer shorter" }).waitFor();
  await done("an answer leads to its patch");
}

async function rollsBack() {
  const cid = page.url().split("/").at(-1);
  await page.getByRole("button", { name: "Roll back…" }).click();
  await page.getByLabel("Why, for the lineage").fill("The old limit was right.");
  await accessible(page, "the dialogue of a rollback");
  await done("asked to roll back");
  await page.getByRole("button", { name: `Roll back ${cid.slice(0, 8)}`, exact: true }).click();
  await page.locator(".patch-page .outcome.back").waitFor({ timeout: LONG_MS });
  await done("rolled back");
  assert.match(await council("lineage", "verify"), /Nothing is wrong with the journal/);
  await page.goto("/health/gate/error_rate");
  await page.locator(".spans", { hasText: /Limit< 5/ }).waitFor();
  await done("the old limit holds again");
}

try {
  for (const chapter of [asks, breaks, reads, changes, rollsBack]) await chapter();
  wellBehaved();
} catch (error) {
  if (wish.pictures) await page.screenshot({ path: join(wish.pictures, "went-wrong.png") });
  throw error;
} finally {
  await browser.close();
}
