"""A request to a named model: its row is committed before its last word, and whatever becomes of it, it has one."""

import asyncio
import random
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from council.domain import answers, config, errors, ledger, money, patches, providers
from council.serving import relay, run
from council.serving.providers import attempts, calls
from council.testing import clock, provider

PRICE = money.Price(1_000_000, 2_000_000)


class Book:
    """Implements relay.LedgerWriter; raises `failures` first, one a call."""

    def __init__(self, *failures: Exception):
        self.failures = list(failures)
        self.rows: list[tuple[ledger.LedgerRow, Sequence[ledger.Charge]]] = []

    async def record(self, row: ledger.LedgerRow, charges: Sequence[ledger.Charge] = ()) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.rows.append((row, charges))

    @property
    def only(self) -> tuple[str, str, int, int]:
        """Outcome, model, cost and number of charges of the one row, which is the sum of its charges."""
        ((row, charges),) = self.rows
        assert row.cost_usd_micros == sum(one.cost_usd_micros for one in charges)
        return row.outcome.value, row.model, row.cost_usd_micros, len(charges)


class Bench:
    def __init__(self, *turns: provider.Turn, book: Book | None = None):
        self.book = book or Book()
        self.kept: list[asyncio.Task[None]] = []
        made_clock = clock.ManualClock()
        model = providers.Model("m", (providers.Deployment("a", "x", PRICE),), 1_000, 50, 0, frozenset())
        self.calls = calls.Calls(
            {"m": model}, {"a": provider.ScriptedProvider("a", turns or (provider.Turn(),))}, {}, provider.Purse(),
            config.CallsConfig(backoff_first_s=0), config.BudgetConfig(), made_clock, random.Random(0),
        )  # fmt: skip
        asked = answers.Question("id", [], "m", answers.Sampling(5), answers.Route.GENERAL)
        request = calls.Request("chat", "m", {"messages": [{"role": "user", "content": "x"}]}, 100)
        notebook = run.Run(asked, "ada", "tok", made_clock, patches.Label("gen", "c" * 16))
        tab = attempts.Tab("id", "ada", "tok")
        self.made = relay.Relay(self.calls, request, notebook, tab, self.book, self.keep)

    def keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self.kept.append(asyncio.get_running_loop().create_task(coroutine))

    async def closed(self) -> None:
        await self.made.close()
        await self.made.close()
        await asyncio.gather(*self.kept)


FAILED = errors.ProviderError("It failed.", retryable=True, faulty=True)


async def test_a_whole_answer_is_in_the_ledger_when_it_is_given() -> None:
    made = Bench()
    _, answer = await made.made.whole()
    assert made.book.only == ("answered", "m", 7, 1)
    assert (answer.cost_usd_micros, answer.provider, answer.tried) == (7, "a", ())
    assert (answer.generation, answer.cid) == ("gen", "c" * 16)
    await made.closed()
    assert len(made.book.rows) == 1


async def test_a_streamed_answer_is_in_the_ledger_before_its_end_is_told() -> None:
    made = Bench(provider.Turn(error=FAILED), provider.Turn())
    await made.made.open()
    while await made.made.read():
        assert made.book.rows == []
    answer = await made.made.finish()
    assert made.book.only == ("answered", "m", 7, 2) and answer.tried == ("a/x: provider_error",)


async def test_a_request_that_nobody_answered_is_recorded_as_failed() -> None:
    made = Bench(provider.Turn(error=FAILED))
    with pytest.raises(errors.ProviderError):
        await made.made.whole()
    await made.closed()
    assert made.book.only == ("failed", "m", 0, 3)


async def test_a_stream_that_breaks_is_recorded_as_failed_with_what_it_may_have_cost() -> None:
    made = Bench(provider.Turn("ab", breaks=errors.ProviderError("x", begun=True)))
    await made.made.open()
    await made.made.read()
    with pytest.raises(errors.ProviderError):
        await made.made.read()
    await made.closed()
    assert made.book.only == ("failed", "m", 116 + 2 * 50, 1)


async def test_a_stream_that_is_left_is_recorded_once_its_cost_is_known() -> None:
    go_on = asyncio.Event()
    made = Bench(provider.Turn("ab", wait_in=go_on))
    await made.made.open()
    await made.made.read()
    closing = asyncio.ensure_future(made.closed())
    await asyncio.sleep(0)
    assert made.book.rows == []
    go_on.set()
    await closing
    assert made.book.only == ("cancelled", "m", 7, 1)


async def test_an_answer_that_the_ledger_did_not_take_is_none_and_is_recorded_again_as_failed() -> None:
    made = Bench(book=Book(errors.RecordsUnavailableError("The disk is full.")))
    with pytest.raises(errors.RecordsUnavailableError):
        await made.made.whole()
    await made.closed()
    assert made.book.only == ("failed", "m", 7, 1)


async def test_a_ledger_that_stays_away_is_logged_and_nothing_hangs(caplog: pytest.LogCaptureFixture) -> None:
    away = errors.RecordsUnavailableError("The disk is full.")
    made = Bench(book=Book(away, away))
    with pytest.raises(errors.RecordsUnavailableError):
        await made.made.whole()
    await made.closed()
    assert "not in the ledger" in caplog.text and made.book.rows == []
