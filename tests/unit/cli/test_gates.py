"""`council gates`, and what doctor says of them."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from council import care_app
from council.cli import doctor, main
from council.domain import gates, states, watching
from council.domain import home as home_module
from council.testing import watch

GREEN, RED, UNKNOWN = gates.Verdict.GREEN, gates.Verdict.RED, gates.Verdict.UNKNOWN


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> watch.ScriptedWatch:
    made = watch.ScriptedWatch(watch.line("error_rate", GREEN, 0.5), watch.line("network_errors", UNKNOWN))
    monkeypatch.setattr(care_app, "watch", lambda _: made)
    return made


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(main.cli, [*arguments, "--home", str(tmp_path)])


def test_each_gate_says_what_it_says_and_why(seen: watch.ScriptedWatch, run: Callable[..., Result]) -> None:
    shown = run("gates")
    assert shown.exit_code == 0
    assert "error_rate      green    0.5%   < 5%  16 min 40 s  as it is" in shown.output
    assert "network_errors  unknown     -   < 5%  16 min 40 s  as it is" in shown.output
    assert "1 green, 1 unknown; judged 2027-01-15 08:00:00 UTC by the embedded evaluator." in shown.output


@pytest.mark.parametrize("width", ["80", "100"])
def test_what_gates_say_fits_where_it_goes(
    seen: watch.ScriptedWatch, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    why = "only 3 of the 20 samples that it takes have come within the last 5 minutes, so that nobody can tell"
    finding = watching.Finding("memory", "recall", RED, 200.0, "MB/h", f"It grows: {why}.", 1.0, "Restart it.")
    line = dataclasses.replace(watch.line("network_errors", UNKNOWN), reason=why)
    seen.seen = dataclasses.replace(seen.seen, gates=[line], findings=[finding])
    lines = run("gates").output.splitlines()
    assert max(map(len, lines)) <= int(width)
    assert why in " ".join(" ".join(lines[1:6]).split()).replace("network_errors unknown - < 5% 16 min 40 s ", "")


def test_a_red_gate_is_told_to_scripts(seen: watch.ScriptedWatch, run: Callable[..., Result]) -> None:
    finding = watching.Finding("memory", "recall", RED, 200.0, "MB/h", "It grows.", 1_799_999_000.0, "Restart it.")
    away = states.ServiceStatus("model", "backing off", None, "0" * 40, 0.0, 3, 0)
    seen.seen = watching.Sight(5, 1_800_000_000.0, [watch.line("error_rate", RED, 40.0)], [finding], [away])
    shown = run("gates")
    assert shown.exit_code == 1
    assert "red: memory of recall. It grows. Restart it." in shown.output
    assert "Not ready: model (backing off)" in shown.output
    assert json.loads(run("gates", "--json").output)[0]["verdict"] == "red"


def test_a_gate_shows_its_past(seen: watch.ScriptedWatch, run: Callable[..., Result]) -> None:
    seen.past = watching.History(
        "error_rate",
        [watching.Past(RED, 1_799_990_000.0, 9.0, "9 %"), watching.Past(GREEN, 1_799_999_000.0, 0.5, "0.5 %")],
        [(1_799_990_000.0 + 60 * n, float(n % 10)) for n in range(100)],
    )
    shown = run("gates", "error_rate").output
    assert "error_rate must be < 5%. Callers." in shown
    assert "▁" in shown and "█" in shown and "0% to 9%" in shown
    assert shown.splitlines()[-2].startswith("2027-01-15 05:13:20 UTC  red")
    assert json.loads(run("gates", "error_rate", "--json").output)["history"]["values"]
    missing = run("gates", "no_such")
    assert missing.exception is not None and "There are error_rate, network_errors." in str(missing.exception)


def test_a_watcher_that_has_judged_nothing_yet_says_so(seen: watch.ScriptedWatch, run: Callable[..., Result]) -> None:
    seen.seen = watching.Sight(0, 0.0)
    assert "has judged nothing yet" in run("gates").output


def test_a_view_that_goes_on_outlives_a_watcher_that_is_away(
    seen: watch.ScriptedWatch, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    naps = []

    def nap(_: float) -> None:
        naps.append(seen.away)
        seen.away = not naps[1:]
        if len(naps) == 3:
            raise KeyboardInterrupt

    seen.away = True
    monkeypatch.setattr("council.cli.gates.time.sleep", nap)
    shown = run("gates", "--watch").output
    assert naps == [True, True, False]
    assert shown.index("The watcher does not answer.") < shown.index("error_rate      green")
    assert json.loads(run("gates", "--json").output)[0]["verdict"] == "green"
    seen.away = True
    assert run("gates").exit_code != 0


def test_doctor_names_what_is_red_and_that_nobody_watches(seen: watch.ScriptedWatch, tmp_path: Path) -> None:
    home = home_module.Home(tmp_path)
    assert [(one.good, one.needed) for one in doctor._gates(home)] == [(True, False)]
    seen.seen = watching.Sight(2, 1_800_000_000.0, [watch.line("error_rate", RED, 40.0)])
    assert [one.text for one in doctor._gates(home)] == [
        "1 red; `council gates` says why",
        "error_rate is red: as it is",
    ]
    seen.away = True
    assert "nobody watches" in doctor._gates(home)[0].text
