/** The snapshots that were kept, newest first, as far back as there are any. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import type { SnapshotLine } from "../api/wire";
import { gateName } from "../health/words";
import { count } from "../kit/numbers";
import { Older } from "../kit/older";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { At } from "../kit/times";
import { Shape } from "../kit/verdict";
import { snapshots } from "./queries";

const OCCASIONS = [
  { occasion: "", name: "All" },
  { occasion: "incident", name: "Of incidents" },
] as const;

export default function Snapshots() {
  const [occasion, setOccasion] = useState<string>("");
  const found = useInfiniteQuery(snapshots(occasion));
  const rows = found.data?.pages.flatMap((page) => page.snapshots) ?? [];
  return (
    <section className="card" aria-labelledby="snapshots">
      <header className="card-head">
        <h2 id="snapshots">
          Snapshots <span className="quiet">what was so, at regular times and when an incident began</span>
        </h2>
        <fieldset className="segments">
          <legend className="only-read">Which</legend>
          {OCCASIONS.map((one) => (
            <label key={one.occasion} className={one.occasion === occasion ? "current" : ""}>
              <input
                type="radio"
                name="occasion"
                checked={one.occasion === occasion}
                onChange={() => setOccasion(one.occasion)}
              />
              {one.name}
            </label>
          ))}
        </fieldset>
      </header>
      {found.isPending && <Waiting what="snapshots" lines={6} />}
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && (
        <Empty title={occasion ? "No incident was kept" : "There is no snapshot yet"}>
          {occasion ? "One is taken when an incident begins." : "The first one comes within a minute of the start."}
        </Empty>
      )}
      <ol className="snapshots">
        {rows.map((one) => (
          <Line key={one.id} one={one} />
        ))}
      </ol>
      <Older found={found} what="snapshots" />
    </section>
  );
}

function Line({ one }: { one: SnapshotLine }) {
  const verdict = one.red.length > 0 ? "red" : one.unknown.length > 0 || one.green === 0 ? "unknown" : "green";
  const facts = [
    one.red.length > 0 ? `red: ${one.red.map(gateName).join(", ")}` : "",
    one.unknown.length > 0 ? `${one.unknown.length} unknown` : "",
    `${one.green} green`,
    one.anomalies > 0 ? count(one.anomalies, "anomaly", "anomalies") : "",
    one.incidents_open > 0 ? count(one.incidents_open, "open incident") : "",
    one.missing > 0 ? `${count(one.missing, "part")} could not be had` : "",
  ].filter(Boolean);
  return (
    <li>
      <Link href={`/insight/snapshots/${one.id}`} className="snapshot-line">
        <span className="snapshot-at">
          <Shape verdict={verdict} /> <At us={one.at_s * 1e6} />
          {one.occasion === "incident" && <span className="tag">incident</span>}
        </span>
        <span className="snapshot-what">{one.happened || "Nothing was told of it."}</span>
        <span className="snapshot-facts quiet">{facts.join(" · ")}</span>
      </Link>
      {one.missed > 0 && (
        <p className="snapshot-gap">{count(one.missed, "snapshot was", "snapshots were")} missed before this one.</p>
      )}
    </li>
  );
}
