"""Answers that go on whether anybody listens or not, and whoever listens.

A turn's log is lines of JSON, an event each; the id of an event is where its line ends, so that a client goes on from any. The
process that answers has the log in memory, puts it into the store for other processes to follow, and writes the text so far
into the records every few seconds: what is there outlives both. An answer that has ended is told from the records alone.
"""

import asyncio
import contextlib
import contextvars
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson

from council import dashboard_ports
from council.domain import answers, chats, errors
from council.gateway import errors as http_errors
from council.gateway import streams
from council.gateway.chat import forms
from council.gateway.wire import chat as wire
from council.kit import clock as clock_module
from council.kit import json_logs, waiting

_log = logging.getLogger(__name__)

_PUBLISH_S = 0.2
_CHECKPOINT_S = 5.0
# How long the store has what a turn says after its last word.
_KEEP_S = 600
_READ_BYTES = 256 * 1024
_LOOK_S = 0.15
_ASK_RECORDS_S = 2.0
_KEEP_ALIVE_S = 10.0
_STOP_S = 5.0
_TRIES = 5
_READ_TRIES = 3
END = "end"
# Events of many small words are longer than the words.
_LOG_TIMES = 8


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One event: `data` is JSON. `name` "" is a comment, which keeps a connection open."""

    id: str
    name: str
    data: bytes

    @property
    def ends(self) -> bool:
        """Whether it is the last."""
        return self.id == END

    def frame(self) -> bytes:
        """Return it as server-sent events have it."""
        if not self.name:
            return b": still working\n\n"
        return b"id: %s\nevent: %s\ndata: %s\n\n" % (self.id.encode(), self.name.encode(), self.data)


class _Turn:
    """An answer on its way in this process."""

    def __init__(self, message: chats.Message, user_id: str, log_bytes_max: int):
        self.message = message
        self.user_id = user_id
        self.log = bytearray()
        self.texts: list[str] = []
        # How much of the log is in the store; -1 where that is not as it should be.
        self.published = 0
        self.ended = False
        self.stopping = False
        self.task: asyncio.Task[None] | None = None
        self._log_bytes_max = log_bytes_max
        self._news = asyncio.Event()

    def say(self, text: str) -> None:
        """Add words. Raises CouncilError where they are too many."""
        if not text:
            return
        self.texts.append(text)
        self._add("delta", {"text": text})
        if len(self.log) > self._log_bytes_max:
            raise errors.InvalidRequestError("The answer is longer than `dashboard.text_bytes_max`. Ask for less.")

    def end(self, message: chats.Message, told: dict[str, Any]) -> None:
        """Add the last event."""
        self.message, self.ended = message, True
        self._add(message.state.value, {"message": told})

    def _add(self, name: str, data: dict[str, Any]) -> None:
        self.log += orjson.dumps({"name": name, "data": data}) + b"\n"
        self._news.set()
        self._news = asyncio.Event()

    async def wait(self, length: int, limit_s: float) -> None:
        """Return once the log is longer than this, or after a while."""
        if len(self.log) <= length and not self.ended:
            await waiting.within(self._news, limit_s)


class Turns:
    """The turns of this process, and the way to those of others."""

    def __init__(
        self,
        kept: dashboard_ports.Chats,
        log: dashboard_ports.TurnLog,
        settings: chats.DashboardConfig,
        clock: clock_module.Clock,
        closing: asyncio.Event,
    ):
        self._kept = kept
        self._log = log
        self._settings = settings
        self._clock = clock
        self._closing = closing
        self._running: dict[str, _Turn] = {}

    def running_of(self, user_id: str) -> int:
        """Return how many turns of a user go on in this process."""
        return sum(one.user_id == user_id for one in self._running.values())

    def begin(self, user_id: str, message: chats.Message, source: streams.Source) -> None:
        """Answer, from now on and whoever listens."""
        turn = _Turn(message, user_id, self._settings.text_bytes_max * _LOG_TIMES)
        self._running[message.id] = turn
        # What the request that asked for it noted about itself is not the turn's.
        turn.task = asyncio.get_running_loop().create_task(self._run(turn, source), context=contextvars.Context())

    async def stop(self, user_id: str, message: chats.Message) -> chats.Message:
        """Stop a turn and return how far it came. Raises StoreUnavailableError where another process answers it."""
        turn = self._running.get(message.id)
        if turn is not None and turn.user_id == user_id and turn.task is not None:
            turn.stopping = True
            turn.task.cancel()
            await asyncio.wait({turn.task}, timeout=_STOP_S)
            return turn.message
        if message.state in _ENDED:
            return message
        await self._log.ask_to_stop(message.id, _KEEP_S)
        deadline_s = time.monotonic() + _STOP_S
        while message.state not in _ENDED and time.monotonic() < deadline_s:
            await asyncio.sleep(_PUBLISH_S)
            found = await asyncio.to_thread(self._kept.message, user_id, message.id)
            message = message if found is None else found
        return message

    async def follow(self, user_id: str, message: chats.Message, after: str) -> AsyncIterator[Event]:
        """Yield the events of a turn after one of that id, from wherever it is answered, and comments in between."""
        turn = self._running.get(message.id)
        if turn is not None:
            async for event in self._follow_here(turn, after):
                yield event
        elif message.state is not chats.State.RUNNING:
            yield self._last(message)
        else:
            async for event in self._follow_there(user_id, message, after):
                yield event

    async def end_late(self, drain_s: float) -> None:
        """Once this process stops let turns go on for as long as that may take, then end them. For as long as it runs."""
        await self._closing.wait()
        await asyncio.sleep(drain_s)
        self._cut()

    async def close(self) -> None:
        """Return once no turn goes on: where this process does not stop in order, they end now."""
        if not self._closing.is_set():
            self._cut()
        if tasks := {one.task for one in self._running.values() if one.task is not None}:
            await asyncio.wait(tasks)

    def _cut(self) -> None:
        for turn in list(self._running.values()):
            if turn.task is not None:
                turn.task.cancel()

    async def _run(self, turn: _Turn, source: streams.Source) -> None:
        token = json_logs.request_id.set(turn.message.id)
        publishing = asyncio.create_task(self._publish(turn))
        try:
            ended = await self._answered(turn, source)
            publishing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await publishing
            await self._end(turn, ended)
        finally:
            publishing.cancel()
            self._running.pop(turn.message.id, None)
            json_logs.request_id.reset(token)

    async def _answered(self, turn: _Turn, source: streams.Source) -> chats.Message:
        """Return the message as it ended; however that was, it is no exception."""
        state, council = chats.State.FAILED, None
        failure: errors.CouncilError | None = None
        try:
            async with asyncio.timeout(self._settings.turn_s):
                await source.open()
                while said := await source.read():
                    turn.say(text_of(said))
                council = wire.council_object(await source.finish())
            state = chats.State.DONE
        except asyncio.CancelledError:
            if turn.stopping:
                state = chats.State.STOPPED
            else:
                failure = errors.UnavailableError("Council stopped before the answer was whole. Ask again.")
            if (task := asyncio.current_task()) is not None:
                # It is ours, and what comes next is to end as usual.
                task.uncancel()
        except TimeoutError:
            failure = errors.UnavailableError("The answer took longer than `dashboard.turn_s`. Ask for less.")
        except errors.CouncilError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - logged; whoever asked is told that it failed
            _log.exception("a turn failed")
            failure = errors.CouncilError("Internal error.", detail=str(error))
        finally:
            with contextlib.suppress(errors.CouncilError):
                await source.close()
        told = None if failure is None else _failure(failure, turn.message.id)
        if failure is not None and failure.detail:
            _log.warning("a turn ended in an error", extra={"code": failure.code, "detail": failure.detail})
        return dataclasses.replace(
            turn.message,
            text="".join(turn.texts),
            state=state,
            error=told,
            council=council,
            touched_us=self._clock.now_us(),
        )

    async def _end(self, turn: _Turn, ended: chats.Message) -> None:
        """Keep how it ended, then say so. While the records are away it is tried again for a while."""
        for again in range(_TRIES):
            try:
                await asyncio.to_thread(self._kept.settle, ended)
                break
            except errors.RecordsUnavailableError as error:
                _log.warning("an answer could not be kept", extra={"detail": error.detail, "try": again + 1})
                if again + 1 < _TRIES:
                    await asyncio.sleep(min(1.0, _PUBLISH_S * 2**again))
        turn.end(ended, self.told(ended))
        await self._put(turn)

    async def _put(self, turn: _Turn) -> bool:
        """Put what is new of the log into the store; return whether somebody wants the turn stopped."""
        if turn.published < 0:
            turn.published = await self._published(turn)
        if turn.published < 0:
            return False
        part = bytes(turn.log[turn.published :])
        try:
            stop = await self._log.append(turn.message.id, part, _KEEP_S)
        except errors.StoreUnavailableError:
            # Whether the part is there nobody knows, so the places of all that follow would be wrong.
            turn.published = -1 if part else turn.published
            return False
        turn.published += len(part)
        return stop

    async def _published(self, turn: _Turn) -> int:
        """Return how much of the log the store has; -1 where it does not say, or has something else."""
        try:
            part = await self._log.read(turn.message.id, 0, len(turn.log)) or b""
        except errors.StoreUnavailableError:
            return -1
        return len(part) if turn.log.startswith(part) else -1

    async def _publish(self, turn: _Turn) -> None:
        """Put the log into the store, and the text into the records now and then, until cancelled."""
        kept_s = time.monotonic()
        while True:
            await asyncio.sleep(_PUBLISH_S)
            if await self._put(turn) and turn.task is not None:
                turn.stopping = True
                turn.task.cancel()
                return
            if time.monotonic() - kept_s >= _CHECKPOINT_S:
                kept_s = time.monotonic()
                text, now_us = "".join(turn.texts), self._clock.now_us()
                with contextlib.suppress(errors.RecordsUnavailableError):
                    await asyncio.to_thread(
                        self._kept.settle, dataclasses.replace(turn.message, text=text, touched_us=now_us)
                    )

    async def _follow_here(self, turn: _Turn, after: str) -> AsyncIterator[Event]:
        place = _place(after)
        if not 0 <= place <= len(turn.log) or (place and turn.log[place - 1 : place] != b"\n"):
            place = len(turn.log)
            yield _event(place, "snapshot", {"text": "".join(turn.texts)})
        while True:
            for event, end in _events(bytes(turn.log[place:]), place):
                place = end
                yield event
                if event.ends:
                    return
            if turn.ended and place >= len(turn.log):
                return
            length = len(turn.log)
            await turn.wait(place, _KEEP_ALIVE_S)
            if len(turn.log) == length:
                yield _COMMENT

    async def _follow_there(self, user_id: str, message: chats.Message, after: str) -> AsyncIterator[Event]:
        """Follow what another process says: by the store, or by the records while that is away."""
        place, shown, asked_s, spoke_s = _place(after), message.text, float("-inf"), time.monotonic()
        if place < 0:
            place = 0
            yield _event(place, "snapshot", {"text": ""})
        while not self._closing.is_set():
            try:
                part = await self._log.read(message.id, place, _READ_BYTES)
            except errors.StoreUnavailableError:
                part = None
            if part:
                for event, end in _events(part, place):
                    place = end
                    yield event
                    spoke_s = time.monotonic()
                    if event.ends:
                        return
                continue
            if time.monotonic() - asked_s >= _ASK_RECORDS_S:
                asked_s = time.monotonic()
                found = await asyncio.to_thread(self._kept.message, user_id, message.id)
                if found is None:
                    return
                message = found
                if message.seen(self._clock.now_us(), self._settings.silent_s) is not chats.State.RUNNING:
                    yield self._last(await self.rescued(message))
                    return
                if part is None and message.text != shown:
                    shown, spoke_s = message.text, time.monotonic()
                    yield _event(0, "snapshot", {"text": shown})
            if time.monotonic() - spoke_s >= _KEEP_ALIVE_S:
                spoke_s = time.monotonic()
                yield _COMMENT
            await asyncio.sleep(_LOOK_S)

    async def rescued(self, message: chats.Message) -> chats.Message:
        """Return a lost answer with all that its process put into the store before it ended, and keep that. Any other as it is.

        The records have it in the state that it is in: should the process be alive after all, it writes over it.
        """
        now_us = self._clock.now_us()
        is_lost = message.state is chats.State.RUNNING and message.id not in self._running
        silent_s = (now_us - message.touched_us) / 1e6
        if not is_lost or not self._settings.silent_s < silent_s < _KEEP_S:
            return message
        part = await self._log_of(message.id)
        said = [orjson.loads(event.data)["text"] for event, _ in _events(part or b"", 0) if event.name == "delta"]
        text = "".join(said)
        if len(text) <= len(message.text):
            return message
        fuller = dataclasses.replace(message, text=text)
        with contextlib.suppress(errors.RecordsUnavailableError):
            await asyncio.to_thread(self._kept.settle, fuller)
        return fuller

    async def _log_of(self, turn: str) -> bytes | None:
        """Return all that the store has of a turn. A process that has just begun may have to ask it twice."""
        for again in range(_READ_TRIES):
            try:
                return await self._log.read(turn, 0, self._settings.text_bytes_max * _LOG_TIMES)
            except errors.StoreUnavailableError:
                if again + 1 < _READ_TRIES:
                    await asyncio.sleep(_PUBLISH_S)
        return None

    def told(self, message: chats.Message) -> dict[str, Any]:
        """Return a message as clients get it."""
        return forms.message(message, self._clock.now_us(), self._settings.silent_s)

    def _last(self, message: chats.Message) -> Event:
        told = self.told(message)
        return Event(END, told["state"], orjson.dumps({"message": told}))


_COMMENT = Event("", "", b"")
_ENDED = frozenset(state for state in chats.State if state is not chats.State.RUNNING)
_ENDS = frozenset(state.value for state in _ENDED)


def text_of(said: Sequence[streams.Said]) -> str:
    """Return the words in what a source said: a specialist's, or those of a model in the form of chat completions."""
    return "".join(one.text if isinstance(one, answers.Delta) else _words(one.data) for one in said)


def _words(data: Any) -> str:
    choices = data.get("choices") or [{}]
    content = (choices[0].get("delta") or {}).get("content")
    return content if isinstance(content, str) else ""


def _place(after: str) -> int:
    """Return where the event of that id ends; -1 for what is no such id."""
    if not after:
        return 0
    return int(after) if after.isascii() and after.isdecimal() and len(after) < 16 else -1


def _events(part: bytes, begin: int) -> list[tuple[Event, int]]:
    """Return the whole events in a part of a log that begins at `begin`, each with where it ends."""
    found, place = [], begin
    for line in part.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        place += len(line)
        try:
            told = orjson.loads(line)
            name, data = str(told["name"]), orjson.dumps(told["data"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
        found.append((Event(END if name in _ENDS else str(place), name, data), place))
    return found


def _event(place: int, name: str, data: dict[str, Any]) -> Event:
    return Event(str(place), name, orjson.dumps(data))


def _failure(error: errors.CouncilError, request_id: str) -> dict[str, Any]:
    inner = http_errors.body_of(error, request_id)["error"]
    return {name: inner[name] for name in ("code", "message", "request_id")}
