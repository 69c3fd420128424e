/** Server-sent events over fetch: unlike EventSource it says why a stream is refused, and when it was last heard from. */

import { Failure, send } from "./http";

export interface StreamEvent {
  id: string;
  name: string;
  data: string;
}

/** Takes a stream of text apart into events. Pure, but for what it has not seen the end of. */
export class EventParser {
  private rest = "";
  private id = "";
  private name = "";
  private data: string[] = [];

  /** Returns the events that `text` completes. */
  push(text: string): StreamEvent[] {
    const found: StreamEvent[] = [];
    const whole = this.rest + text;
    // A CR at the end may be half of a CRLF.
    const safe = whole.endsWith("\r") ? whole.length - 1 : whole.length;
    const lines = whole.slice(0, safe).split(/\r\n|\n|\r/);
    this.rest = (lines.pop() ?? "") + whole.slice(safe);
    for (const line of lines) {
      if (line === "") {
        if (this.data.length > 0) {
          found.push({ id: this.id, name: this.name || "message", data: this.data.join("\n") });
        }
        this.name = "";
        this.data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
      if (field === "data") this.data.push(value);
      else if (field === "event") this.name = value;
      else if (field === "id" && !value.includes("\0")) this.id = value;
    }
    return found;
  }
}

export type Connection = "connecting" | "open" | "away";

export interface Followed {
  /** What to do with an event; a result of true says that it was the last one. */
  onEvent: (event: StreamEvent) => boolean | undefined;
  onConnection?: (state: Connection, failure: Failure | null) => void;
  signal: AbortSignal;
  lastId?: string;
  /** A stream that says nothing for so long is taken for dead, milliseconds. */
  silenceMs?: number;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const SILENCE_MS = 45_000;

/** How long to wait before try `attempt`, counted from nought: doubled each time, within bounds. */
export function waitMs(attempt: number, chance: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.75 + chance / 2);
}

/**
 * Follows a stream until its last event, coming back with Last-Event-ID whenever the connection drops.
 *
 * Ends quietly at `signal`. Throws Failure where another try would be answered the same.
 */
export async function follow(path: string, followed: Followed): Promise<void> {
  let lastId = followed.lastId ?? "";
  let attempt = 0;
  const { signal, onConnection } = followed;
  while (!signal.aborted) {
    onConnection?.("connecting", null);
    let failure: Failure | null = null;
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (lastId) headers["last-event-id"] = lastId;
      const response = await send(path, { headers, signal });
      onConnection?.("open", null);
      const ended = await read(response, followed.silenceMs ?? SILENCE_MS, (event) => {
        attempt = 0;
        if (event.id) lastId = event.id;
        return followed.onEvent(event);
      });
      if (ended) return;
    } catch (error) {
      if (signal.aborted) return;
      failure = error instanceof Failure ? error : null;
      if (failure && !failure.passing) throw failure;
    }
    onConnection?.("away", failure);
    await pause(waitMs(attempt, Math.random()), signal);
    attempt += 1;
  }
}

async function read(
  response: Response,
  silenceMs: number,
  take: (event: StreamEvent) => boolean | undefined,
): Promise<boolean> {
  const reader = response.body?.getReader();
  if (!reader) return false;
  const parser = new EventParser();
  const decoder = new TextDecoder();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    while (true) {
      timer = setTimeout(() => void reader.cancel(), silenceMs);
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) return false;
      for (const event of parser.push(decoder.decode(value, { stream: true }))) {
        if (take(event)) {
          void reader.cancel();
          return true;
        }
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      window.removeEventListener("online", end);
      resolve();
    }
    signal.addEventListener("abort", end);
    // The machine is back on its network: no reason to wait longer.
    window.addEventListener("online", end);
  });
}
