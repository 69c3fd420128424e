"""The soak of autonomy: what passes in compressed days, and how its parts are added up."""

import datetime
from typing import Any

import pytest

import autonomy_told
import soak_autonomy
from council.domain import config as config_module
from council.domain import errors, patches
from council.upkeep.chaos import catalogue, plan

STARTED = datetime.datetime(2026, 11, 30, 23, 58, tzinfo=datetime.UTC)
ALL = frozenset(catalogue.Need)


def part(kinds: dict[str, list[int]], *, beside: int = 0, still_open: int = 0, **more: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "kinds": kinds, "beside": beside, "open": ["a gate"] * still_open, "jobs": {}, "due": {}, "patches": {}, "bots": {},
        "faults": [], "asked": {}, "called": [], "untold": [], "left_undone": [], "failed": [], "lasted_s": 960,
    }  # fmt: skip
    return usual | more


def merged(*parts: dict[str, Any], of: int = 0) -> dict[str, Any]:
    ran = {str(place + 1): one for place, one in enumerate(parts)}
    return {
        "campaign": {"seed": 7, "parts": of or len(parts), "hour_s": 10.0},
        "share": f"{len(ran)} of {of or len(parts)} parts",
        "ran": ran,
    }


def test_what_compresses_an_hour_is_settings_that_council_takes(tmp_path: Any) -> None:
    found = soak_autonomy.settings(tmp_path, 10.0, 4.0, STARTED)
    config = config_module.build({}, found, {})
    assert (config.bots.check_s, config.observe.digest_at) == (10, "00:03")
    assert config.backup.every_h * 3600 == pytest.approx(240, abs=1)
    # As `backup.due` takes it: an hour early.
    assert config.backup.drill_days * 86_400 - 3600 == pytest.approx(960, abs=1)
    assert config_module.build({}, soak_autonomy.settings(tmp_path, 5.0, 0.6, STARTED, quick=True), {}).backup.target


def test_faults_come_at_the_rate_that_is_told_each_within_a_stretch_of_its_own() -> None:
    found = soak_autonomy.drawn(7, 1, ALL, 4.0, 960.0)
    assert len(found) == round(4.0 * soak_autonomy.FAULTS_A_DAY) == 6
    assert all(place * 160 <= at_s < (place + 1) * 160 for place, (at_s, _) in enumerate(found))
    assert found == soak_autonomy.drawn(7, 1, ALL, 4.0, 960.0)


def test_parts_go_on_in_one_draw_so_that_each_fault_comes_once_before_one_comes_again() -> None:
    turns = [turn for number in (1, 2, 3, 4, 5) for _, turn in soak_autonomy.drawn(7, number, ALL, 4.0, 960.0)]
    draw = plan.turns(7, tuple(catalogue.BY_NAME), ALL)
    assert turns == [next(draw) for _ in range(30)]
    names = [one.fault.name for one in turns]
    assert len(set(names)) == min(len(names), len(catalogue.BY_NAME))


async def test_a_patch_that_nobody_takes_now_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak_autonomy, "_AGAIN_S", 0.0)
    answers: list[Any] = [
        errors.UnavailableError("Away."),
        errors.OverloadedError("Busy."),
        patches.Decision(True, "", ""),
    ]

    class Signer:
        async def submit(self, *_: object) -> patches.Decision:
            told = answers.pop(0)
            if isinstance(told, Exception):
                raise told
            assert isinstance(told, patches.Decision)
            return told

    await soak_autonomy._sent(Signer(), 1, "Note", b"")  # type: ignore[arg-type]
    assert answers == []


def test_parts_are_added_up_by_kind_and_what_was_done_beside_counts() -> None:
    found = merged(
        part({"incidents": [6, 1], "jobs": [500, 0]}), part({"incidents": [4, 0], "jobs": [490, 2]}, beside=1)
    )
    assert autonomy_told.kinds(found) == {"incidents": (10, 1), "jobs": (990, 2)}
    assert autonomy_told.whole(found) == (1000, 4)


def test_an_incident_that_is_open_at_the_end_counts_as_one_that_needed_a_person() -> None:
    assert autonomy_told.whole(merged(part({"incidents": [3, 0]}, still_open=2))) == (3, 2)


@pytest.mark.parametrize(
    ("jobs", "needed", "of", "well", "word"),
    [
        (1000, 3, 1, True, "met"),
        (1000, 4, 1, False, "MISSED"),
        (999, 0, 1, False, "MISSED"),
        (400, 0, 3, True, "MISSED"),
        (400, 2, 3, False, "MISSED"),
        (0, 0, 3, False, "MISSED"),
    ],
)
def test_the_goal_is_a_share_of_so_many_and_too_few_may_still_become_enough(
    jobs: int, needed: int, of: int, *, well: bool, word: str
) -> None:
    found = merged(part({"jobs": [jobs, needed]}), of=of)
    assert autonomy_told.is_well(found, quick=False) is well
    assert f"of >= 1,000) {word}" in autonomy_told.table(found)


def test_the_table_says_the_mix_each_kind_by_itself_and_whom_it_called() -> None:
    text = autonomy_told.table(
        merged(
            part(
                {"incidents": [10, 1], "patches": [0, 0], "jobs": [990, 0]},
                called=["http_5xx of incident X: no playbook"],
                jobs={"bot cost": {"done": 90, "failed": 1}},
                due={"bot cost": 96},
            )
        )
    )
    lines = {line.split()[0]: line for line in text.splitlines()}
    assert lines["incidents"].split() == ["incidents", "10", "1.0", "%", "1", "90.00", "%", "59.58", "%", "98.21", "%"]
    assert lines["patches"].split() == ["patches", "0"]
    assert "called: http_5xx of incident X: no playbook" in text
    assert any(line.split() == ["bot", "cost", "96", "90", "1"] for line in text.splitlines())


def test_what_is_due_is_the_fewest_that_the_schedules_have() -> None:
    found = autonomy_told.due(960.0, 10.0, 4.0, ["cost"])
    assert found == {"bot cost": 96, "backup": 4, "drill": 1, "digest": 1}
    assert autonomy_told.due(72.0, 5.0, 0.6, []) == {"backup": 1, "drill": 0, "digest": 1}


def test_what_needed_a_person_is_read_off_the_report_of_council() -> None:
    rows = {"autonomy": (1000, 99.7), "autonomy, at least": (1000, 99.1), "autonomy of incidents": (8, 87.5)}
    rows |= {"autonomy of patches": (0, None), "autonomy of jobs": (992, 100 * 991 / 992)}
    told = {
        "kpis": [
            {"name": name, "now": {"n": n, "value": value, "reason": "" if n else "there was no operation"}}
            for name, (n, value) in rows.items()
        ]
    }
    assert autonomy_told.of_report(told) == {
        "kinds": {"incidents": [8, 1], "patches": [0, 0], "jobs": [992, 1]},
        "beside": 1,
        "untold": ["autonomy of patches: there was no operation"],
    }
