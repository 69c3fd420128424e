/** Facts, measures and cells of the matrix as people read them. Pure. */

import type { Cell, Fact, Figures, Measure, Verdict } from "../api/wire";
import { bytes, figure, money, quantity } from "../kit/numbers";
import { exact, stretch } from "../kit/time";

/** Returns a fact's value with its unit; `unknown` where it has none. */
export function told(fact: Pick<Fact, "value" | "unit">): string {
  const { value, unit } = fact;
  if (value === null) return "unknown";
  if (typeof value === "string") return value;
  switch (unit) {
    case "time":
    case "day":
      return exact(value * 1e6).replace(/\.\d+ UTC$/, " UTC");
    case "s":
      return stretch(value);
    case "bytes":
      return bytes(value);
    case "usd_micros":
      return money(value);
    case "count":
      return figure(value);
    case "USD":
      return value === 0 ? "$0" : quantity(value, unit);
    default:
      return quantity(value, unit);
  }
}

const NAMES: Record<string, string> = {
  "latency p95": "Latency, 95th percentile",
  "cost per 100 answers": "Cost of 100 answers",
  "local share": "Answered on this machine",
  answers: "Questions answered",
  "human interventions": "Times that a person had to act",
  autonomy: "Operations that needed nobody",
  "autonomy, at least": "The same, at least (95 % sure)",
  "autonomy of incidents": "Incidents that needed nobody",
  "autonomy of patches": "Patches that needed nobody",
  "autonomy of jobs": "Jobs that needed nobody",
  system_health: "Health, of a hundred",
  "documentation lag": "Time from a change to its explanation",
  "time to detect": "Time to notice",
  "time to repair": "Time to repair",
};

/** Returns what a figure is called. */
export function measureName(name: string): string {
  return NAMES[name] ?? name.replace(/^./, (first) => first.toUpperCase());
}

/** Returns of how many a figure is: `of 812`. */
export function ofCount(measure: Pick<Measure, "count">): string {
  return measure.count && measure.count.value !== null ? `of ${told(measure.count)}` : "";
}

/** Less than this is not worth a number of its own. */
const NOTICEABLE_PERCENT = 0.1;

/** Returns by how much a figure changed: `+12.5 %`, "" where nobody can say. */
export function changed(line: Pick<Figures["lines"][number], "change">): string {
  const { value } = line.change;
  if (typeof value !== "number") return "";
  if (value === 0) return "the same";
  if (Math.abs(value) < NOTICEABLE_PERCENT) return "about the same";
  return `${value > 0 ? "+" : "−"}${figure(Math.abs(value))} %`;
}

export interface CellWords {
  words: string;
  verdict: Verdict;
  why: string;
}

/** Returns how a cell of the matrix stands: what is not proven never looks green. */
export function cellWords(cell: Pick<Cell, "state" | "by">): CellWords {
  switch (cell.state) {
    case "proven":
      return { words: "Proven", verdict: "green", why: cell.by ? `by ${cell.by}` : "" };
    case "failed":
      return { words: "Failed", verdict: "red", why: cell.by ? `in ${cell.by}` : "" };
    case "stale":
      return {
        words: "Stale",
        verdict: "amber",
        why: `What told of it${cell.by ? `, ${cell.by},` : ""} ran on other code than what runs here`,
      };
    default:
      return { words: "Not proven", verdict: "unknown", why: "No run has told of it" };
  }
}

/** Returns a day, as `2026-11-30`, for people; never by the browser's zone, since it is a day of the digest's. */
export function dayWords(date: string): string {
  const at = new Date(`${date}T12:00:00Z`);
  if (Number.isNaN(at.getTime())) return date;
  return new Intl.DateTimeFormat("en-GB", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    timeZone: "UTC",
  }).format(at);
}

/** Returns a line through points, in a box: the last is at its right end. `limit` is in sight where there is one. */
export function lineOf(
  points: [at: number, value: number][],
  limit: number | null,
  width: number,
  height: number,
): { line: string; limitY: number | null } {
  const values = points.map(([, value]) => value);
  const high = Math.max(...values, limit ?? Number.NEGATIVE_INFINITY) * 1.05;
  const low = Math.min(0, ...values);
  const first = points[0]?.[0] ?? 0;
  const span = (points.at(-1)?.[0] ?? 0) - first || 1;
  const x = (at: number) => Math.round(((at - first) / span) * width * 10) / 10;
  const y = (value: number) => Math.round((height - 1 - ((value - low) / (high - low || 1)) * (height - 2)) * 10) / 10;
  return {
    line: points.map(([at, value], index) => `${index ? "L" : "M"}${x(at)} ${y(value)}`).join(""),
    limitY: limit === null ? null : y(limit),
  };
}
