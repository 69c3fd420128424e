"""Cells of the coverage matrix: sentinels of a process that is real, a disk that is filled, and an address that is new.

Hours between readings are made, so that no test waits for them; what is read is not, but for the memory of a graphics
processor, which the machines that run these tests need not have.
"""

import contextlib
import http.server
import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from council import homes, observing, telemetry
from council.domain.gates import Verdict
from council.kit import process, reading
from council.upkeep.samples import exposition
from council.upkeep.sentinels import house, one_process
from watched import HOUR, STEP_S, T0, Watched

RULES = homes.default_sentinels()
AGE_S = 24 * HOUR
# Takes a line, does that, and says so.
CHILD = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
held, left = [], []
for line in sys.stdin:
    what, count = line.split()
    if what == "keep":
        held.append(os.urandom(int(count)))
    if what == "open":
        held += [open(os.devnull) for _ in range(int(count))]
    if what == "close":
        held.clear()
    if what == "leave":
        for _ in range(int(count)):
            left.append(os.fork())
            if not left[-1]:
                os._exit(0)
        for one in left:
            os.waitid(os.P_PID, one, os.WEXITED | os.WNOWAIT)
    if what == "collect":
        for one in left:
            os.waitpid(one, 0)
        left.clear()
    print("done", flush=True)
"""


class Child:
    """A process that does what it is told to, in the place of a service."""

    def __init__(self) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        who = reading.identity(self._popen.pid)
        assert who is not None
        self._who: process.Stat = who

    def do(self, what: str, count: int = 0) -> None:
        assert self._popen.stdin is not None and self._popen.stdout is not None
        print(what, count, file=self._popen.stdin, flush=True)
        assert self._popen.stdout.readline() == "done\n"

    def seen(self, service: str, at_s: float, began_s: float) -> house.Sighting:
        unread = reading.Unknown("not looked at")
        found = reading.read(self._who, unread)
        assert found is not None
        return one_process.sighting(service, at_s, began_s, found, unread)

    def end(self) -> None:
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.wait(30)
        self._popen.stdout.close()


@pytest.fixture
def begin() -> Iterator[Callable[[], Child]]:
    begun: list[Child] = []

    def start() -> Child:
        begun.append(Child())
        return begun[-1]

    yield start
    for one in begun:
        one.end()


def said(watch: house.House, name: str, seen: house.Sighting) -> Verdict:
    return next(one.verdict for one in watch.take(seen) if one.sentinel == name)


def over_hours(watch: house.House, service: str, child: Child, since_s: float, kept_bytes: int) -> list[Verdict]:
    """Return what is said of a child over five hours in which it keeps so much more each quarter of a minute."""
    verdicts = []
    for place in range(int(5 * HOUR / STEP_S)):
        if kept_bytes:
            child.do("keep", kept_bytes)
        verdicts.append(said(watch, "memory", child.seen(service, since_s + place * STEP_S, since_s - AGE_S)))
    return verdicts


def leaks_and_is_replaced(service: str, begin: Callable[[], Child]) -> None:
    watch = house.House(RULES)
    # Some 10 MB an hour.
    assert over_hours(watch, service, begin(), T0, 40_000)[-1] is Verdict.AMBER
    well = over_hours(watch, service, begin(), T0 + 6 * HOUR, 0)
    assert Verdict.AMBER not in well and Verdict.RED not in well and well[-1] is Verdict.GREEN


@pytest.mark.covers("gateway", "sentinel")
def test_a_gateway_that_leaks_is_found_and_its_successor_is_not(begin: Callable[[], Child]) -> None:
    leaks_and_is_replaced("gateway", begin)


@pytest.mark.covers("memory", "sentinel")
def test_a_recall_that_leaks_is_found_and_its_successor_is_not(begin: Callable[[], Child]) -> None:
    leaks_and_is_replaced("recall", begin)


@pytest.mark.covers("memory", "sentinel")
def test_memory_of_a_graphics_processor_that_drips_is_found_and_that_of_a_successor_is_not() -> None:
    watch = house.House(RULES)

    def drips(since_s: float, mb_per_hour: float) -> Verdict:
        verdicts = []
        for place in range(int(5 * HOUR / STEP_S)):
            held_mb = 300 + place * STEP_S / HOUR * mb_per_hour + place % 5
            seen = house.Sighting("model", since_s + place * STEP_S, since_s - AGE_S, {"cuda_alloc_mb": held_mb})
            verdicts.append(said(watch, "gpu_drip", seen))
        return verdicts[-1]

    assert drips(T0, 10) is Verdict.AMBER
    assert drips(T0 + 6 * HOUR, 0) is Verdict.GREEN


@pytest.mark.covers("router", "sentinel")
def test_descriptors_near_their_limit_are_red_until_they_are_closed(begin: Callable[[], Child]) -> None:
    watch, child, verdicts = house.House(RULES), begin(), []
    for place, (what, count) in enumerate((("open", 0), ("open", 215), ("close", 0))):
        child.do(what, count)
        verdicts.append(said(watch, "descriptors", child.seen("gateway", T0 + place * STEP_S, T0 - HOUR)))
    assert verdicts == [Verdict.GREEN, Verdict.RED, Verdict.GREEN]


@pytest.mark.covers("sandbox", "sentinel")
def test_children_that_nobody_collects_are_found_until_they_are(begin: Callable[[], Child]) -> None:
    watch, child = house.House(RULES), begin()
    times = itertools.count(T0, STEP_S)

    def for_minutes(minutes: int) -> list[Verdict]:
        return [said(watch, "zombies", child.seen("sandboxd", next(times), T0 - HOUR)) for _ in range(4 * minutes)]

    assert set(for_minutes(2)) <= {Verdict.GREEN, Verdict.UNKNOWN}
    child.do("leave", 3)
    assert for_minutes(3)[-1] is Verdict.AMBER
    child.do("collect")
    assert for_minutes(2)[-1] is Verdict.GREEN


# Disks


class Disk:
    """A disk of four hundred blocks, on which nothing lies but what is in one folder."""

    BLOCKS, BLOCK_BYTES = 400, 4096

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "file").touch()

    def fill(self, blocks: int) -> None:
        """Have so much lie there, and the watcher look."""
        (self.folder / "file").write_bytes(b"x" * blocks * self.BLOCK_BYTES)
        observing.observe_disk("watcher", self.folder)

    def statvfs(self, _: Path) -> SimpleNamespace:
        free = self.BLOCKS - sum(one.stat().st_size for one in self.folder.iterdir()) // self.BLOCK_BYTES
        return SimpleNamespace(f_blocks=self.BLOCKS, f_bfree=free, f_bavail=free, f_frsize=self.BLOCK_BYTES)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    made = Disk(tmp_path)
    monkeypatch.setattr(os, "statvfs", made.statvfs)
    return made


@pytest.mark.covers("infrastructure", "gate")
def test_a_full_disk_turns_its_gate_red_until_there_is_room(disk: Disk) -> None:
    told = Watched("disk_usage", "watcher")
    for blocks, expected in ((160, Verdict.GREEN), (360, Verdict.RED), (160, Verdict.GREEN)):
        disk.fill(blocks)
        told.read(2)
        assert told.verdict is expected, told.judged


@pytest.mark.covers("infrastructure", "sentinel")
def test_a_disk_that_fills_is_found_until_it_stands_still(disk: Disk) -> None:
    watch, verdicts, used = house.House(RULES), [], 100
    disk.fill(used)
    for place in range(960):
        if 240 <= place < 320:
            used += 1
            disk.fill(used)
        gauges = {
            "council_disk_used_bytes": telemetry.DISK_USED_BYTES,
            "council_disk_size_bytes": telemetry.DISK_SIZE_BYTES,
        }
        values = {name: gauge.labels("watcher")._value.get() for name, gauge in gauges.items()}
        verdicts.append(said(watch, "disk_growth", house.Sighting("watcher", T0 + STEP_S * place, T0 - HOUR, values)))
    assert {Verdict.RED, Verdict.AMBER} & set(verdicts[240:320])
    assert verdicts[-1] is Verdict.GREEN


# Destinations

SENT = "council_provider_sent_bytes_total"
# Asks whatever server each line names, and tells what it counted.
CALLER = """
import asyncio, sys
from council import ports, telemetry
from council.backends.model_provider import openai
from council.domain import config, providers

async def ask():
    known = {}
    for line in sys.stdin:
        name, url = line.split()
        if name not in known:
            known[name] = openai.OpenAIProvider(providers.Provider(name, url=url), "the-key", config.CallsConfig())
            # Tests reach no other machine, and what goes to this one is not counted.
            known[name]._loopback = False
        await known[name].whole(ports.ModelCall("chat", {"model": "m"}, "the-id"))
        print(telemetry.render().decode(), "told", sep="", flush=True)
    for one in known.values():
        await one.close()

asyncio.run(ask())
"""


class _Answers(http.server.BaseHTTPRequestHandler):
    WHOLE = b'{"choices":[{"message":{"content":"Hi"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}'

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(self.WHOLE)))
        self.end_headers()
        self.wfile.write(self.WHOLE)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def server(address: str) -> Iterator[str]:
    """Yield where a server of models answers."""
    with http.server.ThreadingHTTPServer((address, 0), _Answers) as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{address}:{made.server_port}/v1"
        finally:
            made.shutdown()
            thread.join()


class Caller:
    """A process that calls servers of models, in the place of a gateway."""

    def __init__(self) -> None:
        around = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._popen = subprocess.Popen(
            [sys.executable, "-c", CALLER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=around
        )

    def ask(self, name: str, url: str) -> dict[str, float]:
        """Have it call a server; return what it says that it sent, by server."""
        assert self._popen.stdin is not None and self._popen.stdout is not None
        print(name, url, file=self._popen.stdin, flush=True)
        lines = list(iter(self._popen.stdout.readline, "told\n"))
        assert self._popen.poll() is None
        readings = exposition.read("".join(lines), {SENT}, "gateway")
        return {dict(one.labels)["provider"]: one.value for one in readings}

    def close(self) -> None:
        assert self._popen.stdin is not None and self._popen.stdout is not None
        self._popen.stdin.close()
        self._popen.stdout.close()
        self._popen.wait(30)


@pytest.mark.covers("infrastructure", "sentinel")
def test_an_address_that_was_never_called_is_found_until_it_is_usual() -> None:
    watch, caller, hours = house.House(RULES), Caller(), itertools.count()

    def asks(name: str, url: str) -> Verdict:
        """Have it ask, once an hour."""
        at_s, sent = T0 + next(hours) * HOUR, caller.ask(name, url)
        return said(watch, "egress", house.Sighting("gateway", at_s, T0 - AGE_S, {}, {SENT: sent}))

    with contextlib.closing(caller), server("127.0.0.2") as usual, server("127.0.0.3") as strange:
        assert [asks("usual", usual) for _ in range(30)][-1] is Verdict.GREEN
        assert asks("strange", strange) is Verdict.AMBER
        assert {asks("strange", strange), asks("usual", usual)} == {Verdict.GREEN}
