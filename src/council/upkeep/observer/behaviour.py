"""The series that are looked at for anomalies and trends, made of what the watcher kept. Pure.

A gate's number is one; so is a gauge of a service; of what counts it is how much a second, by each of its labels.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from council.domain import evidence, watching

# Of those that the watcher keeps for the observer: of the rest a limit, a size or a start is no behaviour.
LOOKED_AT = frozenset(
    {
        *(
            "council_exchanges_total",
            "council_users_in_flight",
            "council_model_waiting",
            "council_provider_calls_total",
        ),
        *("council_cost_usd_micros_total", "council_process_memory_bytes", "open_fds_total", "council_disk_used_bytes"),
    }
)
# More are left out, the last by name; it is said how many.
SERIES_MAX = 200
# What counts and is read again only after so long tells no pace of that time.
_APART_S_MAX = 1800.0


def looked_at(
    gates: Iterable[watching.GateLine],
    histories: Iterable[watching.History],
    tracks: Iterable[evidence.Track],
) -> tuple[list[evidence.Track], int]:
    """Return the series, by name and service, and how many there are beside them."""
    units = {one.name: one.unit for one in gates}
    found = [evidence.Track(one.gate, "", units.get(one.gate, ""), one.values) for one in histories if one.values]
    behaves = (one for one in tracks if one.name in LOOKED_AT)
    found += [rate(one) if evidence.TRACKED[one.name].counts else one for one in behaves]
    found = sorted((one for one in found if one.points), key=key)
    return found[:SERIES_MAX], max(0, len(found) - SERIES_MAX)


def key(track: evidence.Track) -> str:
    """Return what tells a series from every other, for people too: `open_fds_total svc=gateway`."""
    service = (("svc", track.service),) if track.service else ()
    return " ".join([track.name, *(f"{name}={value}" for name, value in (*service, *track.labels))])


def rate(track: evidence.Track) -> evidence.Track:
    """Return how much a second something counted. A count that fell began anew from nothing."""
    return replace(track, unit=f"{track.unit}/s", points=list(_rises(track.points)))


def _rises(points: Sequence[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    for (before_s, before), (at_s, value) in itertools.pairwise(points):
        if 0 < at_s - before_s <= _APART_S_MAX:
            yield at_s, (value - before if value >= before else value) / (at_s - before_s)


def pace(track: evidence.Track, back_s: float) -> tuple[float, evidence.Span] | None:
    """Return how much a second something counted of late, and from when to when; None where nothing tells."""
    late = [one for one in track.points if one[0] >= track.points[-1][0] - back_s] if track.points else []
    if len(late) < 2:
        return None
    risen = sum(value - before if value >= before else value for (_, before), (_, value) in itertools.pairwise(late))
    span = evidence.Span(late[0][0], late[-1][0])
    return risen / (span.end_s - span.start_s), span


def thinned(track: evidence.Track, step_s: float) -> evidence.Track:
    """Return a series with the newest point of each step, so that all of it is as coarse as what lies long ago."""
    newest = {at_s // step_s: (at_s, value) for at_s, value in track.points}
    return replace(track, points=list(newest.values()))


def since(track: evidence.Track, after_s: float) -> evidence.Track:
    """Return the part of a series that is later than a moment."""
    return replace(track, points=[one for one in track.points if one[0] > after_s])
