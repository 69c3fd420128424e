/** A conversation and what one can do in it, kept by the service or, for whoever is not signed in, by this page alone. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Connection, EventParser, follow } from "../api/events";
import { call, Failure, send } from "../api/http";
import { conversation } from "../api/queries";
import type { Conversation, Council, Message, Session, Turn } from "../api/wire";
import { merged } from "./tree";
import { writing } from "./writing";

export interface Wish {
  text: string;
  /** What it follows; null for the beginning. */
  parent: string | null;
  model: string;
}

export interface Talk {
  session: Session | null;
  messages: Message[];
  waiting: boolean;
  error: unknown;
  reload: () => void;
  say: (wish: Wish) => Promise<void>;
  again: (user: Message, model: string) => Promise<void>;
  stop: (turn: string) => Promise<void>;
}

/** A conversation that the service keeps. Answers go on there though this page is closed. */
export function useKept(id: string): Talk {
  const client = useQueryClient();
  const query = useQuery(conversation(id));
  const told = query.data?.messages ?? NONE;
  const messages = useMemo(() => told.map((one) => keeping(one, writing.text(one.id))), [told]);

  const put = useCallback(
    (fresh: Message[]) => {
      client.setQueryData<Conversation>(conversation(id).queryKey, (before) =>
        before ? { ...before, messages: merged(before.messages, fresh) } : before,
      );
      void client.invalidateQueries({ queryKey: ["sessions"] });
    },
    [client, id],
  );

  const running = messages.filter((one) => one.state === "running").map((one) => one.id);
  const runningKey = running.join(" ");
  useEffect(() => {
    if (!runningKey) return;
    const end = new AbortController();
    for (const turn of runningKey.split(" ")) void followTurn(turn, end.signal, put);
    return () => end.abort();
  }, [runningKey, put]);

  return {
    session: query.data ?? null,
    messages,
    waiting: id !== "" && query.isPending,
    error: query.data ? null : query.error,
    reload: () => void query.refetch(),
    say: async (wish) => put(fromTurn(await ask(id, wish, messages.length))),
    again: async (user, model) => put(fromTurn(await turn(id, { again: user.id, model }, messages.length))),
    stop: async (turn) => {
      put([await call<Message>(`/api/chat/turns/${encodeURIComponent(turn)}`, { method: "DELETE" })]);
    },
  };
}

const NONE: Message[] = [];

/** Puts a question to a conversation of which so many messages are known. Throws Failure. */
export function ask(id: string, wish: Wish, known: number): Promise<Turn> {
  return turn(id, { text: wish.text, parent: wish.parent, model: wish.model }, known);
}

/**
 * Has a turn begun. What was sent before and whose answer was lost is sent again under the same key, since no more messages
 * are known than before: so it is asked once.
 */
function turn(id: string, body: object, known: number): Promise<Turn> {
  const path = `/api/chat/sessions/${encodeURIComponent(id)}/turns`;
  return call<Turn>(path, { method: "POST", body, headers: { "idempotency-key": String(known) } });
}

function fromTurn(turn: Turn): Message[] {
  return [turn.user, turn.assistant];
}

async function followTurn(turn: string, signal: AbortSignal, put: (fresh: Message[]) => void): Promise<void> {
  // Who begins to listen is told all of it from the beginning.
  writing.replace(turn, "");
  try {
    await follow(`/api/chat/turns/${encodeURIComponent(turn)}/events`, {
      signal,
      onConnection: (state: Connection) => writing.away(turn, state === "away"),
      onEvent: ({ name, data }) => {
        const told = JSON.parse(data) as { text?: string; message?: Message };
        if (name === "delta") writing.add(turn, told.text ?? "");
        else if (name === "snapshot") writing.replace(turn, told.text ?? "");
        else if (told.message) {
          put([keeping(told.message, writing.text(turn))]);
          writing.drop(turn);
          return true;
        }
        return false;
      },
    });
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    writing.away(turn, true);
  }
}

/** Of an answer that was lost, what was seen of it stays to be read, though the service may have kept less. */
function keeping(message: Message, seen: string): Message {
  return message.state === "lost" && seen.length > message.text.length ? { ...message, text: seen } : message;
}

/** A conversation that this page alone keeps, of somebody without a session. It is gone when the page is. */
export function useUnsaved(): Talk {
  const [messages, setMessages] = useState<Message[]>([]);
  const stops = useRef(new Map<string, AbortController>());

  const put = useCallback((fresh: Message[]) => setMessages((before) => merged(before, fresh)), []);

  async function answer(user: Message, before: Message[], model: string): Promise<void> {
    const own = message("assistant", "", user.id, model, "running");
    const stop = new AbortController();
    stops.current.set(own.id, stop);
    put([user, own]);
    void complete([...before, user], model, own, stop.signal).then((ended) => {
      put([ended]);
      writing.drop(own.id);
      stops.current.delete(own.id);
    });
  }

  return {
    session: null,
    messages,
    waiting: false,
    error: null,
    reload: () => undefined,
    say: (wish) => answer(message("user", wish.text, wish.parent, "", "done"), way(messages, wish.parent), wish.model),
    again: (user, model) => answer(user, way(messages, user.parent), model),
    stop: async (turn) => stops.current.get(turn)?.abort(),
  };
}

function message(
  role: Message["role"],
  text: string,
  parent: string | null,
  model: string,
  state: Message["state"],
): Message {
  const id = crypto.randomUUID?.() ?? String(Math.random());
  return { id, parent, role, text, at_us: Date.now() * 1000, model, state, error: null, council: null };
}

/** Returns what was said up to a message, oldest first. */
function way(messages: Message[], last: string | null): Message[] {
  const byId = new Map(messages.map((one) => [one.id, one]));
  const found: Message[] = [];
  for (let at = last; at !== null; ) {
    const one = byId.get(at);
    if (!one) break;
    found.unshift(one);
    at = one.parent;
  }
  return found;
}

interface Chunk {
  choices?: { delta?: { content?: string | null } }[];
  council?: Council;
  error?: { message: string; code: string; request_id: string };
}

async function complete(said: Message[], model: string, own: Message, signal: AbortSignal): Promise<Message> {
  const body = { model, stream: true, messages: said.map((one) => ({ role: one.role, content: one.text })) };
  let council: Council | null = null;
  let error: Message["error"] = null;
  let whole = false;
  try {
    const response = await send("/v1/chat/completions", { method: "POST", body, signal, waitMs: 120_000 });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    while (reader && !whole) {
      const { done, value } = await reader.read();
      if (done) break;
      for (const { data } of parser.push(value)) {
        if (data === "[DONE]") {
          whole = true;
          break;
        }
        const chunk = JSON.parse(data) as Chunk;
        if (chunk.error) error = chunk.error;
        council = chunk.council ?? council;
        const text = chunk.choices?.[0]?.delta?.content;
        if (text) writing.add(own.id, text);
      }
    }
  } catch (failure) {
    if (failure instanceof Failure)
      error = { code: failure.code, message: failure.message, request_id: failure.requestId };
  }
  const text = writing.text(own.id);
  if (signal.aborted) return { ...own, text, state: "stopped" };
  if (!whole && !error) {
    error = { code: "connection_lost", message: "The connection broke in mid-answer. Ask again.", request_id: "" };
  }
  return { ...own, text, council, error, state: error ? "failed" : "done" };
}
