/** A memory put right in place. It stays the same memory, of the same time. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/http";
import type { Memory } from "../api/wire";
import { FailureNote } from "../kit/states";

const TEXT_CHARS_MAX = 2_000;

interface CorrectProps {
  id: string;
  kind: string;
  text: string;
  onDone: (memory: Memory) => void;
  onLeave: () => void;
}

export function Correct({ id, kind, text: before, onDone, onLeave }: CorrectProps) {
  const client = useQueryClient();
  const [text, setText] = useState(before);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function save(event: React.FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const body = { text: text.trim() };
      const memory = await call<Memory>(`/api/memory/${encodeURIComponent(id)}`, { method: "PATCH", body });
      void client.invalidateQueries({ queryKey: ["memories"] });
      void client.invalidateQueries({ queryKey: ["memory", id] });
      onDone(memory);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  }

  return (
    <form className="correct" onSubmit={(event) => void save(event)}>
      <textarea
        // biome-ignore lint/a11y/noAutofocus: it was asked for by a click
        autoFocus
        aria-label="What is right"
        maxLength={TEXT_CHARS_MAX}
        rows={Math.min(6, text.split("\n").length + 1)}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.stopPropagation();
            onLeave();
          } else if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }
        }}
      />
      {kind === "fact" && <p className="quiet">Say the same kind of thing, as “I live in Lyon.” for another town.</p>}
      {error !== null && <FailureNote error={error} />}
      <div className="edit-buttons">
        <button type="button" className="button" onClick={onLeave}>
          Leave it
        </button>
        <button
          type="submit"
          className="button primary"
          disabled={busy || text.trim() === "" || text.trim() === before.trim()}
        >
          {busy ? "Sending…" : "Correct it"}
        </button>
      </div>
    </form>
  );
}
