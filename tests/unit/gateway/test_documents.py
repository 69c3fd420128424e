"""Documents that are put into the library over the API: names, sizes, and how they are read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from council.domain import access, config, documents
from council.testing import model
from gateway_rig import Rig, open_rig

PATH = "/api/library/documents"


async def put(rig: Rig, name: str, content: bytes = b"# Tides\n\nHigh at noon.\n", **query: str) -> tuple[int, dict]:
    path = f"{PATH}/{quote(name, safe='')}"
    told = await rig.client.put(path, content=content, params=query, headers=rig.headers())
    return told.status_code, told.json()


async def test_a_document_is_put_listed_with_how_it_was_read_and_deleted(rig: Rig) -> None:
    status, told = await put(rig, "tides (2).md")
    assert status == 201 and not told["replaced"]
    assert told["document"] == {
        "name": "uploads/tides (2).md", "bytes": 23, "at_us": 1, "state": "indexed", "passages": 1, "reason": "",
        "removable": True,
    }  # fmt: skip
    listed = (await rig.client.get(PATH, headers=rig.headers(rig.viewer))).json()
    assert listed["documents"] == [told["document"]] and listed["more"] == 0 and listed["folder"] == "uploads"
    assert ".pdf" in listed["kinds"] and listed["bytes_max"] == config.Config().recall.file_bytes_max
    gone = await rig.client.delete(f"{PATH}/tides%20(2).md", headers=rig.headers())
    assert gone.json() == {"name": "uploads/tides (2).md", "deleted": True}
    assert (await rig.client.delete(f"{PATH}/tides%20(2).md", headers=rig.headers())).status_code == 404


async def test_one_that_is_there_is_replaced_only_when_that_is_said(rig: Rig) -> None:
    await put(rig, "a.md", b"one")
    status, told = await put(rig, "a.md", b"two")
    assert (status, told["error"]["code"]) == (409, "conflict") and rig.library.contents["a.md"] == b"one"
    status, told = await put(rig, "a.md", b"two", replace="true")
    assert status == 200 and told["replaced"] and rig.library.contents["a.md"] == b"two"
    assert (await put(rig, "b.md", replace="true"))[0] == 201


async def test_why_a_document_is_left_out_is_told(rig: Rig) -> None:
    rig.library.left_out["scan.pdf"] = "no words in it"
    status, told = await put(rig, "scan.pdf", b"%PDF-")
    assert status == 201
    assert (told["document"]["state"], told["document"]["reason"]) == ("left_out", "no words in it")


NO_NAMES = (
    *("a.exe", "a", ".md", ".hidden.md", "a\u202emd.md", "a\n.md", " a.md", "a.md ", "a\\b.md", "x" * 199 + ".md"),
    "é" * 100 + ".md",
)


async def test_a_name_that_is_none_is_refused_and_none_leads_out_of_the_folder(rig: Rig) -> None:
    for name in NO_NAMES:
        status, told = await put(rig, name)
        assert status == 400 and told["error"]["param"] == "file", (name, told)
    for name in ("../a.md", "a/b.md", "/etc/a.md"):
        assert (await put(rig, name))[0] in (400, 404), name
    assert not rig.library.contents


def test_two_spellings_of_a_name_are_one() -> None:
    assert documents.checked_name("cafe\u0301.md", {".md"}) == "caf\u00e9.md"
    assert documents.checked_name("NOTES.MD", {".md"}) == "NOTES.MD"


async def test_a_document_may_be_larger_than_a_question_and_no_larger_than_is_read(tmp_path: Path) -> None:
    settings = config.build({"recall": {"file_bytes_max": 3_000_000}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "127.0.0.1") as rig:
        assert (await put(rig, "a.txt", b"x" * 2_000_000))[0] == 201
        status, told = await put(rig, "b.txt", b"x" * 3_000_001)
        assert (status, told["error"]["code"]) == (413, "body_too_large")
        assert "recall.file_bytes_max" in told["error"]["message"]
        assert list(rig.library.contents) == ["a.txt"]


async def test_without_recall_nothing_is_taken(rig: Rig) -> None:
    rig.library.away = True
    status, told = await put(rig, "a.md")
    assert (status, told["error"]["code"]) == (503, "recall_unavailable")
    assert (await rig.client.get(PATH, headers=rig.headers())).status_code == 503


async def test_paths_of_documents_have_one_label(rig: Rig) -> None:
    await put(rig, "a.md")
    told = (await rig.client.get("/metrics", headers=rig.headers())).text
    assert 'path="/api/library/documents/{file}"' in told and "a.md" not in told


async def test_who_may_only_ask_does_not_see_the_names_of_what_is_not_read(rig: Rig) -> None:
    rig.library.left_out["salaries of all.xlsx.pdf"] = "no words in it"
    await put(rig, "salaries of all.xlsx.pdf", b"%PDF-")
    await put(rig, "tides.md")
    for secret, names in (("secret-operator", 2), (rig.viewer, 1), ("", 1)):
        headers = rig.headers(secret) if secret else {}
        told = await rig.client.get(PATH, headers=headers)
        assert len(told.json()["documents"]) == names and ("salaries" in told.text) == (names == 2), secret


async def test_slow_documents_of_one_user_keep_nobody_else_out(rig: Rig) -> None:
    for name in ("ann", "bob"):
        rig.records.add_token(access.Token(name, name, access.Role.OPERATOR, "", access.digest(f"of-{name}"), 1))
    await rig.doorkeeper.refresh()
    end, under_way = asyncio.Event(), asyncio.Semaphore(0)

    async def slow() -> AsyncIterator[bytes]:
        yield b"# Tides"
        under_way.release()
        await end.wait()

    async def send(file: str, secret: str, content: Any) -> int:
        headers = {"authorization": f"Bearer {secret}"}
        return (await rig.client.put(f"{PATH}/{file}", content=content, headers=headers)).status_code

    sending = [asyncio.create_task(send(f"{number}.md", "of-ann", slow())) for number in range(2)]
    async with asyncio.timeout(60):
        for _ in sending:
            await under_way.acquire()
    assert await send("third.md", "of-ann", b"# Quay") == 503
    assert await send("bobs.md", "of-bob", b"# Quay") == 201
    end.set()
    assert await asyncio.gather(*sending) == [201, 201]
    assert await send("third.md", "of-ann", b"# Quay") == 201
