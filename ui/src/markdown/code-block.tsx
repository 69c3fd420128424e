/** A piece of code: coloured, to be copied, to be run in the sandbox, and folded where it is long. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useEffect, useState } from "react";
import { sandboxLimits, useRight } from "../api/queries";
import { CopyButton } from "../kit/copy";
import { Icon } from "../kit/icons";
import { binary, count } from "../kit/numbers";

const Run = lazy(() => import("../chat/run"));

const FOLDED_LINES = 40;
/** More than that is given to whoever asks, in steps: a page of a hundred thousand lines does not scroll. */
const SHOWN_LINES_MAX = 2_000;
const RUNNABLE: Record<string, "python" | "bash"> = {
  python: "python",
  py: "python",
  python3: "python",
  bash: "bash",
  sh: "bash",
  shell: "bash",
};

export function CodeBlock({ code, language, closed = true }: { code: string; language: string; closed?: boolean }) {
  const lines = code.split("\n");
  const [shown, setShown] = useState(FOLDED_LINES);
  const [run, setRun] = useState(0);
  const mayRun = useRight("execute");
  const isLong = closed && lines.length > shown + 5;
  const visible = isLong ? lines.slice(0, shown).join("\n") : code;
  const runnable = RUNNABLE[language.toLowerCase()];
  return (
    <figure className="code-block">
      <figcaption>
        <span>{language || "text"}</span>
        <span className="code-tools">
          {closed && runnable && mayRun && !run && <Bounds />}
          {closed && runnable && mayRun && (
            <button
              type="button"
              className="quiet-button"
              onClick={() => setRun(run + 1)}
              title="Run it in the sandbox"
            >
              <Icon name="play" size={16} /> Run
            </button>
          )}
          {closed && <CopyButton text={code} what="code" label="Copy" />}
        </span>
      </figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys */}
      <pre tabIndex={0}>
        <Coloured code={visible} language={language} live={!closed} />
      </pre>
      {isLong && (
        <button
          type="button"
          className="unfold"
          onClick={() => setShown(shown < SHOWN_LINES_MAX ? SHOWN_LINES_MAX : shown + SHOWN_LINES_MAX)}
        >
          Show {count(Math.min(lines.length - shown, SHOWN_LINES_MAX), "more line")} of{" "}
          {lines.length.toLocaleString("en-GB")}
        </button>
      )}
      {run > 0 && runnable && (
        <Suspense fallback={null}>
          <Run key={run} code={code} language={runnable} onClose={() => setRun(0)} />
        </Suspense>
      )}
    </figure>
  );
}

/** What will hold the code, beside the button that runs it. */
function Bounds() {
  const limits = useQuery(sandboxLimits).data;
  if (!limits) return null;
  return (
    <span className="bounds">
      <span className="bounds-word">at most </span>
      {limits.wall_s} s, {binary(limits.memory_bytes)}, {binary(limits.output_bytes)}
      <span className="bounds-word"> of output</span>
    </span>
  );
}

/** Code in colours, plain until those are here. */
export function Coloured({ code, language, live = false }: { code: string; language: string; live?: boolean }) {
  const [html, setHtml] = useState<{ of: string; html: string } | null>(null);
  useEffect(() => {
    if (live || !language) return;
    let gone = false;
    import("./highlight").then(
      ({ coloured }) => {
        const made = gone ? null : coloured(code, language.toLowerCase());
        if (made !== null) setHtml({ of: code, html: made });
      },
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [code, language, live]);
  if (html?.of === code) {
    // biome-ignore lint/security/noDangerouslySetInnerHtml: it has been through the sanitiser
    return <code dangerouslySetInnerHTML={{ __html: html.html }} />;
  }
  return <code>{code}</code>;
}
