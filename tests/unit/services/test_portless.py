"""Services without a port are told of by the watcher, and no longer than they are seen."""

import dataclasses
import os
from collections.abc import Callable

import prometheus_client
import pytest

from council import observing
from council.domain import errors, states, storage, watching
from council.kit import reading
from council.services import beside, portless


class Outside:
    """A supervisor and a store."""

    def __init__(self) -> None:
        self.rows = [self.row("store"), self.row("worker"), self.row("gateway"), self.row("zygote", "starting")]
        self.supervised = self.stored = True
        self.weighed = 0
        self.texts: dict[str, str] = {}

    @staticmethod
    def row(name: str, state: str = "ready") -> states.ServiceStatus:
        return states.ServiceStatus(name, state, os.getpid(), "0" * 40, 100.0, 0, 50_000_000)

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        if not self.supervised:
            raise errors.SupervisorUnavailableError("Council is not running.")
        self.weighed += memory
        rows = self.rows if everywhere else [row for row in self.rows if row.place == "live"]
        return rows if memory else [dataclasses.replace(row, memory_bytes=0) for row in rows]

    async def scrape(self, target: watching.Target) -> str:
        if target.url not in self.texts:
            raise errors.ScrapeError("it cannot be reached")
        return self.texts[target.url]

    async def figures(self) -> storage.StoreFigures:
        if not self.stored:
            raise errors.StoreUnavailableError("Away.")
        return storage.StoreFigures(2_000_000, 7, 512)


TARGETS = [watching.Target("gateway", "http://127.0.0.1:8000/metrics")]


def looks(outside: Outside, with_port: Callable[[], set[str]] = lambda: {"gateway"}) -> portless.Portless:
    tried = beside.Beside(outside, lambda: TARGETS)  # type: ignore[arg-type]
    return portless.Portless(outside, outside, with_port, tried)  # type: ignore[arg-type]


def told(metric: str, service: str) -> float | None:
    return prometheus_client.REGISTRY.get_sample_value(metric, {"svc": service})


@pytest.fixture
def outside():
    yield Outside()
    observing.forget_others(())


async def test_what_is_seen_from_outside_is_told_by_service(outside: Outside) -> None:
    await looks(outside).look()
    assert told("council_process_resident_bytes", "worker") == 50_000_000
    assert told("council_process_memory_bytes", "worker") == 50_000_000
    assert told("open_fds_total", "store") == 7 and told("fd_soft_limit", "store") == 512
    assert told("heap_mb", "store") == 2.0
    assert told("open_fds_total", "worker") is None
    assert told("council_process_resident_bytes", "zygote") is None


async def test_the_heap_of_a_service_without_a_port_is_read_from_outside(outside: Outside) -> None:
    await looks(outside).look()
    who = reading.identity(os.getpid())
    assert who is not None
    assert told("heap_mb", "worker") == pytest.approx(reading.heap_bytes(who) / 1e6, rel=0.2)  # type: ignore[operator]
    outside.rows[1] = dataclasses.replace(outside.row("worker"), pid=2**22 + 1)
    await looks(outside).look()
    assert told("heap_mb", "worker") is None


async def test_pages_are_counted_once_a_minute_and_for_a_new_process(outside: Outside) -> None:
    looking = looks(outside)
    for _ in range(3):
        await looking.look()
    assert outside.weighed == 1
    assert told("council_process_resident_bytes", "worker") == 50_000_000
    outside.rows[1] = dataclasses.replace(outside.row("worker"), pid=os.getppid())
    await looking.look()
    assert outside.weighed == 2


async def test_what_is_not_seen_any_more_is_not_told(outside: Outside) -> None:
    looking = looks(outside)
    await looking.look()
    outside.rows[1] = outside.row("worker", "failed")
    await looking.look()
    assert told("council_process_resident_bytes", "worker") is None
    assert told("council_process_resident_bytes", "store") == 50_000_000
    outside.supervised = False
    await looking.look()
    assert told("council_process_resident_bytes", "store") is None
    assert told("open_fds_total", "store") is None


async def test_a_store_that_is_away_stops_no_look(outside: Outside) -> None:
    looking = looks(outside)
    await looking.look()
    outside.stored = False
    await looking.look()
    assert told("council_process_resident_bytes", "store") == 50_000_000
    assert told("open_fds_total", "store") is None


async def test_while_nobody_says_who_has_a_port_nothing_is_told_of_anybody(outside: Outside) -> None:
    def with_port() -> set[str]:
        raise errors.ScrapeError("targets.json cannot be read")

    # Other tests of this process may have told of themselves as the gateway.
    before = told("council_process_resident_bytes", "gateway")
    await looks(outside, with_port).look()
    assert told("council_process_resident_bytes", "worker") is None
    assert told("council_process_resident_bytes", "gateway") == before != 50_000_000


def tried(place: states.Place = "beside", state: str = "ready") -> states.ServiceStatus:
    return dataclasses.replace(Outside.row("gateway", state), place=place)


METRICS = """\
heap_mb{svc="gateway"} 60
heap_mb{svc="store"} 7
open_fds_total{svc="gateway"} 12
fd_soft_limit{svc="gateway"} 1024
council_process_start_seconds{svc="gateway"} 1.8e+09
council_process_resident_bytes{svc="gateway"} 9e+07
"""


async def test_what_is_tried_beside_is_told_by_a_name_of_its_own_and_no_longer(outside: Outside) -> None:
    outside.rows.append(tried())
    outside.texts["http://127.0.0.1:8020/metrics"] = METRICS
    looking = looks(outside)
    await looking.look()
    assert told("heap_mb", "gateway-canary") == 60
    assert told("open_fds_total", "gateway-canary") == 12 and told("fd_soft_limit", "gateway-canary") == 1024
    assert told("council_process_resident_bytes", "gateway-canary") == 9e7
    assert told("council_process_start_seconds", "gateway-canary") == 1.8e9
    assert told("heap_mb", "store") == 2.0 and told("heap_mb", "store-canary") is None
    outside.rows[-1] = tried("live")
    await looking.look()
    assert told("heap_mb", "gateway-canary") is None


@pytest.mark.parametrize("row", [tried("leaving"), tried(state="starting"), tried()])
async def test_what_does_not_serve_beside_or_does_not_answer_is_not_told(
    outside: Outside, row: states.ServiceStatus
) -> None:
    outside.rows.append(row)
    if row != tried():
        outside.texts["http://127.0.0.1:8020/metrics"] = METRICS
    await looks(outside).look()
    assert told("heap_mb", "gateway-canary") is None
    assert told("heap_mb", "store") == 2.0
