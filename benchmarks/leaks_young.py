"""The looks at what has just begun, on memory and descriptors of real services under load, with and without a leak added to it.

`recorded_young.json` is what `young_memory` recorded, of Councils that had just begun; `recorded_memory.json` is what
`leaks_recorded` is about, taken here for that of young processes. Each record is read from each of its first moments on, and
a leak of 2 MB a second is added at places drawn at random; where the service itself takes as much and more at that time, it is
missed. `contexts`, `documents` and `bodies` were recorded after the rule was made, the others before.
"""

import json
import random
from collections.abc import Callable, Sequence

import figures
import leaks_recorded
import young_memory
from council.domain import sentinels
from council.upkeep.sentinels import fast_leak, fresh_leak, levels

# As the watcher reads what has just begun, and whatever is older.
READ_S = (2.5, 5.0)
PLACES, SEED = 20, 5
RATE_MB, WITHIN_S = 2.0, {2.5: 18.0, 5.0: 30.0}
_SHARE = sentinels.Share("limit", 60, 80, 60)
_LIMIT = 20_000

Samples = Sequence[tuple[float, float]]


def run(say: Callable[[str], None]) -> list[figures.Row]:
    """Return the table."""
    rows: list[figures.Row] = []
    young = json.loads(young_memory.RECORDED.read_text())
    loads = ", ".join(young)
    for every_s in READ_S:
        for service in young_memory.SERVICES:
            say(f"leaks_young: {service}, each {every_s:g} s")
            records = [one for load in young.values() for one in _phases(load["heap_mb"][service], every_s)]
            rows += _memory(service, records, every_s, loads)
    counts = [
        one
        for load in young.values()
        for record in load["open_fds_total"].values()
        for one in _phases(record, READ_S[0])
    ]
    alarms, told = sum(map(_foretold, counts)), f"{_readings(counts):,} readings in {len(counts)} records"
    rows.append(
        figures.Row(f"descriptors foretold to run out, of {_LIMIT:,}", "all four", alarms, "alarms", 0, note=told)
    )
    for service, sizes_mb in json.loads(leaks_recorded.RECORDED.read_text()).items():
        samples = [(place * leaks_recorded.STEP_S, size_mb) for place, size_mb in enumerate(sizes_mb)]
        rows.append(_alarms(f"{service}, 43 minutes", [samples], leaks_recorded.STEP_S))
    return sorted(rows, key=lambda row: row.figure)


def _phases(record: Sequence[tuple[float, float | None]], every_s: float) -> list[Samples]:
    """Return what is read of a record at each phase: sizes in MB, counts as they are."""
    step = round(every_s / young_memory.STEP_S)
    known = [(at_s, figure) for at_s, figure in record if figure is not None]
    return [known[phase::step] for phase in range(step)]


def _memory(service: str, records: Sequence[Samples], every_s: float, loads: str) -> list[figures.Row]:
    records = [[(at_s, kilobytes / 1000) for at_s, kilobytes in one] for one in records]
    source, missed, tried = random.Random(SEED), 0, 0
    for one in records:
        last = max(index for index, (at_s, _) in enumerate(one) if at_s <= one[-1][0] - WITHIN_S[every_s])
        for place in source.sample(range(last + 1), min(PLACES, last + 1)):
            after = [(at_s, mb + (at_s - one[place][0]) * RATE_MB) for at_s, mb in one[place:]]
            called_s = _called_s(after)
            tried, missed = tried + 1, missed + (called_s is None or called_s > WITHIN_S[every_s])
    figure = f"{RATE_MB:g} MB/s not called within {WITHIN_S[every_s]:g} s, read each {every_s:g} s"
    return [_alarms(service, records, every_s, loads), figures.share(figure, service, missed, tried)]


def _alarms(subject: str, records: Sequence[Samples], every_s: float, note: str = "") -> figures.Row:
    called = sum(_called_s(one) is not None for one in records)
    name = f"false alarms of the look at the young, read each {every_s:g} s"
    told = f"{_readings(records):,} readings in {len(records)} records" + (f": {note}" if note else "")
    return figures.Row(name, subject, called, "alarms", 0, _readings(records), note=told)


def _readings(records: Sequence[Samples]) -> int:
    return sum(map(len, records))


def _called_s(samples: Samples) -> float | None:
    """Return after how many seconds of its record a leak is called, None if none is."""
    watch = fresh_leak.FreshWatch(fast_leak.FAST_MB_PER_HOUR)
    return next((at_s - samples[0][0] for at_s, mb in samples if watch.add(at_s, mb) is not None), None)


def _foretold(samples: Samples) -> bool:
    watch = levels.ShareWatch(_SHARE, "descriptors")
    return any(watch.judge(at_s, count, _LIMIT).held_s for at_s, count in samples)
