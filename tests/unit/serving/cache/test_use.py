import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import pytest

from council.domain import answers, caching, errors
from council.serving.cache import use

FINDING = answers.Finding(
    "Plants eat light.", 0.7, answers.Evidence(answers.Level.NONE, "Unchecked.", {"a": 1}), answers.Usage(3, 4), "m"
)


@dataclasses.dataclass
class Kept:
    """An answer cache that remembers what it was asked."""

    answers: dict[tuple[str, ...], Mapping[str, Any]] = dataclasses.field(default_factory=dict)
    away: bool = False
    asked: int = 0

    async def find(
        self, user_id: str, scope: str, gist: str, text: str, semantic: bool, request_id: str
    ) -> tuple[str, Mapping[str, Any]] | None:
        self.asked += 1
        if self.away:
            raise errors.RecallUnavailableError("Away. Try again.")
        found = self.answers.get((user_id, scope, gist, text))
        return ("exact", found) if found else None

    async def keep(
        self, user_id: str, scope: str, gist: str, text: str, answer: Mapping[str, Any], request_id: str
    ) -> None:
        if self.away:
            raise errors.RecallUnavailableError("Away. Try again.")
        self.answers[user_id, scope, gist, text] = answer


async def says(events: Sequence[answers.Event]) -> AsyncGenerator[answers.Event, None]:
    for event in events:
        yield event


def question(text: str = "What is photosynthesis?", **more: Any) -> answers.Question:
    return answers.Question("id", [answers.Message("user", text)], "council", answers.Sampling(9), **more)


async def ask(
    kept: Kept,
    asked: answers.Question | None = None,
    kind: str = "exact",
    user: str = "ann",
    finding: answers.Finding = FINDING,
    settings: caching.CacheConfig | None = None,
    generation: str = "g",
) -> list[answers.Event]:
    cache = use.Cache(kept, settings or caching.CacheConfig(), generation)
    inner = says([answers.Delta("Plants "), answers.Delta("eat light."), finding])
    async with contextlib.aclosing(cache.attempt(inner, asked or question(), user, kind)) as events:
        return [event async for event in events]


async def test_a_miss_is_passed_on_as_it_is_and_answered_from_then_on() -> None:
    kept = Kept()
    assert (await ask(kept))[-1] == FINDING
    (hit,) = await ask(kept)
    assert isinstance(hit, answers.Finding)
    assert hit.text == FINDING.text and hit.usage == answers.Usage() and hit.model is None
    assert hit.evidence.detail["cached"] == {"kind": "exact", "question": None} and hit.evidence.detail["a"] == 1
    assert hit.evidence.level is answers.Level.NONE and "before" in hit.evidence.summary


RUDE = answers.Question(
    "id", [answers.Message("system", "Be rude."), *question().messages], "council", answers.Sampling(9)
)


@pytest.mark.parametrize(
    "other",
    [
        {"user": "bob"},
        {"generation": "h"},
        {"asked": question("What is osmosis?")},
        {"asked": dataclasses.replace(question(), sampling=answers.Sampling(9, temperature=0.9))},
        {"asked": dataclasses.replace(question(), model="council/general")},
        {"asked": RUDE},
    ],
)  # fmt: skip
async def test_whatever_shapes_an_answer_makes_a_miss(other: dict[str, Any]) -> None:
    kept = Kept()
    await ask(kept)
    assert len(await ask(kept, **other)) == 3


@pytest.mark.parametrize(
    "asked",
    [
        question("Where do I live?"),
        question("What time is it?"),
        question(background="Lives in Lyon."),
        answers.Question(
            "id",
            [answers.Message("user", "Hi"), answers.Message("assistant", "Hi"), *question().messages],
            "council",
            answers.Sampling(9),
        ),
    ],
)
async def test_what_does_not_stand_for_itself_is_never_looked_up_or_kept(asked: answers.Question) -> None:
    kept = Kept()
    assert len(await ask(kept, asked)) == 3
    assert kept.asked == 0 and not kept.answers


async def test_off_means_off() -> None:
    kept = Kept()
    await ask(kept, kind="off")
    assert kept.asked == 0 and not kept.answers


@pytest.mark.parametrize(
    "finding",
    [
        dataclasses.replace(FINDING, refused=True),
        dataclasses.replace(FINDING, finish_reason="length"),
        dataclasses.replace(FINDING, text="x" * 40_000),
    ],
)
async def test_refusals_cut_answers_and_long_ones_are_not_kept(finding: answers.Finding) -> None:
    kept = Kept()
    assert (await ask(kept, finding=finding))[-1] == finding
    assert not kept.answers


async def test_a_cache_that_is_away_costs_only_itself() -> None:
    assert (await ask(Kept(away=True)))[-1] == FINDING


def test_a_request_goes_before_the_setting() -> None:
    cache = use.Cache(Kept(), caching.CacheConfig(kind="semantic"), "g")
    assert [cache.kind_for(wish) for wish in (None, "off", "exact")] == ["semantic", "off", "exact"]
