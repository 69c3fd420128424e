/** What stands behind an answer: how far it was checked, by what, what went into it, what it cost and how long it took. */

import { Link } from "wouter";
import type { Council, Message } from "../api/wire";
import { CopyButton } from "../kit/copy";
import { Icon } from "../kit/icons";
import { count, milliseconds, money, share, short } from "../kit/numbers";
import { Found } from "./found";
import { answerers, badge } from "./levels";
import { MemoryUsed } from "./memory-used";
import { Parts } from "./parts";
import { EscalatedOrNot, PassedOnBy } from "./way";

export function Evidence({ message }: { message: Message }) {
  const { council } = message;
  if (!council) {
    return (
      <p className="quiet evidence-none">
        {message.state === "running"
          ? "The evidence comes with the end of the answer."
          : "This answer has no evidence: it did not come to its end."}
      </p>
    );
  }
  const label = badge(council);
  const parts = council.evidence.detail.parts ?? [];
  return (
    <div className="evidence">
      <section className={`evidence-head ${label.tone}`}>
        <p className="badge-large">
          <Icon name={label.icon} /> {label.words}
        </p>
        <p>{label.meaning}</p>
        {parts.length > 0 && (
          <p>
            {count(parts.length, "question was", "questions were")} asked at once. The whole is as good as its weakest
            part.
          </p>
        )}
      </section>
      <Facts council={council} />
      {parts.length > 0 ? <Parts parts={parts} /> : <Found of={council.evidence} />}
      <MemoryUsed council={council} />
      <Timings council={council} />
      <Way council={council} />
      <Origin council={council} />
    </div>
  );
}

function Facts({ council }: { council: Council }) {
  const parts = council.evidence.detail.parts ?? [];
  const { passed_on } = council.evidence;
  return (
    <dl className="facts">
      <div>
        <dt>Answered by</dt>
        <dd>
          {answerers(council)}
          {council.model && (
            <>
              , <span className="break">{council.model}</span>
            </>
          )}
        </dd>
      </div>
      <div>
        <dt>Confidence</dt>
        <dd>
          <meter min={0} max={1} value={council.confidence} aria-label="Confidence" /> {share(council.confidence)}
          {parts.length > 0 && <span className="quiet"> · the lowest of all</span>}
        </dd>
      </div>
      <div>
        <dt>Cost</dt>
        <dd>
          {money(council.cost_usd_micros)}
          {council.tokens.prompt + council.tokens.completion > 0 && (
            <span className="quiet">
              {" "}
              · {council.tokens.prompt.toLocaleString("en-GB")} + {count(council.tokens.completion, "token")}
            </span>
          )}
        </dd>
      </div>
      {passed_on && (passed_on.length > 0 || parts.length === 0) && (
        <div>
          <dt>Passed on</dt>
          <dd>{passed_on.length > 0 ? <PassedOnBy passed={passed_on} /> : "No, whoever was asked first answered"}</dd>
        </div>
      )}
      <div>
        <dt>Escalated</dt>
        <dd>
          <EscalatedOrNot council={council} />
        </dd>
      </div>
    </dl>
  );
}

/** What lies within another stage, or is the whole. */
const NOT_STAGES = new Set(["total", "first_token"]);

function Timings({ council }: { council: Council }) {
  const total = council.timings_ms.total ?? 0;
  const stages = Object.entries(council.timings_ms).filter(([name]) => !NOT_STAGES.has(name));
  const most = Math.max(1, ...stages.map(([, ms]) => ms));
  const first = council.timings_ms.first_token;
  return (
    <section>
      <h3>
        Time <span className="figure">{milliseconds(total)}</span>
      </h3>
      <table className="bars">
        <tbody>
          {stages.map(([name, ms]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <svg className="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
                  <rect width={Math.max(0.5, (ms / most) * 100)} height="8" rx="1" />
                </svg>
              </td>
              <td className="figure">{milliseconds(ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {first !== undefined && <p className="quiet">First word after {milliseconds(first)}.</p>}
    </section>
  );
}

function Way({ council }: { council: Council }) {
  // What an older release kept says it in one way only.
  const passed = council.evidence.passed_on ? [] : Object.entries(council.passed_on);
  return (
    <details>
      <summary>Why it went to {council.specialist}</summary>
      <ul className="plain">
        {council.route_reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
      {passed.length > 0 && (
        <>
          <h4>Passed on by</h4>
          <ul className="plain">
            {passed.map(([name, why]) => (
              <li key={name}>
                {name}: {why}
              </li>
            ))}
          </ul>
        </>
      )}
      {council.degraded.length > 0 && (
        <>
          <h4>Was away</h4>
          <ul className="plain">
            {council.degraded.map((one) => (
              <li key={one}>{one}</li>
            ))}
          </ul>
        </>
      )}
      {council.tried && council.tried.length > 0 && <p>Asked in vain before: {council.tried.join(", ")}</p>}
    </details>
  );
}

function Origin({ council }: { council: Council }) {
  return (
    <dl className="facts small">
      <div>
        <dt>Request</dt>
        <dd>
          <code>{council.request_id}</code> <CopyButton text={council.request_id} what="request id" />
        </dd>
      </div>
      <div>
        <dt>Generation</dt>
        <dd>
          <code>{short(council.generation)}</code>
          {council.cid && (
            <>
              {" "}
              by patch <Link href={`/changes/${council.cid}`}>{short(council.cid)}</Link>
            </>
          )}
        </dd>
      </div>
    </dl>
  );
}
