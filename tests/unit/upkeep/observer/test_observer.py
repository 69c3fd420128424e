"""What is due is kept once and whole, and told once, whatever is away and whenever the process ends."""

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import orjson
import pytest

import observer_rig
from council.domain import digests, errors, evidence, gates, incidents, observe, patches, reports, snapshots, watching
from council.kit import plain
from council.testing import watch
from council.upkeep.observer import explaining, observer

NOW_S = observer_rig.NOW_S
GREEN, RED = gates.Verdict.GREEN, gates.Verdict.RED


def red_since(since_s: float) -> watching.GateLine:
    return dataclasses.replace(watch.line("latency_p95", RED, 1200.0), since_s=since_s)


def shows(house: observer_rig.House, *lines: watching.GateLine) -> None:
    house.watch.seen = dataclasses.replace(house.watch.seen, gates=lines)


async def test_a_snapshot_holds_what_was_so() -> None:
    house = observer_rig.House(watch.line("error_rate", GREEN, 0.5))
    house.watch.past = watching.History("", [], [(NOW_S - 60, 0.4)])
    house.watch.series = [
        evidence.Track("open_fds_total", "gateway", "", [(NOW_S - 40, 30.0), (NOW_S - 20, 31.0)]),
        evidence.Track("fd_soft_limit", "gateway", "", [(NOW_S - 20, 1024.0)]),
    ]
    house.save(observer_rig.incident(1, NOW_S - 400, repaired_s=NOW_S - 300))
    await house.observer.look()
    one = house.kept.find("20270115T080000Z")
    assert one is not None
    assert (one.at_s, one.taken_s, one.occasion) == (NOW_S, NOW_S + 3, snapshots.Occasion.TICK)
    assert (one.span, one.label) == (evidence.Span(NOW_S - 900, NOW_S), patches.Label("0" * 40, "c" * 16))
    assert {fact.name: fact.value for fact in one.metrics}["open_fds_total svc=gateway"] == 31.0
    assert {fact.name: fact.value for fact in one.metrics}["error_rate"] == 0.5
    assert {trend.name for trend in one.trends} == {"error_rate", "open_fds_total"}
    assert [each.name for each in one.gates] == ["error_rate"]
    assert [each.standing for each in one.incidents] == [incidents.Standing.REPAIRED]
    assert [each.cid for each in one.patches] == ["c" * 16]
    assert one.costs.by_route and one.explanation.happened and not one.missing and one.missed is None


async def test_a_tick_is_taken_once_and_the_next_one_when_it_is_due() -> None:
    house = observer_rig.House()
    for _ in range(4):
        await house.observer.look()
        house.clock.advance(300)
    assert house.kept.ids(9) == ["20270115T081500Z", "20270115T080000Z"]
    assert house.newest().span == evidence.Span(NOW_S, NOW_S + 900)


async def test_what_was_missed_is_said_in_the_next_one() -> None:
    house = observer_rig.House()
    await house.observer.look()
    house.clock.advance(3 * 3600)
    house.restart()
    await house.observer.look()
    missed = house.newest().missed
    assert missed == snapshots.Missed(11, NOW_S + 900, NOW_S + 9900, "the steward was not running")
    house.clock.advance(7200)
    await house.observer.look()
    again = house.newest().missed
    assert again is not None and again.count == 7 and "the machine slept" in again.why


async def test_an_incident_that_began_has_one_of_its_own_once() -> None:
    house = observer_rig.House()
    await house.observer.look()
    house.clock.advance(60)
    began = observer_rig.incident(1, NOW_S + 58)
    house.save(began)
    for _ in range(2):
        await house.observer.look()
        house.restart()
    one = house.newest()
    assert one.id == f"20270115T080058Z-{began.id}" and one.incident_id == began.id
    assert one.span == evidence.Span(NOW_S + 53 - observer.BEFORE_S, NOW_S + 63)
    assert len(house.kept.kept) == 2


async def test_a_clock_that_is_set_back_takes_no_snapshot_twice_and_goes_on() -> None:
    house = observer_rig.House()
    for step_s in (900, 900, -1800, 900, 900, 900):
        await house.observer.look()
        house.clock.step(step_s)
    await house.observer.look()
    assert house.kept.ids(9)[::-1] == [f"20270115T08{minute}00Z" for minute in ("00", "15", "30", "45")]


async def test_parts_that_are_away_are_missing_and_the_snapshot_is_kept() -> None:
    house = observer_rig.House(watch.line("error_rate", GREEN))
    house.watch.away = house.patches.down = True
    await house.observer.look()
    assert [one.what for one in house.newest().missing] == ["gates, sentinels, services and series", "patches"]


async def test_records_that_are_away_are_an_error_and_are_caught_up_with() -> None:
    house = observer_rig.House()
    house.kept.down = True
    with pytest.raises(errors.RecordsUnavailableError):
        await house.observer.look()
    house.kept.down = False
    await house.observer.look()
    assert len(house.kept.kept) == 1


async def test_an_explanation_that_fails_takes_no_snapshot_away(caplog: pytest.LogCaptureFixture) -> None:
    house = observer_rig.House()

    def fails(*_: object) -> evidence.Explanation:
        raise ZeroDivisionError

    house.observer._parts = dataclasses.replace(house.observer._parts, explain=fails)
    await house.observer.look()
    assert [one.what for one in house.newest().missing] == ["explanation"]
    assert "could not be explained" in caplog.text


async def test_a_snapshot_that_cannot_be_taken_keeps_no_other_from_being_taken() -> None:
    house = observer_rig.House()
    house.save(observer_rig.incident(1, NOW_S - 10))

    def explain(_: evidence.Evidence, incident_id: str) -> evidence.Explanation:
        # What JSON cannot hold.
        return evidence.Explanation((evidence.Sentence("\ud800"),)) if incident_id else evidence.Explanation(())

    house.observer._parts = dataclasses.replace(house.observer._parts, explain=explain)
    with pytest.raises(TypeError):
        await house.observer.look()
    assert house.kept.ids(9) == ["20270115T080000Z"]


async def test_a_gate_that_stays_red_is_told_of_once_over_restarts() -> None:
    house = observer_rig.House(red_since(NOW_S - 1790))
    await house.observer.look()
    assert house.notices == []
    for _ in range(3):
        house.clock.advance(20)
        await house.observer.look()
        house.restart()
    (told,) = house.notices
    assert told.kind is incidents.NoticeKind.ESCALATED and "latency_p95 is 1200 %" in told.text
    shows(house, red_since(NOW_S + 5000))
    house.clock.advance(5000 + 1900)
    await house.observer.look()
    assert len(house.notices) == 2


async def test_gates_that_one_cause_turned_red_are_told_of_at_once_and_each_once() -> None:
    line = red_since(NOW_S - 1790)
    house = observer_rig.House(line, dataclasses.replace(line, name="error_rate"))
    await house.observer.look()
    for _ in range(3):
        house.clock.advance(20)
        await house.observer.look()
        house.restart()
    (told,) = house.notices
    assert (
        "latency_p95 is" in told.text
        and "error_rate is" in told.text
        and len(house.kept.announced("escalated:", 9)) == 2
    )


async def test_what_was_kept_before_and_cannot_be_read_stops_nothing() -> None:
    house = observer_rig.House()
    await house.observer.look()
    [key] = house.kept.kept
    house.kept.kept[key] = orjson.dumps({"id": key})
    house.kept.state = orjson.dumps({"open_fds_total": 3, "error_rate": {"at_s": "x"}})
    house.restart()
    house.clock.advance(900)
    await house.observer.look()
    assert len(house.kept.kept) == 2


async def test_of_many_incidents_that_began_while_it_was_away_each_has_a_snapshot() -> None:
    house = observer_rig.House()
    await house.observer.look()
    house.clock.advance(7200)
    house.save(*(observer_rig.incident(number, NOW_S + 60 * number) for number in range(1, 31)))
    house.restart()
    for _ in range(7):
        await house.observer.look()
        house.clock.advance(15)
    assert len(house.kept.ids(99, occasion=snapshots.Occasion.INCIDENT)) == 30


async def test_an_escalation_that_fails_keeps_no_digest_from_being_sent() -> None:
    house = observer_rig.House()
    await house.observer.look()
    house.clock.advance(86_400)

    async def fails() -> watching.Sight:
        raise ZeroDivisionError

    house.observer._parts = dataclasses.replace(house.observer._parts, watch=Broken(fails))
    with pytest.raises(ZeroDivisionError):
        await house.observer.look()
    assert [one.kind for one in house.notices] == [incidents.NoticeKind.DIGEST]


async def test_a_watcher_that_is_away_escalates_nothing() -> None:
    house = observer_rig.House(red_since(NOW_S - 9000))
    house.watch.away = True
    await house.observer.look()
    assert house.notices == []


async def test_old_ones_are_thinned_once_an_hour_as_the_settings_say() -> None:
    house = observer_rig.House()
    for _ in range(3):
        await house.observer.look()
        house.clock.advance(1900)
    day_us = 86_400_000_000
    first_us = round((NOW_S + 3) * 1e6)
    assert house.kept.thinned[0] == (first_us - 7 * day_us, first_us - 90 * day_us)
    assert len(house.kept.thinned) == 2


class Broken(watch.ScriptedWatch):
    """A watch whose sight is a function's."""

    def __init__(self, sight: Any) -> None:
        super().__init__()
        self.sight = sight  # type: ignore[method-assign]


class Killed(BaseException):
    """The end of the process, at some call."""


def deadly(target: Any, name: str, chance: random.Random) -> Callable[[], None]:
    """Have a method end the process now and then, before it did anything or after it did all."""
    inner = getattr(target, name)

    def call(*arguments: Any, **named: Any) -> Any:
        when = chance.random()
        if when < 0.07:
            raise Killed
        done = inner(*arguments, **named)
        if when > 0.93:
            raise Killed
        return done

    setattr(target, name, call)
    return lambda: setattr(target, name, inner)


@pytest.mark.parametrize("seed", range(12))
async def test_a_process_that_is_killed_at_any_moment_leaves_nothing_twice_and_nothing_half(seed: int) -> None:
    chance = random.Random(seed)
    house = observer_rig.House(watch.line("latency_p95", GREEN, 1.0))
    points: list[tuple[float, float]] = []
    house.watch.series = [evidence.Track("open_fds_total", "gateway", "", points)]
    for name in ("keep", "announce", "newest", "ids", "learned", "announced", "thin"):
        deadly(house.kept, name, chance)
    for name in ("newest", "silences"):
        deadly(house.incidents, name, chance)
    red_at_s = NOW_S + chance.uniform(0, 3000)
    for step in range(300):
        now_s = house.clock.now_us() / 1e6
        points.append((now_s, 50 + chance.gauss(0, 1)))
        if step == 40:
            house.incidents.kept["01I"] = dataclasses.replace(observer_rig.incident(1, now_s), id="01I")
        if now_s > red_at_s:
            shows(house, red_since(red_at_s))
        try:
            await house.observer.look()
        except Killed:
            house.restart()
        house.clock.advance(30)
    house.restart()
    taken = sorted(house.kept.kept)
    ticks = [one for one in taken if "-" not in one]
    decoded = [house_find(house, one) for one in taken]
    assert len(ticks) + sum(one.missed.count for one in decoded if one.missed) == 10
    assert [one.partition("-")[2] for one in taken if "-" in one] == ["01I"]
    assert len(house.notices) == 1
    shown = [one for each in decoded for one in each.metrics if one.name.startswith("open_fds_total")]
    assert len(shown) == len(taken)


def house_find(house: observer_rig.House, identifier: str) -> snapshots.Snapshot:
    return plain.made(snapshots.Snapshot, orjson.loads(house.kept.kept[identifier]))


async def test_the_plain_explanation_is_what_is_kept() -> None:
    house = observer_rig.House(red_since(NOW_S - 60))
    await house.observer.look()
    found = await house.gathering().gather(evidence.Span(NOW_S - 900, NOW_S))
    texts = [one.text for one in explaining.explain(found).happened]
    assert [one.text for one in house.newest().explanation.happened] == texts


async def test_figures_of_each_stretch_are_made_one_in_a_look_and_anew_when_they_are_old() -> None:
    house = observer_rig.House()
    for days in reports.DAYS:
        await house.observer.look()
        found = house.kept.find_report(reports.figures(days))
        assert found is not None and found.at_us == house.clock.now_us()
        one = plain.made(reports.Figures, found.body)
        assert one.span.end_s - one.span.start_s == days * 86_400 and one.before.end_s == one.span.start_s
        house.clock.advance(1)
    house.restart()
    await house.observer.look()
    assert house.kept.reports[reports.figures(1)][0] < house.clock.now_us(), "one that begins anew has them already"
    house.clock.advance(3600)
    await house.observer.look()
    assert house.kept.reports[reports.figures(1)][0] == house.clock.now_us()
    assert house.kept.reports[reports.figures(7)][0] < house.clock.now_us()


async def test_a_digest_that_is_told_is_kept_for_whoever_looks_later() -> None:
    house = observer_rig.House()
    await house.observer.look()
    house.clock.advance(86_400)
    await house.observer.look()
    ((name, _),) = house.kept.report_names(reports.DIGESTS, 9)
    found = house.kept.find_report(name)
    assert found is not None and reports.digest(plain.made(digests.Digest, found.body).date) == name


async def test_at_what_time_of_day_digests_are_made_is_said_and_again_when_it_is_another() -> None:
    house = observer_rig.House()
    await house.observer.look()
    said = house.kept.find_report(reports.SCHEDULE)
    assert said is not None and said.body == {"at": "03:00", "zone": "UTC"}
    house.settings = observe.ObserveConfig(digest_at="09:30", digest_zone="Asia/Kolkata")
    await house.observer.look()
    said = house.kept.find_report(reports.SCHEDULE)
    assert said is not None and said.body == {"at": "09:30", "zone": "Asia/Kolkata"}
