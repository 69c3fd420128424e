/** What may not come again: patches that were rolled back, each with why and since when. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { call } from "../api/http";
import type { Quarantine } from "../api/wire";
import { count } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { At } from "../kit/times";
import "../styles/changes.css";

export default function Quarantined() {
  const found = useQuery({
    queryKey: ["changes", "quarantine"],
    queryFn: ({ signal }) => call<Quarantine>("/api/changes/quarantine", { signal }),
  });
  return (
    <div className="view quarantine">
      <p className="crumb">
        <Link href="/changes">Changes</Link>
      </p>
      <header className="view-head">
        <h1>Quarantine</h1>
      </header>
      <p className="lead">
        What these patches do was taken back while it served. The same content is not taken again, whoever signs it, and
        no time ends that; a patch that does something else is another one.
      </p>
      {found.isPending && <Waiting what="the quarantine" lines={4} />}
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <List of={found.data} />}
    </div>
  );
}

function List({ of }: { of: Quarantine }) {
  if (of.patches.length === 0) {
    return <Empty title="Nothing is in quarantine">A patch that is rolled back by its own fault comes here.</Empty>;
  }
  return (
    <section className="card">
      <h2>{count(of.count, "patch", "patches")}</h2>
      <ol className="quarantined">
        {of.patches.map((one) => (
          <li key={one.digest}>
            <p>
              <Link href={`/changes/${one.cid}`}>{one.title || "Untitled"}</Link>{" "}
              <code className="quiet">{one.cid.slice(0, 8)}</code>
            </p>
            <p className="break">{one.reason || "Nobody said why."}</p>
            <p className="quiet">
              Rolled back <At us={one.returned_us} />
              {one.returned_by ? ` by ${one.returned_by}` : " by itself"} · until its content is another ·{" "}
              {count(one.files_count, "file")}: {one.files.slice(0, 3).join(", ")}
              {one.files_count > 3 && ", …"} · by {one.author || "unknown"}
            </p>
          </li>
        ))}
      </ol>
      {of.count > of.patches.length && <p className="quiet">The newest {of.patches.length} are shown.</p>}
    </section>
  );
}
