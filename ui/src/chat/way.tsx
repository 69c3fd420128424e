/** How a question came to whoever answered it, in the service's own words: who passed it on, and whether it was escalated. */

import type { Council, PassedOn } from "../api/wire";
import { Words } from "../kit/words";

/** Lists who passed a question on; one that did so for several parts is named for each reason once. */
export function PassedOnBy({ passed }: { passed: PassedOn[] }) {
  const once = [...new Map(passed.map((one) => [`${one.by} ${one.reason}`, one])).values()];
  return (
    <ul className="plain passed-on">
      {once.map((one) => (
        <li key={`${one.by} ${one.reason}`}>
          By <strong>{one.by}</strong>: {one.words}
          {one.reason && one.reason !== one.words && (
            <span className="quiet">
              {" "}
              <Words of={sentence(one.reason)} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

export function EscalatedOrNot({ council }: { council: Council }) {
  const { escalation } = council.evidence;
  // What an older release kept does not say why.
  if (!escalation) return council.escalated ? "Yes, to a paid model" : "No";
  return (
    <>
      {escalation.escalated ? "Yes" : "No"}
      {escalation.model && (
        <>
          {escalation.escalated ? ", to " : ", not to "}
          <span className="break">{escalation.model}</span>
        </>
      )}
      . {escalation.words}
      {escalation.reason && (
        <span className="quiet">
          {" "}
          <Words of={sentence(escalation.reason)} />
        </span>
      )}
    </>
  );
}

/** Returns a reason as a sentence. */
export function sentence(reason: string): string {
  const begun = reason.charAt(0).toUpperCase() + reason.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
