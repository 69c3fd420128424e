"""Services without a port are told of by the watcher, and no longer than they are seen."""

import dataclasses
import os

import prometheus_client
import pytest

from council import observing
from council.domain import errors, states, storage
from council.kit import reading
from council.services import portless


class Outside:
    """A supervisor and a store."""

    def __init__(self) -> None:
        self.rows = [self.row("store"), self.row("worker"), self.row("gateway"), self.row("zygote", "starting")]
        self.supervised = self.stored = True
        self.weighed = 0

    @staticmethod
    def row(name: str, state: str = "ready") -> states.ServiceStatus:
        return states.ServiceStatus(name, state, os.getpid(), "0" * 40, 100.0, 0, 50_000_000)

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        if not self.supervised:
            raise errors.SupervisorUnavailableError("Council is not running.")
        self.weighed += memory
        return self.rows if memory else [dataclasses.replace(row, memory_bytes=0) for row in self.rows]

    async def figures(self) -> storage.StoreFigures:
        if not self.stored:
            raise errors.StoreUnavailableError("Away.")
        return storage.StoreFigures(2_000_000, 7, 512)


def told(metric: str, service: str) -> float | None:
    return prometheus_client.REGISTRY.get_sample_value(metric, {"svc": service})


@pytest.fixture
def outside():
    yield Outside()
    observing.forget_others(())


async def test_what_is_seen_from_outside_is_told_by_service(outside: Outside) -> None:
    await portless.Portless(outside, outside, lambda: {"gateway"}).look()  # type: ignore[arg-type]
    assert told("council_process_resident_bytes", "worker") == 50_000_000
    assert told("council_process_memory_bytes", "worker") == 50_000_000
    assert told("open_fds_total", "store") == 7 and told("fd_soft_limit", "store") == 512
    assert told("heap_mb", "store") == 2.0
    assert told("open_fds_total", "worker") is None
    assert told("council_process_resident_bytes", "zygote") is None


async def test_the_heap_of_a_service_without_a_port_is_read_from_outside(outside: Outside) -> None:
    await portless.Portless(outside, outside, lambda: {"gateway"}).look()  # type: ignore[arg-type]
    who = reading.identity(os.getpid())
    assert who is not None
    assert told("heap_mb", "worker") == pytest.approx(reading.heap_bytes(who) / 1e6, rel=0.2)  # type: ignore[operator]
    outside.rows[1] = dataclasses.replace(outside.row("worker"), pid=2**22 + 1)
    await portless.Portless(outside, outside, lambda: {"gateway"}).look()  # type: ignore[arg-type]
    assert told("heap_mb", "worker") is None


async def test_pages_are_counted_once_a_minute_and_for_a_new_process(outside: Outside) -> None:
    looking = portless.Portless(outside, outside, lambda: {"gateway"})  # type: ignore[arg-type]
    for _ in range(3):
        await looking.look()
    assert outside.weighed == 1
    assert told("council_process_resident_bytes", "worker") == 50_000_000
    outside.rows[1] = dataclasses.replace(outside.row("worker"), pid=os.getppid())
    await looking.look()
    assert outside.weighed == 2


async def test_what_is_not_seen_any_more_is_not_told(outside: Outside) -> None:
    looking = portless.Portless(outside, outside, lambda: {"gateway"})  # type: ignore[arg-type]
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
    looking = portless.Portless(outside, outside, lambda: {"gateway"})  # type: ignore[arg-type]
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
    await portless.Portless(outside, outside, with_port).look()  # type: ignore[arg-type]
    assert told("council_process_resident_bytes", "worker") is None
    assert told("council_process_resident_bytes", "gateway") == before != 50_000_000
