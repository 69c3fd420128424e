"""Calls from their hold to their charge: whatever happens, each ends in exactly one, and never above what was held."""

import asyncio
import random
import time
from typing import Any

import prometheus_client
import pytest
from hypothesis import given, settings, strategies

from council.domain import answers, config, errors, money, providers
from council.kit import clock as system_clock
from council.serving.providers import attempts, calls
from council.testing import clock, provider

PRICE = money.Price(1_000_000, 2_000_000)  # a micro-dollar a token of the prompt, two a token of the answer
CHEAP = money.Price(1_000, 2_000)
QUICK = {"backoff_first_s": 0, "settle_s": 20}
# What the request below can come to: 100 bytes and 16 for its message, 50 tokens of answer.
MOST = answers.Usage(116, 50)
MOST_USD_MICROS = 116 + 2 * 50
ASKED = {"messages": [{"role": "user", "content": "x"}]}


def deployment(name: str, price: money.Price | None = PRICE, **more: Any) -> providers.Deployment:
    return providers.Deployment(name, f"{name}-model", price, **more)


def model(name: str, *made: providers.Deployment, **more: Any) -> providers.Model:
    usual: dict[str, Any] = {
        "context_tokens": 1000, "output_tokens_max": 50, "image_tokens_max": 0, "abilities": frozenset({"tools"}),
    }  # fmt: skip
    return providers.Model(name, made, **(usual | more))


class Bench:
    """Calls over scripted providers."""

    def __init__(
        self,
        *models: providers.Model,
        purse: provider.Purse | None = None,
        off: dict[str, str] | None = None,
        real: bool = False,
        servers: list[provider.ScriptedProvider],
        **changed: Any,
    ):
        self.purse = purse or provider.Purse()
        self.clock = clock.ManualClock()
        self.servers = {one.name: one for one in servers}
        self.made = calls.Calls(
            {one.name: one for one in models}, self.servers, off or {}, self.purse,
            config.CallsConfig(**(QUICK | changed)), config.BudgetConfig(),
            system_clock.SystemClock() if real else self.clock, random.Random(0),
        )  # fmt: skip
        self.tab = attempts.Tab("id", "ada", "tok")

    def request(self, name: str = "m", **more: Any) -> calls.Request:
        return calls.Request("chat", name, ASKED, 100, **more)

    async def whole(self, **more: Any) -> Any:
        return await self.made.whole(self.request(**more), self.tab)

    async def stream(self, **more: Any) -> str:
        answering = await self.made.open(self.request(**more), self.tab)
        try:
            said = ""
            while events := await answering.read():
                for event in events:
                    said += "".join(one["delta"].get("content", "") for one in event.data["choices"])
            return said
        finally:
            await answering.close()

    async def ask(self, *, stream: bool, **more: Any) -> Any:
        return await (self.stream(**more) if stream else self.whole(**more))

    def asked(self) -> list[str]:
        """Who was asked, by the holds in their order."""
        return [one.provider for one in self.purse.held]

    @property
    def costs(self) -> list[tuple[str, int, bool]]:
        """Outcome, cost and whether it is an estimate, of each charge; checked against the holds."""
        charges = self.tab.charges
        assert [one.hop for one in charges] == sorted({one.hop for one in charges})
        for one in charges:
            if one.hold is not None:
                assert one.hop == one.hold.hop and 0 <= one.cost_usd_micros <= one.hold.usd_micros
        held = {one.hop for one in self.purse.held}
        assert held <= {one.hop for one in charges}, "a hold without a charge"
        return [(one.outcome, one.cost_usd_micros, one.estimated) for one in charges]


def bench(*turns: provider.Turn, **more: Any) -> Bench:
    """One model with one deployment at one paid provider."""
    return Bench(
        model("m", deployment("a")), servers=[provider.ScriptedProvider("a", turns or (provider.Turn(),))], **more
    )


def two(first: list[provider.Turn], second: list[provider.Turn] | None = None, **more: Any) -> Bench:
    """A model at one provider, its fallback at another."""
    return Bench(
        model("m", deployment("a"), fallbacks=("n",)),
        model("n", deployment("b", CHEAP)),
        servers=[provider.ScriptedProvider("a", first), provider.ScriptedProvider("b", second or [provider.Turn()])],
        **more,
    )


def failing(*, begun: bool = False, **more: Any) -> provider.Turn:
    return provider.Turn(
        error=errors.ProviderError("It failed.", **{"retryable": True, "faulty": True, "begun": begun, **more})
    )


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@both
async def test_an_answer_is_charged_what_its_server_reports(stream: bool) -> None:
    made = bench()
    await made.ask(stream=stream)
    assert made.costs == [("answered", 3 + 2 * 2, False)]
    (held,) = made.purse.held
    assert (held.usd_micros, held.hop, held.model, held.provider) == (MOST_USD_MICROS, 0, "m", "a")
    assert made.tab.step is not None and made.tab.usage == answers.Usage(3, 2) and not made.tab.local
    (call,) = made.servers["a"].asked
    assert call.body["model"] == "a-model"
    assert not stream or (call.body["stream"], call.body["stream_options"]) == (True, {"include_usage": True})


@both
async def test_a_free_call_holds_nothing_and_costs_nothing(stream: bool) -> None:
    made = Bench(
        model("m", deployment("a", money.Price(0, 0))), servers=[provider.ScriptedProvider("a", loopback=True)]
    )
    await made.ask(stream=stream)
    assert made.purse.held == [] and made.costs == [("answered", 0, False)] and made.tab.local


@both
@pytest.mark.parametrize(
    ("reported", "text", "cost"),
    [
        (None, "abc", 116 + 2 * 3),
        (answers.Usage(3, 0), "abc", 3 + 2 * 3),
        (answers.Usage((1 << 24) + 1, 2), "abc", 116 + 2 * 3),
        (answers.Usage(3, (1 << 24) + 1), "abc", 116 + 2 * 3),
        (None, "a" * 60, MOST_USD_MICROS),
        (answers.Usage(0, 0), "", 0),
    ],
)
async def test_a_report_that_is_missing_or_cannot_be_is_replaced_by_the_most_that_it_can_have_been(
    stream: bool, reported: answers.Usage | None, text: str, cost: int
) -> None:
    made = bench(provider.Turn(text, reported))
    await made.ask(stream=stream)
    assert made.costs == [("answered", cost, cost != 0)]


@both
@pytest.mark.parametrize(("reported", "cost"), [(answers.Usage(5_000, 2), 5_004), (answers.Usage(3, 400), 803)])
async def test_what_a_server_bills_is_charged_even_where_more_was_used_than_held(
    stream: bool, reported: answers.Usage, cost: int
) -> None:
    made = bench(provider.Turn("abc", reported))
    await made.ask(stream=stream)
    (charge,) = made.tab.charges
    assert (charge.outcome, charge.cost_usd_micros, charge.estimated) == ("answered", cost, False)


@settings(deadline=None, max_examples=60)
@given(
    usage=strategies.none()
    | strategies.builds(answers.Usage, *[strategies.integers(0, 200)] * 2, *[strategies.integers(0, 1)] * 2),
    text=strategies.text(max_size=30),
    breaks_after=strategies.none() | strategies.integers(0, 30),
    stream=strategies.booleans(),
)
async def test_whatever_a_server_does_there_is_one_charge(
    usage: answers.Usage | None, text: str, breaks_after: int | None, stream: bool
) -> None:
    breaks = None if breaks_after is None else errors.ProviderError("It broke.", begun=True)
    made = bench(provider.Turn(text, usage, breaks=breaks, breaks_after=breaks_after or 0), hops_max=1)
    try:
        await made.ask(stream=stream)
    except errors.ProviderError:
        assert breaks is not None
    assert len(made.tab.charges) == 1


FAILURES = {
    "not_begun": (errors.ProviderError("x", retryable=False), 0),
    "begun": (errors.ProviderError("x", begun=True), MOST_USD_MICROS),
    "too_long": (errors.InvalidRequestError("x"), 0),
    "refused": (errors.UnsupportedParameterError("x"), 0),
    "a_bug": (ZeroDivisionError("x"), MOST_USD_MICROS),
}


@both
@pytest.mark.parametrize("name", FAILURES)
async def test_a_call_that_fails_before_its_answer_ends_in_one_charge(stream: bool, name: str) -> None:
    error, cost = FAILURES[name]
    made = bench(provider.Turn(error=error))
    with pytest.raises(type(error)):
        await made.ask(stream=stream)
    assert made.costs == [("failed", cost, cost > 0)]


async def test_a_stream_that_breaks_is_charged_the_most_that_it_can_have_been_and_not_begun_anew() -> None:
    made = two([provider.Turn("abc", breaks=errors.ProviderError("x", begun=True, retryable=True), breaks_after=2)])
    with pytest.raises(errors.ProviderError):
        await made.stream()
    assert made.costs == [("failed", MOST_USD_MICROS, True)] and made.servers["a"].cut == 1
    assert made.servers["b"].asked == []


async def test_a_stream_that_breaks_before_its_first_event_is_answered_by_another() -> None:
    made = two([provider.Turn("abc", breaks=errors.ProviderError("x", begun=True, retryable=True), breaks_after=0)])
    assert await made.stream() == "ab"
    assert [outcome for outcome, _, _ in made.costs] == ["failed", "answered"] and made.servers["a"].cut == 1


# Callers that leave


async def _leave(made: Bench, *, stream: bool) -> "asyncio.Task[Any]":
    """Ask, and leave while the provider is at work."""
    task = asyncio.ensure_future(made.made.open(made.request(), made.tab) if stream else made.whole())
    while not made.servers["a"].asked:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return task


@both
async def test_a_paid_call_whose_caller_left_goes_on_until_its_true_cost_is_known(stream: bool) -> None:
    wait = asyncio.Event()
    made = bench(provider.Turn(wait=wait))
    await _leave(made, stream=stream)
    assert made.tab.charges == []
    wait.set()
    await made.tab.settled()
    ((_, cost, estimated),) = made.costs
    assert (cost, estimated) == (3 + 2 * 2, False)


@both
async def test_a_paid_call_whose_caller_left_is_waited_for_only_so_long(stream: bool) -> None:
    made = bench(provider.Turn(wait=asyncio.Event()), settle_s=0.01)
    await _leave(made, stream=stream)
    await made.tab.settled()
    assert made.costs == [("cancelled", MOST_USD_MICROS, True)]


@both
async def test_a_stop_ends_the_waiting_at_once(stream: bool) -> None:
    made = bench(provider.Turn(wait=asyncio.Event()), settle_s=600)
    await _leave(made, stream=stream)
    made.made.stopping.set()
    await asyncio.wait_for(made.tab.settled(), 5)
    assert made.costs == [("cancelled", MOST_USD_MICROS, True)]


@both
async def test_a_paid_call_that_fails_after_its_caller_left_costs_what_the_failure_says(stream: bool) -> None:
    wait = asyncio.Event()
    made = bench(provider.Turn(wait=wait, error=errors.ProviderError("x", faulty=True)))
    await _leave(made, stream=stream)
    wait.set()
    await made.tab.settled()
    assert made.costs == [("failed", 0, False)]


@both
async def test_a_free_call_whose_caller_left_is_cut_at_once(stream: bool) -> None:
    made = Bench(
        model("m", deployment("a", money.Price(0, 0))),
        servers=[provider.ScriptedProvider("a", [provider.Turn(wait=asyncio.Event())], loopback=True)],
    )
    await _leave(made, stream=stream)
    assert made.costs == [("cancelled", 0, True)] and made.tab.settling == []


@pytest.mark.parametrize(("settle_s", "stop", "charged"), [(20, False, 7), (0.01, False, 216), (600, True, 216)])
async def test_a_paid_stream_that_is_left_in_the_middle_is_read_on(settle_s: float, stop: bool, charged: int) -> None:
    go_on = asyncio.Event()
    made = bench(provider.Turn("ab", wait_in=go_on), settle_s=settle_s)
    answering = await made.made.open(made.request(), made.tab)
    await answering.read()
    closing = asyncio.ensure_future(answering.close())
    await asyncio.sleep(0)
    if stop:
        made.made.stopping.set()
    elif settle_s > 1:
        go_on.set()
    await asyncio.wait_for(closing, 5)
    assert made.costs == [("cancelled", charged, charged != 7)]
    await answering.close()
    assert len(made.costs) == 1 and made.servers["a"].cut == (charged != 7)


async def test_a_free_stream_that_is_left_in_the_middle_is_cut() -> None:
    made = Bench(
        model("m", deployment("a", money.Price(0, 0))),
        servers=[provider.ScriptedProvider("a", [provider.Turn(wait_in=asyncio.Event())])],
    )
    answering = await made.made.open(made.request(), made.tab)
    await answering.read()
    await answering.close()
    assert made.servers["a"].cut == 1 and made.costs == [("cancelled", 0, True)]


async def test_a_caller_that_leaves_while_its_hold_is_written_is_charged_nothing() -> None:
    made = bench(purse=provider.Purse(wait=asyncio.Event()))
    asking = asyncio.ensure_future(made.whole())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert made.costs == [("cancelled", 0, False)] and made.servers["a"].asked == []
    assert made.tab.charges[0].hold is not None


async def test_without_a_ledger_nothing_is_asked() -> None:
    made = bench()
    made.purse.error = errors.RecordsUnavailableError("The disk is full.")
    with pytest.raises(errors.RecordsUnavailableError):
        await made.whole()
    assert made.servers["a"].asked == [] and made.costs == [("cancelled", 0, False)]


# Retries and fallbacks


@both
async def test_deployments_are_tried_in_order_and_then_again(stream: bool) -> None:
    made = two([failing()], [failing(), provider.Turn()], hops_max=5)
    await made.ask(stream=stream)
    assert made.asked() == ["a", "b", "a", "b"]
    assert [outcome for outcome, _, _ in made.costs] == ["failed", "failed", "failed", "answered"]


async def test_no_more_are_tried_than_the_settings_allow() -> None:
    made = bench(failing(), hops_max=2)
    with pytest.raises(errors.ProviderError):
        await made.whole()
    assert made.asked() == ["a", "a"]


async def test_who_answered_and_what_went_wrong_before_is_told() -> None:
    made = two([failing()])
    await made.whole()
    assert made.tab.tried == ["a/a-model: provider_error"]
    assert made.tab.step is not None and made.tab.step.model.name == "n"


async def test_without_a_retry_left_the_first_failure_is_the_answer() -> None:
    made = two([failing()], retry_share=0, retries_spare=0)
    with pytest.raises(errors.ProviderError):
        await made.whole()
    assert made.asked() == ["a"]


@pytest.mark.parametrize("error", [errors.InvalidRequestError("x"), errors.UnsupportedParameterError("x")])
async def test_a_request_that_is_wrong_is_wrong_everywhere(error: errors.CouncilError) -> None:
    made = two([provider.Turn(error=error)])
    with pytest.raises(errors.InvalidRequestError):
        await made.whole()
    assert made.asked() == ["a"]


@pytest.mark.parametrize("error", [errors.ContextTooLongError("x"), errors.OverloadedError("x")])
async def test_what_is_too_much_for_one_may_fit_another(error: errors.CouncilError) -> None:
    made = two([provider.Turn(error=error)])
    await made.whole()
    assert made.asked() == ["a", "b"]


async def test_a_server_is_waited_for_as_long_as_it_asks() -> None:
    made = bench(failing(wait_s=0.1, faulty=False), provider.Turn(), real=True)
    began_s = time.monotonic()
    await made.whole()
    assert time.monotonic() - began_s >= 0.1 and made.asked() == ["a", "a"]


async def test_a_server_that_asks_for_too_long_is_not_asked_again_and_nobody_waits_for_it() -> None:
    made = two([failing(wait_s=30, faulty=False)], [failing()])
    with pytest.raises(errors.ProviderError):
        await made.whole()
    assert made.asked() == ["a", "b", "b"]


async def test_a_server_that_asks_for_a_while_does_not_keep_another_waiting() -> None:
    made = two([failing(wait_s=4, faulty=False)])
    await asyncio.wait_for(made.whole(), 1)
    assert made.asked() == ["a", "b"]


async def test_a_deployment_that_fails_is_left_alone_by_the_next_request() -> None:
    made = two([failing()], failures_max=1)
    await made.whole()
    assert made.asked() == ["a", "b"] and made.made.states() == {"a": "open", "b": "up"}
    await made.whole()
    assert made.asked() == ["a", "b", "b"]
    made.clock.advance(6)
    await made.whole()
    assert made.asked() == ["a", "b", "b", "a", "b"]


@pytest.mark.parametrize("seconds", [-40_000_000.0, 40_000_000.0])
async def test_a_wall_clock_that_steps_moves_neither_bounds_nor_charges(seconds: float) -> None:
    made = two([failing()], failures_max=1)
    await made.whole()
    before = made.costs[-1]
    made.clock.step(seconds)
    made.tab = attempts.Tab("id2", "ada", "tok")
    await made.whole()
    assert made.asked() == ["a", "b", "b"]
    assert [one.cost_usd_micros for one in made.tab.charges] == [before[1]]
    assert all(one.expires_us > made.clock.now_us() for one in made.purse.held[-1:])
    made.clock.advance(6)
    await made.whole()
    assert made.asked() == ["a", "b", "b", "a", "b"]


async def test_when_all_are_left_alone_the_caller_is_told_for_how_long() -> None:
    made = bench(failing(), failures_max=1, hops_max=1)
    with pytest.raises(errors.ProviderError):
        await made.whole()
    with pytest.raises(errors.ProviderError, match="left alone for a moment") as raised:
        await made.whole()
    assert raised.value.retry_after_s == 6 and made.asked() == ["a"]


def failed_calls() -> float:
    return prometheus_client.REGISTRY.get_sample_value("council_network_calls_total", {"outcome": "error"}) or 0.0


@pytest.mark.parametrize(("turn", "counted"), [(failing(), 3), (failing(wait_s=30, faulty=False), 0)])
async def test_a_call_that_is_not_made_since_those_before_failed_counts_as_one_that_failed(
    turn: provider.Turn, counted: int
) -> None:
    made, before = bench(turn, failures_max=1, hops_max=1), failed_calls()
    for _ in range(3):
        with pytest.raises(errors.ProviderError):
            await made.whole()
    assert made.asked() == ["a"] and failed_calls() == before + counted


async def test_a_call_that_another_server_answers_is_none_that_failed() -> None:
    made, before = two([failing()], failures_max=1), failed_calls()
    await made.whole()
    await made.whole()
    assert made.asked() == ["a", "b", "b"] and failed_calls() == before + 1


async def test_a_fallback_that_lacks_an_ability_is_passed_over() -> None:
    made = Bench(
        model("m", deployment("a"), fallbacks=("n",)),
        model("n", deployment("b"), abilities=frozenset()),
        servers=[provider.ScriptedProvider("a", [failing()]), provider.ScriptedProvider("b")],
    )
    with pytest.raises(errors.ProviderError):
        await made.whole(needs=frozenset({"tools"}))
    assert made.asked() == ["a", "a", "a"]


# Money


async def test_what_nobody_priced_is_not_asked() -> None:
    made = Bench(model("m", deployment("a", None)), servers=[provider.ScriptedProvider("a")])
    with pytest.raises(errors.BudgetError, match="input_usd_micros"):
        await made.whole()
    assert made.costs == [] and made.servers["a"].asked == []


async def test_a_call_over_the_budget_is_answered_by_a_cheaper_fallback() -> None:
    made = two([provider.Turn()], purse=provider.Purse(10))
    await made.whole()
    assert made.asked() == ["b"] and made.tab.tried == ["a/a-model: budget_exceeded"]


async def test_a_call_over_every_budget_is_refused_once() -> None:
    made = two([provider.Turn()], purse=provider.Purse(0))
    with pytest.raises(errors.BudgetError):
        await made.whole()
    assert made.tab.tried == ["a/a-model: budget_exceeded", "b/b-model: budget_exceeded"] and made.costs == []


async def test_all_holds_of_a_request_expire_together_after_all_that_it_may_take() -> None:
    made = bench(failing(), call_s=100, settle_s=10, retry_after_s_max=5)
    with pytest.raises(errors.ProviderError):
        await made.whole()
    assert {one.expires_us - one.at_us for one in made.purse.held} == {(3 * 105 + 10 + 60) * 1_000_000}


async def test_limits_of_a_model_are_on_its_holds() -> None:
    made = Bench(
        model("m", deployment("a"), day_usd_micros=7, month_usd_micros=8), servers=[provider.ScriptedProvider("a")]
    )
    await made.whole()
    found = {(one.scope, one.period): one.limit_usd_micros for one in made.purse.held[0].budgets}
    assert found == {
        ("all", "day"): 1_000_000, ("all", "month"): 10_000_000, ("model:m", "day"): 7, ("model:m", "month"): 8,
    }  # fmt: skip


# Who there is


async def test_a_provider_that_is_off_says_what_to_do() -> None:
    made = Bench(model("m", deployment("a")), servers=[], off={"a": "it has no key yet. Give it one: `x`."})
    with pytest.raises(errors.ProviderError, match="a is off: it has no key yet"):
        await made.whole()
    assert not made.made.usable("m") and made.made.states() == {"a": "off"}


async def test_a_provider_that_is_off_is_passed_over() -> None:
    made = two([provider.Turn()])
    made.made.switch("a", None, "it has no key")
    await made.whole()
    assert made.asked() == ["b"]


def test_a_form_is_spoken_where_all_that_are_on_speak_it() -> None:
    fakes = [
        provider.ScriptedProvider("a", forms=frozenset({"chat", "messages"})),
        provider.ScriptedProvider("b", forms=frozenset({"chat"})),
    ]
    made = Bench(model("m", deployment("a")), model("n", deployment("a"), deployment("b")), servers=fakes)
    assert made.made.speaks("m", "messages") and not made.made.speaks("n", "messages") and made.made.speaks("n", "chat")
    assert made.made.usable("m") and not made.made.usable("nope")


async def test_a_deployment_that_is_probed_is_probed_by_one_paid_call() -> None:
    made = bench(
        provider.Turn(error=errors.ProviderError("x", retryable=True, faulty=True)),
        failures_max=1,
        open_s=5,
        hops_max=1,
    )
    with pytest.raises(errors.ProviderError):
        await made.whole()
    made.clock.advance(6)
    before = len(made.servers["a"].asked)
    made.purse.wait = asyncio.Event()
    asking = [
        asyncio.ensure_future(made.made.whole(made.request(), attempts.Tab(str(one), "u", "t"))) for one in range(32)
    ]
    for _ in range(5):
        await asyncio.sleep(0)
    made.purse.wait.set()
    await asyncio.gather(*asking, return_exceptions=True)
    assert len(made.servers["a"].asked) == before + 1


async def test_a_deployment_that_opens_is_not_waited_for() -> None:
    made = bench(
        provider.Turn(error=errors.ProviderError("x", retryable=True, faulty=True)), failures_max=1, open_s=5, real=True
    )
    async with asyncio.timeout(2):
        with pytest.raises(errors.ProviderError):
            await made.whole()
    assert len(made.servers["a"].asked) == 1


async def test_a_server_that_refuses_the_key_is_not_asked_again_but_another_is() -> None:
    refused = errors.ProviderError("x", retryable=True, lasting=True)
    made = two([provider.Turn(error=refused)], [provider.Turn("ok")])
    await made.whole()
    assert [len(one.asked) for one in made.servers.values()] == [1, 1]
    alone = bench(provider.Turn(error=refused))
    with pytest.raises(errors.ProviderError):
        await alone.whole()
    assert len(alone.servers["a"].asked) == 1


@pytest.mark.parametrize("field", ["models", "route", "service_tier"])
async def test_what_may_change_the_price_is_refused_by_name_for_a_paid_model(field: str) -> None:
    made = bench(provider.Turn("ok"))
    request = calls.Request("chat", "m", {**ASKED, field: "x"}, 100)
    with pytest.raises(errors.UnsupportedParameterError, match=field):
        await made.made.whole(request, made.tab)
    assert not made.servers["a"].asked


async def test_a_paid_call_without_a_limit_gets_the_one_that_was_held_for() -> None:
    made = bench(provider.Turn("ok"))
    await made.whole()
    assert made.servers["a"].asked[0].body["max_completion_tokens"] == 50
