"""Asks a running Council's local model development questions with known answers, and keeps what it said.

    python tools/ask_local_model.py DATA ANSWERS --url http://127.0.0.1:8000 --token-file ~/.council/token

DATA is a folder of the development files; ANSWERS is JSONL, a line an answer with the log-probabilities of its tokens, as
`fit_confidence.py` reads it. What is there already is not asked again, and the files come in turn, so that a run that is
stopped early has its share of each. A question that a specialist verifies never comes to the model; it is noted and not asked.
Some hundred questions take minutes.
"""

import argparse
import hashlib
import json
import urllib.request
from pathlib import Path
from typing import Any

import train_router
from council.domain import answers
from council.serving.compute import operations

MODEL = "smollm2-135m-instruct"
# At most so many of each file, chosen by the hash of their ids. Of the long word problems the model gets next to none right.
COUNTS = {
    "gsm8k_train": 60,
    "svamp": 101,
    "arithmetic_own": 49,
    "openbookqa_train": 200,
    "strategyqa_train": 200,
    "proofwriter_train": 100,
    "prontoqa": 100,
    "arc_challenge_train": 200,
    "folio_train": 100,
    "logical_deduction_train": 100,
}
NOT_ASKED: dict[str, Any] = {"said": "", "logprobs": []}
_TOKENS_MAX = 64
_WAIT_S = 120.0


def main() -> None:
    """Ask what is missing."""
    parser = argparse.ArgumentParser(description="Ask the local model development questions.")
    parser.add_argument("data", type=Path)
    parser.add_argument("answers", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--token-file", type=Path, required=True)
    options = parser.parse_args()
    token = options.token_file.expanduser().read_text().strip()
    said = options.answers.read_text().splitlines() if options.answers.exists() else []
    done = {json.loads(line)["id"] for line in said}
    left = [row for row in rows(options.data) if row["id"] not in done]
    with options.answers.open("a") as file:
        for number, row in enumerate(left, 1):
            said = NOT_ASKED if solved(row["prompt"]) is not None else asked(options.url, token, row["prompt"])
            file.write(json.dumps(row | said) + "\n")
            file.flush()
            print(f"{number} of {len(left)}", flush=True)


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the questions, each with the name of its file, so that every stretch has its share of every file."""
    placed = []
    for name, count in COUNTS.items():
        found = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text().splitlines()]
        found.sort(key=lambda row: hashlib.sha256(f"c{row['id']}".encode()).hexdigest())
        chosen = found[:count]
        placed += [((place + 0.5) / len(chosen), row | {"file": name}) for place, row in enumerate(chosen)]
    return [row for _, row in sorted(placed, key=lambda one: one[0])]


def solved(prompt: str) -> str | None:
    """Return a verified answer of the specialists of math and logic, None where there is none."""
    for name in ("math.solve", "logic.solve"):
        found = operations.OPERATIONS[name]({"text": prompt})
        if found["kind"] == "solved" and answers.Level(found["level"]).verified:
            return str(found["answer"])
    return None


def asked(url: str, token: str, prompt: str) -> dict[str, Any]:
    """Return what the model said, with the log-probabilities of its tokens."""
    system = (train_router.ROOT / "config" / "prompts" / "general.md").read_text().strip()
    body = {
        "model": MODEL,
        "max_tokens": _TOKENS_MAX,
        "logprobs": True,
        "temperature": 0.2,
        "seed": 1,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": prompt}],
    }
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"}
    request = urllib.request.Request(f"{url}/v1/chat/completions", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=_WAIT_S) as reply:
        choice = json.load(reply)["choices"][0]
    tokens = (choice.get("logprobs") or {}).get("content") or []
    return {"said": choice["message"]["content"], "logprobs": [round(one["logprob"], 4) for one in tokens]}


if __name__ == "__main__":
    main()
