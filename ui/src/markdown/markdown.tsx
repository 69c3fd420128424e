/** Markdown drawn piece by piece: while it streams only the last piece is drawn again, and of a long one a part is folded. */

import { memo, useEffect, useMemo, useRef, useState } from "react";
import { count } from "../kit/numbers";
import { type Block, blocks, fitting } from "./blocks";
import { CodeBlock } from "./code-block";
import { render } from "./render";

/** How much is drawn at first, and how much more each time that more is asked for; see `fitting`. */
const SHOWN = 150;
const STEP = 600;

export default function Markdown({ text, live = false }: { text: string; live?: boolean }) {
  const all = useMemo(() => blocks(text), [text]);
  const [shown, setShown] = useState(SHOWN);
  // While it is being written its end is what matters, after that its beginning.
  const fit = useMemo(() => fitting(live ? all.toReversed() : all, shown), [all, live, shown]);
  const first = live ? all.length - fit : 0;
  const over = all.length - fit;
  const visible = all.slice(first, first + fit);
  return (
    <div className="markdown">
      {first > 0 && (
        <p className="folded-note">{count(first, "paragraph")} above are folded while this is being written.</p>
      )}
      {visible.map((block, index) => (
        <Piece key={String(first + index)} block={block} live={live && first + index === all.length - 1} />
      ))}
      {!live && over > 0 && (
        <button type="button" className="unfold" onClick={() => setShown(shown + STEP)}>
          Show {count(fitting(all, shown + STEP) - fit, "more paragraph")} of {all.length.toLocaleString("en-GB")}
        </button>
      )}
    </div>
  );
}

const Piece = memo(
  function Piece({ block, live }: { block: Block; live: boolean }) {
    return block.kind === "code" ? (
      <CodeBlock code={block.source} language={block.language} closed={block.closed || !live} />
    ) : (
      <Text source={block.source} />
    );
  },
  (before, after) =>
    before.live === after.live &&
    before.block.source === after.block.source &&
    before.block.closed === after.block.closed &&
    before.block.kind === after.block.kind,
);

function Text({ source }: { source: string }) {
  const element = useRef<HTMLDivElement>(null);
  const html = useMemo(() => render(source), [source]);
  const hasMaths = html.includes('class="maths"');
  // biome-ignore lint/correctness/useExhaustiveDependencies: with other HTML it is drawn anew
  useEffect(() => {
    if (!hasMaths) return;
    let gone = false;
    import("./maths").then(
      ({ drawMaths }) => {
        if (!gone && element.current) drawMaths(element.current);
      },
      () => undefined,
    );
    return () => {
      gone = true;
    };
  }, [html, hasMaths]);
  // biome-ignore lint/security/noDangerouslySetInnerHtml: it has been through the sanitiser
  return <div ref={element} className="markdown-piece" dangerouslySetInnerHTML={{ __html: html }} />;
}
