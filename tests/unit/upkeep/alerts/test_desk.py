"""Incidents out of observations, and what people are told."""

import dataclasses
import itertools
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import alerting, incidents
from council.domain.gates import Verdict
from council.domain.incidents import Incident, Notice, NoticeKind, Observation, Severity, Silence, Standing
from council.upkeep.alerts import desk as desks

S = 1_000_000
T0 = 1_790_000_000 * S
SETTINGS = alerting.AlertsConfig()
G, A, R, U, N = Verdict.GREEN, Verdict.AMBER, Verdict.RED, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE


class Watch:
    """A desk, its time, and all that came out of it."""

    def __init__(self, config: alerting.AlertsConfig = SETTINGS, at_s: float = 0.0) -> None:
        numbers = itertools.count()
        self.desk = desks.Desk(config, lambda _: f"id-{next(numbers):06}")
        self.at_s = at_s
        self.notices: list[tuple[float, Notice]] = []
        self.saved: dict[str, Incident] = {}
        self.silences: Sequence[Silence] = ()

    def look(self, **verdicts: Verdict) -> None:
        """One round, a second after the one before."""
        at_us = T0 + round(self.at_s * S)
        seen = [
            Observation(name, verdict, at_us, f"{name} is {verdict}", "Look.") for name, verdict in verdicts.items()
        ]
        outcome = self.desk.observe(seen, self.silences, at_us)
        self.notices += [(self.at_s, one) for one in outcome.notices]
        self.saved |= {one.id: one for one in outcome.changed}
        self.at_s += 1

    def look_for(self, seconds: int, **verdicts: Verdict) -> None:
        for _ in range(seconds):
            self.look(**verdicts)

    @property
    def told(self) -> list[tuple[float, NoticeKind]]:
        return [(at_s, one.kind) for at_s, one in self.notices]

    @property
    def only(self) -> Incident:
        (one,) = self.saved.values()
        return one


def test_a_fault_is_one_incident_with_times_and_two_notices() -> None:
    watch = Watch()
    watch.look_for(10, http_5xx=G)
    watch.look_for(30, http_5xx=R)
    watch.look_for(70, http_5xx=G)
    assert watch.told == [(15, NoticeKind.BEGAN), (100, NoticeKind.OVER)]
    one = watch.only
    assert (one.standing, one.severity) == (Standing.REPAIRED, Severity.PAGE)
    assert (one.began_us - T0, one.detected_us - T0, one.repaired_us - T0) == (10 * S, 15 * S, 40 * S)
    assert (one.detection_s, one.repair_s) == (5.0, 30.0)
    assert not watch.desk.open


def test_a_sentinel_says_itself_when_its_warning_becomes_a_page() -> None:
    paged_s = {}
    for page_after_s in (0.0, 60.0, None):
        desk = desks.Desk(SETTINGS, lambda _: "id")
        for at_s in range(400):
            seen = Observation("memory", R, T0 + at_s * S, "it grows", page_after_s=page_after_s)
            changed = desk.observe([seen], (), T0 + at_s * S).changed
            if page_after_s not in paged_s and any(one.severity is Severity.PAGE for one in changed):
                paged_s[page_after_s] = at_s
    assert paged_s == {0.0: 5, 60.0: 60, None: 300}


def test_a_notice_says_what_since_when_and_what_to_do() -> None:
    watch = Watch()
    watch.look_for(15, http_5xx=R)
    (_, notice), *_ = watch.notices
    assert notice.title == "Page: requests fail or take too long to end"
    assert notice.text == (
        "requests fail or take too long to end: http_5xx is red, since 2026-09-21 14:13:20 UTC.\n"
        "  Look.\nMore: council incidents show id-000000"
    )


def test_what_starts_together_is_one_incident_and_one_notice() -> None:
    watch = Watch()
    watch.look_for(2, latency=R)
    watch.look_for(12, latency=R, success_rate=R)
    assert watch.told == [(7, NoticeKind.BEGAN)]
    assert watch.notices[0][1].title == "Page: answers are slow, many questions are not answered well"
    assert [member.alert.name for member in watch.only.members] == ["latency", "success_rate"]


def test_a_notice_waits_for_what_is_bad_and_no_alert_yet_but_not_for_ever() -> None:
    watch = Watch()
    watch.look_for(3, latency=R)
    watch.look_for(3, latency=R, success_rate=R)
    # From here on something new is bad at every moment.
    for number in range(4):
        watch.look(latency=R, success_rate=R, http_5xx=R)
        watch.look(latency=R, success_rate=R, http_5xx=R, **{f"new_{number}": R})
    assert watch.told[0] == (10, NoticeKind.BEGAN)


def test_a_round_that_comes_a_moment_early_holds_no_notice_up() -> None:
    watch = Watch()
    for watch.at_s, others in ((0.0, {}), (5.1, {"latency": R}), (9.95, {"success_rate": R}), (15.0, {})):
        watch.look(http_5xx=R, **others)
    assert watch.told == [(9.95, NoticeKind.BEGAN)]


def test_what_comes_later_is_told_as_more_and_what_is_unrelated_is_another_incident() -> None:
    watch = Watch()
    watch.look_for(60, latency=R)
    watch.look_for(200, latency=R, fd_usage=R)
    watch.look_for(30, latency=R, fd_usage=R, gpu_memory=R)
    kinds = [kind for _, kind in watch.told]
    assert kinds == [NoticeKind.BEGAN, NoticeKind.GREW, NoticeKind.BEGAN]
    assert [[member.alert.name for member in one.members] for one in watch.saved.values()] == [
        ["latency", "fd_usage"],
        ["gpu_memory"],
    ]


def test_what_goes_on_for_an_hour_after_the_repair_holds_open_nothing_that_began_with_it() -> None:
    watch = Watch()
    watch.look_for(20, service_down=R, crash_loop=R, watcher_down=R)
    watch.look_for(70, service_down=G, crash_loop=R, watcher_down=G)
    standings = {one.members[0].alert.name: (len(one.members), one.standing) for one in watch.saved.values()}
    assert standings == {
        "service_down": (1, Standing.REPAIRED),
        "watcher_down": (1, Standing.REPAIRED),
        "crash_loop": (1, Standing.OPEN),
    }
    crash = next(one for one in watch.saved.values() if one.members[0].alert.name == "crash_loop")
    assert crash.severity is Severity.WARNING


def test_what_the_table_links_joins_however_late() -> None:
    watch = Watch()
    watch.look_for(600, disk_usage=R)
    watch.look_for(30, disk_usage=R, http_5xx=R)
    assert [member.alert.name for member in watch.only.members] == ["disk_usage", "http_5xx"]
    assert watch.only.severity is Severity.PAGE
    assert [cause.title for cause in watch.only.causes] == ["the disk of the home is nearly full"]
    assert "full disk" in watch.only.causes[0].because


def test_what_comes_back_while_others_keep_the_incident_open_is_told_again_and_first() -> None:
    watch = Watch()
    watch.look_for(100, disk_usage=R, http_5xx=R)
    watch.look_for(100, disk_usage=R, http_5xx=G)
    watch.look_for(20, disk_usage=R, http_5xx=R)
    assert watch.told == [(5, NoticeKind.BEGAN), (205, NoticeKind.GREW)]
    assert (
        watch.notices[-1][1].title
        == "Page: requests fail or take too long to end, the disk of the home is nearly full (more)"
    )


def test_a_warning_that_becomes_a_page_is_told_again_and_once() -> None:
    watch = Watch()
    watch.look_for(1000, fd_usage=R)
    assert watch.told == [(5, NoticeKind.BEGAN), (300, NoticeKind.GREW)]
    assert [one.severity for _, one in watch.notices] == [Severity.WARNING, Severity.PAGE]


def test_what_lasts_is_told_again_now_and_then() -> None:
    watch = Watch(alerting.AlertsConfig(repeat_s=600.0))
    watch.look_for(2000, latency=R)
    assert watch.told == [(5, NoticeKind.BEGAN), *((605 + 600 * number, NoticeKind.STILL) for number in range(3))]


def test_unknown_and_silence_of_the_source_end_nothing() -> None:
    watch = Watch()
    watch.look_for(20, latency=R)
    watch.look_for(1000, latency=U)
    watch.look_for(1000)
    assert [kind for _, kind in watch.told] == [NoticeKind.BEGAN]
    assert watch.desk.open


def test_what_nobody_measures_for_a_day_ends_as_that() -> None:
    watch = Watch(alerting.AlertsConfig(repeat_s=604_800.0))
    watch.look_for(20, latency=R)
    watch.at_s += 86_500
    watch.look()
    assert [kind for _, kind in watch.told] == [NoticeKind.BEGAN, NoticeKind.OVER]
    assert watch.only.standing is Standing.ENDED
    assert "nobody measures it any more" in watch.notices[1][1].text


def test_what_no_longer_applies_ends_the_incident_and_is_not_called_repaired() -> None:
    watch = Watch()
    watch.look_for(20, gpu_memory=R)
    watch.look(gpu_memory=N)
    assert watch.only.standing is Standing.ENDED
    assert "no longer applies" in watch.notices[-1][1].text


def test_a_silence_keeps_people_in_peace_and_the_incident_in_the_records() -> None:
    watch = Watch()
    watch.silences = [Silence("latency", T0 + 100 * S, "ada", "moving house", T0)]
    watch.look_for(100, latency=R)
    assert watch.told == [] and watch.only.standing is Standing.OPEN
    watch.look_for(5, latency=R)
    assert watch.told == [(100, NoticeKind.BEGAN)]


def test_what_begins_and_ends_in_silence_is_not_told_and_recorded() -> None:
    watch = Watch()
    watch.silences = [Silence(incidents.ALL, T0 + 1000 * S, "ada", "testing", T0)]
    watch.look_for(20, latency=R)
    watch.look_for(70, latency=G)
    assert watch.told == [] and watch.only.standing is Standing.REPAIRED


def test_a_silence_of_one_alert_leaves_the_others_loud() -> None:
    watch = Watch()
    watch.silences = [Silence("latency", T0 + 1000 * S, "ada", "known", T0)]
    watch.look_for(20, latency=R, success_rate=R)
    ((_, notice),) = watch.notices
    assert not notice.text.startswith("answers are slow")
    assert notice.title == "Page: many questions are not answered well" and "\nanswers are slow" not in notice.text


def test_what_ended_in_silence_is_not_told_when_the_silence_ends() -> None:
    watch = Watch()
    watch.silences = [Silence("latency", T0 + 120 * S, "ada", "known", T0)]
    watch.look_for(20, latency=R, success_rate=R)
    watch.look_for(70, latency=G, success_rate=R)
    watch.look_for(60, latency=G, success_rate=R)
    assert [notice.title for _, notice in watch.notices] == ["Page: many questions are not answered well"]


def test_a_source_that_skips_a_round_does_not_make_a_flapping_alert_new() -> None:
    watch = Watch()
    for hold_s in (60, 120, 240):
        watch.look_for(20, latency=R)
        watch.look_for(hold_s, latency=G)
        assert watch.desk.open
        watch.look_for(1, latency=G)
        assert not watch.desk.open
        watch.look_for(5)


def test_an_alert_that_two_open_incidents_hold_goes_on_in_the_older_one() -> None:
    first, second = Watch(), Watch()
    first.look_for(20, latency=R)
    second.look_for(20, latency=R)
    twin = dataclasses.replace(second.only, id="id-9")
    watch = Watch(at_s=30)
    taken = watch.desk.take_up([twin, first.only], T0 + 30 * S)
    assert [(one.id, one.standing) for one in taken] == [("id-000000", Standing.OPEN), ("id-9", Standing.ENDED)]
    watch.look(latency=R)
    assert [one.id for one in watch.desk.open] == ["id-000000"]


def test_a_new_process_goes_on_with_open_incidents_and_tells_nothing_twice() -> None:
    watch = Watch()
    watch.look_for(20, latency=R)
    after = Watch(at_s=40)
    after.desk.take_up(list(watch.saved.values()), T0 + 40 * S)
    after.look_for(30, latency=R)
    assert after.told == [] and [one.id for one in after.desk.open] == [watch.only.id]
    after.look_for(61, latency=G)
    assert [kind for _, kind in after.told] == [NoticeKind.OVER]
    assert after.only.id == watch.only.id and after.only.standing is Standing.REPAIRED
    assert after.only.began_us == watch.only.began_us
    assert any("began anew" in moment.text for moment in after.only.timeline)


def test_a_new_process_that_finds_all_well_ends_what_was_open() -> None:
    watch = Watch()
    watch.look_for(20, latency=R)
    after = Watch(at_s=400)
    after.desk.take_up(list(watch.saved.values()), T0 + 400 * S)
    after.look_for(61, latency=G)
    assert after.only.standing is Standing.REPAIRED


def test_a_timeline_is_bounded_and_keeps_its_beginning_and_its_end() -> None:
    watch = Watch(alerting.AlertsConfig(hold_up_s=0.0, hold_down_s=1.0, flap_s=0.0))
    watch.look_for(3, latency=R)
    for _ in range(400):
        watch.look_for(2, latency=R, success_rate=R)
        watch.look_for(3, latency=R, success_rate=G)
    one = watch.only
    assert len(one.timeline) == incidents.MOMENTS_MAX and one.moments_left_out > 0
    assert one.timeline[0].text == "answers are slow: first bad reading"
    assert one.timeline[-1].at_us > T0 + (watch.at_s - 10) * S
    assert len(one.members) == 2


def test_hostile_texts_are_cut_to_one_line() -> None:
    watch = Watch()
    for _ in range(15):
        at_us = T0 + round(watch.at_s * S)
        evil = Observation("x" * 999, R, at_us, "a\x1b[31m\nb" * 999, "", (("svc", "\n" * 999),))
        watch.notices += [(0, one) for one in watch.desk.observe([evil], [], at_us).notices]
        watch.at_s += 1
    ((_, notice),) = watch.notices
    assert "\x1b" not in notice.text + notice.title and len(notice.title) <= incidents.TEXT_CHARS_MAX
    assert len(notice.text) < 1000


def test_there_are_never_more_tracks_than_allowed() -> None:
    desk = desks.Desk(alerting.AlertsConfig(tracked_max=10), str)
    for second in range(20):
        at_us = T0 + second * S
        desk.observe([Observation(f"name-{number}", R, at_us) for number in range(50)], [], at_us)
    assert desk.board.left_out == 20 * 40
    assert sum(len(one.members) for one in desk.open) == 10


def test_what_went_bad_at_the_same_time_is_named_and_not_called_a_cause() -> None:
    watch = Watch()
    watch.look_for(2, egress=R)
    watch.look_for(4, egress=G, latency=R)
    watch.look_for(12, egress=G, latency=R)
    assert [(cause.title, cause.because) for cause in watch.only.causes] == [
        ("something unusual is sent to providers", "")
    ]
    assert "no link between them is known" in watch.notices[0][1].text


rounds = st.lists(
    st.tuples(
        st.integers(1, 120),
        st.dictionaries(st.sampled_from(["latency", "fd_usage", "spend", "memory"]), st.sampled_from(list(Verdict))),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(rounds)
def test_every_incident_told_of_is_told_to_be_over_once_and_only_when_it_is(
    steps: list[tuple[int, dict[str, Verdict]]],
) -> None:
    watch = Watch()
    for step_s, verdicts in steps:
        watch.at_s += step_s - 1
        watch.look(**verdicts)
    for _ in range(60):
        watch.at_s += 59
        watch.look(latency=G, fd_usage=G, spend=G, memory=G)
    assert not watch.desk.open
    for one in watch.saved.values():
        kinds = [notice.kind for _, notice in watch.notices if notice.incident_id == one.id]
        assert kinds.count(NoticeKind.BEGAN) == kinds.count(NoticeKind.OVER) == bool(one.told_us)
        assert not kinds or (kinds[0] is NoticeKind.BEGAN and kinds[-1] is NoticeKind.OVER)
        assert one.began_us <= one.detected_us
        assert one.began_us <= one.repaired_us
        assert [moment.at_us for moment in one.timeline] == sorted(moment.at_us for moment in one.timeline)


@settings(max_examples=60, deadline=None)
@given(rounds, st.integers(0, 40))
def test_a_restart_at_any_moment_loses_no_open_incident(
    steps: list[tuple[int, dict[str, Verdict]]], at_round: int
) -> None:
    watch = Watch()
    for step_s, verdicts in steps[:at_round]:
        watch.at_s += step_s - 1
        watch.look(**verdicts)
    after = Watch(at_s=watch.at_s)
    after.desk.take_up(list(watch.saved.values()), T0 + round(after.at_s * S))
    assert {one.id for one in after.desk.open} == {one.id for one in watch.desk.open}
    for step_s, verdicts in steps[at_round:]:
        after.at_s += step_s - 1
        after.look(**dict.fromkeys(verdicts, U))
    assert {one.id for one in after.desk.open} == {one.id for one in watch.desk.open}
