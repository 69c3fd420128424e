/** Keys that work everywhere: Ctrl or Cmd with K, `g` and a letter, `?`, `/`. */

import { useEffect } from "react";
import { useLocation } from "wouter";
import { VIEWS } from "./views";

const CHORD_MS = 1200;

export function useShortcuts(show: (what: "palette" | "keys") => void): void {
  const [, go] = useLocation();
  useEffect(() => {
    let goneAt = 0;
    function onKey(event: KeyboardEvent) {
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        show("palette");
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("dialog[open]")) return;
      if (event.key === "?") show("keys");
      else if (event.key === "/") {
        const field = document.querySelector<HTMLElement>("[data-slash]");
        if (!field) return;
        event.preventDefault();
        field.focus();
      } else if (Date.now() - goneAt < CHORD_MS) {
        const view = VIEWS.find((one) => one.key === event.key);
        if (view) {
          event.preventDefault();
          go(view.path);
        }
        goneAt = 0;
      } else if (event.key === "g") goneAt = Date.now();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [go, show]);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
