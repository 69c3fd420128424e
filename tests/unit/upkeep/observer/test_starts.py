"""What the digest tells of processes that began: as many as the series show, and of each service why the last ended."""

import dataclasses

import observer_cases
from council.domain import evidence, states
from council.upkeep.observer import digests, layouts, renderings, starts

SPAN = evidence.Span(1_790_000_000.0, 1_790_086_400.0)
NOON_S = SPAN.start_s + 43_200


def track(service: str, *began_s: float, **labels: str) -> evidence.Track:
    """Return what a service told of its beginning, twice of each process, the clock a second off."""
    points = [(at_s + after_s, at_s + after_s / 60) for at_s in began_s for after_s in (5.0, 65.0)]
    return evidence.Track(starts.METRIC, service, "s", sorted(points), tuple(labels.items()))


def day(*tracks: evidence.Track, services: tuple[states.ServiceStatus, ...] = ()) -> evidence.Evidence:
    return dataclasses.replace(
        observer_cases.day(), span=SPAN, now_s=SPAN.end_s, tracks=tracks, services=services, missing=()
    )


def test_a_process_counts_once_and_one_of_before_the_span_not_at_all() -> None:
    long_ago = evidence.Track(starts.METRIC, "store", "s", [(NOON_S, SPAN.start_s - 60)])
    found = day(track("recall", NOON_S, NOON_S + 600), long_ago)
    (told,) = starts.services(found)
    assert (told.service, told.begun.value) == ("recall", 2)
    assert told.begun.query == 'begun(council_process_start_seconds{svc="recall"})'


def test_of_a_service_with_several_processes_the_ends_are_added_up() -> None:
    rows = tuple(
        states.ServiceStatus(f"gateway:{number}", "ready", 1, "g", 60.0, 1, 0, crashes=1, crash_reasons="stopped by signal 9")
        for number in range(2)
    )  # fmt: skip
    (told,) = starts.services(day(track("gateway", NOON_S, pid="1"), track("gateway", NOON_S, pid="2"), services=rows))
    assert (told.begun.value, told.ended.value, told.reason) == (2, 2, "stopped by signal 9")


def test_the_first_start_is_no_headline_and_a_second_is() -> None:
    once = digests.digest(day(track("recall", NOON_S), track("store", NOON_S)))
    assert not [one for one in once.headline if "began" in one.text]
    again = digests.digest(day(track("recall", NOON_S, NOON_S + 600), track("store", NOON_S)))
    (sentence,) = (one.text for one in again.headline if "began" in one.text)
    assert sentence == "Processes that began: 3; the most of them of recall: 2."


def test_a_page_says_that_none_began_only_where_that_is_known() -> None:
    assert "None did." in renderings.text(layouts.page(digests.digest(day())))
    lacking = [evidence.Missing("series", "the watcher does not answer")]
    page = renderings.text(layouts.page(digests.digest(dataclasses.replace(day(), missing=lacking))))
    assert "None did." not in page and "Not known: the watcher does not answer" in page
