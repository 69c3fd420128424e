import { expect, test } from "vitest";
import { dollars, micros } from "./dollars";

test("a sum is read to the micro-dollar, and what is none is refused", () => {
  expect(micros("5")).toBe(5_000_000);
  expect(micros(" $0.25 ")).toBe(250_000);
  expect(micros("0.000001")).toBe(1);
  for (const wrong of ["", "-1", "1,5", "1,000", "1.0000001", "1e3", "1.000.000", "free", "99999999999"]) {
    expect(micros(wrong)).toBe(null);
  }
});

test("what was read is written as it was meant", () => {
  expect(dollars(5_000_000)).toBe("5.00");
  expect(dollars(250_000)).toBe("0.25");
  expect(dollars(1)).toBe("0.000001");
  expect(dollars(null)).toBe("");
  for (const sum of [0, 1, 10, 999_999, 1_000_000, 12_345_678]) expect(micros(dollars(sum))).toBe(sum);
});
