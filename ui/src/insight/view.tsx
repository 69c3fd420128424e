/** Insight: pages to read. What is so now, the digest of each day, figures of weeks, what is proven, what was kept. */

import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { snapshot } from "../api/queries";
import { FailureNote, Waiting } from "../kit/states";
import { Ago } from "../kit/times";
import { INSIGHT_PARTS } from "../shell/views";
import "../styles/insight.css";
import { Anomalies } from "./anomalies";
import { CostCard } from "./costs";
import { Story } from "./story";
import { Trends } from "./trends";

const DigestPart = lazy(() => import("./digest"));
const FiguresPart = lazy(() => import("./figures"));
const CoveragePart = lazy(() => import("./coverage"));
const SnapshotsPart = lazy(() => import("./snapshots"));
const SnapshotPage = lazy(() => import("./snapshot"));

export default function Insight() {
  const [location] = useLocation();
  const at = INSIGHT_PARTS.findLast((one) => location === one.path || location.startsWith(`${one.path}/`));
  return (
    <div className="view insight">
      <header className="view-head">
        <h1>Insight</h1>
        <nav className="segments" aria-label="Parts of Insight">
          {INSIGHT_PARTS.map((one) => (
            <Link
              key={one.path}
              href={one.path}
              className={one === at ? "current" : ""}
              aria-current={one === at ? "page" : undefined}
            >
              {one.name}
            </Link>
          ))}
        </nav>
      </header>
      <Suspense fallback={<Waiting what="this part" lines={6} />}>
        <Switch>
          <Route path="/insight/digest/:day?">{({ day }) => <DigestPart day={day ?? ""} />}</Route>
          <Route path="/insight/figures" component={FiguresPart} />
          <Route path="/insight/coverage" component={CoveragePart} />
          <Route path="/insight/snapshots" component={SnapshotsPart} />
          <Route path="/insight/snapshots/:id">{({ id }) => <SnapshotPage key={id} id={id} />}</Route>
          <Route>
            <Now />
          </Route>
        </Switch>
      </Suspense>
    </div>
  );
}

function Now() {
  const newest = useQuery(snapshot);
  return (
    <>
      {newest.isPending && <Waiting what="the newest snapshot" lines={6} />}
      {newest.error !== null && !newest.data && (
        <FailureNote error={newest.error} onRetry={() => void newest.refetch()} />
      )}
      {newest.data && (
        <>
          <p className="quiet">
            Seen <Ago us={newest.data.taken_s * 1e6} />.{" "}
            <Link href={`/insight/snapshots/${newest.data.id}`}>All that was kept of it</Link>
          </p>
          <Story snapshot={newest.data} />
        </>
      )}
      <CostCard />
      {newest.data && <Trends trends={newest.data.trends ?? []} />}
      {newest.data && <Anomalies snapshot={newest.data} />}
    </>
  );
}
