/** Insight: a page to read. What happened, why, what to do next; what it cost; where things move to. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { costs, snapshot } from "../api/queries";
import type { LedgerReport, Snapshot, Trend } from "../api/wire";
import { gateName } from "../health/words";
import { bytes, count, figure, money, quantity, share } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { Ago, At } from "../kit/times";
import "../styles/insight.css";
import { Words } from "../kit/words";

export default function Insight() {
  const newest = useQuery(snapshot);
  return (
    <div className="view insight">
      <header className="view-head">
        <h1>Insight</h1>
        {newest.data && (
          <p className="view-when">
            seen <Ago us={newest.data.taken_s * 1e6} />
          </p>
        )}
      </header>
      {newest.isPending && <Waiting what="the newest snapshot" lines={6} />}
      {newest.error !== null && !newest.data && (
        <FailureNote error={newest.error} onRetry={() => void newest.refetch()} />
      )}
      {newest.data && <Story snapshot={newest.data} />}
      <CostCard />
      {newest.data && <Trends trends={newest.data.trends} />}
      {newest.data && <Anomalies snapshot={newest.data} />}
    </div>
  );
}

type Sentence = Snapshot["explanation"]["happened"][number];

function Story({ snapshot: seen }: { snapshot: Snapshot }) {
  const { happened, causes, done, next_steps: next } = seen.explanation;
  return (
    <article className="card story">
      <p className="quiet">
        <At us={seen.span.start_s * 1e6} /> to <At us={seen.span.end_s * 1e6} />
      </p>
      <Part title="What happened" sentences={happened} />
      <Part title="What may have brought it about, the likeliest first" sentences={causes.map((one) => one.sentence)} />
      <Part title="What was done" sentences={done} />
      <Part title="What to do next" sentences={next} />
      {seen.incident_id && (
        <p>
          <Link href={`/health/incident/${seen.incident_id}`}>How the incident went on</Link>
        </p>
      )}
      {seen.missing.length > 0 && (
        <p className="notice">{count(seen.missing.length, "figure")} could not be had when this was seen.</p>
      )}
    </article>
  );
}

function Part({ title, sentences }: { title: string; sentences: Sentence[] }) {
  if (sentences.length === 0) return null;
  const [first, ...rest] = sentences;
  return (
    <section>
      <h2>{title}</h2>
      {first && <Told sentence={first} />}
      {rest.length > 0 && (
        <ul className="plain">
          {rest.map((one) => (
            <li key={one.text}>
              <Told sentence={one} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** A sentence, and under it where each of its numbers comes from. */
function Told({ sentence }: { sentence: Sentence }) {
  if (sentence.facts.length === 0)
    return (
      <p>
        <Words of={sentence.text} />
      </p>
    );
  return (
    <details className="told">
      <summary>
        <Words of={sentence.text} />
      </summary>
      <ul className="plain">
        {sentence.facts.map((fact) => (
          <li key={`${fact.name} ${fact.query}`}>
            {fact.name}:{" "}
            {typeof fact.value === "number"
              ? quantity(fact.value, fact.unit === "count" ? "" : fact.unit)
              : (fact.value ?? "unknown")}{" "}
            <code>{fact.query}</code>
          </li>
        ))}
      </ul>
    </details>
  );
}

const BY = [
  { by: "route", name: "Route" },
  { by: "model", name: "Model" },
  { by: "day", name: "Day" },
] as const;
const DAYS = 30;

function CostCard() {
  const [by, setBy] = useState<(typeof BY)[number]["by"]>("route");
  const found = useQuery({ ...costs(by, DAYS), placeholderData: (before) => before });
  return (
    <section className="card" aria-labelledby="costs">
      <header className="card-head">
        <h2 id="costs">
          Costs <span className="quiet">of the last {DAYS} days</span>
        </h2>
        <fieldset className="segments">
          <legend className="only-read">By</legend>
          {BY.map((one) => (
            <label key={one.by} className={one.by === by ? "current" : ""}>
              <input type="radio" name="by" checked={one.by === by} onChange={() => setBy(one.by)} />
              {one.name}
            </label>
          ))}
        </fieldset>
      </header>
      {found.isPending && <Waiting what="costs" />}
      {found.error !== null && !found.data && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <CostTable report={found.data} name={BY.find((one) => one.by === found.data.by)?.name ?? ""} />}
    </section>
  );
}

function CostTable({ report, name }: { report: LedgerReport; name: string }) {
  if (report.lines.length === 0)
    return <Empty title="Nothing was asked yet">Each question leaves a row in the ledger.</Empty>;
  const sum = (of: "requests" | "verified" | "local" | "prompt_tokens" | "completion_tokens" | "cost_usd_micros") =>
    report.lines.reduce((before, line) => before + line[of], 0);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
    <div className="table-frame" tabIndex={0} role="group" aria-labelledby="costs">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{name}</th>
            <th scope="col" className="number">
              Questions
            </th>
            <th scope="col" className="number">
              Verified
            </th>
            <th scope="col" className="number">
              Answered here
            </th>
            <th scope="col" className="number">
              Tokens
            </th>
            <th scope="col" className="number">
              Cost
            </th>
          </tr>
        </thead>
        <tbody>
          {report.lines.map((line) => (
            <tr key={line.key}>
              <th scope="row">{line.key || "none"}</th>
              <td className="number">{line.requests.toLocaleString("en-GB")}</td>
              <td className="number">{share(line.verified / Math.max(1, line.requests))}</td>
              <td className="number">{share(line.local / Math.max(1, line.requests))}</td>
              <td className="number">{(line.prompt_tokens + line.completion_tokens).toLocaleString("en-GB")}</td>
              <td className="number">{money(line.cost_usd_micros)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Together</th>
            <td className="number">{sum("requests").toLocaleString("en-GB")}</td>
            <td className="number">{share(sum("verified") / Math.max(1, sum("requests")))}</td>
            <td className="number">{share(sum("local") / Math.max(1, sum("requests")))}</td>
            <td className="number">{(sum("prompt_tokens") + sum("completion_tokens")).toLocaleString("en-GB")}</td>
            <td className="number">{money(sum("cost_usd_micros"))}</td>
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

function Trends({ trends }: { trends: Trend[] }) {
  const known = trends.filter((one) => one.per_day !== null);
  const unknown = trends.length - known.length;
  return (
    <section className="card" aria-labelledby="trends">
      <h2 id="trends">
        Trends <span className="quiet">the last 24 hours against the 24 before</span>
      </h2>
      {known.length === 0 ? (
        <Empty title="No trend is known yet">
          {trends[0]?.why ? `Of the first: ${trends[0].why}.` : "Trends need six hours of values."}
        </Empty>
      ) : (
        <ul className="plain trends">
          {known.map((one) => (
            <li key={`${one.name} ${one.service}`}>
              <strong>{gateName(one.name)}</strong> of {one.service}: {shown(one.per_day ?? 0, one.unit)} a day
              {one.low !== null && one.high !== null && (
                <span className="quiet">
                  , between {shown(one.low, one.unit)} and {shown(one.high, one.unit)}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
      {known.length > 0 && unknown > 0 && <p className="quiet">{count(unknown, "more trend")} not known yet.</p>}
    </section>
  );
}

function shown(value: number, unit: string): string {
  const size = Math.abs(value);
  return `${value < 0 ? "−" : "+"}${unit === "bytes" ? bytes(size) : quantity(size, unit)}`;
}

function Anomalies({ snapshot: seen }: { snapshot: Snapshot }) {
  return (
    <section className="card" aria-labelledby="anomalies">
      <h2 id="anomalies">Anomalies</h2>
      {seen.anomalies.length === 0 ? (
        <p className="quiet">Nothing was unlike itself in this time.</p>
      ) : (
        <ul className="plain">
          {seen.anomalies.map((one) => (
            <li key={`${one.name} ${one.service} ${one.at_s}`}>
              <At us={one.at_s * 1e6} /> <strong>{gateName(one.name)}</strong> of {one.service}:{" "}
              {quantity(one.value, one.unit)}
              {one.low !== null && one.high !== null && (
                <span className="quiet">
                  , as a rule between {figure(one.low)} and {figure(one.high)}
                </span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
