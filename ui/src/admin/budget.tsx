/** What paid models have cost, what they may cost, and how the day and the month will end. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { useRight } from "../api/queries";
import { budget } from "../api/queries-admin";
import type { BudgetLine, Edit } from "../api/wire-admin";
import { dollars, micros } from "../kit/dollars";
import { money } from "../kit/numbers";
import { FailureNote, Waiting } from "../kit/states";
import { At } from "../kit/times";
import { Shape } from "../kit/verdict";
import { Offer } from "./draft";
import { isDay, scope, spending } from "./words";

export default function Budget() {
  const found = useQuery(budget);
  const [open, setOpen] = useState(false);
  const mayChange = useRight("administer");
  if (found.isPending) return <Waiting what="budgets" lines={6} />;
  const lines = found.data?.lines ?? [];
  const whole = lines.filter((one) => one.scope === "all");
  const others = lines.filter((one) => one.scope !== "all");
  return (
    <>
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <>
          <section className="card" aria-labelledby="all-calls">
            <header className="card-head">
              <h2 id="all-calls">
                All paid calls <span className="quiet">those of this machine’s own model cost nothing</span>
              </h2>
              {mayChange && (
                <button type="button" className="button" onClick={() => setOpen(true)}>
                  Change the limits…
                </button>
              )}
            </header>
            <div className="pair">
              {whole.map((one) => (
                <Meter key={one.period} line={one} />
              ))}
            </div>
          </section>
          <Others lines={others} />
          {open && <Limits whole={whole} onClose={() => setOpen(false)} />}
        </>
      )}
    </>
  );
}

const WIDTH = 100;

function Meter({ line }: { line: BudgetLine }) {
  const { spent, held, forecast, limit, verdict, words } = spending(line);
  const name = isDay(line) ? "Today" : "This month";
  return (
    <section className="meter">
      <h3>
        <Shape verdict={verdict} labelled={false} /> {name} <span className="quiet">{line.period}, UTC</span>
      </h3>
      <p className="meter-sum">
        <strong>{money(line.spent_usd_micros)}</strong>{" "}
        <span className="quiet">
          {line.limit_usd_micros === null ? "spent, without a limit" : `of ${money(line.limit_usd_micros)}`}
        </span>
      </p>
      <svg className="meter-bar" viewBox={`0 0 ${WIDTH} 16`} preserveAspectRatio="none" aria-hidden="true">
        <rect className="meter-ground" y="4" width={WIDTH} height="8" />
        {forecast !== null && <rect className="meter-forecast" y="4" width={forecast * WIDTH} height="8" />}
        <rect className="meter-held" y="4" width={(spent + held) * WIDTH} height="8" />
        <rect className="meter-spent" y="4" width={spent * WIDTH} height="8" />
        {limit !== null && <path className="meter-limit" d={`M${limit * WIDTH} 0V16`} />}
      </svg>
      <p className="meter-words">{words}</p>
      <p className="quiet meter-words">
        {money(line.held_usd_micros)} held by calls at work
        {line.left_usd_micros !== null && `, ${money(line.left_usd_micros)} left`}, until <At us={line.ends_us} />
      </p>
    </section>
  );
}

function Others({ lines }: { lines: BudgetLine[] }) {
  return (
    <section className="card" aria-labelledby="scopes">
      <header className="card-head">
        <h2 id="scopes">
          By model and token <span className="quiet">those with a limit of their own, or that have spent</span>
        </h2>
        <Link href="/insight">Costs by route, model and day</Link>
      </header>
      {lines.length === 0 && <p className="quiet">None has a limit of its own, and none has spent anything.</p>}
      {lines.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="scopes">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Of</th>
                <th scope="col">Period</th>
                <th scope="col" className="number">
                  Limit
                </th>
                <th scope="col" className="number">
                  Spent
                </th>
                <th scope="col" className="number">
                  Held
                </th>
                <th scope="col" className="number">
                  Left
                </th>
                <th scope="col" className="number">
                  Forecast
                </th>
              </tr>
            </thead>
            <tbody>
              {lines.map((one) => (
                <tr key={`${one.scope} ${one.period}`}>
                  <th scope="row" className="break">
                    <span className="with-shape">
                      <Shape verdict={spending(one).verdict} /> {scope(one)}
                    </span>
                  </th>
                  <td className="period">{one.period}</td>
                  <td className="number">{one.limit_usd_micros === null ? "none" : money(one.limit_usd_micros)}</td>
                  <td className="number">{money(one.spent_usd_micros)}</td>
                  <td className="number">{money(one.held_usd_micros)}</td>
                  <td className="number">{one.left_usd_micros === null ? "–" : money(one.left_usd_micros)}</td>
                  <td className="number">
                    {one.forecast_usd_micros === null ? "not yet" : money(one.forecast_usd_micros)}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const KEYS = ["day_usd_micros", "month_usd_micros", "token_day_usd_micros", "token_month_usd_micros"] as const;
const NAMES: Record<(typeof KEYS)[number], string> = {
  day_usd_micros: "All calls, a day",
  month_usd_micros: "All calls, a month",
  token_day_usd_micros: "Each token without its own, a day",
  token_month_usd_micros: "Each token without its own, a month",
};

function Limits({ whole, onClose }: { whole: BudgetLine[]; onClose: () => void }) {
  const was = {
    day_usd_micros: whole.find(isDay)?.limit_usd_micros ?? null,
    month_usd_micros: whole.find((one) => !isDay(one))?.limit_usd_micros ?? null,
    token_day_usd_micros: null,
    token_month_usd_micros: null,
  };
  const [texts, setTexts] = useState<Record<string, string>>({});

  function edits(): Edit[] | null {
    const found: Edit[] = [];
    for (const key of KEYS) {
      const text = texts[key]?.trim() ?? "";
      if (text === "") continue;
      const sum = micros(text);
      if (sum === null) return null;
      if (sum !== was[key]) found.push({ file: "council.yaml", path: ["budget", key], value: sum });
    }
    return found;
  }

  return (
    <Offer title="Change the budgets" edits={edits} onClose={onClose}>
      <fieldset className="fields">
        <legend>In dollars; 0 is no limit, empty leaves it as it is</legend>
        {KEYS.map((key) => (
          <label key={key} className="field">
            {NAMES[key]}
            <input
              inputMode="decimal"
              placeholder={was[key] === null ? "as it is" : dollars(was[key])}
              value={texts[key] ?? ""}
              onChange={(event) => setTexts((before) => ({ ...before, [key]: event.target.value }))}
            />
          </label>
        ))}
      </fieldset>
    </Offer>
  );
}
