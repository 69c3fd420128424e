/** How the calls of a model are shared out, and what it may cost: drafted as a patch. */

import { useState } from "react";
import type { Edit, Model } from "../api/wire-admin";
import { dollars, micros } from "../kit/dollars";
import { Offer } from "./draft";

export function ModelDialog({ model, onClose }: { model: Model; onClose: () => void }) {
  const [weights, setWeights] = useState(model.deployments.map((one) => String(one.weight)));
  const [day, setDay] = useState(dollars(model.day_usd_micros));
  const [month, setMonth] = useState(dollars(model.month_usd_micros));

  function edits(): Edit[] | null {
    const found: Edit[] = [];
    for (const [index, text] of weights.entries()) {
      if (!/^\d{1,4}$/.test(text)) return null;
      if (Number(text) === model.deployments[index]?.weight) continue;
      found.push(edit(model.name, ["deployments", String(index), "weight"], Number(text)));
    }
    for (const [key, text, was] of [
      ["day_usd_micros", day, model.day_usd_micros],
      ["month_usd_micros", month, model.month_usd_micros],
    ] as const) {
      const sum = text.trim() === "" ? null : micros(text);
      if (sum === null && text.trim() !== "") return null;
      if (sum !== was) found.push(edit(model.name, [key], sum));
    }
    return found;
  }

  return (
    <Offer title={`Change ${model.name}`} edits={edits} onClose={onClose}>
      {model.deployments.length > 1 && (
        <fieldset className="fields">
          <legend>Weights: how the calls are shared out, 0 for when the others fail</legend>
          {model.deployments.map((one, index) => (
            <label key={`${one.provider} ${one.model}`} className="field">
              {one.provider} {one.model}
              <input
                inputMode="numeric"
                value={weights[index]}
                onChange={(event) =>
                  setWeights((before) => before.map((text, at) => (at === index ? event.target.value : text)))
                }
              />
            </label>
          ))}
        </fieldset>
      )}
      <fieldset className="fields">
        <legend>What it may cost, in dollars; empty for no limit of its own</legend>
        <label className="field">
          A day
          <input inputMode="decimal" placeholder="none" value={day} onChange={(event) => setDay(event.target.value)} />
        </label>
        <label className="field">
          A month
          <input
            inputMode="decimal"
            placeholder="none"
            value={month}
            onChange={(event) => setMonth(event.target.value)}
          />
        </label>
      </fieldset>
    </Offer>
  );
}

function edit(name: string, path: string[], value: number | null): Edit {
  return { file: "providers.yaml", path: ["models", name, ...path], value };
}
