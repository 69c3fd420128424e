"""The rules of the sentinels, each over made samples."""

import pytest

from council.domain import sentinels
from council.domain.gates import Verdict
from council.upkeep.sentinels import counts, egress, levels, pace

G, A, R, U, N = Verdict.GREEN, Verdict.AMBER, Verdict.RED, Verdict.UNKNOWN, Verdict.NOT_APPLICABLE
GB, HOUR, DAY = 1e9, 3600.0, 86_400.0

SHARE = sentinels.Share("limit", 60, 80)
PILE = sentinels.Pile(300, 12)
QUEUE = sentinels.Queue(300, 16)
FILLS = sentinels.Fills("size", 24, 4)
DRIFT = sentinels.Drift("quota", 1)
PATTERN = sentinels.Pattern(10, 100)


@pytest.mark.parametrize(("part", "verdict"), [(599, G), (600, A), (799, A), (800, R), (1000, R)])
def test_descriptors_are_amber_from_sixty_and_red_from_eighty_percent(part: float, verdict: Verdict) -> None:
    assert levels.ShareWatch(SHARE, "descriptors").judge(0, part, 1000).verdict is verdict


def test_a_share_of_nothing_is_unknown() -> None:
    assert levels.ShareWatch(SHARE, "descriptors").judge(0, 10, 0).verdict is U


def test_a_zombie_counts_once_nobody_collected_it_for_a_minute() -> None:
    watch = levels.LastingWatch(sentinels.Lasting(60, 1, 10))
    assert [watch.judge(time_s, 1).verdict for time_s in (0.0, 45.0, 60.0)] == [G, G, A]
    assert watch.judge(75.0, 10).verdict is R
    assert watch.judge(90.0, 0).verdict is G
    assert watch.judge(105.0, 1).verdict is G


def _pile(counted: list[int]) -> tuple[Verdict, str]:
    watch = counts.PileWatch(PILE, "threads")
    said = [watch.judge(place * 15.0, count) for place, count in enumerate(counted)][-1]
    return said.verdict, said.reason


def test_threads_that_pile_up_are_found_within_an_hour() -> None:
    assert _pile([100 + place // 10 for place in range(250)])[0] is A
    assert _pile([10 + place // 4 for place in range(250)])[0] is R


def test_threads_that_come_and_go_do_not_pile_up() -> None:
    assert _pile([10 + place % 60 for place in range(500)])[0] is G


def test_a_few_more_threads_are_no_pile() -> None:
    assert _pile([10 + place // 30 for place in range(250)])[0] is G


def test_growth_of_a_pile_is_unknown_for_the_first_hour() -> None:
    verdict, reason = _pile([10] * 41)
    assert verdict is U
    assert "50 minutes" in reason


def _queue(counted: list[int]) -> list[Verdict]:
    watch = counts.QueueWatch(QUEUE)
    return [watch.judge(place * 15.0, count).verdict for place, count in enumerate(counted)]


def test_a_queue_that_is_never_empty_and_grows_is_amber_then_red() -> None:
    verdicts = _queue([1 + place // 4 for place in range(200)])
    assert set(verdicts[:20]) == {G}
    assert A in verdicts[:25]
    assert verdicts[-1] is R


def test_a_queue_that_empties_now_and_then_is_well() -> None:
    assert set(_queue([place % 17 for place in range(400)])) == {G}


def test_a_queue_of_one_length_does_not_grow() -> None:
    assert set(_queue([5] * 400)) == {G}


def test_a_queue_that_empties_is_well_at_once() -> None:
    assert _queue([1 + place // 4 for place in range(200)] + [0])[-1] is G


def _fills(used_at: list[float], size: float = 100 * GB, step_s: float = 15.0) -> list[tuple[Verdict, float | None]]:
    watch = pace.FillsWatch(FILLS)
    found = [watch.judge(place * step_s, used, size) for place, used in enumerate(used_at)]
    return [(one.verdict, one.value) for one in found]


@pytest.mark.parametrize(("gb_an_hour", "verdict"), [(0.0, G), (1.0, G), (3.0, A), (9.0, A), (20.0, R)])
def test_a_disk_is_judged_by_when_it_is_full(gb_an_hour: float, verdict: Verdict) -> None:
    used = [50 * GB + gb_an_hour * GB * place * 15 / HOUR for place in range(240)]
    last, hours = _fills(used)[-1]
    assert last is verdict
    if verdict is not G:
        assert hours == pytest.approx((100 * GB - used[-1]) / (gb_an_hour * GB), rel=0.05)


def test_a_disk_that_fills_within_minutes_is_red_after_six() -> None:
    verdicts = [verdict for verdict, _ in _fills([50 * GB + place * GB for place in range(30)])]
    assert verdicts.index(R) <= 24


def test_files_that_come_and_go_fill_no_disk() -> None:
    verdicts = {verdict for verdict, _ in _fills([50 * GB + place % 16 * 2 * GB for place in range(960)])}
    assert verdicts == {U, G}


def test_one_large_file_fills_no_disk() -> None:
    used = [50 * GB] * 300 + [50 * GB + min(place, 8) * GB for place in range(300)]
    assert {verdict for verdict, _ in _fills(used)} == {U, G}


def _drift(
    micros_an_hour: float, quota: float, from_h: float = 0.0, until_h: float = 24.0
) -> list[tuple[float, Verdict]]:
    watch = pace.DriftWatch(DRIFT)
    times = [place * 60.0 for place in range(int(until_h * 60))]
    return [(at / HOUR, watch.judge(at, max(0.0, at / HOUR - from_h) * micros_an_hour, quota).verdict) for at in times]


def test_spending_that_lasts_the_day_is_well() -> None:
    assert {verdict for _, verdict in _drift(1000, 25_000)} == {G}


def test_spending_that_does_not_last_the_day_is_amber_long_before_the_quota_is_used_up() -> None:
    said = _drift(2000, 25_000)
    first_amber_h = next(hour for hour, verdict in said if verdict is A)
    first_red_h = next(hour for hour, verdict in said if verdict is R)
    assert first_amber_h < 2
    assert first_red_h == pytest.approx(11.5, abs=0.1)


def test_a_spike_of_spending_is_red_within_minutes() -> None:
    said = _drift(60_000, 25_000, from_h=10)
    assert next(hour for hour, verdict in said if verdict is R) <= 10.2


def test_one_dear_call_is_no_drift() -> None:
    watch = pace.DriftWatch(DRIFT)
    said = {watch.judge(10 * HOUR + place * 15, 5_000 if place > 500 else 0, 25_000).verdict for place in range(1000)}
    assert said == {G}


@pytest.mark.covers("cost", "sentinel")
def test_a_new_day_begins_with_a_new_quota() -> None:
    watch = pace.DriftWatch(DRIFT)
    assert watch.judge(23.9 * HOUR, 30_000, 25_000).verdict is R
    assert watch.judge(24.1 * HOUR, 0, 25_000).verdict is G


def test_without_a_quota_nothing_drifts() -> None:
    assert pace.DriftWatch(DRIFT).judge(0, 1000, 0).verdict is N


class _Calls:
    """Counters of calls, and the rule that reads them each five minutes."""

    def __init__(self) -> None:
        self.watch = egress.PatternWatch(PATTERN, "bytes")
        self.counters: dict[str, float] = {}
        self.time_s = 0.0

    def go(self, hours: float, **calls_an_hour: float) -> list[Verdict]:
        said = []
        for _ in range(round(hours * 12)):
            for name, calls in calls_an_hour.items():
                self.counters[name] = self.counters.get(name, 0) + calls / 12
            said.append(self.watch.judge(self.time_s, self.counters).verdict)
            self.time_s += 300
        return said


def test_destinations_are_learned_for_a_day_and_then_well() -> None:
    calls = _Calls()
    assert set(calls.go(24, one=30, two=5)) == {U}
    assert set(calls.go(100, one=40, two=9)) == {G}


def test_a_destination_that_was_never_called_is_amber_for_an_hour() -> None:
    calls = _Calls()
    calls.go(30, one=30)
    said = calls.go(3, one=30, new=1)
    assert set(said[:12]) == {A}
    assert set(said[12:]) == {G}


def test_a_destination_that_is_called_ten_times_as_often_is_red() -> None:
    calls = _Calls()
    calls.go(30, one=30)
    assert R not in calls.go(2, one=200)
    assert R in calls.go(2, one=6000)


def test_what_is_alarming_becomes_usual_only_slowly() -> None:
    calls = _Calls()
    calls.go(30, one=100)
    assert R in calls.go(2, one=6000)[-12:]
    assert R not in calls.go(12, one=6000)[-12:]


def test_a_counter_that_begins_anew_is_no_flood() -> None:
    calls = _Calls()
    calls.go(30, one=30)
    calls.counters["one"] = 0
    assert set(calls.go(3, one=30)) == {G}


def test_a_counter_that_was_high_at_the_first_look_is_no_flood() -> None:
    calls = _Calls()
    calls.counters["one"] = 1_000_000
    assert set(calls.go(24, one=30)) == {U}
    assert set(calls.go(24, one=30)) == {G}


def test_a_series_that_stands_at_nought_is_no_destination_yet() -> None:
    calls = _Calls()
    calls.counters["idle"] = 0
    calls.go(30, one=30)
    assert A in calls.go(1, one=30, idle=5)


def test_destinations_have_a_bound() -> None:
    watch = egress.PatternWatch(PATTERN, "bytes")
    for place in range(300):
        watch.judge(place * 15.0, {f"made-{place}-{other}": 1.0 for other in range(100)})
    assert len(watch._known) <= egress.DESTINATIONS_MAX + 1
