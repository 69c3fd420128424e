/** Who may come in: users, and the tokens by which they do. A new one is shown once. */

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { call } from "../api/http";
import { tokens as query } from "../api/queries-admin";
import type { Token, User } from "../api/wire-admin";
import { Ask } from "../kit/ask";
import { Icon } from "../kit/icons";
import { count, money } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { Ago } from "../kit/times";
import { NewTokenDialog } from "./new-token";

export default function Tokens() {
  const found = useQuery(query);
  const [open, setOpen] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const [past, setPast] = useState(false);
  if (found.isPending) return <Waiting what="tokens" lines={6} />;
  const all = found.data?.tokens ?? [];
  const revoked = all.filter((one) => one.revoked_us !== null);
  const shown = past ? all : all.filter((one) => one.revoked_us === null);
  return (
    <>
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <>
          <section className="card" aria-labelledby="tokens">
            <header className="card-head">
              <h2 id="tokens">
                Tokens <span className="quiet">{all.length - revoked.length} in force</span>
              </h2>
              <button type="button" className="button primary" onClick={() => setOpen(true)}>
                <Icon name="plus" size={16} /> New token…
              </button>
            </header>
            {shown.length === 0 ? (
              <Empty title="No token is in force">Whoever is on this machine may read and chat without one.</Empty>
            ) : (
              <List all={shown} onRevoke={setRevoking} />
            )}
            {revoked.length > 0 && (
              <label className="check past">
                <input type="checkbox" checked={past} onChange={(event) => setPast(event.target.checked)} />
                Show {count(revoked.length, "revoked token")}, too
              </label>
            )}
          </section>
          <Users all={found.data.users} />
          <p className="quiet">
            A browser on this machine signs in by <code>council login</code>, without a token.{" "}
            <Link href="/guide/add-tokens-and-limits">Tokens, roles and limits</Link>
          </p>
          {open && <NewTokenDialog onClose={() => setOpen(false)} />}
          {revoking && <Revoke token={revoking} onClose={() => setRevoking(null)} />}
        </>
      )}
    </>
  );
}

function List({ all, onRevoke }: { all: Token[]; onRevoke: (token: Token) => void }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
    <div className="table-frame" tabIndex={0} role="group" aria-labelledby="tokens">
      <table className="table tokens">
        <thead>
          <tr>
            <th scope="col">Token</th>
            <th scope="col">User</th>
            <th scope="col">Role</th>
            <th scope="col">Made</th>
            <th scope="col">Last used</th>
            <th scope="col">Limits</th>
            <th scope="col">
              <span className="only-read">Revoke</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <tr key={one.id} className={one.revoked_us === null ? "" : "revoked"}>
              <th scope="row" className="break">
                {one.label || "Without a label"}
                {one.own && <span className="outcome going own">yours, now</span>}
                <span className="under">
                  <code>{one.id}</code>
                </span>
              </th>
              <td className="break">{one.user}</td>
              <td>
                {one.role}
                {one.staging && <span className="under">only tries patches</span>}
              </td>
              <td>
                <Ago us={one.created_us} />
              </td>
              <td>{one.used_us === null ? <span className="quiet">never</span> : <Ago us={one.used_us} />}</td>
              <td>{limits(one) || <span className="quiet">as set for all</span>}</td>
              <td className="row-tools">
                {one.revoked_us === null ? (
                  <button
                    type="button"
                    className="button danger"
                    aria-label={`Revoke ${one.label || one.id}`}
                    onClick={() => onRevoke(one)}
                  >
                    Revoke…
                  </button>
                ) : (
                  <span className="quiet">
                    revoked <Ago us={one.revoked_us} />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function limits(token: Token): string {
  return [
    token.requests_per_minute === null ? "" : `${token.requests_per_minute.toLocaleString("en-GB")} requests a minute`,
    token.day_usd_micros === null ? "" : `${money(token.day_usd_micros)} a day`,
    token.month_usd_micros === null ? "" : `${money(token.month_usd_micros)} a month`,
    token.memory ? "memory on" : "",
  ]
    .filter(Boolean)
    .join(", ");
}

function Revoke({ token, onClose }: { token: Token; onClose: () => void }) {
  const client = useQueryClient();
  const name = token.label || token.id;
  return (
    <Ask
      title={`Revoke ${name}`}
      verb="Revoke it"
      danger
      onClose={onClose}
      onDone={() => {
        void client.invalidateQueries({ queryKey: ["tokens"] });
        if (token.own) void client.invalidateQueries({ queryKey: ["me"] });
      }}
      act={() => call(`/api/tokens/${encodeURIComponent(token.id)}`, { method: "DELETE" })}
    >
      <ul className="plain will">
        <li>
          Whatever {token.user} runs with it is refused within seconds, and it cannot be taken back: a new token has
          another secret.
        </li>
        <li>Browsers that signed in with it are signed out.</li>
        {token.own && (
          <li>
            <strong>You are signed in with it: this page will ask you to sign in anew.</strong>
          </li>
        )}
      </ul>
    </Ask>
  );
}

function Users({ all }: { all: User[] }) {
  if (all.length === 0) return null;
  return (
    <section className="card" aria-labelledby="users">
      <h2 id="users">
        Users <span className="quiet">memories, conversations and budgets belong to these</span>
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys */}
      <div className="table-frame" tabIndex={0} role="group" aria-labelledby="users">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">User</th>
              <th scope="col">Roles</th>
              <th scope="col" className="number">
                Tokens in force
              </th>
              <th scope="col" className="number">
                Browsers signed in
              </th>
              <th scope="col">Last seen</th>
            </tr>
          </thead>
          <tbody>
            {all.map((one) => (
              <tr key={one.user}>
                <th scope="row" className="break">
                  {one.user}
                </th>
                <td>{one.roles.join(", ") || <span className="quiet">none in force</span>}</td>
                <td className="number">{one.tokens}</td>
                <td className="number">{one.sessions}</td>
                <td>{one.used_us === null ? <span className="quiet">never</span> : <Ago us={one.used_us} />}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
