import { expect, test } from "vitest";
import { bytes, count, figure, milliseconds, money, quantity } from "./numbers";
import { ago, day, stretch } from "./time";

test("a stretch of time is told in its two largest units", () => {
  expect(stretch(3.24)).toBe("3.2 s");
  expect(stretch(14)).toBe("14 s");
  expect(stretch(134)).toBe("2 min 14 s");
  expect(stretch(1200)).toBe("20 min");
  expect(stretch(11_520)).toBe("3 h 12 min");
  expect(stretch(187_200)).toBe("2 d 4 h");
  expect(stretch(-5)).toBe("0 s");
});

test("how long ago is told from now", () => {
  expect(ago(1_000_000, 1_400)).toBe("just now");
  expect(ago(0, 180_000)).toBe("3 min ago");
});

test("yesterday begins at midnight", () => {
  const noon = new Date(2026, 10, 30, 12).getTime();
  expect(day(new Date(2026, 10, 30, 0, 1).getTime() * 1000, noon)).toBe("Today");
  expect(day(new Date(2026, 10, 29, 23, 59).getTime() * 1000, noon)).toBe("Yesterday");
  expect(day(new Date(2026, 10, 28, 23, 59).getTime() * 1000, noon)).toBe("28 Nov 2026");
});

test("numbers have the figures that count", () => {
  expect(figure(1840.4)).toBe("1,840");
  expect(figure(97.44)).toBe("97.4");
  expect(figure(0.02314)).toBe("0.0231");
  expect(quantity(0.0184, "USD")).toBe("$0.0184");
  expect(quantity(412, "ms")).toBe("412 ms");
  expect(milliseconds(0.375)).toBe("0.38 ms");
  expect(milliseconds(921.4)).toBe("921 ms");
  expect(milliseconds(12_400)).toBe("12.4 s");
  expect(bytes(9_437_184)).toBe("9.44 MB");
  expect(count(1, "file")).toBe("1 file");
  expect(count(10_000, "file")).toBe("10,000 files");
});

test("what cost something never reads as nothing", () => {
  expect(money(0)).toBe("$0");
  expect(money(1)).toBe("$0.000001");
  expect(money(41_200)).toBe("$0.0412");
  expect(money(12_345_678)).toBe("$12.3457");
});
