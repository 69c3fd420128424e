/** What the Sandbox and Admin views ask, and what is known of the documents of the library. */

import { queryOptions } from "@tanstack/react-query";
import { call } from "./http";
import type { Budgets, Documents, Policy, Providers, SandboxState, Tokens } from "./wire-admin";

export const sandboxState = queryOptions({
  queryKey: ["sandbox"],
  queryFn: ({ signal }) => call<SandboxState>("/v1/sandbox/status", { signal }),
  refetchInterval: 3_000,
});

export const providers = queryOptions({
  queryKey: ["providers"],
  queryFn: ({ signal }) => call<Providers>("/api/providers", { signal }),
  refetchInterval: 15_000,
});

export const budget = queryOptions({
  queryKey: ["budget"],
  queryFn: ({ signal }) => call<Budgets>("/api/budget", { signal }),
  refetchInterval: 30_000,
});

export const tokens = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => call<Tokens>("/api/tokens", { signal }),
});

export const policy = queryOptions({
  queryKey: ["policy"],
  queryFn: ({ signal }) => call<Policy>("/api/policy", { signal }),
});

export const documents = queryOptions({
  queryKey: ["documents"],
  queryFn: ({ signal }) => call<Documents>("/api/library/documents", { signal }),
  staleTime: 30_000,
});
