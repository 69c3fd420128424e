/**
 * Takes Markdown apart into pieces that can be drawn one by one, so that a stream draws its last piece alone. Pure.
 *
 * Pieces are cut at blank lines outside of code and maths. A list stays whole, unless it is very long.
 */

export interface Block {
  kind: "text" | "code";
  /** Of a text its Markdown, of code what stands between the fences. */
  source: string;
  language: string;
  /** False while a fence has no end yet. */
  closed: boolean;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const LIST = /^ {0,3}([-*+]|\d{1,9}[.)])(\s|$)/;
const LINES_MAX = 200;

export function blocks(text: string): Block[] {
  const found: Block[] = [];
  let lines: string[] = [];
  let fence: { mark: string; language: string; lines: string[] } | null = null;
  let inMaths = false;
  let inList = false;
  let blank = false;

  function flush(): void {
    if (lines.some((line) => line.trim() !== "")) {
      found.push({ kind: "text", source: lines.join("\n"), language: "", closed: true });
    }
    lines = [];
    inList = false;
  }

  for (const line of text.split(/\r\n|\n|\r/)) {
    if (fence) {
      if (closes(line, fence.mark)) {
        found.push({ kind: "code", source: fence.lines.join("\n"), language: fence.language, closed: true });
        fence = null;
      } else fence.lines.push(line);
      continue;
    }
    const opened = inMaths ? null : FENCE.exec(line);
    // A fence within a list belongs to its item, and is drawn with it.
    if (opened && !(inList && line.startsWith(" "))) {
      flush();
      fence = { mark: opened[1] ?? "```", language: (opened[2] ?? "").trim().split(/\s/)[0] ?? "", lines: [] };
      blank = false;
      continue;
    }
    if (/^\s*(\$\$|\\\[)\s*$/.test(line) || (inMaths && /(\$\$|\\\])\s*$/.test(line))) inMaths = !inMaths;
    const isBlank = line.trim() === "";
    const isItem = LIST.test(line);
    if (blank && !isBlank && !inMaths) {
      const goesOn = inList && (isItem || /^\s/.test(line));
      if (!goesOn) flush();
    }
    if (lines.length >= LINES_MAX && !inMaths && (isBlank || !inList || isItem)) flush();
    if (!isBlank && isItem) inList = true;
    lines.push(line);
    blank = isBlank;
  }
  if (fence) found.push({ kind: "code", source: fence.lines.join("\n"), language: fence.language, closed: false });
  else flush();
  return found;
}

function closes(line: string, mark: string): boolean {
  const bare = line.trim();
  return line.search(/\S/) <= 3 && bare.length >= mark.length && bare === (mark[0] ?? "`").repeat(bare.length);
}

/** So many lines of a piece count as one: a long list is a single piece, and much to draw. */
const LINES_EACH = 8;

/** Returns how many of the first pieces may be drawn where `most` of a few lines may; one at least. Pure. */
export function fitting(all: Block[], most: number): number {
  let sum = 0;
  for (const [index, block] of all.entries()) {
    // Code is folded by itself.
    sum += block.kind === "code" ? 1 : Math.ceil(block.source.split("\n").length / LINES_EACH);
    if (sum > most) return Math.max(1, index);
  }
  return all.length;
}
