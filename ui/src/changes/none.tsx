/** What will be here once something was changed, and how a change comes. */

import { Link } from "wouter";
import { CopyButton } from "../kit/copy";

const STEPS: { name: string; what: string; command: string }[] = [
  {
    name: "Written",
    what: "Somebody, or a bot, writes down what differs from what serves: settings, prompts, gates, knowledge.",
    command: 'council patch new --from blueprint --title "Answer shorter" --reason "Answers were long."',
  },
  {
    name: "Signed",
    what: "By a key that the policy lists. Without such a signature nothing is taken.",
    command: "council patch sign patch.json",
  },
  {
    name: "Tried",
    what: "It is checked, runs beside what serves, takes over in one moment, and is watched while it serves.",
    command: "council patch submit patch.json",
  },
  {
    name: "Kept, or taken back",
    what: "Where a gate turns red it goes back by itself. An admin may roll the newest back, here or by a command.",
    command: 'council patch rollback --reason "Too short."',
  },
];

export function NoChange({ children }: { children: React.ReactNode }) {
  return (
    <div className="view changes-none">
      {children}
      <p className="lead">
        Nothing has been changed yet. Council changes by signed patches alone, and each shows here from the moment it is
        taken: who signed it, every step with its time, what it did to each file, the gates before and after, and the
        way back.
      </p>
      <section aria-labelledby="how">
        <h2 id="how">How a change comes</h2>
        <ol className="how">
          {STEPS.map((step) => (
            <li key={step.name} className="card">
              <h3>{step.name}</h3>
              <p>{step.what}</p>
              <p className="how-command">
                <code>{step.command}</code>
                <CopyButton text={step.command} what={`the command for: ${step.name}`} />
              </p>
            </li>
          ))}
        </ol>
      </section>
      <p className="quiet">
        <Link href="/guide/change-it-by-a-signed-patch">The whole way once, step by step</Link> ·{" "}
        <Link href="/guide/sign-a-patch">Make, sign and submit a patch</Link> ·{" "}
        <Link href="/guide/let-bots-look-after-it">Let bots look after it</Link>
      </p>
    </div>
  );
}
