"""The faults that detection is measured by, each put in from outside: signals, an upstream that misbehaves, a full disk, leaks.

Nothing in Council helps: `injected/sitecustomize.py` leaks inside a service since Python imports it there, the upstream is
`council.testing.upstream`, and the rest are signals and files. Each kind says by which alerts it is known (`told`), and which
others it may bring about (`effects`), which are then no false alarms.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import random
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp

import detection_load
from council.backends.runtime import local
from council.domain import alerting, incidents
from council.domain import home as home_module
from council.kit import process

TARGET_S = 20.0
# The rule for fast leaks looks at three minutes, and so does what is wanted of it.
LEAK_TARGET_S = 200.0
_POLL_S = 0.02
_WELL = {"near": "ok-8", "far": "ok-8"}
# Well over the 100 MB/h from which a leak is called fast.
_LEAK_MB_PER_S = 0.12
_DESCRIPTORS_PER_S = 400
_FULL_SHARE = 0.9
_NOBODY = 9
# What a part that is away, slow or out of means brings about, beside the alert that names it.
_SYMPTOMS = frozenset({"http_5xx", "latency", "success_rate", "network_errors"})


class CannotError(Exception):
    """This kind of fault cannot be put in here; the text says why."""


def named(title: str) -> tuple[str, str]:
    """Return the name of the alert with this title, and the service that it is of."""
    for name, words in alerting.WORDS.items():
        pattern = re.escape(words).replace(re.escape("{who}"), r"(?P<who>\S+)(?: \d+)?")
        if (found := re.fullmatch(pattern, title)) is not None:
            return name, found.groupdict().get("who", "")
    return title, ""


@dataclasses.dataclass(slots=True)
class Stage:
    """What faults are put into: a home, its load, the upstream, and where the injected module listens."""

    where: home_module.Home
    port: int
    load: detection_load.Load
    upstream: str
    key: str
    injected: Path
    on_small_disk: bool
    chance: random.Random

    def pid(self, service: str) -> int | None:
        """Return the process of a service that the supervisor started, None while there is none."""
        try:
            noted = json.loads((self.where.run / "children.json").read_text())["children"]
        except (OSError, ValueError):
            return None
        for one in noted:
            found = process.stat(one["pid"])
            if one["service"] == service and found is not None and found.start_ticks == one["start_ticks"]:
                return int(one["pid"])
        return None

    async def upstream_does(self, **models: str) -> None:
        """Have the upstream's models behave so from now on."""
        headers = {"authorization": f"Bearer {self.key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.put(f"{self.upstream}/_script", json={"models": _WELL | models}) as response,
        ):
            response.raise_for_status()

    def inject(self, service: str, command: str) -> None:
        """Send a command to the module inside a service."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mouth:
            mouth.sendto(command.encode(), str(self.injected / f"{service}.ear"))


Fault = Callable[[Stage, str], contextlib.AbstractAsyncContextManager[None]]


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. `services` are whom it can befall, one of which is drawn; `told` may hold `{svc}`.

    `gate` must be green before it is put in, since what is red already cannot turn red. `aged`: it befalls processes that the
    watcher has known for long, so that it comes before what ends processes.
    """

    name: str
    fault: Fault
    told: tuple[str, ...]
    services: tuple[str, ...] = ("",)
    effects: frozenset[str] = frozenset()
    target_s: float = TARGET_S
    gate: str = ""
    aged: bool = False

    def titles(self, service: str) -> tuple[str, ...]:
        """Return the titles of the alerts by which this fault is known."""
        return tuple(titled(one.format(svc=service)) for one in self.told)


def titled(label: str) -> str:
    """Return the title of the alert of this name and these labels: `memory svc=gateway`."""
    name, *pairs = label.split(" ")
    return incidents.words_of(name, tuple((key, value) for key, _, value in (pair.partition("=") for pair in pairs)))


def _upstream(near: str) -> Fault:
    @contextlib.asynccontextmanager
    async def fault(stage: Stage, _: str) -> AsyncIterator[None]:
        await stage.upstream_does(near=near)
        try:
            yield
        finally:
            await stage.upstream_does()

    return fault


@contextlib.asynccontextmanager
async def _network(stage: Stage, service: str) -> AsyncIterator[None]:
    """Have the upstream break connections off. The gateway is started anew in the end.

    Its gate looks an hour back, at five minutes where the counters began anew within that hour. So it is green again, and can
    be measured once more, after five minutes and not after many.
    """
    async with _upstream("reset")(stage, service):
        yield
    await local.LocalRuntime(stage.where).restart("gateway")


@contextlib.asynccontextmanager
async def _dead(stage: Stage, service: str) -> AsyncIterator[None]:
    """Kill a service, and let no new one come up: broken at its start, or killed as often as it is started."""
    broken = stage.injected / f"broken-{service}"
    broken.touch()

    async def kill() -> None:
        while True:
            if (pid := stage.pid(service)) is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(_POLL_S)

    killing = asyncio.create_task(kill())
    try:
        yield
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)
        broken.unlink()


@contextlib.asynccontextmanager
async def _hung(stage: Stage, service: str) -> AsyncIterator[None]:
    pid = stage.pid(service)
    if pid is None:
        raise CannotError(f"{service} does not run")
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def _injected(command: str) -> Fault:
    @contextlib.asynccontextmanager
    async def fault(stage: Stage, service: str) -> AsyncIterator[None]:
        stage.inject(service, command)
        try:
            yield
        finally:
            stage.inject(service, "heal 0")

    return fault


@contextlib.asynccontextmanager
async def _disk(stage: Stage, _: str) -> AsyncIterator[None]:
    if not stage.on_small_disk:
        raise CannotError("the home lies on a disk that others use; mounting a small one takes root")
    filler = stage.where.root / "filler"
    disk = os.statvfs(stage.where.root)
    size = disk.f_blocks * disk.f_frsize
    wanted = round(size * _FULL_SHARE) - (size - disk.f_bavail * disk.f_frsize)
    await asyncio.to_thread(filler.write_bytes, bytes(max(0, wanted)))
    try:
        yield
    finally:
        filler.unlink()


@contextlib.asynccontextmanager
async def _spend(stage: Stage, _: str) -> AsyncIterator[None]:
    stage.load.far = True
    try:
        yield
    finally:
        stage.load.far = False


@contextlib.asynccontextmanager
async def _unread(stage: Stage, service: str) -> AsyncIterator[None]:
    """Have nobody answer where a service's metrics are said to be; the service itself is well."""
    listed = stage.where.run / "targets.json"
    before = listed.read_text()
    told = json.loads(before)
    for one in told:
        if one["labels"]["svc"] == service:
            one["targets"] = [f"127.0.0.1:{stage.port + _NOBODY}"]
    listed.write_text(json.dumps(told))
    try:
        yield
    finally:
        listed.write_text(before)


_AWAY = _SYMPTOMS | {"service_down", "metrics_stale", "crash_loop"}
_PROVIDER = _SYMPTOMS | {"egress"}
_DISK = frozenset({"disk_usage", "disk_growth"})
_DESCRIPTORS = frozenset({"descriptors", "fd_usage", "sockets"})
_SPENT = frozenset({"spend", "cost_drift", "egress"})

KINDS = (
    Kind("5xx", _upstream("status-500"), ("http_5xx",), effects=_PROVIDER, gate="error_rate"),
    Kind("latency", _upstream("ok-8-first2500ms"), ("latency",), effects=_SYMPTOMS, gate="latency_p95"),
    Kind("network errors", _network, ("network_errors",), effects=_PROVIDER, gate="network_errors"),
    Kind(
        "service dead",
        _dead,
        ("service_down svc={svc}",),
        ("worker", "recall", "sandboxd", "zygote", "gateway"),
        _AWAY,
    ),
    Kind("service hung", _hung, ("metrics_stale svc={svc}",), ("recall", "sandboxd", "gateway"), _AWAY),
    Kind("model down", _dead, ("service_down svc={svc}",), ("model",), _AWAY),
    Kind("store down", _dead, ("service_down svc={svc}",), ("store",), _AWAY),
    Kind("stale metrics", _unread, ("metrics_stale svc={svc}",), ("recall", "sandboxd", "model")),
    Kind(
        "descriptor leak",
        _injected(f"descriptors {_DESCRIPTORS_PER_S}"),
        ("descriptors svc={svc}", "fd_usage"),
        ("gateway", "recall", "sandboxd"),
        _DESCRIPTORS,
    ),
    Kind(
        "memory leak",
        _injected(f"memory {_LEAK_MB_PER_S}"),
        ("memory svc={svc}",),
        ("recall", "sandboxd", "gateway"),
        frozenset({"memory"}),
        LEAK_TARGET_S,
        aged=True,
    ),
    Kind("disk filling", _disk, ("disk_usage", "disk_growth svc=watcher"), effects=_DISK, gate="disk_usage"),
    Kind("cost spike", _spend, ("spend",), effects=_SPENT, gate="cost_per_100"),
)
