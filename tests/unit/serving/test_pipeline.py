import asyncio
import contextlib
import dataclasses
import random
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from council.domain import answers, config, errors, ledger, money, patches, providers, ways
from council.serving import pipeline, run
from council.serving.ledger import writer
from council.serving.providers import attempts, calls
from council.testing import clock
from counted import rises

PRICES = {"m": money.Price(1_000_000, 2_000_000)}
LABEL = patches.Label("gen")


@dataclasses.dataclass
class Scripted:
    """A specialist that says `events`; an exception among them is raised."""

    route: answers.Route
    events: Sequence[Any]
    asked: int = 0
    closed: int = 0
    only: str = ""
    heard: list[str] = dataclasses.field(default_factory=list)
    messages: list[Sequence[answers.Message]] = dataclasses.field(default_factory=list)

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        self.asked += 1
        self.heard.append(question.text)
        self.messages.append(question.messages)
        try:
            if self.only not in question.text:
                yield answers.PassOn("not mine")
                return
            for event in self.events:
                if isinstance(event, BaseException):
                    raise event
                if isinstance(event, asyncio.Event):
                    await event.wait()
                    continue
                yield event
        finally:
            self.closed += 1


@dataclasses.dataclass
class Ledger:
    """Keeps rows in memory."""

    rows: list[ledger.LedgerRow] = dataclasses.field(default_factory=list)
    error: errors.CouncilError | None = None

    async def record(self, row: ledger.LedgerRow, charges: Sequence[ledger.Charge] = ()) -> None:
        if self.error:
            raise self.error
        self.rows.append(row)


@dataclasses.dataclass
class Bench:
    made: pipeline.Pipeline
    ledger: Ledger
    specialists: dict[answers.Route, Scripted]


def no_calls() -> calls.Calls:
    """Calls of a machine without models: the cascade makes its own through the specialists."""
    return calls.Calls(
        {}, {}, {}, writer.LedgerWriter(None, 1, 1), config.CallsConfig(), config.BudgetConfig(), clock.ManualClock(7),
        random.Random(0),
    )  # fmt: skip


def bench(**scripts: Sequence[Any]) -> Bench:
    said = {route: scripts.get(route, [answers.PassOn("not mine")]) for route in map(str, answers.Route)}
    made = [Scripted(answers.Route(route), events) for route, events in said.items()]
    book = Ledger()
    chain = pipeline.Pipeline(made, book, no_calls(), providers.Escalation(), PRICES, LABEL, clock.ManualClock(7))
    return Bench(chain, book, {one.route: one for one in made})


def question(text: str = "What is 2 + 2?", route: answers.Route | None = None) -> answers.Question:
    return answers.Question("id", [answers.Message("user", text)], "council", answers.Sampling(5), route)


async def ask(made: Bench, asked: answers.Question | None = None, degraded: tuple[str, ...] = ()) -> list[Any]:
    stream = made.made.answer(asked or question(), pipeline.Asker("user", "token", degraded))
    async with contextlib.aclosing(stream) as events:
        return [event async for event in events]


def finding(text: str = "4", **more: Any) -> answers.Finding:
    return answers.Finding(text, 1.0, answers.Evidence(answers.Level.COMPUTED, "sum"), **more)


async def test_a_specialists_finding_is_the_answer_and_its_row_is_committed_first() -> None:
    made = bench(math=[finding()])
    delta, answer = await ask(made)
    assert delta == answers.Delta("4") and answer.finding.text == "4" and answer.route is answers.Route.MATH
    assert (answer.generation, answer.escalated, answer.cost_usd_micros) == ("gen", False, 0)
    [row] = made.ledger.rows
    assert (row.outcome, row.verified, row.user_id, row.token_id, row.at_us) == ("answered", True, "user", "token", 7)
    assert all(made.specialists[route].asked == 0 for route in answers.Route if route is not answers.Route.MATH)


async def test_a_specialist_that_passes_on_gives_way_to_the_next_and_is_named() -> None:
    made = bench(general=[answers.Delta("a"), answers.Delta("b"), finding("ab", model="m", usage=answers.Usage(1, 1))])
    *deltas, answer = await ask(made)
    assert [delta.text for delta in deltas] == ["a", "b"]
    assert answer.route is answers.Route.GENERAL and answer.passed_on["math"] == "not mine"
    assert answer.cost_usd_micros == 3 == made.ledger.rows[0].cost_usd_micros
    assert [made.specialists[answers.Route(name)].closed for name in ("math", "general")] == [1, 1]


async def test_who_passed_on_is_told_in_order_with_a_why_of_the_closed_set() -> None:
    doubt = answers.PassOn("no document says so", why=ways.Why.NOT_FOUND)
    made = bench(math=[errors.ComputeUnavailableError("Away.")], knowledge=[doubt], general=[finding("g")])
    *_, answer = await ask(made, question("What is 17% of the tower's height?"))
    told = {one.by: (one.why, one.reason) for one in answer.passed}
    assert told["math"] == (ways.Why.AWAY, "Away.")
    assert told.get("knowledge", (ways.Why.NOT_FOUND, "no document says so"))[0] is ways.Why.NOT_FOUND
    assert [one.by for one in answer.passed] == list(answer.passed_on)
    assert answer.escalation == ways.Escalation(escalated=False, why=ways.Escalating.UNSET)


async def test_an_answer_of_a_specialist_says_that_nothing_of_it_is_escalated() -> None:
    *_, answer = await ask(bench(math=[finding()]))
    assert answer.passed == () and answer.escalation == ways.NOT_ESCALATED


def test_every_why_has_its_words() -> None:
    assert set(ways.WHY) == set(ways.Why) and set(ways.ESCALATING) == set(ways.Escalating)


async def test_a_specialist_that_is_away_degrades_the_answer() -> None:
    made = bench(math=[errors.ComputeUnavailableError("Away.")], general=[finding("g")])
    *_, answer = await ask(made, degraded=("store: x",))
    assert list(answer.degraded) == ["store: x", "math: compute_unavailable"] and answer.passed_on["math"] == "Away."


async def test_the_last_one_away_is_an_error_and_a_failed_row() -> None:
    made = bench(general=[errors.ModelUnavailableError("Away.")])
    with pytest.raises(errors.ModelUnavailableError):
        await ask(made)
    assert [row.outcome for row in made.ledger.rows] == ["failed"]


async def test_a_break_after_the_first_word_is_an_error_and_nobody_else_speaks() -> None:
    made = bench(math=[answers.Delta("4"), errors.ComputeUnavailableError("Away.")], general=[finding("g")])
    with pytest.raises(errors.ComputeUnavailableError):
        await ask(made)
    assert made.specialists[answers.Route.GENERAL].asked == 0


async def test_a_route_asked_for_by_name_asks_nobody_else() -> None:
    made = bench()
    _, answer = await ask(made, question(route=answers.Route.LOGIC))
    assert answer.finding.refused and "logic" in answer.finding.text and "not mine" in answer.finding.text
    assert list(answer.route_reasons) == ["logic: asked for by name"] and made.ledger.rows[0].outcome == "refused"
    assert [route for route, one in made.specialists.items() if one.asked] == [answers.Route.LOGIC]


async def test_an_error_nobody_foresaw_is_recorded_and_raised() -> None:
    made = bench(math=[RuntimeError("bug")])
    with pytest.raises(RuntimeError):
        await ask(made)
    assert [row.outcome for row in made.ledger.rows] == ["failed"]


async def test_a_model_without_a_price_is_never_free() -> None:
    made = bench(math=[finding(model="unpriced", usage=answers.Usage(1, 1))])
    with pytest.raises(errors.ConfigError, match="no price"):
        await ask(made)
    assert [row.outcome for row in made.ledger.rows] == ["failed"]


async def test_nothing_is_answered_that_the_ledger_cannot_hold() -> None:
    made = bench(math=[finding()])
    made.ledger.error = errors.RecordsUnavailableError("Full.")
    said: list[Any] = []
    with pytest.raises(errors.RecordsUnavailableError):
        async for event in made.made.answer(question(), pipeline.Asker("u", "t")):
            said += [event]
    assert said == []


async def test_a_caller_that_leaves_in_the_middle_stops_the_work_and_is_recorded_once() -> None:
    made = bench(general=[answers.Delta("a"), asyncio.Event(), finding("ab")])
    stream = made.made.answer(question("Sing"), pipeline.Asker("u", "t"))
    assert await anext(stream) == answers.Delta("a")
    await stream.aclose()
    await made.made.close()
    assert [row.outcome for row in made.ledger.rows] == ["cancelled"]
    assert made.specialists[answers.Route.GENERAL].closed == 1


async def test_a_caller_that_is_cancelled_while_waiting_is_recorded_once() -> None:
    made = bench(general=[asyncio.Event()])
    asking = asyncio.create_task(ask(made, question("Sing")))
    while not made.specialists[answers.Route.GENERAL].asked:
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await made.made.close()
    assert [row.outcome for row in made.ledger.rows] == ["cancelled"]


async def test_a_caller_that_closes_after_its_answer_is_not_recorded_again() -> None:
    made = bench(math=[finding()])
    stream = made.made.answer(question(), pipeline.Asker("u", "t"))
    async for event in stream:
        if isinstance(event, answers.Answer):
            break
    await stream.aclose()
    await made.made.close()
    assert [row.outcome for row in made.ledger.rows] == ["answered"]


def test_a_stage_that_runs_twice_adds_up_and_the_first_word_is_timed_once() -> None:
    manual = clock.ManualClock(0)
    made = run.Run(question(), "u", "t", manual, LABEL)
    for seconds in (1.0, 2.0):
        with made.stage("route"):
            manual.advance(seconds)
    made.spoke()
    manual.advance(4.0)
    made.spoke()
    made.finding = finding()
    timings = made.answer().timings_ms
    assert (timings["route"], timings["first_token"], timings["total"]) == (3000.0, 3000.0, 7000.0)
    row = made.row(ledger.Outcome.ANSWERED)
    assert (row.first_us, row.total_us, row.at_us) == (3_000_000, 7_000_000, 0)


def test_a_stage_that_fails_is_timed_all_the_same() -> None:
    manual = clock.ManualClock(0)
    made = run.Run(question(), "u", "t", manual, LABEL)
    with pytest.raises(KeyError), made.stage("math"):
        manual.advance(2.0)
        raise KeyError
    made.finding = finding()
    assert made.answer().timings_ms["math"] == 2000.0


def test_a_row_without_a_finding_claims_nothing() -> None:
    asked = question(route=answers.Route.CODE)
    row = run.Run(asked, "u", "t", clock.ManualClock(0), LABEL).row(ledger.Outcome.FAILED)
    assert (row.level, row.verified, row.model, row.cost_usd_micros, row.route) == ("none", False, "", 0, "code")


# Questions of several that stand alone

TWO = "What is 17 % of 80, and what is the capital of Peru?"


async def test_each_part_goes_to_its_own_specialist_and_the_answers_are_joined() -> None:
    quoted = answers.Finding("Lima.", 0.9, answers.Evidence(answers.Level.QUOTED, "q"))
    made = bench(math=[finding("13.6")], knowledge=[quoted])
    made.specialists[answers.Route.MATH].only = "17 %"
    made.specialists[answers.Route.KNOWLEDGE].only = "Peru"
    *deltas, answer = await ask(made, question(TWO))
    assert "".join(delta.text for delta in deltas) == answer.finding.text
    assert answer.finding.text == ("**What is 17 % of 80?**\n\n13.6\n\n**what is the capital of Peru?**\n\nLima.")
    assert answer.finding.evidence.level is answers.Level.QUOTED and answer.finding.confidence == 0.9
    assert made.specialists[answers.Route.GENERAL].asked == 0


async def test_the_model_hears_its_part_in_the_conversation_that_it_stands_in() -> None:
    made = bench(math=[finding("13.6")], general=[answers.Delta("Lima"), finding("Lima")])
    made.specialists[answers.Route.MATH].only = "17 %"
    before = [
        answers.Message("system", "Be brief."),
        answers.Message("user", "hi"),
        answers.Message("assistant", "Hi."),
    ]
    asked = question(TWO)
    await ask(made, dataclasses.replace(asked, messages=[*before, *asked.messages]))
    (messages,) = made.specialists[answers.Route.GENERAL].messages
    assert messages == [*before, answers.Message("user", "what is the capital of Peru?")]


async def test_the_model_gets_only_what_no_specialist_answered_and_the_whole_is_not_verified() -> None:
    made = bench(
        math=[finding("13.6")],
        general=[
            answers.Delta("Li"),
            answers.Delta("ma"),
            answers.Finding("Lima", 0.2, answers.Evidence(answers.Level.NONE, "m")),
        ],
    )
    made.specialists[answers.Route.MATH].only = "17 %"
    *deltas, answer = await ask(made, question(TWO))
    assert "".join(delta.text for delta in deltas) == answer.finding.text
    assert made.specialists[answers.Route.GENERAL].heard == ["what is the capital of Peru?"]
    assert not answer.finding.evidence.level.verified and answer.finding.confidence == 0.2
    parts = answer.finding.evidence.detail["parts"]
    assert [part["level"] for part in parts] == ["computed", "none"]
    assert [part["confidence"] for part in parts] == [1.0, 0.2]
    assert parts[0]["passed_on"] == [] and not answer.passed, "who passed one part on did not pass on the other"
    assert {one["by"]: one["why"] for one in parts[1]["passed_on"]} == {"knowledge": "unread"}
    assert answer.escalation.why is ways.Escalating.UNSET
    assert answer.route is answers.Route.GENERAL and len(made.ledger.rows) == 1 and not made.ledger.rows[0].verified


async def test_one_part_that_its_specialist_is_too_busy_for_does_not_lose_the_answer_to_the_next() -> None:
    class Busy(Scripted):
        async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
            if "17" in question.text:
                raise errors.OverloadedError("Busy. Try again.")
            yield finding("4")

    made = bench(general=[answers.Delta("g"), finding("g")])
    made.made._specialists[answers.Route.MATH] = Busy(answers.Route.MATH, [])
    *_, answer = await ask(made, question("What is 17% of 80? What is 1 + 3?"))
    first, second = answer.finding.evidence.detail["parts"]
    assert (first["question"], first["specialist"]) == ("What is 1 + 3?", "math")
    assert ("math", "away") in [(one["by"], one["why"]) for one in second["passed_on"]]


async def test_a_whole_whose_parts_are_all_verified_is_verified() -> None:
    made = bench(math=[finding("4")])
    *_, answer = await ask(made, question("What is 2 + 2? What is 1 + 3?"))
    assert answer.finding.evidence.level.verified and answer.route is answers.Route.MATH
    assert made.specialists[answers.Route.GENERAL].asked == 0


async def test_parts_that_no_specialist_answers_go_to_the_model_as_they_were_asked() -> None:
    made = bench(general=[answers.Delta("g"), finding("g")])
    *_, answer = await ask(made, question(TWO))
    assert made.specialists[answers.Route.GENERAL].heard == [TWO] and answer.finding.text == "g"


async def test_what_was_found_is_kept_where_the_model_is_away() -> None:
    made = bench(math=[finding("13.6")], general=[errors.ModelUnavailableError("The model is away.")])
    made.specialists[answers.Route.MATH].only = "17 %"
    *deltas, answer = await ask(made, question(TWO))
    assert "13.6" in answer.finding.text and "No answer: The model is away." in answer.finding.text
    assert "".join(delta.text for delta in deltas) == answer.finding.text
    assert list(answer.degraded) == ["general: model_unavailable"]


async def test_a_model_that_breaks_off_within_a_part_is_an_error() -> None:
    made = bench(math=[finding("13.6")], general=[answers.Delta("Li"), errors.ModelUnavailableError("Gone.")])
    made.specialists[answers.Route.MATH].only = "17 %"
    with pytest.raises(errors.ModelUnavailableError):
        await ask(made, question(TWO))
    assert [row.outcome for row in made.ledger.rows] == ["failed"]


# What the metrics are told


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([finding()], "answered"),
        ([finding(refused=True)], "refused"),
        ([finding(wrong=True)], "wrong"),
        ([errors.ContextTooLongError("Too long.")], "invalid"),
        ([errors.ModelUnavailableError("Away.")], "failed"),
        ([errors.BudgetError("Used up.")], "failed"),
        ([RuntimeError("nobody foresaw this")], "failed"),
    ],
)
async def test_each_end_of_a_question_is_one_outcome(events: Sequence[Any], outcome: str) -> None:
    with rises("council_requests_total") as found, contextlib.suppress(errors.CouncilError, RuntimeError):
        await ask(bench(general=events), question(route=answers.Route.GENERAL))
    assert found == {("general", outcome): 1}


async def test_the_words_of_a_priced_local_model_cost_what_the_answer_says() -> None:
    usage = answers.Usage(1, 1)
    with rises("council_cost_usd_micros_total") as spent, rises("council_local_answers_total") as local:
        *_, answer = await ask(bench(general=[finding("ab", model="m", usage=usage)]))
    assert spent == {("m",): answer.cost_usd_micros} == {("m",): 3}
    assert local == {("true",): 1}


def charge(model: str, usd_micros: int) -> ledger.Charge:
    return ledger.Charge(0, "far", model, model, 1, 0, 1, usd_micros, False, "answered", None)


@pytest.mark.parametrize("escalated", [True, False])
@pytest.mark.parametrize("outcome", [ledger.Outcome.ANSWERED, ledger.Outcome.FAILED, ledger.Outcome.CANCELLED])
def test_every_charge_is_money_spent_whatever_came_of_the_question(outcome: ledger.Outcome, escalated: bool) -> None:
    made = run.Run(question(), "user", "token", clock.ManualClock(7), LABEL)
    made.tab = attempts.Tab("id", "user", "token", charges=[charge("one", 5), charge("two", 7)], local=False)
    made.escalated, made.finding = escalated, finding("ab", model="two")
    with rises("council_cost_usd_micros_total") as spent, rises("council_local_answers_total") as local:
        made.observe(outcome)
    assert spent == {("one",): 5, ("two",): 7}
    assert local == ({("false",): 1} if outcome is ledger.Outcome.ANSWERED else {})


async def test_an_answer_names_the_generation_that_it_began_with_and_the_patch_that_made_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = bench(math=[answers.Delta("4"), finding()])
    stream = made.made.answer(question(), pipeline.Asker("user", "token", ()))
    async with contextlib.aclosing(stream) as events:
        await anext(events)
        made.made.relabel(patches.Label("next", "c" * 16))
        rest = [event async for event in events]
    later = (await ask(made))[-1]
    assert [(one.generation, one.cid) for one in (rest[-1], later)] == [("gen", None), ("next", "c" * 16)]
    assert [row.generation for row in made.ledger.rows] == ["gen", "next"]
