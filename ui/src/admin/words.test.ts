import { expect, test } from "vitest";
import type { BudgetLine } from "../api/wire-admin";
import { isDay, price, providerState, scope, spending } from "./words";

const LINE: BudgetLine = {
  scope: "all",
  label: "",
  period: "2026-11-30",
  limit_usd_micros: 1_000_000,
  spent_usd_micros: 400_000,
  held_usd_micros: 100_000,
  left_usd_micros: 500_000,
  ends_us: 0,
  forecast_usd_micros: 900_000,
};

test("a budget says how it will end, and worse before better", () => {
  expect(spending(LINE)).toMatchObject({
    verdict: "green",
    words: "At this rate $0.90 by the end of today, within the limit.",
  });
  expect(spending({ ...LINE, forecast_usd_micros: 1_200_000 }).verdict).toBe("amber");
  expect(spending({ ...LINE, spent_usd_micros: 750_000 }).words).toMatch(/Little is left/);
  expect(spending({ ...LINE, spent_usd_micros: 950_000 }).words).toMatch(/^Used up/);
  expect(spending({ ...LINE, forecast_usd_micros: null }).verdict).toBe("unknown");
  expect(spending({ ...LINE, limit_usd_micros: null }).words).toMatch(/no limit/);
  expect(isDay({ period: "2026-11" })).toBe(false);
});

test("all of a bar lies upon one scale", () => {
  const over = spending({ ...LINE, forecast_usd_micros: 3_000_000 });
  for (const share of [over.spent, over.held, over.forecast, over.limit]) {
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(1);
  }
  const nothing = { ...LINE, limit_usd_micros: null, spent_usd_micros: 0, held_usd_micros: 0, forecast_usd_micros: 0 };
  expect(spending(nothing)).toMatchObject({ spent: 0, held: 0, forecast: 0, limit: null });
});

test("a price that nobody said is not one of nothing", () => {
  expect(price({ input_usd_micros: null, output_usd_micros: 1 })).toBe("no price: refused");
  expect(price({ input_usd_micros: 0, output_usd_micros: 0 })).toBe("free");
  expect(price({ input_usd_micros: 500_000, output_usd_micros: 2_000_000 })).toBe("$0.50 in, $2.00 out");
});

test("scopes and states are told in words, and a new state as it stands", () => {
  expect(scope({ scope: "token:01M8", label: "laptop" })).toBe("Token laptop");
  expect(scope({ scope: "token:01M8", label: "" })).toBe("Token 01M8");
  expect(scope({ scope: "token:anonymous", label: "no token" })).toBe("Without a token");
  expect(scope({ scope: "model:a:b", label: "" })).toBe("Model a:b");
  expect(providerState("open").verdict).toBe("red");
  expect(providerState("new" as "up")).toEqual({ verdict: "unknown", words: "new" });
});
