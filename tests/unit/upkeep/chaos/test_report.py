import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest

from council.upkeep.chaos import drawing, outcome, report

_HEALED = outcome.Struck(
    "process-killed", "worker", 1.0, noticed_s=0.5, noticed_by="the supervisor", working_s=3.0, own_asked=10, own_lost=2,
    others_asked=100, others_lost=1,
)  # fmt: skip
_HELD = outcome.Struck("upstream-down", "", 2.0, noticed_s=8.0, noticed_by="an alert", alerted_s=8.0, working_s=4.0)


def _campaign(*struck: outcome.Struck, false_repairs: tuple[str, ...] = ()) -> report.Campaign:
    before, after = {"error_rate": "green", "latency_p95": "green"}, {"error_rate": "red", "latency_p95": "green"}
    return report.Campaign(
        7, "2026-11-30 09:00:00 UTC", 100.0, 20.0, "systemd", false_repairs, struck, {"answered": 3}, before, after,
        acts=(report.Act("restart", "helped", 2.0),), playbooks=("restart", "shed load"),
    )  # fmt: skip


def _stopped(**more: object) -> outcome.Struck:
    return replace(outcome.Struck("process-stopped", "recall", 1.0, noticed_s=7.0, working_s=60.0), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("struck", "end"),
    [
        (_HEALED, outcome.End.HEALED),
        (_HELD, outcome.End.HEALED),
        (replace(_HEALED, working_s=None), outcome.End.NOT_WELL),
        (_stopped(), outcome.End.HEALED),
        (_stopped(undone=True, called=True), outcome.End.CALLED),
        (_stopped(undone=True), outcome.End.NOT_REPAIRED),
        (_stopped(undone=True, noticed_s=None), outcome.End.UNNOTICED),
        (replace(_HELD, noticed_s=None), outcome.End.WITHSTOOD),
        (replace(_HELD, noticed_s=None, own_asked=5, own_lost=3, fired_before=("http_5xx",)), outcome.End.HIDDEN),
        (replace(_HELD, noticed_s=None, own_asked=5, own_lost=3), outcome.End.UNNOTICED),
        (outcome.Struck("injected-document", "", 1.0, working_s=1.0, remarks=("OBEYED",)), outcome.End.NOT_WELL),
        (outcome.Struck("flood", "", 1.0, working_s=1.0, others_asked=100, others_lost=1), outcome.End.WITHSTOOD),
        (outcome.Struck("flood", "", 1.0, working_s=1.0, others_asked=100, others_lost=100), outcome.End.NOT_WELL),
        (outcome.Struck("flood", "", 1.0, working_s=1.0, remarks=("UNEXPECTED: none limited",)), outcome.End.NOT_WELL),
        (replace(_HEALED, remarks=("not undone: restore: away",)), outcome.End.NOT_WELL),
        (_stopped(undone=True, fired_before=("http_5xx",)), outcome.End.NOT_REPAIRED),
    ],
)
def test_how_a_fault_ended_follows_from_what_was_seen(struck: outcome.Struck, end: outcome.End) -> None:
    assert struck.end is end


@pytest.mark.parametrize(
    ("name", "labels", "parts", "hides"),
    [
        ("crash_loop", {"svc": "model"}, {"upstream"}, False),
        ("memory", {"svc": "recall"}, {"recall"}, True),
        ("service_down", {"svc": "gateway"}, {"gateway", "records"}, True),
        ("http_5xx", {}, {"upstream"}, True),
        ("disk_usage", {}, {"upstream"}, False),
        ("spend", {"scope": "all", "span": "day"}, {"upstream"}, False),
    ],
)
def test_an_alert_hides_a_fault_of_its_own_part_or_as_one_of_all_requests(
    name: str, labels: dict[str, str], parts: set[str], *, hides: bool
) -> None:
    assert outcome.hides(name, labels, parts) is hides


def test_a_repair_counts_from_when_it_was_noticed_and_of_what_was_held_from_when_it_was_out() -> None:
    assert _HEALED.repair_s == 2.5
    assert _HELD.repair_s == 4.0


def test_what_only_the_command_took_out_was_no_repair() -> None:
    assert _stopped(undone=True, called=True).repair_s is None


def test_what_came_of_a_fault_comes_back_from_json() -> None:
    one = replace(_HEALED, incidents=("a",), remarks=("b",), gates_before={"latency_p95": "green"})
    assert outcome.of_form(json.loads(json.dumps(outcome.form(one)))) == one


def test_a_spread_is_by_nearest_rank_and_leaves_out_what_is_not_known() -> None:
    assert report.spread([3.0, None, 1.0, 2.0]) == report.Spread(3, 2.0, 3.0, 3.0)
    assert report.spread([None]).told == "-"


def test_a_campaign_is_well_where_all_ended_well_and_nothing_was_repaired_without_a_fault() -> None:
    assert _campaign(_HEALED, _HELD).well
    assert not _campaign(_HEALED, false_repairs=("worker was started again",)).well
    assert not _campaign(_HEALED, replace(_HELD, working_s=None)).well
    assert not _campaign().well


def test_what_could_not_be_put_in_is_in_no_figure() -> None:
    one = _campaign(_HEALED, outcome.Struck("disk-full", "", 1.0, cannot="no disk"))
    assert one.well
    assert [row[0] for row in report.rows(one.put_in)] == ["process-killed"]


def test_the_table_has_a_row_a_fault_and_one_of_all() -> None:
    rows = report.rows([_HEALED, replace(_HEALED, noticed_s=1.5), _HELD])
    assert [row[:3] for row in rows] == [
        ("process-killed", "2", "2 healed"),
        ("upstream-down", "1", "healed"),
        ("all", "3", "3 healed"),
    ]
    assert rows[0][3] == "0.5 / 1.5 / 1.5" and rows[0][6:8] == ("4 of 20", "2 of 200")


def test_targets_say_what_is_met_what_is_missed_and_what_nobody_measured() -> None:
    met = {name: verdict for name, _, _, verdict in report.targets([_HEALED, replace(_HELD, noticed_s=21.0)], 1)}
    assert met == {
        "noticed, p95": False,
        "repaired, p95": True,
        "repaired, longest": True,
        "questions of no fault answered": True,
        "neither green nor a person called": True,
        "repairs or alerts without a fault": False,
    }
    assert report.targets([], 0)[0][3] is None


def test_a_playbook_that_was_never_used_is_told_of_beside_what_came_of_the_others() -> None:
    made = [
        report.Act("restart", "helped", 2.0),
        report.Act("restart", "failed", 4.0),
        report.Act("scale", "helped", None),
    ]
    assert report.acts(made, ("restart", "shed load")) == [
        ("restart", "2", "1 failed, 1 helped", "2.0 / 4.0 / 4.0"),
        ("scale", "1", "1 helped", "-"),
        ("shed load", "0", "never used", "-"),
    ]


def test_the_report_is_written_as_json_as_a_page_and_as_pictures(tmp_path: Path) -> None:
    bad = replace(_HELD, fault="flood", remarks=("<b>40 answered</b>",))
    report.write(_campaign(_HEALED, bad), tmp_path / "r")
    told = json.loads((tmp_path / "r" / "chaos.json").read_text())
    assert told["seed"] == 7 and [one["end"] for one in told["faults"]] == ["healed", "withstood"]
    page = (tmp_path / "r" / "index.html").read_text()
    assert "error_rate green → red" in page and "latency_p95 green" not in page
    assert "<td>shed load</td><td>0</td><td>never used</td>" in page
    assert told["acts"] == [{"playbook": "restart", "outcome": "helped", "took_s": 2.0}]
    assert "&lt;b&gt;40 answered" in page and "<b>40" not in page


@pytest.mark.parametrize("draw", [drawing.times, drawing.lost])
def test_pictures_are_whole_and_know_a_dark_page(draw: object) -> None:
    assert callable(draw)
    text = draw([_HEALED, _HELD, replace(_HELD, noticed_s=None, working_s=None)])
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg") and "prefers-color-scheme:dark" in text
    assert text.count(">process-killed<") == 1 and text.count(">upstream-down<") == 1


def test_a_picture_of_nothing_is_one_still() -> None:
    ElementTree.fromstring(drawing.times([]))


def test_what_is_known_so_far_is_on_disk_before_the_end(tmp_path: Path) -> None:
    report.keep(_campaign(_HEALED), tmp_path / "r")
    report.keep(_campaign(_HEALED, _HELD), tmp_path / "r")
    assert len(json.loads((tmp_path / "r" / "chaos.json").read_text())["faults"]) == 2
    assert [one.name for one in (tmp_path / "r").iterdir()] == ["chaos.json"]
