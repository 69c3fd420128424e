"""When a messenger that is sent tells people."""

from council.domain import alerting, gates, incidents
from council.services import messenger
from council.testing import alerts, clock
from council.upkeep.alerts import desk, keeping, sources

SETTINGS = alerting.AlertsConfig(repeat_s=600.0)


def sent(kept: alerts.PlainIncidents, time: clock.ManualClock) -> list[incidents.NoticeKind]:
    """Do what a messenger does, in a process of its own each time; return what it told."""
    settings = messenger.at_once(SETTINGS)
    made = desk.Desk(settings, lambda at_us: f"id-{at_us}-{len(kept.kept)}")
    channel = alerts.ScriptedNotifier()
    one = keeping.Keeping(made, kept, [channel], settings, time, only=alerting.WATCHER_DOWN)
    one.observe([sources.of_watcher(gates.Verdict.RED, "it hangs", time.now_us())])
    one.deliver()
    return [notice.kind for notice in channel.got]


def test_one_that_starts_a_little_faster_than_the_first_tells_all_the_same() -> None:
    kept, time = alerts.PlainIncidents(), clock.ManualClock()
    assert sent(kept, time) == [incidents.NoticeKind.BEGAN]
    time.advance(30)
    assert sent(kept, time) == [], "one that goes out for what was not delivered tells nothing anew"
    time.advance(569)
    assert sent(kept, time) == [incidents.NoticeKind.STILL]
