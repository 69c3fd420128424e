/** What a newcomer sees: what this is, that it can be trusted how far, and a question for each specialist. */

import { Link } from "wouter";

const QUESTIONS: { kind: string; text: string; does: string }[] = [
  { kind: "Math", text: "What is 17% of 2,340?", does: "computed, then checked by other code" },
  {
    kind: "Logic",
    text: "All whales are mammals. No mammals are fish. Is it true that no whales are fish?",
    does: "proved from your own sentences",
  },
  { kind: "Knowledge", text: "What does verified mean?", does: "quoted with its source" },
  { kind: "Code", text: "Write a Python function that reverses a string.", does: "run on tests in a sandbox" },
  { kind: "General", text: "Write one sentence about the sea.", does: "the local model's words, marked as unverified" },
];

export function Welcome({ onAsk, unsaved }: { onAsk: (text: string) => void; unsaved: boolean }) {
  return (
    <div className="welcome">
      <h2>Ask, and see why you may believe the answer.</h2>
      <p>
        Specialists on this machine answer first. Each answer says how far it was checked, what it cost, and how long it
        took.
      </p>
      <ul className="welcome-list">
        {QUESTIONS.map((one) => (
          <li key={one.kind}>
            <button type="button" onClick={() => onAsk(one.text)}>
              <span className="welcome-kind">{one.kind}</span>
              <span className="welcome-text">{one.text}</span>
              <span className="welcome-does">{one.does}</span>
            </button>
          </li>
        ))}
      </ul>
      {unsaved && (
        <p className="notice">
          You are not signed in: this conversation is gone when you leave the page. <Link href="/login">Sign in</Link>{" "}
          to keep conversations, use memory and run code.
        </p>
      )}
    </div>
  );
}
