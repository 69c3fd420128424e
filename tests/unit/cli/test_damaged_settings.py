"""Commands on a home whose `council.yaml` was damaged: those that look still do, those that change something refuse."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from council import care_records
from council.cli import main, options
from council.domain import errors, repairs
from council.domain import home as home_module
from council.services import patch_forms
from council.upkeep.engine import blueprint
from council.upkeep.healer import telling


@pytest.fixture(name="home")
def made_home(fresh: Path, tmp_path: Path) -> home_module.Home:
    found = home_module.Home(shutil.copytree(fresh, tmp_path / "h", symlinks=True))
    file = found.current / "council.yaml"
    file.chmod(0o600)
    file.write_bytes(b"gateway: [\n3f7a")
    return found


def run(where: home_module.Home, *arguments: str) -> Result:
    return CliRunner().invoke(main.cli, [*arguments, "--home", str(where.root)])


@pytest.mark.parametrize(
    "command",
    [
        "heal history", "heal plan", "incidents", "incidents silences", "overrides list", "ledger report", "budget",
        "bots list", "bots log", "notify list", "notify failed", "observe history", "tokens list", "memory log",
        "providers list", "patch history", "lineage list", "lineage verify", "report kpi", "observe digest", "logout --all",
    ],
)  # fmt: skip
def test_a_command_that_looks_says_once_where_the_file_is_wrong_and_what_to_do(
    home: home_module.Home, command: str
) -> None:
    result = run(home, *command.split())
    assert result.exit_code == 0, (result.output, result.exception)
    needs_none = command in ("patch history", "lineage list")
    assert result.stderr.count("`council.yaml` is not valid YAML: line 2, column 5") == (0 if needs_none else 1)
    assert needs_none or result.stderr.count("`council config restore` mends it.\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        "config set gateway.drain_s=9", "incidents silence memory --for 1h --why x",
        "overrides put shed * 50 --for 1h --reason x", "heal run restart recall --why x", "up",
    ],
)  # fmt: skip
def test_a_command_that_starts_or_changes_something_refuses(home: home_module.Home, command: str) -> None:
    result = run(home, *command.split())
    assert isinstance(result.exception, errors.ConfigError) and "line 2, column 5" in result.exception.message
    assert command.split(maxsplit=1)[0] in ("up", "config") or result.exception.message.endswith(
        "`council config restore` mends it."
    )


@pytest.mark.parametrize(
    "command", ["sandbox kill", "sandbox status", "library search x", "memory list", "tokens revoke x"]
)
def test_a_command_that_asks_or_takes_back_goes_as_far_as_it_can(home: home_module.Home, command: str) -> None:
    result = run(home, *command.split())
    assert not isinstance(result.exception, errors.ConfigError), result.exception
    assert result.stderr.count("`council config restore` mends it.\n") == 1


def test_doctor_names_the_file_and_what_mends_it_among_the_rest(home: home_module.Home) -> None:
    told = run(home, "doctor").stdout
    assert "settings" in told and "`council config restore` mends it" in " ".join(told.split()) and "records" in told


def test_the_settings_are_put_back_by_a_command_and_then_all_is_as_before(home: home_module.Home) -> None:
    live = blueprint.current(home)
    result = run(home, "config", "restore")
    assert "what lay there is lineage/damaged/" in result.stdout, (result.output, result.exception)
    assert run(home, "config", "check").exit_code == 0 and blueprint.current(home) == live
    assert "are left as they are" in run(home, "config", "restore").stdout
    # The healer takes it to the lineage, whose form patchctl checks.
    kept = care_records.repairs(options.config_of(home), home)
    try:
        (one,) = kept.newest(9)
        assert kept.counts()[repairs.InterventionKind.OVERRIDE] == 1
    finally:
        kept.close()
    assert telling.untold(one) == ["began", "ended"]
    steps = [patch_forms.RepairStep.model_validate(telling.record(one, step)) for step in telling.untold(one)]
    assert [(step.playbook, step.outcome) for step in steps] == [
        ("put settings back", ""),
        ("put settings back", "helped"),
    ]
    assert "line 2, column 5" in steps[0].why and steps[1].told in result.stdout
    assert run(home, "incidents").stderr == ""
