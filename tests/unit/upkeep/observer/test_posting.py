"""Each day is told once, what was missed is caught up, and whoever is killed in between tells nothing a second time."""

import dataclasses
import datetime
import json

import pytest

import observer_rig
from council.domain import digests as forms
from council.domain import errors, evidence, incidents, observe, schedule, snapshots
from council.upkeep.observer import digests as digest_module
from council.upkeep.observer import posting

DAY_S = 86_400.0
WHEN = schedule.Schedule()


def digests(house: observer_rig.House) -> list[incidents.Notice]:
    return [one for one in house.notices if one.kind is incidents.NoticeKind.DIGEST]


async def until(house: observer_rig.House, at_s: float) -> None:
    house.clock.advance(at_s - house.clock.now_us() / 1e6)
    await house.observer.look()


async def test_a_house_that_has_just_begun_has_no_digest_of_a_day_before_it() -> None:
    house = observer_rig.House()
    await house.observer.look()
    assert not digests(house)


@pytest.mark.covers("router", "documentation")
async def test_each_day_is_told_once_in_every_form_also_by_a_process_that_began_anew() -> None:
    house = observer_rig.House()
    await house.observer.look()
    first = WHEN.day_of(observer_rig.NOW_S) + datetime.timedelta(days=1)
    due_s = WHEN.moment_s(first)
    await until(house, due_s - 1)
    assert not digests(house)
    await until(house, due_s)
    house.restart()
    await house.observer.look()
    [told] = digests(house)
    assert first.isoformat() in told.title and told.text and told.html.startswith("<!DOCTYPE html>")
    assert json.loads(told.data)["date"] == first.isoformat()
    assert [name for name in house.kept.told if name.startswith(posting.PREFIX)] == [posting.name(first.isoformat())]


async def test_what_was_missed_is_caught_up_the_oldest_first() -> None:
    house = observer_rig.House()
    await house.observer.look()
    await until(house, observer_rig.NOW_S + 3 * DAY_S)
    days = [json.loads(one.data)["date"] for one in digests(house)]
    assert len(days) == 3 and days == sorted(days)


async def test_a_time_and_zone_of_ones_own_are_those_at_which_it_is_told() -> None:
    house = observer_rig.House()
    house.settings = observe.ObserveConfig(digest_at="09:30", digest_zone="Asia/Kolkata")
    when = schedule.Schedule(9, 30, "Asia/Kolkata")
    await house.observer.look()
    due_s = when.moment_s(when.day_of(observer_rig.NOW_S) + datetime.timedelta(days=1))
    await until(house, due_s - 1)
    assert not digests(house)
    await until(house, due_s)
    assert json.loads(digests(house)[0].data)["zone"] == "Asia/Kolkata"


async def test_days_of_a_downtime_are_caught_up_also_where_snapshots_are_kept_for_a_day() -> None:
    house = observer_rig.House()
    house.settings = observe.ObserveConfig(full_days=1.0, keep_days=1.0)
    await house.observer.look()
    for day in range(1, 6):
        await until(house, observer_rig.NOW_S + day * DAY_S)
    house.restart()
    await until(house, observer_rig.NOW_S + 8 * DAY_S)
    assert len(digests(house)) == 8
    assert len(house.kept.announced(posting.BEGAN_PREFIX, 9)) == 1


async def test_a_clock_that_was_ahead_at_the_first_start_keeps_no_digest_back() -> None:
    house = observer_rig.House()
    house.clock.step(400 * DAY_S)
    await house.observer.look()
    house.clock.step(-400 * DAY_S)
    house.restart()
    for day in range(4):
        await until(house, observer_rig.NOW_S + day * DAY_S)
    assert len(digests(house)) == 3


async def test_a_digest_that_cannot_be_made_keeps_no_other_back_and_is_told_without_its_content(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    house = observer_rig.House()
    await house.observer.look()
    made, bad = digest_module.digest, "2027-01-16"

    def fails(found: evidence.Evidence, zone: str = "UTC", loop: digest_module.Loop | None = None) -> forms.Digest:
        if loop is not None and digest_module.date_of(found.span.end_s, zone) == bad:
            raise ZeroDivisionError
        return made(found, zone, loop)

    monkeypatch.setattr(digest_module, "digest", fails)
    await until(house, observer_rig.NOW_S + 2 * DAY_S)
    assert [json.loads(one.data)["date"] for one in digests(house)] == ["2027-01-17"]
    thinned = len(house.kept.thinned)
    for _ in range(3):
        await until(house, house.clock.now_us() / 1e6 + 4000)
    assert [json.loads(one.data)["date"] for one in digests(house)] == ["2027-01-17", bad]
    assert "could not be made" in digests(house)[1].text and len(house.kept.thinned) == thinned + 3


async def test_records_that_are_away_cost_no_try_of_a_digest() -> None:
    house = observer_rig.House()
    await house.observer.look()
    house.clock.advance(DAY_S)
    house.kept.down = True
    for _ in range(6):
        with pytest.raises(errors.RecordsUnavailableError):
            await house.observer.look()
        house.clock.advance(15)
    house.kept.down = False
    await house.observer.look()
    assert "could not be made" not in digests(house)[0].text


async def test_a_digest_is_delivered_when_a_channel_that_tells_people_took_it() -> None:
    house = observer_rig.House()
    await house.observer.look()
    await until(house, observer_rig.NOW_S + DAY_S)
    [told] = digests(house)
    sent = incidents.Delivery.SENT
    nobody = [incidents.Parcel(told, name, sent) for name in (incidents.EVERY_CHANNEL, "log", "alertmanager")]
    failed = incidents.Parcel(told, "apprise:slack", incidents.Delivery.FAILED, reason="It refused.")
    assert posting.delivered([*nobody, failed]) == set()
    assert posting.undelivered([failed]) == "apprise:slack: It refused"
    day = json.loads(told.data)["date"]
    assert posting.delivered([*nobody, incidents.Parcel(told, "apprise:slack", sent)]) == {day}
    other = dataclasses.replace(told, kind=incidents.NoticeKind.ESCALATED)
    assert posting.delivered([incidents.Parcel(other, "apprise:slack", sent)]) == set()


def test_the_loop_says_how_many_snapshots_there_are_and_how_many_lack() -> None:
    start_s = 1_800_000_000.0
    ids = [snapshots.identifier(start_s + 900 * place) for place in range(-5, 90)]
    del ids[10]
    span = evidence.Span(start_s, start_s + DAY_S)
    assert posting.ticks(span, 900.0, 0.0, ids) == (89, 7)
    assert posting.ticks(span, 900.0, start_s + 43_200, ids)[1] == 96 - 90
    assert posting.ticks(span, 900.0, 0.0, ids, full_from_s=start_s + 1)[1] is None
