"""Fits `src/council/serving/confidence.json` on answers of the local model to questions with known answers.

    python tools/fit_confidence.py ANSWERS      what `ask_local_model.py` wrote: id, file, kind, prompt, answer, said, logprobs

Of the files that may be fitted (see `train_router.FILES`), six tenths by hash of id are; everything else is what the figures
in the file are of. A question that a specialist verifies never comes to the model, and counts for neither. Logistic regression
with a ridge, by Newton's method.
"""

import argparse
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import ask_local_model
import train_router
from council.serving import confidence

PLACE = train_router.ROOT / "src" / "council" / "serving" / "confidence.json"
_RIDGE = 2.0
_BINS = 10

Array = Any


def main() -> None:
    """Fit, measure, write."""
    parser = argparse.ArgumentParser(description="Fit the confidence of the local model's answers.")
    parser.add_argument("answers", type=Path)
    raw = parser.parse_args().answers.read_bytes()
    told_rows = map(json.loads, raw.splitlines())
    rows = [row for row in told_rows if row["logprobs"] and ask_local_model.solved(row["prompt"]) is None]
    used, held = [row for row in rows if fitted_on(row)], [row for row in rows if not fitted_on(row)]
    seen = features(used)
    means = seen.mean(0)
    weights = logistic(seen - means, np.array([right(row) for row in used], float))
    after = 1 / (1 + np.exp(-(np.column_stack([features(held) - means, np.ones(len(held))]) @ weights)))
    before = np.array([np.exp(np.mean(row["logprobs"])) for row in held])
    wanted = np.array([right(row) for row in held], float)
    told = {
        "features": list(confidence.FEATURES),
        "weights": [round(float(one), 4) for one in weights[:-1]],
        "means": [round(float(one), 4) for one in means],
        "bias": round(float(weights[-1]), 4),
        "model": ask_local_model.MODEL,
        "fitted_on": {
            "rows": len(used),
            "right": int(sum(map(right, used))),
            "answers_sha256": hashlib.sha256(raw).hexdigest(),
        },
        "measured_on": {"rows": len(held), "right": int(wanted.sum())},
        "mean_token_probability": measured(before, wanted),
        "calibrated": measured(after, wanted),
        "share_right": measured(np.full(len(held), np.mean([right(row) for row in used])), wanted),
    }
    PLACE.write_text(json.dumps(told, indent=1) + "\n")
    print(
        json.dumps({key: told[key] for key in ("measured_on", "mean_token_probability", "calibrated", "share_right")})
    )


def fitted_on(row: dict[str, Any]) -> bool:
    """Return whether a row may be fitted, and is."""
    chosen = hashlib.sha256(f"confidence {row['id']}".encode()).digest()[0] < 154
    return row["file"] in train_router.FILES and chosen


def features(rows: Sequence[dict[str, Any]]) -> Array:
    """Return the features of answers, a row each."""
    return np.array([confidence.features(row["prompt"], row["said"], row["logprobs"]) for row in rows])


def logistic(seen: Array, wanted: Array) -> Array:
    """Return weights, the bias last, of logistic regression with a ridge on all but the bias."""
    columns = np.column_stack([seen, np.ones(len(seen))])
    ridge = np.diag([_RIDGE] * seen.shape[1] + [0.0])
    weights = np.zeros(columns.shape[1])
    for _ in range(30):
        probability = 1 / (1 + np.exp(-columns @ weights))
        slope = columns.T @ (wanted - probability) - ridge @ weights
        curvature = columns.T @ (columns * (probability * (1 - probability))[:, None]) + ridge
        weights += np.linalg.solve(curvature, slope)
    return weights


def measured(probability: Array, wanted: Array) -> dict[str, float]:
    """Return the expected calibration error over ten bins of equal count, the Brier score, and the area under the curve."""
    order = np.argsort(probability, kind="stable")
    bins = np.array_split(order, _BINS)
    error = sum(len(one) * abs(probability[one].mean() - wanted[one].mean()) for one in bins) / len(wanted)
    pairs = probability[wanted == 1][:, None] - probability[wanted == 0][None, :]
    area = float(((pairs > 0) + 0.5 * (pairs == 0)).mean())
    brier = float(((probability - wanted) ** 2).mean())
    return {"ece": round(float(error), 4), "brier": round(brier, 4), "auc": round(area, 4)}


def right(row: dict[str, Any]) -> bool:
    """Return whether an answer says what the key says: the last number, the letter of an option, or the first yes or no."""
    said, key = str(row["said"]), str(row["answer"]).strip()
    if row["kind"] == "math":
        numbers = [one.replace(",", "").rstrip(".") for one in re.findall(r"-?\d[\d,]*\.?\d*", said)]
        return bool(numbers) and float(numbers[-1]) == float(key.replace(",", ""))
    options = dict(re.findall(r"^([A-H])\) (.*)$", row["prompt"], re.MULTILINE))
    if options:
        letter = re.search(r"\b([A-H])\)", said) or re.match(r"\s*([A-H])\b[.:]?(?:\s|$)", said)
        if letter:
            return str(letter.group(1)) == key
        words = {one: text.casefold().rstrip(".") for one, text in options.items()}
        return [one for one, text in words.items() if re.search(rf"\b{re.escape(text)}\b", said.casefold())] == [
            str(key)
        ]
    word = re.search(r"\b(yes|no|true|false|unknown)\b", said.casefold())
    return word is not None and str(word.group(1)) == key.casefold()


if __name__ == "__main__":
    main()
