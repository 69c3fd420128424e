/** Health: what is wrong, since when, what is being done. On top of it the sentence that is on every page. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Link, Route, Switch } from "wouter";
import { trust, useLive } from "../api/live";
import { incidents, newestChanges } from "../api/queries";
import type { Gate, IncidentLine, Override, Verdict } from "../api/wire";
import { outcomeWords } from "../changes/words";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { stretch, useNow } from "../kit/time";
import { Ago, At } from "../kit/times";
import { Shape } from "../kit/verdict";
import "../styles/health.css";
import { Board } from "./board";
import { Components } from "./components";
import { LeakWatch } from "./leaks";

const GatePage = lazy(() => import("./gate"));
const IncidentPage = lazy(() => import("./incident"));

export default function Health() {
  return (
    <Suspense fallback={<Waiting what="the view" />}>
      <Switch>
        <Route path="/health/gate/:name">{({ name }) => <GatePage name={name} />}</Route>
        <Route path="/health/incident/:id">{({ id }) => <IncidentPage id={id} />}</Route>
        <Route>
          <Overview />
        </Route>
      </Switch>
    </Suspense>
  );
}

function Overview() {
  const heard = useLive();
  const now = useNow();
  const { live } = heard;
  if (!live) {
    return (
      <div className="view">
        <h1>Health</h1>
        {heard.failure ? <FailureNote error={heard.failure} /> : <Waiting what="the gates" lines={6} />}
      </div>
    );
  }
  const believed = trust(heard, now) === "current";
  return (
    <div className="view health">
      <header className="view-head">
        <h1>Health</h1>
        <p className="tally">{tally(live.gates)}</p>
        <p className="view-when">
          {live.at_us ? (
            <>
              judged <Ago us={live.at_us} />
            </>
          ) : (
            "never judged yet"
          )}
        </p>
      </header>
      {live.problem && (
        <p className="notice" role="alert">
          {live.problem}
        </p>
      )}
      <Overrides overrides={live.overrides} />
      {live.gates.length > 0 ? (
        <Board gates={live.gates} atUs={live.at_us} believed={believed} />
      ) : (
        <Empty title="No gate is known">The watcher is away or has just begun. `council status` says which.</Empty>
      )}
      <div className="pair">
        <Incidents open={live.incidents} />
        <LastChanges />
      </div>
      <Components services={live.services} parts={live.parts} generation={live.generation} />
      <LeakWatch findings={live.findings} />
    </div>
  );
}

const TOLD: Verdict[] = ["red", "amber", "unknown", "green", "not applicable"];

function tally(gates: Gate[]): React.ReactNode {
  return TOLD.map((verdict) => {
    const number = gates.filter((one) => one.verdict === verdict).length;
    if (number === 0) return null;
    return (
      <span key={verdict} className="tally-part">
        <Shape verdict={verdict} labelled={false} /> {number} {verdict}
      </span>
    );
  });
}

function Overrides({ overrides }: { overrides: Override[] }) {
  const now = useNow();
  if (overrides.length === 0) return null;
  return (
    <ul className="overrides">
      {overrides.map((one) => (
        <li key={one.id} className="notice">
          For another {stretch(one.until_us / 1e6 - now / 1000)}: {one.title}
          {one.reason === null ? "" : `, by ${one.by}: ${one.reason}`}
        </li>
      ))}
    </ul>
  );
}

function Incidents({ open }: { open: IncidentLine[] }) {
  const past = useQuery(incidents);
  const now = useNow();
  const openIds = new Set(open.map((one) => one.id));
  const all = [...open, ...(past.data?.incidents ?? []).filter((one) => !openIds.has(one.id))].slice(0, 5);
  return (
    <section className="card" aria-labelledby="incidents">
      <h2 id="incidents">
        Incidents <span className="quiet">{open.length ? `${open.length} open` : "none open"}</span>
      </h2>
      {past.error !== null && !past.data && <FailureNote error={past.error} onRetry={() => void past.refetch()} />}
      {all.length === 0 && !past.isPending && (
        <Empty title="No incident so far">One is kept here from its first bad verdict on.</Empty>
      )}
      <ul className="lines">
        {all.map((one) => (
          <li key={one.id}>
            <Link href={`/health/incident/${one.id}`}>
              <Shape verdict={one.standing === "open" ? (one.severity === "page" ? "red" : "amber") : "green"} />
              <span className="line-text">{one.title}</span>
              <span className="line-more">
                {one.standing === "open" ? (
                  `for ${stretch(now / 1000 - one.began_us / 1e6)}`
                ) : (
                  <>
                    <At us={one.began_us} /> · over in {stretch(one.repair_s ?? 0)}
                  </>
                )}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function LastChanges() {
  const newest = useQuery(newestChanges);
  const all = newest.data?.changes ?? [];
  return (
    <section className="card" aria-labelledby="last-changes">
      <h2 id="last-changes">
        Last changes {newest.data?.freeze.frozen && <span className="quiet">frozen: {newest.data.freeze.reason}</span>}
      </h2>
      {newest.error !== null && !newest.data && (
        <FailureNote error={newest.error} onRetry={() => void newest.refetch()} />
      )}
      {newest.data && all.length === 0 && (
        <Empty title="No change yet">What a signed patch changes is told here.</Empty>
      )}
      <ul className="lines">
        {all.map((one) => (
          <li key={one.digest}>
            <Link href={`/changes/${one.cid}`}>
              <span className={`outcome ${outcomeWords(one).tone}`}>{outcomeWords(one).words}</span>
              <span className="line-text">{one.title || one.cid}</span>
              <span className="line-more">
                <Ago us={one.began_us} />
              </span>
            </Link>
          </li>
        ))}
      </ul>
      {all.length > 0 && (
        <Link href="/changes" className="card-more">
          All changes
        </Link>
      )}
    </section>
  );
}
