import { expect, test } from "vitest";
import type { Change, IncidentLine } from "../api/wire";
import { bunches, counted, MARKS_MAX, marks, type OverrideLine } from "./marks";

const HOUR_US = 3600e6;

function patch(began_us: number, more: Partial<Change> = {}): Change {
  const made = { cid: "a", digest: String(began_us), title: "T", phase: "applied", outcome: "applied", target: "b" };
  return { ...made, trial: false, live: false, began_us, ended_us: began_us + 30e6, ...more } as Change;
}

const INCIDENT = {
  id: "i",
  title: "Slow",
  standing: "open",
  began_us: -5 * HOUR_US,
  repaired_us: null,
} as IncidentLine;
const OVERRIDE = { id: "o", title: "Less load", began_us: 10, until_us: HOUR_US, lifted_us: 20, in_force: false };

test("what falls into a stretch of time is marked, the newest first, and what goes on reaches into it", () => {
  const found = marks([patch(50e6), patch(2 * HOUR_US)], [INCIDENT], [OVERRIDE as OverrideLine], 0, HOUR_US);
  expect(found.map((one) => one.kind)).toEqual(["patch", "override", "incident"]);
  expect(found.map((one) => one.untilUs)).toEqual([80e6, 20, null]);
  expect(found[0]?.href).toBe("/changes/a");
  const lasting = { ...OVERRIDE, lifted_us: null, in_force: true } as OverrideLine;
  expect(marks([], [], [lasting], 0, HOUR_US)[0]).toMatchObject({ untilUs: null, state: "in force" });
  expect(counted(found)).toBe("1 patch, 1 incident, 1 override");
});

test("a patch that never served is not marked", () => {
  const never = [patch(1, { outcome: "refused" }), patch(2, { trial: true }), patch(3, { target: "" })];
  expect(marks(never, [], [], 0, HOUR_US)).toEqual([]);
  expect(marks([patch(1, { outcome: "rolled back" })], [], [], 0, HOUR_US)[0]?.state).toBe("rolled back");
});

test("more than can be told apart are not drawn, and what lies close is one bunch", () => {
  const many = Array.from({ length: 100 }, (_, index) => patch(index * 1e6));
  const found = marks(many, [], [], 0, HOUR_US);
  expect(found.length).toBe(MARKS_MAX);
  const near = bunches(found, 0, HOUR_US, 0.01);
  expect(near.reduce((sum, one) => sum + one.marks.length, 0)).toBe(MARKS_MAX);
  expect(near.length).toBeLessThan(4);
  expect(near.every((one, index) => index === 0 || one.share - (near[index - 1]?.share ?? 0) >= 0.01)).toBe(true);
});
