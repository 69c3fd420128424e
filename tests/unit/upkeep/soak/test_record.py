"""What a soak makes of what gates say over time."""

from pathlib import Path

import pytest
import yaml

from council.domain import gates, gates_file, watching
from council.testing import watch
from council.upkeep.soak import record
from council.upkeep.soak.record import Outcome

GREEN, AMBER, RED, UNKNOWN, NA = (
    gates.Verdict.GREEN,
    gates.Verdict.AMBER,
    gates.Verdict.RED,
    gates.Verdict.UNKNOWN,
    gates.Verdict.NOT_APPLICABLE,
)
WARM_UP_S = 20.0


def soaked(verdicts: list[gates.Verdict], needs_s: float = 0.0) -> record.Ruling:
    """Return what is said of a gate that was read every ten seconds."""
    seen = record.Record()
    for number, verdict in enumerate(verdicts):
        value = None if verdict in (UNKNOWN, NA) else float(number)
        seen.take(10.0 * number, sight(watch.line("error_rate", verdict, value)), 1.0)
    (ruling,) = seen.rulings(WARM_UP_S, {"error_rate": needs_s})
    return ruling


def sight(*lines: watching.GateLine, turn: int = 1) -> watching.Sight:
    return watching.Sight(turn, 0.0, lines)


def test_green_and_amber_pass_and_say_how_often_and_between_what() -> None:
    ruling = soaked([GREEN, GREEN, GREEN, AMBER, GREEN])
    assert (ruling.outcome, ruling.why) == (Outcome.PASSED, "3 readings, 1 of them amber")
    assert (ruling.low, ruling.high) == (2.0, 4.0)


@pytest.mark.parametrize("bad", [RED, UNKNOWN])
def test_one_reading_that_is_red_or_unknown_fails_and_what_came_before_warm_up_does_not(bad: gates.Verdict) -> None:
    assert soaked([bad, bad, GREEN, GREEN]).outcome is Outcome.PASSED
    ruling = soaked([GREEN, GREEN, GREEN, bad, GREEN])
    assert (ruling.outcome, ruling.why) == (Outcome.FAILED, f"{bad} for 1 reading, last from 30 s on: as it is")


def test_a_gate_that_needs_longer_than_the_soak_is_not_judged_and_its_red_fails_all_the_same() -> None:
    ruling = soaked([UNKNOWN] * 5, needs_s=9000)
    assert ruling.outcome is Outcome.NOT_JUDGED
    assert ruling.why == "not decided within this duration: it needs 150 minutes from a start on"
    assert soaked([UNKNOWN, UNKNOWN, RED, UNKNOWN], needs_s=9000).outcome is Outcome.FAILED
    assert soaked([UNKNOWN, UNKNOWN, UNKNOWN, GREEN, GREEN], needs_s=25).outcome is Outcome.PASSED
    assert soaked([UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, GREEN], needs_s=25).outcome is Outcome.FAILED


def test_what_does_not_apply_is_said_to_and_nothing_seen_is_no_pass() -> None:
    assert soaked([NA] * 4).outcome is Outcome.NOT_APPLICABLE
    assert soaked([GREEN]).outcome is Outcome.NOT_JUDGED


def test_a_watcher_that_is_away_or_judges_nothing_new_is_no_health() -> None:
    seen = record.Record()
    seen.take(20.0, sight(watch.line("error_rate", GREEN, 1.0)), 1.0)
    seen.take(30.0, sight(watch.line("error_rate", GREEN, 1.0)), record.STALE_S + 1)
    seen.miss(40.0, "the watcher is away")
    (ruling,) = seen.rulings(WARM_UP_S, {})
    assert ruling.outcome is Outcome.FAILED and "the watcher judged last 31 s ago" in ruling.why
    assert ruling.seen[UNKNOWN] == 2 and seen.blind == 2


def test_a_watcher_that_has_judged_nothing_yet_shows_no_gate() -> None:
    seen = record.Record()
    seen.take(0.0, sight(turn=0), 0.0)
    assert seen.rulings(0.0, {}) == [] and seen.blind == 1


def test_a_gate_that_comes_later_or_goes_is_unknown_where_it_is_not() -> None:
    seen = record.Record()
    seen.take(20.0, sight(watch.line("a", GREEN, 1.0)), 0.0)
    seen.take(30.0, sight(watch.line("a", GREEN, 1.0), watch.line("b", GREEN, 1.0)), 0.0)
    seen.take(40.0, sight(watch.line("b", GREEN, 1.0)), 0.0)
    outcomes = {one.gate: one.outcome for one in seen.rulings(WARM_UP_S, {})}
    assert outcomes == {"a": Outcome.FAILED, "b": Outcome.PASSED}


def test_of_the_shipped_gates_only_the_growth_of_memory_needs_long() -> None:
    shipped = yaml.safe_load((Path(__file__).parents[4] / "config" / "gates.yaml").read_text())
    needs = {one.name: record.needs_s(one) for one in gates_file.build(shipped, shipped)}
    assert {name: seconds for name, seconds in needs.items() if seconds} == {"memory_growth": 9000.0}


@pytest.mark.parametrize(("low", "high", "span"), [(1.0, 2.5, "1 to 2.5"), (100.0, 100.0001, "100"), (None, None, "")])
def test_a_number_that_stayed_is_told_once(low: float | None, high: float | None, span: str) -> None:
    assert record.Ruling("error_rate", Outcome.PASSED, "", {}, low, high).span == span
