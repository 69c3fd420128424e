"""Documents that recall writes into the library: whole, bounded, and only in their own folder."""

import base64
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from council.domain import config, documents
from council.kit import durable
from council.services import uploads
from council.serving.memory import documents as reading
from council.serving.memory import folder


class Kept:
    """Uploads over a real folder, read as recall reads it, but for what needs a process of its own."""

    def __init__(self, library: Path, **values: Any) -> None:
        self.settings = config.RecallConfig(**values)
        (library / documents.UPLOADS).mkdir(parents=True)
        self.library = library
        self.watched = folder.Folder(library, self.settings, self._read)
        self.made = uploads.Uploads(library, self.watched, self.settings, self._refresh)
        self.more = False

    def _read(self, suffix: str, raw: bytes, chars: int) -> Any:
        raise reading.UnreadableError("it is damaged")

    async def _refresh(self) -> bool:
        if not self.more:
            self.watched.changes()
        return self.more

    async def put(self, name: str, content: bytes = b"# Tides\n\nHigh at noon.\n", **more: Any) -> dict[str, Any]:
        asked = {"library": "put", "name": name, "content": base64.b64encode(content).decode(), **more}
        return await self.made.reply(asked)

    async def names(self) -> dict[str, str]:
        told = await self.made.reply({"library": "list"})
        return {one["name"]: one["state"] for one in told["documents"]}

    @property
    def files(self) -> list[str]:
        return sorted(set(os.listdir(self.library / documents.UPLOADS)) - {".put-over-the-api"})


async def deleted(kept: Kept, name: str) -> dict[str, Any]:
    return await kept.made.reply({"library": "delete", "name": name})


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "library")


async def test_a_document_is_whole_read_and_listed(kept: Kept) -> None:
    told = await kept.put("tides.md")
    assert told["replaced"] is False
    found = told["document"]
    assert (found["name"], found["state"], found["passages"], found["bytes"]) == ("uploads/tides.md", "indexed", 1, 23)
    assert kept.files == ["tides.md"]
    assert found["removable"]
    (kept.library / "own.txt").write_text("Words of the owner's.")
    (kept.library / "x.exe").write_text("no document")
    kept.watched.changes()
    assert await kept.names() == {"own.txt": "indexed", "uploads/tides.md": "indexed", "x.exe": "left_out"}


async def test_one_that_is_there_stays_unless_it_is_to_be_replaced(kept: Kept) -> None:
    await kept.put("a.md", b"one")
    told = await kept.put("a.md", b"two")
    assert (told["error"]["code"], told["error"]["parameter"]) == ("conflict", "replace")
    assert (kept.library / "uploads" / "a.md").read_bytes() == b"one" and kept.files == ["a.md"]
    told = await kept.put("a.md", b"two", replace=True)
    assert told["replaced"] is True and (kept.library / "uploads" / "a.md").read_bytes() == b"two"


async def test_why_it_is_left_out_is_told(kept: Kept) -> None:
    assert (await kept.put("scan.pdf", b"%PDF"))["document"]["reason"] == "it is damaged"
    told = (await kept.put("empty.md", b""))["document"]
    assert (told["state"], told["reason"]) == ("left_out", "no words in it")


async def test_what_is_not_read_yet_waits(kept: Kept) -> None:
    kept.more = True
    assert (await kept.put("a.md"))["document"]["state"] == "waiting"
    assert await kept.names() == {"uploads/a.md": "waiting"}


@pytest.mark.parametrize("name", ["../a.md", "/a.md", ".a.md", "a/../../b.md", "", "a.exe", "a\0.md"])
async def test_nothing_is_written_or_deleted_elsewhere(kept: Kept, name: str) -> None:
    (kept.library / "a.md").write_text("the owner's")
    for asked in (kept.put(name), kept.made.reply({"library": "delete", "name": name})):
        assert (await asked)["error"]["code"] == "invalid_request"
    assert kept.files == [] and (kept.library / "a.md").exists()


async def test_a_link_in_the_folder_leads_nowhere(kept: Kept, tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("secret")
    link = kept.library / "uploads" / "a.md"
    await kept.put("a.md")
    link.unlink()
    link.symlink_to(secret)
    # It is its owner's, whatever lay there before it.
    for asked in (kept.put("a.md"), kept.put("a.md", b"mine", replace=True), deleted(kept, "a.md")):
        assert (await asked)["error"]["code"] == "forbidden"
    assert link.is_symlink() and secret.read_text() == "secret"
    link.unlink()
    await kept.put("a.md", b"mine")
    # As a list that was left there to be written through.
    (kept.library / "uploads" / ".put-over-the-api").unlink()
    (kept.library / "uploads" / ".put-over-the-api").symlink_to(secret)
    assert (await kept.put("c.md", b"mine"))["error"]["code"] == "recall_unavailable"
    assert secret.read_text() == "secret"


async def test_what_its_owner_put_into_the_folder_stays_theirs(kept: Kept) -> None:
    mine = kept.library / "uploads" / "mine.md"
    mine.write_text("# Notes\n\nWords of the owner's.\n")
    kept.watched.changes()
    [listed] = (await kept.made.reply({"library": "list"}))["documents"]
    assert listed["name"] == "uploads/mine.md" and not listed["removable"]
    for asked in (
        kept.put("mine.md", b"other", replace=True),
        kept.put("mine.md"),
        kept.made.reply({"library": "delete", "name": "mine.md"}),
    ):
        assert (await asked)["error"]["code"] == "forbidden"
    assert mine.read_text().startswith("# Notes")
    # Its name counts for what came in here only while that is there.
    await kept.put("b.md")
    (kept.library / "uploads" / "b.md").unlink()
    await kept.put("c.md")
    (kept.library / "uploads" / "b.md").write_text("the owner's")
    assert (await kept.made.reply({"library": "delete", "name": "b.md"}))["error"]["code"] == "forbidden"


@pytest.mark.parametrize("words", [b"the owner's own words\n", b"other of the same size\n"])
async def test_what_its_owner_saves_later_under_a_name_that_came_in_here_is_theirs(kept: Kept, words: bytes) -> None:
    file = kept.library / "uploads" / "a.md"
    await kept.put("a.md", b"words of the same size\n")
    saved = file.with_name("saved")
    saved.write_bytes(words)
    os.utime(saved, ns=(1, file.stat().st_mtime_ns + 1))
    saved.rename(file)
    for asked in (kept.put("a.md", replace=True), deleted(kept, "a.md")):
        assert (await asked)["error"]["code"] == "forbidden"
    assert file.read_bytes() == words
    kept.watched.changes()
    [listed] = (await kept.made.reply({"library": "list"}))["documents"]
    assert not listed["removable"]


async def test_a_list_of_names_alone_tells_of_nothing_that_came_in_here(kept: Kept) -> None:
    await kept.put("b.md")
    listing = kept.library / "uploads" / ".put-over-the-api"
    (kept.library / "uploads" / "a.md").write_text("words")
    listing.write_text("a.md\n" + listing.read_text() + "a.md\tx\t5\n\n\t\t\n")
    assert (await deleted(kept, "a.md"))["error"]["code"] == "forbidden"
    assert await deleted(kept, "b.md") == {} and kept.files == ["a.md"]


async def test_where_the_list_cannot_be_written_nothing_is_kept_and_nothing_lost(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    await kept.put("a.md", b"one")
    write = durable.write_among_others

    def full(file: Path, content: bytes, mode: int, *, replace: bool = True) -> os.stat_result:
        if file.name == ".put-over-the-api":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, content, mode, replace=replace)

    with monkeypatch.context() as broken:
        broken.setattr(durable, "write_among_others", full)
        for asked in (kept.put("b.md"), deleted(kept, "a.md")):
            assert (await asked)["error"]["code"] == "recall_unavailable"
        assert kept.files == ["a.md"]
    assert await deleted(kept, "a.md") == {}


async def test_a_folder_that_cannot_be_looked_through_takes_nothing_off_the_list(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.md", "b.md"):
        await kept.put(name)
    before = (kept.library / "uploads" / ".put-over-the-api").read_text()

    def away(_: Path) -> Any:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "iterdir", away)
        assert (await deleted(kept, "a.md"))["error"]["code"] == "recall_unavailable"
    assert (kept.library / "uploads" / ".put-over-the-api").read_text() == before and kept.files == ["a.md", "b.md"]


async def test_a_document_is_off_the_list_before_it_is_deleted(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    await kept.put("a.md")

    def cut_off(file: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as broken:
        broken.setattr(durable, "remove", cut_off)
        assert (await deleted(kept, "a.md"))["error"]["code"] == "recall_unavailable"
    assert (kept.library / "uploads" / ".put-over-the-api").read_text() == "" and kept.files == ["a.md"]


async def test_a_document_is_deleted_for_good_and_once(kept: Kept) -> None:
    await kept.put("a.md")
    assert await kept.made.reply({"library": "delete", "name": "a.md"}) == {}
    assert kept.files == [] and await kept.names() == {}
    told = await kept.made.reply({"library": "delete", "name": "a.md"})
    assert told["error"]["code"] == "not_found"


async def test_there_is_room_for_so_many_and_so_much(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "COUNT_MAX", 2)
    monkeypatch.setattr(documents, "BYTES_MAX", 100)
    for name in ("a.md", "b.md"):
        assert "document" in await kept.put(name, b"x" * 40)
    assert (await kept.put("c.md", b"x"))["error"]["code"] == "invalid_request"
    # The one in whose place it comes makes room.
    assert "document" in await kept.put("b.md", b"x" * 60, replace=True)
    assert (await kept.put("b.md", b"x" * 61, replace=True))["error"]["code"] == "invalid_request"
    assert kept.files == ["a.md", "b.md"]


async def test_one_over_the_size_that_is_read_is_refused(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "library", file_bytes_max=1024)
    assert (await kept.put("a.md", b"x" * 1025))["error"]["code"] == "body_too_large"
    assert (await kept.made.reply({"library": "put", "name": "a.md", "content": "not base64"}))["error"]
    assert kept.files == []


async def test_a_folder_that_cannot_be_written_is_told_of(kept: Kept) -> None:
    (kept.library / "uploads").rmdir()
    assert (await kept.put("a.md"))["error"]["code"] == "recall_unavailable"
    assert await kept.names() == {}
    assert (await kept.made.reply({"library": "burn"}))["error"]["code"] == "invalid_request"
