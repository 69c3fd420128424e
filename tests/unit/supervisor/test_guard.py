"""When people are told that the watcher is down."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from council.domain import alerting, states
from council.supervisor import children, guard, logs, service, specs

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
    assert logs.last_error(log, 300) == ""
    log.write_text('{"message": "confined"}\n' * 1000 + "council: `x` is wrong. Mend it.\n")
    assert logs.last_error(log, 300) == "`x` is wrong. Mend it."
    log.write_text('council: `x` is wrong.\n{"message": "confined"}\n')
    assert logs.last_error(log, 300) == ""
    log.write_text("council: " + "x" * 3000)
    assert len(logs.last_error(log, 300)) == 300


class HungWatcher:
    """A watcher that hangs; each messenger sent in its place ends at once, as it is told to."""

    log_file = Path("/nonexistent")

    def __init__(self, *ends: str) -> None:
        self.ends, self.sent = list(ends), 0
        self.on_exit: Callable[[str], None] = lambda _: None

    def status(self, _: object) -> list[states.ServiceStatus]:
        return [states.ServiceStatus("watcher", "hung", 1, "0" * 40, 5.0, 0, 0)]

    def start_beside(self, _: object, given: bytes, on_exit: Callable[[str], None]) -> Any:
        self.sent += 1
        if self.ends[:1] == ["no process"]:
            self.ends.pop(0)
            raise OSError("no process")
        self.on_exit = on_exit
        return self

    def destroy(self) -> None:
        pass


async def test_a_messenger_that_could_not_tell_everybody_is_followed_by_another_soon() -> None:
    watcher = HungWatcher("no process", "ended with status 1", "ended with status 1", children.ENDED_WELL)
    looking = guard.Guard(cast(service.RunningService, watcher), cast(specs.ServiceSpec, None), SETTINGS)
    sent_s = []
    for now_s in range(1500):
        before = watcher.sent
        looking.look(float(now_s))
        if watcher.sent > before:
            sent_s.append(now_s)
            if looking._messenger is not None:
                watcher.on_exit(watcher.ends.pop(0) if watcher.ends else children.ENDED_WELL)
    assert sent_s == [30, 90, 210, 450, 1050]
