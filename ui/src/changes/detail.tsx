/** One patch: its steps with their times, what it changed, the gates before and after, and the way back. */

import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useLive } from "../api/live";
import { change as query, useRight } from "../api/queries";
import type { ChangeDetail, GateReading, Step } from "../api/wire";
import { gateName } from "../health/words";
import { CopyButton } from "../kit/copy";
import { Icon } from "../kit/icons";
import { count, quantity, short } from "../kit/numbers";
import { FailureNote, Waiting } from "../kit/states";
import { stretch, useNow } from "../kit/time";
import { At } from "../kit/times";
import { Shape, WORD } from "../kit/verdict";
import { RollbackDialog } from "./dialogs";
import { FileDiff } from "./diff";
import { outcomeWords, switchTook } from "./words";

export function Detail({ cid }: { cid: string }) {
  const found = useQuery(query(cid));
  const { live } = useLive();
  const going = live?.at_work?.cid === cid ? live.at_work.phase : "";
  const { refetch } = found;
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each step of its way it is asked for anew
  useEffect(() => {
    void refetch();
  }, [going, refetch]);
  if (found.isPending) return <Waiting what="the patch" lines={8} />;
  if (!found.data) return <FailureNote error={found.error} onRetry={() => void refetch()} />;
  return <Whole change={found.data} />;
}

function Whole({ change }: { change: ChangeDetail }) {
  const mayChange = useRight("administer");
  const [open, setOpen] = useState(false);
  const { words, tone } = outcomeWords(change);
  return (
    <article className="patch-page">
      <header>
        <p className="patch-top">
          <span className={`outcome ${tone}`}>{words}</span>
          <code>{change.cid}</code>
          <CopyButton text={change.digest} what="digest" />
          {change.trial && <span className="quiet">tried in staging only</span>}
        </p>
        <h2>{change.title || "Untitled"}</h2>
        {change.said && <p className="lead">{change.said}</p>}
        {change.reason && (
          <p className="notice">
            {words === "Refused" ? "Refused: " : ""}
            <span className="break">{change.reason}</span>
          </p>
        )}
      </header>
      <dl className="spans">
        <div>
          <dt>Author</dt>
          <dd>
            {change.author || "unknown"} <span className="quiet">{change.kind === "bot" ? "a bot" : "a person"}</span>
          </dd>
        </div>
        <div>
          <dt>Signed by</dt>
          <dd>
            {change.signers.length === 0 && "nobody who is listed"}
            {change.signers.map((one) => (
              <code key={one} title={one} className="signer">
                {one.slice(-16)}
              </code>
            ))}
          </dd>
        </div>
        <div>
          <dt>Began</dt>
          <dd>
            <At us={change.began_us} />
          </dd>
        </div>
        <div>
          <dt>Generation</dt>
          <dd>
            <code>{short(change.base)}</code> → <code>{change.target ? short(change.target) : "none"}</code>
          </dd>
        </div>
        {change.ticket !== null && (
          <div>
            <dt>Ticket</dt>
            <dd>#{change.ticket}</dd>
          </div>
        )}
        {change.away_s !== null && change.away_s > 0 && (
          <div>
            <dt>Model away for</dt>
            <dd>{stretch(change.away_s)}</dd>
          </div>
        )}
        {change.returned_by && (
          <div>
            <dt>Rolled back by</dt>
            <dd>{change.returned_by}</dd>
          </div>
        )}
      </dl>
      <Steps steps={change.steps} going={change.outcome === ""} tone={tone} />
      {(change.gates_before.length > 0 || change.gates_after.length > 0) && (
        <Gates before={change.gates_before} after={change.gates_after} serves={change.live} />
      )}
      <section aria-labelledby="files">
        <h3 id="files">
          {count(change.files_count, "file")}
          <span className="diff-sums">
            <span className="added">+{sum(change, "added")}</span>{" "}
            <span className="removed">−{sum(change, "removed")}</span>
          </span>
        </h3>
        {change.differences.length === 0 && (
          <p className="quiet">
            {change.files.length > 0
              ? "What it changed was not kept, as of what was refused. It names these files:"
              : "What it changed was not kept."}
          </p>
        )}
        {change.differences.length === 0 && change.files.length > 0 && (
          <ul className="plain">
            {change.files.map((file) => (
              <li key={file}>
                <code>{file}</code>
              </li>
            ))}
          </ul>
        )}
        {change.differences.map((one, index) => (
          <FileDiff key={one.path} difference={one} open={index < 5} />
        ))}
      </section>
      {change.document && (
        <details className="past">
          <summary>What was signed</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
          <pre className="document" tabIndex={0}>
            {JSON.stringify(change.document, null, 1).slice(0, 20_000)}
          </pre>
        </details>
      )}
      {change.outcome === "applied" && (
        <section className="way-back">
          <h3>The way back</h3>
          {change.rollback.possible ? (
            <>
              <p>
                {count(change.rollback.services, "process", "processes")} run of this generation
                {change.rollback.took_s !== null && `; its own switch took ${switchTook(change.rollback.took_s)}`}.
                Answers that are being given come to their end.
              </p>
              {mayChange ? (
                <button type="button" className="button danger" onClick={() => setOpen(true)}>
                  <Icon name="back" size={16} /> Roll back…
                </button>
              ) : (
                <p className="quiet">An admin may roll it back.</p>
              )}
            </>
          ) : (
            <p className="quiet">{change.rollback.why}</p>
          )}
        </section>
      )}
      {open && <RollbackDialog change={change} onClose={() => setOpen(false)} />}
    </article>
  );
}

function sum(change: ChangeDetail, of: "added" | "removed"): string {
  return change.differences.reduce((before, one) => before + one[of], 0).toLocaleString("en-GB");
}

function Steps({ steps, going, tone }: { steps: Step[]; going: boolean; tone: string }) {
  const now = useNow();
  if (steps.length === 0) return null;
  return (
    <section aria-labelledby="steps">
      <h3 id="steps">Steps</h3>
      <ol className="step-strip">
        {steps.map((step, index) => {
          const isLast = index === steps.length - 1;
          const seconds = step.took_s ?? (going && isLast ? now / 1000 - step.at_us / 1e6 : null);
          return (
            <li
              key={`${step.step} ${step.at_us}`}
              className={isLast ? `step last ${tone}` : "step"}
              aria-current={isLast && going ? "step" : undefined}
            >
              <span className="step-name">{step.step}</span>
              <span className="step-time">
                {seconds !== null ? (
                  stretch(seconds < 10 ? Number(seconds.toFixed(1)) : seconds)
                ) : (
                  <At us={step.at_us} />
                )}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Gates({ before, after, serves }: { before: GateReading[]; after: GateReading[]; serves: boolean }) {
  const names = [...new Set([...before, ...after].map((one) => one.name))];
  return (
    <section aria-labelledby="gates-around">
      <h3 id="gates-around">Gates before and after</h3>
      <ul className="gates-around">
        {names.map((name) => {
          const was = before.find((one) => one.name === name);
          const is = after.find((one) => one.name === name);
          return (
            <li key={name}>
              <span className="gates-around-name">{gateName(name)}</span>
              <span className="gates-around-values">
                <Reading of={was} />
                <span className="quiet" aria-hidden="true">
                  →
                </span>
                <Reading of={is} />
              </span>
            </li>
          );
        })}
      </ul>
      {after.length === 0 && (
        <p className="quiet">
          {serves
            ? "After it nothing is known yet."
            : "After it nothing is known: it did not serve, or the watcher does not remember."}
        </p>
      )}
    </section>
  );
}

function Reading({ of }: { of: GateReading | undefined }) {
  if (!of) return <span className="quiet">–</span>;
  return (
    <span className="with-shape">
      <Shape verdict={of.verdict} />{" "}
      {of.value === null ? (
        <span className="quiet">{WORD[of.verdict].toLowerCase()}</span>
      ) : (
        quantity(of.value, of.unit)
      )}
    </span>
  );
}
