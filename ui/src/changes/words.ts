/** Patches in words. Pure. */

import type { Change } from "../api/wire";
import { stretch } from "../kit/time";

export interface OutcomeWords {
  words: string;
  tone: "live" | "applied" | "refused" | "back" | "tried" | "going";
}

/** Returns how a patch stands. */
export function outcomeWords(change: Pick<Change, "outcome" | "live" | "phase" | "trial">): OutcomeWords {
  if (change.live) return { words: "Serving", tone: "live" };
  switch (change.outcome) {
    case "applied":
      return { words: "Applied", tone: "applied" };
    case "refused":
      return { words: "Refused", tone: "refused" };
    case "rolled back":
      return { words: "Rolled back", tone: "back" };
    case "tried":
      return { words: "Tried", tone: "tried" };
    default:
      return { words: change.phase || "On its way", tone: "going" };
  }
}

/** Returns how long a switch took. What was too short to count is not nothing. */
export function switchTook(seconds: number): string {
  return seconds < 1 ? "less than a second" : stretch(seconds);
}

/** Returns who stands behind a patch. The author is a claim; the signers are checked. */
export function behind(change: Pick<Change, "author" | "kind" | "signers">): string {
  const signed = change.signers.length === 1 ? "signed" : `signed by ${change.signers.length}`;
  return `${change.author || "unknown"} · ${change.kind === "bot" ? "bot" : "person"}, ${change.signers.length ? signed : "unsigned"}`;
}

export interface DiffLine {
  kind: "head" | "same" | "added" | "removed" | "note";
  before: number | null;
  after: number | null;
  text: string;
}

/** Takes a unified diff apart, with the numbers of its lines. Pure. */
export function diffLines(diff: string): DiffLine[] {
  const found: DiffLine[] = [];
  let before = 0;
  let after = 0;
  let inHunk = false;
  for (const line of diff.replace(/\n$/, "").split("\n")) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      inHunk = true;
      found.push({ kind: "head", before: null, after: null, text: line });
    } else if (!inHunk) {
    } else if (line.startsWith("+")) found.push({ kind: "added", before: null, after: after++, text: line.slice(1) });
    else if (line.startsWith("-")) found.push({ kind: "removed", before: before++, after: null, text: line.slice(1) });
    else if (line.startsWith("\\")) found.push({ kind: "note", before: null, after: null, text: line.slice(2) });
    else found.push({ kind: "same", before: before++, after: after++, text: line.slice(1) });
  }
  return found;
}
