"""The same, live: a whole Council with the packaged model, and a paid provider that answers from the key.

The provider is the scripted upstream: it says what the key says and as much beside it as makes some 300 tokens, and counts a
word of the prompt as a token; the ledger charges them at the prices of the replay. The questions are those of the replay, each
once, after some that do not count, since a service that has just started spends its reserve on what it meets first. For what
was escalated the local answer is the one in the file of answers. How far so few escalations are to be believed is told by
replays of as many questions, drawn anew from all.
"""

import dataclasses
import json
import random
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

import councils
import figures
import locality
import provider_homes
import soak_gateway_checks

sys.path.insert(0, str(figures.ROOT / "tools"))

import fit_confidence
from council.domain import home as home_module
from council.testing import upstream

_PAID = "paid"
_TOKENS_MAX = 320
_ANSWER_S = 240.0
_PIECES = 300
_BESIDE = "This follows from what is stated in the question, taken one step after the other as it stands there. " * 14


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What came of a question. `weak` is whether the local answer is right, given or not."""

    question: locality.Question
    escalated: bool
    right: bool
    verified: bool
    usd_micros: int


def run(port: int, say: locality.Say, sample: int, warming: int, seed: int) -> list[figures.Row]:
    """Ask `sample` questions after `warming` others, one after the other; return the rows of figures."""
    rows = locality.held_out(locality.read())
    chance = random.Random(seed)
    chosen = chance.sample(rows, min(len(rows), sample + warming))
    with councils.folder() as folder:
        where = _prepare(folder / "h", port)
        with councils.running(where, port):
            asked, usd_micros = uvloop.run(_ask_all(where, port, chosen, warming, say))
    warmed = [locality.judged(row) for row in chosen[:warming]]
    policies = {f"{name}, by replay": _after(warmed, policy) for name, policy in locality.POLICIES.items()}
    policies = {figures.OURS: lambda _: [one.escalated for one in asked], **policies}
    stream = [one.question for one in asked]
    judged = [locality.judged(row) for row in rows]
    varied = locality.spread(lambda: chance.choices(judged, k=len(chosen)), warming)
    varied = {**{f"{name}, by replay": found for name, found in varied.items()}, figures.OURS: varied[figures.OURS]}
    note = f"seed {seed}, after {warming} questions that do not count; 5 % to 95 % of {locality.RESAMPLED} replays of as many"
    return [*locality.told("live", policies, stream, varied, note), *_live(asked, usd_micros)]


def _after(warmed: Sequence[locality.Question], policy: locality.Policy) -> locality.Policy:
    return lambda stream: policy([*warmed, *stream])[len(warmed) :]


def _prepare(root: Path, port: int) -> home_module.Home:
    """Make a home with the packaged model, the upstream as paid provider, and escalation on."""
    prices = dict(zip(("input_usd_micros", "output_usd_micros"), locality.PRICES_USD_MICROS, strict=True))
    paid = provider_homes.model(f"ok-{_PIECES}")
    paid["deployments"] = [one | prices for one in paid["deployments"]]
    where = provider_homes.prepare(root, port, port + 20, {_PAID: paid}, escalation={"model": _PAID})
    command = [*councils.COMMAND, "models", "prepare", "--home", str(root)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=councils.environment(COUNCIL_PORT=str(port)))
    return where


async def _ask_all(
    where: home_module.Home, port: int, rows: Sequence[Mapping[str, Any]], warming: int, say: locality.Say
) -> tuple[list[Asked], int]:
    """Return what came of the questions that count, and what the ledger says they cost together."""
    keys = {row["prompt"]: _said(row) for row in rows}
    headers = {"authorization": f"Bearer {where.token_file.read_text().strip()}"}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    asked: list[Asked] = []
    before = 0

    def says(body: bytes) -> str:
        prompt = json.loads(body)["messages"][-1]["content"]
        return keys[prompt if isinstance(prompt, str) else prompt[0]["text"]]

    async with (
        upstream.serve(port=port + 20, key=provider_homes.KEY, says=says),
        aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, timeout=timeout) as session,
    ):
        for place, row in enumerate(rows, 1):
            if place == warming + 1:
                before = _ledger_usd_micros(where)
            found = await _ask(session, row)
            if place > warming:
                asked.append(found)
            if place % 20 == 0 or place == len(rows):
                say(
                    f"locality, live: {place} of {len(rows)} questions, {sum(one.escalated for one in asked)} escalated"
                )
    return asked, _ledger_usd_micros(where) - before


def _ledger_usd_micros(where: home_module.Home) -> int:
    return sum(soak_gateway_checks.books(where).rows.values())


def _said(row: Mapping[str, Any]) -> str:
    """Return a paid model's right answer to a row."""
    key = str(row["answer"]).strip()
    options = dict(re.findall(r"^([A-H])\) (.*)$", row["prompt"], re.MULTILINE))
    head = f"{key}) {options[key]}" if key in options else f"{key[:1].upper()}{key[1:]}."
    # Numbers are read from the end.
    return f"{_BESIDE}The answer is {key}" if row["kind"] == "math" else f"{head} {_BESIDE}"


async def _ask(session: aiohttp.ClientSession, row: Mapping[str, Any]) -> Asked:
    body = {"model": "council", "max_tokens": _TOKENS_MAX, "temperature": 0.2, "seed": 1}
    body["messages"] = [{"role": "user", "content": row["prompt"]}]
    async with session.post("/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        told = await response.json()
    council = told["council"]
    right = fit_confidence.right(dict(row) | {"said": told["choices"][0]["message"]["content"]})
    question = locality.judged(row)
    if not council["escalated"]:
        question = dataclasses.replace(question, weak=right)
    return Asked(question, council["escalated"], right, council["verified"], council["cost_usd_micros"])


def _live(asked: Sequence[Asked], usd_micros: int) -> list[figures.Row]:
    count = len(asked)
    answers_usd_micros = sum(one.usd_micros for one in asked)
    assert usd_micros == answers_usd_micros, f"the ledger says {usd_micros}, the answers {answers_usd_micros}"
    away = [one for one in asked if one.escalated]
    each = f"{usd_micros / len(away):,.0f} micro-dollars an escalation" if away else "none"
    wrong = sum(one.verified and not one.right for one in asked)
    verified = sum(one.verified for one in asked)
    return [
        figures.Row(
            "live: cost of 100 questions, by the ledger", figures.OURS, usd_micros / 1e4 / count, "USD", 0.04, count,
            note=each,
        ),
        figures.Row("live: verified answers wrong", figures.OURS, wrong, "answers", 0, verified),
        figures.Row(
            "live: escalated answers right", figures.OURS, sum(one.right for one in away) / max(1, len(away)), "share",
            samples=len(away),
        ),
    ]  # fmt: skip
