"""A model that was asked by its name: its words are passed on as they come, and the ledger's row is written before the last.

    request -> calls (budget, deployment, fallback) -> events -> ledger -> end

The sibling of the cascade in `pipeline.py`, for callers who have chosen already.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from council import ports
from council.domain import answers, errors, ledger, ways
from council.serving import run as run_module
from council.serving.providers import attempts
from council.serving.providers import calls as calls_module

_log = logging.getLogger(__name__)

_UNCHECKED = answers.Evidence(answers.Level.NONE, "The model's own words; nothing was checked.")


class LedgerWriter(Protocol):
    """Commits a row before it returns."""

    async def record(self, row: ledger.LedgerRow, charges: Sequence[ledger.Charge] = ()) -> None:
        """Return once the row and its charges are committed. Raises RecordsUnavailableError, OverloadedError."""
        ...


class Relay:
    """One request to a named model. `whole`, or `open` and `read` until nothing comes and `finish`; `close` in any case."""

    def __init__(
        self,
        calls: calls_module.Calls,
        request: calls_module.Request,
        run: run_module.Run,
        tab: attempts.Tab,
        writer: LedgerWriter,
        keep: Callable[[Coroutine[Any, Any, None]], None],
    ):
        """`keep` runs a coroutine to its end that nobody waits for."""
        self._calls = calls
        self._request = request
        self._run = run
        self._tab = run.tab = tab
        self._writer = writer
        self._keep = keep
        self._answering: attempts.Answering | None = None
        self._failure: BaseException | None = None

    async def whole(self) -> tuple[ports.ModelReply, answers.Answer]:
        """Return the reply and what is told about it; the row is committed. Raises as ports.ModelProvider says."""
        with self._run.stage("model"):
            reply = await self._noting_failure(self._calls.whole(self._request, self._tab))
        self._run.spoke()
        return reply, await self.finish()

    async def open(self) -> None:
        """Return when the answer has begun. Raises as ports.ModelProvider says, and BudgetError."""
        self._answering = await self._noting_failure(self._calls.open(self._request, self._tab))
        self._run.spoke()

    async def read(self) -> Sequence[ports.ModelEvent]:
        """Return the events that have come, none at the end. Raises ProviderError: then the answer is none."""
        assert self._answering is not None, "open comes first"
        try:
            return await self._answering.read()
        except errors.CouncilError as error:
            self._failure = error
            raise

    async def finish(self) -> answers.Answer:
        """Commit the row and return what is told about the answer. Raises RecordsUnavailableError, OverloadedError."""
        run, tab = self._run, self._tab
        assert tab.step is not None, "somebody answered"
        run.finding = answers.Finding("", 0.0, _UNCHECKED, usage=tab.usage, model=tab.step.model.name)
        run.cost_usd_micros = tab.cost_usd_micros
        with run.stage("ledger"):
            row = run.row(ledger.Outcome.ANSWERED)
            await self._noting_failure(self._writer.record(row, run.charges))
        run.recorded = True
        run.observe(ledger.Outcome.ANSWERED)
        run.escalation = ways.Escalation(escalated=False, why=ways.Escalating.NAMED)
        return run.answer()

    async def close(self) -> None:
        """Record whatever came of it, if that is not done. Does not wait: a paid answer is read on to learn its cost."""
        if not self._run.recorded:
            self._run.recorded = True
            self._run.tell(ledger.Outcome.CANCELLED if self._failure is None else ledger.Outcome.FAILED)
            self._keep(self._record())

    async def _record(self) -> None:
        if self._answering is not None:
            await self._answering.close()
        await self._tab.settled()
        outcome = ledger.Outcome.CANCELLED if self._failure is None else ledger.Outcome.FAILED
        self._run.cost_usd_micros = self._tab.cost_usd_micros
        self._run.finding = _spent(self._tab)
        self._run.observe(outcome, self._failure)
        try:
            await self._writer.record(self._run.row(outcome), self._run.charges)
        except errors.CouncilError as error:
            _log.error("a request that ended early is not in the ledger", extra={"detail": error.detail})

    async def _noting_failure(self, asking: Coroutine[Any, Any, Any]) -> Any:
        try:
            return await asking
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._failure = error
            raise


def _spent(tab: attempts.Tab) -> answers.Finding | None:
    """Return what a row is to say of tokens and model where there is no answer."""
    if not tab.charges:
        return None
    last = tab.charges[-1]
    usage = answers.Usage(
        sum(charge.prompt_tokens for charge in tab.charges), sum(charge.completion_tokens for charge in tab.charges)
    )
    return answers.Finding("", 0.0, _UNCHECKED, usage=usage, model=last.model)
