/** What is remembered of you: found, put right, forgotten one by one or all at once, taken away as a file. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { Link, useSearch } from "wouter";
import { call, Failure } from "../api/http";
import { memories, memory as query } from "../api/queries";
import type { Memory } from "../api/wire";
import { Dialog } from "../kit/dialog";
import { useGiveBack } from "../kit/give-back";
import { Icon } from "../kit/icons";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { Ago } from "../kit/times";
import "../styles/memory.css";
import { Correct } from "./correct";

/** As much of a memory names its buttons. */
const NAMED_CHARS = 80;

export default function Memories() {
  const [words, setWords] = useState("");
  const [asking, setAsking] = useState(false);
  const q = useDeferredValue(words.trim());
  const found = useQuery({ ...memories(q), placeholderData: (before) => before });
  const nobody = found.error instanceof Failure && found.error.status === 401;
  const opened = new URLSearchParams(useSearch()).get("id") ?? "";
  const all = (found.data?.memories ?? []).filter((one) => one.id !== opened);
  return (
    <div className="view memory">
      <header className="view-head">
        <h1>Memory</h1>
        {all.length > 0 && (
          <div className="head-tools">
            <a className="button" href="/api/memory/export" download="memories.jsonl">
              <Icon name="download" size={16} /> Export
            </a>
            <button type="button" className="button danger" onClick={() => setAsking(true)}>
              <Icon name="trash" size={16} /> Forget all…
            </button>
          </div>
        )}
      </header>
      <p className="lead">What you said in conversations with memory on. It is used to answer you, and nobody else.</p>
      {nobody ? (
        <Empty title="Memory belongs to a user">
          <Link href="/login">Sign in</Link> to see what is remembered of you.
        </Empty>
      ) : (
        <>
          {opened && <Opened id={opened} />}
          <input
            type="search"
            data-slash
            aria-label="Search your memories"
            placeholder="Search by words or meaning"
            value={words}
            onChange={(event) => setWords(event.target.value)}
          />
          {found.isPending && <Waiting what="memories" lines={6} />}
          {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
          {found.isSuccess && all.length === 0 && !opened && (
            <Empty title={q ? "Nothing remembered fits this" : "Nothing is remembered yet"}>
              {q ? "Try other words." : "Ask something with memory on; what you said then shows here."}
            </Empty>
          )}
          <ul className="memory-list">
            {all.map((one) => (
              <Entry key={one.id} memory={one} />
            ))}
          </ul>
          {found.data?.more && (
            <p className="quiet">The oldest 200 are shown. Search finds the others; the export holds all.</p>
          )}
        </>
      )}
      {asking && <ForgetAll onClose={() => setAsking(false)} />}
    </div>
  );
}

/** The one that an answer names. */
function Opened({ id }: { id: string }) {
  const found = useQuery(query(id));
  const isGone = found.error instanceof Failure && found.error.status === 404;
  return (
    <section className="card opened" aria-label="The memory that was used">
      {found.isPending && <Waiting what="the memory" lines={2} />}
      {isGone && <p>This was forgotten. Answers that were given with it stay as they are.</p>}
      {found.error !== null && !isGone && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <ul className="memory-list">
          <Entry memory={found.data} />
        </ul>
      )}
      <Link href="/memory" className="card-more">
        Close
      </Link>
    </section>
  );
}

function Entry({ memory }: { memory: Memory }) {
  const client = useQueryClient();
  const [editing, setEditing] = useState(false);
  const correct = useGiveBack(editing);
  const forget = useMutation({
    mutationFn: () => call(`/api/memory/${encodeURIComponent(memory.id)}`, { method: "DELETE" }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["memories"] });
      void client.invalidateQueries({ queryKey: ["memory", memory.id] });
    },
  });
  const isOld = memory.superseded_by !== "";
  if (editing) {
    const close = () => setEditing(false);
    return (
      <li className="memory-entry">
        <Correct id={memory.id} kind={memory.kind} text={memory.text} onDone={close} onLeave={close} />
      </li>
    );
  }
  return (
    <li className={isOld ? "memory-entry old" : "memory-entry"}>
      <div>
        {memory.kind === "fact" && (
          <p className="memory-fact">
            {memory.subject} · {memory.attribute}: <strong>{memory.value}</strong>
            {isOld && <span className="quiet"> no longer holds</span>}
          </p>
        )}
        <p className={memory.kind === "fact" ? "quiet" : ""}>{memory.text}</p>
        <p className="quiet memory-source">
          <Ago us={memory.at_us} />
          {memory.session && (
            <>
              {" "}
              in <Link href={`/chat/${memory.session}`}>a conversation</Link>
            </>
          )}
        </p>
        {forget.error !== null && <FailureNote error={forget.error} />}
      </div>
      <span className="memory-tools">
        {!isOld && (
          <button
            type="button"
            ref={correct}
            className="quiet-button"
            aria-label={`Correct: ${memory.text.slice(0, NAMED_CHARS)}`}
            title="Correct it"
            onClick={() => setEditing(true)}
          >
            <Icon name="edit" size={16} />
          </button>
        )}
        <button
          type="button"
          className="quiet-button"
          disabled={forget.isPending}
          aria-label={`Forget: ${memory.text.slice(0, NAMED_CHARS)}`}
          title="Forget it, for good"
          onClick={() => forget.mutate()}
        >
          <Icon name="trash" size={16} />
        </button>
      </span>
    </li>
  );
}

function ForgetAll({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const forget = useMutation({
    mutationFn: () => call<{ forgotten: number }>("/api/memory?all=true", { method: "DELETE" }),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["memories"] });
      onClose();
    },
  });
  return (
    <Dialog title="Forget everything" onClose={onClose}>
      <p>Every memory of you is deleted, for good. Conversations stay. An export made before can be brought back in.</p>
      {forget.error !== null && <FailureNote error={forget.error} />}
      <div className="dialog-buttons">
        <button type="button" className="button" onClick={onClose}>
          Keep them
        </button>
        <button type="button" className="button danger" disabled={forget.isPending} onClick={() => forget.mutate()}>
          Forget everything
        </button>
      </div>
    </Dialog>
  );
}
