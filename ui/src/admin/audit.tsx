/** What was changed here, by whom: noted before it is done. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { address, call } from "../api/http";
import type { AuditPage } from "../api/wire-admin";
import { Older } from "../kit/older";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { At } from "../kit/times";

const PAGE = 50;

export default function Audit() {
  const found = useInfiniteQuery({
    queryKey: ["audit"],
    queryFn: ({ pageParam, signal }) =>
      call<AuditPage>(address("/api/audit", { limit: PAGE, before: pageParam }), { signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.before,
  });
  const rows = found.data?.pages.flatMap((page) => page.rows) ?? [];
  return (
    <section className="card" aria-labelledby="audit">
      <h2 id="audit">
        Audit <span className="quiet">what was changed here, by this page or with a token</span>
      </h2>
      {found.isPending && <Waiting what="the audit" lines={6} />}
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.isSuccess && rows.length === 0 && (
        <Empty title="Nothing was changed yet">Each change is noted here before it is done.</Empty>
      )}
      {rows.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="audit">
          <table className="table audit">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">User</th>
                <th scope="col">Role</th>
                <th scope="col">What</th>
                <th scope="col">How it ended</th>
                <th scope="col">Request</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id}>
                  <td>
                    <At us={row.at_us} />
                  </td>
                  <td className="break">{row.user || "nobody"}</td>
                  <td>{row.role}</td>
                  <td className="break">
                    <code>{row.action}</code>
                  </td>
                  <td>{ended(row.status)}</td>
                  <td>
                    <code>{row.id}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Older found={found} what="rows" />
    </section>
  );
}

function ended(status: number | null): string {
  if (status === null) return "not known to have ended";
  return status < 400 ? "done" : `refused, ${status}`;
}
