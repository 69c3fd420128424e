"""`council overrides`, and what `council status` says of them, on a home with records."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from council import care_app, care_records
from council.cli import main
from council.cli import overrides as command
from council.domain import config, overrides, states
from council.domain import home as home_module


@pytest.fixture(name="home")
def made_home(fresh: Path, tmp_path: Path) -> home_module.Home:
    return home_module.Home(shutil.copytree(fresh, tmp_path / "h", symlinks=True))


def run(where: home_module.Home, *arguments: str) -> Result:
    return CliRunner().invoke(main.cli, [*arguments, "--home", str(where.root)])


def put(where: home_module.Home, *given: str, span: str = "30m") -> Result:
    return run(where, "overrides", "put", *given, "--for", span, "--reason", "A flood of tok-9.")


def test_an_override_is_put_listed_and_lifted(home: home_module.Home) -> None:
    assert "has been no override" in run(home, "overrides", "list").output
    done = put(home, "shed", "path:/v1/embeddings", "50")
    assert done.exit_code == 0 and "refuse 50 % of new requests to path /v1/embeddings, until 2" in done.output
    identifier = done.output.partition(":")[0]
    (line,) = run(home, "overrides", "list", "--in-force").output.splitlines()[1:]
    assert line.startswith(f"{identifier}  in force") and "owner" in line and line.endswith("A flood of tok-9.")
    assert run(home, "overrides", "lift", identifier).exit_code == 0
    assert "No override is in force" in run(home, "overrides", "list", "--in-force").output
    (row,) = json.loads(run(home, "overrides", "list", "--json").output)
    assert (row["id"], row["in_force"], row["kind"], row["by"]) == (identifier, False, "shed", "owner") and row[
        "lifted_us"
    ]
    again = run(home, "overrides", "lift", identifier)
    assert again.exit_code == 1 and isinstance(again.exception, Exception)


@pytest.mark.parametrize(
    ("given", "span"),
    [
        (("rate", "tok-9", "5"), "1h"),
        (("shed", "*", "150"), "1h"),
        (("cache", "answers", "many"), "1h"),
        (("workers", "gateway", "2"), "1h"),
        (("shed", "*", "50"), "25h"),
        (("shed", "*", "50"), "0m"),
        (("shed", "*", "50"), "1d"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(
    home: home_module.Home, given: tuple[str, ...], span: str
) -> None:
    assert put(home, *given, span=span).exit_code != 0
    assert json.loads(run(home, "overrides", "list", "--json").output) == []


def test_no_more_than_so_many_are_in_force(home: home_module.Home) -> None:
    kept = care_records.overrides(config.Config(), home)
    for number in range(overrides.MOST):
        one = overrides.Override(str(number), overrides.Kind.RATE, f"user:{number}", "1", "x", "r", 1, 2)
        assert kept.put(one, 99)
    kept.close()
    assert put(home, "rate", "*", "5").exit_code == 0
    kept = care_records.overrides(config.Config(), home)
    now_us = kept.newest(1)[0].began_us
    for number in range(overrides.MOST):
        kept.put(
            overrides.Override(
                f"n{number}", overrides.Kind.RATE, f"user:{number}", "1", "x", "r", now_us, now_us + 10**9
            ),
            99,
        )
    kept.close()
    refused = put(home, "rate", "user:one-more", "5")
    assert refused.exit_code != 0 and "32 overrides are in force" in str(refused.exception)


def test_the_status_shows_what_is_in_force(home: home_module.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Runtime:
        async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
            return [states.ServiceStatus("gateway", "ready", 1, "g" * 40, 1.0, 0, 0)]

    monkeypatch.setattr(care_app, "runtime", lambda _: Runtime())
    assert json.loads(run(home, "status", "--json").output)["overrides"] == []
    put(home, "rate", "*", "5")
    shown = run(home, "status").output
    assert "at most 5 requests a minute for each token. A flood of tok-9. (owner, " in shown
    (row,) = json.loads(run(home, "status", "--json").output)["overrides"]
    assert row["in_force"] and row["value"] == "5"
    shutil.rmtree(home.records)
    assert json.loads(run(home, "status", "--json").output)["overrides"] is None
    assert command.lines(home) == ["What is changed for a while cannot be read: the records are away."]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("rate", "token:NOSUCH", "5"), ["no token in force is called NOSUCH"]),
        (("rate", "user:a b", "5"), ["no token in force is of user a b"]),
        (("providers", "nosuch", "zzz,-local"), ["there is no model nosuch", "there is no provider zzz"]),
        (("rate", "token:anonymous", "5"), []),
        (("providers", "*", "local"), []),
    ],
)
def test_names_that_nothing_has_are_taken_with_a_warning(
    home: home_module.Home, given: tuple[str, ...], told: list[str]
) -> None:
    done = put(home, *given)
    assert done.exit_code == 0
    assert done.stderr.count("Warning: ") == len(told) and all(line in done.stderr for line in told)
