"""How it was run by day: starts, processes at once, and the fullest of each resource."""

import dataclasses

import pytest

import observer_cases
from council.domain import evidence
from council.upkeep.observer import operations, renderings

DAY_S = 86_400.0
DAY = 1_800_000_000.0 // DAY_S * DAY_S
STEP_S = 600.0


def track(name: str, service: str, value: object, since_s: float = DAY, until_s: float = DAY + DAY_S, **labels: str):
    count = int((until_s - since_s) / STEP_S)
    times = [since_s + STEP_S * place for place in range(count)]
    points = [(at_s, value(at_s) if callable(value) else value) for at_s in times]
    return evidence.Track(name, service, "", points, tuple(sorted(labels.items())))


def of(*tracks: evidence.Track, days: int = 1) -> operations.Report:
    span = evidence.Span(DAY, DAY + days * DAY_S)
    found = dataclasses.replace(
        observer_cases.day(), span=span, now_s=span.end_s, tracks=tracks, incidents=(), patches=()
    )
    return operations.report(found)


STARTED = "council_process_start_seconds"


def test_a_start_is_counted_on_its_day_once_though_its_clock_is_told_a_second_off() -> None:
    noon = DAY + DAY_S / 2
    began = track(STARTED, "recall", lambda at_s: DAY - 7 * DAY_S if at_s < noon else noon - 3 + at_s % 2)
    (day,) = of(began).days
    (recall,) = day.services
    assert (recall.name, recall.starts, recall.least, recall.most) == ("recall", 1, 1, 1)
    assert day.known == 1.0


@pytest.mark.covers("infrastructure", "documentation")
def test_workers_that_came_and_went_are_scaling_and_starts() -> None:
    first = track(STARTED, "gateway", DAY - 100, pid="1")
    second = track(STARTED, "gateway", DAY + 6 * 3600, DAY + 6 * 3600, DAY + 12 * 3600, pid="2")
    (day,) = of(first, second).days
    (gateway,) = day.services
    assert (gateway.starts, gateway.least, gateway.most) == (1, 1, 2)
    assert day.scaled == ("gateway 1 to 2",)


def test_the_fullest_of_each_resource_counts_against_its_own_size() -> None:
    used = track("open_fds_total", "gateway", lambda at_s: 512 if at_s == DAY + STEP_S else 100)
    others = track("open_fds_total", "recall", 1000)
    sizes = [track("fd_soft_limit", name, most) for name, most in (("gateway", 1024), ("recall", 100_000))]
    (day,) = of(track(STARTED, "gateway", DAY - 1), used, others, *sizes).days
    assert day.shares == {"descriptors": 50.0}


def test_a_day_of_which_nothing_is_kept_is_said_to_be_unknown() -> None:
    made = of(track(STARTED, "gateway", DAY - 1), track("council_process_memory_bytes", "gateway", 3e8), days=2)
    text = renderings.text(operations.page(made))
    assert "Not known: nothing that the watcher keeps is of this day." in text
    assert "gateway       0          1          300 MB" in text
    assert [day["known_percent"] for day in operations.form(made)["days"]] == [0.0, 100.0]  # type: ignore[attr-defined]
