/** The marks of what happened, over a plot and at the very places of its axis of time; and the same as a list to be read. */

import { useState } from "react";
import { Link } from "wouter";
import { Icon, type IconName } from "../kit/icons";
import { moment } from "../kit/time";
import { At } from "../kit/times";
import { bunches, counted, type Mark, type MarkKind } from "./marks";

const ICONS: Record<MarkKind, IconName> = { patch: "changes", incident: "health", override: "clock" };
const MARK_PX = 24;

/** Where the plot itself lies within its element, pixels. */
export interface Place {
  left: number;
  width: number;
}

interface LaneProps {
  marks: Mark[];
  fromUs: number;
  toUs: number;
  place: Place;
  /** Shows some of them in the plot, by their ids. */
  onLight: (ids: string[]) => void;
}

export function Lane({ marks, fromUs, toUs, place, onLight }: LaneProps) {
  const [lit, setLit] = useState<Mark[]>([]);
  if (marks.length === 0 || place.width === 0) return <div className="lane" />;
  const light = (some: Mark[]) => {
    setLit(some);
    onLight(some.map((one) => one.id));
  };
  return (
    <div className="lane" role="group" aria-label="What happened in this time">
      <div className="lane-axis" style={{ marginLeft: place.left, width: place.width }}>
        {bunches(marks, fromUs, toUs, MARK_PX / place.width).map((bunch) => {
          const [first] = bunch.marks;
          if (!first) return null;
          const kind = bunch.marks.find((one) => one.kind === "incident")?.kind ?? first.kind;
          return (
            <Link
              key={first.id}
              href={bunch.marks.length === 1 ? first.href : "#happened"}
              className={`lane-mark ${kind}`}
              style={{ left: `${bunch.share * 100}%` }}
              aria-label={words(bunch.marks)}
              onClick={(event) => {
                if (bunch.marks.length === 1) return;
                event.preventDefault();
                const list = document.getElementById("happened");
                if (list instanceof HTMLDetailsElement) list.open = true;
                list?.querySelector("summary")?.focus();
              }}
              onFocus={() => light(bunch.marks)}
              onBlur={() => light([])}
              onPointerEnter={() => light(bunch.marks)}
              onPointerLeave={() => light([])}
            >
              {bunch.marks.length === 1 ? <Icon name={ICONS[first.kind]} size={14} /> : bunch.marks.length}
            </Link>
          );
        })}
      </div>
      <p className="lane-words" aria-hidden="true">
        {lit.length > 0 ? words(lit) : `${counted(marks)} in this time`}
      </p>
    </div>
  );
}

function words(some: Mark[]): string {
  const [first] = some;
  if (!first) return "";
  if (some.length > 1) return `${some.length} at about one time, ${counted(some)}: see the list below`;
  const kind = first.kind === "patch" ? "Patch" : first.kind === "incident" ? "Incident" : "Override";
  return `${kind}, ${first.state}: ${first.title}, ${moment(first.fromUs, Date.now())}`;
}

/** The same as a list, for whoever reads rather than looks. */
export function Happened({ marks, missing }: { marks: Mark[]; missing: string }) {
  return (
    <details className="past" id="happened">
      <summary>What happened in this time: {counted(marks) || "no patch, incident or override"}</summary>
      {missing && <p className="notice">Of {missing} nothing could be had, so they are not marked.</p>}
      <ul className="lines happened">
        {marks.map((one) => (
          <li key={one.id}>
            <Link href={one.href}>
              <Icon name={ICONS[one.kind]} size={16} />
              <At us={one.fromUs} />
              <span className="line-text">{one.title}</span>
              <span className="line-more">
                {one.kind}, {one.state}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </details>
  );
}
