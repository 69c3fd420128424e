"""`council observe explain` and `digest`, `council report kpi` and `council status --coast`, on a home that does not run."""

import dataclasses
import json
import shlex
import shutil
import socket
import time
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

import observer_cases
from council import care_records
from council.cli import calls, digest, main
from council.domain import config, digests, evidence, schedule
from council.domain import home as home_module
from council.services import observer
from council.upkeep.observer import advice, archiving


@pytest.fixture(name="home")
def made_home(fresh: Path, tmp_path: Path) -> home_module.Home:
    return home_module.Home(shutil.copytree(fresh, tmp_path / "h", symlinks=True))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[evidence.Span]:
    """Have evidence of a made day gathered; the spans that were asked for."""
    spans: list[evidence.Span] = []

    def gather(
        _: object, __: object, span: evidence.Span, since_s: float | None = None, *, ask_patches: bool
    ) -> evidence.Evidence:
        assert not ask_patches
        spans.append(span)
        assert since_s is None or since_s <= span.start_s
        return observer_cases.day()

    monkeypatch.setattr(observer, "gather", gather)
    return spans


def run(where: home_module.Home, *arguments: str) -> Result:
    return CliRunner().invoke(main.cli, [*arguments, "--home", str(where.root)])


def test_what_is_away_is_said_and_stops_nothing(home: home_module.Home) -> None:
    for command in (("observe", "digest"), ("observe", "explain"), ("report", "kpi")):
        result = run(home, *command)
        assert result.exit_code == 0, result.output
        assert max(map(len, result.output.split("\n"))) <= 100
    assert "The watcher does not answer" in run(home, "observe", "digest").output


def test_a_home_that_does_not_run_may_not_coast(home: home_module.Home) -> None:
    result = run(home, "status", "--coast", "--json")
    told = json.loads(result.output)
    assert (result.exit_code, told["may_coast"]) == (1, False)
    held = {one["name"]: one["holds"] for one in told["conditions"]}
    assert (held["quota active"], held["freeze usable"], held["all gates green"]) == (True, True, None)


def test_the_last_day_that_is_archived_is_held_against_the_one_that_is_due(home: home_module.Home) -> None:
    def archived() -> tuple[bool | None, str]:
        told = json.loads(run(home, "status", "--coast", "--json").output)
        [one] = [each for each in told["conditions"] if each["name"] == "last night's archive merged"]
        return one["holds"], one["text"]

    assert archived() == (None, "Not known: no day is archived yet.")
    now_s = time.time()
    kept = care_records.snapshots(config.Config(), home)
    for back_s, holds in ((3 * 86_400, False), (0, True)):
        day = schedule.Schedule().day_of(now_s - back_s)
        kept.announce(f"{archiving.PREFIX}{day}", [], round((now_s - back_s) * 1e6))
        assert archived()[0] is holds
    kept.close()


def test_a_digest_that_was_announced_and_reached_nobody_is_not_delivered(home: home_module.Home) -> None:
    kept = care_records.snapshots(config.Config(), home)
    kept.announce("digest:2026-11-30", [], 1)
    kept.close()
    told = json.loads(run(home, "status", "--coast", "--json").output)
    one = next(one for one in told["conditions"] if one["name"] == "last digest delivered")
    assert one["holds"] is None and "no digest has reached anybody" in one["text"]


def test_a_port_on_which_this_home_does_not_run_is_not_shown_the_key(
    home: home_module.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        base = stranger.getsockname()[1] - 1
        stranger.setblocking(False)
        for command in (("observe", "digest"), ("observe", "explain"), ("report", "kpi")):
            result = run(home, *command, "--port", str(base))
            assert result.exit_code == 0, result.output
            with pytest.raises(BlockingIOError):
                stranger.accept()
    assert "No patchctl of this home runs" in run(home, "observe", "digest").output


def test_the_port_is_that_on_which_this_home_runs(home: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, bool]] = []

    def gather(
        settings: config.Config, _: object, __: object, ___: object = None, *, ask_patches: bool
    ) -> evidence.Evidence:
        asked.append((settings.port, ask_patches))
        return observer_cases.day()

    monkeypatch.setattr(observer, "gather", gather)
    monkeypatch.setattr(calls, "noted_ports", lambda _: {28000})
    monkeypatch.setattr(calls, "is_ours", lambda *_: True)
    assert run(home, "observe", "digest").exit_code == 0
    assert asked == [(28000, True)]


def test_the_digest_is_of_the_last_day_or_of_the_one_that_is_named(
    home: home_module.Home, asked: list[evidence.Span]
) -> None:
    assert run(home, "observe", "digest").exit_code == 0
    assert run(home, "observe", "digest", "--date", "2026-10-25", "--zone", "Europe/Paris").exit_code == 0
    assert [round((one.end_s - one.start_s) / 3600) for one in asked] == [24, 25]


def test_the_digest_comes_as_a_page_as_json_and_as_blocks(
    home: home_module.Home, asked: list[evidence.Span], tmp_path: Path
) -> None:
    page = tmp_path / "digest.html"
    assert run(home, "observe", "digest", "--html", str(page)).output == ""
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert json.loads(run(home, "observe", "digest", "--json").output)["schema"] == digests.SCHEMA
    assert json.loads(run(home, "observe", "digest", "--slack").output)["blocks"]
    assert len(asked) == 3


def test_an_incident_is_explained_in_words_and_for_programs(
    home: home_module.Home, asked: list[evidence.Span], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(one for one in observer_cases.day().incidents if not one.repaired_us)
    monkeypatch.setattr(digest, "_began_s", lambda *_: one.began_us / 1e6)
    result = run(home, "observe", "explain", one.id)
    assert "May have brought it about" in result.output
    told = json.loads(run(home, "observe", "explain", one.id, "--json").output)
    assert told["causes"][0]["subject"] == "near"
    assert all(one["evidence"] for one in told["causes"])
    assert asked[0].start_s < one.began_us / 1e6


def test_an_incident_that_there_is_none_of_is_said_so(home: home_module.Home) -> None:
    result = run(home, "observe", "explain", "nope")
    assert isinstance(result.exception, Exception)
    assert "There is no incident 'nope'" in str(result.exception)


def test_the_report_asks_for_the_time_before_as_well(home: home_module.Home, asked: list[evidence.Span]) -> None:
    assert run(home, "report", "kpi", "--from", "2026-11-01", "--to", "2026-11-08").exit_code == 0
    assert asked[1].end_s == asked[0].start_s
    assert asked[0].end_s - asked[0].start_s == asked[1].end_s - asked[1].start_s == 7 * 86_400
    told = json.loads(run(home, "report", "kpi", "--json").output)
    assert {"now", "before", "change_percent"} <= told["kpis"][0].keys()


def test_a_report_ends_now_where_it_is_asked_for_until_later(
    home: home_module.Home, asked: list[evidence.Span]
) -> None:
    result = run(home, "report", "kpi", "--from", "2026-01-01", "--to", "2226-01-01")
    assert result.exit_code == 0 and "until now" in result.stderr
    assert max(one.end_s for one in asked) <= time.time()


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "kpi", "--from", "2026-11-08", "--to", "2026-11-01"),
        ("report", "kpi", "--from", "yesterday"),
        ("observe", "digest", "--date", "30.11.2026"),
        ("observe", "digest", "--date", "2099-01-01"),
        ("observe", "digest", "--date", "0001-01-01"),
        ("observe", "digest", "--date", "9999-12-31"),
        ("report", "kpi", "--from", "0001-01-02", "--to", "2026-11-01"),
        ("observe", "digest", "--at", "3", "--date", "2026-11-01"),
        ("observe", "digest", "--zone", "Mars/Olympus"),
        ("observe", "digest", "--html", "/nowhere/at/all.html"),
    ],
)
def test_what_cannot_be_meant_is_said_with_what_to_do(
    home: home_module.Home, asked: list[evidence.Span], arguments: tuple[str, ...]
) -> None:
    result = run(home, *arguments)
    assert result.exit_code != 0
    assert str(result.exception).endswith(".")
    assert asked is not None


def test_every_command_that_is_advised_can_be_given() -> None:
    """Each is taken apart by the commands themselves, as the examples of the docs are."""
    kinds = (
        "upstream is slow",
        "patch slows answers",
        "memory leaks",
        "traffic jumps",
        "budget is gone",
        "service ends",
    )
    made = [one for kind in kinds for one in advice.advise(observer_cases.day(kind))]
    found = dataclasses.replace(observer_cases.day(), missing=[evidence.Missing("costs", "away")])
    for one in [*made, *advice.advise(found)]:
        _take_apart(main.cli, shlex.split(one.command)[1:], "council", None)


def _take_apart(command: click.Command, words: list[str], name: str, parent: click.Context | None) -> None:
    """Raises click.UsageError where the words are none of the command's."""
    context = command.make_context(name, list(words), parent=parent)
    rest = [*context._protected_args, *context.args]
    if isinstance(command, click.Group) and (rest or not command.invoke_without_command):
        found, inner, more = command.resolve_command(context, rest)
        assert inner is not None and found is not None
        _take_apart(inner, more, found, context)


def test_a_model_may_say_it_in_other_words_and_its_absence_stops_nothing(
    home: home_module.Home, asked: list[evidence.Span], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(home, "observe", "explain")
    away = run(home, "observe", "explain", "--model", "council")
    assert away.exit_code == 0 and away.stdout == plain.stdout and "the model did not help" in away.stderr
    bodies: list[dict[str, Any]] = []

    def call(*arguments: Any, **_: Any) -> dict[str, Any]:
        bodies.append(arguments[4])
        return {"choices": [{"message": {"content": arguments[4]["messages"][1]["content"]}}]}

    monkeypatch.setattr(calls, "call", call)
    said = run(home, "observe", "explain", "--model", "council")
    assert said.exit_code == 0 and not said.stderr and bodies[0]["model"] == "council" and not bodies[0]["memory"]
    monkeypatch.setattr(calls, "call", lambda *_, **__: {"choices": []})
    strange = run(home, "observe", "explain", "--model", "council")
    assert strange.stdout == plain.stdout and "the model did not help" in strange.stderr
