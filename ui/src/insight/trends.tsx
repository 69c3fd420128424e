/** Where series move to, by the day. */

import type { Trend } from "../api/wire";
import { gateName } from "../health/words";
import { bytes, count, quantity } from "../kit/numbers";
import { Empty } from "../kit/states";

export function Trends({ trends }: { trends: readonly Trend[] }) {
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
              <strong>{gateName(one.name)}</strong>
              {one.service && ` of ${one.service}`}: {shown(one.per_day ?? 0, one.unit)} a day
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
