"""Whom an override has asked first, and whom not at all."""

import random
from collections.abc import Callable

import pytest

from council import ports
from council.domain import config, errors, money, overrides, providers
from council.serving.providers import attempts, calls
from council.testing import clock, provider

PRICE = money.Price(1_000, 2_000)
LIMITS = {"context_tokens": 1000, "output_tokens_max": 50, "image_tokens_max": 0, "abilities": frozenset[str]()}


FREE = money.Price(0, 0)


def deployment(provider: str, price: money.Price = PRICE, weight: int = 1) -> providers.Deployment:
    return providers.Deployment(provider, "x", price, weight)


class Bench:
    """A model with its own deployments, in this order where all weigh 0, and a fallback at `b`; those that `fail` do."""

    def __init__(
        self, order: overrides.Order | None, *own: providers.Deployment, failing: str = "", here: str = ""
    ) -> None:
        failure = errors.ProviderError("It failed.", retryable=True, faulty=True)
        turn = {name: provider.Turn(error=failure) if name in failing else provider.Turn() for name in "abcl"}
        self.servers = {
            name: provider.ScriptedProvider(name, [turn[name]] * 9, loopback=name in here, when=self._note(name))
            for name in "abcl"
        }
        self.calls: list[str] = []
        models = {
            "m": providers.Model("m", own or (deployment("a"),), fallbacks=("n",), **LIMITS),
            "n": providers.Model("n", (deployment("b"),), **LIMITS),
        }
        self.made = calls.Calls(
            models, self.servers, {}, provider.Purse(), config.CallsConfig(backoff_first_s=0, settle_s=1),
            config.BudgetConfig(), clock.ManualClock(), random.Random(0), lambda _: order,
        )  # fmt: skip

    def _note(self, name: str) -> Callable[[ports.ModelCall], None]:
        return lambda _: self.calls.append(name)

    async def asked(self) -> list[str]:
        """Ask; return who was, in order. Raises what the last one did."""
        request = calls.Request("chat", "m", {"messages": [{"role": "user", "content": "x"}]}, 100)
        try:
            await self.made.whole(request, attempts.Tab("id", "ada", "tok"))
        except errors.ProviderError:
            if not self.calls:
                raise
        return self.calls


async def test_the_provider_that_an_override_names_is_asked_first_and_the_usual_one_after_it() -> None:
    own = (deployment("a", weight=0), deployment("c", weight=0))
    assert await Bench(None, *own).asked() == ["a"]
    assert await Bench(overrides.Order(("c",)), *own).asked() == ["c"]
    assert (await Bench(overrides.Order(("c",)), *own, failing="c").asked())[:2] == ["c", "a"]


async def test_no_override_has_a_fallback_asked_before_the_models_own() -> None:
    for own in ((deployment("l", FREE),), (deployment("a"),)):
        first = own[0].provider
        assert await Bench(overrides.Order(("b",)), *own, here="l").asked() == [first]
        assert (await Bench(overrides.Order(("b",)), *own, here="l", failing=first).asked())[:2] == [first, "b"]


async def test_no_override_has_who_is_paid_asked_before_who_is_free_and_it_may_do_the_reverse() -> None:
    own = (deployment("c", FREE, weight=0), deployment("a", weight=0))
    assert await Bench(overrides.Order(("a",)), *own).asked() == ["c"]
    assert await Bench(overrides.Order(("c",)), *own[::-1]).asked() == ["c"]
    # As the file has it.
    assert await Bench(overrides.Order(("a",)), *own[::-1]).asked() == ["a"]


async def test_no_override_has_who_is_elsewhere_asked_before_who_is_on_this_machine() -> None:
    own = (deployment("l", FREE, weight=0), deployment("c", FREE, weight=0))
    assert await Bench(overrides.Order(("c",)), *own, here="l").asked() == ["l"]
    assert await Bench(overrides.Order(("l",)), *own[::-1], here="l").asked() == ["l"]


async def test_a_provider_that_is_left_out_is_not_asked_even_where_all_others_fail() -> None:
    bench = Bench(overrides.Order((), frozenset("a")), failing="b")
    assert set(await bench.asked()) == {"b"}
    assert not bench.made.usable("m") and bench.made.usable("n")


async def test_where_all_are_left_out_nobody_is_asked_and_the_refusal_says_why_and_when_to_come_again() -> None:
    with pytest.raises(errors.ProviderError, match="left out for now") as raised:
        await Bench(overrides.Order((), frozenset("ab"))).asked()
    assert raised.value.retry_after_s
