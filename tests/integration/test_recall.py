"""The recall process on its own: a library that changes, holds traps, or goes away; garbage on its socket."""

import asyncio
import dataclasses
import json
import os
import shutil
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import made_documents
import single_service
import whole
from council import homes
from council.backends.retriever import unix
from council.domain import home
from council.kit import frames
from council.serving.memory.corpora import wordnet

LIMIT_S = 30.0
# Changes of files are told by events; looks come too seldom to find one in time.
SETTINGS = {"COUNCIL_RECALL_POLL_S": "600", "COUNCIL_RECALL_FILE_BYTES_MAX": "100000"}


@dataclass
class Running:
    where: home.Home
    url: str
    service: single_service.Service

    @property
    def retriever(self) -> unix.UnixRetriever:
        return unix.UnixRetriever(self.where.socket("recall"), 10.0)

    async def sources(self, query: str) -> list[str]:
        return [passage.source for passage in await self.retriever.search(query, 10, "i")]

    def left_out(self) -> dict[str, str]:
        """Return what the log names, with the reason."""
        lines = map(json.loads, self.service.log.read_text().splitlines())
        return {line["document"]: line["reason"] for line in lines if _is_of_library(line)}

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as reply:
            return json.loads(reply.read())


async def until(found: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not await found():
            await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
def recall() -> Iterator[Running]:
    with single_service.short_folder() as folder:
        where = home.Home(folder / "h")
        generation = homes.prepare(where, {}).generation
        whole.lend_meanings(where.root)
        (where.library / b"caf\xe9.md".decode("utf-8", "surrogateescape")).write_text("An unspeakable name: quetzal.")
        health, url = single_service.tcp()
        sockets = {"search": single_service.unix(where.socket("recall")), "health": health}
        environment = {**SETTINGS, "COUNCIL_GENERATION": generation}
        command = single_service.council("run", "recall", "--home", str(where.root))
        with single_service.running(command, "recall", sockets, environment, folder / "log") as service:
            yield Running(where, url, service)


async def test_the_blueprint_is_indexed_from_the_start(recall: Running) -> None:
    await recall.retriever.ping()
    found = await recall.retriever.search("what is a generation", 5, "i")
    assert found and {passage.root for passage in found} == {"blueprint"}


async def test_the_packaged_corpora_are_readable_for_the_confined_process(recall: Running) -> None:
    for query, quote in (
        ("What is the capital of Peru?", "The capital of Peru is Lima."),
        ("symbol for gold", "The chemical symbol of gold is Au."),
        ("What does os.path.join do?", "Join two or more pathname components"),
    ):
        [passage] = await recall.retriever.search(query, 1, "i")
        assert passage.root == "packaged" and quote in passage.quote


async def test_councils_own_words_are_the_glossarys_before_a_dictionarys(recall: Running) -> None:
    [passage] = await recall.retriever.search("What does verified mean?", 1, "i")
    assert (passage.root, passage.heading) == ("blueprint", "Glossary > verified")
    # Asked as of a dictionary: that of the machine, or for want of it ours.
    [passage] = await recall.retriever.search("Define token", 1, "i")
    assert passage.heading == ("token" if wordnet.FOLDER.is_dir() else "Glossary > token")


async def test_a_name_that_is_no_text_stops_nothing(recall: Running) -> None:
    await until(lambda: recall.sources("quetzal"))
    assert await recall.sources("quetzal") == ["library/caf\\xe9.md"]


async def test_a_document_is_found_when_added_changed_and_gone_when_removed(recall: Running) -> None:
    file = recall.where.library / "inner" / "note.md"
    file.parent.mkdir()
    file.write_text("# Zebra\n\nThe zebra stands in the paddock.\n")
    await until(lambda: recall.sources("zebra"))
    [passage] = await recall.retriever.search("zebra paddock", 5, "i")
    assert (passage.root, passage.source, passage.heading) == ("library", "library/inner/note.md", "Zebra")
    file.write_text("The okapi stands there now.\n")
    await until(lambda: recall.sources("okapi"))
    assert await recall.sources("zebra") == []
    shutil.rmtree(file.parent)
    await until(lambda: _empty(recall.sources("okapi")))


async def test_pages_pdf_files_and_tables_are_found_with_their_place(recall: Running) -> None:
    folder = recall.where.library / "kinds"
    folder.mkdir()
    (folder / "page.html").write_text(
        "<h1>Moths</h1><p>The hawkmoth flies at dusk.<p hidden>The hawkmoth pays the bill."
    )
    (folder / "manual.pdf").write_bytes(made_documents.pdf(["Nothing here.", "The theodolite is levelled first."]))
    (folder / "stock.csv").write_text("Part,Shelf\ngrommet,B7\nferrule,C2\n")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 no more")
    for query, source, heading, quote in (
        ("When does the hawkmoth fly?", "page.html", "Moths", "The hawkmoth flies at dusk."),
        ("theodolite levelled", "manual.pdf", "page 2", "The theodolite is levelled first."),
        ("shelf of the ferrule", "stock.csv", "rows 2 to 3", "- Part: ferrule; Shelf: C2"),
    ):
        await until(lambda query=query, source=source: _has(recall.sources(query), f"library/kinds/{source}"))
        first = (await recall.retriever.search(query, 1, "i"))[0]
        assert (first.source, first.heading, first.quote) == (f"library/kinds/{source}", heading, quote)
        assert await recall.retriever.passage(first.id, "i") == dataclasses.replace(
            first, quote="", held=0.0, score=0.0, coverage=0.0
        )
    assert "pays" not in (await recall.retriever.search("hawkmoth", 1, "i"))[0].text
    await until(lambda: asyncio.to_thread(lambda: "library/kinds/broken.pdf" in recall.left_out()))
    shutil.rmtree(folder)
    await until(lambda: _empty(recall.sources("theodolite")))
    assert await recall.retriever.passage(first.id, "i") is None


async def _has(found: Awaitable[list[str]], source: str) -> bool:
    return source in await found


async def _empty(found: Awaitable[list[str]]) -> bool:
    return not await found


def _is_of_library(line: dict[str, Any]) -> bool:
    return line["message"] == "a document is left out" and line["document"].startswith("library/")


async def _holds(recall: Running, left_out: int) -> bool:
    told = (await asyncio.to_thread(recall.get, "/livez"))["left_out"]
    assert set(told) == {"guidebook", "knowledge", "library"}
    return bool(told["library"] == left_out)


async def test_traps_in_the_library_are_passed_over_or_named_and_the_rest_is_found(recall: Running) -> None:
    library = recall.where.library
    os.mkfifo(library / "pipe.md")
    (library / "key.md").symlink_to(recall.where.internal_key_file)
    (library / "round").symlink_to(library)
    (library / "binary.md").write_bytes(b"\0\1\2")
    (library / "latin.txt").write_bytes(b"caf\xe9")
    (library / "large.md").write_text("axolotl " * 13_000)
    (library / "slow.md").write_text("# a" + " " * 4_000 + "b")
    (library / "zz-last.md").write_text("The pangolin came last.")
    await until(lambda: recall.sources("pangolin"))
    # Anyone may ask the port, and a name can be a secret: it gives numbers, and the log names.
    await until(lambda: _holds(recall, 6))
    named = {name: why for name, why in recall.left_out().items() if not name.startswith("library/kinds/")}
    link = "a symbolic link; copy the document itself here"
    assert named == {
        "library/binary.md": "binary data",
        "library/key.md": link,
        "library/large.md": "104,000 bytes, over the limit of 100,000; split it, or raise `recall.file_bytes_max`",
        "library/latin.txt": "not UTF-8; save it as UTF-8",
        "library/pipe.md": "a pipe, socket or device; put a plain file here",
        "library/round": link,
    }
    assert await recall.sources("axolotl") == []
    key = recall.where.internal_key_file.read_text().strip()
    # Pieces of a random key may be words of some page.
    assert not [one for one in await recall.retriever.search(key, 10, "i") if one.root == "library" or key in one.text]


async def test_a_library_that_goes_away_and_comes_back_is_followed(recall: Running) -> None:
    library = recall.where.library
    (library / "ibis.md").write_text("The ibis wades.")
    await until(lambda: recall.sources("ibis"))
    library.rename(recall.where.root / "aside")
    await until(lambda: _empty(recall.sources("ibis")))
    (recall.where.root / "aside").rename(library)
    await until(lambda: recall.sources("ibis"))


GARBAGE = {
    "half": b"\0\0",
    "not_json": b"\0\0\0\3abc",
    "too_large": b"\x7f\xff\xff\xff",
    "limit_of_another_kind": frames.encode({"query": "x", "limit": "many"}),
    "no_limit": frames.encode({"query": "x", "limit": None}),
    "limit_below_zero": frames.encode({"query": "x", "limit": -1}),
    "query_of_another_kind": frames.encode({"query": {"a": [1]}}),
    "syntax_of_the_index": frames.encode({"query": 'NEAR("a" b) OR text:* "'}),
    "nothing_asked": frames.encode({}),
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_is_answered_or_dropped_and_the_next_caller_is_served(recall: Running, raw: bytes) -> None:
    def speak() -> bytes:
        with socket.socket(socket.AF_UNIX) as caller:
            caller.settimeout(10)
            caller.connect(str(recall.where.socket("recall")))
            caller.sendall(raw)
            caller.shutdown(socket.SHUT_WR)
            return caller.recv(100_000)

    await asyncio.to_thread(speak)
    await recall.retriever.ping()
    assert "Unhandled exception" not in recall.service.log.read_text()


@pytest.mark.alone
async def test_two_hundred_searches_at_once_are_all_answered(recall: Running) -> None:
    # Stopped first, so that all of them wait to be accepted at once.
    recall.service.popen.send_signal(signal.SIGSTOP)
    searches = [asyncio.create_task(recall.sources("generation")) for _ in range(200)]
    try:
        for _ in range(50):
            await asyncio.sleep(0)
    finally:
        recall.service.popen.send_signal(signal.SIGCONT)
    assert all(await asyncio.gather(*searches))


async def test_health_and_metrics_say_generation_and_passages(recall: Running) -> None:
    assert recall.get("/readyz")["generation"] == recall.where.current.readlink().name
    with urllib.request.urlopen(recall.url + "/metrics", timeout=10) as reply:
        assert b"passages" in reply.read()


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_a_page_that_makes_its_name_lead_here_is_refused(recall: Running, path: str) -> None:
    request = urllib.request.Request(recall.url + path, headers={"host": "evil.example:8006"})
    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request, timeout=10):
        pass
    assert refused.value.code == 403
    refused.value.close()


def test_a_stop_is_clean_and_no_error_was_logged(recall: Running) -> None:
    assert recall.service.stop() == 0
    lines = [json.loads(line) for line in recall.service.log.read_text().splitlines()]
    assert not [line for line in lines if line["level"] in ("error", "critical")]
