"""The recall process: indexes guidebook, knowledge and library, keeps users' memories, and answers on a Unix socket.

The blueprint's folders come from the generation that the process was started with; the library is looked at where an event
tells of a change, and every `recall.poll_s` seconds besides, for file systems that tell of none. A frame that names an
`operation` is for the memory part, see `memories.py`; a query goes by words alone, as quotes are chosen, unless it asks for
`meanings`.
"""

import asyncio
import contextlib
import logging
import os
import random
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from council import app as composition
from council import care_records, homes, observing, ports, telemetry
from council.domain import answers, home, orders, overrides
from council.domain import config as config_module
from council.kit import clock as clock_module
from council.kit import folder_events, traces
from council.services import (
    answering,
    caches,
    harness,
    local_hosts,
    meanings,
    memories,
    reader,
    rights,
    tracing,
    uploads,
)
from council.serving import overrides as in_force
from council.serving.memory import corpora, folder, glossary, hybrid, lexical

_log = logging.getLogger(__name__)

_REQUEST_BYTES_MAX = 16 * 1024 * 1024
_RESULTS_MAX = 50
_CONNECTIONS_MAX = 256
_NAMED_MAX = 20
_NAME_CHARS_MAX = 20
# Changes of files this close together are one, as of a copy of many.
_QUIET_S, _BURST_S = 0.1, 0.5


def main(config: config_module.Config, where: home.Home) -> int:
    """Index, serve, keep looking at the library until told to stop."""
    environment = harness.begin("recall", traceable=True)
    harness.setup_logging(environment.name)
    health = environment.tcp_socket("health", "127.0.0.1", config.recall_port)
    search = environment.unix_socket("search", where.socket("recall"))
    # The numeric libraries read these when they are loaded, on a thread, after the confinement.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", SQLITE_TMPDIR=str(where.records))
    observing.tell_inputs(environment.name, homes.inputs_digest(where, environment.generation, environment.name))
    rights.confine_service("recall", config, where)
    tracing.listen()
    live = where.generations / environment.generation
    child = reader.Reader()
    shared, index = _Once(lambda: composition.embedder(config)), lexical.LexicalIndex()

    def vectors() -> tuple[ports.Embedder, ports.VectorIndex]:
        return shared.made(), composition.vector_index(config, shared.made().width)

    watched = folder.Folder(where.library, config.recall, child.read)
    recall = _Recall(
        {
            "guidebook": ("blueprint", folder.Folder(live / "guidebook", config.recall)),
            "knowledge": ("blueprint", folder.Folder(live / "knowledge", config.recall, child.read)),
            "library": ("library", watched),
        },
        index,
        memories.Memories(lambda: composition.keeper(config, where, shared.made()), config.memory, config.cache),
        meanings.Meanings(vectors, index, where.meanings_file, config.recall),
        corpora.Corpora(config.knowledge.corpora),
        child,
        config.recall,
    )
    recall.uploads = uploads.Uploads(where.library, watched, config.recall, lambda: recall.refresh(("library",)))
    app = _application(recall, search, environment, where.library, _follower(recall.memory, shared, config, where))

    waits = environment.successor_of(health) is not None
    renewing: set[asyncio.Task[None]] = set()

    def obey(order: orders.Order) -> None:
        nonlocal waits
        # The recall before this one kept memories, and let users forget them, while this one waited; and a little longer.
        if order.word == orders.ALONE or (order.word == orders.LIVE and waits):
            waits = False
            renewing.add(task := asyncio.create_task(recall.memory.renew()))
            task.add_done_callback(renewing.discard)

    harness.serve(local_hosts.only(app), health, environment, drain_s=0.0, on_order=obey)
    return 0


def _follower(
    memory: memories.Memories, shared: "_Once", config: config_module.Config, where: home.Home
) -> in_force.Reader:
    """Return what reads the overrides again and again, and holds the caches to them."""
    clock = clock_module.SystemClock()
    held = in_force.InForce(clock, random.Random())  # noqa: S311 - nothing is drawn here
    found = {overrides.ANSWERS: lambda: memory.shelf, overrides.TEXTS: shared.if_made}
    kept = care_records.overrides(config, where)
    return in_force.Reader(kept, held, clock, caches.Caches(found, held.cap).look)


class _Embedder(ports.Embedder, caches.Cache, Protocol):
    """The embedding model, with the vectors that it keeps."""


class _Once:
    """Makes the embedding model for whoever asks first, on any thread: nobody wants two of it in memory."""

    def __init__(self, make: Callable[[], _Embedder]) -> None:
        self._make = make
        self._made: _Embedder | None = None
        self._lock = threading.Lock()

    def if_made(self) -> _Embedder | None:
        """Return it if it is there, without waiting for it."""
        return self._made

    def made(self) -> _Embedder:
        """Return it. Raises SetupError, and then the next call tries again."""
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


class _Recall:
    def __init__(
        self,
        folders: dict[str, tuple[str, folder.Folder]],
        index: lexical.LexicalIndex,
        memory: memories.Memories,
        meaning: meanings.Meanings,
        packaged: corpora.Corpora,
        child: reader.Reader,
        settings: config_module.RecallConfig,
    ) -> None:
        self.memory = memory
        self.meaning = meaning
        self.settings = settings
        self._child = child
        self._packaged = packaged
        self._folders = folders
        self._index = index
        self._left_out: dict[str, str] = {}
        # A folder is looked at by one thread at a time.
        self._refreshing = asyncio.Lock()
        self.uploads: uploads.Uploads | None = None

    async def refresh(self, names: Collection[str] = ()) -> bool:
        """Bring the index up to what these folders hold, or all; return whether there is more to read.

        Files are read on a thread, the index is written here.
        """
        async with self._refreshing:
            return await self._refresh(names)

    async def _refresh(self, names: Collection[str]) -> bool:
        for name, (root, watched) in self._folders.items():
            if names and name not in names:
                continue
            for change in await asyncio.to_thread(watched.changes):
                source = f"{name}/{change.source}"
                before = self._index.names(root, source)
                if change.sections is None:
                    self._index.remove(root, source)
                else:
                    self._index.put(root, source, change.sections)
                self.meaning.change(before, self._index.names(root, source))
                await asyncio.sleep(0)
        self._note_left_out()
        for root in {root for root, _ in self._folders.values()}:
            telemetry.RECALL_PASSAGES.labels(root).set(self._index.count(root))
            left_out = sum(len(watched.left_out) for name, watched in self._folders.values() if name == root)
            telemetry.RECALL_LEFT_OUT.labels(root).set(left_out)
        more = any(watched.more for _, watched in self._folders.values())
        if not more:
            # Documents seldom change, and a child that waits for one takes memory.
            self._child.close()
        return more

    def left_out(self) -> dict[str, int]:
        """Return how many documents are not in the index, by folder. Anyone may ask; their names are for the log."""
        return {name: sum(document.startswith(f"{name}/") for document in self._left_out) for name in self._folders}

    def _note_left_out(self) -> None:
        left_out = {
            f"{name}/{source}": reason
            for name, (_, watched) in self._folders.items()
            for source, reason in watched.left_out.items()
        }
        new = sorted(left_out.items() - self._left_out.items())
        for document, reason in new[:_NAMED_MAX]:
            _log.warning("a document is left out", extra={"document": document, "reason": reason})
        if len(new) > _NAMED_MAX:
            _log.warning("more documents are left out", extra={"count": len(new) - _NAMED_MAX})
        self._left_out = left_out

    async def reply(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one frame."""
        harness.request_id.set(str(request.get("request_id", "")))
        with traces.answering(request.get("trace"), "recall", _named(request)) as answer:
            reply = await self._reply(request)
        return {**reply, **answer.told()}

    async def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        if "operation" in request:
            return await self.memory.reply(request)
        if "answer" in request:
            return await self.memory.answer(request)
        if "library" in request and self.uploads is not None:
            return await self.uploads.reply(request)
        if "guides" in request:
            return self._found(self._index.search_guides(str(request["guides"])), "")
        if "passage" in request:
            one = self._index.passage(str(request["passage"]))
            return {"passages": [asdict(one)] if one else []}
        limit = min(int(request.get("limit", 5)), _RESULTS_MAX)
        query = str(request.get("query", ""))
        entry = glossary.outright(self._index, self._packaged.find, query)
        if entry is None and request.get("meanings"):
            return await self._find(query, limit)
        passages = [*([entry] if entry else []), *self._index.search(query, limit)][:limit]
        return self._found(passages, "")

    async def _find(self, query: str, limit: int) -> dict[str, Any]:
        coverage_min = self.settings.coverage_min
        passages, note = await hybrid.search(self._index, query, limit, coverage_min, self.meaning.nearest)
        return self._found(passages, note)

    def _found(self, passages: Sequence[answers.Passage], note: str) -> dict[str, Any]:
        state = asdict(self.meaning.state)
        return {"passages": [asdict(passage) for passage in passages], "meanings": state, "note": note}


def _named(request: Mapping[str, Any]) -> str:
    """Return what a span of a frame's answer is called."""
    for part in ("operation", "answer", "library"):
        if part in request:
            return f"{part} {str(request[part])[:_NAME_CHARS_MAX]}"
    return "passage" if "passage" in request else "search"


def _application(
    recall: _Recall,
    search: socket.socket,
    environment: harness.ServiceEnvironment,
    library: Path,
    follower: in_force.Reader,
) -> Starlette:
    async def live(_: Request) -> Response:
        meaning = asdict(recall.meaning.state)
        state = {"memories_ready": recall.memory.warm, "meanings": meaning, "left_out": recall.left_out()}
        told = {"generation": environment.generation, "inputs_digest": observing.inputs_of("recall")}
        return JSONResponse({"live": True, **told, **state})

    async def metrics(_: Request) -> Response:
        observing.observe_process("recall", environment.generation)
        return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

    async def keep_fresh(events: folder_events.FolderEvents) -> None:
        more = True
        while True:
            if more:
                await asyncio.sleep(0)
            elif await events.wait(recall.settings.poll_s):
                await events.settle(_QUIET_S, _BURST_S)
            try:
                more = await recall.refresh()
                if not more:
                    recall.meaning.all_read()
            except Exception:  # noqa: BLE001 - one bad look must not end the looking
                more = False
                _log.exception("the library could not be looked at")

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # The library may take long, and what comes with Council is there without it.
        while await recall.refresh(("guidebook", "knowledge")):
            pass
        asked = answering.Answering(recall.reply, bytes_max=_REQUEST_BYTES_MAX, connections_max=_CONNECTIONS_MAX)
        server = await asked.start(search)
        events = folder_events.FolderEvents(library)
        if events.problem:
            _log.warning("no events of files, so changes are found by looking", extra={"reason": events.problem})
        memory = recall.memory.keep(), recall.memory.probe()
        kept = (keep_fresh(events), *memory, recall.meaning.keep(), follower.keep())
        running = [asyncio.create_task(keeping) for keeping in kept]
        yield
        for task in running:
            task.cancel()
        events.close()
        server.close()
        recall.memory.close()
        recall.meaning.close()
        follower.close()

    return Starlette(
        routes=[Route("/livez", live), Route("/readyz", live), Route("/metrics", metrics)], lifespan=lifespan
    )
