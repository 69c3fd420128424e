/** The second step before what is dear to undo: what will happen, in numbers, and why it is done. */

import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Dialog } from "./dialog";
import { FailureNote } from "./states";

interface AskProps {
  title: string;
  /** What the button that does it says. */
  verb: string;
  danger?: boolean;
  /** What asks for the reason, where one is needed. */
  why?: string;
  whyCharsMax?: number;
  onClose: () => void;
  act: (reason: string) => Promise<unknown>;
  onDone?: () => void;
  children: React.ReactNode;
}

export function Ask({ title, verb, danger, why, whyCharsMax = 500, onClose, act, onDone, children }: AskProps) {
  const [reason, setReason] = useState("");
  const work = useMutation({
    mutationFn: () => act(reason.trim()),
    onSuccess: () => {
      onDone?.();
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
        {why && (
          <label className="field">
            {why}
            <input
              autoFocus
              required
              maxLength={whyCharsMax}
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
            disabled={work.isPending || (why !== undefined && reason.trim() === "")}
          >
            {work.isPending ? "Sending…" : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
