/** What happened while a gate went as it went: patches, incidents and overrides as marks upon the axis of time. Pure. */

import type { Change, IncidentLine, Override } from "../api/wire";
import { outcomeWords } from "../changes/words";

export type MarkKind = "patch" | "incident" | "override";

export interface Mark {
  id: string;
  kind: MarkKind;
  fromUs: number;
  /** Null where it goes on. */
  untilUs: number | null;
  title: string;
  /** How it stands, or ended. */
  state: string;
  href: string;
}

/** An override as its own list has it. */
export interface OverrideLine extends Override {
  lifted_us: number | null;
  in_force: boolean;
}

/** More are not told apart in a plot. */
export const MARKS_MAX = 60;

/** Returns what falls into a stretch of time, newest first. A patch that never served is not among it. */
export function marks(
  changes: Change[],
  incidents: IncidentLine[],
  overrides: OverrideLine[],
  fromUs: number,
  toUs: number,
): Mark[] {
  const all = [
    ...changes.filter((one) => one.target !== "" && !one.trial && one.outcome !== "refused").map(ofPatch),
    ...incidents.map(ofIncident),
    ...overrides.map(ofOverride),
  ];
  return all
    .filter((one) => one.fromUs <= toUs && (one.untilUs ?? toUs) >= fromUs)
    .sort((a, b) => b.fromUs - a.fromUs)
    .slice(0, MARKS_MAX);
}

function ofPatch(change: Change): Mark {
  return {
    id: `patch ${change.digest}`,
    kind: "patch",
    fromUs: change.began_us,
    untilUs: change.ended_us,
    title: change.title || change.cid,
    state: outcomeWords({ ...change, live: false }).words.toLowerCase(),
    href: `/changes/${encodeURIComponent(change.cid)}`,
  };
}

function ofIncident(incident: IncidentLine): Mark {
  return {
    id: `incident ${incident.id}`,
    kind: "incident",
    fromUs: incident.began_us,
    untilUs: incident.repaired_us,
    title: incident.title,
    state: incident.standing,
    href: `/health/incident/${encodeURIComponent(incident.id)}`,
  };
}

function ofOverride(override: OverrideLine): Mark {
  return {
    id: `override ${override.id}`,
    kind: "override",
    fromUs: override.began_us,
    untilUs: override.in_force ? null : (override.lifted_us ?? override.until_us),
    title: override.title,
    state: override.in_force ? "in force" : "over",
    href: "/health",
  };
}

/** Marks that lie too near to each other to be told apart, at a share of the width. */
export interface Bunch {
  share: number;
  marks: Mark[];
}

/** Returns the marks as they fit beside each other, oldest first; `nearest` is the least share between two. */
export function bunches(all: Mark[], fromUs: number, toUs: number, nearest: number): Bunch[] {
  const found: Bunch[] = [];
  for (const mark of [...all].sort((a, b) => a.fromUs - b.fromUs)) {
    const share = Math.min(1, Math.max(0, (mark.fromUs - fromUs) / (toUs - fromUs)));
    const last = found.at(-1);
    if (last && share - last.share < nearest) last.marks.push(mark);
    else found.push({ share, marks: [mark] });
  }
  return found;
}

const NOUNS: Record<MarkKind, [one: string, many: string]> = {
  patch: ["patch", "patches"],
  incident: ["incident", "incidents"],
  override: ["override", "overrides"],
};

/** Returns how many of each kind there are, in words. */
export function counted(all: Mark[]): string {
  const told = (Object.keys(NOUNS) as MarkKind[]).map((kind) => {
    const number = all.filter((one) => one.kind === kind).length;
    return number > 0 ? `${number} ${NOUNS[kind][number === 1 ? 0 : 1]}` : "";
  });
  return told.filter(Boolean).join(", ");
}
