/** The verdicts over time in one line; what nobody knew is hatched. */

import { useId } from "react";
import type { Verdict } from "../api/wire";
import { stretchesOf } from "./sparkline";

const WIDTH = 1000;
const SHOWN: Verdict[] = ["green", "amber", "red", "unknown"];

interface RibbonProps {
  history: { verdict: Verdict; since_us: number }[];
  fromUs: number;
  toUs: number;
}

export function Ribbon({ history, fromUs, toUs }: RibbonProps) {
  const hatch = useId();
  const x = (at: number) => ((at - fromUs) / (toUs - fromUs)) * WIDTH;
  const parts = SHOWN.flatMap((verdict) => {
    const found = stretchesOf(history, verdict, fromUs, toUs);
    return found.map(([from, to]) => ({ verdict, x: x(from), width: Math.max(1, x(to) - x(from)) }));
  });
  const told = SHOWN.map((verdict) => {
    const sum = stretchesOf(history, verdict, fromUs, toUs).reduce((before, [from, to]) => before + to - from, 0);
    return sum > 0 ? `${verdict} ${Math.round((sum / (toUs - fromUs)) * 100)} %` : "";
  });
  const words = told.filter(Boolean).join(", ") || "no verdict in this time";
  return (
    <figure className="ribbon">
      <svg viewBox={`0 0 ${WIDTH} 12`} preserveAspectRatio="none" role="img" aria-label={`Verdicts: ${words}`}>
        <defs>
          <pattern id={hatch} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <path d="M0 0V6" className="hatch" />
          </pattern>
        </defs>
        {parts.map((part) => (
          <rect
            key={`${part.verdict} ${part.x}`}
            className={`ribbon-part ${part.verdict}`}
            x={part.x}
            width={part.width}
            height="12"
            {...(part.verdict === "unknown" ? { fill: `url(#${hatch})` } : {})}
          />
        ))}
      </svg>
      <figcaption className="quiet">{words}</figcaption>
    </figure>
  );
}
