/** One snapshot with all that it holds: its story, its gates, each number with its query, and what could not be had. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import type { Fact, Snapshot } from "../api/wire";
import { gateName, limit } from "../health/words";
import { quantity, short } from "../kit/numbers";
import { FailureNote, Waiting } from "../kit/states";
import { At } from "../kit/times";
import { rank, Shape, WORD } from "../kit/verdict";
import { Anomalies } from "./anomalies";
import { snapshotOf } from "./queries";
import { Story } from "./story";
import { told } from "./words";

export default function SnapshotPage({ id }: { id: string }) {
  const found = useQuery(snapshotOf(id));
  return (
    <>
      <p className="crumb">
        <Link href="/insight/snapshots">Snapshots</Link>
      </p>
      {found.isPending && <Waiting what="the snapshot" lines={8} />}
      {found.error !== null && !found.data && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <Whole seen={found.data} />}
    </>
  );
}

function Whole({ seen }: { seen: Snapshot }) {
  return (
    <>
      <header className="snapshot-head">
        <h2>
          <At us={seen.at_s * 1e6} />
          {seen.occasion === "incident" && <span className="tag">an incident began</span>}
        </h2>
        <p className="quiet">
          Generation <code>{short(seen.label.generation) || "unknown"}</code>
          {seen.label.cid && (
            <>
              , made by patch <Link href={`/changes/${seen.label.cid}`}>{short(seen.label.cid)}</Link>
            </>
          )}
          {" · "}
          <code>{seen.id}</code>
        </p>
        {seen.missed && (
          <p className="notice">
            {seen.missed.count} were missed before it, from <At us={seen.missed.first_s * 1e6} /> to{" "}
            <At us={seen.missed.last_s * 1e6} />: {seen.missed.why}.
          </p>
        )}
      </header>
      <Story snapshot={seen} />
      <Gates gates={seen.gates ?? []} />
      <Anomalies snapshot={seen} />
      <Happenings seen={seen} />
      <Numbers facts={seen.metrics ?? []} />
    </>
  );
}

function Gates({ gates }: { gates: NonNullable<Snapshot["gates"]> }) {
  const rows = [...gates].sort((one, other) => rank(one.verdict) - rank(other.verdict));
  return (
    <section className="card" aria-labelledby="gates-then">
      <h2 id="gates-then">Gates as they stood</h2>
      {rows.length === 0 && <p className="quiet">No gate was known then.</p>}
      {rows.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="gates-then">
          <table className="table gates-then">
            <thead>
              <tr>
                <th scope="col">Gate</th>
                <th scope="col">Verdict</th>
                <th scope="col" className="number">
                  Number
                </th>
                <th scope="col">Limit</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((one) => (
                <tr key={one.name}>
                  <th scope="row">{gateName(one.name)}</th>
                  <td>
                    <span className="with-shape">
                      <Shape verdict={one.verdict} labelled={false} /> {WORD[one.verdict]}
                    </span>
                  </td>
                  <td className="number">{one.value === null ? "unknown" : quantity(one.value, one.unit)}</td>
                  <td className="nowrap">{limit(one)}</td>
                  <td className="quiet">{one.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Happenings({ seen }: { seen: Snapshot }) {
  const incidents = seen.incidents ?? [];
  const patches = seen.patches ?? [];
  if (incidents.length + patches.length === 0) return null;
  return (
    <section className="card" aria-labelledby="happenings">
      <h2 id="happenings">Incidents and patches of that time</h2>
      <ul className="plain">
        {incidents.map((one) => (
          <li key={one.id}>
            <At us={one.began_s * 1e6} /> <Link href={`/health/incident/${one.id}`}>{one.title}</Link>{" "}
            <span className="quiet">{one.standing}</span>
          </li>
        ))}
        {patches.map((one) => (
          <li key={one.cid}>
            <At us={one.at_s * 1e6} /> Patch <Link href={`/changes/${one.cid}`}>{one.title || one.cid}</Link>{" "}
            <span className="quiet">{one.outcome || "was under way"}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Numbers({ facts }: { facts: readonly Fact[] }) {
  return (
    <section className="card" aria-labelledby="numbers">
      <h2 id="numbers">
        Numbers <span className="quiet">each with what gives it again</span>
      </h2>
      {facts.length === 0 ? (
        <p className="quiet">No number was kept.</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="numbers">
          <table className="table numbers">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col" className="number">
                  Value
                </th>
                <th scope="col">Query</th>
              </tr>
            </thead>
            <tbody>
              {facts.map((one, place) => (
                <tr key={String(place)}>
                  <th scope="row">{one.name}</th>
                  <td className="number">{told(one)}</td>
                  <td>
                    <code>{one.query}</code>
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
