"""What could be had is gathered, and what could not is said and taken for nothing."""

import pytest

import observer_rig
from council.domain import errors, evidence, gates, incidents, ledger, watching
from council.testing import watch

NOW_S, SPAN = observer_rig.NOW_S, observer_rig.SPAN
LINES = (watch.line("error_rate", gates.Verdict.GREEN, 0.5), watch.line("latency_p95", gates.Verdict.UNKNOWN))


@pytest.fixture
def house() -> observer_rig.House:
    return observer_rig.House(*LINES)


async def test_everybody_is_asked_for_the_span(house: observer_rig.House) -> None:
    house.watch.past = watching.History("", [], [(NOW_S - 7200, 1.0), (NOW_S - 60, 2.0)])
    house.watch.series = [evidence.Track("open_fds_total", "gateway", "", [(NOW_S - 20, 30.0)])]
    house.save(observer_rig.incident(1, NOW_S - 60))
    found = await house.gathering().gather(SPAN)
    assert (found.span, found.now_s, found.label.cid) == (SPAN, NOW_S + 3, "c" * 16)
    assert [one.name for one in found.gates] == ["error_rate", "latency_p95"]
    assert [(one.gate, list(one.values)) for one in found.histories] == [
        ("error_rate", [(NOW_S - 60, 2.0)]),
        ("latency_p95", [(NOW_S - 60, 2.0)]),
    ]
    assert [one.points for one in found.tracks] == [[(NOW_S - 20, 30.0)]]
    assert [one.id for one in found.incidents] == [observer_rig.incident(1, NOW_S).id]
    assert [one.cid for one in found.patches] == ["c" * 16]
    assert [one.name for one in found.services] == ["gateway"]
    assert [one.key for one in found.costs.by_route] == [str(ledger.GroupBy.ROUTE)]
    assert found.missing == []


async def test_what_lies_beside_the_span_is_left_out_and_what_reaches_into_it_is_not(house: observer_rig.House) -> None:
    house.save(
        observer_rig.incident(1, NOW_S - 5000, repaired_s=NOW_S - 4000),
        observer_rig.incident(2, NOW_S - 5000, repaired_s=NOW_S - 800),
        observer_rig.incident(3, NOW_S - 5000),
        observer_rig.incident(4, NOW_S + 10),
    )
    over = {"times": [["staging", NOW_S - 5000], ["idle", NOW_S - 4900]], "at_s": NOW_S - 5000}
    under_way = {"outcome": "", "at_s": NOW_S - 5000, "cid": "d" * 16}
    house.patches.told = [dict(observer_rig.ROW), {**observer_rig.ROW, **over}, {**observer_rig.ROW, **under_way}]
    found = await house.gathering().gather(SPAN)
    assert [one.id[-1] for one in found.incidents] == ["3", "2"]
    assert [one.cid[0] for one in found.patches] == ["c", "d"]


async def test_series_are_told_as_kept_for_the_last_hours_and_coarse_before(house: observer_rig.House) -> None:
    asked: list[tuple[float, float]] = []

    async def tracks(metrics: object, start_s: float, step_s: float = 0.0) -> list[evidence.Track]:
        asked.append((start_s, step_s))
        if step_s:
            points = [(NOW_S - 90_000, 1.0), (NOW_S - 60, 2.0)]
            return [evidence.Track(name, "gateway", "", points) for name in ("open_fds_total", "gone")]
        return [evidence.Track("open_fds_total", "gateway", "", [(NOW_S - 60, 3.0)])]

    house.watch.tracks = tracks  # type: ignore[method-assign]
    found = await house.gathering().gather(SPAN, NOW_S - 172_800)
    assert asked == [(NOW_S + 3 - 7200, 0.0), (NOW_S - 172_800, 600.0)]
    assert [(one.name, one.points) for one in found.tracks] == [
        ("open_fds_total", [(NOW_S - 90_000, 1.0), (NOW_S - 60, 3.0)]),
        ("gone", [(NOW_S - 90_000, 1.0)]),
    ]


async def test_a_series_that_a_service_tells_of_what_is_anothers_is_left_out(house: observer_rig.House) -> None:
    house.watch.series = [
        evidence.Track("council_model_waiting", service, "", [(NOW_S - 20, 0.0)]) for service in ("gateway", "model")
    ]
    assert [one.service for one in (await house.gathering().gather(SPAN)).tracks] == ["model"]


async def test_each_part_that_is_away_is_missing_and_stops_no_other(house: observer_rig.House) -> None:
    house.watch.away = house.patches.down = house.records.down = house.incidents.down = True
    found = await house.gathering().gather(SPAN)
    assert [one.what for one in found.missing] == [
        "costs", "gates, sentinels, services and series", "incidents", "patches",
    ]  # fmt: skip
    assert all(one.why for one in found.missing)
    assert not any((found.gates, found.tracks, found.incidents, found.patches, found.costs.by_route))


async def test_a_watcher_that_has_just_begun_is_missing_too(house: observer_rig.House) -> None:
    house.watch.seen = watching.Sight(0, 0.0)
    assert [one.what for one in (await house.gathering().gather(SPAN)).missing] == ["gates and sentinels"]
    house.watch.seen = watching.Sight(3, NOW_S, LINES, problem="the supervisor does not answer")
    (one,) = (await house.gathering().gather(SPAN)).missing
    assert (one.what, one.why) == ("services", "the supervisor does not answer")


async def test_series_alone_may_be_missing(house: observer_rig.House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> None:
        raise errors.WatcherUnavailableError("Its file is away.")

    monkeypatch.setattr(house.watch, "tracks", fails)
    monkeypatch.setattr(house.watch, "history", fails)
    found = await house.gathering().gather(SPAN)
    assert [one.what for one in found.missing] == [
        "series",
        "what error_rate said before",
        "what latency_p95 said before",
    ]
    assert len(found.gates) == 2


@pytest.mark.parametrize("row", [{}, {**observer_rig.ROW, "files": None}, {**observer_rig.ROW, "at_s": "x"}])
async def test_a_row_that_cannot_be_read_is_said(house: observer_rig.House, row: dict[str, object]) -> None:
    house.patches.told = [row]
    (one,) = (await house.gathering().gather(SPAN)).missing
    assert one.what == "patches" and "cannot be read" in one.why


async def test_what_is_bounded_says_so(house: observer_rig.House) -> None:
    house.save(*(observer_rig.incident(number, NOW_S - 100) for number in range(200)))
    house.patches.told = [observer_rig.ROW] * 200
    house.watch.series = [
        evidence.Track("open_fds_total", f"s{n}", "", [(NOW_S, 1.0)]) for n in range(evidence.TRACKS_MAX)
    ]
    found = await house.gathering().gather(SPAN)
    assert [one.what for one in found.missing] == ["some incidents", "some patches", "some series"]
    assert all(isinstance(one, incidents.Incident) for one in found.incidents)


async def test_jobs_of_the_span_are_asked_for_and_one_that_nobody_can_tell_is_missing(
    house: observer_rig.House,
) -> None:
    told = [evidence.Job("backup", NOW_S - 60)]
    house.jobs = lambda span: told if span == SPAN else []
    found = await house.gathering().gather(SPAN)
    assert (list(found.jobs), found.lacks("jobs")) == (told, "")

    def away(_: evidence.Span) -> list[evidence.Job]:
        raise errors.RecordsUnavailableError("The records are away.")

    house.jobs = away
    found = await house.gathering().gather(SPAN)
    assert (list(found.jobs), found.lacks("jobs")) == ([], "The records are away.")
