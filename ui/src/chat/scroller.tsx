/** Follows the end of what grows, until somebody scrolls up to read; then it offers the way back. */

import { useEffect, useRef, useState } from "react";
import { Icon } from "../kit/icons";

const NEAR_PX = 80;

export function Scroller({ pin, children }: { pin: string; children: React.ReactNode }) {
  const outer = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const [away, setAway] = useState(false);

  function toEnd() {
    const element = outer.current;
    if (element) element.scrollTop = element.scrollHeight;
  }

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new question brings its answer into sight
  useEffect(() => {
    follows.current = pin !== "";
    if (pin) toEnd();
  }, [pin]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: it is watched once
  useEffect(() => {
    if (!inner.current) return;
    const watcher = new ResizeObserver(() => {
      if (follows.current) toEnd();
    });
    watcher.observe(inner.current);
    return () => watcher.disconnect();
  }, []);

  return (
    <div className="scroller-frame">
      <div
        className="scroller"
        ref={outer}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys
        tabIndex={0}
        role="log"
        aria-label="Messages"
        onScroll={(event) => {
          const element = event.currentTarget;
          const near = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_PX;
          follows.current = near;
          setAway(!near);
        }}
      >
        <div className="scroller-inner" ref={inner}>
          {children}
        </div>
      </div>
      {away && (
        <button
          type="button"
          className="to-end"
          aria-label="To the end"
          onClick={() => {
            follows.current = true;
            toEnd();
          }}
        >
          <Icon name="chevron" />
        </button>
      )}
    </div>
  );
}
