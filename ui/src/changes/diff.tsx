/** What a patch did to one file. Long ones are shown in steps. */

import { useMemo, useState } from "react";
import type { Difference } from "../api/wire";
import { count } from "../kit/numbers";
import { diffLines } from "./words";

const SHOWN_LINES = 200;
const STEP_LINES = 1_000;

export function FileDiff({ difference, open }: { difference: Difference; open: boolean }) {
  return (
    <details className="file-diff" open={open}>
      <summary>
        <code className="break">{difference.path}</code>
        <span className="quiet">
          {difference.action === "delete" ? "deleted" : difference.mode === "executable" ? "executable" : ""}
        </span>
        <span className="diff-sums">
          <span className="added">+{difference.added}</span> <span className="removed">−{difference.removed}</span>
        </span>
      </summary>
      {difference.note && <p className="notice">{difference.note}</p>}
      {difference.diff && <Lines diff={difference.diff} path={difference.path} />}
    </details>
  );
}

const MARKS = { added: "+", removed: "−", same: "", head: "", note: "" } as const;
const READ = { added: "added: ", removed: "removed: ", same: "", head: "", note: "" } as const;

function Lines({ diff, path }: { diff: string; path: string }) {
  const all = useMemo(() => diffLines(diff), [diff]);
  const [shown, setShown] = useState(SHOWN_LINES);
  const over = all.length - shown;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys */}
      <div className="diff" tabIndex={0} role="group" aria-label={`Lines of ${path}`}>
        <table>
          <tbody>
            {all.slice(0, shown).map((line, index) => (
              <tr key={String(index)} className={`diff-line ${line.kind}`}>
                <td className="line-number">{line.before ?? ""}</td>
                <td className="line-number">{line.after ?? ""}</td>
                <td className="diff-mark" aria-hidden="true">
                  {MARKS[line.kind]}
                </td>
                <td className="diff-text">
                  {READ[line.kind] && <span className="only-read">{READ[line.kind]}</span>}
                  {line.text}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {over > 0 && (
        <button type="button" className="unfold" onClick={() => setShown(shown + STEP_LINES)}>
          Show {count(Math.min(over, STEP_LINES), "more line")} of {all.length.toLocaleString("en-GB")}
        </button>
      )}
    </>
  );
}
