/** The sandbox: whether it takes jobs, what holds them, the switch that ends them all, and the trail of what was run. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/http";
import { useRight } from "../api/queries";
import { sandboxState } from "../api/queries-admin";
import type { SandboxState } from "../api/wire-admin";
import { Ask } from "../kit/ask";
import { Icon } from "../kit/icons";
import { count, figure } from "../kit/numbers";
import { FailureNote, Waiting } from "../kit/states";
import { Shape } from "../kit/verdict";
import "../styles/sandbox.css";
import { Trail } from "./trail";
import { caller, GROUPS, type Layer, layers, standing } from "./words";

const REASON_CHARS_MAX = 300;

export default function Sandbox() {
  const found = useQuery(sandboxState);
  const mayStop = useRight("operate");
  const state = found.data;
  const { verdict, words } = state ? standing(state) : { verdict: "unknown" as const, words: "" };
  return (
    <div className="view sandbox">
      <header className="view-head">
        {state && <Shape verdict={found.isError ? "unknown" : verdict} size={20} labelled={false} />}
        <h1>Sandbox</h1>
        {state && <p className="tally">{words}</p>}
        {state && mayStop && (
          <div className="head-tools">
            <Switch state={state} />
          </div>
        )}
      </header>
      {found.isPending && <Waiting what="the sandbox" lines={6} />}
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {state && (
        <>
          <Wrong state={state} />
          <Pool state={state} />
          <Layers all={layers(state)} kind={state.kind} />
        </>
      )}
      {/* It is asked for at once, and shown below what comes above it, so that nothing jumps. */}
      <div hidden={found.isPending}>
        {mayStop ? (
          <Trail />
        ) : (
          <section className="card">
            <h2>Audit trail</h2>
            <p className="quiet">Who ran what is shown to operators and administrators.</p>
          </section>
        )}
      </div>
    </div>
  );
}

function Wrong({ state }: { state: SandboxState }) {
  if (state.stopped) {
    return (
      <div className="failure" role="alert">
        <p>
          <strong>
            The kill switch is thrown{state.stopped_by && ` by ${caller(state.stopped_by)}`}
            {state.stopped_reason && `: ${state.stopped_reason}`}
          </strong>
        </p>
        <p>Every job was ended and each new one is refused, those of the code specialist too, until it is released.</p>
      </div>
    );
  }
  if (state.refuses) {
    return (
      <div className="failure" role="alert">
        <p>
          <strong>{state.refuses}</strong>
        </p>
        <p>
          Questions are answered without running code. <code>council doctor</code> says how to mend it.
        </p>
      </div>
    );
  }
  return null;
}

function Switch({ state }: { state: SandboxState }) {
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const onDone = () => {
    void client.invalidateQueries({ queryKey: ["sandbox"] });
    void client.invalidateQueries({ queryKey: ["trail"] });
  };
  return (
    <>
      <button type="button" className={state.stopped ? "button" : "button danger"} onClick={() => setOpen(true)}>
        <Icon name={state.stopped ? "play" : "stop"} size={16} />
        {state.stopped ? "Release the kill switch…" : "Throw the kill switch…"}
      </button>
      {open && state.stopped && (
        <Ask
          title="Release the kill switch"
          verb="Take jobs again"
          why="Why, for the audit trail"
          whyCharsMax={REASON_CHARS_MAX}
          onClose={() => setOpen(false)}
          onDone={onDone}
          act={(reason) => call("/v1/sandbox/lift", { method: "POST", body: { reason } })}
        >
          <p>
            From then on code is run again, of answers and of whoever may execute.
            {state.stopped_reason && ` It was thrown for this: ${state.stopped_reason}`}
          </p>
        </Ask>
      )}
      {open && !state.stopped && (
        <Ask
          title="Throw the kill switch"
          verb="End all jobs"
          danger
          why="Why, for the audit trail"
          whyCharsMax={REASON_CHARS_MAX}
          onClose={() => setOpen(false)}
          onDone={onDone}
          act={(reason) => call("/v1/sandbox/kill", { method: "POST", body: { reason } })}
        >
          <ul className="plain will">
            <li>
              {count(state.running, "job")} at work and {count(state.waiting, "job")} in the queue end at once, without
              a result.
            </li>
            <li>{count(state.sessions, "session")} and what they hold are gone.</li>
            <li>New code is refused until somebody releases the switch. It outlives a restart.</li>
            <li>Answers go on, without tests that are run.</li>
          </ul>
        </Ask>
      )}
    </>
  );
}

const SLOTS_SHOWN_MAX = 64;

function Pool({ state }: { state: SandboxState }) {
  const slots = Math.min(SLOTS_SHOWN_MAX, state.pool_target);
  return (
    <section className="card" aria-labelledby="pool">
      <h2 id="pool">
        Pool <span className="quiet">made ahead, each used once</span>
      </h2>
      <div className="pool">
        <p className="pool-slots" aria-hidden="true">
          {Array.from({ length: slots }, (_, slot) => (
            <span key={String(slot)} className={slot < state.pool_ready ? "slot ready" : "slot"} />
          ))}
        </p>
        <dl className="spans">
          <Figure name="Ready" value={`${state.pool_ready} of ${state.pool_target}`} />
          <Figure name="At work" value={state.running.toLocaleString("en-GB")} />
          <Figure name="Waiting" value={state.waiting.toLocaleString("en-GB")} />
          <Figure name="Sessions open" value={state.sessions.toLocaleString("en-GB")} />
          <Figure name="Jobs since the start" value={state.jobs.toLocaleString("en-GB")} />
          <Figure name="Made anew" value={`${figure(Number((state.refills_per_s * 60).toFixed(1)))} a minute`} />
        </dl>
      </div>
    </section>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

function Layers({ all, kind }: { all: Layer[]; kind: string }) {
  const missing = all.filter((one) => one.missing !== null);
  const held = all.length - missing.length;
  return (
    <section className="card" aria-labelledby="layers">
      <header className="card-head">
        <h2 id="layers">
          Layers <span className="quiet">{count(held, "layer")} between code and this machine, as last tried</span>
        </h2>
        <p className="quiet">
          by <code>{kind}</code> · <Link href="/guide/the-sandbox">What each one holds</Link>
        </p>
      </header>
      {missing.length > 0 && (
        <ul className="layers-missing">
          {missing.map((one) => (
            <li key={one.name} className="notice">
              <strong>{one.name}</strong> is missing: {one.missing}
            </li>
          ))}
        </ul>
      )}
      <div className="layer-groups">
        {GROUPS.map(({ group, title }) => {
          const of = all.filter((one) => one.group === group);
          if (of.length === 0) return null;
          return (
            <section key={title}>
              <h3>{title}</h3>
              <ul>
                {of.map((one) => (
                  <li key={one.name} className={one.missing === null ? "layer" : "layer missing"}>
                    <Icon name={one.missing === null ? "check" : "cross"} size={16} />
                    <span>
                      <span className="layer-name">
                        {one.name}
                        {one.missing !== null && <span className="only-read"> is missing</span>}
                      </span>
                      {one.takes && <span className="layer-takes">{one.takes}</span>}
                    </span>
                  </li>
                ))}
              </ul>
            </section>
          );
        })}
      </div>
    </section>
  );
}
