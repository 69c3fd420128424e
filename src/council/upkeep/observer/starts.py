"""How often the processes of services began within a stretch of time, by what each told of its own beginning. Pure.

A process that began and ended between two readings is not in it: of the last two hours there is one each turn of the watch, of
times before that one in ten minutes. So each number is what it was at least.
"""

from collections.abc import Iterator, Sequence

from council.domain import digests, evidence
from council.upkeep.observer import series, telling

METRIC = "council_process_start_seconds"
# A process tells when it began by the clock of the moment, which may have been set meanwhile.
SAME_S = 5.0


def begun(tracks: Sequence[evidence.Track], span: evidence.Span) -> int:
    """Return how many processes began within a span, as series tell; those of one series that began together are one."""
    total = 0
    for track in tracks:
        moments: list[float] = []
        for _, value in series.within(track.points, span):
            if span.holds(value) and not any(abs(value - other) <= SAME_S for other in moments):
                moments.append(value)
        total += len(moments)
    return total


def services(found: evidence.Evidence) -> Iterator[digests.Starts]:
    """Yield each service of which a process began within the span, and how often one ended unasked in the last hour."""
    tracks = series.of(found, METRIC)
    for name in sorted({track.service for track in tracks}):
        count = begun([track for track in tracks if track.service == name], found.span)
        if not count:
            continue
        query = f'begun({METRIC}{{svc="{name}"}})'
        fact = evidence.Fact("processes begun", count, telling.COUNT, query, found.span)
        # A service with several processes has a row for each, named after its number.
        rows = [one for one in found.services if one.name.partition(":")[0] == name]
        crashes = sum(one.crashes for one in rows) if rows else None
        ended = evidence.Fact("ends within the hour", crashes, telling.COUNT, "council status --json", found.span)
        yield digests.Starts(name, fact, ended, next((one.crash_reasons for one in rows if one.crash_reasons), ""))


def sentence(found: evidence.Evidence, told: Sequence[digests.Starts]) -> evidence.Sentence | None:
    """Return how many processes began, and of which service the most; None where no service has begun more than once."""
    most = max(told, key=lambda one: (int(one.begun.value or 0), one.service), default=None)
    if most is None or int(most.begun.value or 0) < 2:
        return None
    count = begun(series.of(found, METRIC), found.span)
    facts = {
        "count": evidence.Fact("processes begun", count, telling.COUNT, f"begun({METRIC})", found.span),
        "service": telling.word("service", most.service, most.begun.query, found.span),
        "most": most.begun,
    }
    return telling.say("Processes that began: {count}; the most of them of {service}: {most}.", **facts)
