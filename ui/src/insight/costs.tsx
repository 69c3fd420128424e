/** What answers cost, by route, model or day. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { costs } from "../api/queries";
import type { LedgerReport } from "../api/wire";
import { money, share } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";

const BY = [
  { by: "route", name: "Route" },
  { by: "model", name: "Model" },
  { by: "day", name: "Day" },
] as const;
const DAYS = 30;

export function CostCard() {
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
