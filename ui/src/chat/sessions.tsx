/** Your conversations: searched, renamed, exported, deleted. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { Link, useLocation } from "wouter";
import { address, call } from "../api/http";
import { sessions } from "../api/queries";
import type { Session } from "../api/wire";
import { Dialog } from "../kit/dialog";
import { Icon } from "../kit/icons";
import { Menu } from "../kit/menu";
import { count } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { day } from "../kit/time";

interface ListProps {
  current: string;
  onPick: () => void;
  /** Whether nothing is kept, as of somebody who is not signed in. */
  unsaved: boolean;
}

export function SessionList({ current, onPick, unsaved }: ListProps) {
  const [words, setWords] = useState("");
  const q = useDeferredValue(words.trim());
  const list = useQuery({ ...sessions(q), enabled: !unsaved, placeholderData: (before) => before });
  const [open, setOpen] = useState<{ what: "rename" | "delete"; session: Session } | null>(null);
  const groups = byDay(list.data?.sessions ?? []);
  return (
    <nav className="sessions" aria-label="Conversations">
      <div className="sessions-head">
        <Link href="/" className="button new-chat" onClick={onPick}>
          <Icon name="plus" size={16} /> New
        </Link>
        <input
          type="search"
          aria-label="Search conversations"
          placeholder="Search"
          value={words}
          disabled={unsaved}
          onChange={(event) => setWords(event.target.value)}
        />
      </div>
      <div className="sessions-list">
        {unsaved && (
          <Empty title="Nothing is kept">
            <Link href="/login">Sign in</Link> to keep conversations.
          </Empty>
        )}
        {!unsaved && list.isPending && <Waiting what="conversations" lines={4} />}
        {list.error !== null && !list.data && <FailureNote error={list.error} onRetry={() => void list.refetch()} />}
        {list.data?.sessions.length === 0 && (
          <Empty title={q ? "No conversation has these words" : "No conversations yet"}>
            {q ? "Titles and texts were searched." : "Ask something, and it is kept here."}
          </Empty>
        )}
        {groups.map((group) => (
          <section key={group.day}>
            <h2>{group.day}</h2>
            <ul>
              {group.sessions.map((session) => (
                <li key={session.id} className={session.id === current ? "session current" : "session"}>
                  <Link
                    href={`/chat/${session.id}`}
                    onClick={onPick}
                    aria-current={session.id === current ? "page" : undefined}
                    title={session.title}
                  >
                    {session.title || "Untitled"}
                  </Link>
                  <Menu
                    label={`What to do with ${session.title || "this conversation"}`}
                    face={<Icon name="more" size={16} />}
                  >
                    <button type="button" role="menuitem" onClick={() => setOpen({ what: "rename", session })}>
                      <Icon name="edit" size={16} /> Rename
                    </button>
                    {(["markdown", "json"] as const).map((form) => (
                      <a
                        key={form}
                        role="menuitem"
                        download
                        href={address(`/api/chat/sessions/${session.id}/export`, { form })}
                      >
                        <Icon name="download" size={16} /> Export as {form === "json" ? "JSON" : "Markdown"}
                      </a>
                    ))}
                    <button
                      type="button"
                      role="menuitem"
                      className="danger"
                      onClick={() => setOpen({ what: "delete", session })}
                    >
                      <Icon name="trash" size={16} /> Delete…
                    </button>
                  </Menu>
                </li>
              ))}
            </ul>
          </section>
        ))}
        {list.data?.before && <p className="quiet sessions-more">Older ones are found by search.</p>}
      </div>
      {open?.what === "rename" && <Rename session={open.session} onClose={() => setOpen(null)} />}
      {open?.what === "delete" && <Delete session={open.session} current={current} onClose={() => setOpen(null)} />}
    </nav>
  );
}

function byDay(all: Session[]): { day: string; sessions: Session[] }[] {
  const found: { day: string; sessions: Session[] }[] = [];
  for (const session of all) {
    const of = day(session.updated_us, Date.now());
    const last = found.at(-1);
    if (last?.day === of) last.sessions.push(session);
    else found.push({ day: of, sessions: [session] });
  }
  return found;
}

function Rename({ session, onClose }: { session: Session; onClose: () => void }) {
  const client = useQueryClient();
  const [title, setTitle] = useState(session.title);
  const [error, setError] = useState<unknown>(null);
  async function save(event: React.FormEvent) {
    event.preventDefault();
    try {
      await call(`/api/chat/sessions/${session.id}`, { method: "PATCH", body: { title: title.trim() } });
      void client.invalidateQueries({ queryKey: ["sessions"] });
      void client.invalidateQueries({ queryKey: ["conversation", session.id] });
      onClose();
    } catch (failure) {
      setError(failure);
    }
  }
  return (
    <Dialog title="Rename the conversation" onClose={onClose}>
      <form onSubmit={(event) => void save(event)}>
        <input
          autoFocus
          aria-label="Title"
          maxLength={200}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
        />
        {error !== null && <FailureNote error={error} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" className="button primary" disabled={title.trim() === ""}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Delete({ session, current, onClose }: { session: Session; current: string; onClose: () => void }) {
  const client = useQueryClient();
  const [, go] = useLocation();
  const [memories, setMemories] = useState(false);
  const [error, setError] = useState<unknown>(null);
  async function remove() {
    try {
      const path = address(`/api/chat/sessions/${session.id}`, { memories: memories ? "true" : null });
      await call(path, { method: "DELETE" });
      client.removeQueries({ queryKey: ["conversation", session.id] });
      void client.invalidateQueries({ queryKey: ["sessions"] });
      onClose();
      if (session.id === current) go("/");
    } catch (failure) {
      setError(failure);
    }
  }
  return (
    <Dialog title="Delete the conversation" onClose={onClose}>
      <p>
        “{session.title || "Untitled"}” with {count(session.turns, "question")} and their answers will be gone, for
        good. The ledger keeps what they cost.
      </p>
      <label className="check">
        <input type="checkbox" checked={memories} onChange={(event) => setMemories(event.target.checked)} />
        Forget what was remembered of it, too
      </label>
      {error !== null && <FailureNote error={error} />}
      <div className="dialog-buttons">
        <button type="button" className="button" onClick={onClose}>
          Keep it
        </button>
        <button type="button" className="button danger" onClick={() => void remove()}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
