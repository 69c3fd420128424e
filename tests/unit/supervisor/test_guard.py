"""When people are told that the watcher is down."""

from pathlib import Path

from council.domain import alerting
from council.supervisor import guard

SETTINGS = alerting.AlertsConfig(watcher_away_s=30.0, repeat_s=600.0)


def told(*seen: tuple[str, int]) -> list[int]:
    """Return at which seconds people are told, of states that each hold for so many seconds."""
    away, found, now_s = guard.Away(), [], 0
    for state, for_s in seen:
        for _ in range(for_s):
            away, tell = guard.step(away, state, now_s, SETTINGS)
            found += [now_s] if tell else []
            now_s += 1
    return found


def test_people_are_told_once_and_again_when_it_goes_on_for_long() -> None:
    assert told(("ready", 10), ("hung", 500)) == [40]
    assert told(("ready", 10), ("hung", 1000)) == [40, 640]


def test_back_offs_and_starts_in_between_are_one_time_of_being_down() -> None:
    assert told(("ready", 10), *[("backoff", 8), ("starting", 7)] * 20) == [40]


def test_one_quick_restart_tells_nobody() -> None:
    assert told(*[("ready", 10), ("backoff", 1), ("starting", 20)] * 5) == []


def test_what_somebody_wants_tells_nobody() -> None:
    assert told(("starting", 300), ("ready", 5), ("stopping", 60), ("starting", 60), ("ready", 1)) == []
    assert told(("ready", 5), ("stopped", 1000)) == []
    assert told(("backoff", 20), ("stopped", 5), ("starting", 60)) == []


def test_the_reason_is_the_last_line_of_the_log_and_only_if_it_is_an_error_of_ours(tmp_path: Path) -> None:
    log = tmp_path / "watcher.log"
    assert guard._last_error(log) == ""
    log.write_text('{"message": "confined"}\n' * 1000 + "council: `x` is wrong. Mend it.\n")
    assert guard._last_error(log) == "`x` is wrong. Mend it."
    log.write_text('council: `x` is wrong.\n{"message": "confined"}\n')
    assert guard._last_error(log) == ""
    log.write_text("council: " + "x" * 3000)
    assert len(guard._last_error(log)) == 300
