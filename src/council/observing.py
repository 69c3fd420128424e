"""What a process and its machine use, written into the instruments of `telemetry`.

Decision 8 has each service report about itself, since other processes may not look. A figure that cannot be had keeps no
sample.
"""

import asyncio
import functools
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import prometheus_client

from council import telemetry
from council.domain import budgets, gates, incidents, watching
from council.kit import native_heap, nvml, reading


class Reserve:
    """What a process sets aside for stores of a bounded size. It counts from the first look on: to fill it is no growth."""

    def __init__(self, size_bytes: int):
        self._size_bytes = size_bytes
        self._least: dict[str, int] = {}

    def with_it(self, kind: str, figure: int | reading.Unknown) -> int | reading.Unknown:
        """Return a figure of memory, or what it was at the first look with the reserve, whichever is more."""
        if isinstance(figure, reading.Unknown):
            return figure
        return max(figure, self._least.setdefault(kind, figure + self._size_bytes))


def observe_process(service: str, generation: str, reserve: Reserve | None = None) -> None:
    """Write this process's own figures into the gauges. A figure that cannot be had keeps no sample."""
    _tell_generation(service, generation)
    looks = _looks_at(os.getpid())
    seen = None if looks is None else looks.read(time.monotonic())
    if looks is not None:
        # Anew each time: a clock that was set after the start would else make the process older or younger than it is.
        telemetry.PROCESS_START_SECONDS.labels(service).set(round(time.time() - reading.age_s(looks.who), 2))
    if seen is not None:
        memory, heap = seen.resident_bytes, seen.heap_bytes
        if reserve is not None:
            memory, heap = reserve.with_it("resident", memory), reserve.with_it("heap", heap)
        for gauge, figure, unit in (
            (telemetry.PROCESS_RESIDENT_BYTES, seen.resident_bytes, 1),
            (telemetry.PROCESS_MEMORY_BYTES, memory, 1),
            (telemetry.PROCESS_THREADS, seen.threads, 1),
            (telemetry.PROCESS_PRIVATE_BYTES, seen.private_bytes, 1),
            (telemetry.PROCESS_SOCKETS, seen.sockets, 1),
            (telemetry.PROCESS_TEMP_FILES, seen.temp_files, 1),
            (telemetry.PROCESS_CHILDREN, seen.children, 1),
            (telemetry.PROCESS_ZOMBIES, seen.zombies, 1),
            (telemetry.HEAP_MB, heap, 1_000_000),
            (telemetry.OPEN_FDS, seen.open_fds, 1),
            (telemetry.FD_SOFT_LIMIT, seen.fd_soft_limit, 1),
        ):
            _set(gauge, service, figure, unit)
    telemetry.PROCESS_PYTHON_BLOCKS.labels(service).set(sys.getallocatedblocks())
    _set(telemetry.PROCESS_NATIVE_BYTES, service, native_heap.in_use_bytes())
    try:
        telemetry.PROCESS_TASKS.labels(service).set(len(asyncio.all_tasks()))
    except RuntimeError:  # no event loop runs in this thread
        pass


_told: dict[str, str] = {}


def _tell_generation(service: str, generation: str) -> None:
    before = _told.get(service, generation)
    if before != generation:
        # Workers that share their files cannot take a sample back.
        telemetry.GENERATION.labels(service, before).set(0)
    _told[service] = generation
    telemetry.GENERATION.labels(service, generation).set(1)


_inputs: dict[str, str] = {}


def tell_inputs(service: str, digest: str) -> None:
    """Write, once, the digest of what this process began with; it stays what it is, whatever the generation is called.

    "" tells nothing: nobody knows it.
    """
    if digest:
        _inputs[service] = digest
        telemetry.INPUTS.labels(service, digest).set(1)


def inputs_of(service: str) -> str:
    """Return what was told of a service's inputs, "" if nothing was."""
    return _inputs.get(service, "")


_OTHERS = (
    telemetry.PROCESS_RESIDENT_BYTES,
    telemetry.PROCESS_MEMORY_BYTES,
    telemetry.PROCESS_START_SECONDS,
    telemetry.HEAP_MB,
    telemetry.OPEN_FDS,
    telemetry.FD_SOFT_LIMIT,
)
_others: set[str] = set()


def observe_other(
    service: str,
    *,
    resident_bytes: int | None = None,
    heap_bytes: int | None = None,
    open_fds: int | None = None,
    fd_limit: int | None = None,
    began_s: float | None = None,
) -> None:
    """Write figures of a service that has no port of its own, as seen by this process. None: not seen now."""
    _others.add(service)
    heap_mb = None if heap_bytes is None else heap_bytes / 1e6
    for gauge, figure in zip(
        _OTHERS, (resident_bytes, resident_bytes, began_s, heap_mb, open_fds, fd_limit), strict=True
    ):
        _set(gauge, service, reading.Unknown("it is not seen") if figure is None else figure)


def forget_others(but: Iterable[str]) -> None:
    """Drop the figures of those services that `observe_other` told of, but for these: they would be shown for ever."""
    for service in _others - set(but):
        for gauge in _OTHERS:
            _set(gauge, service, reading.Unknown("it is not seen"))
        _others.discard(service)


@functools.lru_cache(maxsize=1)
def _looks_at(pid: int) -> reading.Looks | None:
    """Return what looks at this process; a fork of it is another."""
    who = reading.identity(pid)
    return None if who is None else reading.Looks(who)


def observe_disk(service: str, folder: Path) -> None:
    """Write how full the disk of a folder is; what only root may fill counts as neither used nor free, as in `df`."""
    try:
        seen = os.statvfs(folder)
    except OSError:
        for gauge in (telemetry.DISK_USED_BYTES, telemetry.DISK_SIZE_BYTES):
            _set(gauge, service, reading.Unknown("the disk cannot be asked"))
        return
    used = (seen.f_blocks - seen.f_bfree) * seen.f_frsize
    telemetry.DISK_USED_BYTES.labels(service).set(used)
    telemetry.DISK_SIZE_BYTES.labels(service).set(used + seen.f_bavail * seen.f_frsize)


def observe_cards(service: str, cards: Sequence[nvml.Card]) -> None:
    """Write how full each card is, in the place of what was so before. No cards: nobody knows, or there are none."""
    telemetry.GPU_USED_BYTES.clear()
    telemetry.GPU_TOTAL_BYTES.clear()
    for number, card in enumerate(cards):
        telemetry.GPU_USED_BYTES.labels(service, str(number)).set(card.used_bytes)
        telemetry.GPU_TOTAL_BYTES.labels(service, str(number)).set(card.total_bytes)


def observe_gpu_use(service: str) -> None:
    """Write what this process holds on cards. Blocks for seconds where their driver hangs."""
    _set(telemetry.CUDA_ALLOC_MB, service, reading.gpu_bytes(os.getpid()), 1_000_000)


def observe_spending(service: str, lines: Iterable[budgets.Line]) -> None:
    """Write what is spent of the day's budget of all, and that budget; 0 where there is none. No lines: nobody knows."""
    for gauge in (telemetry.SPENT_TODAY_USD_MICROS, telemetry.QUOTA_TODAY_USD_MICROS):
        _set(gauge, service, reading.Unknown("the records are away"))
    for line in lines:
        if line.scope == "all" and len(line.period) == len("2026-11-29"):
            telemetry.SPENT_TODAY_USD_MICROS.labels(service).set(line.spent_usd_micros + line.held_usd_micros)
            telemetry.QUOTA_TODAY_USD_MICROS.labels(service).set(line.limit_usd_micros or 0)


def observe_findings(found: Iterable[watching.Finding]) -> None:
    """Write what sentinels say now, in the place of all that they said before."""
    telemetry.SENTINEL_VERDICT.clear()
    telemetry.SENTINEL_VALUE.clear()
    for one in found:
        if one.verdict in gates.LEVELS:
            telemetry.SENTINEL_VERDICT.labels(one.service, one.sentinel).set(gates.LEVELS[one.verdict])
        if one.value is not None:
            telemetry.SENTINEL_VALUE.labels(one.service, one.sentinel).set(one.value)


def observe_services(runs: Iterable[incidents.Observation], crashes: Mapping[str, int]) -> None:
    """Write whether services run, and how often each ended unasked within the hour, in the place of what was so before."""
    telemetry.SERVICE_VERDICT.clear()
    telemetry.SERVICE_CRASHES.clear()
    for one in runs:
        if one.verdict in gates.LEVELS:
            labels = dict(one.labels)
            telemetry.SERVICE_VERDICT.labels(labels["svc"], labels.get("replica", "")).set(gates.LEVELS[one.verdict])
    for service, count in crashes.items():
        telemetry.SERVICE_CRASHES.labels(service).set(count)


def _set(gauge: prometheus_client.Gauge, service: str, figure: float | reading.Unknown, unit: int = 1) -> None:
    if not isinstance(figure, reading.Unknown):
        gauge.labels(service).set(figure / unit)
        return
    # A figure that was known once would be shown for ever.
    try:
        gauge.remove(service)
    except KeyError:
        pass
