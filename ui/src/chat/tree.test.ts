import { expect, test } from "vitest";
import type { Council, Message } from "../api/wire";
import { badge } from "./levels";
import { branch, follows, merged } from "./tree";

function message(id: string, parent: string | null, role: Message["role"] = "user"): Message {
  return { id, parent, role, text: id, at_us: 0, model: "", state: "done", error: null, council: null };
}

const TREE = [
  message("q1", null),
  message("a1", "q1", "assistant"),
  message("q2", "a1"),
  message("a2", "q2", "assistant"),
  message("a2b", "q2", "assistant"),
  message("q1b", null),
  message("a1b", "q1b", "assistant"),
];
const ids = (chosen: Record<string, string>) => branch(TREE, chosen).map((place) => place.message.id);

test("the newest branch is shown", () => {
  expect(ids({})).toEqual(["q1b", "a1b"]);
});

test("the chosen branch is shown, and with it how many there are", () => {
  expect(ids({ "": "q1" })).toEqual(["q1", "a1", "q2", "a2b"]);
  expect(ids({ "": "q1", q2: "a2" })).toEqual(["q1", "a1", "q2", "a2"]);
  expect(branch(TREE, { "": "q1" })[3]?.siblings.map((one) => one.id)).toEqual(["a2", "a2b"]);
});

test("a message whose parent is gone is a beginning, and a ring ends", () => {
  expect(branch([message("x", "gone")], {}).length).toBe(1);
  expect(branch([message("x", "y"), message("y", "x")], {}).length).toBe(0);
  expect(follows(message("x", null))).toBe("");
});

test("what is new is added and what is known is replaced", () => {
  const fresh = { ...message("a1", "q1", "assistant"), text: "more" };
  const all = merged(TREE.slice(0, 2), [fresh, message("q2", "a1")]);
  expect(all.map((one) => one.text)).toEqual(["q1", "more", "q2"]);
});

function council(level: Council["evidence"]["level"], more: Partial<Council> = {}, detail = {}): Council {
  return { escalated: false, evidence: { level, summary: "", detail }, ...more } as Council;
}

test("only what was checked is called verified", () => {
  const verified = (["proved", "computed", "user-tested", "self-tested", "agreed", "quoted", "none"] as const).filter(
    (level) => badge(council(level)).words.startsWith("Verified"),
  );
  expect(verified).toEqual(["proved", "computed", "user-tested"]);
  expect(badge(council("none", { escalated: true })).words).toBe("Escalated, unverified");
  expect(badge(council("none", {}, { tests: [{ test: "t", passed: false, gave: "" }] })).tone).toBe("wrong");
});
