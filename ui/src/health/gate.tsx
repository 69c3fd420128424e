/** One gate: what it protects, its limit, and how it went, for an hour, a day or eight days. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link } from "wouter";
import { useLive } from "../api/live";
import { gatesOverTime } from "../api/queries";
import type { GateOverTime } from "../api/wire";
import { quantity, short } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { stretch } from "../kit/time";
import { Ago, At } from "../kit/times";
import { Shape, WORD } from "../kit/verdict";
import { Words } from "../kit/words";
import { Happened } from "../plots/lane";
import { useMarks } from "../plots/use-marks";
import { Ribbon } from "./ribbon";
import { gateName, limit } from "./words";

const Plot = lazy(() => import("../plots/gate-plot"));
const RANGES = ["1h", "24h", "8d"] as const;
type Range = (typeof RANGES)[number];
const RANGE_US: Record<Range, number> = { "1h": 3600e6, "24h": 86_400e6, "8d": 8 * 86_400e6 };
const RANGE_WORDS: Record<Range, string> = { "1h": "1 hour", "24h": "24 hours", "8d": "8 days" };
const PAST_MAX = 50;

export default function GatePage({ name }: { name: string }) {
  const [range, setRange] = useState<Range>("1h");
  const past = useQuery({ ...gatesOverTime(range, name), placeholderData: (before) => before });
  const { live } = useLive();
  const gate = live?.gates.find((one) => one.name === name) ?? past.data?.gates[0];
  const series = past.data?.gates.find((one) => one.name === name);
  if (!gate) {
    return (
      <div className="view">
        <p className="crumb">
          <Link href="/health">Health</Link>
        </p>
        {past.error !== null ? (
          <FailureNote error={past.error} onRetry={() => void past.refetch()} />
        ) : live && !past.isPending ? (
          <Empty title="There is no gate of this name">
            <Link href="/health">See all gates</Link>
          </Empty>
        ) : (
          <Waiting what="the gate" lines={6} />
        )}
      </div>
    );
  }
  return (
    <div className="view gate-page">
      <p className="crumb">
        <Link href="/health">Health</Link>
      </p>
      <header className="view-head">
        <Shape verdict={gate.verdict} size={20} labelled={false} />
        <h1>{gateName(gate.name)}</h1>
        <p className="tally">
          {WORD[gate.verdict]} since <Ago us={gate.since_us} />
        </p>
        <p className="view-when">
          <code>{gate.name}</code>
        </p>
      </header>
      <p className="lead">{gate.protects}</p>
      <dl className="spans">
        <div>
          <dt>Value</dt>
          <dd>{gate.value === null ? "Unknown" : quantity(gate.value, gate.unit)}</dd>
        </div>
        <div>
          <dt>Limit</dt>
          <dd>{limit(gate)}</dd>
        </div>
        <div>
          <dt>Amber from</dt>
          <dd>{quantity(gate.amber, gate.unit)}</dd>
        </div>
        <div>
          <dt>Window</dt>
          <dd>{gate.window_s ? stretch(gate.window_s) : "–"}</dd>
        </div>
        <div>
          <dt>Samples</dt>
          <dd>{gate.samples.toLocaleString("en-GB")}</dd>
        </div>
        <div>
          <dt>Generation</dt>
          <dd>
            <code>{short(gate.generation)}</code>
          </dd>
        </div>
      </dl>
      {gate.reason && gate.verdict !== "green" && (
        <p className="notice">
          <Words of={gate.reason} />
        </p>
      )}
      <section className="card" aria-labelledby="history">
        <header className="card-head">
          <h2 id="history">History</h2>
          <fieldset className="segments">
            <legend className="only-read">Range</legend>
            {RANGES.map((one) => (
              <label key={one} className={one === range ? "current" : ""}>
                <input type="radio" name="range" checked={one === range} onChange={() => setRange(one)} />
                {RANGE_WORDS[one]}
              </label>
            ))}
          </fieldset>
        </header>
        {past.error !== null && !past.data && <FailureNote error={past.error} onRetry={() => void past.refetch()} />}
        {series && past.data && (
          <Past
            series={series}
            fromUs={past.data.from_us}
            toUs={past.data.from_us + RANGE_US[range]}
            range={RANGE_WORDS[range]}
          />
        )}
        {past.isPending && <Waiting what="the history" lines={6} />}
      </section>
      <section className="card">
        <h2>If it goes wrong</h2>
        <p>{gate.no_data} Without a number the gate is unknown, which is never green.</p>
        {gate.playbooks.length > 0 && (
          <p>
            What is tried by itself: <strong>{gate.playbooks.join(", then ")}</strong>.
          </p>
        )}
        <p>
          <Link href="/guide/gates">How gates are judged</Link>
        </p>
      </section>
    </div>
  );
}

function Past({ series, fromUs, toUs, range }: { series: GateOverTime; fromUs: number; toUs: number; range: string }) {
  const verdicts = [...series.history].reverse().slice(0, PAST_MAX);
  const { marks, missing } = useMarks(fromUs, toUs);
  return (
    <>
      {series.values.length > 1 ? (
        <Suspense fallback={<div className="plot-place" />}>
          <Plot gate={series} marks={marks} fromUs={fromUs} toUs={toUs} range={range} />
        </Suspense>
      ) : (
        <Empty title="No numbers in this time">{series.reason}</Empty>
      )}
      <Ribbon history={series.history} fromUs={fromUs} toUs={toUs} />
      <Happened marks={marks} missing={missing} />
      <details className="past">
        <summary>Verdicts, newest first</summary>
        <ol className="timeline">
          {verdicts.map((past) => (
            <li key={past.since_us}>
              <At us={past.since_us} />
              <span>
                <Shape verdict={past.verdict} labelled={false} /> {WORD[past.verdict]}
                {past.value !== null && `, ${quantity(past.value, series.unit)}`}
                {past.reason && <span className="quiet"> {past.reason}</span>}
              </span>
            </li>
          ))}
        </ol>
      </details>
    </>
  );
}
