/** The two steps before what changes the service: what will happen, in numbers, and why it is done. */

import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/http";
import type { ChangeDetail } from "../api/wire";
import { Dialog } from "../kit/dialog";
import { count, short } from "../kit/numbers";
import { FailureNote } from "../kit/states";
import { switchTook } from "./words";

const REASON_CHARS_MAX = 500;

interface AskProps {
  title: string;
  verb: string;
  danger?: boolean;
  needsReason: boolean;
  onClose: () => void;
  act: (reason: string) => Promise<unknown>;
  children: React.ReactNode;
}

function Ask({ title, verb, danger, needsReason, onClose, act, children }: AskProps) {
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const work = useMutation({
    mutationFn: () => act(reason.trim()),
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: ["changes"] });
      void client.invalidateQueries({ queryKey: ["change"] });
      onClose();
    },
  });
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          work.mutate();
        }}
      >
        {children}
        {needsReason && (
          <label className="field">
            Why, for the lineage
            <input
              autoFocus
              required
              maxLength={REASON_CHARS_MAX}
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          </label>
        )}
        {work.error !== null && <FailureNote error={work.error} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Leave it
          </button>
          <button
            type="submit"
            className={danger ? "button danger" : "button primary"}
            disabled={work.isPending || (needsReason && reason.trim() === "")}
          >
            {work.isPending ? "Sending…" : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function RollbackDialog({ change, onClose }: { change: ChangeDetail; onClose: () => void }) {
  const path = `/api/changes/${encodeURIComponent(change.cid)}/rollback`;
  return (
    <Ask
      title={`Roll back ${short(change.cid)}`}
      verb={`Roll back ${short(change.cid)}`}
      danger
      needsReason
      onClose={onClose}
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
  return frozen ? (
    <Ask
      title="Lift the freeze"
      verb="Take patches again"
      needsReason={false}
      onClose={onClose}
      act={() => call("/api/freeze", { method: "DELETE" })}
    >
      <p>From then on signed patches are taken again, those of bots within their quota.</p>
    </Ask>
  ) : (
    <Ask
      title="Freeze changes"
      verb="Freeze"
      danger
      needsReason
      onClose={onClose}
      act={(reason) => call("/api/freeze", { method: "POST", body: { reason } })}
    >
      <p>
        No patch is taken until the freeze is lifted, of a person or a bot. One that is on its way stops before it would
        serve; rollbacks go on.
      </p>
    </Ask>
  );
}
