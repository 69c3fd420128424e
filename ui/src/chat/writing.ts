/** The answers that are being written now. Only who shows one is drawn again, and no more often than a person sees. */

import { useCallback, useSyncExternalStore } from "react";

export interface Writing {
  text: string;
  /** Whether the connection is away; the answer goes on in the service. */
  away: boolean;
}

const NOTHING: Writing = { text: "", away: false };
const EACH_MS = 60;

const texts = new Map<string, Writing>();
const told = new Map<string, Writing>();
const listeners = new Map<string, Set<() => void>>();
const timers = new Map<string, ReturnType<typeof setTimeout>>();

function change(id: string, to: Writing): void {
  texts.set(id, to);
  if (timers.has(id)) return;
  timers.set(
    id,
    setTimeout(() => {
      timers.delete(id);
      const now = texts.get(id);
      if (now) told.set(id, now);
      for (const listener of listeners.get(id) ?? []) listener();
    }, EACH_MS),
  );
}

export const writing = {
  add(id: string, text: string): void {
    const before = texts.get(id) ?? NOTHING;
    change(id, { text: before.text + text, away: false });
  },
  replace(id: string, text: string): void {
    change(id, { text, away: false });
  },
  away(id: string, away: boolean): void {
    const before = texts.get(id) ?? NOTHING;
    if (before.away !== away) change(id, { ...before, away });
  },
  text(id: string): string {
    return texts.get(id)?.text ?? "";
  },
  drop(id: string): void {
    clearTimeout(timers.get(id));
    timers.delete(id);
    texts.delete(id);
    told.delete(id);
  },
};

export function useWriting(id: string): Writing {
  const listen = useCallback(
    (listener: () => void) => {
      const all = listeners.get(id) ?? new Set();
      listeners.set(id, all.add(listener));
      return () => {
        all.delete(listener);
        if (all.size === 0) listeners.delete(id);
      };
    },
    [id],
  );
  return useSyncExternalStore(listen, () => told.get(id) ?? NOTHING);
}
