"""A reading of one process from outside, as a sighting under the names that Council's own services use."""

import dataclasses
from collections.abc import Sequence

from council.domain import sentinels
from council.kit import reading
from council.upkeep.sentinels import house

_MB = 1_000_000


def rules_of(rules: Sequence[sentinels.Sentinel]) -> tuple[sentinels.Sentinel, ...]:
    """Return the sentinels whose signals any process has, whichever services they are about."""
    closed = reading.Reading(*[reading.Unknown("")] * 10)
    signals = _figures(closed, reading.Unknown(""))
    return tuple(dataclasses.replace(one, services=()) for one in rules if one.signal in signals)


def sighting(
    service: str, at_s: float, began_s: float, seen: reading.Reading, gpu: int | reading.Unknown
) -> house.Sighting:
    """Return what was read; what is unknown goes with its reason."""
    figures = _figures(seen, gpu)
    return house.Sighting(
        service,
        at_s,
        began_s,
        {
            signal: figure / unit
            for signal, (figure, unit) in figures.items()
            if not isinstance(figure, reading.Unknown)
        },
        unknown={
            signal: figure.reason for signal, (figure, _) in figures.items() if isinstance(figure, reading.Unknown)
        },
    )


def _figures(seen: reading.Reading, gpu: int | reading.Unknown) -> dict[str, tuple[int | reading.Unknown, int]]:
    return {
        "heap_mb": (seen.heap_bytes, _MB),
        "cuda_alloc_mb": (gpu, _MB),
        "open_fds_total": (seen.open_fds, 1),
        "fd_soft_limit": (seen.fd_soft_limit, 1),
        "council_process_threads": (seen.threads, 1),
        "council_process_children": (seen.children, 1),
        "council_process_zombies": (seen.zombies, 1),
        "council_process_sockets": (seen.sockets, 1),
        "council_process_temp_files": (seen.temp_files, 1),
    }
