/** Changes: every patch on one line of time, and of each what it did, who signed it, how it went. */

import { useInfiniteQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useMemo, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { address, call } from "../api/http";
import { useLive } from "../api/live";
import { useRight } from "../api/queries";
import type { Change, ChangeList } from "../api/wire";
import { Icon } from "../kit/icons";
import { count } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { day } from "../kit/time";
import { Ago, At } from "../kit/times";
import "../styles/changes.css";
import { Detail } from "./detail";
import { FreezeDialog } from "./dialogs";
import { NoChange } from "./none";
import { behind, outcomeWords } from "./words";

const PAGE = 100;
const ROW_PX = 80;

export default function Changes({ cid }: { cid: string }) {
  const list = useChanges();
  const all = list.all;
  const shown = cid || all[0]?.cid || "";
  if (!cid && list.query.isSuccess && all.length === 0) {
    return (
      <NoChange>
        <Head list={list.newest} />
      </NoChange>
    );
  }
  return (
    <div className={cid ? "changes has-chosen" : "changes"}>
      <section className="lineage" aria-label="Patches, newest first">
        <Head list={list.newest} />
        {list.query.isPending && <Waiting what="changes" lines={8} />}
        {list.query.error !== null && all.length === 0 && (
          <FailureNote error={list.query.error} onRetry={() => void list.query.refetch()} />
        )}
        {list.query.isSuccess && all.length === 0 && <Empty title="No change yet" />}
        {all.length > 0 && (
          <Lineage
            all={all}
            current={shown}
            more={list.query.hasNextPage}
            onMore={() => {
              if (!list.query.isFetchingNextPage) void list.query.fetchNextPage();
            }}
          />
        )}
      </section>
      <section className="change" aria-label="The chosen patch">
        {cid && (
          <h1 className="crumb narrow-only">
            <Link href="/changes">Changes</Link>
          </h1>
        )}
        {shown && <Detail key={shown} cid={shown} />}
      </section>
    </div>
  );
}

function useChanges() {
  const query = useInfiniteQuery({
    queryKey: ["changes", "all"],
    queryFn: ({ pageParam, signal }) =>
      call<ChangeList>(address("/api/changes", { limit: PAGE, before: pageParam }), { signal }),
    initialPageParam: "",
    getNextPageParam: (last) => last.before,
    staleTime: 5_000,
  });
  // What is on its way is told by the live state; when it has moved on, the list is asked for anew.
  const { live } = useLive();
  const moved = `${live?.at_work?.digest ?? ""} ${live?.at_work?.phase ?? ""} ${live?.generation ?? ""} ${live?.frozen ? "frozen" : ""}`;
  const { refetch } = query;
  const seen = useRef(moved);
  useEffect(() => {
    if (seen.current === moved) return;
    seen.current = moved;
    void refetch();
  }, [moved, refetch]);
  const all = useMemo(() => query.data?.pages.flatMap((page) => page.changes) ?? [], [query.data]);
  return { query, all, newest: query.data?.pages[0] };
}

function Head({ list }: { list: ChangeList | undefined }) {
  const mayChange = useRight("administer");
  const [open, setOpen] = useState(false);
  const frozen = list?.freeze.frozen === true;
  return (
    <header className="lineage-head">
      <div className="view-head">
        <h1>Changes</h1>
        {mayChange && list && (
          <button type="button" className="button" onClick={() => setOpen(true)}>
            <Icon name="snow" size={16} /> {frozen ? "Lift the freeze…" : "Freeze…"}
          </button>
        )}
      </div>
      {frozen && (
        <p className="notice" role="status">
          Frozen
          {list.freeze.since_us ? (
            <>
              {" "}
              since <At us={list.freeze.since_us} />
            </>
          ) : (
            ""
          )}{" "}
          by {list.freeze.by}: {list.freeze.reason}
        </p>
      )}
      {list && (
        <p className="quiet lineage-figures">
          {list.quota
            ? `Bots have used ${list.quota.used} of ${count(list.quota.limit, "patch", "patches")} today`
            : "The quota is not known: patchctl is away"}
          {list.quarantined > 0 && (
            <>
              {" · "}
              <Link href="/changes/quarantine">{list.quarantined} in quarantine</Link>
            </>
          )}
        </p>
      )}
      {open && <FreezeDialog frozen={frozen} onClose={() => setOpen(false)} />}
    </header>
  );
}

interface LineageProps {
  all: Change[];
  current: string;
  more: boolean;
  onMore: () => void;
}

function Lineage({ all, current, more, onMore }: LineageProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [, go] = useLocation();
  const rows = useVirtualizer({
    count: all.length + (more ? 1 : 0),
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    overscan: 8,
  });
  const items = rows.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (more && last >= all.length - 10) onMore();
  }, [more, last, all.length, onMore]);

  function onKeyDown(event: React.KeyboardEvent) {
    const step =
      event.key === "j" || event.key === "ArrowDown" ? 1 : event.key === "k" || event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = all.findIndex((one) => one.cid === current);
    const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
    if (!next) return;
    go(`/changes/${next.cid}`, { replace: true });
    rows.scrollToIndex(all.indexOf(next));
  }

  return (
    <div
      className="lineage-frame"
      ref={frame}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
      tabIndex={0}
      role="group"
      aria-label="List of patches"
      onKeyDown={onKeyDown}
    >
      <ol className="lineage-list" style={{ height: rows.getTotalSize() }}>
        {items.map((item) => {
          const one = all[item.index];
          return (
            <li
              key={item.key}
              className="lineage-row"
              style={{ transform: `translateY(${item.start}px)`, height: item.size }}
              aria-setsize={all.length}
              aria-posinset={item.index + 1}
            >
              {one ? (
                <Row change={one} before={all[item.index - 1]} current={one.cid === current} />
              ) : (
                <Waiting what="older changes" lines={1} />
              )}
            </li>
          );
        })}
      </ol>
    </div>
  );
}

function Row({ change, before, current }: { change: Change; before: Change | undefined; current: boolean }) {
  const { words, tone } = outcomeWords(change);
  const of = day(change.began_us, Date.now());
  const isNewDay = !before || day(before.began_us, Date.now()) !== of;
  return (
    <Link
      href={`/changes/${change.cid}`}
      className={`patch ${tone} ${current ? "current" : ""}`}
      aria-current={current ? "true" : undefined}
    >
      <span className="patch-dot" aria-hidden="true" />
      <span className="patch-title">{change.title || change.cid}</span>
      <span className="patch-line">
        <span className={`outcome ${tone}`}>{words}</span>
        <code>{change.cid.slice(0, 8)}</code>
        <span className="quiet">{count(change.files_count, "file")}</span>
      </span>
      <span className="patch-line quiet">
        {isNewDay && of !== "Today" ? of : <Ago us={change.began_us} />} · {behind(change)}
      </span>
    </Link>
  );
}
