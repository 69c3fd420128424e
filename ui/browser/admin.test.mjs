/** Sandbox, Admin, dropped files and memories put right: two steps before what is dear, secrets that never show, each role. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { accessible, open } from "./rig.mjs";

let rig;
before(async () => {
  rig = await open();
});
after(() => rig.close());

test("the kill switch takes two steps and a reason, says who threw it, and is released the same way", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/sandbox");
  await page.getByText("Taking jobs").waitFor();
  await page.getByRole("button", { name: "Throw the kill switch…" }).click();
  await page.getByText("1 job at work").waitFor();
  const sure = page.getByRole("button", { name: "End all jobs" });
  assert.equal(await sure.isDisabled(), true);
  await page.getByLabel("Why, for the audit trail").fill("It mines coins");
  await sure.click();
  await page.getByText("The kill switch is thrown by ann: It mines coins").waitFor();
  await page.getByRole("button", { name: "Release the kill switch…" }).click();
  await page.getByLabel("Why, for the audit trail").fill("It is over");
  await page.getByRole("button", { name: "Take jobs again" }).click();
  await page.getByText("Taking jobs").waitFor();
  const records = page.locator(".trail tbody tr");
  assert.equal(await records.count(), 25);
  await page.getByRole("button", { name: "Show older records" }).click();
  await records.nth(49).waitFor();
  await page.getByRole("button", { name: "Show older records" }).click();
  await records.nth(59).waitFor();
  await page.getByRole("button", { name: "Show older records" }).waitFor({ state: "detached" });
  assert.equal(await records.count(), 60);
  wellBehaved();
  await close();
});

test("a missing layer is said with its reason, and a sandbox that is away with what went wrong", async () => {
  await rig.scene("well", { kept: { missing: { "memory: cgroup": "there is no cgroup to write" }, trail: 0 } });
  const { page, close } = await rig.page();
  await page.goto("/sandbox");
  await page.getByText("Taking jobs, with 1 layer missing").waitFor();
  await page.getByText("is missing: there is no cgroup to write").waitFor();
  await page.getByText("Nothing was run yet").waitFor();
  await rig.scene("well", { broken: ["/v1/sandbox", "/api/sandbox"] });
  await page.goto("/sandbox");
  await page.getByText("records_unavailable").first().waitFor();
  await close();
});

test("each role is offered what is theirs and nothing else", async () => {
  await rig.scene("well", { role: "viewer" });
  const { page, close } = await rig.page();
  await page.goto("/sandbox");
  await page.getByText("Who ran what is shown to operators").waitFor();
  assert.equal(await page.getByRole("button", { name: /kill switch/ }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Admin" }).count(), 0);
  await page.goto("/admin");
  await page.getByText("This is for those who look after Council").waitFor();
  await rig.scene("well", { role: "operator" });
  await page.goto("/admin");
  await page.locator(".provider").first().waitFor();
  assert.equal(await page.getByRole("button", { name: /the key of|^Change/ }).count(), 0);
  assert.equal(await page.getByRole("link", { name: "Users and tokens" }).count(), 0);
  await page.goto("/admin/tokens");
  await page.getByText("An administrator sees it.").waitFor();
  await close();
});

test("a provider's key goes in and is found nowhere on the page afterwards", async () => {
  const KEY = "sk-0123456789-never-shown";
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/admin");
  await page.getByRole("button", { name: "Set the key of anthropic" }).click();
  await page.getByLabel("Key", { exact: true }).fill("two words");
  await page.getByRole("button", { name: "Set the key", exact: true }).click();
  await page.getByText("A key has no blanks").waitFor();
  await page.getByLabel("Key", { exact: true }).fill(KEY);
  await page.getByRole("button", { name: "Set the key", exact: true }).click();
  await page.getByRole("button", { name: "Replace the key of anthropic" }).waitFor();
  assert.ok(!(await page.content()).includes(KEY));
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }))).includes(KEY));
  await page.getByRole("button", { name: "Remove the key of anthropic" }).click();
  await page.getByRole("button", { name: "Remove the key", exact: true }).click();
  await page.getByRole("button", { name: "Set the key of anthropic" }).waitFor();
  wellBehaved();
  await close();
});

test("a new token is shown once and is kept by hand; one is revoked, and the last administrator's is not", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/admin/tokens");
  await page.getByRole("button", { name: "New token…" }).click();
  await page.getByLabel("User", { exact: true }).fill("bob");
  await page.getByLabel("Label, to know it again by").fill("phone");
  await page.getByText("Limits and more").click();
  await page.getByLabel("Dollars a day").fill("1,5");
  assert.equal(await page.getByRole("button", { name: "Make the token" }).isDisabled(), true);
  await page.getByLabel("Dollars a day").fill("0.25");
  await page.getByRole("button", { name: "Make the token" }).click();
  await page.locator(".secret").getByText("cncl_").waitFor();
  await accessible(page, "a new token");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator(".secret").count(), 1);
  await page.getByRole("button", { name: "I have kept it" }).click();
  await page.getByText("$0.25 a day").waitFor();
  assert.ok(!(await page.content()).includes("cncl_s3cr3t"));
  await page.getByRole("button", { name: "Revoke phone" }).click();
  await page.getByRole("button", { name: "Revoke it" }).click();
  await page.getByRole("button", { name: "Revoke phone" }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Revoke first token" }).click();
  await page.getByText("this page will ask you to sign in anew").waitFor();
  await page.getByRole("button", { name: "Revoke it" }).click();
  await page.getByText("It is the last administrator's token").waitFor();
  wellBehaved();
  await close();
});

test("what would change the blueprint is drafted as a patch, with the commands to sign and send it", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/admin/budget");
  await page.getByText("which is over the limit").waitFor();
  await page.getByRole("button", { name: "Change the limits…" }).click();
  const drafts = page.getByRole("button", { name: "Draft the patch" });
  await page.getByLabel("Why, for whoever reads it later").fill("More is asked.");
  assert.equal(await drafts.isDisabled(), true, "nothing is changed yet");
  await page.getByLabel("All calls, a day").fill("5");
  await drafts.click();
  await page
    .getByText("+budget.day_usd_micros: 5000000")
    .or(page.getByText("budget.day_usd_micros: 5000000"))
    .first()
    .waitFor();
  await page.getByText("council patch sign patch.json").waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Save patch.json" }).click(),
  ]);
  assert.equal(file.suggestedFilename(), "patch.json");
  await accessible(page, "a drafted patch");
  await page.getByRole("button", { name: "Done" }).click();
  await page.goto("/admin");
  await page.getByRole("button", { name: "Change big-model" }).click();
  await page.getByLabel("mine their-name").fill("2");
  await page.getByLabel("Why, for whoever reads it later").fill("Mine is fast.");
  await page.getByRole("button", { name: "Draft the patch" }).click();
  await page.getByText("models.big-model.deployments.1.weight: 2").waitFor();
  wellBehaved();
  await close();
});

/** Drops files upon the page as a person's hand would. */
async function drop(page, files) {
  const data = await page.evaluateHandle((all) => {
    const made = new DataTransfer();
    for (const [name, text] of all) made.items.add(new File([text], name));
    return made;
  }, files);
  await page.dispatchEvent(".talk", "dragenter", { dataTransfer: data });
  const told = await page.locator(".drop-veil").textContent();
  await page.dispatchEvent(".talk", "drop", { dataTransfer: data });
  return told;
}

test("dropped files say how far they are or why not, and lead to a question", async () => {
  await rig.scene("well");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await page.locator(".welcome").waitFor();
  const told = await drop(page, [
    ["harbour.md", "# Harbour\n"],
    ["tides.md", "# Tides\n"],
    ["scan.pdf", "%PDF"],
    ["all.zip", "PK"],
  ]);
  assert.match(told, /put it into the library/);
  const file = (name) => page.locator(".file", { hasText: name });
  await file("all.zip").getByText("Council does not read .zip").waitFor();
  await file("scan.pdf").getByText("Left out: it holds no text").waitFor();
  await file("tides.md").getByRole("button", { name: "Replace it" }).click();
  await file("tides.md").getByText("Read: 7 passages can be quoted").waitFor();
  await accessible(page, "dropped files");
  await file("harbour.md").getByRole("button", { name: "Ask about it" }).click();
  await page.getByPlaceholder("Ask in the words of harbour.md").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), "Your question");
  await file("scan.pdf").getByRole("button", { name: "Remove it" }).click();
  await file("scan.pdf").waitFor({ state: "detached" });
  const seen = await rig.seen();
  assert.ok(seen.includes("PUT /api/library/documents/tides.md?replace=true"));
  assert.ok(!seen.some((one) => one.includes("all.zip")), "what is not read is not sent");
  await rig.scene("well", { role: "viewer" });
  await page.goto("/");
  await page.locator(".welcome").waitFor();
  assert.match(await drop(page, [["more.md", "x"]]), /added by operators/);
  assert.equal(await page.locator(".file", { hasText: "more.md" }).count(), 0);
  wellBehaved();
  await close();
});

test("a memory is opened, put right and forgotten beside the answer that it went into", async () => {
  const memory = { used: [{ id: "1", kind: "fact", text: "I live in Lyon." }], stored: [], storing: "done" };
  await rig.scene("well", { council: { memory } });
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/");
  await page.getByLabel("Your question").fill("What is 17% of 2,340?");
  await page.keyboard.press("Enter");
  const evidence = page.getByRole("complementary", { name: "Evidence" });
  await evidence.getByRole("button", { name: "Correct: I live in Lyon." }).click();
  await page.getByLabel("What is right").fill("My cat is grey.");
  await page.keyboard.press("Enter");
  await evidence.getByText("A fact is put right by the same kind of thing").waitFor();
  await page.getByLabel("What is right").fill("I live in Brest.");
  await page.keyboard.press("Enter");
  await evidence.getByText("corrected; the answer above had the old words").waitFor();
  await evidence.getByRole("link", { name: "Open: I live in Brest." }).click();
  const opened = page.getByRole("region", { name: "The memory that was used" });
  await opened.getByText("Brest", { exact: true }).waitFor();
  await opened.getByRole("button", { name: /^Forget/ }).click();
  await opened.getByText("This was forgotten.").waitFor();
  wellBehaved();
  await close();
});

test("what happened stands upon the axis of a gate's plot, and is reached by keys and as text", async () => {
  await rig.scene("red");
  const { page, wellBehaved, close } = await rig.page();
  await page.goto("/health/gate/latency_p95");
  const lane = page.getByRole("group", { name: "What happened in this time" });
  await lane.getByRole("link", { name: /^Override, over: At most 4 questions at once/ }).focus();
  await page.locator(".lane-words", { hasText: "At most 4 questions at once" }).waitFor();
  await page.getByText("What happened in this time: 1 patch, 1 incident, 1 override").click();
  await page
    .locator(".happened")
    .getByRole("link", { name: /Latency is over its limit/ })
    .waitFor();
  await accessible(page, "a plot with marks");
  wellBehaved();
  await close();
});

test("the sentence opens the list of what is red, by a key, too", async () => {
  await rig.scene("red");
  const { page, close } = await rig.page();
  await page.goto("/sandbox");
  await page.getByRole("button", { name: /^Red: latency_p95/ }).focus();
  await page.keyboard.press("Enter");
  const list = page.getByRole("region", { name: "What is not well" });
  await list.getByRole("link", { name: /Error rate/ }).waitFor();
  assert.equal(await list.getByRole("listitem").count(), 4);
  await accessible(page, "the list of what is red");
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "detached" });
  await page.keyboard.press("Enter");
  await list.getByRole("link", { name: /Latency, 95th percentile/ }).click();
  await page.waitForURL("**/health/gate/latency_p95");
  await list.waitFor({ state: "detached" });
  await close();
});
