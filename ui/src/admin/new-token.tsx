/** A new token: whom it is for and what it may; then its secret, this once. */

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api/http";
import { useMe } from "../api/queries";
import type { NewToken } from "../api/wire-admin";
import { CopyButton } from "../kit/copy";
import { Dialog } from "../kit/dialog";
import { micros } from "../kit/dollars";
import { FailureNote } from "../kit/states";

const ROLES = [
  { role: "viewer", may: "sees how things are and asks" },
  { role: "operator", may: "also runs code, adds documents, throws the kill switch" },
  { role: "admin", may: "also changes tokens and keys, rolls back, freezes" },
  { role: "bot", may: "for a program: asks and runs code" },
] as const;
const USER = "[A-Za-z0-9._@\\-]{1,64}";

export function NewTokenDialog({ onClose }: { onClose: () => void }) {
  const client = useQueryClient();
  const who = useMe();
  const [user, setUser] = useState(who?.user ?? "");
  const [role, setRole] = useState<string>("viewer");
  const [label, setLabel] = useState("");
  const [rate, setRate] = useState("");
  const [day, setDay] = useState("");
  const [month, setMonth] = useState("");
  const [memory, setMemory] = useState(false);
  const [staging, setStaging] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  // Held here alone: when the window closes, nobody has it.
  const [made, setMade] = useState<NewToken | null>(null);
  const sums = { day: day.trim() ? micros(day) : undefined, month: month.trim() ? micros(month) : undefined };
  const requests = rate.trim() ? Number(rate) : undefined;
  const isWhole =
    sums.day !== null &&
    sums.month !== null &&
    sums.day !== 0 &&
    sums.month !== 0 &&
    (requests === undefined || (Number.isInteger(requests) && requests >= 1));

  async function make(event: React.FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const body = {
      user: user.trim(),
      role,
      ...(label.trim() && { label: label.trim() }),
      ...(requests !== undefined && { requests_per_minute: requests }),
      ...(memory && { memory }),
      ...(staging && { staging }),
      ...(sums.day !== undefined && { day_usd_micros: sums.day }),
      ...(sums.month !== undefined && { month_usd_micros: sums.month }),
    };
    try {
      setMade(await call<NewToken>("/api/tokens", { method: "POST", body }));
      void client.invalidateQueries({ queryKey: ["tokens"] });
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  if (made) return <Secret made={made} onClose={onClose} />;
  return (
    <Dialog title="New token" onClose={onClose}>
      <form autoComplete="off" onSubmit={(event) => void make(event)}>
        <label className="field">
          User
          <input
            autoFocus
            required
            pattern={USER}
            title="Up to 64 letters, digits and . _ @ -"
            value={user}
            onChange={(event) => setUser(event.target.value)}
          />
        </label>
        <label className="field">
          Label, to know it again by
          <input
            maxLength={100}
            placeholder="laptop, nightly script…"
            value={label}
            onChange={(event) => setLabel(event.target.value)}
          />
        </label>
        <fieldset className="choices">
          <legend>Role</legend>
          {ROLES.map((one) => (
            <label key={one.role} className="check">
              <input type="radio" name="role" checked={role === one.role} onChange={() => setRole(one.role)} />
              <span>
                {one.role} <span className="quiet">{one.may}</span>
              </span>
            </label>
          ))}
        </fieldset>
        <details className="more-fields">
          <summary>Limits and more</summary>
          <div className="fields three">
            <label className="field">
              Requests a minute
              <input
                inputMode="numeric"
                placeholder="as set for all"
                value={rate}
                onChange={(event) => setRate(event.target.value)}
              />
            </label>
            <label className="field">
              Dollars a day
              <input
                inputMode="decimal"
                placeholder="as set for all"
                value={day}
                onChange={(event) => setDay(event.target.value)}
              />
            </label>
            <label className="field">
              Dollars a month
              <input
                inputMode="decimal"
                placeholder="as set for all"
                value={month}
                onChange={(event) => setMonth(event.target.value)}
              />
            </label>
          </div>
          <label className="check">
            <input type="checkbox" checked={memory} onChange={(event) => setMemory(event.target.checked)} />
            Memory is on unless a request says otherwise
          </label>
          <label className="check">
            <input type="checkbox" checked={staging} onChange={(event) => setStaging(event.target.checked)} />
            It only tries patches, and changes nothing
          </label>
        </details>
        {error !== null && <FailureNote error={error} />}
        <div className="dialog-buttons">
          <button type="button" className="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" className="button primary" disabled={busy || user.trim() === "" || !isWhole}>
            {busy ? "Making…" : "Make the token"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Secret({ made, onClose }: { made: NewToken; onClose: () => void }) {
  return (
    <Dialog title="Copy it now" onClose={onClose} firm>
      <p>
        This is the token of <strong>{made.token.user}</strong>, {made.token.role}. It is shown this once: Council keeps
        only its digest.
      </p>
      <p className="secret">
        <code>{made.secret}</code>
        <CopyButton text={made.secret} what="token" label="Copy" />
      </p>
      <div className="dialog-buttons">
        <button type="button" className="button primary" onClick={onClose}>
          I have kept it
        </button>
      </div>
    </Dialog>
  );
}
