"""What `council doctor` says of gates and sentinels that the watcher cannot use."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from council import homes
from council.cli import main
from council.domain import home as home_module
from council.upkeep.engine import blueprint

OLD = "open_fds_total", "council_process_open_fds"


@pytest.fixture(autouse=True)
def where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home_module.Home:
    made = home_module.Home(tmp_path / "home")
    homes.prepare(made, {})
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    return made


def found(name: str = "watcher") -> list[tuple[bool, str]]:
    shown = CliRunner().invoke(main.cli, ["doctor", "--json"], catch_exceptions=False).stdout
    return [(one["needed"], one["text"]) for one in json.loads(shown) if one["name"] == name]


def test_of_the_shipped_gates_and_sentinels_there_is_nothing_to_say() -> None:
    assert found() == [] == found("healer")


def test_a_gate_that_names_no_playbook_is_why_nothing_is_repaired(where: home_module.Home) -> None:
    wrong = homes.default_files()["gates.yaml"].replace(b"[restart the model]", b"[pray]")
    blueprint.commit(where, {"gates.yaml": wrong}, "Name a playbook that there is none of")
    ((needed, text),) = found("healer")
    assert needed and text.startswith("Nothing is repaired: ") and "Name one of put settings back, rollback" in text


def test_a_gate_and_a_sentinel_of_a_metric_that_nobody_reports_are_named_with_it(where: home_module.Home) -> None:
    files = {
        name: homes.default_files()[name].decode().replace(*OLD).encode() for name in ("gates.yaml", "sentinels.yaml")
    }
    blueprint.commit(where, files, "Use a name of another time")
    gate, sentinel = found()
    assert gate[1].startswith("the gate fd_usage reads council_process_open_fds, which no service reports; `git clone ")
    assert sentinel[1].startswith("the sentinel descriptors reads council_process_open_fds, which no service reports; ")
    assert not gate[0] and not sentinel[0]


def test_a_file_that_an_earlier_version_shipped_is_mended_by_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = homes.default_files()
    made = home_module.Home(tmp_path / "old")
    with monkeypatch.context() as earlier:
        old = {**files, "gates.yaml": files["gates.yaml"].decode().replace(*OLD).encode()}
        earlier.setattr(homes, "default_files", lambda: old)
        homes.prepare(made, {})
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    ((_, text),) = found()
    assert text.endswith(
        "no service reports; `council blueprint update` brings it up to date; then start Council again"
    )
    assert "1 of its files are another version's" in CliRunner().invoke(main.cli, ["doctor"]).stdout
    CliRunner().invoke(main.cli, ["blueprint", "update"], catch_exceptions=False)
    assert found() == []
    assert "of another version" not in CliRunner().invoke(main.cli, ["doctor"]).stdout


def test_what_keeps_the_watcher_from_starting_is_told_and_what_doctor_says_mends_it(
    where: home_module.Home, tmp_path: Path
) -> None:
    blueprint.commit(where, {"gates.yaml": b"monitoring_gates:\n  latency_p95: {limit: soon}\n"}, "Break it")
    ((needed, text),) = found()
    assert (
        needed and "`monitoring_gates.latency_p95` needs a limit" in text and f"`git clone {where.blueprint}`" in text
    )

    def git(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("clone", str(where.blueprint), "clone")
    (tmp_path / "clone" / "gates.yaml").write_text("monitoring_gates:\n  latency_p95: <3000ms\n")
    git("-C", "clone", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-am", "Mend it")
    git("-C", "clone", "push")
    homes.prepare(where, {})
    assert found() == []
