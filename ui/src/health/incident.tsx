/** An incident as a line of time: what began, what may have brought it about, what was done, when it was over. */

import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { incident } from "../api/queries";
import type { Incident } from "../api/wire";
import { CopyButton } from "../kit/copy";
import { FailureNote, Waiting } from "../kit/states";
import { stretch, useNow } from "../kit/time";
import { At } from "../kit/times";
import { Shape } from "../kit/verdict";
import { Words } from "../kit/words";
import { gateName } from "./words";

export default function IncidentPage({ id }: { id: string }) {
  const found = useQuery(incident(id));
  return (
    <div className="view incident">
      <p className="crumb">
        <Link href="/health">Health</Link>
      </p>
      {found.isPending && <Waiting what="the incident" lines={8} />}
      {found.error !== null && !found.data && <h1>Incident</h1>}
      {found.error !== null && !found.data && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <Story incident={found.data} />}
    </div>
  );
}

function Story({ incident: one }: { incident: Incident }) {
  const now = useNow();
  const isOpen = one.standing === "open";
  return (
    <>
      <header className="view-head">
        <Shape verdict={isOpen ? (one.severity === "page" ? "red" : "amber") : "green"} size={20} />
        <h1>{one.title}</h1>
        <p className="view-when">
          <code>{one.id}</code> <CopyButton text={one.id} what="incident id" />
        </p>
      </header>
      <dl className="spans">
        <div>
          <dt>Began</dt>
          <dd>
            <At us={one.began_us} />
          </dd>
        </div>
        <div>
          <dt>Noticed after</dt>
          <dd>{stretch(one.detection_s)}</dd>
        </div>
        <div>
          <dt>{isOpen ? "Goes on for" : "Over after"}</dt>
          <dd>{stretch(isOpen ? now / 1000 - one.began_us / 1e6 : (one.repair_s ?? 0))}</dd>
        </div>
        <div>
          <dt>A person is needed</dt>
          <dd>{isOpen && one.severity === "page" ? "Yes" : isOpen ? "Not yet" : "No, it is over"}</dd>
        </div>
      </dl>
      <div className="pair">
        <section className="card" aria-labelledby="causes">
          <h2 id="causes">What may have brought it about</h2>
          {one.causes.length === 0 && (
            <p className="quiet">No candidate: nothing else was bad or had changed at that time.</p>
          )}
          <ol className="causes">
            {one.causes.map((cause) => (
              <li key={`${cause.title} ${cause.at_us}`}>
                <strong>{cause.title}</strong>
                <span className="quiet">
                  {" "}
                  <At us={cause.at_us} />
                  {cause.until_us ? ` to ${stretch((cause.until_us - cause.at_us) / 1e6)} later` : ", still"}
                </span>
                <p>
                  <Words of={cause.reason} />
                </p>
                <p className="quiet">{cause.because || "Only the time links it."}</p>
              </li>
            ))}
          </ol>
        </section>
        <section className="card" aria-labelledby="alerts">
          <h2 id="alerts">Alerts</h2>
          <ul className="alerts">
            {one.alerts.map((alert) => (
              <li key={`${alert.name} ${alert.since_us}`}>
                <p>
                  <Shape verdict={alert.ended_us ? "green" : alert.severity === "page" ? "red" : "amber"} />{" "}
                  <strong>{gateName(alert.name)}</strong> <Words of={alert.summary} />
                </p>
                <p className="quiet">
                  <At us={alert.since_us} />
                  {alert.ended_us ? (
                    <>
                      {" "}
                      to <At us={alert.ended_us} />, {alert.ending}
                    </>
                  ) : (
                    ", still"
                  )}
                </p>
                {!alert.ended_us && alert.next_step && (
                  <p>
                    Next: <Words of={alert.next_step} />
                  </p>
                )}
              </li>
            ))}
          </ul>
        </section>
      </div>
      <section className="card" aria-labelledby="timeline">
        <h2 id="timeline">Timeline</h2>
        {one.moments_left_out > 0 && <p className="quiet">{one.moments_left_out} moments are left out.</p>}
        <ol className="timeline">
          {one.timeline.map((moment, index) => (
            <li key={String(index)}>
              <At us={moment.at_us} />
              <span>{moment.text}</span>
            </li>
          ))}
        </ol>
      </section>
    </>
  );
}
