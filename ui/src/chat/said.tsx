/** One message: what you said, to be edited; or an answer with its badge, to be judged and asked for again. */

import { lazy, Suspense, useState } from "react";
import type { Message } from "../api/wire";
import { CopyButton } from "../kit/copy";
import { useGiveBack } from "../kit/give-back";
import { Icon } from "../kit/icons";
import { milliseconds, money } from "../kit/numbers";
import { stretch, useNow } from "../kit/time";
import { Words } from "../kit/words";
import { answerers, badge } from "./levels";
import { Thumbs } from "./thumbs";
import type { Place } from "./tree";
import { useWriting } from "./writing";

const Markdown = lazy(() => import("../markdown/markdown"));

export interface SaidProps {
  place: Place;
  question: Message | null;
  selected: boolean;
  busy: boolean;
  kept: boolean;
  again: (user: Message) => void;
  edit: (user: Message, text: string) => Promise<void>;
  choose: (message: Message) => void;
  select: (message: Message) => void;
}

export function Said(props: SaidProps) {
  return props.place.message.role === "user" ? <Question {...props} /> : <Answer {...props} />;
}

const FOLDED_CHARS = 2_000;

function Question({ place, busy, edit, choose }: SaidProps) {
  const { message } = place;
  const [editing, setEditing] = useState(false);
  const edits = useGiveBack(editing);
  const [whole, setWhole] = useState(false);
  const [text, setText] = useState(message.text);
  if (editing) {
    return (
      <form
        className="said question editing"
        onSubmit={(event) => {
          event.preventDefault();
          if (text.trim() !== "")
            void edit(message, text).then(
              () => setEditing(false),
              () => undefined,
            );
        }}
      >
        <textarea
          // biome-ignore lint/a11y/noAutofocus: it was asked for by a click
          autoFocus
          aria-label="Your question, edited"
          rows={Math.min(12, text.split("\n").length + 1)}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") setEditing(false);
            if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
              event.preventDefault();
              event.currentTarget.form?.requestSubmit();
            }
          }}
        />
        <div className="edit-buttons">
          <button type="button" className="button" onClick={() => setEditing(false)}>
            Leave it
          </button>
          <button type="submit" className="button primary" disabled={busy || text.trim() === ""}>
            Ask this instead
          </button>
        </div>
      </form>
    );
  }
  const isLong = !whole && message.text.length > FOLDED_CHARS;
  return (
    <article className="said question" aria-label="You">
      <p className="question-text">{isLong ? `${message.text.slice(0, FOLDED_CHARS)}…` : message.text}</p>
      {isLong && (
        <button type="button" className="unfold" onClick={() => setWhole(true)}>
          Show all of it
        </button>
      )}
      <div className="said-tools">
        <Siblings place={place} choose={choose} />
        <CopyButton text={message.text} what="question" />
        <button
          type="button"
          ref={edits}
          className="quiet-button"
          disabled={busy}
          title="Edit"
          aria-label="Edit the question"
          onClick={() => setEditing(true)}
        >
          <Icon name="edit" size={16} />
        </button>
      </div>
    </article>
  );
}

function Answer({ place, question, selected, busy, kept, again, choose, select }: SaidProps) {
  const { message } = place;
  const running = message.state === "running";
  const written = useWriting(message.id);
  const text = running ? written.text : message.text;
  return (
    <article className={selected ? "said answer selected" : "said answer"} aria-label="Council" aria-busy={running}>
      <div className="answer-text">
        <Suspense fallback={<p className="plain-text">{text}</p>}>
          <Markdown text={text} live={running} />
        </Suspense>
      </div>
      {running && <Progress message={message} begun={text !== ""} away={written.away} />}
      {message.state === "stopped" && <p className="notice">Stopped. What came until then is above.</p>}
      {message.state === "lost" && (
        <p className="notice" role="alert">
          The service ended in the midst of this answer, and the rest of it is lost. Ask again.
        </p>
      )}
      {message.error && (
        <div className="failure" role="alert">
          <p>
            <Words of={message.error.message} />
          </p>
          <p className="failure-codes">
            <code>{message.error.code}</code>
            {message.error.request_id && (
              <span className="request-id">
                request <code>{message.error.request_id}</code>{" "}
                <CopyButton text={message.error.request_id} what="request id" />
              </span>
            )}
          </p>
        </div>
      )}
      {!running && (
        <div className="answer-foot">
          <BadgeButton message={message} onClick={() => select(message)} />
          <div className="said-tools">
            <Siblings place={place} choose={choose} />
            {text && <CopyButton text={text} what="answer" />}
            {question && (
              <button
                type="button"
                className="quiet-button"
                disabled={busy}
                title="Another try"
                aria-label="Another try"
                onClick={() => again(question)}
              >
                <Icon name="retry" size={16} />
              </button>
            )}
            {kept && message.council && <Thumbs message={message} />}
          </div>
        </div>
      )}
    </article>
  );
}

function BadgeButton({ message, onClick }: { message: Message; onClick: () => void }) {
  const { council } = message;
  if (!council) return <span />;
  const label = badge(council);
  return (
    <button
      type="button"
      className={`badge ${label.tone}`}
      onClick={onClick}
      title={`${label.meaning} Show the evidence.`}
    >
      <Icon name={label.icon} size={16} />
      <span>{label.words}</span>
      <span className="badge-more">
        {answerers(council)} · {milliseconds(council.timings_ms.total ?? 0)} · {money(council.cost_usd_micros)}
      </span>
    </button>
  );
}

/** After that long a wait says that it is one. */
const PATIENCE_S = 2;

function Progress({ message, begun, away }: { message: Message; begun: boolean; away: boolean }) {
  const now = useNow();
  const seconds = now / 1000 - message.at_us / 1e6;
  return (
    <p className="progress" role="status">
      <span className="pulse" aria-hidden="true" />
      {away
        ? "The connection is away. The answer goes on in the service, and what is missing comes when it is back."
        : begun
          ? "Writing"
          : "Thinking"}
      {!away && seconds > PATIENCE_S && <span className="figure"> {stretch(Math.round(seconds))}</span>}
    </p>
  );
}

function Siblings({ place, choose }: { place: Place; choose: (message: Message) => void }) {
  const { message, siblings } = place;
  if (siblings.length < 2) return null;
  const at = siblings.indexOf(message);
  const before = siblings[at - 1];
  const after = siblings[at + 1];
  return (
    <span className="siblings">
      <button
        type="button"
        className="quiet-button"
        disabled={!before}
        aria-label="The one before"
        onClick={() => before && choose(before)}
      >
        <Icon name="left" size={16} />
      </button>
      <span className="figure">
        {at + 1}/{siblings.length}
      </span>
      <button
        type="button"
        className="quiet-button"
        disabled={!after}
        aria-label="The one after"
        onClick={() => after && choose(after)}
      >
        <Icon name="right" size={16} />
      </button>
    </span>
  );
}
