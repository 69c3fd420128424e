"""What is looked at of what the watcher keeps, and how much a second something counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council import care_telemetry, telemetry
from council.domain import evidence, gates, patches, watching
from council.testing import watch
from council.upkeep.observer import behaviour, facts

T = 1_800_000_000.0


def counted(*values: float, step_s: float = 15.0) -> evidence.Track:
    points = [(T + step_s * place, value) for place, value in enumerate(values)]
    return evidence.Track("council_exchanges_total", "gateway", "", points, (("outcome", "ok"),))


def test_every_metric_that_is_kept_for_the_observer_is_one_that_somebody_tells() -> None:
    telemetry.begin(())
    assert care_telemetry.EXPIRES is not None, "what is not imported tells nothing"
    assert evidence.TRACKED.keys() <= telemetry.names()
    assert evidence.TRACKED.keys() >= behaviour.LOOKED_AT
    assert len(evidence.TRACKED) <= evidence.METRICS_MAX


def test_a_count_becomes_how_much_a_second_and_one_that_began_anew_counts_from_nothing() -> None:
    one = behaviour.rate(counted(100, 130, 15, 45))
    assert one.unit == "/s" and list(one.points) == [(T + 15, 2.0), (T + 30, 1.0), (T + 45, 2.0)]


def test_a_count_that_is_read_again_after_long_tells_no_pace() -> None:
    assert list(behaviour.rate(counted(1, 2, step_s=3600.0)).points) == []


@given(st.lists(st.floats(0, 1e9), max_size=20))
def test_no_pace_is_below_nothing(values: list[float]) -> None:
    assert all(value >= 0 for _, value in behaviour.rate(counted(*values)).points)


def test_gates_and_what_behaves_are_looked_at_by_name_and_no_limits() -> None:
    lines = [watch.line("error_rate", gates.Verdict.GREEN, 0.5)]
    histories = [watching.History("error_rate", [], [(T, 0.5)]), watching.History("empty", [], [])]
    limit = evidence.Track("fd_soft_limit", "gateway", "", [(T, 1024.0)])
    opened = evidence.Track("open_fds_total", "gateway", "", [(T, 30.0)])
    found, left_out = behaviour.looked_at(lines, histories, [limit, opened, counted(1, 2), counted(1)])
    keys = ["council_exchanges_total svc=gateway outcome=ok", "error_rate", "open_fds_total svc=gateway"]
    assert [behaviour.key(one) for one in found] == keys and not left_out
    assert found[1].unit == "%"


def test_more_than_so_many_series_are_left_out_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behaviour, "SERIES_MAX", 2)
    tracks = [evidence.Track("open_fds_total", f"s{number}", "", [(T, 1.0)]) for number in range(5)]
    found, left_out = behaviour.looked_at([], [], tracks)
    assert [one.service for one in found] == ["s0", "s1"] and left_out == 3


def test_each_number_of_a_series_says_how_it_is_asked_for_again() -> None:
    opened = evidence.Track("open_fds_total", "gateway", "", [(T, 30.0)])
    limit = evidence.Track("fd_soft_limit", "gateway", "", [(T, 1024.0)])
    tracks = [
        limit,
        opened,
        counted(100, 130, 15),
        evidence.Track("council_cost_usd_micros_total", "gateway", "", [(T, 1)]),
    ]
    found = evidence.Evidence(evidence.Span(T - 900, T), T + 4, patches.Label(""), tracks=tracks)
    assert [(one.value, one.unit, one.query, one.span) for one in facts.of(found)] == [
        (1.5, "/s", 'rate(council_exchanges_total{svc="gateway",outcome="ok"})', evidence.Span(T, T + 30)),
        (30.0, "", 'open_fds_total{svc="gateway"}', evidence.Span(T, T)),
    ]


def test_the_pace_of_late_is_that_of_the_last_points_alone() -> None:
    track = counted(*range(0, 1000, 10), 995)
    found = behaviour.pace(track, 30.0)
    assert found is not None and found[0] == pytest.approx((10 + 5) / 30)
    assert behaviour.pace(counted(1), 30.0) is None and behaviour.pace(counted(), 30.0) is None


def test_a_thinned_series_has_the_newest_point_of_each_step() -> None:
    one = behaviour.thinned(counted(1, 2, 3, 4, step_s=250.0), 600.0)
    assert [value for _, value in one.points] == [3, 4]
