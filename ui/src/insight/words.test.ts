import { expect, test } from "vitest";
import { cellWords, changed, dayWords, lineOf, ofCount, told } from "./words";

test("a fact reads as its unit says, and never as nought for being unknown", () => {
  expect(told({ value: null, unit: "ms" })).toBe("unknown");
  expect(told({ value: 1_800_000_000, unit: "time" })).toBe("2027-01-15 08:00:00 UTC");
  expect(told({ value: 1000, unit: "s" })).toBe("16 min");
  expect(told({ value: 41_200, unit: "usd_micros" })).toBe("$0.0412");
  expect(told({ value: 2_500_000, unit: "bytes" })).toBe("2.5 MB");
  expect(told({ value: 3885, unit: "count" })).toBe("3,885");
  expect(told({ value: 98.4, unit: "%" })).toBe("98.4 %");
  expect(told({ value: 0, unit: "USD" })).toBe("$0");
  expect(told({ value: "red", unit: "word" })).toBe("red");
});

test("a change says which way, and a small one no number that nobody could use", () => {
  const line = (value: number | null) => ({ change: { name: "", unit: "%", query: "", span: SPAN, value } });
  expect(changed(line(12.5))).toBe("+12.5 %");
  expect(changed(line(-3))).toBe("−3 %");
  expect(changed(line(0))).toBe("the same");
  expect(changed(line(0.0143))).toBe("about the same");
  expect(changed(line(null))).toBe("");
});

test("only what a run proved here looks green", () => {
  expect(cellWords({ state: "proven", by: "tests of abc" })).toMatchObject({ words: "Proven", verdict: "green" });
  expect(cellWords({ state: "stale", by: "tests of abc" })).toMatchObject({ words: "Stale", verdict: "amber" });
  expect(cellWords({ state: "stale", by: "tests of abc" }).why).toContain("other code");
  expect(cellWords({ state: "failed", by: null }).verdict).toBe("red");
  expect(cellWords({ state: "not proven", by: null })).toMatchObject({ words: "Not proven", verdict: "unknown" });
});

test("of how many a figure is is left out where nobody knows", () => {
  const count = { name: "", unit: "count", query: "", span: SPAN };
  expect(ofCount({ count: { ...count, value: 812 } })).toBe("of 812");
  expect(ofCount({ count: { ...count, value: null } })).toBe("");
  expect(ofCount({ count: null })).toBe("");
});

test("a day is that of the digest, whatever the browser's zone", () => {
  expect(dayWords("2026-11-30")).toBe("Mon, 30 Nov 2026");
  expect(dayWords("no day")).toBe("no day");
});

test("a line fills its box from left to right, and its limit is in sight", () => {
  const { line, limitY } = lineOf(
    [
      [0, 0],
      [10, 50],
    ],
    100,
    320,
    56,
  );
  expect(line).toMatch(/^M0 55L320 /);
  expect(limitY).toBeGreaterThan(0);
  expect(limitY).toBeLessThan(10);
  expect(lineOf([], null, 320, 56)).toEqual({ line: "", limitY: null });
});

const SPAN = { start_s: 0, end_s: 1 };
