"""Documents that recall writes into the library: whole, bounded, and only in their own folder."""

import base64
import os
from pathlib import Path
from typing import Any

import pytest

from council.domain import config, documents
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
        return sorted(os.listdir(self.library / documents.UPLOADS))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path / "library")


async def test_a_document_is_whole_read_and_listed(kept: Kept) -> None:
    told = await kept.put("tides.md")
    assert told["replaced"] is False
    found = told["document"]
    assert (found["name"], found["state"], found["passages"], found["bytes"]) == ("uploads/tides.md", "indexed", 1, 23)
    assert kept.files == ["tides.md"]
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
    (kept.library / "uploads" / "a.md").symlink_to(secret)
    assert (await kept.put("a.md"))["error"]["code"] == "conflict"
    await kept.put("a.md", b"mine", replace=True)
    assert secret.read_text() == "secret"
    (kept.library / "uploads" / "b.md").symlink_to(secret)
    await kept.made.reply({"library": "delete", "name": "b.md"})
    assert secret.exists() and kept.files == ["a.md"]
    # As one that was left there to be written through.
    (kept.library / "uploads" / ".partial").symlink_to(secret)
    assert "document" in await kept.put("c.md", b"mine")
    assert secret.read_text() == "secret"


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
