"""Guides with all that is real: events of files, the renderer's children, the bundled Valkey."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import servers
from council.backends.store import guides as store_guides
from council.domain import guides
from council.kit import clock, folder_events
from council.services import renderer
from council.upkeep.guides import folder, loading


@pytest.fixture
async def pages() -> AsyncIterator[renderer.Renderers]:
    made = renderer.Renderers()
    yield made
    made.close()


async def test_a_child_is_given_nothing_of_the_environment_that_may_be_secret(
    pages: renderer.Renderers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNCIL_RECORDS_URL", "postgresql://ann:secret@127.0.0.1/council")
    await pages.make(["Text"])
    child = pages._children[0]._child._process
    assert child is not None
    assert b"secret" not in Path(f"/proc/{child.pid}/environ").read_bytes()


async def test_a_page_is_made_in_a_child_and_what_ends_a_child_is_named(
    pages: renderer.Renderers, monkeypatch: pytest.MonkeyPatch
) -> None:
    [page] = await pages.make(["# Head\n\n<script>alert(1)</script>\n"])
    assert isinstance(page, guides.Page)
    assert page.headings == (guides.Heading(1, "Head", "guide-head"),) and "script" not in page.html
    child = pages._children[0]._child._process
    assert child is not None
    child.kill()
    child.wait()
    [again] = await pages.make(["Text"])
    assert again == guides.Page("<p>Text</p>\n", ())
    # The sanitiser takes time by the square of their number: the child is ended, and the next text is none the worse for it.
    monkeypatch.setattr(renderer, "PAGE_S", 0.3)
    slow, quick = await pages.make(["<div>" * 60_000, "Text"])
    assert isinstance(slow, guides.FaultyError) and "Split it" in str(slow)
    assert isinstance(quick, guides.Page)


# Texts that took parsers of Markdown time or memory by the square of their length, or that nest as deep as they are long.
LONG = (
    "a**b", "*a_ ", "[", "![", "[a](", "[a](<b", "[[](", "`a``b", "<", "<!-- ", "<![CDATA[", "&", "[^", "~~a ", "_a", "* ",
    "a\n=", "\t- ", "|a\n-|-\n", "# a\n", "```\n", "&quot;", "<b>", "<a href=x>", "<p><b>", "[^a]: b\n", "[a]: b\n", "\\[",
    "> ", "- ", "1. ", ">",
)  # fmt: skip


async def test_a_text_that_is_made_to_take_long_takes_neither_time_nor_the_child(
    pages: renderer.Renderers, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None takes a second on an idle machine; those that are taken by the square of their length take minutes anywhere.
    monkeypatch.setattr(renderer, "PAGE_S", 60.0)
    texts = [piece * (256 * 1024 // len(piece)) for piece in LONG]
    made = await pages.make(["Text", *texts])
    faults = [str(one) for one in made if isinstance(one, guides.FaultyError)]
    assert all("too deep" in one or "over 4,194,304 characters" in one for one in faults), faults
    assert sum("too deep" in one for one in faults) >= 3


async def test_children_stay_from_one_batch_to_the_next_and_all_but_one_go_soon(
    pages: renderer.Renderers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renderer, "_OTHERS_IDLE_S", 0.5)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    many = ["Text"] * 2 * renderer._PAGES_A_CHILD
    await pages.make(many)
    first = [one._child.pid for one in pages._children]
    await pages.make(many)
    assert [one._child.pid for one in pages._children] == first and len(set(first)) == 2
    await asyncio.sleep(1.0)
    assert [one._child.pid for one in pages._children] == first[:1]


async def test_a_saved_guide_is_shown_within_a_second_while_others_read(
    tmp_path: Path, pages: renderer.Renderers
) -> None:
    servers.need("valkey")
    (tmp_path / "guidebook").mkdir()
    path = tmp_path / "guidebook" / "a.md"
    path.write_text("# First\n")
    with servers.valkey_bundled() as server:
        book = store_guides.ValkeyGuidebook(server.url, 5.0)
        parts = loading.Parts(book, pages.make, guides.FORM, guides.GuidesConfig(), clock.SystemClock())
        loader = loading.Loader(parts, [folder.Guidebook("library", "library/guidebook", tmp_path / "guidebook")])
        events = folder_events.FolderEvents(tmp_path)
        keeping = asyncio.create_task(loader.keep(events))
        took_s = []
        for title in ("First", "Second", "Third"):
            path.write_text(f"# {title}\n")
            began_s = time.monotonic()
            while (found := await book.guide("a")) is None or found.entry.heading != title:
                assert time.monotonic() - began_s < 10.0
                await asyncio.sleep(0.01)
            took_s.append(time.monotonic() - began_s)
        # The first waits for a child to start.
        assert min(took_s) < 1.0, took_s
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        events.close()
        await book.close()
