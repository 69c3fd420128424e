"""A provider of models that says and does what it is told, and a purse that holds for its calls."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from council import ports
from council.domain import answers, errors, ledger


@dataclasses.dataclass(slots=True)
class Turn:
    """What one call meets. `text` is streamed a character an event, then come its end and its usage.

    `error` is raised before anything, `breaks` after `breaks_after` characters. `wait` is awaited before the answer begins,
    `wait_in` after its first character.
    """

    text: str = "ab"
    usage: answers.Usage | None = dataclasses.field(default_factory=lambda: answers.Usage(3, 2))
    error: Exception | None = None
    breaks: Exception | None = None
    breaks_after: int = 1
    wait: asyncio.Event | None = None
    wait_in: asyncio.Event | None = None


class ScriptedProvider:
    """Implements ports.ModelProvider. Each call meets the next of `turns`, the last one again and again.

    `asked` are the calls, `when` is called with each, `cut` counts the streams that were closed before their end.
    """

    def __init__(
        self,
        name: str = "fake",
        turns: Sequence[Turn] = (Turn(),),
        *,
        loopback: bool = False,
        forms: frozenset[str] = frozenset({"chat"}),
        when: Callable[[ports.ModelCall], None] = lambda _: None,
    ):
        self._name = name
        self._turns = turns
        self._loopback = loopback
        self._forms = forms
        self._when = when
        self.asked: list[ports.ModelCall] = []
        self.cut = 0

    @property
    def name(self) -> str:
        """The provider's name."""
        return self._name

    @property
    def loopback(self) -> bool:
        """Whether it is said to run on this machine."""
        return self._loopback

    @property
    def forms(self) -> frozenset[str]:
        """The wire forms that pass."""
        return self._forms

    async def models(self) -> list[str] | None:
        """Return none: it has no list."""
        return None

    async def whole(self, call: ports.ModelCall) -> ports.ModelReply:
        """Return the whole reply, or raise."""
        turn = await self._begin(call)
        if turn.wait_in is not None:
            await turn.wait_in.wait()
        if turn.breaks is not None:
            raise turn.breaks
        choice = {"index": 0, "message": {"role": "assistant", "content": turn.text}, "finish_reason": "stop"}
        data = {"choices": [choice], "usage": _counts(turn.usage)}
        return ports.ModelReply(orjson.dumps(data), data, turn.usage)

    async def open(self, call: ports.ModelCall) -> ports.ModelStream:
        """Return the stream, or raise."""
        return _Stream(self, await self._begin(call))

    async def _begin(self, call: ports.ModelCall) -> Turn:
        turn = self._turns[min(len(self.asked), len(self._turns) - 1)]
        self.asked.append(call)
        self._when(call)
        if turn.wait is not None:
            await turn.wait.wait()
        if turn.error is not None:
            raise turn.error
        return turn

    async def ping(self) -> None:
        """Return."""

    async def close(self) -> None:
        """Return."""


class _Stream:
    """Implements ports.ModelStream."""

    def __init__(self, server: ScriptedProvider, turn: Turn):
        self._server = server
        self._turn = turn
        self._said = 0
        self._after: list[ports.ModelEvent] = [_event({}, "stop"), _usage(turn.usage)]
        self._over = False

    async def read(self) -> Sequence[ports.ModelEvent]:
        """Return the next event alone."""
        turn = self._turn
        if self._said and turn.wait_in is not None:
            await turn.wait_in.wait()
        if turn.breaks is not None and self._said >= turn.breaks_after:
            raise turn.breaks
        if self._said < len(turn.text):
            self._said += 1
            return [_event({"content": turn.text[self._said - 1]})]
        if self._after:
            return [self._after.pop(0)]
        self._over = True
        return ()

    async def close(self) -> None:
        """Note a stream that was cut."""
        if not self._over:
            self._over = True
            self._server.cut += 1


def _counts(usage: answers.Usage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}


def _event(delta: dict[str, Any], finish_reason: str | None = None) -> ports.ModelEvent:
    data = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}
    return ports.ModelEvent(b"data: " + orjson.dumps(data) + b"\n\n", data, ends=finish_reason is not None)


def _usage(usage: answers.Usage | None) -> ports.ModelEvent:
    data: dict[str, Any] = {"choices": [], "usage": _counts(usage)}
    return ports.ModelEvent(b"data: " + orjson.dumps(data) + b"\n\n", data, usage, ends=True)


class Purse:
    """Implements calls.Holder. Refuses what goes over `limit_usd_micros`; `error` is raised instead, `wait` awaited before."""

    def __init__(self, limit_usd_micros: int = 1 << 60, *, wait: asyncio.Event | None = None):
        self.limit_usd_micros = limit_usd_micros
        self.wait = wait
        self.error: errors.CouncilError | None = None
        self.held: list[ledger.Hold] = []

    async def hold(self, hold: ledger.Hold) -> None:
        """Note the hold. Raises BudgetError, or as told."""
        if self.wait is not None:
            await self.wait.wait()
        if self.error is not None:
            raise self.error
        if hold.usd_micros > self.limit_usd_micros:
            raise errors.BudgetError("There is no room for this call. Have the budget raised.")
        self.held.append(hold)
