/** What the views ask, each once: TanStack Query keeps the answers and asks again where they have grown old. */

import { QueryClient, queryOptions, useQuery } from "@tanstack/react-query";
import { address, call, Failure, setCsrf } from "./http";
import type {
  ChangeDetail,
  ChangeList,
  Conversation,
  GatesOverTime,
  Guide,
  GuideList,
  Incident,
  IncidentLine,
  LedgerReport,
  Me,
  Memory,
  OpinionList,
  Right,
  SandboxState,
  SessionList,
  Snapshot,
} from "./wire";

const TRIES = 2;

export const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (tries, error) => tries < TRIES && error instanceof Failure && error.passing,
      retryDelay: (attempt) => 500 * 2 ** attempt,
      // A browser that thinks it is offline may still reach a service on its own machine.
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

export const me = queryOptions({
  queryKey: ["me"],
  queryFn: async () => {
    const found = await call<Me>("/api/me");
    setCsrf(found.csrf);
    return found;
  },
  staleTime: 60_000,
});

/** Returns who is signed in; null until that is known. */
export function useMe(): Me | null {
  return useQuery(me).data ?? null;
}

export function useRight(right: Right): boolean {
  return useMe()?.rights.includes(right) ?? false;
}

export const sessions = (q: string) =>
  queryOptions({
    queryKey: ["sessions", q],
    queryFn: ({ signal }) => call<SessionList>(address("/api/chat/sessions", { q, limit: 100 }), { signal }),
  });

export const conversation = (id: string) =>
  queryOptions({
    queryKey: ["conversation", id],
    queryFn: ({ signal }) => call<Conversation>(`/api/chat/sessions/${encodeURIComponent(id)}`, { signal }),
    enabled: id !== "",
  });

/** What you think of answers, the newest of it. */
export const opinions = queryOptions({
  queryKey: ["opinions"],
  queryFn: ({ signal }) => call<OpinionList>("/api/feedback?limit=200", { signal }),
  staleTime: 60_000,
});

/** What holds code that is run without limits of its own. */
export const sandboxLimits = queryOptions({
  queryKey: ["sandbox", "limits"],
  queryFn: async ({ signal }) => (await call<SandboxState>("/v1/sandbox/status", { signal })).limits,
  staleTime: 300_000,
});

export const gatesOverTime = (range: string, gate = "") =>
  queryOptions({
    queryKey: ["gates", range, gate],
    queryFn: ({ signal }) => call<GatesOverTime>(address("/api/gates/history", { range, gate }), { signal }),
    staleTime: 30_000,
    refetchInterval: 60_000,
  });

export const incidents = queryOptions({
  queryKey: ["incidents"],
  queryFn: ({ signal }) =>
    call<{ incidents: IncidentLine[]; before: string | null }>("/api/incidents?limit=20", { signal }),
  refetchInterval: 30_000,
});

export const incident = (id: string) =>
  queryOptions({
    queryKey: ["incident", id],
    queryFn: ({ signal }) => call<Incident>(`/api/incidents/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: 5_000,
  });

export const newestChanges = queryOptions({
  queryKey: ["changes", "newest"],
  queryFn: ({ signal }) => call<ChangeList>("/api/changes?limit=5", { signal }),
  refetchInterval: 30_000,
});

export const change = (cid: string) =>
  queryOptions({
    queryKey: ["change", cid],
    queryFn: ({ signal }) => call<ChangeDetail>(`/api/changes/${encodeURIComponent(cid)}`, { signal }),
  });

export const guides = (q: string) =>
  queryOptions({
    queryKey: ["guides", q],
    queryFn: ({ signal }) => call<GuideList>(address("/api/guides", { q, limit: 50 }), { signal }),
    staleTime: 60_000,
  });

export const guide = (slug: string) =>
  queryOptions({
    queryKey: ["guide", slug],
    queryFn: ({ signal }) => call<Guide>(`/api/guides/${encodeURIComponent(slug)}`, { signal }),
    staleTime: 60_000,
  });

export const snapshot = queryOptions({
  queryKey: ["snapshot"],
  queryFn: ({ signal }) => call<Snapshot>("/api/observer/snapshots/newest", { signal }),
  staleTime: 60_000,
});

export const costs = (by: string, days: number) =>
  queryOptions({
    queryKey: ["costs", by, days],
    queryFn: ({ signal }) => call<LedgerReport>(address("/api/ledger/report", { by, days }), { signal }),
    staleTime: 30_000,
  });

export const memory = (id: string) =>
  queryOptions({
    queryKey: ["memory", id],
    queryFn: ({ signal }) => call<Memory>(`/api/memory/${encodeURIComponent(id)}`, { signal }),
  });

export const memories = (query: string) =>
  queryOptions({
    queryKey: ["memories", query],
    queryFn: async ({ signal }) => {
      if (!query) {
        const all = await call<{ memories: Memory[]; next_after: string | null }>("/api/memory?limit=200", { signal });
        return { memories: all.memories.reverse(), more: all.next_after !== null };
      }
      const path = address("/api/memory/search", { query, limit: 50 });
      const found = await call<{ found: { memory: Memory }[] }>(path, { signal });
      return { memories: found.found.map((one) => one.memory), more: false };
    },
  });
