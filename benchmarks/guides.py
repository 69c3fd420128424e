"""Loading guides: many at once, one that is saved, and a burst. Loader, children and the bundled Valkey are the real ones.

The documents are those of `docs/`, over and over, each with a line of its own, so that no page is made of another's.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import figures
from council.backends.store import guides as store_guides
from council.domain import guides
from council.kit import clock, folder_events
from council.services import renderer
from council.upkeep.guides import folder, loading

DOCUMENTS = 1_000
BURST = 500
SAVES = 40
ROUNDS = 3
LOAD_S_TARGET = 5.0
SHOWN_S_TARGET = 1.0
# Rounds of the loader that a burst may take.
BURST_SYNCS_TARGET = 1
_WAIT_S = 120.0


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the figures."""
    return asyncio.run(_run(say))


async def _run(say: Callable[[str], None]) -> list[figures.Row]:
    loads_s, rows = [], []
    for number in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="c") as name:
            place = Path(name)
            size_bytes = _write(place / "guidebook", DOCUMENTS)
            async with _loader(place) as (loader, book):
                synced = await loader.sync(anew=True)
                assert synced.processed == DOCUMENTS and len((await book.listing()).entries) == DOCUMENTS
                loads_s.append(synced.duration_s)
                say(f"guides: {DOCUMENTS} documents in {synced.duration_s:.2f} s")
                if number == ROUNDS - 1:
                    rows = await _changes(place, loader, book, say)
    note = f"{size_bytes / 1e6:.1f} MB of Markdown, into an empty store"
    return [figures.median(f"{DOCUMENTS:,} documents loaded", figures.OURS, loads_s, "s", LOAD_S_TARGET, note), *rows]


async def _changes(
    place: Path, loader: loading.Loader, book: store_guides.ValkeyGuidebook, say: Callable[[str], None]
) -> list[figures.Row]:
    """Save one of many again and again, then many at once, while the loader runs as it does in the steward."""
    events = folder_events.FolderEvents(place)
    keeping = asyncio.create_task(loader.keep(events))
    try:
        shown_s = [await _saved(place, book, number) for number in range(SAVES)]
        say(f"guides: a save is shown in {max(shown_s):.2f} s at most")
        burst_s, syncs = await _burst(place, loader, book)
        say(f"guides: a burst of {BURST} in {burst_s:.2f} s, {syncs} syncs")
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        events.close()
    slowest = max(shown_s)
    return [
        figures.median(f"saved, among {DOCUMENTS:,}, until shown", figures.OURS, shown_s, "s"),
        figures.Row(
            f"saved, among {DOCUMENTS:,}, until shown: slowest", figures.OURS, slowest, "s", SHOWN_S_TARGET, SAVES
        ),
        figures.Row(f"burst of {BURST} saves, until all are shown", figures.OURS, burst_s, "s"),
        figures.Row(f"burst of {BURST} saves, syncs", figures.OURS, syncs, "syncs", BURST_SYNCS_TARGET),
    ]


async def _saved(place: Path, book: store_guides.ValkeyGuidebook, number: int) -> float:
    (place / "guidebook" / "saved.md").write_text(
        f"---\norder: {number}\n---\n# Saved\n\nFor the time number {number}.\n"
    )
    return await _until(lambda: _has(book, "saved", number))


async def _burst(place: Path, loader: loading.Loader, book: store_guides.ValkeyGuidebook) -> tuple[float, int]:
    swaps = 0
    swap = book.swap

    async def counted(one: guides.Swap) -> None:
        nonlocal swaps
        swaps += 1
        await swap(one)

    book.swap = counted  # type: ignore[method-assign]
    texts = [f"---\norder: {number}\n---\n# One of many\n\n{number}\n" for number in range(BURST)]
    for number, text in enumerate(texts):
        (place / "guidebook" / f"burst-{number}.md").write_text(text)
    took_s = await _until(lambda: _has(book, f"burst-{BURST - 1}", BURST - 1))
    assert len((await book.listing()).entries) == DOCUMENTS + 1 + BURST
    return took_s, swaps


async def _has(book: store_guides.ValkeyGuidebook, slug: str, order: int) -> bool:
    found = await book.guide(slug)
    return found is not None and found.entry.order == order


async def _until(holds: Callable[[], object]) -> float:
    began_s = time.monotonic()
    while not await holds():  # type: ignore[misc]
        assert time.monotonic() - began_s < _WAIT_S
        await asyncio.sleep(0.005)
    return time.monotonic() - began_s


@contextlib.asynccontextmanager
async def _loader(place: Path) -> AsyncIterator[tuple[loading.Loader, store_guides.ValkeyGuidebook]]:
    tests = str(figures.ROOT / "tests")
    if tests not in sys.path:
        sys.path.insert(0, tests)
    import servers

    with servers.valkey_bundled() as server:
        pages, book = renderer.Renderers(), store_guides.ValkeyGuidebook(server.url, 5.0)
        parts = loading.Parts(book, pages.make, guides.FORM, guides.GuidesConfig(), clock.SystemClock())
        try:
            yield loading.Loader(parts, [folder.Guidebook("library", "library/guidebook", place / "guidebook")]), book
        finally:
            pages.close()
            await book.close()


def _write(place: Path, count: int) -> int:
    """Write so many documents; return how many bytes they are."""
    found = sorted((figures.ROOT / "docs").rglob("*.md"))
    total = 0
    for number in range(count):
        document = found[number % len(found)]
        raw = document.read_bytes() + f"\n\nThis is copy {number}.\n".encode()
        path = place / str(number // len(found)) / f"{number}-{document.stem}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
        total += len(raw)
    os.sync()
    return total
