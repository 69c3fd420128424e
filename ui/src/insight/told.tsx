/** What is told in sentences: each leads to the numbers that it is made of, and each number to how it is asked for again. */

import type { Explanation, Fact, Sentence } from "../api/wire";
import { Words } from "../kit/words";
import { told } from "./words";

/** Sentences under a heading, the first as a paragraph. */
export function Part({ title, sentences }: { title: string; sentences: Sentence[] }) {
  if (sentences.length === 0) return null;
  const [first, ...rest] = sentences;
  return (
    <section>
      <h3>{title}</h3>
      {first && <Told sentence={first} />}
      {rest.length > 0 && (
        <ul className="plain">
          {rest.map((one, place) => (
            <li key={String(place)}>
              <Told sentence={one} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** A sentence, and under it where each of its numbers comes from. */
export function Told({ sentence }: { sentence: Sentence }) {
  const facts = sentence.facts ?? [];
  if (facts.length === 0)
    return (
      <p>
        <Words of={sentence.text} />
      </p>
    );
  return (
    <details className="told">
      <summary>
        <Words of={sentence.text} />
      </summary>
      <Facts facts={facts} />
    </details>
  );
}

/** Numbers with the query that gives each again. */
export function Facts({ facts }: { facts: Fact[] }) {
  return (
    <ul className="plain facts-told">
      {facts.map((fact, place) => (
        <li key={String(place)}>
          {fact.name}: {told(fact)} {fact.query && <code>{fact.query}</code>}
        </li>
      ))}
    </ul>
  );
}

export function Explained({ of, near = false }: { of: Explanation; near?: boolean }) {
  const causes = near
    ? "What changed near it, the nearest first"
    : "What may have brought it about, the likeliest first";
  return (
    <>
      <Part title={near ? "What it is" : "What happened"} sentences={of.happened} />
      <Part title={causes} sentences={(of.causes ?? []).map((one) => one.sentence)} />
      <Part title="What was done" sentences={of.done ?? []} />
      <Part title="What to do next" sentences={of.next_steps ?? []} />
    </>
  );
}
