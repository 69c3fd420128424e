/** What a snapshot tells in words. */

import { Link } from "wouter";
import type { Snapshot } from "../api/wire";
import { count } from "../kit/numbers";
import { At } from "../kit/times";
import { Explained } from "./told";

export function Story({ snapshot: seen }: { snapshot: Snapshot }) {
  const missing = seen.missing ?? [];
  return (
    <article className="card story" aria-label="What happened">
      <p className="quiet">
        <At us={seen.span.start_s * 1e6} /> to <At us={seen.span.end_s * 1e6} />
      </p>
      <h2 className="only-read">What was seen</h2>
      {seen.explanation && <Explained of={seen.explanation} />}
      {seen.incident_id && (
        <p>
          <Link href={`/health/incident/${seen.incident_id}`}>How the incident went on</Link>
        </p>
      )}
      {missing.length > 0 && (
        <details className="notice missing">
          <summary>{count(missing.length, "part")} could not be had when this was seen.</summary>
          <ul className="plain">
            {missing.map((one) => (
              <li key={one.what}>
                <strong>{one.what}</strong>: {one.why || "nobody said why"}
              </li>
            ))}
          </ul>
        </details>
      )}
    </article>
  );
}
