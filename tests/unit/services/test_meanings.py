"""The meanings in recall: waiting, filling, ready or off, with the reason; bounds in time and number; following changes."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from council import ports
from council.domain import answers, config, errors
from council.services import meanings
from council.serving.memory import documents, lexical
from council.testing import memory as fake


class Held(fake.WordEmbedder):
    """Embeds once it may; fails where the text says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may, self.begun = threading.Event(), threading.Event()
        self.may.set()
        self.seen: list[str] = []

    def embed_beginning(self, text: str, tokens_max: int) -> bytes:
        self.begun.set()
        assert self.may.wait(30)
        self.seen.append(text)
        if "poison" in text:
            raise RuntimeError("the model has failed")
        return super().embed_beginning(text, tokens_max)


class Rig:
    """Meanings of an index, with a fake model."""

    def __init__(self, path: Path, **settings: object):
        self.index, self.embedder = lexical.LexicalIndex(), Held()
        self.failures: list[errors.CouncilError] = []
        self.path = path
        self.meanings = meanings.Meanings(self._make, self.index, path, config.RecallConfig(**settings))

    def _make(self) -> tuple[ports.Embedder, ports.VectorIndex]:
        if self.failures:
            raise self.failures[0]
        return self.embedder, fake.PlainIndex()

    def put(self, source: str, text: str | None) -> None:
        before = self.index.names("library", source)
        if text is None:
            self.index.remove("library", source)
        else:
            self.index.put("library", source, documents.split(text.encode(), 900))
        self.meanings.change(before, self.index.names("library", source))

    @property
    def state(self) -> answers.Meanings:
        return self.meanings.state

    async def until(self, state: str, known: int | None = None) -> None:
        async with asyncio.timeout(20):
            while self.state.state != state or known not in (None, self.state.known):
                await asyncio.sleep(0.005)

    async def sources(self, query: str) -> list[str]:
        found, _ = await self.meanings.nearest(query)
        passages = [self.index.passage(name) for name, _ in found]
        return [passage.source for passage in passages if passage is not None]


@contextlib.asynccontextmanager
async def keeping(rig: Rig) -> AsyncIterator[Rig]:
    keeping = asyncio.create_task(rig.meanings.keep())
    try:
        yield rig
    finally:
        rig.embedder.may.set()
        keeping.cancel()
        rig.meanings.close()
        await asyncio.gather(keeping, return_exceptions=True)


@pytest.fixture(name="path")
def made_path(tmp_path: Path) -> Path:
    return tmp_path / "meanings.db"


async def test_it_begins_when_every_document_is_read_and_says_how_far_it_is(path: Path) -> None:
    rig = Rig(path)
    rig.embedder.may.clear()
    async with keeping(rig):
        rig.put("a.md", "zebra stable")
        await asyncio.sleep(0.02)
        assert rig.state == answers.Meanings("waiting", 0, 1, "the documents are being read")
        found, missing = await rig.meanings.nearest("zebra")
        assert not found and missing == "Found by words alone: the documents are being read."
        rig.meanings.all_read()
        await asyncio.to_thread(rig.embedder.begun.wait, 20)
        assert rig.state == answers.Meanings("filling", 0, 1)
        assert (await rig.meanings.nearest("zebra"))[1] == "Found by words alone: of 1 passages none is ready yet."
        rig.embedder.may.set()
        await rig.until("ready")
        assert rig.state == answers.Meanings("ready", 1, 1)
        assert await rig.sources("zebra") == ["a.md"] and (await rig.meanings.nearest("zebra"))[1] == ""


async def test_while_it_fills_what_is_known_is_found_and_the_rest_is_said(path: Path) -> None:
    rig = Rig(path)
    async with keeping(rig):
        rig.put("a.md", "zebra stable")
        rig.meanings.all_read()
        await rig.until("ready", 1)
        rig.embedder.may.clear()
        rig.embedder.begun.clear()
        rig.put("b.md", "okapi")
        await asyncio.to_thread(rig.embedder.begun.wait, 20)
        # The fake model makes one wait for the other, as a real one does not.
        rig.embedder.may.set()
        found, missing = await rig.meanings.nearest("zebra")
        assert len(found) == 1 and missing == "The meaning of 1 of 2 passages is known so far."


async def test_only_what_is_new_is_embedded_and_what_goes_is_forgotten_on_disk_too(path: Path) -> None:
    rig = Rig(path)
    async with keeping(rig):
        rig.put("a.md", "# A\n\nzebra\n\n# B\n\nokapi")
        rig.meanings.all_read()
        await rig.until("ready", 2)
        rig.put("a.md", "# A\n\nzebra\n\n# B\n\nibis")
        await rig.until("ready", 2)
        assert rig.embedder.seen == ["A\nzebra", "B\nokapi", "B\nibis"]
        gone = rig.index.names("library", "a.md")
        assert all(name.encode() in path.read_bytes() for name in gone)
        rig.put("a.md", None)
        async with asyncio.timeout(20):
            while any(name.encode() in path.read_bytes() for name in gone):
                await asyncio.sleep(0.005)
        assert await rig.sources("zebra") == [] and rig.state == answers.Meanings("ready", 0, 0)


async def test_a_start_takes_from_the_file_what_holds_still_and_removes_the_rest(path: Path) -> None:
    first = Rig(path)
    async with keeping(first):
        first.put("a.md", "zebra")
        first.put("gone.md", "okapi")
        first.meanings.all_read()
        await first.until("ready", 2)
        [gone] = first.index.names("library", "gone.md")
    again = Rig(path)
    async with keeping(again):
        again.put("a.md", "zebra")
        again.put("new.md", "ibis")
        again.meanings.all_read()
        await again.until("ready", 2)
        assert again.embedder.seen == ["\nibis"] and await again.sources("zebra") == ["a.md"]
        assert gone.encode() not in path.read_bytes()


async def test_a_file_that_is_none_is_made_again(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.write_bytes(b"poison" * 1000)
    rig = Rig(path)
    async with keeping(rig):
        rig.put("a.md", "zebra")
        rig.meanings.all_read()
        await rig.until("ready", 1)
        assert await rig.sources("zebra") == ["a.md"] and "damaged" in caplog.text


async def test_with_no_place_for_the_file_it_goes_on_in_memory(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(path.parent / "missing" / "meanings.db")
    async with keeping(rig):
        rig.put("a.md", "zebra")
        rig.meanings.all_read()
        await rig.until("ready", 1)
        assert await rig.sources("zebra") == ["a.md"] and "cannot be kept on disk" in caplog.text


async def test_switched_off_nothing_is_loaded_and_the_file_goes(path: Path) -> None:
    path.write_bytes(b"of yesterday")
    rig = Rig(path, meanings=False)
    rig.failures.append(errors.SetupError("Never asked for."))
    rig.put("a.md", "zebra")
    rig.meanings.all_read()
    await rig.meanings.keep()
    assert rig.state == answers.Meanings("off", 0, 0, "`recall.meanings` is off") and not path.exists()
    assert await rig.meanings.nearest("zebra") == ((), "Found by words alone: `recall.meanings` is off.")
    rig.meanings.close()


async def test_without_the_model_the_reason_is_said_and_it_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(meanings, "_RETRY_S", 0.01)
    rig = Rig(path)
    rig.failures.append(errors.SetupError("The embedding model is not installed. Run `make up`."))
    async with keeping(rig):
        rig.put("a.md", "zebra")
        rig.meanings.all_read()
        async with asyncio.timeout(20):
            while "not installed" not in rig.state.reason:
                await asyncio.sleep(0.005)
        assert rig.state.state == "waiting"
        assert "not installed" in (await rig.meanings.nearest("zebra"))[1]
        rig.failures.clear()
        await rig.until("ready", 1)


async def test_beyond_the_bound_passages_are_found_by_words_and_the_setting_is_named(path: Path) -> None:
    rig = Rig(path, meanings_max=2)
    async with keeping(rig):
        for name in "abc":
            rig.put(f"{name}.md", f"zebra {name}")
        rig.meanings.all_read()
        await rig.until("ready", 2)
        assert rig.state.passages == 3 and "`recall.meanings_max` is 2" in rig.state.reason
        assert "The meaning of 2 of 3" in (await rig.meanings.nearest("zebra"))[1]
        rig.put("a.md", None)
        await rig.until("ready", 2)
        assert sorted(await rig.sources("zebra")) == ["b.md", "c.md"]


async def test_a_meaning_that_takes_too_long_is_not_waited_for(path: Path) -> None:
    rig = Rig(path, meanings_s=0.05)
    async with keeping(rig):
        rig.put("a.md", "zebra")
        rig.meanings.all_read()
        await rig.until("ready", 1)
        rig.embedder.may.clear()
        found, missing = await rig.meanings.nearest("zebra")
        assert not found and "more than 0.05 s, `recall.meanings_s`" in missing
        rig.embedder.may.set()
        async with asyncio.timeout(20):
            while not await rig.sources("zebra"):
                await asyncio.sleep(0.005)


async def test_no_more_than_so_many_searches_wait_for_the_model(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meanings, "_WAITING_MAX", 3)
    rig = Rig(path, meanings_s=10.0)
    async with keeping(rig):
        rig.put("a.md", "zebra")
        rig.meanings.all_read()
        await rig.until("ready", 1)
        rig.embedder.may.clear()
        waiting = [asyncio.create_task(rig.meanings.nearest("zebra")) for _ in range(3)]
        await asyncio.sleep(0)
        assert await rig.meanings.nearest("zebra") == ((), "Found by words alone: too many searches at once.")
        rig.embedder.may.set()
        assert all(found for found, _ in await asyncio.gather(*waiting))
        assert (await rig.meanings.nearest("zebra"))[0]


async def test_a_model_that_fails_on_a_query_leaves_the_words(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(path)
    async with keeping(rig):
        rig.put("a.md", "zebra")
        rig.meanings.all_read()
        await rig.until("ready", 1)
        found, missing = await rig.meanings.nearest("poison")
        assert not found and "could not be searched" in missing and "has failed" in caplog.records[-1].reason


async def test_a_passage_that_the_model_fails_on_stops_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(path)
    async with keeping(rig):
        rig.put("a.md", "zebra")
        rig.put("b.md", "poison")
        rig.put("c.md", "okapi")
        rig.meanings.all_read()
        await rig.until("ready", 2)
        assert sorted(await rig.sources("zebra okapi")) == ["a.md", "c.md"]
        assert "1 could not be embedded" in rig.state.reason and "has failed" in caplog.records[-1].reason
        rig.put("b.md", "ibis")
        await rig.until("ready", 3)
        assert not rig.state.reason


async def test_what_has_nothing_to_do_with_a_query_is_not_near(path: Path) -> None:
    rig = Rig(path)
    async with keeping(rig):
        rig.put("a.md", "zebra stable")
        rig.meanings.all_read()
        await rig.until("ready", 1)
        assert await rig.sources("quarterly earnings") == []
