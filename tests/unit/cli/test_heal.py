"""`council heal` and `council autonomy`, on a home with records and Council stopped."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from council import care_records, kept_ports
from council.cli import heal, main
from council.domain import config, errors, incidents, repairs
from council.domain import home as home_module
from council.kit import halt
from council.patching import situation
from council.services import requested
from council.upkeep.patchctl import freeze, journal, repair_steps

T0 = 1_790_000_000_000_000


@pytest.fixture(name="home")
def made_home(fresh: Path, tmp_path: Path) -> home_module.Home:
    return home_module.Home(shutil.copytree(fresh, tmp_path / "h", symlinks=True))


@pytest.fixture
def kept(home: home_module.Home) -> Iterator[kept_ports.Repairs]:
    made = care_records.repairs(config.Config(), home)
    yield made
    made.close()


def run(where: home_module.Home, *arguments: str) -> Result:
    return CliRunner().invoke(main.cli, [*arguments, "--home", str(where.root)])


def read(where: home_module.Home, *arguments: str) -> Any:
    result = run(where, *arguments, "--json")
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def repair(**values: Any) -> repairs.Repair:
    usual = {
        "id": "01M8NXA8CSQG3EXF6HMYDBPEXD", "playbook": "restart", "action": "restart", "component": "recall",
        "proof": "ready", "by": "healer", "why": "it is hung", "began_us": T0, "until_us": T0, "incident_id": "i1",
        "outcome": repairs.Outcome.HELPED, "ended_us": T0 + 5_000_000, "told": "it is ready",
    }  # fmt: skip
    return repairs.Repair(**(usual | values))


def test_history_shows_repairs_newest_first_and_those_of_an_incident(
    home: home_module.Home, kept: kept_ports.Repairs
) -> None:
    assert "no repair" in run(home, "heal", "history").stdout
    kept.save(repair())
    kept.save(repair(id="01M9", component="model", incident_id="i2"))
    lines = run(home, "heal", "history").stdout.splitlines()
    assert "restart of model" in lines[1] and "helped" in lines[2] and "5 s" in lines[2]
    assert [one["id"] for one in read(home, "heal", "history", "--incident", "i1")] == [repair().id]


def test_an_incident_tells_its_repairs_in_its_timeline(home: home_module.Home, kept: kept_ports.Repairs) -> None:
    found = care_records.incidents(config.Config(), home)
    page = incidents.Severity.PAGE
    found.save([incidents.Incident("i1", incidents.Standing.OPEN, page, T0 - 1, T0 - 1)], [])
    found.close()
    kept.save(repair())
    texts = [one["text"] for one in read(home, "incidents", "show", "i1")["timeline"]]
    assert texts == ["repair: restart of recall", "repair: restart of recall: helped: it is ready"]


def test_a_dry_run_says_whom_it_touches_and_changes_nothing(home: home_module.Home, kept: kept_ports.Repairs) -> None:
    told = read(home, "heal", "run", "restart", "recall", "--why", "to see", "--dry-run")
    assert (told["component"], told["action"]) == ("recall", "restart") and told["touches"]
    assert kept.newest(9) == [] and sum(kept.counts().values()) == 0


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        (("pray",), errors.NotFoundError, "There are put settings back, rollback"),
        (("restart",), errors.InvalidRequestError, "needs a service"),
        (("scale", "recall"), errors.InvalidRequestError, "for gateway alone"),
    ],
)
def test_what_cannot_be_run_is_refused(
    home: home_module.Home, arguments: tuple[str, ...], kind: type[errors.CouncilError], said: str
) -> None:
    result = run(home, "heal", "run", *arguments, "--why", "to see")
    assert isinstance(result.exception, kind) and said in result.exception.message


def test_a_repair_is_asked_for_by_a_file_that_goes_once_something_has_come_of_it(
    home: home_module.Home, kept: kept_ports.Repairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def followed(_: kept_ports.Repairs, wanted: repairs.Repair, limit_s: float) -> repairs.Repair:
        assert requested.standing(home, wanted.began_us) == [wanted] and kept.newest(9) == []
        return repairs.ended(wanted, repairs.Outcome.HELPED, "it is ready", wanted.began_us + 5)

    monkeypatch.setattr(heal, "_followed", followed)
    assert "restart of recall: helped" in run(home, "heal", "run", "restart", "recall", "--why", "to see").stdout
    assert list(home.wanted_repairs.iterdir()) == []
    assert kept.counts()[repairs.InterventionKind.RESTART] == 1


def test_the_healer_is_paused_and_goes_on(home: home_module.Home) -> None:
    assert "until `council heal resume`" in run(home, "heal", "pause", "--reason", "Look first.").stdout
    found = halt.standing(home.heal_file)
    assert found is not None and found.reason == "Look first." and found.by
    assert read(home, "autonomy", "status") == {"paused": False, "healer_paused": True}
    run(home, "heal", "resume")
    assert halt.standing(home.heal_file) is None


def test_autonomy_is_paused_for_patches_and_healer_until_it_is_resumed(home: home_module.Home) -> None:
    assert read(home, "autonomy", "status") == {"paused": False, "healer_paused": False}
    assert run(home, "autonomy", "pause", "--reason", "Work here.").exit_code == 0
    told = read(home, "autonomy", "status")
    assert told["paused"] and told["healer_paused"] and told["reason"] == "Work here." and told["by"]
    assert "Work here." in run(home, "autonomy", "status").stdout
    stopped = situation.stopped(home)
    assert stopped is not None and stopped.reason == "Autonomy is paused: Work here."
    assert run(home, "autonomy", "resume").stdout == "Not paused.\n"
    assert situation.stopped(home) is None
    assert freeze.standing(home.lineage) is None


def test_a_freeze_that_is_lifted_counts_as_what_a_person_did(home: home_module.Home, kept: kept_ports.Repairs) -> None:
    run(home, "freeze", "off")
    assert kept.counts()[repairs.InterventionKind.UNFREEZE] == 0
    run(home, "freeze", "on", "--reason", "Look first.")
    run(home, "freeze", "off")
    assert kept.counts()[repairs.InterventionKind.UNFREEZE] == 1


def test_the_lineage_lists_and_shows_the_steps_of_repairs(home: home_module.Home) -> None:
    book = journal.Journal.open_at(home.lineage)
    began = {"id": repair().id, "step": "began", "playbook": "restart", "component": "recall", "why": "it is hung"}
    book.append(repair_steps.record(began, 100.0))
    book.append(repair_steps.record(began | {"step": "ended", "outcome": "helped", "told": "it is ready"}, 105.0))
    book.close()
    assert run(home, "lineage", "list").stdout.splitlines() == [
        f"repair:{repair().id} - restart of recall: helped (it is ready)",
        f"repair:{repair().id} - restart of recall: began (it is hung)",
    ]
    assert [one["step"] for one in read(home, "lineage", "list")] == ["ended", "began"]
    assert [one["kind"] for one in read(home, "lineage", "show", repair().id.lower())] == ["repair", "repair"]
    assert "came of it" in run(home, "lineage", "show", f"repair:{repair().id}").stdout
