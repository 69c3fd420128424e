/** What a view shows where it has nothing to show: an error, a wait, an emptiness; each with the next step. */

import { useEffect, useState } from "react";
import { Failure } from "../api/http";
import { CopyButton } from "./copy";
import { Icon } from "./icons";
import { Words } from "./words";

/** An error in the service's own words, with the code and the request id that somebody will ask for. */
export function FailureNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const told = error instanceof Failure ? error : new Failure("This page made a mistake. Load it anew.", "page_error");
  return (
    <div className="failure" role="alert">
      <p>
        <Words of={told.message} />
      </p>
      <p className="failure-codes">
        <code>{told.code}</code>
        {told.requestId && (
          <span className="request-id">
            request <code>{told.requestId}</code> <CopyButton text={told.requestId} what="request id" />
          </span>
        )}
      </p>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          <Icon name="retry" size={16} /> Try again
        </button>
      )}
    </div>
  );
}

const PATIENCE_MS = 300;

/** Lines where text will be. Not shown at once: what is there in a moment needs no wait. */
export function Waiting({ lines = 3, what }: { lines?: number; what: string }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div className="waiting" role="status" aria-label={`Loading ${what}`}>
      {shown && Array.from({ length: lines }, (_, line) => <span key={String(line)} className="bone" />)}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children && <div className="empty-next">{children}</div>}
    </div>
  );
}
