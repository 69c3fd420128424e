"""What the benchmark of detection reads out of a notice is what the notice says."""

from pathlib import Path

import orjson
import pytest

import detection_notices
from council.backends.notifier import file
from council.domain import alerting, incidents
from council.domain.gates import Verdict
from council.upkeep.alerts import desk

S = 1_000_000
T0_S = 1_790_000_000


@pytest.fixture
def heard(tmp_path: Path) -> detection_notices.Notices:
    """Three alerts, told through the file channel, two of them with a summary full of stops and words like `since`."""
    ids = iter(f"id-{number}" for number in range(100))
    made = desk.Desk(alerting.AlertsConfig(), lambda _: next(ids))
    channel = file.FileNotifier(tmp_path, 1 << 20, 2)
    reason = "943 of 1024 are in use, since 2020-01-01 00:00:00 UTC."
    for second in range(200):
        at_us = (T0_S + second) * S
        bad = Verdict.RED if second < 60 else Verdict.GREEN
        seen = [
            incidents.Observation("http_5xx", bad, at_us, reason),
            incidents.Observation("service_down", bad, at_us, "it is backoff: stopped", "Wait.", (("svc", "recall"),)),
            incidents.Observation("spend", bad, at_us, reason, "", (("scope", "all"), ("span", "day"))),
        ]
        for notice in made.observe(seen, [], at_us).notices:
            channel.send(notice)
    notices = detection_notices.Notices(tmp_path / file.FILE)
    notices._take(float(T0_S + 500))
    return notices


def test_each_alert_of_a_notice_is_read_with_its_labels_and_its_beginning(heard: detection_notices.Notices) -> None:
    began, over = heard.told
    assert began.alerts == (
        ("requests fail or take too long to end", float(T0_S)),
        ("recall does not work", float(T0_S)),
        ("a budget is nearly or wholly spent (scope all, span day)", float(T0_S)),
    )
    assert (began.kind, over.kind, over.alerts) == ("began", "over", ())
    assert heard.over_s(began.incident) == T0_S + 500


def test_a_fault_is_told_by_what_began_after_it(heard: detection_notices.Notices) -> None:
    assert heard.first(["recall does not work"], T0_S - 1) is heard.told[0]
    assert heard.first(["recall does not work"], T0_S + 2) is None
    assert heard.first(["worker does not work"], T0_S - 1) is None


def test_an_alert_that_began_before_a_fault_says_nothing_of_it(heard: detection_notices.Notices) -> None:
    assert heard.began_before(["recall does not work"], T0_S + 2)
    assert not heard.began_before(["recall does not work"], T0_S - 1)
    assert not heard.began_before(["worker does not work"], T0_S + 2)
    # What was told before the fault is known to go on.
    assert not heard.began_before(["recall does not work"], T0_S + 501)


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    place = tmp_path / "notices.jsonl"
    line = orjson.dumps({"kind": "over", "incident_id": "a", "title": "t", "text": ""}) + b"\n"
    notices = detection_notices.Notices(place)
    notices._take(1.0)
    for part in (line[:9], line[:9] + line[9:], line + line):
        place.write_bytes(part)
        notices._take(2.0)
    assert [one.incident for one in notices.told] == ["a", "a"]
