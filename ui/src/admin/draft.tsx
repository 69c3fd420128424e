/** What would change the blueprint, offered as a patch: its files, and the commands by which somebody signs and sends it. */

import { useEffect, useState } from "react";
import { call } from "../api/http";
import type { Draft, Edit } from "../api/wire-admin";
import { FileDiff } from "../changes/diff";
import { CopyButton } from "../kit/copy";
import { Dialog } from "../kit/dialog";
import { Icon } from "../kit/icons";
import { FailureNote } from "../kit/states";
import { At } from "../kit/times";
import "../styles/changes.css";

const TITLE_CHARS_MAX = 100;
const REASON_CHARS_MAX = 2_000;

interface OfferProps {
  /** What the window is called, and the patch until somebody calls it otherwise. */
  title: string;
  /** Returns what is to be changed; null while what was entered is not whole. */
  edits: () => Edit[] | null;
  onClose: () => void;
  children: React.ReactNode;
}

export function Offer({ title, edits, onClose, children }: OfferProps) {
  const [name, setName] = useState(title);
  const [reason, setReason] = useState("");
  const [draft, setDraft] = useState<Draft | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const wanted = edits();

  async function ask(event: React.FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const body = { title: name.trim(), reason: reason.trim(), edits: wanted };
      setDraft(await call<Draft>("/api/drafts", { method: "POST", body }));
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  if (draft) return <Drafted draft={draft} onBack={() => setDraft(null)} onClose={onClose} />;
  return (
    <Dialog title={title} onClose={onClose} className="wide">
      <form onSubmit={(event) => void ask(event)}>
        <p className="quiet">
          This is part of the blueprint, which only a signed patch changes. You get the patch and the commands to sign
          and send it; nothing is changed here.
        </p>
        {children}
        <label className="field">
          Title of the patch
          <input required maxLength={TITLE_CHARS_MAX} value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        <label className="field">
          Why, for whoever reads it later
          <input
            required
            maxLength={REASON_CHARS_MAX}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
          />
        </label>
        {error !== null && <FailureNote error={error} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Leave it
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={busy || !wanted?.length || name.trim() === "" || reason.trim() === ""}
          >
            {busy ? "Drafting…" : "Draft the patch"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Drafted({ draft, onBack, onClose }: { draft: Draft; onBack: () => void; onClose: () => void }) {
  return (
    <Dialog title="A patch to sign" onClose={onClose} className="wide drafted">
      <p className="draft-lead">
        Nothing is changed yet. Patch <code>{draft.cid}</code> waits for a signature, until <At us={draft.expires_us} />
        .
      </p>
      {draft.notes.length > 0 && (
        <ul className="plain">
          {draft.notes.map((one) => (
            <li key={one}>{one}</li>
          ))}
        </ul>
      )}
      <section aria-labelledby="draft-files">
        <h3 id="draft-files">What it changes</h3>
        {draft.files.map((one) => (
          <FileDiff key={one.path} difference={{ ...one, action: "put", mode: "plain", note: "" }} open />
        ))}
      </section>
      <section aria-labelledby="draft-commands">
        <header className="draft-head">
          <h3 id="draft-commands">How it comes in</h3>
          <span>
            <Save document={draft.document} />
            <CopyButton text={draft.document} what="patch.json" label="Copy patch.json" />
            <CopyButton text={draft.commands.join("\n")} what="commands" label="Copy commands" />
          </span>
        </header>
        <p className="quiet">Save patch.json, and beside it run:</p>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
        <pre className="commands" tabIndex={0} role="group" aria-label="Commands">
          {draft.commands.join("\n")}
        </pre>
      </section>
      <div className="dialog-buttons">
        <button type="button" className="button" onClick={onBack}>
          Change it
        </button>
        <button type="button" className="button primary" onClick={onClose}>
          Done
        </button>
      </div>
    </Dialog>
  );
}

/** The document as a file, byte for byte as it will be signed. */
function Save({ document: text }: { document: string }) {
  const [address, setAddress] = useState("");
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [text]);
  return (
    <a className="button" href={address || undefined} download="patch.json">
      <Icon name="download" size={16} /> Save patch.json
    </a>
  );
}
