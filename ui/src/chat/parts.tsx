/** Several questions that were asked at once: each with its own answerer, level and evidence, apart from the others. */

import type { Part } from "../api/wire";
import { Icon } from "../kit/icons";
import { share } from "../kit/numbers";
import { Found } from "./found";
import { badgeOf, specialist } from "./levels";
import { PassedOnBy } from "./way";

export function Parts({ parts }: { parts: Part[] }) {
  return (
    <ol className="parts">
      {parts.map((part, place) => (
        <li key={String(place)}>
          <OnePart part={part} place={place} />
        </li>
      ))}
    </ol>
  );
}

function OnePart({ part, place }: { part: Part; place: number }) {
  const label = badgeOf(part.level, part.detail);
  const passed = part.passed_on ?? [];
  return (
    <section className={`part ${label.tone}`} aria-label={`Question ${place + 1}: ${part.question}`}>
      <h3>
        <span className="part-number">{place + 1}</span> {part.question}
      </h3>
      <p className="part-level" title={label.meaning}>
        <Icon name={part.refused ? "cross" : label.icon} size={16} />{" "}
        <strong>{part.refused ? "No answer" : label.words}</strong>
        <span className="quiet">
          {" "}
          · {specialist(part.specialist)}
          {part.model && `, ${part.model}`}
          {part.confidence !== undefined && ` · ${share(part.confidence)} confident`}
        </span>
      </p>
      {passed.length > 0 && (
        <div className="part-passed">
          Passed on: <PassedOnBy passed={passed} />
        </div>
      )}
      <Found of={part} />
    </section>
  );
}
