/** What you think of an answer: a thumb, where the question belonged, and why in words of your own. */

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import { call, Failure } from "../api/http";
import { opinions } from "../api/queries";
import type { Message, Opinion, OpinionList } from "../api/wire";
import { Icon } from "../kit/icons";

const ROUTES = ["math", "logic", "knowledge", "code", "general"] as const;
const WORDS_CHARS_MAX = 500;

type Feedback = Pick<Opinion, "verdict" | "route" | "words">;

export function Thumbs({ message }: { message: Message }) {
  const client = useQueryClient();
  const request_id = message.council?.request_id ?? message.id;
  const kept = useQuery(opinions).data?.opinions.find((one) => one.request_id === request_id);
  const judge = useMutation({
    mutationFn: ({ verdict, route, words }: Feedback) =>
      call<Omit<Opinion, "user" | "at_us">>("/api/feedback", {
        method: "POST",
        body: { request_id, verdict, ...(route && { route }), ...(words && { words }) },
      }),
    onSuccess: (told) =>
      client.setQueryData<OpinionList>(opinions.queryKey, (before) => ({
        before_us: before?.before_us ?? null,
        opinions: [
          { ...told, user: "", at_us: Date.now() * 1000 },
          ...(before?.opinions ?? []).filter((one) => one.request_id !== request_id),
        ],
      })),
  });
  // What was kept before this page was opened is shown by the thumb alone; what is said now asks for more.
  const said = judge.data ?? null;
  const verdict = said?.verdict ?? kept?.verdict;
  return (
    <>
      {(["up", "down"] as const).map((one) => (
        <button
          key={one}
          type="button"
          className="quiet-button"
          aria-pressed={verdict === one}
          aria-label={one === "up" ? "A good answer" : "A bad answer"}
          title={one === "up" ? "A good answer" : "A bad answer"}
          onClick={() => judge.mutate(verdict === one && kept ? kept : { verdict: one, route: null, words: "" })}
        >
          <Icon name={one} size={16} />
        </button>
      ))}
      {judge.error !== null && (
        <span className="thumb-note" role="alert">
          {judge.error instanceof Failure ? judge.error.message : "Not kept. Try again."}
        </span>
      )}
      {said && judge.error === null && (
        <Reason key={said.verdict} said={said} own={message.council?.route} onSay={judge.mutate} />
      )}
    </>
  );
}

/** Asks for the reason of a thumb, which may be left out. */
function Reason({ said, own, onSay }: { said: Feedback; own?: string; onSay: (feedback: Feedback) => void }) {
  const [words, setWords] = useState(said.words);
  const hint = useId();
  const isDown = said.verdict === "down";
  const isNew = words.trim() !== said.words;
  return (
    <div className="thumb-reason">
      <p role="status">
        Noted{said.route && `: it belonged to ${said.route}`}
        {said.words && (said.route ? ", and your words are kept" : ": your words are kept")}.
      </p>
      {isDown && !said.route && (
        <p className="thumb-routes">
          Did it belong to{" "}
          {ROUTES.filter((route) => route !== own).map((route) => (
            <button
              key={route}
              type="button"
              className="chip"
              onClick={() => onSay({ ...said, route, words: words.trim() })}
            >
              {route}
            </button>
          ))}
          ?
        </p>
      )}
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isNew) onSay({ ...said, words: words.trim() });
        }}
      >
        <textarea
          rows={2}
          maxLength={WORDS_CHARS_MAX}
          aria-label={isDown ? "What is wrong with it" : "What is good about it"}
          aria-describedby={hint}
          placeholder={isDown ? "What is wrong with it?" : "What is good about it?"}
          value={words}
          onChange={(event) => setWords(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }}
        />
        <button type="submit" className="button" disabled={!isNew}>
          {said.words ? "Change" : "Say so"}
        </button>
      </form>
      <p id={hint} className="thumb-hint">
        For whoever administers this Council to read. The router does not learn from it.
        {words.length > WORDS_CHARS_MAX - 100 && ` ${WORDS_CHARS_MAX - words.length} characters are left.`}
      </p>
    </div>
  );
}
