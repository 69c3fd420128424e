/** The documents that answers may be quoted from: how far each is read, why one was left out, and off with what was put there here. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/http";
import { documents } from "../api/queries-admin";
import type { Doc } from "../api/wire-admin";
import { docWords } from "../chat/uploads";
import { Ask } from "../kit/ask";
import { bytes, count } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { Ago } from "../kit/times";

const EACH_MS = 1_000;
const STATES: Doc["state"][] = ["left_out", "partly", "waiting", "indexed"];

export default function Library() {
  const found = useQuery({
    ...documents,
    refetchInterval: (query) => (query.state.data?.documents.some((one) => one.state === "waiting") ? EACH_MS : false),
  });
  const [removing, setRemoving] = useState<Doc | null>(null);
  if (found.isPending) return <Waiting what="documents" lines={6} />;
  // What needs somebody is on top.
  const all = [...(found.data?.documents ?? [])].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
  return (
    <>
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <section className="card" aria-labelledby="documents">
          <header className="card-head">
            <h2 id="documents">
              Library <span className="quiet">{count(all.length, "document")} that answers may be quoted from</span>
            </h2>
            <Link href="/guide/put-documents-into-the-library">How it is read</Link>
          </header>
          {all.length === 0 ? (
            <Empty title="No document yet">
              Drop a file onto the <Link href="/">chat</Link>, or put it into the folder <code>library</code> of the
              home. It reads {found.data.kinds.join(", ")}.
            </Empty>
          ) : (
            <List all={all} onRemove={setRemoving} />
          )}
          {found.data.more > 0 && <p className="quiet past">{count(found.data.more, "more document")} not listed.</p>}
        </section>
      )}
      {removing && <Remove doc={removing} onClose={() => setRemoving(null)} />}
    </>
  );
}

function List({ all, onRemove }: { all: Doc[]; onRemove: (doc: Doc) => void }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
    <div className="table-frame" tabIndex={0} role="group" aria-labelledby="documents">
      <table className="table documents">
        <thead>
          <tr>
            <th scope="col">Document</th>
            <th scope="col">How far</th>
            <th scope="col" className="number lesser">
              Size
            </th>
            <th scope="col" className="lesser">
              Since
            </th>
            <th scope="col">
              <span className="only-read">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.name}>
              <th scope="row" className="break">
                {one.name}
              </th>
              <td className="break">{docWords(one)}</td>
              <td className="number lesser">{bytes(one.bytes)}</td>
              <td className="lesser">
                <Ago us={one.at_us} />
              </td>
              <td className="row-tools">
                {one.removable && (
                  <button
                    type="button"
                    className="button danger"
                    aria-label={`Remove ${one.name}`}
                    onClick={() => onRemove(one)}
                  >
                    Remove…
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Remove({ doc, onClose }: { doc: Doc; onClose: () => void }) {
  const client = useQueryClient();
  const file = doc.name.split("/").at(-1) ?? doc.name;
  return (
    <Ask
      title={`Remove ${file}`}
      verb="Remove it"
      danger
      onClose={onClose}
      onDone={() => void client.invalidateQueries({ queryKey: ["documents"] })}
      act={() => call(`/api/library/documents/${encodeURIComponent(file)}`, { method: "DELETE" })}
    >
      <p>
        {count(doc.passages, "passage")} of it can no longer be quoted. Answers that were given keep what they quoted.
        The file itself is gone, for good.
      </p>
    </Ask>
  );
}
