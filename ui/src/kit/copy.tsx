import { useEffect, useState } from "react";
import { Icon } from "./icons";

const SHOWN_MS = 1500;

/** Puts a text on the clipboard and says so. */
export function CopyButton({ text, what, label }: { text: string; what: string; label?: string }) {
  const [done, setDone] = useState<"" | "copied" | "refused">("");
  useEffect(() => {
    if (!done) return;
    const timer = setTimeout(() => setDone(""), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [done]);
  function copy() {
    // Over plain HTTP from another machine there is no clipboard.
    if (!navigator.clipboard) {
      setDone("refused");
      return;
    }
    navigator.clipboard.writeText(text).then(
      () => setDone("copied"),
      () => setDone("refused"),
    );
  }
  const said = done === "copied" ? "Copied" : done === "refused" ? "Not allowed" : label;
  return (
    <button type="button" className="quiet-button" aria-label={`Copy ${what}`} title={`Copy ${what}`} onClick={copy}>
      <Icon name={done === "copied" ? "check" : "copy"} size={16} />
      {said && <span>{said}</span>}
      <span className="only-read" role="status">
        {done === "copied" ? "Copied" : ""}
      </span>
    </button>
  );
}
