/** Where a question is written. Enter sends, Shift and Enter begin a line, Escape stops an answer. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { call } from "../api/http";
import { Icon } from "../kit/icons";

interface ComposerProps {
  running: boolean;
  onSend: (text: string) => Promise<void>;
  onStop: () => void;
  model: string;
  onModel: (model: string) => void;
  memory: { on: boolean; change: (wanted: boolean) => Promise<void> } | null;
  /** What takes files for the library; null where none may be added. */
  onFiles: ((files: File[]) => void) | null;
  /** What to ask about, in place of anything; a new number takes the focus here. */
  about: { hint: string; number: number };
}

const HEIGHT_MAX_PX = 240;

export function Composer({ running, onSend, onStop, model, onModel, memory, onFiles, about }: ComposerProps) {
  const [text, setText] = useState("");
  const [sending, setSending] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the field is as high as its text
  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    element.style.height = "auto";
    element.style.height = `${Math.min(HEIGHT_MAX_PX, element.scrollHeight)}px`;
  }, [text]);

  useEffect(() => {
    if (about.number > 0) field.current?.focus();
  }, [about.number]);

  async function submit() {
    const asked = text.trim();
    if (asked === "" || running || sending) return;
    setSending(true);
    setText("");
    try {
      await onSend(asked);
    } catch {
      // What was written is not lost with the request.
      setText((now) => now || text);
    } finally {
      setSending(false);
      field.current?.focus();
    }
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div className="composer-box">
        <textarea
          ref={field}
          data-slash
          rows={1}
          aria-label="Your question"
          placeholder={about.hint || "Ask anything"}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
              event.preventDefault();
              void submit();
            } else if (event.key === "Escape" && running) onStop();
          }}
        />
        <div className="composer-tools">
          {onFiles && <Attach onFiles={onFiles} />}
          <Models model={model} onModel={onModel} />
          {memory && (
            <label className="switch" title="Use what is remembered of you, and remember what you say">
              <input
                type="checkbox"
                role="switch"
                aria-checked={memory.on}
                checked={memory.on}
                onChange={(event) => void memory.change(event.target.checked).catch(() => undefined)}
              />
              Memory
            </label>
          )}
          <span className="composer-space">
            {sending && (
              <span className="quiet" role="status">
                Sending…
              </span>
            )}
          </span>
          {running ? (
            <button type="button" className="send" onClick={onStop} aria-label="Stop the answer" title="Stop (Esc)">
              <Icon name="stop" />
            </button>
          ) : (
            <button
              type="submit"
              className="send"
              disabled={text.trim() === "" || sending}
              aria-label="Send"
              title="Send (Enter)"
            >
              <Icon name="send" />
            </button>
          )}
        </div>
      </div>
    </form>
  );
}

function Attach({ onFiles }: { onFiles: (files: File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files for the library"
        onChange={(event) => {
          onFiles([...(event.target.files ?? [])]);
          // The same file may be picked again.
          event.target.value = "";
        }}
      />
      <button
        type="button"
        className="quiet-button"
        aria-label="Add documents to the library"
        title="Add documents to the library; or drop them anywhere here"
        onClick={() => input.current?.click()}
      >
        <Icon name="clip" />
      </button>
    </>
  );
}

function Models({ model, onModel }: { model: string; onModel: (model: string) => void }) {
  const models = useQuery({
    queryKey: ["models"],
    queryFn: ({ signal }) => call<{ data: { id: string }[] }>("/v1/models", { signal }),
    staleTime: 300_000,
  });
  const names = models.data?.data.map((one) => one.id) ?? ["council"];
  return (
    <select className="model-choice" aria-label="Model" value={model} onChange={(event) => onModel(event.target.value)}>
      {names.map((name) => (
        <option key={name} value={name}>
          {name === "council" ? "council (chooses)" : name}
        </option>
      ))}
    </select>
  );
}
