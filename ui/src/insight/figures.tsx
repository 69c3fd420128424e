/** Figures of a day, a week or four weeks, against the time of the same length before. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Figures as Form } from "../api/wire";
import { FailureNote, Waiting } from "../kit/states";
import { Ago, At } from "../kit/times";
import { figures } from "./queries";
import { changed, measureName, ofCount, told } from "./words";

const STRETCHES = [
  { days: 1, name: "A day" },
  { days: 7, name: "A week" },
  { days: 28, name: "Four weeks" },
] as const;

export default function Figures() {
  const [days, setDays] = useState<number>(7);
  const found = useQuery({ ...figures(days), placeholderData: (before) => before });
  return (
    <section className="card" aria-labelledby="figures">
      <header className="card-head">
        <h2 id="figures">
          Figures <span className="quiet">against the time before</span>
        </h2>
        <fieldset className="segments">
          <legend className="only-read">Of how long</legend>
          {STRETCHES.map((one) => (
            <label key={one.days} className={one.days === days ? "current" : ""}>
              <input type="radio" name="days" checked={one.days === days} onChange={() => setDays(one.days)} />
              {one.name}
            </label>
          ))}
        </fieldset>
      </header>
      {found.isPending && <Waiting what="figures" lines={8} />}
      {found.error !== null && !found.isPlaceholderData && (
        <FailureNote error={found.error} onRetry={() => void found.refetch()} />
      )}
      {found.data && found.error === null && <Table figures={found.data} />}
    </section>
  );
}

function Table({ figures: of }: { figures: Form }) {
  return (
    <>
      <p className="quiet">
        <At us={of.span.start_s * 1e6} /> to <At us={of.span.end_s * 1e6} />, against{" "}
        <At us={of.before.start_s * 1e6} /> to <At us={of.before.end_s * 1e6} />. Made <Ago us={of.made_s * 1e6} />.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys */}
      <div className="table-frame" tabIndex={0} role="group" aria-labelledby="figures">
        <table className="table figures">
          <thead>
            <tr>
              <th scope="col">Figure</th>
              <th scope="col" className="number">
                Now
              </th>
              <th scope="col" className="number">
                Before
              </th>
              <th scope="col" className="number">
                Change
              </th>
              <th scope="col">What to bear in mind</th>
            </tr>
          </thead>
          <tbody>
            {of.lines.map((line) => (
              <tr key={line.now.name}>
                <th scope="row">
                  {measureName(line.now.name)}
                  <code className="under">{line.now.fact.query}</code>
                </th>
                <td className="number" data-label="Now">
                  {told(line.now.fact)}
                  <span className="under">{ofCount(line.now)}</span>
                </td>
                <td className="number" data-label="Before">
                  {told(line.before.fact)}
                  <span className="under">{ofCount(line.before)}</span>
                </td>
                <td className="number nowrap" data-label="Change">
                  {changed(line) || <span className="quiet">not known</span>}
                </td>
                <td className="quiet">
                  {line.now.reason || (line.before.reason ? `before: ${line.before.reason}` : "")}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
