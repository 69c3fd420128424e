/** One sentence that is true now. Where it may not be any more, it says so, and since when. What it counts, it lists. */

import { Link } from "wouter";
import { type Heard, trust, useLive } from "../api/live";
import { Icon } from "../kit/icons";
import { ago, useNow } from "../kit/time";
import { At } from "../kit/times";
import { Shape } from "../kit/verdict";
import { Account } from "./account";
import { Troubles, troubles } from "./troubles";

const IS_MAC = navigator.platform.startsWith("Mac");

export function StateBar({ onPalette }: { onPalette: () => void }) {
  const heard = useLive();
  return (
    <header className="state-bar">
      <Link href="/" className="brand" aria-label="Council, to the chat">
        <img src="/icon.svg" alt="" width={24} height={24} />
      </Link>
      <Sentence heard={heard} />
      <button type="button" className="search-button" onClick={onPalette} aria-keyshortcuts="Control+K Meta+K">
        <Icon name="search" size={16} />
        <span className="search-words">Go to…</span>
        <kbd>{IS_MAC ? "⌘" : "Ctrl"} K</kbd>
      </button>
      <Account />
    </header>
  );
}

function Sentence({ heard }: { heard: Heard }) {
  const now = useNow();
  const { live } = heard;
  const known = trust(heard, now);
  if (live === null && known === "offline") {
    return (
      <p className="sentence" role="status">
        <Shape verdict="unknown" size={16} />
        <span className="sentence-text">{heard.failure?.message ?? "Nothing answers. Trying again."}</span>
      </p>
    );
  }
  if (live === null) {
    return (
      <p className="sentence quiet" role="status">
        <span className="sentence-text">Asking how things are…</span>
      </p>
    );
  }
  const verdict = known === "current" ? live.verdict : "unknown";
  const bad = troubles(live);
  return (
    <div className={`sentence ${known}`}>
      <Shape verdict={verdict} size={16} />
      {bad.length > 0 ? (
        <Troubles all={bad} sentence={live.sentence} />
      ) : (
        <Link href="/health" className="sentence-text" title={live.sentence}>
          {live.sentence}
        </Link>
      )}
      <span className="sentence-more">
        {known === "offline" ? (
          <span role="status">
            not heard from since <At us={heard.atMs * 1000} />; trying again
          </span>
        ) : known === "stale" ? (
          <span role="status">measured {ago(live.at_us, now)}</span>
        ) : (
          <>
            <span className="dot" aria-hidden="true" />
            <span title={`Generation ${live.generation}`}>{live.at_us ? ago(live.at_us, now) : "not judged yet"}</span>
          </>
        )}
      </span>
    </div>
  );
}
