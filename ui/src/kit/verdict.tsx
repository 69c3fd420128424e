/** The four verdicts in four shapes, so that nobody needs to tell colours apart. What does not apply is text, no shape. */

import type { Verdict } from "../api/wire";

const SHAPES: Record<Exclude<Verdict, "not applicable">, React.ReactNode> = {
  green: <circle cx="8" cy="8" r="6" />,
  amber: <path d="M8 1.2 15.2 14H.8Z" />,
  red: <rect x="2" y="2" width="12" height="12" rx="1" />,
  unknown: (
    <>
      <circle cx="8" cy="8" r="6.2" fill="none" strokeDasharray="2.4 1.6" />
      <path d="M3.6 9.8 9.8 3.6M4.6 12.2 12.2 4.6M7.2 13 13 7.2" />
    </>
  ),
};

/** The word for a verdict, as people read it. */
export const WORD: Record<Verdict, string> = {
  green: "Green",
  amber: "Amber",
  red: "Red",
  unknown: "Unknown",
  "not applicable": "Not applicable",
};

export function Shape({
  verdict,
  size = 12,
  labelled = true,
}: {
  verdict: Verdict;
  size?: number;
  labelled?: boolean;
}) {
  if (verdict === "not applicable") return null;
  return (
    <svg
      className={`shape ${verdict}`}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      role={labelled ? "img" : undefined}
      aria-label={labelled ? WORD[verdict] : undefined}
      aria-hidden={labelled ? undefined : true}
    >
      {SHAPES[verdict]}
    </svg>
  );
}

const ORDER: Verdict[] = ["red", "unknown", "amber", "green", "not applicable"];

/** Returns verdicts with what wants to be looked at first. */
export function rank(verdict: Verdict): number {
  return ORDER.indexOf(verdict);
}
