/** The audit trail of the sandbox: each job, session, refusal and throw of the switch, newest first. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { address, call } from "../api/http";
import type { SandboxRecord, TrailPage } from "../api/wire-admin";
import { bytes, milliseconds } from "../kit/numbers";
import { Older } from "../kit/older";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { At } from "../kit/times";
import { caller, endWords, eventWords } from "./words";

const PAGE = 25;

export function Trail() {
  const found = useInfiniteQuery({
    queryKey: ["trail"],
    queryFn: ({ pageParam, signal }) =>
      call<TrailPage>(address("/api/sandbox/audit", { limit: PAGE, before: pageParam }), { signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.before,
  });
  const rows = found.data?.pages.flatMap((page) => page.rows) ?? [];
  return (
    <section className="card" aria-labelledby="trail">
      <header className="card-head">
        <h2 id="trail">
          Audit trail <span className="quiet">each record holds on to the one before</span>
        </h2>
        <p className="quiet">
          <code>council sandbox audit</code> verifies it
        </p>
      </header>
      {found.isPending && <Waiting what="the audit trail" lines={5} />}
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && (
        <Empty title="Nothing was run yet">
          Press Run above code in an answer, or post to <code>/v1/sandbox/run</code>; each job is noted here.
        </Empty>
      )}
      {rows.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="trail">
          <table className="table trail">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">What</th>
                <th scope="col">Who</th>
                <th scope="col">How it ended</th>
                <th scope="col" className="number">
                  Took
                </th>
                <th scope="col" className="number">
                  Memory
                </th>
                <th scope="col">Record</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Record key={row.id} row={row} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Older found={found} what="records" />
    </section>
  );
}

function Record({ row }: { row: SandboxRecord }) {
  const refused = Object.entries(row.blocked);
  const isSwitch = row.event === "kill" || row.event === "lift";
  return (
    <tr className={isSwitch ? "trail-switch" : ""}>
      <td className="trail-time">
        <At us={row.at_us} />
      </td>
      <td>
        {eventWords(row.event)}
        {row.language && <span className="quiet"> {row.language}</span>}
      </td>
      <td className="break">{caller(row.caller)}</td>
      <td className="break">
        {endWords(row)}
        {refused.length > 0 && (
          <span className="quiet"> refused calls: {refused.map(([name, times]) => `${name} ${times}`).join(", ")}</span>
        )}
      </td>
      <td className="number">{row.wall_s === null ? "" : milliseconds(row.wall_s * 1000)}</td>
      <td className="number">{row.memory_peak_bytes === null ? "" : bytes(row.memory_peak_bytes)}</td>
      <td>
        <code title={row.request_id ? `Request ${row.request_id}` : undefined}>{row.id}</code>
      </td>
    </tr>
  );
}
