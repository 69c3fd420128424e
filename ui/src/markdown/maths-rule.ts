/** Finds maths in Markdown: `$…$` and `\(…\)` within a line, `$$…$$` and `\[…\]` beside. It becomes an element with its TeX. */

import type { MarkdownIt } from "markdown-it";

const TEX_CHARS_MAX = 5_000;

export function maths(made: MarkdownIt): void {
  made.inline.ruler.before("escape", "maths", (state, silent) => {
    const found = mathsAt(state.src, state.pos);
    if (!found) return false;
    if (!silent) {
      const token = state.push("maths", "span", 0);
      token.content = found.tex;
      token.meta = { display: found.display };
    }
    state.pos = found.end;
    return true;
  });
  made.renderer.rules.maths = (tokens, index) => {
    const token = tokens[index];
    const tex = made.utils.escapeHtml(token?.content ?? "");
    const display = (token?.meta as { display: boolean } | undefined)?.display ? ' data-display="true"' : "";
    return `<span class="maths" data-tex="${tex}"${display}>${tex}</span>`;
  };
}

export interface Maths {
  tex: string;
  end: number;
  display: boolean;
}

const PAIRS: [string, string, boolean][] = [
  ["$$", "$$", true],
  ["\\[", "\\]", true],
  ["\\(", "\\)", false],
];

/** Returns the maths that begins at a place of a text, or null. Sums of money are none: `$5 and $10`. Pure. */
export function mathsAt(text: string, at: number): Maths | null {
  for (const [open, close, display] of PAIRS) {
    if (!text.startsWith(open, at)) continue;
    const end = text.indexOf(close, at + open.length);
    if (end < 0 || end - at > TEX_CHARS_MAX) return null;
    const tex = text.slice(at + open.length, end).trim();
    return tex ? { tex, end: end + close.length, display } : null;
  }
  if (text[at] !== "$") return null;
  // As pandoc has it: no space inside the marks, and no digit behind them.
  if (!/\S/.test(text[at + 1] ?? " ")) return null;
  for (let end = at + 1; end < text.length && end - at < TEX_CHARS_MAX; end++) {
    if (text[end] === "\n" && text[end + 1] === "\n") return null;
    if (text[end] !== "$" || text[end - 1] === "\\") continue;
    if (/\s/.test(text[end - 1] ?? " ") || /\d/.test(text[end + 1] ?? "")) return null;
    const tex = text.slice(at + 1, end);
    return tex ? { tex, end: end + 1, display: false } : null;
  }
  return null;
}
