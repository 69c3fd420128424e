/** The twelve gates: value, limit, up to an hour of history, and the verdict in shape and word. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { gatesOverTime } from "../api/queries";
import type { Gate, GateOverTime } from "../api/wire";
import { quantity } from "../kit/numbers";
import { stretch } from "../kit/time";
import { Shape, WORD } from "../kit/verdict";
import { beginsAt, Sparkline } from "./sparkline";
import { gateName, limit } from "./words";

export function Board({ gates, atUs, believed }: { gates: Gate[]; atUs: number; believed: boolean }) {
  const past = useQuery(gatesOverTime("1h"));
  const byName = new Map((past.data?.gates ?? []).map((one) => [one.name, one]));
  const fromUs = beginsAt(past.data?.gates ?? [], atUs);
  return (
    <>
      <ul className={believed ? "board" : "board doubted"}>
        {gates.map((gate) => (
          <li key={gate.name}>
            <Card gate={gate} past={byName.get(gate.name)} fromUs={fromUs} atUs={atUs} />
          </li>
        ))}
      </ul>
      {past.isSuccess && <p className="board-span">The plots show the last {stretch((atUs - fromUs) / 1e6)}.</p>}
    </>
  );
}

interface CardProps {
  gate: Gate;
  past: GateOverTime | undefined;
  fromUs: number;
  atUs: number;
}

function Card({ gate, past, fromUs, atUs }: CardProps) {
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
      {past && !isApart && <Sparkline gate={past} fromUs={fromUs} toUs={atUs} />}
    </Link>
  );
}
