/** Values that were not as their series led one to expect; each is explained by itself where somebody asks. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Anomaly, Snapshot } from "../api/wire";
import { gateName } from "../health/words";
import { quantity } from "../kit/numbers";
import { FailureNote, Waiting } from "../kit/states";
import { At } from "../kit/times";
import { explanationOf } from "./queries";
import { Explained } from "./told";

export function Anomalies({ snapshot: seen }: { snapshot: Pick<Snapshot, "id" | "anomalies"> }) {
  const found = seen.anomalies ?? [];
  return (
    <section className="card" aria-labelledby="anomalies">
      <h2 id="anomalies">
        Anomalies <span className="quiet">values unlike what their series did until then</span>
      </h2>
      {found.length === 0 ? (
        <p className="quiet">Nothing was unlike itself in this time.</p>
      ) : (
        <ul className="anomalies">
          {found.map((one, place) => (
            <Odd key={`${one.name} ${one.service} ${one.at_s}`} one={one} id={seen.id} place={place} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Odd({ one, id, place }: { one: Anomaly; id: string; place: number }) {
  const [open, setOpen] = useState(false);
  return (
    <li>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <At us={one.at_s * 1e6} /> <strong>{gateName(one.name)}</strong>
          {one.service && ` of ${one.service}`}: {quantity(one.value, one.unit)}
          {one.low !== null && one.high !== null && (
            <span className="quiet">
              , as a rule between {quantity(one.low, one.unit)} and {quantity(one.high, one.unit)}
            </span>
          )}
        </summary>
        {open && <Why id={id} place={place} />}
      </details>
    </li>
  );
}

function Why({ id, place }: { id: string; place: number }) {
  const found = useQuery(explanationOf(id, place));
  if (found.isPending) return <Waiting what="what is known of it" />;
  if (!found.data) return <FailureNote error={found.error} onRetry={() => void found.refetch()} />;
  return (
    <div className="odd-why">
      <Explained of={found.data} near />
    </div>
  );
}
