import { expect, test } from "vitest";
import { beginsAt } from "./sparkline";

const MINUTE_US = 60e6;
const NOW_US = 100 * MINUTE_US;

function since(...minutes: number[]) {
  return { values: minutes.map((one): [number, number, number] => [NOW_US - one * MINUTE_US, 1, 2]) };
}

test("an hour is shown once there is one, and before that what was measured", () => {
  expect(beginsAt([since(90, 1), since(1)], NOW_US)).toBe(NOW_US - 60 * MINUTE_US);
  expect(beginsAt([since(20, 1), since(12), since()], NOW_US)).toBe(NOW_US - 20 * MINUTE_US);
});

test("a minute does not look like an hour, and nothing is an hour of nothing", () => {
  expect(beginsAt([since(1)], NOW_US)).toBe(NOW_US - 5 * MINUTE_US);
  expect(beginsAt([since()], NOW_US)).toBe(NOW_US - 5 * MINUTE_US);
});
