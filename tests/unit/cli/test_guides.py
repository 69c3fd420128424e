"""`council guides` on a folder and over a scripted service."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from council.cli import calls, main
from council.domain import config, errors

ENTRY = {
    "slug": "days", "title": "days", "heading": "Closing days", "root": "library",
    "source": "library/guidebook/days.md", "place": "Closing days", "quote": "We close.\nThen open.",
    "raw": "# Closing days\x1b[2J\n", "html": "<h1>Closing days</h1>",
}  # fmt: skip
FAULT = {"root": "library", "source": "library/guidebook/b\x1b.md", "line": 2, "reason": "unknown key.", "kept": True}


@pytest.fixture(autouse=True)
def no_home_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "config_of", lambda _, port: config.build({}, {}, {"port": port or 8000}))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, ["guides", *arguments])


def test_a_folder_of_guides_is_checked_without_a_service(tmp_path: Path) -> None:
    (tmp_path / "good.md").write_text("---\ntitle: Good\n---\n# Good\n")
    result = run("check", str(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "1 guides read, 0 at fault\n")
    (tmp_path / "bad.md").write_text("---\ntitel: Bad\n---\n# Bad\n")
    result = run("check", str(tmp_path), "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["processed"] == 2
    assert told["faults"] == [
        {"document": f"{tmp_path}/bad.md", "line": 2, "reason": "unknown key `titel`. Did you mean `title`?"}
    ]
    assert f"{tmp_path}/bad.md:2: unknown key" in run("check", str(tmp_path)).stderr


def test_guides_are_listed_by_what_they_are_called_and_faults_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "call", lambda *_, **__: {"guides": [ENTRY], "faults": [FAULT]})
    monkeypatch.setenv("COLUMNS", "80")
    assert run("list").stdout.splitlines()[1].split("  ") == ["days", "Closing days", "library"]
    monkeypatch.setenv("COLUMNS", "200")
    result = run("list", "--port", "2000")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split("  ") == ["days", "Closing days", "library", "library/guidebook/days.md"]
    assert result.stderr == "library/guidebook/b\\x1b.md:2: unknown key. (its last good version is shown)\n"
    assert json.loads(run("list", "--json").stdout)["faults"] == [FAULT]


def test_a_guide_is_shown_without_steering_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "call", lambda *_, **__: ENTRY)
    assert run("show", "days").stdout == "# Closing days\\x1b[2J\n"
    assert run("show", "days", "--html").stdout == "<h1>Closing days</h1>\n"


def test_what_can_be_no_guide_and_a_search_for_nothing_are_refused_before_anybody_is_asked() -> None:
    assert isinstance(run("show", "../x").exception, errors.NotFoundError)
    assert isinstance(run("search", " ").exception, errors.InvalidRequestError)


def test_a_search_shows_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def call(*given: object, **_: object) -> dict[str, object]:
        asked.append(given[3])
        return {"guides": [ENTRY], "faults": []}

    monkeypatch.setattr(calls, "call", call)
    result = run("search", "closing", "days&x", "--limit", "3")
    assert asked == ["/api/guides?q=closing+days%26x&limit=3"]
    assert "We close. Then open." in result.stdout


def test_a_sync_without_a_service_says_what_to_do(tmp_path: Path) -> None:
    home = str(tmp_path / "h")
    assert CliRunner().invoke(main.cli, ["init", "--home", home]).exit_code == 0
    result = run("sync", "--home", home, "--port", "1024")
    assert isinstance(result.exception, errors.SupervisorUnavailableError) or "council up" in result.stderr
