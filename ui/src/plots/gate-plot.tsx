/** A gate over time: least and greatest of each stretch as a band, the limit, and what happened meanwhile. */

import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { GateOverTime } from "../api/wire";
import { badAbove, domain, gateName } from "../health/words";
import { figure, quantity } from "../kit/numbers";
import { moment } from "../kit/time";
import { Lane, type Place } from "./lane";
import type { Mark, MarkKind } from "./marks";

const HEIGHT_PX = 240;
const ROWS_MAX = 60;

interface PlotProps {
  gate: GateOverTime;
  marks: Mark[];
  fromUs: number;
  toUs: number;
  range: string;
}

export default function GatePlot({ gate, marks, fromUs, toUs, range }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const lit = useRef<string[]>([]);
  const [scheme, setScheme] = useState(0);
  const [axis, setAxis] = useState<Place>({ left: 0, width: 0 });

  // The canvas does not know of colours that change.
  useEffect(() => {
    const watcher = new MutationObserver(() => setScheme((before) => before + 1));
    watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    const media = matchMedia("(prefers-color-scheme: dark)");
    const again = () => setScheme((before) => before + 1);
    media.addEventListener("change", again);
    return () => {
      watcher.disconnect();
      media.removeEventListener("change", again);
    };
  }, []);

  // biome-ignore lint/correctness/useExhaustiveDependencies: with another scheme it is drawn anew
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const made = options(gate, fromUs, toUs, element);
    made.hooks = {
      drawAxes: [(plot) => drawMarks(plot, marks, lit.current, element)],
      draw: [
        (plot) => {
          const found = { left: plot.bbox.left / devicePixelRatio, width: plot.bbox.width / devicePixelRatio };
          setAxis((before) => (before.left === found.left && before.width === found.width ? before : found));
        },
      ],
    };
    const plot = new uPlot(made, columns(gate, fromUs, toUs), element);
    drawn.current = plot;
    const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      drawn.current = null;
      plot.destroy();
    };
  }, [gate, marks, fromUs, toUs, scheme]);

  function light(ids: string[]) {
    lit.current = ids;
    drawn.current?.redraw(false);
  }

  const newest = gate.values.slice(-ROWS_MAX).reverse();
  const now = Date.now();
  return (
    <>
      <Lane marks={marks} fromUs={fromUs} toUs={toUs} place={axis} onLight={light} />
      <div className="plot" ref={place} role="img" aria-label={`${gateName(gate.name)} over ${range}`} />
      <details className="past">
        <summary>As a table</summary>
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Time</th>
              <th scope="col" className="number">
                Least
              </th>
              <th scope="col" className="number">
                Greatest
              </th>
            </tr>
          </thead>
          <tbody>
            {newest.map(([at, low, high]) => (
              <tr key={at}>
                <td>{moment(at, now)}</td>
                <td className="number">{quantity(low, gate.unit)}</td>
                <td className="number">{quantity(high, gate.unit)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </>
  );
}

/** Returns the columns of the plot. The limit goes from end to end; where nothing was measured the line has a gap. */
export function columns(gate: GateOverTime, fromUs: number, toUs: number): uPlot.AlignedData {
  const gapUs = Math.max(4 * 60e6, (toUs - fromUs) / 60);
  const rows: [number, number | null, number | null][] = [[fromUs, null, null]];
  for (const [at, low, high] of gate.values) {
    const before = rows.at(-1)?.[0] ?? fromUs;
    if (at <= before) continue;
    if (at - before > gapUs) rows.push([(before + at) / 2, null, null]);
    rows.push([at, low, high]);
  }
  if ((rows.at(-1)?.[0] ?? toUs) < toUs) rows.push([toUs, null, null]);
  return [
    rows.map(([at]) => at / 1e6),
    rows.map(([, low]) => low),
    rows.map(([, , high]) => high),
    rows.map(() => gate.threshold),
  ];
}

const HOUR = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** Returns what stands at the marks of time: the hour, and at midnight the day. */
function marks(_: uPlot, seconds: number[]): string[] {
  return seconds.map((one) => {
    const at = new Date(one * 1000);
    return at.getHours() + at.getMinutes() === 0 ? DAY.format(at) : HOUR.format(at);
  });
}

const INKS: Record<MarkKind, string> = { patch: "--muted", incident: "--red", override: "--amber" };
const DASHES: Record<MarkKind, number[]> = { patch: [2, 3], incident: [], override: [6, 3] };

/** Draws the marks behind the numbers: a line where something began, and a tint for as long as it went on. */
function drawMarks(plot: uPlot, all: Mark[], lit: string[], element: HTMLElement): void {
  const { ctx, bbox } = plot;
  const style = getComputedStyle(element);
  const at = (us: number) => Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(us / 1e6, "x", true)));
  ctx.save();
  for (const mark of all) {
    const isLit = lit.includes(mark.id);
    const x = at(mark.fromUs);
    ctx.strokeStyle = ctx.fillStyle = style.getPropertyValue(INKS[mark.kind]).trim();
    ctx.globalAlpha = isLit ? 0.22 : 0.08;
    ctx.fillRect(x, bbox.top, Math.max(1, at(mark.untilUs ?? Number.MAX_SAFE_INTEGER) - x), bbox.height);
    ctx.globalAlpha = isLit ? 1 : 0.7;
    ctx.lineWidth = (isLit ? 2 : 1) * devicePixelRatio;
    ctx.setLineDash(DASHES[mark.kind].map((one) => one * devicePixelRatio));
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

function options(gate: GateOverTime, fromUs: number, toUs: number, element: HTMLElement): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const line = colour("--line");
  const axis = {
    stroke: colour("--muted"),
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1, size: 4 },
    font: `12px ${style.fontFamily}`,
  };
  const [low, high] = domain(
    gate,
    gate.values.flatMap(([, least, most]) => [least, most]),
  );
  const number = (_: uPlot, value: number | null) => (value === null ? "–" : quantity(value, gate.unit));
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { x: { min: fromUs / 1e6, max: toUs / 1e6 }, y: { range: [low, high] } },
    axes: [
      { ...axis, values: marks },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => figure(tick)) },
    ],
    bands: [{ series: [2, 1], fill: colour("--accent-soft") }],
    series: [
      { value: (_, value) => (value === null ? "–" : moment(value * 1e6, Date.now())), label: "Time" },
      { label: "Least", stroke: colour("--line-strong"), width: 1, value: number, points: { show: false } },
      { label: "Greatest", stroke: colour("--accent"), width: 1.5, value: number, points: { show: false } },
      {
        label: badAbove(gate) ? "Limit, below" : "Limit, above",
        stroke: colour("--red"),
        dash: [6, 4],
        width: 1.5,
        value: number,
        points: { show: false },
      },
    ],
  };
}
