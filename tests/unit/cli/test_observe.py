"""`council observe`, on a home with records."""

import asyncio
import contextlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import observer_rig
from council import care_records
from council.backends.forge import local
from council.cli import main, sparks
from council.domain import config, evidence, forge, schedule
from council.domain import home as home_module
from council.upkeep.observer import archiving

T0 = observer_rig.NOW_S
Run = Callable[..., Result]


@pytest.fixture(name="empty")
def run_on_empty(fresh: Path, tmp_path: Path) -> Run:
    folder = shutil.copytree(fresh, tmp_path / "h", symlinks=True)
    return lambda *arguments: CliRunner().invoke(main.cli, [*arguments, "--home", str(folder)])


@pytest.fixture(name="run")
def run_on_some(empty: Run, tmp_path: Path) -> Run:
    kept = care_records.snapshots(config.Config(), home_module.Home(tmp_path / "h"))
    for place in range(5):
        fact = evidence.Fact("open_fds_total svc=gateway", 30 + place, "", "q", observer_rig.SPAN)
        one = observer_rig.snapshot(T0 + 900 * place)
        kept.keep(observer_rig.snapshot(T0 + 900 * place, metrics=[fact, *one.metrics[2:]]), {})
    kept.keep(observer_rig.snapshot(T0 + 60, "01I"), {})
    kept.close()
    return empty


def test_the_newest_snapshot_says_what_was_so_and_what_could_not_be_had(run: Run) -> None:
    shown = run("observe", "snapshot")
    assert shown.exit_code == 0
    for text in (
        "2027-01-15 09:00:00 UTC  tick, taken 4 s later, id 20270115T090000Z",
        "Generation 000000000000, made by patch cccccccccccccccc",
        "Missed before it: 3 snapshots, 2027-01-15 08:00:00 UTC to 2027-01-15 08:45:00 UTC; the steward was not running.",
        "May have to do with it\n  It is 431.5 ms.",
        "Gates: 1 green, 1 red",
        "error_rate  red         40%   < 5%  as it is",
        "2027-01-15 08:59:30 UTC  open_fds_total svc=gateway   90  20 to 40  0.999",
        "cccccccccccccccc  applied",
        "math          9         8  0.000300",
        "series: the watcher does not answer",
    ):
        assert text in shown.output, shown.output


def test_one_snapshot_by_its_id_and_as_json(run: Run) -> None:
    assert "incident 01I, taken 4 s later" in run("observe", "snapshot", "20270115T080100Z-01I").output
    told = json.loads(run("observe", "snapshot", "20270115T080000Z", "--json").output)
    assert told["metrics"][0]["value"] == 30 and told["missed"]["count"] == 3


def test_history_lists_snapshots_newest_first_by_page(run: Run) -> None:
    shown = run("observe", "history", "--limit", "3").output.splitlines()
    assert shown[1].startswith("20270115T090000Z  1 green, red: error_rate") and len(shown) == 4
    ids = [one["id"] for one in json.loads(run("observe", "history", "--before", "20270115T081500Z", "--json").output)]
    assert ids == ["20270115T080100Z-01I", "20270115T080000Z"]
    only = run("observe", "history", "--incidents").output.splitlines()
    assert len(only) == 2 and only[1].startswith("20270115T080100Z-01I")


def test_history_of_one_number_is_drawn(run: Run) -> None:
    shown = run("observe", "history", "open_fds_total svc=gateway").output.splitlines()
    assert shown[0] == "▁▁▃▅▆█" and shown[2].split() == ["20270115T090000Z", "34"]
    assert "not had" not in "".join(shown)
    told = json.loads(run("observe", "history", "open_fds_total svc=gateway", "--json", "--limit", "1").output)
    assert told[0]["fact"]["value"] == 34


def test_a_number_that_no_snapshot_has_is_said_with_those_that_are_near(run: Run) -> None:
    error = run("observe", "history", "open_fds").exception
    assert "There are open_fds_total svc=gateway." in str(error)
    assert "has every name" in str(run("observe", "history", "nothing").exception)


def test_trends_say_which_way_a_series_goes_and_draw_its_day(run: Run) -> None:
    shown = run("observe", "trends").output.splitlines()
    assert shown[1].split() == ["open_fds_total", "svc=gateway", "rises", "+4", "1", "to", "7", "30", "26", "▁▃▅▆█"]
    assert shown[2] == "Of 1 series no trend is known: latency_p95: too little."
    assert [one["name"] for one in json.loads(run("observe", "trends", "latency", "--json").output)] == ["latency_p95"]
    assert "No series has 'nothing'" in run("observe", "trends", "nothing").output


def test_before_the_first_snapshot_each_says_so(empty: Run) -> None:
    assert "no snapshot yet" in str(empty("observe", "snapshot").exception)
    assert "There is no snapshot 'x'" in str(empty("observe", "snapshot", "x").exception)
    assert "There is no snapshot yet." in empty("observe", "history").output
    assert "No trend is known yet." in empty("observe", "trends").output
    assert json.loads(empty("observe", "trends", "--json").output) == []


@pytest.mark.parametrize(
    ("values", "drawn"),
    [([], ""), ([1, 1], "▁▁"), ([0, None, 7], "▁ █"), ([None], " "), (list(range(16)), "▁▂▃▄▅▆▇█")],
)
def test_numbers_are_drawn_as_bars(values: list[float | None], drawn: str) -> None:
    assert sparks.drawn(values, 8) == drawn


def test_what_the_records_no_longer_hold_is_read_from_the_archive(run: Run, tmp_path: Path) -> None:
    one = observer_rig.snapshot(T0 - 86_400 * 100)
    day = schedule.Schedule().day_of(T0 - 86_400 * 99)

    async def archived() -> None:
        there = local.LocalForge(tmp_path / "h" / "forge.git", "council", lambda: T0)
        words = forge.Words("x", "council", "council@localhost", round(T0))
        await there.push("", {"council.yaml": forge.File(b"")}, words)
        held = archiving.files(archiving.Day(day, "UTC", observer_rig.SPAN), [one], [], b"", T0)
        files = {path: forge.File(content) for path, content in held.items()}
        await there.branch(archiving.BRANCH, "", files, words)

    assert home_module.Home(tmp_path / "h").forge == tmp_path / "h" / "forge.git"
    asyncio.run(archived())
    listed = run("observe", "history", "--json")
    ids = [each["id"] for each in json.loads(listed.output)]
    assert len(ids) == 7 and ids[-1] == one.id
    assert [each["id"] for each in json.loads(run("observe", "history", "--json", "--limit", "6").output)] == ids[:6]
    assert json.loads(run("observe", "history", "--json", "--before", one.id).output) == []
    assert f"id {one.id}" in run("observe", "snapshot", one.id).output


def test_a_snapshot_that_cannot_be_read_is_left_out_of_lists_and_is_said(run: Run, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "h" / "records" / "council.db")) as database, database:
        database.execute("UPDATE snapshots SET body = x'00' WHERE id = '20270115T090000Z'")
    shown = run("observe", "history", "--limit", "3")
    assert shown.exit_code == 0 and "left out: 1." in shown.stderr
    assert "20270115T090000Z" not in shown.stdout and "20270115T084500Z" in shown.stdout
    assert run("observe", "snapshot").stdout.startswith("2027-01-15 08:45:00 UTC")
