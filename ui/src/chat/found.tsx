/** What an answer rests on: what was read and checked, the program, its tests, the passages. */

import type { Evidence, Passage, TestCase } from "../api/wire";
import { Icon } from "../kit/icons";
import { count } from "../kit/numbers";
import { Words } from "../kit/words";
import { CodeBlock } from "../markdown/code-block";

/** Shows one answer's evidence; `of` is the whole of it, or that of one question among several. */
export function Found({ of }: { of: Pick<Evidence, "summary" | "detail"> }) {
  const { detail, summary } = of;
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
      {detail.own_tests && detail.own_tests.length > 0 && <Tests tests={detail.own_tests} by="that the model wrote" />}
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

function Tests({ tests, by = "" }: { tests: TestCase[]; by?: string }) {
  const passed = tests.filter((one) => one.passed).length;
  return (
    <details open>
      <summary>
        {passed} of {count(tests.length, "test")} {by} passed
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
