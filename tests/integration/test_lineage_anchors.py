"""The head of the journal in a real store and a real repository: kills lose nothing, and the command finds what is missing."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import servers
import single_service
from council import homes
from council.backends.store import valkey
from council.domain import home
from council.patching import anchoring
from council.upkeep.engine import repository
from council.upkeep.patchctl import journal, journal_key

LIMIT_S = 60
# Anchors the head of a journal under the home of its first argument, after one more record.
SEALER = """
import asyncio, pathlib, sys
from council.backends.store import valkey
from council.domain import home
from council.patching import anchoring
from council.upkeep.patchctl import journal

async def main():
    where, store = home.Home(pathlib.Path(sys.argv[1])), valkey.ValkeyStore(sys.argv[2], 5.0)
    book = journal.Journal.open_at(where.lineage)
    book.append({"phase": "toy"})
    print(await anchoring.seal(where, book, store))
    await store.close()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    servers.need("valkey")
    with servers.valkey_bundled() as made:
        yield made


@pytest.fixture
async def store(server: servers.Server) -> AsyncIterator[valkey.ValkeyStore]:
    made = valkey.ValkeyStore(server.url, 5.0)
    yield made
    await made.close()


@pytest.fixture
def where() -> Iterator[home.Home]:
    with single_service.short_folder() as folder:
        made = home.Home(folder / "h")
        homes.prepare(made, {})
        journal_key.ensure(made.journal_key_file, made.journal_certificate_file)
        yield made


def seal(where: home.Home, url: str, *before: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-c", SEALER, str(where.root), url]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def verify(where: home.Home, url: str) -> tuple[int, Any]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COUNCIL_")}
    environment |= {"COUNCIL_HOME": str(where.root), "COUNCIL_STORE_URL": url}
    command = [*single_service.council(), "lineage", "verify", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=LIMIT_S, check=False)
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def cut(where: home.Home, to: int) -> None:
    [segment] = where.lineage.glob("*.jsonl")
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:to]))


def test_the_command_finds_an_end_that_was_taken_off_by_the_store_alone_and_by_git_alone(
    where: home.Home, server: servers.Server
) -> None:
    for _ in range(2):
        assert seal(where, server.url).stdout == "[]\n"
    status, found = verify(where, server.url)
    assert (status, found["anchors"], found["away"], found["problems"]) == (0, {"git": 4, "the store": 4}, [], [])
    # What the store wrote down a second ago survives its end.
    server.stop()
    server.start()
    cut(where, 2)
    problem = "knows of record 4, and the journal ends with record 2."
    status, found = verify(where, server.url)
    assert (status, found["problems"]) == (1, [f"git {problem}", f"the store {problem}"])
    status, found = verify(where, "unix:///nowhere.sock")
    assert (status, found["problems"], len(found["away"])) == (1, [f"git {problem}"], 1)
    subprocess.run(["git", "-C", where.blueprint, "update-ref", "-d", repository.ANCHOR], check=True)
    status, found = verify(where, server.url)
    assert (status, found["problems"]) == (1, [f"the store {problem}"])


SEGMENT, LOCK, REFS = (
    "lineage/000000000001.jsonl",
    "blueprint.git/refs/council/lineage.lock",
    "blueprint.git/refs/council",
)
# As git names it.
OPENED = "blueprint.git/./refs/council/lineage.lock"
# The call at which the process that makes it is killed, and on which path: our own, or git's.
PLACES = [
    ("fsync", SEGMENT, 1), ("fsync", SEGMENT, 2), ("write", SEGMENT, 2), ("fsync", "blueprint.git/objects", 1),
    ("openat", OPENED, 1), ("write", LOCK, 1), ("rename", OPENED, 1), ("fsync", REFS, 1), ("connect", "", 1),
]  # fmt: skip


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
@pytest.mark.parametrize(("call", "path", "number"), PLACES)
async def test_a_kill_on_the_way_leaves_nothing_to_find_and_the_next_seal_ends_it(
    where: home.Home, server: servers.Server, store: valkey.ValkeyStore, call: str, path: str, number: int
) -> None:
    await store.put(anchoring.STORE_KEY, b"")
    assert seal(where, server.url).stdout == "[]\n"
    at = ["-P", f"{where.root}/{path}"] if path else []
    inject = f"inject={call}:signal=KILL:when={number}"
    killed = seal(where, server.url, "strace", "-f", "-qq", "-o", "/dev/null", *at, "-e", inject)
    assert killed.returncode != 0, killed
    left = journal.read(where.lineage)
    assert 2 <= len(left) <= 4
    await anchoring.check(where, left, store)
    assert seal(where, server.url).stdout == "[]\n"
    entries = journal.read(where.lineage)
    known = await anchoring.read(where, store)
    assert known.points == dict.fromkeys((anchoring.GIT, anchoring.STORE), entries[-1].point)
    await anchoring.check(where, entries, store)
