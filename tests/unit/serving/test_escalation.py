import asyncio
import contextlib
import dataclasses
import random
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from council import ports
from council.domain import answers, config, errors, ledger, money, patches, providers, ways
from council.serving import escalation, run
from council.serving.ledger import unkept
from council.serving.providers import attempts, calls
from council.testing import clock

FINDING = answers.Finding("local words", 0.9, answers.Evidence(answers.Level.NONE, "Unchecked."), model="local")
SPOKEN = [answers.Delta("local words"), FINDING]
DOUBT = [answers.PassOn("the local model's confidence 0.31 is below 0.60 after 24 tokens")]
AWAY = errors.ModelUnavailableError("Away. Try again.")


@dataclasses.dataclass
class Local:
    """A local model that says `careful` where it may doubt, else `bold`."""

    careful: Sequence[Any]
    bold: Sequence[Any] = dataclasses.field(default_factory=lambda: SPOKEN)
    asked: list[float | None] = dataclasses.field(default_factory=list)

    async def attempt(self, question: answers.Question) -> AsyncGenerator[answers.Event, None]:
        self.asked.append(question.doubt_below)
        for event in self.bold if question.doubt_below is None else self.careful:
            if isinstance(event, Exception):
                raise event
            yield event


class Stream:
    """Says two words and how many tokens they were; with `breaks` only one word."""

    def __init__(self, breaks: bool):
        self._events = [_chunk("paid "), _chunk("words"), *_END]
        if breaks:
            self._events = [_chunk("paid "), errors.ProviderError("Cut. Try again.", begun=True)]

    async def read(self) -> Sequence[ports.ModelEvent]:
        if not self._events:
            return ()
        event = self._events.pop(0)
        if isinstance(event, Exception):
            raise event
        return [event]

    async def close(self) -> None: ...


def _event(data: dict[str, Any], **more: Any) -> ports.ModelEvent:
    return ports.ModelEvent(b"", data, **more)


def _chunk(text: str) -> ports.ModelEvent:
    return _event({"choices": [{"delta": {"content": text}}]})


_END = [
    _event({"choices": [{"delta": {}, "finish_reason": "stop"}]}, ends=True),
    _event({"choices": []}, usage=answers.Usage(10, 2), ends=True),
]


@dataclasses.dataclass
class Server:
    name: str = "cloud"
    loopback: bool = False
    forms: frozenset[str] = frozenset({"chat"})
    error: errors.CouncilError | None = None
    breaks: bool = False
    stalls: bool = False

    async def open(self, call: ports.ModelCall) -> Stream:
        if self.stalls:
            await asyncio.Event().wait()
        if self.error:
            raise self.error
        return Stream(self.breaks)


@dataclasses.dataclass
class Holder:
    error: errors.CouncilError | None = None
    held: list[int] = dataclasses.field(default_factory=list)

    async def hold(self, hold: ledger.Hold) -> None:
        self.held.append(hold.usd_micros)
        if self.error:
            raise self.error


@dataclasses.dataclass
class Outcome:
    events: list[answers.Event]
    made: run.Run
    tab: attempts.Tab
    error: errors.CouncilError | None = None


async def escalate(
    local: Local,
    server: Server | None = None,
    holder: Any = None,
    share_max: float = 0.06,
    earlier: int = 0,
) -> Outcome:
    """Escalate once, after `earlier` times of which nothing is kept."""
    price = money.Price(1_000_000, 2_000_000)
    model = providers.Model("paid", (providers.Deployment("cloud", "x", price),), 8192, 100, 0, frozenset())
    settings = config.CallsConfig(hops_max=1)
    made_calls = calls.Calls(
        {"paid": model}, {"cloud": server or Server()}, {}, holder or Holder(), settings, config.BudgetConfig(),
        clock.ManualClock(), random.Random(1),
    )  # fmt: skip
    made = escalation.Escalation(providers.Escalation("paid", 0.6, share_max, wait_s=0.2), made_calls)
    assert made.ready
    question = answers.Question("id", [answers.Message("user", "Why?")], "council", answers.Sampling(50))
    label = patches.Label("gen")
    notebook = run.Run(question, "u", "t", clock.ManualClock(), label)
    for _ in range(earlier):
        other = run.Run(question, "u", "t", clock.ManualClock(), label)
        before = made.attempt(Local(DOUBT), question, other, attempts.Tab("id", "u", "t"))
        async with contextlib.aclosing(before) as events:
            async for _event in events:
                pass
    found = Outcome([], notebook, attempts.Tab("id", "u", "t"))
    try:
        async with contextlib.aclosing(made.attempt(local, question, notebook, found.tab)) as events:
            async for event in events:
                if isinstance(event, answers.Delta):
                    notebook.spoke()
                found.events.append(event)
    except errors.CouncilError as error:
        found.error = error
    await found.tab.settled()
    return found


def text(found: Outcome) -> str:
    return "".join(event.text for event in found.events if isinstance(event, answers.Delta))


async def test_a_sure_local_model_answers_alone_and_nothing_is_paid() -> None:
    local = Local(SPOKEN)
    found = await escalate(local)
    assert found.events == SPOKEN and not found.tab.charges and local.asked == [0.6]
    assert not found.made.escalated


async def test_in_doubt_the_paid_model_answers_and_the_reason_and_the_cost_are_told() -> None:
    found = await escalate(Local(DOUBT))
    assert text(found) == "paid words"
    finding = found.events[-1]
    assert isinstance(finding, answers.Finding) and finding.model == "paid" and finding.usage == answers.Usage(10, 2)
    assert "0.31 is below 0.60" in finding.evidence.summary and finding.evidence.level is answers.Level.NONE
    assert found.made.escalated and found.tab.cost_usd_micros == 14
    assert found.made.escalation == ways.Escalation(True, ways.Escalating.UNSURE, "paid", DOUBT[0].reason)


async def test_a_local_model_that_is_away_is_a_reason_too() -> None:
    found = await escalate(Local([AWAY]))
    assert text(found) == "paid words" and "model_unavailable" in found.events[-1].evidence.summary
    assert found.made.escalation is not None and found.made.escalation.why is ways.Escalating.AWAY


@pytest.mark.parametrize(
    ("server", "holder"),
    [
        (Server(), Holder(errors.BudgetError("Over. Raise it."))),
        (Server(error=errors.ProviderError("Away. Try again.")), Holder()),
        (Server(), Holder(errors.RecordsUnavailableError("Away. Try again."))),
    ],
    ids=["over budget", "provider away", "no records to hold money in"],
)
async def test_where_the_paid_model_cannot_be_asked_the_local_one_answers_after_all_and_says_so(
    server: Server, holder: Holder
) -> None:
    local = Local(DOUBT)
    found = await escalate(local, server, holder)
    assert text(found) == "local words" and found.events[-1] == FINDING
    assert local.asked == [0.6, None] and found.made.degraded[0].startswith("escalation: ")
    assert not found.made.escalated and found.tab.cost_usd_micros == 0
    told = found.made.escalation
    assert told is not None and (told.escalated, told.why) == (False, ways.Escalating.REFUSED)
    assert told.reason.startswith(f"{DOUBT[0].reason}; ") and told.model == "paid"


async def test_a_paid_answer_that_breaks_off_is_an_error_and_is_charged() -> None:
    found = await escalate(Local(DOUBT), Server(breaks=True))
    assert isinstance(found.error, errors.ProviderError) and text(found) == "paid "
    (charge,) = found.tab.charges
    assert charge.estimated and charge.cost_usd_micros > 0


async def test_a_local_model_that_breaks_off_in_mid_answer_is_not_talked_over() -> None:
    found = await escalate(Local([answers.Delta("local "), AWAY]))
    assert found.error is AWAY and text(found) == "local " and not found.tab.charges


async def test_when_both_are_away_the_local_models_error_is_told() -> None:
    local = Local([AWAY], bold=[AWAY])
    found = await escalate(local, Server(error=errors.ProviderError("Away. Try again.")))
    assert found.error is AWAY and not found.events


async def test_a_paid_model_that_stalls_holds_the_local_answer_up_only_so_long_and_is_charged() -> None:
    async with asyncio.timeout(5):
        found = await escalate(Local(DOUBT), Server(stalls=True))
    assert text(found) == "local words" and found.made.degraded == ["escalation: provider_error"]
    assert [charge.outcome for charge in found.tab.charges] == ["cancelled"]


async def test_where_the_share_is_spent_the_local_model_speaks_for_itself() -> None:
    local = Local(DOUBT)
    found = await escalate(local, share_max=0.0, earlier=4)
    assert text(found) == "local words" and local.asked[-1] is None and not found.made.escalated
    assert found.made.escalation is None, "0.9 is sure enough, whatever the share"
    unsure = [SPOKEN[0], dataclasses.replace(FINDING, confidence=0.3)]
    found = await escalate(Local(DOUBT, unsure), share_max=0.0, earlier=4)
    assert found.made.escalation == ways.Escalation(False, ways.Escalating.SHARE, "paid")


async def test_in_a_trial_nothing_is_paid_and_what_a_budget_would_have_held_is_told() -> None:
    before = Holder()
    await escalate(Local(DOUBT), holder=before)
    found = await escalate(Local(DOUBT), holder=unkept.UnkeptLedger())
    assert text(found) == "local words" and not found.made.escalated and found.made.local and not found.tab.charges
    assert [found.made.withheld_usd_micros] == before.held
    assert found.made.degraded == ["escalation: not_spent"]


async def test_in_a_trial_what_would_have_been_paid_counts_for_the_share() -> None:
    found = await escalate(Local(DOUBT), holder=unkept.UnkeptLedger(), share_max=0.0, earlier=2)
    assert found.made.withheld_usd_micros
    found = await escalate(Local(DOUBT), holder=unkept.UnkeptLedger(), share_max=0.0, earlier=3)
    assert found.made.withheld_usd_micros is None


async def test_no_cheaper_model_is_asked_in_the_stead_of_one_that_would_have_been_paid() -> None:
    dear = providers.Deployment("cloud", "x", money.Price(1_000_000, 2_000_000))
    free = providers.Deployment("near", "y", money.Price(0, 0))
    models = {
        "paid": providers.Model("paid", (dear,), 8192, 100, 0, frozenset(), fallbacks=("free",)),
        "free": providers.Model("free", (free,), 8192, 100, 0, frozenset()),
    }
    made = calls.Calls(
        models, {"cloud": Server(), "near": Server("near")}, {}, unkept.UnkeptLedger(), config.CallsConfig(),
        config.BudgetConfig(), clock.ManualClock(), random.Random(1),
    )  # fmt: skip
    tab = attempts.Tab("id", "", "")
    with pytest.raises(errors.UnspentError):
        await made.open(calls.Request("chat", "paid", {"messages": [], "max_tokens": 10}, 100), tab)
    assert not tab.charges and made.states()["near"] == "unasked"
