/** A provider's key goes in and never comes out: set, replaced, removed, in force without a restart. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/http";
import type { Provider } from "../api/wire-admin";
import { Ask } from "../kit/ask";
import { Dialog } from "../kit/dialog";
import { FailureNote } from "../kit/states";

const KEY_CHARS_MAX = 4_096;

function path(name: string): string {
  return `/api/providers/${encodeURIComponent(name)}/key`;
}

export function KeyDialog({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const client = useQueryClient();
  // Kept here alone, and gone with the window: no cache holds it.
  const [key, setKey] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const verb = provider.has_key ? "Replace the key" : "Set the key";

  async function put(event: React.FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await call(path(provider.name), { method: "PUT", body: { key: key.trim() } });
      void client.invalidateQueries({ queryKey: ["providers"] });
      onClose();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  }

  return (
    <Dialog title={`${verb} of ${provider.name}`} onClose={onClose}>
      <form autoComplete="off" onSubmit={(event) => void put(event)}>
        <p>
          It goes to <span className="break">{provider.url}</span> and nowhere else, counts within seconds, and is never
          shown again{provider.has_key && "; the one before is gone"}.
        </p>
        <label className="field">
          Key
          <input
            autoFocus
            required
            type="password"
            name="provider-key"
            autoComplete="new-password"
            spellCheck={false}
            maxLength={KEY_CHARS_MAX}
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </label>
        {error !== null && <FailureNote error={error} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" className="button primary" disabled={busy || key.trim() === ""}>
            {busy ? "Sending…" : verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export function NoKeyDialog({ provider, onClose }: { provider: Provider; onClose: () => void }) {
  const client = useQueryClient();
  return (
    <Ask
      title={`Remove the key of ${provider.name}`}
      verb="Remove the key"
      danger
      onClose={onClose}
      onDone={() => void client.invalidateQueries({ queryKey: ["providers"] })}
      act={() => call(path(provider.name), { method: "DELETE" })}
    >
      <p>
        {provider.name} is off from then on: its models are not listed, and whoever asks for one is told why. Calls that
        are being answered come to their end. Nobody can bring the key back; have it at hand if you may need it.
      </p>
    </Ask>
  );
}
