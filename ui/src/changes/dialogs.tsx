/** The two steps before what changes the service: what will happen, in numbers, and why it is done. */

import { useQueryClient } from "@tanstack/react-query";
import { call } from "../api/http";
import type { ChangeDetail } from "../api/wire";
import { Ask } from "../kit/ask";
import { count, short } from "../kit/numbers";
import { switchTook } from "./words";

const WHY = "Why, for the lineage";

function useAskedAnew(): () => void {
  const client = useQueryClient();
  return () => {
    void client.invalidateQueries({ queryKey: ["changes"] });
    void client.invalidateQueries({ queryKey: ["change"] });
  };
}

export function RollbackDialog({ change, onClose }: { change: ChangeDetail; onClose: () => void }) {
  const onDone = useAskedAnew();
  const path = `/api/changes/${encodeURIComponent(change.cid)}/rollback`;
  return (
    <Ask
      title={`Roll back ${short(change.cid)}`}
      verb={`Roll back ${short(change.cid)}`}
      danger
      why={WHY}
      onClose={onClose}
      onDone={onDone}
      act={(reason) => call(path, { method: "POST", body: { reason } })}
    >
      <p>
        <strong>{change.title}</strong>
      </p>
      <ul className="plain will">
        <li>
          Generation <code>{short(change.base)}</code> serves again in place of <code>{short(change.target)}</code>.
        </li>
        <li>
          Of {count(change.rollback.services, "process", "processes")} those that it touches are started anew
          {change.rollback.took_s !== null && `; its own switch took ${switchTook(change.rollback.took_s)}`}.
        </li>
        <li>Answers that are being given come to their end.</li>
        <li>The same content goes into quarantine: it is not taken again, whoever signs it.</li>
      </ul>
    </Ask>
  );
}

export function FreezeDialog({ frozen, onClose }: { frozen: boolean; onClose: () => void }) {
  const onDone = useAskedAnew();
  return frozen ? (
    <Ask
      title="Lift the freeze"
      verb="Take patches again"
      onClose={onClose}
      onDone={onDone}
      act={() => call("/api/freeze", { method: "DELETE" })}
    >
      <p>From then on signed patches are taken again, those of bots within their quota.</p>
    </Ask>
  ) : (
    <Ask
      title="Freeze changes"
      verb="Freeze"
      danger
      why={WHY}
      onClose={onClose}
      onDone={onDone}
      act={(reason) => call("/api/freeze", { method: "POST", body: { reason } })}
    >
      <p>
        No patch is taken until the freeze is lifted, of a person or a bot. One that is on its way stops before it would
        serve; rollbacks go on.
      </p>
    </Ask>
  );
}
