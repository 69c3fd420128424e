/** An hour of a gate in a hundred pixels: its numbers, its limit, and hatched where nobody knew. */

import { useId, useMemo } from "react";
import type { GateOverTime, Verdict } from "../api/wire";
import { domain } from "./words";

const WIDTH = 240;
const HEIGHT = 40;
/** How long a number is drawn that has none beside it. */
const LONE = 6;
/** A stretch without a number of more than that is a gap, microseconds. */
const GAP_US = 4 * 60e6;
const HOUR_US = 3600e6;
/** Of so much time a plot is at least, so that a minute does not look like an hour. */
const LEAST_US = 5 * 60e6;

export function Sparkline({ gate, fromUs, toUs }: { gate: GateOverTime; fromUs: number; toUs: number }) {
  const hatch = useId();
  const drawn = useMemo(() => draw(gate, fromUs, toUs), [gate, fromUs, toUs]);
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <defs>
        <pattern id={hatch} width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <path d="M0 0V5" className="hatch" />
        </pattern>
      </defs>
      {drawn.unknown.map(([x, width]) => (
        <rect key={x} x={x} y="0" width={width} height={HEIGHT} fill={`url(#${hatch})`} />
      ))}
      <path className="spark-area" d={drawn.area} />
      <path className="spark-line" d={drawn.line} />
      <path className="spark-limit" d={`M0 ${drawn.limitY}H${WIDTH}`} />
    </svg>
  );
}

interface Drawn {
  area: string;
  line: string;
  limitY: number;
  unknown: [x: number, width: number][];
}

function draw(gate: GateOverTime, fromUs: number, toUs: number): Drawn {
  const values = gate.values.filter(([at]) => at >= fromUs && at <= toUs);
  const [low, high] = domain(
    gate,
    values.flatMap(([, least, most]) => [least, most]),
  );
  const x = (at: number) => round(((at - fromUs) / (toUs - fromUs)) * WIDTH);
  const y = (value: number) => round(HEIGHT - 1 - ((value - low) / (high - low || 1)) * (HEIGHT - 2));
  const runs: (typeof values)[] = [];
  let before = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value[0] - before > Math.max(GAP_US, (toUs - fromUs) / 60)) runs.push([]);
    runs.at(-1)?.push(value);
    before = value[0];
  }
  const line = runs
    .map((run) =>
      run.length === 1
        ? run.map(([at, , most]) => `M${x(at) - LONE} ${y(most)}H${x(at)}`).join("")
        : run.map(([at, , most], index) => `${index ? "L" : "M"}${x(at)} ${y(most)}`).join(""),
    )
    .join("");
  const area = runs
    .map((run) => {
      const first = run[0];
      const last = run.at(-1);
      if (!first || !last) return "";
      const top = run.map(([at, , most], index) => `${index ? "L" : "M"}${x(at)} ${y(most)}`).join("");
      return `${top}L${x(last[0])} ${HEIGHT}L${x(first[0])} ${HEIGHT}Z`;
    })
    .join("");
  return {
    line,
    area,
    limitY: y(gate.threshold),
    unknown: stretchesOf(gate.history, "unknown", fromUs, toUs).map(([a, b]) => [x(a), Math.max(1, x(b) - x(a))]),
  };
}

/** Returns where plots of an hour begin: later where less was measured, so that the first minutes are to be seen. Pure. */
export function beginsAt(gates: Pick<GateOverTime, "values">[], toUs: number): number {
  const first = Math.min(...gates.map((one) => one.values[0]?.[0] ?? Number.POSITIVE_INFINITY));
  return Math.max(toUs - HOUR_US, Math.min(first, toUs - LEAST_US));
}

/** Returns from when to when a gate had a verdict, within a stretch of time. Pure. */
export function stretchesOf(
  history: { verdict: Verdict; since_us: number }[],
  verdict: Verdict,
  fromUs: number,
  toUs: number,
): [number, number][] {
  const found: [number, number][] = [];
  history.forEach((past, index) => {
    const until = history[index + 1]?.since_us ?? toUs;
    if (past.verdict !== verdict || until <= fromUs || past.since_us >= toUs) return;
    found.push([Math.max(past.since_us, fromUs), Math.min(until, toUs)]);
  });
  return found;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
