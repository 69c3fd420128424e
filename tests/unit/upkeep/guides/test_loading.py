"""The loader over real folders, with a store in memory: what is shown after each change, and what is at fault."""

import asyncio
import contextlib
import dataclasses
import hashlib
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from council import telemetry
from council.domain import guides
from council.kit import clock, folder_events
from council.testing import guides as testing_guides
from council.upkeep.guides import folder, loading

SETTINGS = guides.GuidesConfig(poll_s=60.0, bytes_max=guides._MIB)


async def make(texts: Sequence[str]) -> list[guides.Page | guides.FaultyError]:
    return [
        guides.FaultyError("cannot be shown.") if "unshowable" in text else guides.Page(f"<p>{text.strip()}</p>", ())
        for text in texts
    ]


@dataclasses.dataclass
class Rig:
    blueprint: Path
    library: Path
    book: testing_guides.InlineGuidebook
    loader: loading.Loader

    def write(self, name: str, text: str, root: str = "library") -> Path:
        path = (self.library if root == "library" else self.blueprint) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    async def sync(self) -> guides.Synced:
        await asyncio.sleep(loading._YOUNG_S + 0.01)
        return await self.loader.sync()

    @property
    def faults(self) -> list[str]:
        return [f"{fault.place}: {fault.reason}" for fault in self.book.faults]


def opened(tmp_path: Path, book: testing_guides.InlineGuidebook, settings: guides.GuidesConfig = SETTINGS) -> Rig:
    blueprint, library = tmp_path / "generation" / "guidebook", tmp_path / "library" / "guidebook"
    library.parent.mkdir(exist_ok=True)
    books = [
        folder.Guidebook("blueprint", "guidebook", blueprint),
        folder.Guidebook("library", "library/guidebook", library),
    ]
    parts = loading.Parts(book, make, guides.FORM, settings, clock.SystemClock())
    return Rig(blueprint, library, book, loading.Loader(parts, books))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return opened(tmp_path, testing_guides.InlineGuidebook())


async def test_what_the_store_holds_is_asked_once_a_sync_in_however_many_parts_it_goes(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_ROUND_S", -1.0)
    monkeypatch.setattr(loading, "_BATCH_BYTES", 1)
    asked: list[None] = []
    listing = rig.book.listing

    async def counted() -> guides.Listing:
        asked.append(None)
        return await listing()

    monkeypatch.setattr(rig.book, "listing", counted)
    for number in range(5):
        rig.write(f"{number}.md", f"Text {number}.\n")
    await rig.sync()
    assert len(rig.book.swaps) == 5 and len(rig.book.shown) == 5 and len(asked) == 1


async def test_both_guidebooks_are_loaded_in_one_swap(rig: Rig) -> None:
    rig.write("howto/First Steps.md", "# Begin\n", "blueprint")
    text = "---\nslug: closing\ntitle: Closing days\ntags: [office]\norder: 2\n---\nWe close.\n"
    rig.write("days.md", text)
    synced = await rig.sync()
    assert (synced.processed, synced.errors) == (2, 0) and synced.duration_s >= 0
    assert len(rig.book.swaps) == 1
    entry = rig.book.shown["closing"].entry
    assert (entry.title, entry.tags, entry.order, entry.root) == ("Closing days", ("office",), 2, "library")
    assert (entry.source, entry.digest) == ("library/guidebook/days.md", hashlib.sha256(text.encode()).hexdigest())
    assert rig.book.shown["closing"].raw == text and rig.book.shown["closing"].page.html == "<p>We close.</p>"
    plain = rig.book.shown["first-steps"].entry
    assert (plain.title, plain.root, plain.source) == ("first-steps", "blueprint", "guidebook/howto/First Steps.md")
    assert abs(plain.timestamp - clock.SystemClock().now_us() / 1e6) < 60


async def test_documents_that_take_long_hold_up_no_other_also_none_that_came_meanwhile(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_BATCH_BYTES", 600)
    monkeypatch.setattr(loading, "_LARGE_BYTES", 1000)
    monkeypatch.setattr(loading, "_YOUNG_S", 0.0)
    ticking = clock.SystemClock()
    now_s = [0.0]
    monkeypatch.setattr(ticking, "monotonic_s", lambda: now_s[0])

    async def slow(texts: Sequence[str]) -> list[guides.Page | guides.FaultyError]:
        for text in texts:
            now_s[0] += 5 if len(text) > 1000 else 0.01
        if len(texts[0]) > 1000 and not (rig.library / "late.md").exists():
            rig.write("late.md", "late")
        return await make(texts)

    rig.loader.parts = dataclasses.replace(rig.loader.parts, make=slow, clock=ticking)
    for name in ("a", "b", "c"):
        rig.write(f"{name}.md", f"{name} " * 1000)
    rig.write("small.md", "small")
    rig.write("ours.md", "ours " * 100, "blueprint")
    synced = await rig.sync()
    assert (synced.processed, synced.errors) == (6, 0)
    swaps = [sorted(guide.entry.slug for guide in swap.changed) for swap in rig.book.swaps]
    assert swaps == [["ours", "small"], ["a"], ["late"], ["b"], ["c"]]


async def test_what_has_not_changed_is_neither_read_nor_written_again(rig: Rig) -> None:
    rig.write("a.md", "A")
    await rig.sync()
    assert (await rig.sync()).processed == 0 and len(rig.book.swaps) == 1
    rig.write("b.md", "B")
    assert (await rig.sync()).processed == 1
    assert [guide.entry.slug for guide in rig.book.swaps[1].changed] == ["b"]


async def test_a_changed_document_takes_the_place_of_its_former_self_and_a_removed_one_goes(rig: Rig) -> None:
    path = rig.write("a.md", "one")
    gone = rig.write("b.md", "two")
    await rig.sync()
    path.write_text("other")
    gone.unlink()
    await rig.sync()
    await rig.sync()
    assert rig.book.shown.keys() == {"a"} and rig.book.shown["a"].raw == "other"


async def test_a_document_that_is_away_for_one_look_stays_shown(rig: Rig) -> None:
    path = rig.write("a.md", "one")
    await rig.sync()
    path.rename(path.with_name("a.md~"))
    await rig.sync()
    assert rig.book.shown.keys() == {"a"} and rig.loader._young
    path.write_text("two")
    await rig.sync()
    assert rig.book.shown["a"].raw == "two" and len(rig.book.swaps) == 2


async def test_a_document_that_moves_takes_its_slug_along_in_one_step(rig: Rig) -> None:
    path = rig.write("a.md", "---\nslug: named\n---\none")
    await rig.sync()
    path.rename(path.with_name("b.md"))
    await rig.sync()
    assert rig.book.shown["named"].entry.source == "library/guidebook/b.md"
    await rig.sync()
    assert rig.book.shown.keys() == {"named"} and not rig.book.faults and len(rig.book.swaps) == 2


async def test_a_document_that_changes_while_it_is_read_is_left_for_the_next_look(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rig.write("a.md", "one")
    await rig.sync()
    path.write_text("two, which is longer")
    await asyncio.sleep(loading._YOUNG_S + 0.01)
    look = folder.look

    def changed(*given: object) -> object:
        found = look(*given)
        path.write_text("tw")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(folder, "look", changed)
        await rig.loader.sync()
    assert rig.book.shown["a"].raw == "one" and rig.loader._young and not rig.book.faults
    path.write_text("three")
    await rig.sync()
    assert rig.book.shown["a"].raw == "three"


async def test_broken_front_matter_keeps_the_last_good_version_and_names_the_line(rig: Rig) -> None:
    path = rig.write("a.md", "---\ntitle: Good\n---\none")
    await rig.sync()
    before = telemetry.GUIDES_ERRORS._value.get()
    path.write_text("---\ntitle: Good\ncolour: red\n---\ntwo")
    assert (await rig.sync()).errors == 1
    assert rig.book.shown["a"].raw.endswith("one")
    assert rig.faults[0].startswith("library/guidebook/a.md:3: unknown key `colour`") and rig.book.faults[0].kept
    await rig.sync()
    assert telemetry.GUIDES_ERRORS._value.get() == before + 1
    path.write_text("---\ntitle: Good\n---\nthree")
    assert (await rig.sync()).errors == 0
    assert rig.book.shown["a"].raw.endswith("three") and not rig.faults


async def test_the_last_good_version_is_kept_over_a_restart_and_gone_with_its_document(
    tmp_path: Path, rig: Rig
) -> None:
    path = rig.write("a.md", "---\nslug: named\n---\none")
    await rig.sync()
    path.write_text("---\nslug: Not One\n---\ntwo")
    anew = opened(tmp_path, rig.book)
    await anew.sync()
    assert anew.book.shown["named"].raw.endswith("one") and anew.book.faults[0].kept
    path.unlink()
    await anew.sync()
    await anew.sync()
    assert not anew.book.shown and not anew.book.faults


async def test_a_collision_names_both_and_the_blueprint_goes_first(rig: Rig) -> None:
    rig.write("z/money.md", "ours", "blueprint")
    rig.write("a.md", "---\nslug: money\n---\ntheirs")
    await rig.sync()
    assert rig.book.shown["money"].raw == "ours"
    [told] = rig.faults
    assert "guidebook/z/money.md and library/guidebook/a.md both have the slug `money`" in told
    (rig.blueprint / "z" / "money.md").unlink()
    await rig.sync()
    assert rig.book.shown["money"].raw.endswith("theirs") and not rig.faults


async def test_a_guide_whose_page_cannot_be_made_gives_its_slug_to_the_next(rig: Rig) -> None:
    rig.write("a/x.md", "unshowable")
    rig.write("b/x.md", "plain")
    assert (await rig.sync()).errors == 1
    assert rig.book.shown["x"].raw == "plain" and rig.faults == ["library/guidebook/a/x.md: cannot be shown."]


async def test_what_the_store_has_lost_is_put_there_again(rig: Rig) -> None:
    rig.write("a.md", "A")
    rig.write("b.md", "B")
    await rig.sync()
    rig.book.shown.clear()
    assert (await rig.sync()).processed == 0
    assert rig.book.shown.keys() == {"a", "b"}


async def test_pages_of_other_rules_are_made_anew(rig: Rig) -> None:
    rig.write("a.md", "A")
    await rig.sync()
    rig.loader.parts = dataclasses.replace(rig.loader.parts, form="2")
    await rig.sync()
    assert rig.book.shown["a"].entry.form == "2"


async def test_what_is_no_document_is_left_out(rig: Rig, tmp_path: Path) -> None:
    rig.write("good.md", "Good")
    for name in (".hidden.md", "good.md~", "#good.md#", ".good.md.swp", "good.txt", ".git/x.md", "4913"):
        rig.write(name, "not one")
    secret = tmp_path / "secret.md"
    secret.write_text("secret")
    (rig.library / "link.md").symlink_to(secret)
    (rig.library / "folder").symlink_to(tmp_path)
    os.mkfifo(rig.library / "pipe.md")
    (rig.library / os.fsdecode(b"caf\xe9.md")).write_text("A name that is no text.")
    rig.write("日本.md", "no slug")
    rig.write("index.md", "reserved")
    rig.write("empty.md", "")
    await rig.sync()
    assert rig.book.shown.keys() == {"good", "caf"}
    assert rig.book.shown["caf"].entry.source == "library/guidebook/caf\\xe9.md"
    at_fault = {fault.source.rpartition("/")[2] for fault in rig.book.faults}
    assert at_fault == {"link.md", "日本.md", "index.md", "empty.md"}


@pytest.mark.parametrize(
    "front", ['"\\ud800": x', 'title: "\\ud800"', '"\\ud800": x\n"\\ud800": x', "k" * 15_000 + ": x"]
)
async def test_whatever_stands_in_a_document_its_fault_can_be_written(rig: Rig, front: str) -> None:
    rig.write("a.md", f"---\n{front}\n---\nText")
    await rig.sync()
    [fault] = rig.faults
    assert fault.encode() and len(fault) < 300


async def test_a_guidebook_that_is_a_link_is_named(rig: Rig, tmp_path: Path) -> None:
    rig.library.symlink_to(tmp_path)
    await rig.sync()
    assert rig.faults == ["library/guidebook: a symbolic link; copy the documents themselves here"]


async def test_a_guidebook_that_cannot_be_opened_is_named(rig: Rig) -> None:
    rig.library.write_text("no folder")
    await rig.sync()
    assert "library/guidebook: a folder that cannot be opened" in rig.faults[0]


async def test_limits_leave_out_what_goes_beyond_and_take_it_once_there_is_room(tmp_path: Path) -> None:
    settings = guides.GuidesConfig(files_max=3, file_bytes_max=1024, bytes_max=3_000)
    rig = opened(tmp_path, testing_guides.InlineGuidebook(), settings)
    first = rig.write("a.md", "a" * 1_000)
    rig.write("b.md", "b" * 1_000)
    rig.write("c.md", "c" * 2_000)
    rig.write("d.md", "d")
    await rig.sync()
    assert rig.book.shown.keys() == {"a"}
    told = dict(line.rsplit("/", 1)[1].split(": ", 1) for line in rig.faults)
    assert "bytes_max" in told["b.md"] and "file_bytes_max" in told["c.md"] and "files_max" in told["d.md"]
    first.unlink()
    await rig.sync()
    await rig.sync()
    await rig.sync()
    assert rig.book.shown.keys() == {"b", "d"}


async def test_a_document_that_is_being_written_is_left_until_it_has_settled(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rig.write("a.md", "---\ntitle: Whole\n---\nwhole")
    await rig.sync()
    with monkeypatch.context() as patched:
        # However long this machine takes from here to the look.
        patched.setattr(loading, "_YOUNG_S", 3600.0)
        path.write_text("half")
        await rig.loader.sync()
        assert rig.book.shown["a"].raw.endswith("whole") and rig.loader._young
    path.write_text("---\ntitle: Other\n---\nother")
    await rig.sync()
    assert rig.book.shown["a"].entry.title == "Other"


async def test_asked_for_a_sync_reads_all_even_what_has_just_been_written(rig: Rig) -> None:
    rig.write("a.md", "A")
    await rig.sync()
    rig.write("b.md", "B")
    synced = await rig.loader.sync(anew=True)
    assert synced.processed == 2 and rig.book.shown.keys() == {"a", "b"}


# As it runs


@contextlib.asynccontextmanager
async def kept(rig: Rig) -> AsyncIterator[None]:
    events = folder_events.FolderEvents(rig.library.parent)
    task = asyncio.create_task(rig.loader.keep(events))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        events.close()


async def until(holds, within_s: float = 5.0) -> float:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while not holds():
        assert loop.time() - began_s < within_s, "it did not come about"
        await asyncio.sleep(0.01)
    return loop.time() - began_s


async def test_changes_are_seen_by_events_however_they_are_made(rig: Rig) -> None:
    rig.write("first.md", "First")
    async with kept(rig):
        await until(lambda: "first" in rig.book.shown)
        # An editor: a new file that is renamed over the old one.
        rig.write(".first.md.tmp", "Second").rename(rig.library / "first.md")
        await until(lambda: rig.book.shown["first"].raw == "Second")
        rig.write("new/deep/inner.md", "Inner")
        await until(lambda: "inner" in rig.book.shown)
        (rig.library / "new").rename(rig.library / "other")
        await until(lambda: rig.book.shown["inner"].entry.source == "library/guidebook/other/deep/inner.md")
        rig.write("other/deep/inner.md", "Moved and changed")
        await until(lambda: rig.book.shown["inner"].raw == "Moved and changed")
        (rig.library / "other").rename(rig.library.parent / "away")
        await until(lambda: "inner" not in rig.book.shown)
        rig.library.rename(rig.library.parent / "gone")
        await until(lambda: not rig.book.shown)
        (rig.library.parent / "gone").rename(rig.library)
        await until(lambda: "first" in rig.book.shown)


async def test_a_burst_is_handled_once(rig: Rig) -> None:
    rig.write("first.md", "First")
    async with kept(rig):
        await until(lambda: "first" in rig.book.shown)
        for number in range(500):
            (rig.library / f"many-{number}.md").write_text(f"Number {number}")
        await until(lambda: len(rig.book.shown) == 501)
        assert len(rig.book.swaps) <= 3


async def test_a_store_that_is_away_is_tried_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "_RETRY_S", 0.05)
    rig.write("first.md", "First")
    rig.book.away = True
    async with kept(rig):
        await until(lambda: rig.loader.problem != "")
        rig.book.away = False
        await until(lambda: "first" in rig.book.shown and not rig.loader.problem)


async def test_another_generation_brings_its_guidebook(rig: Rig, tmp_path: Path) -> None:
    rig.write("old.md", "Old", "blueprint")
    rig.write("mine.md", "Mine")
    async with kept(rig):
        await until(lambda: len(rig.book.shown) == 2)
        (tmp_path / "next").mkdir()
        (tmp_path / "next" / "new.md").write_text("New")
        rig.loader.follow([folder.Guidebook("blueprint", "guidebook", tmp_path / "next"), rig.loader.books[1]])
        await until(lambda: rig.book.shown.keys() == {"new", "mine"})


async def test_what_is_only_checked_comes_to_an_end_with_a_large_document_too(tmp_path: Path) -> None:
    (tmp_path / "small.md").write_text("# Small")
    (tmp_path / "large.md").write_text("# Large\n\n" + "word " * 20_000)
    book = loading.Nowhere()
    parts = loading.Parts(book, make, guides.FORM, SETTINGS, clock.SystemClock())
    async with asyncio.timeout(30):
        done = await loading.Loader(parts, [folder.Guidebook("library", "library/guidebook", tmp_path)]).sync(anew=True)
    assert (done.processed, done.errors) == (2, 0)
    assert {one.slug for one in (await book.listing()).entries} == {"small", "large"}
