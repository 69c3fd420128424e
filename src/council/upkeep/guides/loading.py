"""The loader: brings the guides in the store in line with the documents, at each change of these.

A sync reads what is new, has its pages made, and puts them into the store in one step, so that whoever reads there sees all of
it or nothing; where pages take long to make, in several, of which each is whole, the small documents first. The store is a
view: what it holds is looked at anew in each sync, and what is missing is put there again.
"""

import asyncio
import hashlib
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from council import care_ports, telemetry
from council.domain import errors, guides, home
from council.kit import clock as clock_module
from council.kit import folder_events, unseen
from council.upkeep.guides import folder, reading, shelf

_log = logging.getLogger(__name__)

# A document that changed since is looked at once more a little later: it may be being written.
_YOUNG_S = 0.1
# Events this close together belong to one change, as of an editor or of a copy of many documents.
_QUIET_S = 0.15
_BURST_S = 0.6
_RETRY_S = 1.0
# Pages are made of so much at once, and what is made after so long is shown before the rest: a document that takes long to
# make, as anybody may put one into the library, must not hold up the others.
_BATCH_BYTES, _LARGE_BYTES = 512 * 1024, 64 * 1024
_ROUND_S = 0.3
_OURS = "blueprint"
_LOGGED_MAX = 20
_FAULTS_MAX = 100
_CROWDED = "with it all guides would take more than `guides.bytes_max`; take some out, or raise that"

# Makes pages of texts, in their order: a page, or what is wrong with the text. Raises nothing of a text's.
Make = Callable[[Sequence[str]], Awaitable[Sequence[guides.Page | guides.FaultyError]]]


def books(where: home.Home, generation: str) -> list[folder.Guidebook]:
    """Return the guidebooks of a home: that of a generation, and the user's own."""
    live = where.generations / generation
    return [
        folder.Guidebook(_OURS, guides.FOLDER, live / guides.FOLDER),
        folder.Guidebook("library", f"library/{guides.FOLDER}", where.guidebook),
    ]


class Nowhere:
    """Implements care_ports.Guidebook for who only wants to know what is at fault."""

    def __init__(self) -> None:
        self.faults: tuple[guides.Fault, ...] = ()
        self._shown: dict[str, guides.Entry] = {}

    async def swap(self, swap: guides.Swap) -> None:
        """Note what is at fault, and which there are."""
        self.faults = swap.faults
        self._shown |= {one.entry.slug: one.entry for one in swap.changed}
        for slug in swap.gone:
            self._shown.pop(slug, None)

    async def listing(self) -> guides.Listing:
        """Return those that came, without their pages."""
        return guides.Listing(tuple(self._shown.values()), self.faults)

    async def guide(self, _: str) -> guides.Guide | None:
        """Return none."""
        return None

    async def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the loader leans on. `form` is by which rules `make` makes pages."""

    book: care_ports.Guidebook
    make: Make
    form: str
    settings: guides.GuidesConfig
    clock: clock_module.Clock


@dataclass(slots=True)
class Loader:
    """Keeps the store in line with `books`. For one task at a time, but `sync` and `follow` may be called beside `keep`."""

    parts: Parts
    books: list[folder.Guidebook]
    problem: str = ""
    _shelf: shelf.Shelf = field(default_factory=shelf.Shelf)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)
    _young: bool = False
    _seen: dict[str, folder.File] = field(default_factory=dict)
    _told: frozenset[guides.Fault] = frozenset()

    def follow(self, books: list[folder.Guidebook]) -> None:
        """Have other books from now on, as those of another generation."""
        self.books = books
        self._moved.set()

    async def keep(self, events: folder_events.FolderEvents) -> None:
        """Sync now, and at each change that `events` tell of, until cancelled. Errors are logged and tried again."""
        while True:
            try:
                await self.sync()
                self._tell("")
                longest_s = _YOUNG_S if self._young else self.parts.settings.poll_s
            except errors.CouncilError as error:
                self._tell(error.message)
                longest_s = _RETRY_S
            except Exception as error:  # noqa: BLE001 - one bad sync must not end the loading
                _log.exception("the guides could not be loaded")
                self._tell(type(error).__name__)
                longest_s = _RETRY_S
            await self._wait(events, longest_s)

    async def _wait(self, events: folder_events.FolderEvents, longest_s: float) -> None:
        moved = asyncio.create_task(self._moved.wait())
        changed = asyncio.create_task(events.wait(longest_s))
        try:
            await asyncio.wait((moved, changed), return_when=asyncio.FIRST_COMPLETED)
            if changed.done() and changed.result():
                await events.settle(_QUIET_S, _BURST_S)
        finally:
            moved.cancel()
            changed.cancel()
            await asyncio.gather(moved, changed, return_exceptions=True)
            self._moved.clear()

    async def sync(self, *, anew: bool = False) -> guides.Synced:
        """Bring the store in line; with `anew` each document is read again. Raises StoreUnavailableError."""
        async with self._turn:
            if anew:
                # By then what was written before the call has settled.
                await asyncio.sleep(_YOUNG_S)
                self._shelf, self._seen = shelf.Shelf(), {}
            began_s, read, moved = self.parts.clock.monotonic_s(), 0, False
            # Asked once: to read all that is there again after each part of many would take longer than to make the parts.
            listing = await self.parts.book.listing()
            shown, faults = {entry.slug: entry for entry in listing.entries}, listing.faults
            while True:
                looked = await asyncio.to_thread(self._look)
                swap, is_whole = await self._swap_of(looked, shown)
                if swap.changed or swap.gone or swap.faults != faults:
                    await self.parts.book.swap(swap)
                shown = {slug: entry for slug, entry in shown.items() if slug not in swap.gone}
                shown |= {one.entry.slug: one.entry for one in swap.changed}
                faults = swap.faults
                self._note(swap)
                read, moved = read + len(looked.held), moved or bool(swap.changed or swap.gone)
                if is_whole:
                    break
            duration_s = self.parts.clock.monotonic_s() - began_s
            if read or moved:
                telemetry.GUIDES_SECONDS.observe(duration_s)
            return guides.Synced(read, len(swap.faults), duration_s)

    def _look(self) -> "_Looked":
        """Read the documents that are new."""
        files, faults = folder.look(self.books, self.parts.settings.files_max)
        now_ns, self._young = folder.now_ns(), False
        looked = _Looked([], [], faults, {})
        for file in files:
            if not self._shelf.is_known(file):
                if file.changed_within(_YOUNG_S, now_ns):
                    self._young = True
                elif not self._read(file, looked.held):
                    continue
            looked.files.append(file)
        self._shelf.forget_but(looked.files)
        there = {file.source: file for file in looked.files}
        # An editor may take a document away before it puts the new one there: only the second look believes it.
        looked.absent.extend(file for source, file in self._seen.items() if source not in there)
        self._young = self._young or bool(looked.absent)
        self._seen = there
        return looked

    def _read(self, file: folder.File, held: dict[str, reading.Document | None]) -> bool:
        """Learn a document; return False where it is gone, or another by now."""
        held[file.source] = None
        try:
            raw = folder.read(file, self.parts.settings.file_bytes_max)
            document = reading.read(raw)
        except folder.ChangedError:
            del held[file.source]
            self._young = True
            return False
        except guides.FaultyError as error:
            self._shelf.blame(file, error)
        else:
            held[file.source] = document
            self._shelf.learn(file, hashlib.sha256(raw).hexdigest(), document)
        return True

    async def _swap_of(self, looked: "_Looked", shown: Mapping[str, guides.Entry]) -> tuple[guides.Swap, bool]:
        """Return what has to change, and whether that is all: where pages take long, what is made goes ahead of the others.

        A document whose page cannot be made is at fault, and another plan follows.
        """
        made: dict[str, guides.Guide] = {}
        began_s = self.parts.clock.monotonic_s()
        while True:
            plan = self._shelf.plan(looked.files, looked.absent, looked.faults, shown, self.parts.form)
            lacking = [slug for slug in plan.changed if plan.wanted[slug].source not in made]
            if not lacking:
                if (crowding := self._crowding(plan, made, shown)) is None:
                    break
                self._shelf.blame(crowding, guides.FaultyError(_CROWDED))
                continue
            ready = [slug for slug in plan.changed if slug not in lacking]
            batch = _batch(plan, lacking)
            is_late = self.parts.clock.monotonic_s() - began_s > _ROUND_S
            if ready and (is_late or plan.wanted[batch[0]].size_bytes > _LARGE_BYTES):
                part = tuple(made[plan.wanted[slug].source] for slug in ready)
                # Nothing goes yet: what takes its place may be among the others.
                return guides.Swap(part, frozenset(), tuple(plan.faults[:_FAULTS_MAX])), False
            for file, one in await self._made(plan, batch, looked.held):
                if isinstance(one, guides.Guide):
                    made[file.source] = one
                else:
                    self._shelf.blame(file, one)
        changed = tuple(made[plan.wanted[slug].source] for slug in plan.changed)
        return guides.Swap(changed, plan.gone, tuple(plan.faults[:_FAULTS_MAX])), True

    async def _made(
        self, plan: shelf.Plan, slugs: Sequence[str], held: Mapping[str, reading.Document | None]
    ) -> list[tuple[folder.File, guides.Guide | guides.FaultyError]]:
        files = [plan.wanted[slug] for slug in slugs]
        documents = [await self._document(file, held) for file in files]
        good = [one for one in documents if isinstance(one, reading.Document)]
        pages = iter(await self.parts.make([unseen.removed(document.body) for document in good]))
        now_s = self.parts.clock.now_us() // 1_000_000
        found: list[tuple[folder.File, guides.Guide | guides.FaultyError]] = []
        for slug, file, document in zip(slugs, files, documents, strict=True):
            page = document if isinstance(document, guides.FaultyError) else next(pages)
            if isinstance(document, reading.Document) and isinstance(page, guides.Page):
                found.append((file, self._guide(slug, file, document, page, now_s)))
            elif isinstance(page, guides.FaultyError):
                found.append((file, page))
        return found

    async def _document(
        self, file: folder.File, held: Mapping[str, reading.Document | None]
    ) -> reading.Document | guides.FaultyError:
        document = held.get(file.source)
        return document if document is not None else await asyncio.to_thread(self._again, file)

    def _again(self, file: folder.File) -> reading.Document | guides.FaultyError:
        """Return a document that was read in an earlier sync."""
        try:
            return reading.read(folder.read(file, self.parts.settings.file_bytes_max))
        except folder.ChangedError:
            return guides.FaultyError("it changed while it was read. It is read again in a moment.")
        except guides.FaultyError as error:
            return error

    def _guide(
        self, slug: str, file: folder.File, document: reading.Document, page: guides.Page, now_s: int
    ) -> guides.Guide:
        said = document.front_matter
        entry = guides.Entry(
            slug,
            said.title or slug,
            said.description,
            said.tags,
            said.order,
            file.root,
            file.source,
            page.headings[0].text if page.headings else "",
            self._shelf.known[file.source].digest,
            self.parts.form,
            now_s,
            len(document.raw.encode()) + len(page.html.encode()),
        )
        return guides.Guide(entry, document.raw, page)

    def _crowding(
        self, plan: shelf.Plan, made: Mapping[str, guides.Guide], shown: Mapping[str, guides.Entry]
    ) -> folder.File | None:
        """Return a document with which all guides would take too much."""
        changed = set(plan.changed)
        total = sum(entry.size_bytes for slug, entry in shown.items() if slug not in plan.gone | changed)
        for slug in plan.changed:
            total += made[plan.wanted[slug].source].entry.size_bytes
            if total > self.parts.settings.bytes_max:
                return plan.wanted[slug]
        return None

    def _note(self, swap: guides.Swap) -> None:
        """Count and log what is new of a sync that is in the store."""
        telemetry.GUIDES_LOADED.inc(len(swap.changed))
        new = [fault for fault in swap.faults if fault not in self._told]
        telemetry.GUIDES_ERRORS.inc(len(new))
        for fault in new[:_LOGGED_MAX]:
            _log.warning("a guide is at fault", extra={"document": fault.place, "reason": fault.reason})
        if swap.changed or swap.gone:
            _log.info("guides loaded", extra={"changed": len(swap.changed), "gone": len(swap.gone)})
        if swap.gone:
            self._shelf.try_again(_CROWDED)
        self._told = frozenset(swap.faults)

    def _tell(self, problem: str) -> None:
        if problem and problem != self.problem:
            _log.warning("the guides are not up to date", extra={"reason": problem})
        self.problem = problem


def _batch(plan: shelf.Plan, lacking: Sequence[str]) -> list[str]:
    """Return those that are made next: the blueprint's before others, and small ones before large."""
    rest = sorted(lacking, key=lambda slug: (plan.wanted[slug].root != _OURS, plan.wanted[slug].size_bytes))
    sizes = itertools.accumulate(plan.wanted[slug].size_bytes for slug in rest)
    return [
        slug for place, (slug, total) in enumerate(zip(rest, sizes, strict=True)) if not place or total <= _BATCH_BYTES
    ]


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look found. `absent` were there at the last one; `held` are those that it read, None where at fault."""

    files: list[folder.File]
    absent: list[folder.File]
    faults: list[guides.Fault]
    held: dict[str, reading.Document | None]
