/** The twelve gates: value, limit, an hour of history, and the verdict in shape and word. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { gatesOverTime } from "../api/queries";
import type { Gate, GateOverTime } from "../api/wire";
import { quantity } from "../kit/numbers";
import { Shape, WORD } from "../kit/verdict";
import { Sparkline } from "./sparkline";
import { gateName, limit } from "./words";

const HOUR_US = 3600e6;

export function Board({ gates, atUs, believed }: { gates: Gate[]; atUs: number; believed: boolean }) {
  const past = useQuery(gatesOverTime("1h"));
  const byName = new Map((past.data?.gates ?? []).map((one) => [one.name, one]));
  return (
    <ul className={believed ? "board" : "board doubted"}>
      {gates.map((gate) => (
        <li key={gate.name}>
          <Card gate={gate} past={byName.get(gate.name)} atUs={atUs} />
        </li>
      ))}
    </ul>
  );
}

function Card({ gate, past, atUs }: { gate: Gate; past: GateOverTime | undefined; atUs: number }) {
  const isApart = gate.verdict === "not applicable";
  return (
    <Link href={`/health/gate/${gate.name}`} className={`gate ${gate.verdict.replace(" ", "-")}`} title={gate.protects}>
      <span className="gate-head">
        <Shape verdict={gate.verdict} labelled={false} />
        <span className="gate-name">{gateName(gate.name)}</span>
        <span className="gate-verdict">{isApart ? "" : WORD[gate.verdict]}</span>
      </span>
      {gate.value !== null && !isApart ? (
        <span className="gate-value">
          <strong>{quantity(gate.value, gate.unit)}</strong>
          <span className="gate-limit">limit {limit(gate)}</span>
        </span>
      ) : (
        <span className="gate-reason">
          {isApart ? "Not applicable: " : ""}
          {gate.reason}
        </span>
      )}
      {past && !isApart && <Sparkline gate={past} fromUs={atUs - HOUR_US} toUs={atUs} />}
    </Link>
  );
}
