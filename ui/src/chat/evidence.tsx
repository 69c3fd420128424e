/** What stands behind an answer: how far it was checked, by what, what went into it, what it cost and how long it took. */

import { Link } from "wouter";
import type { Council, Message, Passage, TestCase } from "../api/wire";
import { CopyButton } from "../kit/copy";
import { Icon } from "../kit/icons";
import { count, milliseconds, money, share, short } from "../kit/numbers";
import { Words } from "../kit/words";
import { CodeBlock } from "../markdown/code-block";
import { badge, specialist } from "./levels";
import { MemoryUsed } from "./memory-used";

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
  return (
    <div className="evidence">
      <section className={`evidence-head ${label.tone}`}>
        <p className="badge-large">
          <Icon name={label.icon} /> {label.words}
        </p>
        <p>{label.meaning}</p>
      </section>
      <Facts council={council} />
      <Found council={council} />
      <MemoryUsed council={council} />
      <Timings council={council} />
      <Way council={council} />
      <Origin council={council} />
    </div>
  );
}

function Facts({ council }: { council: Council }) {
  return (
    <dl className="facts">
      <div>
        <dt>Answered by</dt>
        <dd>
          {specialist(council)}
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
      <div>
        <dt>Escalated</dt>
        <dd>{council.escalated ? "Yes, to a paid model" : "No, it stayed on this machine"}</dd>
      </div>
    </dl>
  );
}

function Found({ council }: { council: Council }) {
  const { detail, summary } = council.evidence;
  return (
    <>
      <section>
        <h3>What was checked</h3>
        <p className="summary">
          <Words of={summary} />
        </p>
        {detail.exact && (
          <p>
            Exactly: <code className="break">{detail.exact}</code>
          </p>
        )}
        {detail.confidence_from && <p className="quiet">{detail.confidence_from}.</p>}
      </section>
      {detail.tests && detail.tests.length > 0 && <Tests tests={detail.tests} />}
      {detail.steps && detail.steps.length > 0 && (
        <details open>
          <summary>{count(detail.steps.length, "step")}</summary>
          <ol className="steps">
            {detail.steps.map((step, index) => (
              <li key={String(index)}>{step}</li>
            ))}
          </ol>
        </details>
      )}
      {detail.facts && detail.facts.length > 0 && (
        <details>
          <summary>How your sentences were read</summary>
          <dl className="readings">
            {detail.facts.map((fact) => (
              <div key={fact.sentence}>
                <dt>{fact.sentence}</dt>
                <dd>{fact.reading}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
      {detail.program && (
        <details>
          <summary>Program</summary>
          <CodeBlock code={detail.program} language="program" />
        </details>
      )}
      {detail.code && (
        <details>
          <summary>Code that was run</summary>
          <CodeBlock code={detail.code} language="python" />
        </details>
      )}
      {detail.passages && detail.passages.length > 0 && <Passages passages={detail.passages} />}
    </>
  );
}

function Tests({ tests }: { tests: TestCase[] }) {
  const passed = tests.filter((one) => one.passed).length;
  return (
    <details open>
      <summary>
        {passed} of {count(tests.length, "test")} passed
      </summary>
      <ul className="tests">
        {tests.map((one) => (
          <li key={one.test} className={one.passed ? "passed" : "failed"}>
            <Icon name={one.passed ? "check" : "cross"} size={16} />
            <span>
              <code>{one.test}</code>
              {!one.passed && <span className="quiet"> {one.gave}</span>}
              <span className="only-read">{one.passed ? "passed" : "failed"}</span>
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Passages({ passages }: { passages: Passage[] }) {
  const unique = [...new Map(passages.map((one) => [one.id, one])).values()];
  return (
    <details open>
      <summary>{count(unique.length, "passage")}</summary>
      {unique.map((one) => (
        <blockquote key={one.id} className="passage">
          <p>{one.quote || one.text}</p>
          <footer>
            <span className="break">{one.source}</span>
            {one.heading && <span className="quiet"> · {one.heading}</span>}
            <span className="quiet"> · {one.root === "library" ? "your library" : one.root}</span>
          </footer>
        </blockquote>
      ))}
    </details>
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
  const passed = Object.entries(council.passed_on);
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
