"""The meanings of passages in the recall process: made in the background, kept in a file of recall's own, asked with a bound.

A thread of low priority embeds one passage after the other, once the documents are read; what the file holds is taken from
there. All else happens on the event loop, which reads the texts from the lexical index. Until all are known, a search goes by
those that are.
"""

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from council import ports, telemetry
from council.domain import answers, errors
from council.domain import config as config_module
from council.serving.memory import lexical, meanings, vector_file

_log = logging.getLogger(__name__)

_RETRY_S = 5.0
# So many are looked for in the file at once, and so many embedded before they are written and found.
_BATCH = 256
_EMBEDDED = 32
# Behind whatever else this machine does.
_NICE = 10
_THREADS = 2
_WAITING_MAX = 16
_REASON_CHARS_MAX = 200

# Returns the embedding model, and an empty index for its vectors. Blocking. Raises SetupError.
Make = Callable[[], tuple[ports.Embedder, ports.VectorIndex]]


class Meanings:
    """Vectors of the passages of an index."""

    def __init__(self, make: Make, passages: lexical.LexicalIndex, path: Path, settings: config_module.RecallConfig):
        """Nothing is made before `keep`; `path` is the file of the vectors."""
        self._make = make
        self._passages = passages
        self._path = path
        self._settings = settings
        self._register = meanings.Register(settings.meanings_max)
        self._embedder: ports.Embedder | None = None
        self._index: ports.VectorIndex | None = None
        self._file: vector_file.VectorFile | None = None
        self._reason = "the documents are being read"
        self._read = asyncio.Event()
        self._changed = asyncio.Event()
        self._closed = False
        self._waiting = 0
        self._filling = concurrent.futures.ThreadPoolExecutor(1, "meanings", _give_way)
        self._asking = concurrent.futures.ThreadPoolExecutor(_THREADS, "meaning")

    def change(self, before: Sequence[str], now: Sequence[str]) -> None:
        """Take over which passages a document had and has."""
        if not self._settings.meanings:
            return
        gone = self._register.change(before, now)
        if gone and self._index is not None:
            self._index.remove(gone)
        self._changed.set()

    def all_read(self) -> None:
        """Begin: every document has been looked at once."""
        self._read.set()

    @property
    def state(self) -> answers.Meanings:
        """How far it is."""
        known, passages, aside = self._register.known, len(self._register), self._register.aside
        if not self._settings.meanings:
            return answers.Meanings("off", 0, passages, "`recall.meanings` is off")
        if self._file is None:
            return answers.Meanings("waiting", known, passages, self._reason)
        reason = f"{aside:,} could not be embedded, see recall's log" if aside else ""
        if known + aside < passages and known >= self._settings.meanings_max:
            reason = f"`recall.meanings_max` is {self._settings.meanings_max:,}; the others are found by words"
        elif known + aside < passages:
            return answers.Meanings("filling", known, passages, reason)
        return answers.Meanings("ready", known, passages, reason)

    async def keep(self) -> None:
        """Make what is missing, and follow what changes. Returns only where meanings are off."""
        await self._read.wait()
        loop = asyncio.get_running_loop()
        if not self._settings.meanings:
            await loop.run_in_executor(self._filling, vector_file.remove, self._path)
            return
        self._reason = "the embedding model is being loaded"
        while self._index is None:
            try:
                self._embedder, self._index = await asyncio.to_thread(self._make)
            except errors.CouncilError as error:
                if self._reason != error.message:
                    _log.warning("no meanings yet", extra={"code": error.code, "reason": error.message})
                self._reason = error.message
                await asyncio.sleep(_RETRY_S)
        self._file = await loop.run_in_executor(self._filling, self._opened)
        await loop.run_in_executor(self._filling, self._file.keep_only, self._register.names())
        while True:
            await self._catch_up()
            await self._changed.wait()

    async def nearest(self, query: str) -> tuple[Sequence[tuple[str, float]], str]:
        """Return the passages nearest to a query, by name with their cosine, and what is missing of them, if anything."""
        state = self.state
        if state.state == "off" or self._index is None or not state.known:
            why = state.reason or f"of {state.passages:,} passages none is ready yet"
            return (), f"Found by words alone: {why.rstrip('.')}."
        if self._waiting >= _WAITING_MAX:
            return (), "Found by words alone: too many searches at once."
        self._waiting += 1
        asked = asyncio.get_running_loop().run_in_executor(self._asking, self._near, query)
        asked.add_done_callback(self._answered)
        try:
            async with asyncio.timeout(self._settings.meanings_s):
                near = await asyncio.shield(asked)
        except TimeoutError:
            took = f"the query's meaning took more than {self._settings.meanings_s:g} s"
            return (), f"Found by words alone: {took}, `recall.meanings_s`."
        except Exception as error:  # noqa: BLE001 - the words have found what they found, whatever the model did
            _log.warning("a query's meaning could not be searched", extra={"reason": repr(error)[:_REASON_CHARS_MAX]})
            return (), "Found by words alone: the query's meaning could not be searched; see recall's log."
        named = [(self._register.name(number), cosine) for number, cosine in near]
        found = [(name, cosine) for name, cosine in named if name is not None and cosine >= meanings.COSINE_MIN]
        return found, _missing(state)

    def close(self) -> None:
        """End what still runs, after the passage that is being embedded."""
        self._closed = True
        self._filling.shutdown(wait=False, cancel_futures=True)
        self._asking.shutdown(wait=False, cancel_futures=True)

    async def _catch_up(self) -> None:
        """Make every meaning that may be there and is not."""
        assert self._file is not None and self._index is not None
        loop = asyncio.get_running_loop()
        self._changed.clear()
        while True:
            if gone := self._register.take_gone():
                await loop.run_in_executor(self._filling, self._file.remove, gone)
            names = self._register.waiting(_BATCH)
            telemetry.RECALL_MEANINGS.set(self._register.known)
            if not names:
                break
            kept = await loop.run_in_executor(self._filling, self._file.read, names)
            self._take(kept)
            for start in range(0, len(names), _EMBEDDED):
                texts = self._texts([name for name in names[start : start + _EMBEDDED] if name not in kept])
                made = await loop.run_in_executor(self._filling, self._embed, texts)
                self._take(made)
                self._register.set_aside(texts.keys() - made.keys())
        await loop.run_in_executor(self._filling, self._index.settle)

    def _texts(self, names: Sequence[str]) -> dict[str, str]:
        passages = {name: self._passages.passage(name) for name in names}
        return {name: meanings.text_of(passage) for name, passage in passages.items() if passage is not None}

    def _take(self, vectors: dict[str, bytes]) -> None:
        """Have these found from now on, those that are still there."""
        assert self._index is not None
        given = self._register.give(vectors)
        self._index.add(list(given.values()), [vectors[name] for name in given])

    def _embed(self, texts: dict[str, str]) -> dict[str, bytes]:
        assert self._embedder is not None and self._file is not None
        made: dict[str, bytes] = {}
        failed: list[Exception] = []
        for name, text in texts.items():
            if self._closed:
                break
            try:
                made[name] = self._embedder.embed_beginning(text, meanings.PASSAGE_TOKENS_MAX)
            except Exception as error:  # noqa: BLE001 - whatever a model raises on a text, the others are embedded
                failed.append(error)
        if failed:
            more = {"count": len(failed), "reason": repr(failed[0])[:_REASON_CHARS_MAX]}
            _log.warning("passages could not be embedded", extra=more)
        self._file.write(made)
        return made

    def _near(self, query: str) -> list[tuple[int, float]]:
        assert self._embedder is not None and self._index is not None
        vector = self._embedder.embed_beginning(query, meanings.QUERY_TOKENS_MAX)
        return self._index.search(vector, meanings.CANDIDATES)

    def _opened(self) -> vector_file.VectorFile:
        assert self._embedder is not None
        return vector_file.VectorFile(self._path, self._embedder.digest, self._embedder.width)

    def _answered(self, asked: "asyncio.Future[list[tuple[int, float]]]") -> None:
        self._waiting -= 1
        if not asked.cancelled():
            # Looked at, since whoever asked may have stopped waiting.
            asked.exception()


def _missing(state: answers.Meanings) -> str:
    if state.known >= state.passages:
        return ""
    why = f": {state.reason}" if state.reason else ""
    return f"The meaning of {state.known:,} of {state.passages:,} passages is known so far{why}."


def _give_way() -> None:
    """Lower the priority of the calling thread, which Linux keeps by thread."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
