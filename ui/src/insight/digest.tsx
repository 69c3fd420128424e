/** The digest of a day, as a page to read: what happened, what was done about it, what to do next. Another day is chosen beside it. */

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { Link, useLocation } from "wouter";
import type { DigestList, Digest as Form, Measure } from "../api/wire";
import { gateName } from "../health/words";
import { CopyButton } from "../kit/copy";
import { figure, quantity } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { Ago, At } from "../kit/times";
import { Words } from "../kit/words";
import { digestDays, digestOf } from "./queries";
import { Facts, Told } from "./told";
import { dayWords, lineOf, measureName, ofCount, told } from "./words";

export default function Digest({ day }: { day: string }) {
  const days = useInfiniteQuery(digestDays);
  const all = days.data?.pages.flatMap((page) => page.digests) ?? [];
  const shown = day || all[0]?.date || "";
  const first = days.data?.pages[0];
  if (days.isPending) return <Waiting what="the days" lines={6} />;
  if (!first) return <FailureNote error={days.error} onRetry={() => void days.refetch()} />;
  if (!shown) return <None list={first} />;
  return (
    <>
      <Days
        all={all.map((one) => one.date)}
        shown={shown}
        more={days.hasNextPage}
        onMore={() => void days.fetchNextPage()}
      />
      <Page key={shown} day={shown} />
    </>
  );
}

function None({ list }: { list: DigestList }) {
  return (
    <section className="card">
      <Empty title="There is no digest yet">
        {list.next_s === null ? (
          "The steward has not said yet when the first one is made; it does within a minute of its start."
        ) : (
          <>
            The first one is made at <At us={list.next_s * 1e6} />, of the 24 hours until then, and each day at that
            time after it.
          </>
        )}{" "}
        What is so now stands under <Link href="/insight">Now</Link>; in a terminal <code>council observe digest</code>{" "}
        tells of the last 24 hours at any time.
      </Empty>
    </section>
  );
}

interface DaysProps {
  all: string[];
  shown: string;
  more: boolean;
  onMore: () => void;
}

/** The days to choose from, the newest first, and the way to the ones beside the one that is shown. */
function Days({ all, shown, more, onMore }: DaysProps) {
  const [, go] = useLocation();
  const id = useId();
  const at = all.indexOf(shown);
  const later = at > 0 ? all[at - 1] : undefined;
  const earlier = at >= 0 ? all[at + 1] : undefined;
  return (
    <nav className="digest-days" aria-label="Days">
      <label htmlFor={id}>Day</label>
      <select id={id} value={shown} onChange={(event) => go(`/insight/digest/${event.target.value}`)}>
        {at < 0 && <option value={shown}>{dayWords(shown)}</option>}
        {all.map((one) => (
          <option key={one} value={one}>
            {dayWords(one)}
          </option>
        ))}
      </select>
      {earlier && <Link href={`/insight/digest/${earlier}`}>The day before</Link>}
      {later && <Link href={`/insight/digest/${later}`}>The day after</Link>}
      {more && (
        <button type="button" className="quiet-button" onClick={onMore}>
          Older days
        </button>
      )}
    </nav>
  );
}

function Page({ day }: { day: string }) {
  const found = useQuery(digestOf(day));
  if (found.isPending) return <Waiting what="the digest" lines={10} />;
  if (!found.data) return <FailureNote error={found.error} onRetry={() => void found.refetch()} />;
  const digest = found.data;
  return (
    <article className="card story digest" aria-labelledby="digest">
      <header>
        <h2 id="digest">{dayWords(digest.date)}</h2>
        <p className="quiet">
          <At us={digest.span.start_s * 1e6} /> to <At us={digest.span.end_s * 1e6} />, a day of {digest.zone}. Made{" "}
          <Ago us={digest.made_s * 1e6} />.
        </p>
      </header>
      <section className="digest-head" aria-label="In short">
        {digest.headline.map((one, place) => (
          <Told key={String(place)} sentence={one} />
        ))}
      </section>
      <Advice digest={digest} />
      <Incidents digest={digest} />
      <Patches digest={digest} />
      <Measures digest={digest} />
      <Leaks digest={digest} />
      <Plots plots={digest.plots} />
      <Loop digest={digest} />
      <Missing digest={digest} />
    </article>
  );
}

function Advice({ digest }: { digest: Form }) {
  if (digest.recommendations.length === 0) return null;
  return (
    <section>
      <h3>What to do next</h3>
      <ul className="plain">
        {digest.recommendations.map((one, place) => (
          <li key={String(place)}>
            <Told sentence={one.sentence} />
            {one.command && (
              <p className="advice-command">
                <code>{one.command}</code> <CopyButton text={one.command} what="command" />
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Incidents({ digest }: { digest: Form }) {
  return (
    <section>
      <h3>Incidents</h3>
      {digest.incidents.length === 0 ? (
        <p className="quiet">None that is known.</p>
      ) : (
        <ul className="plain">
          {digest.incidents.map((one) => (
            <li key={one.id}>
              <Link href={`/health/incident/${one.id}`}>{one.title}</Link>{" "}
              <span className="quiet">
                began {told(one.began)}, noticed after {told(one.detection)},{" "}
                {one.repair.value === null ? one.standing : `over after ${told(one.repair)}`}
              </span>
              {one.cause && <Told sentence={one.cause.sentence} />}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Patches({ digest }: { digest: Form }) {
  const kinds = [
    { name: "Applied", rows: digest.patches_applied },
    { name: "Rolled back", rows: digest.patches_rolled_back },
    { name: "Refused", rows: digest.patches_refused },
  ];
  const rows = kinds.flatMap((kind) => kind.rows.map((row) => ({ ...row, name: kind.name })));
  return (
    <section>
      <h3>Changes</h3>
      {rows.length === 0 ? (
        <p className="quiet">No patch came to its end.</p>
      ) : (
        <ul className="plain">
          {rows.map((row) => (
            <li key={`${row.name} ${row.cid}`}>
              {row.name}: <Link href={`/changes/${row.cid}`}>{row.title || row.cid}</Link>{" "}
              <span className="quiet">
                by {row.author || "unknown"}
                {row.reason && `, ${row.reason}`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Measures({ digest }: { digest: Form }) {
  const rows = [
    digest.system_health.measure,
    digest.performance,
    digest.cost_efficiency,
    digest.local_share,
    digest.autonomy,
    digest.autonomy_low,
  ];
  const gates = digest.system_health.gates.filter(
    (one) => typeof one.health.value === "number" && one.health.value < 100,
  );
  return (
    <section>
      <h3>Figures of the day</h3>
      <dl className="measures">
        {rows.map((one) => (
          <Figure key={one.name} of={one} />
        ))}
      </dl>
      {gates.length > 0 && (
        <ul className="plain">
          {gates.map((one) => (
            <li key={one.gate}>
              <strong>{gateName(one.gate)}</strong>: health {told(one.health)} of a hundred, red for {told(one.red)},
              known for {told(one.known)} of the time
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Figure({ of }: { of: Measure }) {
  return (
    <div>
      <dt>{measureName(of.name)}</dt>
      <dd>
        {told(of.fact)} <span className="quiet">{ofCount(of)}</span>
      </dd>
      {of.reason && <dd className="quiet measure-why">{of.reason}</dd>}
    </div>
  );
}

function Leaks({ digest }: { digest: Form }) {
  const began = digest.services.filter((one) => typeof one.begun.value === "number" && one.begun.value > 0);
  if (digest.leaks.length + began.length === 0) return null;
  return (
    <section>
      <h3>Processes</h3>
      <ul className="plain">
        {digest.leaks.map((one) => (
          <li key={`${one.sentinel} ${one.service}`}>
            <strong>{one.service}</strong>: {one.sentinel} is {one.verdict}, {told(one.value)}. {one.reason}{" "}
            <span className="quiet">
              <Words of={one.look_next} />
            </span>
          </li>
        ))}
        {began.map((one) => (
          <li key={one.service}>
            <strong>{one.service}</strong> was started {told(one.begun)} times
            {typeof one.ended.value === "number" && one.ended.value > 0 && `, ended unasked ${told(one.ended)} times`}
            {one.reason && <span className="quiet">; {one.reason}</span>}
          </li>
        ))}
      </ul>
    </section>
  );
}

const PLOT = { width: 320, height: 56 };

function Plots({ plots }: { plots: Form["plots"] }) {
  if (plots.length === 0) return null;
  return (
    <section>
      <h3>Over the day</h3>
      <div className="digest-plots">
        {plots.map((one) => {
          const { line, limitY } = lineOf(one.points as [number, number][], one.limit ?? null, PLOT.width, PLOT.height);
          const values = one.points.map((point) => Number(point[1]));
          const words = `${measureName(one.name.replaceAll("_", " "))}: least ${figure(Math.min(...values))}, most ${quantity(Math.max(...values), one.unit)}`;
          return (
            <figure key={one.name}>
              <svg
                className="digest-plot"
                viewBox={`0 0 ${PLOT.width} ${PLOT.height}`}
                preserveAspectRatio="none"
                role="img"
                aria-label={words}
              >
                <path className="plot-line" d={line} />
                {limitY !== null && <path className="plot-limit" d={`M0 ${limitY}H${PLOT.width}`} />}
              </svg>
              <figcaption>
                {words}
                {one.limit !== null && one.limit !== undefined && (
                  <span className="quiet">
                    , must be {one.comparator} {quantity(one.limit, one.unit)}
                  </span>
                )}
              </figcaption>
            </figure>
          );
        })}
      </div>
    </section>
  );
}

function Loop({ digest }: { digest: Form }) {
  return (
    <details className="past">
      <summary>How the observer itself fared</summary>
      <Facts facts={digest.loop.map((one) => one.fact)} />
    </details>
  );
}

function Missing({ digest }: { digest: Form }) {
  const missing = digest.missing ?? [];
  if (missing.length === 0) return null;
  return (
    <section className="notice">
      <h3>What could not be had</h3>
      <ul className="plain">
        {missing.map((one) => (
          <li key={one.what}>
            <strong>{one.what}</strong>: {one.why}
          </li>
        ))}
      </ul>
    </section>
  );
}
