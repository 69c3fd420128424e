/** What the parts of Insight ask, each once. */

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { address, call } from "../api/http";
import type { Coverage, Digest, DigestList, Explanation, Figures, Snapshot, SnapshotList } from "../api/wire";

const DAYS_PAGE = 30;
const SNAPSHOTS_PAGE = 25;
/** What is made by the hour, or when somebody asks on the command line. */
const SLOW = { staleTime: 60_000 };

export const snapshotOf = (id: string) =>
  queryOptions({
    queryKey: ["snapshot", id],
    queryFn: ({ signal }) => call<Snapshot>(`/api/observer/snapshots/${encodeURIComponent(id)}`, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const explanationOf = (id: string, place: number) =>
  queryOptions({
    queryKey: ["explanation", id, place],
    queryFn: ({ signal }) =>
      call<Explanation>(`/api/observer/snapshots/${encodeURIComponent(id)}/anomalies/${place}`, { signal }),
    ...SLOW,
  });

export const snapshots = (occasion: string) =>
  infiniteQueryOptions({
    queryKey: ["snapshots", occasion],
    queryFn: ({ pageParam, signal }) =>
      call<SnapshotList>(
        address("/api/observer/snapshots", {
          limit: SNAPSHOTS_PAGE,
          before: pageParam,
          ...(occasion ? { occasion } : {}),
        }),
        { signal },
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.before,
    ...SLOW,
  });

export const digestDays = infiniteQueryOptions({
  queryKey: ["digests"],
  queryFn: ({ pageParam, signal }) =>
    call<DigestList>(address("/api/observer/digests", { limit: DAYS_PAGE, before: pageParam }), { signal }),
  initialPageParam: "",
  getNextPageParam: (last) => last.before,
  ...SLOW,
});

export const digestOf = (day: string) =>
  queryOptions({
    queryKey: ["digest", day],
    queryFn: ({ signal }) => call<Digest>(`/api/observer/digests/${encodeURIComponent(day)}`, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
  });

export const figures = (days: number) =>
  queryOptions({
    queryKey: ["figures", days],
    queryFn: ({ signal }) => call<Figures>(address("/api/observer/figures", { days }), { signal }),
    ...SLOW,
  });

export const coverage = queryOptions({
  queryKey: ["coverage"],
  queryFn: ({ signal }) => call<Coverage>("/api/coverage", { signal }),
  ...SLOW,
});
