"""What the specialists answer of the development rows, with no model and with one: share verified, right, wrong, passed on.

Every row goes through a whole Council over HTTP, one after the other, streamed. Without the rows nothing is measured. Verified
answers are judged like all others; one that is not the expected one counts as wrong and is named, whoever of the two errs.
With a model, what each level of evidence promises is held against what was right, and drawn in `answer_reliability.svg`.
"""

import asyncio
import dataclasses
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

import councils
import figures
import judging
import reliability
from council import care_app
from council.domain import answers
from council.domain import home as home_module

RESULTS = Path(__file__).resolve().parent / "results"
DATA = figures.ROOT.parent / "shared" / "data" / "router-dev"
SEED = 4711
TOKENS_MAX = 256
# The bound on a prompt whose first token counts, without what every prompt begins with and the cache holds.
UNCACHED_TOKENS_MAX = 120
TARGET_MS = 626.0
_ANSWER_S = 240.0
_OFFENDERS_SHOWN = 12
_NO_MODEL = "no model"
# A row that only the model could answer waits two seconds for the model that is not there: so many wait at once.
_AT_ONCE = 24
# Answered rows asked again one after the other, for what a single caller waits.
_TIMED_ROWS = 400
_WARMING = ("What is 2+2?", "What does verified mean?", "All cats are animals. Is it true that all cats are animals?")
_CHECKED = ("math", "logic", "knowledge")

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Question:
    """One development row."""

    file: str
    id: str
    kind: str
    prompt: str
    answer: str

    @property
    def form(self) -> str:
        return judging.form_of(self.file, self.prompt, self.answer)


@dataclasses.dataclass(frozen=True, slots=True)
class Asked:
    """What came of a row. `outcome` is right, wrong, unjudged, refused, passed on, or failed."""

    question: Question
    outcome: str
    verified: bool = False
    level: str = ""
    confidence: float = 0.0
    specialist: str = ""
    by_model: bool = False
    first_ms: float = 0.0
    last_ms: float = 0.0
    prompt_tokens: int = 0
    text: str = ""


def run(port: int, say: Say, data: Path, sample: int, seed: int, model: Path | None, tools: bool) -> list[figures.Row]:
    """Take every figure of this part.

    `sample` rows a file are put to a Council with its model; 0 leaves that out. `tools` asks them once more with the local
    model's tools on.
    """
    rows = read(data)
    if not rows:
        return [figures.Row("development rows", figures.OURS, None, "", note=f"none in {data.name}/; see --data")]
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", port)
        chosen = _sampled(rows, sample, seed)
        with councils.running(where, port):
            asyncio.run(care_app.runtime(where).stop("model"))
            bare = uvloop.run(ask_all(where, port, rows, say, _NO_MODEL, _AT_ONCE))
            answered = [one.question for one in bare if one.specialist in _CHECKED and not one.by_model]
            timed = random.Random(seed).sample(answered, min(_TIMED_ROWS, len(answered)))
            again = uvloop.run(ask_all(where, port, timed, say, "timed"))
            made = _figures(bare, _NO_MODEL) + _specialist_times(again)
            if sample:
                asyncio.run(care_app.runtime(where).start("model"))
                made += _with_model(where, port, chosen, say, f"packaged model, seed {seed}")
        files = [("packaged model", {}), *([(model.name, {"COUNCIL_MODEL_FILE": str(model)})] if model else [])]
        for name, settings in files:
            if sample and settings:
                with councils.running(where, port, **settings):
                    made += _with_model(where, port, chosen, say, f"{name}, seed {seed}")
            if sample and tools:
                with councils.running(where, port, COUNCIL_GENERAL_TOOLS="true", **settings):
                    made += _with_model(where, port, chosen, say, f"{name} with tools, seed {seed}", tools=True)
    return made


def read(folder: Path) -> list[Question]:
    """Return the rows of a folder's files, in order."""
    rows = []
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            rows.append(Question(path.stem, str(row["id"]), row["kind"], row["prompt"], str(row["answer"])))
    return rows


def _sampled(rows: Sequence[Question], count: int, seed: int) -> list[Question]:
    by_file: dict[str, list[Question]] = defaultdict(list)
    for row in rows:
        by_file[row.file].append(row)
    die = random.Random(seed)
    return [row for one in by_file.values() for row in die.sample(one, min(count, len(one)))]


def _with_model(
    where: home_module.Home, port: int, rows: Sequence[Question], say: Say, name: str, *, tools: bool = False
) -> list[figures.Row]:
    asked = uvloop.run(ask_all(where, port, rows, say, name))
    shared = min((one.prompt_tokens - len(one.question.prompt) // 3 for one in asked if one.by_model), default=0)
    general = [one for one in asked if one.by_model and one.specialist == "general"]
    # With tools there are several prompts an answer, and what is told is their sum: then every answer counts.
    short = [one for one in general if tools or one.prompt_tokens - max(shared, 0) <= UNCACHED_TOKENS_MAX]
    first_ms = [one.first_ms for one in short]
    bound = "all prompts" if tools else f"prompts of at most {UNCACHED_TOKENS_MAX} tokens beside what all share"
    note = f"{bound}, n {len(short)} of {len(general)}"
    return [
        *_figures(asked, name),
        *_levels(asked, name),
        figures.median(f"general: first token, {name}", figures.OURS, first_ms, "ms", TARGET_MS, note),
        figures.median(f"general: last byte, {name}", figures.OURS, [one.last_ms for one in short], "ms"),
    ]


async def ask_all(
    where: home_module.Home, port: int, rows: Sequence[Question], say: Say, name: str, at_once: int = 1
) -> list[Asked]:
    """Ask a Council that runs every row, so many at once, and judge each answer."""
    headers = {"authorization": f"Bearer {where.token_file.read_text().strip()}"}
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    turns = asyncio.Semaphore(at_once)
    done = 0

    async def ask(row: Question) -> Asked:
        nonlocal done
        async with turns:
            found = await _ask(session, row)
        done += 1
        if done % 200 == 0 or done == len(rows):
            say(f"specialists, {name}: {done} of {len(rows)} rows")
        return found

    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers, timeout=timeout) as session:
        # What starts cold is not what is measured.
        for text in _WARMING:
            await _ask(session, Question("", "", "", text, ""))
        asked = await asyncio.gather(*map(ask, rows))
    for one in asked:
        if one.verified and one.outcome == "wrong":
            say(
                f"VERIFIED AND NOT AS EXPECTED: {one.question.id}: expected {one.question.answer[:80]!r}: {one.text[:200]!r}"
            )
    return list(asked)


async def _ask(session: aiohttp.ClientSession, row: Question) -> Asked:
    body = {"model": "council", "stream": True, "max_tokens": TOKENS_MAX, "temperature": 0}
    body["messages"] = [{"role": "user", "content": row.prompt}]
    began_s = time.perf_counter()
    first_s = 0.0
    parts: list[str] = []
    council: dict[str, Any] = {}
    try:
        async with session.post("/v1/chat/completions", json=body) as response:
            if response.status == 503:
                return Asked(row, "passed on")
            if response.status != 200:
                return Asked(row, "failed", text=(await response.text())[:200])
            async for line in response.content:
                if not line.startswith(b"data: {"):
                    continue
                chunk = orjson.loads(line[6:])
                if "error" in chunk:
                    return Asked(row, "failed", text=str(chunk["error"].get("message"))[:200])
                said = "".join(choice["delta"].get("content") or "" for choice in chunk.get("choices", ()))
                if said:
                    first_s = first_s or time.perf_counter()
                    parts.append(said)
                council = chunk.get("council", council)
    except (TimeoutError, aiohttp.ClientError) as error:
        return Asked(row, "failed", text=type(error).__name__)
    last_s = time.perf_counter()
    text = "".join(parts)
    outcome = "refused" if council["refused"] else await _judged(session, row, text)
    return Asked(
        row,
        outcome,
        council["verified"],
        council["evidence"]["level"],
        council["confidence"],
        council["specialist"],
        council["model"] is not None,
        (first_s - began_s) * 1e3,
        (last_s - began_s) * 1e3,
        council["tokens"]["prompt"],
        text,
    )


async def _judged(session: aiohttp.ClientSession, row: Question, text: str) -> str:
    form = row.form if row.answer else "none"
    if form == "none":
        return "unjudged"
    if form != "code":
        return "right" if judging.right(form, row.prompt, row.answer, text) else "wrong"
    code = judging.program(row.prompt, row.answer, text)
    if code is None:
        return "wrong"
    job = {"language": "python", "code": code, "limits": {"wall_s": 5, "cpu_s": 5}}
    async with session.post("/v1/sandbox/run", json=job) as response:
        result = await response.json()
        response.raise_for_status()
    return "right" if result["exit_code"] == 0 and str(result["stdout"]).endswith("PASSED-ALL\n") else "wrong"


def _figures(asked: Sequence[Asked], name: str) -> list[figures.Row]:
    """Return a row a file, a row a route, and whether a verified answer was wrong."""
    rows = []
    for title, group in _groups(asked).items():
        counts = Counter(one.outcome for one in group)
        verified = [one for one in group if one.verified]
        wrong = sum(one.outcome == "wrong" for one in verified)
        share = 100 * counts["right"] / len(group)
        note = f"n {len(group)}: verified {_percent(len(verified), len(group))}, of them wrong {wrong}; " + ", ".join(
            f"{outcome} {counts[outcome]}" for outcome in _OUTCOMES if counts[outcome]
        )
        judged = any(one.question.form != "none" for one in group)
        rows.append(
            figures.Row(
                f"{title}: right, {name}", figures.OURS, share if judged else None, "%", samples=len(group), note=note
            )
        )
    offenders = [one.question.id for one in asked if one.verified and one.outcome == "wrong"]
    verified_count = sum(one.verified for one in asked)
    note = f"of {verified_count} verified answers to {len(asked)} rows"
    if offenders:
        note += ": " + ", ".join(offenders[:_OFFENDERS_SHOWN]) + (" ..." if len(offenders) > _OFFENDERS_SHOWN else "")
    rows.append(
        figures.Row(f"verified answers wrong, {name}", figures.OURS, float(len(offenders)), "answers", 0.0, note=note)
    )
    return rows


def _levels(asked: Sequence[Asked], name: str) -> list[figures.Row]:
    """Return a row for each specialist and level of how often it was right and what it had promised, and draw them all."""
    groups: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for one in asked:
        if one.outcome in ("right", "wrong"):
            groups[f"{one.specialist}, {one.level}"].append((one.confidence, one.outcome == "right"))
    rows = []
    for title, pairs in sorted(groups.items()):
        right = sum(was for _, was in pairs)
        promised = sum(said for said, _ in pairs) / len(pairs)
        note = f"{right} of {len(pairs)} right; confidence {promised:.3f} on average"
        figure = f"answers of {title}: right, {name}"
        rows.append(figures.Row(figure, figures.OURS, right / len(pairs), "share", samples=len(pairs), note=note))
    reached = {title.rpartition(", ")[2] for title in groups}
    rows += [
        figures.Row(f"answers of level {level}: right, {name}", figures.OURS, None, "share", note="no rows")
        for level in answers.Level
        if level not in reached
    ]
    everything = [pair for pairs in groups.values() for pair in pairs]
    spoken = [pair for title, pairs in groups.items() if title == "general, none" for pair in pairs]
    curves = {}
    for title, pairs in (("all answers", everything), ("the local model's own words", spoken)):
        if pairs:
            bins = curves[title] = reliability.binned(pairs)
            values = {"calibration error": reliability.error(bins), "Brier score": reliability.brier(pairs)}
            rows += [
                figures.Row(
                    f"confidence of {title}: {figure}, {name}", figures.OURS, value, "share", samples=len(pairs)
                )
                for figure, value in values.items()
            ]
    reliability.draw(RESULTS / "answer_reliability.svg", "confidence of the answer", curves)
    return rows


_OUTCOMES = ("right", "wrong", "unjudged", "refused", "passed on", "failed")


def _groups(asked: Sequence[Asked]) -> Mapping[str, Sequence[Asked]]:
    groups: dict[str, list[Asked]] = {}
    for kind in dict.fromkeys(one.question.kind for one in asked):
        groups[f"{kind}, all files"] = [one for one in asked if one.question.kind == kind]
    for file in dict.fromkeys(one.question.file for one in asked):
        groups[file] = [one for one in asked if one.question.file == file]
    return groups


def _specialist_times(asked: Iterable[Asked]) -> list[figures.Row]:
    rows = []
    for specialist in _CHECKED:
        last_ms = [one.last_ms for one in asked if one.specialist == specialist and not one.by_model]
        # Knowledge quotes documents, and these questions come with none; `answers` takes its time.
        if last_ms:
            p95 = figures.quantile(last_ms, 0.95)
            rows += [
                figures.median(f"{specialist}: last byte p50", figures.OURS, last_ms, "ms", TARGET_MS),
                figures.Row(f"{specialist}: last byte p95", figures.OURS, p95, "ms", samples=len(last_ms)),
            ]
    return rows


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
