"""Which kills a soak's digest must tell of: those of processes that the watcher had time to see."""

import digest_faults
import soak_faults


def digest(**begun: int) -> dict[str, object]:
    return {"services": [{"service": name, "begun": {"value": count}} for name, count in begun.items()]}


ALL = dict.fromkeys(soak_faults.SERVICES, 1)


def test_a_killed_process_that_was_seen_must_be_told() -> None:
    killed = [soak_faults.Window("recall", 30.0, 33.0)]
    assert not list(digest_faults.untold(digest(**ALL | {"recall": 2}), killed, 0.0, 60.0))
    (line,) = digest_faults.untold(digest(**ALL), killed, 0.0, 60.0)
    assert "1 processes of recall" in line


def test_what_lived_too_short_or_while_no_watcher_looked_need_not_be() -> None:
    short = [soak_faults.Window("recall", 50.0, 53.0)]
    assert not list(digest_faults.untold(digest(**ALL), short, 0.0, 60.0))
    unwatched = [soak_faults.Window("watcher", 10.0, 45.0), soak_faults.Window("recall", 48.0, 50.0)]
    assert not list(digest_faults.untold(digest(), unwatched, 0.0, 55.0))


def test_a_killed_supervisor_ends_every_process() -> None:
    killed = [soak_faults.Window(soak_faults.SUPERVISOR, 30.0, 40.0)]
    assert len(list(digest_faults.untold(digest(**ALL), killed, 0.0, 60.0))) == len(soak_faults.SERVICES)
