/** Six components by four columns: what keeps each cell well, and whether a run has proven it. What none proved is told as such. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import type { Cell, Coverage as Form } from "../api/wire";
import { CopyButton } from "../kit/copy";
import { FailureNote, Waiting } from "../kit/states";
import { Ago, At } from "../kit/times";
import { Shape } from "../kit/verdict";
import { coverage } from "./queries";
import { cellWords } from "./words";

const COLUMNS: { column: Cell["column"]; name: string }[] = [
  { column: "gate", name: "Health gate" },
  { column: "sentinel", name: "Sentinel" },
  { column: "healing", name: "Healing" },
  { column: "documentation", name: "Documentation" },
];
/** What proves cells, and where it can be run. */
const PROVE = [
  { where: "In a checkout, the tests of all cells", command: "council coverage --run" },
  { where: "On a home that may be broken, fault after fault", command: "council chaos campaign --home HOME" },
];

export default function Coverage() {
  const found = useQuery(coverage);
  if (found.isPending) return <Waiting what="the matrix" lines={8} />;
  if (!found.data) return <FailureNote error={found.error} onRetry={() => void found.refetch()} />;
  return <Matrix of={found.data} />;
}

function Matrix({ of }: { of: Form }) {
  const [chosen, setChosen] = useState("");
  const components = [...new Set(of.cells.map((one) => one.component))];
  const cell = of.cells.find((one) => nameOf(one) === chosen);
  return (
    <section className="card" aria-labelledby="coverage">
      <h2 id="coverage">
        Coverage{" "}
        <span className="quiet">
          {of.proven} of {of.cells.length} proven
        </span>
      </h2>
      <p className="quiet">
        {of.looked_s === null ? (
          "Nobody has looked here yet what is proven, so nothing counts as proven."
        ) : (
          <>
            By what was told <Ago us={of.looked_s * 1e6} />.
          </>
        )}{" "}
        A cell is proven by a run alone, which breaks the part and watches it recover.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys */}
      <div className="table-frame" tabIndex={0} role="group" aria-labelledby="coverage">
        <table className="matrix">
          <thead>
            <tr>
              <td />
              {COLUMNS.map((one) => (
                <th key={one.column} scope="col">
                  {one.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {components.map((component) => (
              <tr key={component}>
                <th scope="row">{component}</th>
                {COLUMNS.map(({ column, name }) => {
                  const one = of.cells.find((each) => each.component === component && each.column === column);
                  return (
                    <td key={column}>
                      {one && <Square cell={one} column={name} chosen={chosen} onChoose={setChosen} />}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {cell ? (
        <Chosen cell={cell} />
      ) : (
        <p className="quiet matrix-hint">Choose a cell to see what keeps it, and what proved it.</p>
      )}
      {of.proven < of.cells.length && (
        <ul className="plain matrix-hint">
          {PROVE.map(({ where, command }) => (
            <li key={command}>
              {where}: <code>{command}</code> <CopyButton text={command} what={command} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function nameOf(cell: Cell): string {
  return `${cell.component}/${cell.column}`;
}

interface SquareProps {
  cell: Cell;
  column: string;
  chosen: string;
  onChoose: (name: string) => void;
}

function Square({ cell, column, chosen, onChoose }: SquareProps) {
  const { words, verdict } = cellWords(cell);
  const current = nameOf(cell) === chosen;
  return (
    <button
      type="button"
      className={`square ${verdict}`}
      aria-pressed={current}
      onClick={() => onChoose(current ? "" : nameOf(cell))}
    >
      <span className="square-title">
        <span className="square-column">{column}: </span>
        {cell.title}
      </span>
      <span className="square-state">
        <Shape verdict={verdict} labelled={false} /> {words}
      </span>
    </button>
  );
}

function Chosen({ cell }: { cell: Cell }) {
  const { words, why } = cellWords(cell);
  return (
    <section className="chosen-cell" aria-live="polite">
      <h3>
        {nameOf(cell)}: {cell.title}
      </h3>
      <p>{cell.mechanism}</p>
      <dl className="spans">
        <div>
          <dt>Stands as</dt>
          <dd>{words}</dd>
        </div>
        {cell.proven_at && (
          <div>
            <dt>Proven</dt>
            <dd>
              <At us={Date.parse(cell.proven_at) * 1000} />
            </dd>
          </div>
        )}
        <div>
          <dt>By which run</dt>
          <dd>{cell.by ?? "none"}</dd>
        </div>
        <div>
          <dt>Metric</dt>
          <dd>
            <code>{cell.metric}</code>
          </dd>
        </div>
        <div>
          <dt>Page</dt>
          <dd>
            <Link href={`/guide/${slugOf(cell.document)}`}>{cell.document}</Link>
          </dd>
        </div>
      </dl>
      {cell.state !== "proven" && <p className="notice">{why}.</p>}
      <details className="past">
        <summary>What would prove it</summary>
        <ul className="plain">
          {cell.tests.map((test) => (
            <li key={test}>
              <code className="break">{test}</code>
            </li>
          ))}
          {cell.fault && (
            <li>
              The fault <code>{cell.fault}</code> of a campaign, alone
            </li>
          )}
        </ul>
      </details>
    </section>
  );
}

/** Returns how the guide names a page of the documentation. */
function slugOf(document: string): string {
  return document.split("/").at(-1)?.replace(/\.md$/, "") ?? "";
}
