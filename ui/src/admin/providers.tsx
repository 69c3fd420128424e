/** Providers and their keys, and the models that stand on them. A key is written here and never read. */

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Link } from "wouter";
import { useRight } from "../api/queries";
import { providers as query } from "../api/queries-admin";
import type { Providers as All, Model, Provider } from "../api/wire-admin";
import { CopyButton } from "../kit/copy";
import { Icon } from "../kit/icons";
import { money, share } from "../kit/numbers";
import { Empty, FailureNote, Waiting } from "../kit/states";
import { Ago } from "../kit/times";
import { Shape } from "../kit/verdict";
import { KeyDialog, NoKeyDialog } from "./key-dialogs";
import { ModelDialog } from "./model-dialog";
import { price, providerState } from "./words";

const ADD = "council providers add openai";

export default function Providers() {
  const found = useQuery(query);
  if (found.isPending) return <Waiting what="providers" lines={6} />;
  return (
    <>
      {found.error !== null && <FailureNote error={found.error} onRetry={() => void found.refetch()} />}
      {found.data && (
        <>
          <List all={found.data.providers} />
          <Models models={found.data.models} />
          <Escalation of={found.data.escalation} />
        </>
      )}
    </>
  );
}

function List({ all }: { all: Provider[] }) {
  return (
    <section className="card" aria-labelledby="providers">
      <header className="card-head">
        <h2 id="providers">
          Providers <span className="quiet">servers of models beside the one of this machine</span>
        </h2>
      </header>
      {all.length === 0 && (
        <Empty title="Every answer comes from this machine">
          <p>
            To use a model of somebody else, add its provider in a terminal: <code>{ADD}</code>{" "}
            <CopyButton text={ADD} what="command" />
          </p>
          <Link href="/guide/use-other-models">Use other models</Link>
        </Empty>
      )}
      <ul className="providers">
        {all.map((one) => (
          <Row key={one.name} provider={one} />
        ))}
      </ul>
    </section>
  );
}

function Row({ provider }: { provider: Provider }) {
  const mayChange = useRight("administer");
  const [open, setOpen] = useState<"" | "key" | "none">("");
  const { verdict, words } = providerState(provider.state);
  return (
    <li className="provider">
      <div className="provider-head">
        <Shape verdict={verdict} labelled={false} />
        <h3 className="break">{provider.name}</h3>
        <span className="quiet">
          {words}
          {provider.reason && <span className="break">: {provider.reason}</span>}
        </span>
      </div>
      <p className="provider-line break">
        {provider.url}{" "}
        <span className="quiet">
          · speaks {provider.kind}’s form{provider.local && " · on this machine"}
        </span>
      </p>
      <p className="provider-line quiet">
        {provider.answered_us === null ? (
          "Has not answered yet"
        ) : (
          <>
            Answered <Ago us={provider.answered_us} />
          </>
        )}
        {provider.failed_us !== null && (
          <>
            {" "}
            · failed <Ago us={provider.failed_us} />
            {provider.failed && <span className="break">: {provider.failed}</span>}
          </>
        )}
      </p>
      <div className="provider-key">
        <span className="with-shape">
          <Icon name="key" size={16} />
          {provider.key === "none" ? (
            "Needs no key"
          ) : provider.has_key ? (
            <span>
              A key is set
              {provider.key_set_us !== null && (
                <span className="quiet">
                  , <Ago us={provider.key_set_us} />
                </span>
              )}
            </span>
          ) : (
            <strong>No key is set</strong>
          )}
        </span>
        {mayChange && provider.key === "file" && (
          <span className="provider-buttons">
            <button
              type="button"
              className={provider.has_key ? "button" : "button primary"}
              aria-label={`${provider.has_key ? "Replace" : "Set"} the key of ${provider.name}`}
              onClick={() => setOpen("key")}
            >
              {provider.has_key ? "Replace…" : "Set the key…"}
            </button>
            {provider.has_key && (
              <button
                type="button"
                className="button danger"
                aria-label={`Remove the key of ${provider.name}`}
                onClick={() => setOpen("none")}
              >
                Remove…
              </button>
            )}
          </span>
        )}
      </div>
      {open === "key" && <KeyDialog provider={provider} onClose={() => setOpen("")} />}
      {open === "none" && <NoKeyDialog provider={provider} onClose={() => setOpen("")} />}
    </li>
  );
}

function Models({ models }: { models: Model[] }) {
  const [open, setOpen] = useState<Model | null>(null);
  const mayChange = useRight("administer");
  return (
    <section className="card" aria-labelledby="models">
      <header className="card-head">
        <h2 id="models">
          Models <span className="quiet">prices for a million tokens</span>
        </h2>
      </header>
      {models.length === 0 && (
        <Empty title="No model is known">
          <code>council models list</code> says what is packaged.
        </Empty>
      )}
      {models.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways must be reached by keys
        <div className="table-frame" tabIndex={0} role="group" aria-labelledby="models">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">Stands on</th>
                <th scope="col">Price</th>
                <th scope="col" className="number">
                  Context
                </th>
                <th scope="col">Limits</th>
                <th scope="col">
                  <span className="only-read">Change</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {models.map((one) => (
                <ModelRow key={one.name} model={one} onChange={mayChange ? () => setOpen(one) : null} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {open && <ModelDialog model={open} onClose={() => setOpen(null)} />}
    </section>
  );
}

function ModelRow({ model, onChange }: { model: Model; onChange: (() => void) | null }) {
  const isOwn = model.deployments.every((one) => one.provider === "local");
  return (
    <tr>
      <th scope="row" className="break">
        {model.name}
        {!model.usable && <span className="outcome refused model-off">cannot be asked</span>}
        {model.abilities.length > 0 && <span className="under">{model.abilities.join(", ")}</span>}
      </th>
      <td>
        {model.deployments.map((one) => (
          <span key={`${one.provider} ${one.model}`} className="deployment break">
            {one.provider}
            {one.model !== model.name && <span className="quiet"> {one.model}</span>}
            {model.deployments.length > 1 && (
              <span className="quiet"> · {one.weight === 0 ? "when the others fail" : `weight ${one.weight}`}</span>
            )}
          </span>
        ))}
        {model.fallbacks.length > 0 && <span className="under">then {model.fallbacks.join(", then ")}</span>}
      </td>
      <td>
        {model.deployments.map((one) => (
          <span key={`${one.provider} ${one.model}`} className="deployment">
            {price(one)}
          </span>
        ))}
      </td>
      <td className="number">{model.context_tokens.toLocaleString("en-GB")}</td>
      <td>
        {model.day_usd_micros !== null && <span className="deployment">{money(model.day_usd_micros)} a day</span>}
        {model.month_usd_micros !== null && <span className="deployment">{money(model.month_usd_micros)} a month</span>}
        {model.day_usd_micros === null && model.month_usd_micros === null && <span className="quiet">none</span>}
      </td>
      <td className="row-tools">
        {!isOwn && onChange && (
          <button type="button" className="button" aria-label={`Change ${model.name}`} onClick={onChange}>
            Change…
          </button>
        )}
      </td>
    </tr>
  );
}

function Escalation({ of }: { of: All["escalation"] }) {
  return (
    <section className="card" aria-labelledby="escalation">
      <h2 id="escalation">Escalation</h2>
      <p>
        {of.model ? (
          <>
            An answer whose confidence is below {share(of.confidence_min)} is asked of <strong>{of.model}</strong>, for
            at most {share(of.share_max)} of the questions.
          </>
        ) : (
          "No question goes to a paid model by itself."
        )}{" "}
        <Link href="/guide/escalate-to-a-paid-model">How that is decided</Link>
      </p>
    </section>
  );
}
