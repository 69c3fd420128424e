/** The state of the service as it changes: one stream for the whole page, and how much of it is to be believed. */

import { useSyncExternalStore } from "react";
import { type Connection, follow } from "./events";
import type { Failure } from "./http";
import type { Live } from "./wire";

/** `at` is when the page last heard of the service, milliseconds. `failure` says why a stream was refused for good. */
export interface Heard {
  live: Live | null;
  connection: Connection;
  atMs: number;
  failure: Failure | null;
}

/** Judged longer ago than that, what a gate said is no longer what is. */
const STALE_MS = 30_000;
/** A connection that comes back within that was never away for a person. */
const AWAY_MS = 3_000;

let heard: Heard = { live: null, connection: "connecting", atMs: 0, failure: null };
const listeners = new Set<() => void>();
let stop: AbortController | null = null;

function tell(change: Partial<Heard>): void {
  heard = { ...heard, ...change };
  for (const listener of listeners) listener();
}

function begin(): void {
  stop = new AbortController();
  follow("/api/live", {
    signal: stop.signal,
    onEvent: (event) => {
      if (event.name === "live") tell({ live: JSON.parse(event.data) as Live, atMs: Date.now() });
      return false;
    },
    onConnection: (connection, failure) => {
      // While it is away the time stands still at when it was last there.
      tell(connection === "open" ? { connection, failure: null, atMs: Date.now() } : { connection, failure });
    },
  }).catch((failure: Failure) => tell({ connection: "away", failure }));
}

/** Asks anew, as after signing in or out. */
export function restartLive(): void {
  stop?.abort();
  if (listeners.size > 0) begin();
}

function listen(listener: () => void): () => void {
  listeners.add(listener);
  if (listeners.size === 1) begin();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) stop?.abort();
  };
}

export function useLive(): Heard {
  return useSyncExternalStore(listen, () => heard);
}

export type Trust = "current" | "stale" | "offline" | "none";

/** Returns how far what was heard may be believed at a time. Pure. */
export function trust(of: Heard, nowMs: number): Trust {
  if (of.live === null) return of.connection === "away" ? "offline" : "none";
  if (of.connection !== "open" && nowMs - of.atMs > AWAY_MS) return "offline";
  const judgedMs = of.live.at_us / 1000;
  return judgedMs > 0 && nowMs - judgedMs > STALE_MS && nowMs - of.atMs > STALE_MS ? "stale" : "current";
}
