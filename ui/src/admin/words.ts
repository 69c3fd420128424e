/** Providers, prices and budgets in words. Pure. */

import type { Verdict } from "../api/wire";
import type { BudgetLine, Deployment, Provider } from "../api/wire-admin";
import { money } from "../kit/numbers";

const STATES: Record<Provider["state"], { verdict: Verdict; words: string }> = {
  up: { verdict: "green", words: "Answers" },
  unasked: { verdict: "unknown", words: "Not asked yet" },
  off: { verdict: "amber", words: "Off" },
  open: { verdict: "red", words: "Left alone after failures" },
};

export function providerState(state: Provider["state"]): { verdict: Verdict; words: string } {
  return STATES[state] ?? { verdict: "unknown", words: state };
}

/** Returns what a million tokens cost, in and out. */
export function price(of: Pick<Deployment, "input_usd_micros" | "output_usd_micros">): string {
  const { input_usd_micros: into, output_usd_micros: out } = of;
  if (into === null || out === null) return "no price: refused";
  if (into === 0 && out === 0) return "free";
  return `${money(into)} in, ${money(out)} out`;
}

/** Returns whom a budget is of. */
export function scope(line: Pick<BudgetLine, "scope" | "label">): string {
  const [kind = "", ...rest] = line.scope.split(":");
  const name = rest.join(":");
  if (kind === "all") return "All calls";
  if (kind === "model") return `Model ${name}`;
  if (line.scope === "token:anonymous") return "Without a token";
  if (kind === "token") return line.label ? `Token ${line.label}` : `Token ${name}`;
  return line.label || line.scope;
}

/** Whether a line is of one day; else it is of a month. */
export function isDay(line: Pick<BudgetLine, "period">): boolean {
  return line.period.length > "2026-11".length;
}

export interface Spent {
  /** Shares of the bar's length. */
  spent: number;
  held: number;
  forecast: number | null;
  limit: number | null;
  verdict: Verdict;
  /** How it will end, if it goes on so. */
  words: string;
}

/** Nearer to the limit than that, somebody should look. */
const NEAR = 0.8;

/** Returns how a budget stands: what is spent, held and to come, upon one scale that holds the limit, too. */
export function spending(line: BudgetLine): Spent {
  const used = line.spent_usd_micros + line.held_usd_micros;
  const limit = line.limit_usd_micros;
  const forecast = line.forecast_usd_micros;
  const full = Math.max(limit ?? 0, used, forecast ?? 0) * 1.04 || 1;
  const ends = isDay(line) ? "today" : "this month";
  const shares = {
    spent: line.spent_usd_micros / full,
    held: line.held_usd_micros / full,
    forecast: forecast === null ? null : forecast / full,
    limit: limit === null ? null : limit / full,
  };
  if (limit !== null && used >= limit)
    return { ...shares, verdict: "red", words: `Used up: paid calls are refused for the rest of ${ends}.` };
  if (forecast === null) return { ...shares, verdict: "unknown", words: `Too early to say how ${ends} ends.` };
  const told = `At this rate ${money(forecast)} by the end of ${ends}`;
  if (limit === null) return { ...shares, verdict: "not applicable", words: `${told}. There is no limit.` };
  if (forecast > limit) return { ...shares, verdict: "amber", words: `${told}, which is over the limit.` };
  if (used > limit * NEAR) return { ...shares, verdict: "amber", words: `${told}. Little is left.` };
  return { ...shares, verdict: "green", words: `${told}, within the limit.` };
}
