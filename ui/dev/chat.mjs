/** Conversations of the recorded service: kept in memory, answered piece by piece. */

import { nowUs } from "./clock.mjs";
import { recorded } from "./scenes.mjs";

const answers = recorded("answers");
const PIECE_CHARS = 12;
const DROPS_MAX = 3;
let number = 0;

function id() {
  number += 1;
  return `01M8NV${String(number).padStart(20, "0")}`;
}

export class Chat {
  constructor(world) {
    this.world = world;
    this.reset();
  }

  reset() {
    number = 0;
    this.sessions = new Map();
    this.turns = new Map();
    for (const [index, one] of (this.world.sessions ?? []).entries()) {
      const session = {
        id: one.id ?? id(),
        title: one.title,
        memory: true,
        created_us: one.at_us,
        updated_us: one.at_us,
        turns: 1,
        messages: [],
      };
      const user = this.message("user", one.text, null);
      session.messages.push(user, {
        ...this.message("assistant", one.answer, user.id),
        council: one.state ? null : (one.council ?? answers[index % answers.length].council),
        state: one.state ?? "done",
        error: one.error ?? null,
      });
      this.sessions.set(session.id, session);
    }
  }

  message(role, text, parent) {
    return {
      id: id(),
      parent,
      role,
      text,
      at_us: nowUs(),
      model: role === "user" ? "" : "council",
      state: "done",
      error: null,
      council: null,
    };
  }

  async handle(request, response, url, body) {
    const parts = url.pathname.split("/").slice(2);
    if (url.pathname === "/v1/chat/completions") return this.completions(response, body);
    if (parts[0] !== "chat") return null;
    if (!this.world.me.signed_in)
      return { failure: "invalid_api_key", status: 401, message: "Conversations belong to a user. Sign in." };
    if (parts[1] === "sessions") return this.ofSessions(request, response, url, body, parts);
    return this.ofTurns(request, response, parts);
  }

  ofSessions(request, response, url, body, [, , session, what]) {
    if (!session) {
      if (request.method === "GET") {
        const q = (url.searchParams.get("q") ?? "").toLowerCase();
        const all = [...this.sessions.values()].sort((a, b) => b.updated_us - a.updated_us);
        const found = all.filter((one) =>
          `${one.title} ${one.messages.map((each) => each.text).join(" ")}`.toLowerCase().includes(q),
        );
        return { sessions: found.map(({ messages: _, ...rest }) => rest), before: null };
      }
      const now = nowUs();
      const made = {
        id: id(),
        title: body.title ?? "",
        memory: body.memory ?? true,
        created_us: now,
        updated_us: now,
        turns: 0,
        messages: [],
      };
      this.sessions.set(made.id, made);
      return made;
    }
    const kept = this.sessions.get(session);
    if (!kept)
      return {
        failure: "not_found",
        status: 404,
        message: "There is no such conversation. /api/chat/sessions lists yours.",
      };
    if (what === "turns") return this.ask(kept, body);
    if (what === "export") {
      response.writeHead(200, { "content-disposition": "attachment; filename=conversation.md" });
      response.end(kept.messages.map((one) => `${one.role}: ${one.text}`).join("\n\n"));
      return true;
    }
    if (request.method === "PATCH") return Object.assign(kept, body);
    if (request.method === "DELETE") {
      this.sessions.delete(session);
      return { deleted: true, forgotten: 0 };
    }
    return kept;
  }

  ask(session, body) {
    const again = body.again ? session.messages.find((one) => one.id === body.again) : null;
    const parent = body.parent === undefined ? (session.messages.at(-1)?.id ?? null) : body.parent;
    const user = again ?? this.message("user", body.text, parent);
    if (!again) session.messages.push(user);
    const assistant = { ...this.message("assistant", "", user.id), state: "running" };
    session.messages.push(assistant);
    session.turns += again ? 0 : 1;
    session.title ||= user.text.slice(0, 60);
    session.updated_us = nowUs();
    this.begin(assistant, user.text);
    return { accepted: true, turn: assistant.id, user, assistant };
  }

  begin(message, question) {
    const { world } = this;
    const known = answers.find((one) => one.question === question) ?? answers[4];
    const text = world.answer ?? known.text;
    const size = Math.max(PIECE_CHARS, Math.ceil(text.length / 400));
    const turn = { message, events: [], listeners: new Set(), at: 0 };
    this.turns.set(message.id, turn);
    turn.end = (state, more) => {
      clearInterval(turn.timer);
      Object.assign(message, { state, ...more });
      this.tell(turn, state, { message: { ...message } });
    };
    turn.timer = setInterval(() => {
      if (turn.at >= text.length) {
        if (world.failing)
          turn.end("failed", {
            error: {
              code: "model_unavailable",
              message: "The model is restarting. Try again in a few seconds.",
              request_id: message.id,
            },
          });
        else turn.end("done", { council: { ...known.council, request_id: message.id, ...(world.council ?? {}) } });
        return;
      }
      const piece = text.slice(turn.at, turn.at + size);
      turn.at += size;
      message.text += piece;
      this.tell(turn, "delta", { text: piece });
    }, world.pieceMs ?? 25);
  }

  tell(turn, name, data) {
    turn.events.push(`id: ${turn.events.length + 1}\nevent: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    for (const listener of [...turn.listeners]) listener();
  }

  ofTurns(request, response, [, , id]) {
    const turn = this.turns.get(id);
    if (!turn) return { failure: "not_found", status: 404, message: "There is no such turn." };
    if (request.method === "DELETE") {
      if (turn.message.state === "running") turn.end("stopped", {});
      return turn.message;
    }
    let sent = Number(request.headers["last-event-id"] ?? 0);
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.flushHeaders();
    let pieces = 0;
    const listener = () => {
      while (sent < turn.events.length) {
        const event = turn.events[sent];
        sent += 1;
        pieces += 1;
        // As when a gateway is replaced in mid-stream. Not for ever: what a page has not read yet goes with its connection.
        if (this.world.dropAfter && pieces >= this.world.dropAfter && (turn.drops ?? 0) < DROPS_MAX) {
          turn.drops = (turn.drops ?? 0) + 1;
          turn.listeners.delete(listener);
          response.write(event, () => response.destroy());
          return;
        }
        response.write(event);
      }
      if (turn.message.state !== "running") response.end();
    };
    turn.listeners.add(listener);
    response.on("close", () => turn.listeners.delete(listener));
    listener();
    return true;
  }

  completions(response, body) {
    const question = body.messages.at(-1).content;
    const known = answers.find((one) => one.question === question) ?? answers[4];
    response.writeHead(200, { "content-type": "text/event-stream" });
    const words = known.text.match(/\S+\s*/g) ?? [];
    const timer = setInterval(() => {
      const word = words.shift();
      if (word !== undefined)
        return response.write(`data: ${JSON.stringify({ choices: [{ delta: { content: word } }] })}\n\n`);
      clearInterval(timer);
      response.end(`data: ${JSON.stringify({ choices: [], council: known.council })}\n\ndata: [DONE]\n\n`);
    }, 15);
    return true;
  }
}
