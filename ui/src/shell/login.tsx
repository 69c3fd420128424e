import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";
import { call, setCsrf } from "../api/http";
import { restartLive } from "../api/live";
import { me, useMe } from "../api/queries";
import type { Me } from "../api/wire";
import { FailureNote } from "../kit/states";

export function Login() {
  const client = useQueryClient();
  const [, go] = useLocation();
  const isRefused = new URLSearchParams(useSearch()).has("refused");
  const who = useMe();
  const [token, setToken] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  async function enter(event: React.FormEvent) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const found = await call<Me>("/api/login", { method: "POST", body: { token: token.trim() } });
      setCsrf(found.csrf);
      client.clear();
      client.setQueryData(me.queryKey, found);
      restartLive();
      go("/");
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  }

  return (
    <main className="login">
      <form onSubmit={(event) => void enter(event)}>
        <img src="/icon.svg" alt="" width={40} height={40} />
        <h1>Sign in to Council</h1>
        {isRefused && !error && (
          <p className="notice" role="alert">
            That link was used already, or is too old. Run <code>council login</code> for another one.
          </p>
        )}
        <label htmlFor="token">Token</label>
        <input
          id="token"
          type="password"
          autoComplete="current-password"
          spellCheck={false}
          value={token}
          onChange={(event) => setToken(event.target.value)}
          placeholder="cncl_…"
          required
        />
        <button type="submit" className="button primary" disabled={busy || token.trim() === ""}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
        {error !== null && <FailureNote error={error} />}
        <p className="quiet">
          On this machine <code>council login</code> prints a link that signs you in once. The first token is in the
          file <code>token</code> of the home.
        </p>
        {who?.rights.includes("chat") && (
          <button type="button" className="link-button" onClick={() => go("/")}>
            Go on without signing in
          </button>
        )}
      </form>
    </main>
  );
}
