/** Who may change what: signers, what takes more than one person, quotas, and what each role may. Read here, changed by a patch. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { useRight } from "../api/queries";
import { policy as query } from "../api/queries-admin";
import type { Edit, Policy as Form, Signer } from "../api/wire-admin";
import { CopyButton } from "../kit/copy";
import { bytes, count, short } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { stretch } from "../kit/time";
import { Offer } from "./draft";

export default function Policy() {
  const found = useQuery(query);
  if (found.isPending) return <Waiting what="the policy" lines={6} />;
  return (
    <>
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && <Whole policy={found.data} />}
    </>
  );
}

function Whole({ policy }: { policy: Form }) {
  const [open, setOpen] = useState(false);
  const mayChange = useRight("administer");
  return (
    <>
      <Signers all={policy.signers} />
      <div className="pair">
        <section className="card" aria-labelledby="quotas">
          <header className="card-head">
            <h2 id="quotas">Quotas</h2>
            {mayChange && (
              <button type="button" className="button" onClick={() => setOpen(true)}>
                Change…
              </button>
            )}
          </header>
          <dl className="policy-facts">
            <div>
              <dt>Patches of all bots a day</dt>
              <dd>
                {policy.bots_daily}
                {policy.used_today !== null ? `, ${policy.used_today} used today` : ", used today unknown"}
              </dd>
            </div>
            <div>
              <dt>Longest life of a patch</dt>
              <dd>{stretch(policy.lifetime_s_max)}</dd>
            </div>
            <div>
              <dt>Largest patch</dt>
              <dd>
                {bytes(policy.sizes.patch_bytes)}, {count(policy.sizes.files, "file")}, each up to{" "}
                {bytes(policy.sizes.file_bytes)}
              </dd>
            </div>
            <div>
              <dt>Stops every patch</dt>
              <dd>
                {policy.freeze_label ? (
                  <>
                    an open issue labelled <code>{policy.freeze_label}</code>
                  </>
                ) : (
                  "only a freeze"
                )}
              </dd>
            </div>
            <div>
              <dt>When a model may pause for one</dt>
              <dd>
                {policy.windows.length === 0
                  ? "at any time"
                  : policy.windows.map((one) => `${one.days.join(", ")} ${one.begin} to ${one.end} UTC`).join("; ")}
              </dd>
            </div>
          </dl>
        </section>
        <section className="card" aria-labelledby="protected">
          <h2 id="protected">
            Protected <span className="quiet">how many people must sign, each with a key that may change it</span>
          </h2>
          {policy.protected.length === 0 && <p className="quiet">No path takes more than its signer.</p>}
          <ul className="protected">
            {policy.protected.map((one) => (
              <li key={one.paths.join(" ")}>
                <span className="protected-number">{count(one.humans, "person", "people")}</span>
                <span className="break">
                  {one.paths.map((path) => (
                    <code key={path}>{path}</code>
                  ))}
                  {one.of.length > 0 && <span className="quiet"> of {one.of.join(", ")}</span>}
                </span>
              </li>
            ))}
          </ul>
        </section>
      </div>
      <section className="card" aria-labelledby="rights">
        <h2 id="rights">
          Roles <span className="quiet">what each token or session may</span>
        </h2>
        <dl className="policy-facts">
          {Object.entries(policy.rights).map(([role, rights]) => (
            <div key={role}>
              <dt>{role}</dt>
              <dd>{rights.join(", ") || "nothing"}</dd>
            </div>
          ))}
        </dl>
      </section>
      <details className="past">
        <summary>
          authz.yaml of generation <code>{short(policy.generation)}</code>
        </summary>
        <CopyButton text={policy.text} what="authz.yaml" label="Copy" />
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys */}
        <pre className="commands" tabIndex={0} role="group" aria-label="authz.yaml">
          {policy.text}
        </pre>
      </details>
      {open && <Quotas policy={policy} onClose={() => setOpen(false)} />}
    </>
  );
}

function Signers({ all }: { all: Signer[] }) {
  return (
    <section className="card" aria-labelledby="signers">
      <header className="card-head">
        <h2 id="signers">
          Signers <span className="quiet">whose signature a patch needs</span>
        </h2>
        <Link href="/guide/sign-a-patch">How a key is listed</Link>
      </header>
      {all.length === 0 ? (
        <Empty title="Nobody is listed, so every patch is refused">
          List your key in a terminal: <code>council keys add FINGERPRINT --name YOU</code>
        </Empty>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="signers">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Kind</th>
                <th scope="col">May change</th>
                <th scope="col">Patches a day</th>
                <th scope="col">Key</th>
              </tr>
            </thead>
            <tbody>
              {all.map((one) => (
                <tr key={one.fingerprint} className={one.revoked ? "revoked" : ""}>
                  <th scope="row" className="break">
                    {one.name}
                    {one.account && <span className="under">{one.account} on the forge</span>}
                  </th>
                  <td>{one.kind === "bot" ? "a bot" : "a person"}</td>
                  <td className="break">
                    {one.allow.map((path) => (
                      <code key={path} className="path">
                        {path}
                      </code>
                    ))}
                    {one.deny.length > 0 && <span className="under">but not {one.deny.join(", ")}</span>}
                  </td>
                  <td>{one.max_daily ?? <span className="quiet">no limit of its own</span>}</td>
                  <td>
                    <code title={one.fingerprint}>{one.fingerprint.slice(-16)}</code>{" "}
                    <CopyButton text={one.fingerprint} what="fingerprint" />
                    {one.revoked && <span className="outcome refused">revoked</span>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const NUMBER = /^\d{1,4}$/;

function Quotas({ policy, onClose }: { policy: Form; onClose: () => void }) {
  const bots = policy.signers.filter((one) => one.kind === "bot" && !one.revoked);
  const [all, setAll] = useState(String(policy.bots_daily));
  const [own, setOwn] = useState<Record<string, string>>({});

  function edits(): Edit[] | null {
    if (!NUMBER.test(all)) return null;
    const found: Edit[] = [];
    const edit = (path: string[], value: number | null) =>
      found.push({ file: "authz.yaml", path: ["authorisation", ...path], value });
    if (Number(all) !== policy.bots_daily) edit(["bots_daily"], Number(all));
    for (const one of bots) {
      const text = own[one.fingerprint]?.trim();
      if (text === undefined) continue;
      if (text !== "" && !NUMBER.test(text)) return null;
      const number = text === "" ? null : Number(text);
      if (number !== one.max_daily) edit(["signers", one.fingerprint, "max_daily"], number);
    }
    return found;
  }

  return (
    <Offer title="Change the quotas" edits={edits} onClose={onClose}>
      <fieldset className="fields">
        <legend>Patches that may be applied in a UTC day</legend>
        <label className="field">
          All bots together
          <input inputMode="numeric" value={all} onChange={(event) => setAll(event.target.value)} />
        </label>
        {bots.map((one) => (
          <label key={one.fingerprint} className="field">
            {one.name}
            <input
              inputMode="numeric"
              placeholder="no limit of its own"
              value={own[one.fingerprint] ?? String(one.max_daily ?? "")}
              onChange={(event) => setOwn((before) => ({ ...before, [one.fingerprint]: event.target.value }))}
            />
          </label>
        ))}
      </fieldset>
    </Offer>
  );
}
