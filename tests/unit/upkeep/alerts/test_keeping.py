"""Incidents are saved and notices delivered, whatever is away meanwhile."""

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import alerting, errors, incidents
from council.domain.gates import Verdict
from council.domain.incidents import Delivery, NoticeKind, Observation, Silence, Standing
from council.testing import alerts, clock
from council.upkeep.alerts import desk, keeping

SETTINGS = alerting.AlertsConfig()
R, G = Verdict.RED, Verdict.GREEN


def failed(reason: str = "no answer") -> errors.NotifyError:
    return errors.NotifyError(reason)


class Care:
    """A keeping with its fakes; `began` anew by `restart`."""

    def __init__(
        self, notifiers: Sequence[alerts.ScriptedNotifier] = (), config: alerting.AlertsConfig = SETTINGS
    ) -> None:
        self.kept = alerts.PlainIncidents()
        self.notifiers = list(notifiers) or [alerts.ScriptedNotifier()]
        self.clock = clock.ManualClock()
        self.config = config
        self._numbers = itertools.count()
        self.restart()

    def restart(self) -> None:
        made = desk.Desk(self.config, lambda _: f"id-{next(self._numbers):06}")
        self.keeping = keeping.Keeping(made, self.kept, self.notifiers, self.config, self.clock)

    def run(self, seconds: int, *, deliver: bool = True, **verdicts: Verdict) -> None:
        for _ in range(seconds):
            at_us = self.clock.now_us()
            self.keeping.observe([Observation(name, verdict, at_us, "bad") for name, verdict in verdicts.items()])
            if deliver:
                self.keeping.deliver()
            self.clock.advance(1)

    @property
    def told(self) -> list[list[NoticeKind]]:
        return [[one.kind for one in notifier.got] for notifier in self.notifiers]

    @property
    def standings(self) -> list[Standing]:
        return [one.standing for one in self.kept.kept.values()]


def test_a_fault_is_saved_and_told_on_every_channel() -> None:
    care = Care([alerts.ScriptedNotifier("a"), alerts.ScriptedNotifier("b")])
    care.run(20, latency=R)
    assert care.standings == [Standing.OPEN]
    care.run(70, latency=G)
    assert care.told == [[NoticeKind.BEGAN, NoticeKind.OVER]] * 2
    assert care.standings == [Standing.REPAIRED]
    assert care.kept.counts() == {Delivery.WAITING: 0, Delivery.SENT: 4, Delivery.FAILED: 0}


def test_a_quiet_round_writes_nothing() -> None:
    care = Care()
    care.run(50, latency=G)
    assert care.kept.saves == 0


def test_a_notice_is_saved_before_it_is_sent() -> None:
    care = Care()
    care.run(20, deliver=False, latency=R)
    assert care.kept.counts()[Delivery.WAITING] == 1 and care.told == [[]]


def test_a_process_that_is_killed_before_sending_leaves_the_notice_to_the_next() -> None:
    care = Care()
    care.run(20, deliver=False, latency=R)
    care.restart()
    care.run(1, latency=R)
    assert care.told == [[NoticeKind.BEGAN]]
    care.run(70, latency=G)
    assert care.told == [[NoticeKind.BEGAN, NoticeKind.OVER]]
    assert care.standings == [Standing.REPAIRED]


def test_a_channel_that_fails_is_tried_again_later_and_the_other_is_not_kept_waiting() -> None:
    care = Care([alerts.ScriptedNotifier("a", [failed()] * 3), alerts.ScriptedNotifier("b")])
    care.run(12, deliver=False, latency=R)
    care.keeping.deliver()
    assert care.told == [[], [NoticeKind.BEGAN]]
    care.run(20, latency=R)
    assert care.told == [[NoticeKind.BEGAN]] * 2
    assert care.kept.sent["id-000001", "a"].tries == 4


def test_a_channel_that_asks_for_a_pause_gets_it() -> None:
    pause = errors.NotifyError("too many", retry_after_s=90)
    care = Care([alerts.ScriptedNotifier("a", [pause])])
    care.run(12, deliver=False, latency=R)
    care.keeping.deliver()
    care.run(89, latency=R)
    assert care.told == [[]]
    care.run(3, latency=R)
    assert care.told == [[NoticeKind.BEGAN]]


def test_what_a_channel_never_takes_is_kept_as_failed_with_its_reason() -> None:
    care = Care([alerts.ScriptedNotifier("a", [failed("HTTP status 403")] * 8)])
    care.run(600, latency=R)
    (parcel,) = care.kept.parcels(Delivery.FAILED, 10)
    assert (parcel.tries, parcel.reason) == (8, "HTTP status 403")
    care.run(70, latency=G)
    assert care.told == [[NoticeKind.OVER]]


def test_a_channel_that_breaks_in_an_unforeseen_way_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    care = Care([alerts.ScriptedNotifier("a", [ZeroDivisionError()]), alerts.ScriptedNotifier("b")])
    care.run(20, latency=R)
    assert care.told == [[NoticeKind.BEGAN]] * 2
    assert "nobody foresaw" in caplog.text


def test_notices_of_a_channel_come_in_order_even_after_failures() -> None:
    care = Care([alerts.ScriptedNotifier("a", [failed()] * 6)])
    care.run(20, latency=R)
    care.run(200, latency=G)
    assert care.told == [[NoticeKind.BEGAN, NoticeKind.OVER]]


def test_people_are_told_while_the_records_are_away_and_all_is_saved_when_they_are_back() -> None:
    care = Care()
    care.run(3, latency=G)
    care.kept.down = True
    care.run(20, latency=R)
    assert care.told == [[NoticeKind.BEGAN]] and not care.kept.kept
    care.kept.down = False
    care.run(1, latency=R)
    assert care.standings == [Standing.OPEN]
    assert care.kept.counts()[Delivery.SENT] == 1


def test_an_alert_that_fired_again_while_the_records_were_away_goes_on_in_one_incident() -> None:
    care = Care()
    care.run(20, latency=R)
    care.restart()
    care.kept.down = True
    care.run(20, latency=R)
    care.kept.down = False
    care.run(80, latency=G)
    assert sorted(care.standings) == [Standing.ENDED, Standing.REPAIRED]
    endings = [one.members[0].ending for one in care.kept.kept.values()]
    assert sorted(endings) == [incidents.Ending.ELSEWHERE, incidents.Ending.RESOLVED]


def test_a_silence_in_the_records_is_kept_even_while_they_are_away() -> None:
    care = Care()
    care.kept.silent["latency"] = Silence("latency", care.clock.now_us() + 100_000_000, "ada", "known", 1)
    care.run(1, latency=G)
    care.kept.down = True
    care.run(60, latency=R)
    assert care.told == [[]]
    care.run(60, latency=R)
    assert care.told == [[NoticeKind.BEGAN]]


def test_notices_for_a_channel_that_is_gone_are_kept_as_failed() -> None:
    care = Care([alerts.ScriptedNotifier("old")])
    care.run(20, deliver=False, latency=R)
    care.notifiers = [alerts.ScriptedNotifier("new")]
    care.restart()
    care.run(2, latency=R)
    assert [one.reason for one in care.kept.parcels(Delivery.FAILED, 9)] == ["there is no such channel any more"]


def test_a_notice_for_an_address_that_is_written_to_in_another_way_now_is_sent_that_way() -> None:
    care = Care([alerts.ScriptedNotifier("apprise:team"), alerts.ScriptedNotifier("apprise:mail")])
    care.run(20, deliver=False, latency=R)
    care.notifiers = [alerts.ScriptedNotifier("slack:team"), alerts.ScriptedNotifier("log")]
    care.restart()
    care.run(2, latency=R)
    assert care.told == [[NoticeKind.BEGAN], []]
    assert care.kept.sent["id-000001", "apprise:team"].delivery is Delivery.SENT
    assert [one.channel for one in care.kept.parcels(Delivery.FAILED, 9)] == ["apprise:mail"]


def test_notices_that_wait_are_bounded_and_the_oldest_are_said_to_have_failed() -> None:
    config = alerting.AlertsConfig(notices_max=10, hold_up_s=0.0, group_s=0.0, hold_down_s=1.0, flap_s=0.0, join_s=0.0)
    care = Care([alerts.ScriptedNotifier("a", [failed()] * 1000)], config)
    for _ in range(20):
        care.run(2, deliver=False, latency=R)
        care.run(2, deliver=False, latency=G)
    counts = care.kept.counts()
    assert counts[Delivery.WAITING] == 10 and counts[Delivery.FAILED] == 30
    assert care.kept.parcels(Delivery.FAILED, 1)[0].reason == "too many notices waited"


def test_a_clock_that_is_set_back_keeps_no_notice_for_long() -> None:
    care = Care([alerts.ScriptedNotifier("a", [failed()])])
    care.run(11, latency=R)
    care.clock.step(-86_400)
    care.run(2, latency=R)
    assert care.told == [[NoticeKind.BEGAN]]


steps = st.lists(
    st.tuples(
        st.integers(1, 30), st.sampled_from([R, G]), st.booleans(), st.sampled_from(["", "", "restart", "away", "back"])
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps, st.integers(0, 12))
def test_whatever_is_away_and_whoever_is_killed_every_incident_ends_and_every_notice_is_accounted_for(
    story: list[tuple[int, Verdict, bool, str]], failures: int
) -> None:
    care = Care([alerts.ScriptedNotifier("a", [failed()] * failures)])
    for seconds, verdict, deliver, act in story:
        match act:
            # What is not saved yet dies with a process that is killed while the records are away.
            case "restart" if not care.kept.down:
                care.restart()
            case "away" | "back":
                care.kept.down = act == "away"
        care.run(seconds, deliver=deliver, latency=verdict)
    care.kept.down = False
    for _ in range(60):
        care.clock.advance(59)
        care.run(1, latency=G)
    assert Standing.OPEN not in care.standings
    assert care.kept.counts()[Delivery.WAITING] == 0
    taken = {one.id for one in care.notifiers[0].got}
    assert taken == {one.notice.id for one in care.kept.sent.values() if one.delivery is Delivery.SENT}
    for one in care.kept.kept.values():
        kinds = [parcel.notice.kind for parcel in care.kept.sent.values() if parcel.notice.incident_id == one.id]
        assert (NoticeKind.BEGAN in kinds) == (NoticeKind.OVER in kinds) == bool(one.told_us)


def test_who_did_not_observe_for_a_while_goes_on_with_what_another_process_began_meanwhile() -> None:
    care = Care()
    care.run(5, latency=G, watcher_down=G)
    care.clock.advance(20)
    stood_in = keeping.Keeping(
        desk.Desk(alerting.AlertsConfig(hold_up_s=0, group_s=0), lambda _: "id-other"),
        care.kept, care.notifiers, SETTINGS, care.clock, only="watcher_down",
    )  # fmt: skip
    stood_in.observe([Observation("watcher_down", R, care.clock.now_us(), "it is hung")])
    stood_in.deliver()
    assert care.told == [[NoticeKind.BEGAN]] and stood_in.waiting == 0
    care.run(70, latency=G, watcher_down=G)
    assert care.told == [[NoticeKind.BEGAN, NoticeKind.OVER]]
    assert care.standings == [Standing.REPAIRED]


def test_who_stands_in_for_one_alert_leaves_other_incidents_alone_and_tells_once() -> None:
    care = Care()
    care.run(20, latency=R)
    before = dict(care.kept.kept)
    for _ in range(3):
        numbers = itertools.count(1)
        stood_in = keeping.Keeping(
            desk.Desk(alerting.AlertsConfig(hold_up_s=0, group_s=0), lambda _, n=numbers: f"in-{next(n)}"),
            care.kept, care.notifiers, SETTINGS, care.clock, only="watcher_down",
        )  # fmt: skip
        stood_in.observe([Observation("watcher_down", R, care.clock.now_us(), "it is hung")])
        stood_in.deliver()
    assert care.told == [[NoticeKind.BEGAN, NoticeKind.BEGAN]]
    assert {key: care.kept.kept[key] for key in before} == before


def left(kept: alerts.PlainIncidents, name: str, channel: str = incidents.EVERY_CHANNEL) -> None:
    """Leave a notice in the records, as another process does."""
    notice = incidents.Notice(name, 1, NoticeKind.ESCALATED, "", incidents.Severity.PAGE, "Red", "text", "<p>", "{}")
    kept.save([], [incidents.Parcel(notice, channel)])


def test_what_another_process_leaves_for_every_channel_is_delivered_once_on_each() -> None:
    care = Care([alerts.ScriptedNotifier("a"), alerts.ScriptedNotifier("b", [failed()])])
    care.run(3, latency=G)
    left(care.kept, "left-1")
    care.run(60, latency=G)
    assert care.told == [[NoticeKind.ESCALATED]] * 2
    assert care.notifiers[0].got[0].html == "<p>"
    assert care.kept.counts() == {Delivery.WAITING: 0, Delivery.SENT: 3, Delivery.FAILED: 0}
    care.restart()
    care.run(60, latency=G)
    assert care.told == [[NoticeKind.ESCALATED]] * 2


def test_what_is_left_for_one_channel_goes_to_that_alone() -> None:
    care = Care([alerts.ScriptedNotifier("a"), alerts.ScriptedNotifier("b")])
    left(care.kept, "left-1", "b")
    care.run(20, latency=G)
    assert care.told == [[], [NoticeKind.ESCALATED]]


def test_what_is_left_is_handed_on_before_any_of_it_is_sent() -> None:
    care = Care([alerts.ScriptedNotifier("a")])
    left(care.kept, "left-1")
    care.run(1, deliver=False, latency=G)
    assert care.told == [[]]
    assert care.kept.sent["left-1", incidents.EVERY_CHANNEL].delivery is Delivery.SENT
    assert care.kept.sent["left-1", "a"].delivery is Delivery.WAITING


def test_without_a_channel_what_is_left_is_kept_as_failed_with_why() -> None:
    care = Care([alerts.ScriptedNotifier("a")])
    care.keeping._notifiers = {}
    left(care.kept, "left-1")
    care.run(2, latency=G)
    (parcel,) = care.kept.parcels(Delivery.FAILED, 9)
    assert "there is no channel" in parcel.reason


def test_what_was_sent_while_it_could_not_be_saved_is_not_taken_for_left() -> None:
    care = Care([alerts.ScriptedNotifier("a")])
    left(care.kept, "left-1")
    care.run(1, deliver=False, latency=G)
    care.kept.down = True
    care.keeping.deliver()
    care.kept.down = False
    care.run(60, latency=G)
    assert care.told == [[NoticeKind.ESCALATED]]
