"""Whom an override has asked first, and whom not at all."""

import random

import pytest

from council.domain import config, errors, money, overrides, providers
from council.serving.providers import attempts, calls
from council.testing import clock, provider

PRICE = money.Price(1_000, 2_000)
LIMITS = {"context_tokens": 1000, "output_tokens_max": 50, "image_tokens_max": 0, "abilities": frozenset[str]()}


class Bench:
    """A model at provider `a`, its fallback at `b`; each answers as often as it is let."""

    def __init__(self, order: overrides.Order | None, *, failing: str = "") -> None:
        failure = errors.ProviderError("It failed.", retryable=True, faulty=True)
        turn = {name: provider.Turn(error=failure) if name in failing else provider.Turn() for name in "ab"}
        servers = {name: provider.ScriptedProvider(name, [turn[name]] * 9) for name in "ab"}
        self.purse = provider.Purse()
        models = {
            "m": providers.Model("m", (providers.Deployment("a", "x", PRICE),), fallbacks=("n",), **LIMITS),
            "n": providers.Model("n", (providers.Deployment("b", "x", PRICE),), **LIMITS),
        }
        self.made = calls.Calls(
            models, servers, {}, self.purse, config.CallsConfig(backoff_first_s=0, settle_s=1), config.BudgetConfig(),
            clock.ManualClock(), random.Random(0), lambda _: order,
        )  # fmt: skip

    async def asked(self) -> list[str]:
        """Ask; return who was, in order. Raises what the last one did."""
        request = calls.Request("chat", "m", {"messages": [{"role": "user", "content": "x"}]}, 100)
        try:
            await self.made.whole(request, attempts.Tab("id", "ada", "tok"))
        except errors.ProviderError:
            if not self.purse.held:
                raise
        return [one.provider for one in self.purse.held]


async def test_the_provider_that_an_override_names_is_asked_first_and_the_usual_one_after_it() -> None:
    assert await Bench(None).asked() == ["a"]
    assert await Bench(overrides.Order(("b",))).asked() == ["b"]
    assert (await Bench(overrides.Order(("b",)), failing="b").asked())[:2] == ["b", "a"]


async def test_a_provider_that_is_left_out_is_not_asked_even_where_all_others_fail() -> None:
    bench = Bench(overrides.Order((), frozenset("a")), failing="b")
    assert set(await bench.asked()) == {"b"}
    assert not bench.made.usable("m") and bench.made.usable("n")


async def test_where_all_are_left_out_nobody_is_asked_and_the_refusal_says_why_and_when_to_come_again() -> None:
    with pytest.raises(errors.ProviderError, match="left out for now") as raised:
        await Bench(overrides.Order((), frozenset("ab"))).asked()
    assert raised.value.retry_after_s
