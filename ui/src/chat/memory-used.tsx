/** What was remembered and went into an answer: to be opened, put right, or forgotten. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/http";
import { useMe } from "../api/queries";
import type { Council, MemoryMention } from "../api/wire";
import { useGiveBack } from "../kit/give-back";
import { Icon } from "../kit/icons";
import { count } from "../kit/numbers";
import { FailureNote } from "../kit/states";
import { Correct } from "../memory/correct";

export function MemoryUsed({ council }: { council: Council }) {
  const { memory } = council;
  if (!memory) return null;
  return (
    <section>
      <h3>Memory</h3>
      {memory.used.length === 0 && memory.stored.length === 0 && (
        <p className="quiet">Nothing was used, nothing new was kept.</p>
      )}
      {memory.used.length > 0 && (
        <ul className="memories">
          {memory.used.map((one) => (
            <Used key={one.id} memory={one} />
          ))}
        </ul>
      )}
      {memory.stored.length > 0 && (
        <p className="quiet">Kept: {count(memory.stored.length, "new memory", "new memories")}.</p>
      )}
      {memory.storing === "failed" && <p className="notice">What you said could not be kept.</p>}
      <Link href="/memory">All that is remembered</Link>
    </section>
  );
}

function Used({ memory }: { memory: MemoryMention }) {
  const client = useQueryClient();
  const who = useMe();
  const [editing, setEditing] = useState(false);
  const correct = useGiveBack(editing);
  const [right, setRight] = useState<string | null>(null);
  const forget = useMutation({
    mutationFn: () => call(`/api/memory/${encodeURIComponent(memory.id)}`, { method: "DELETE" }),
    onSuccess: () => client.invalidateQueries({ queryKey: ["memories"] }),
  });
  const text = right ?? memory.text;
  if (editing) {
    return (
      <li className="memory-editing">
        <Correct
          id={memory.id}
          kind={memory.kind}
          text={text}
          onDone={(corrected) => {
            setRight(corrected.text);
            setEditing(false);
          }}
          onLeave={() => setEditing(false)}
        />
      </li>
    );
  }
  return (
    <li className={forget.isSuccess ? "gone" : ""}>
      <span className="break">
        {text}
        {right !== null && !forget.isSuccess && (
          <span className="quiet"> corrected; the answer above had the old words</span>
        )}
      </span>
      {forget.isSuccess && <span className="quiet">forgotten</span>}
      {who?.signed_in && !forget.isSuccess && (
        <span className="memory-tools">
          <Link
            href={`/memory?id=${encodeURIComponent(memory.id)}`}
            className="quiet-button"
            aria-label={`Open: ${text}`}
            title="Open it in Memory"
          >
            <Icon name="memory" size={16} />
          </Link>
          <button
            type="button"
            ref={correct}
            className="quiet-button"
            aria-label={`Correct: ${text}`}
            title="Correct it"
            onClick={() => setEditing(true)}
          >
            <Icon name="edit" size={16} />
          </button>
          <button
            type="button"
            className="quiet-button"
            disabled={forget.isPending}
            aria-label={`Forget: ${text}`}
            title="Forget it, for good"
            onClick={() => forget.mutate()}
          >
            <Icon name="trash" size={16} />
          </button>
        </span>
      )}
      {forget.error !== null && <FailureNote error={forget.error} />}
    </li>
  );
}
