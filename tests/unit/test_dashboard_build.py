"""What builds the dashboard: when it has to, what it says meanwhile, and how it is put into its place."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[2] / "tools"


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOOLS))
    import dashboard

    assert Path(str(dashboard.__file__)).parent == TOOLS
    return dashboard


@pytest.fixture
def ui(tmp_path: Path) -> Path:
    made = tmp_path / "ui"
    (made / "src").mkdir(parents=True)
    (made / "package.json").write_text("{}")
    (made / "package-lock.json").write_text("{}")
    (made / "src" / "app.tsx").write_text("1")
    return made


def test_it_is_built_anew_where_a_source_has_changed_and_for_nothing_else(
    tool: ModuleType, ui: Path, tmp_path: Path
) -> None:
    into = tmp_path / "dashboard"
    into.mkdir()
    assert not tool.is_current(ui, into)
    (into / tool.BUILT).write_text(json.dumps({"sources": tool.digest(ui)}))
    assert not tool.is_current(ui, into)
    (into / "index.html").write_text("")
    assert tool.is_current(ui, into)
    for apart in ("node_modules", "dist"):
        (ui / apart).mkdir()
        (ui / apart / "x").write_text("")
    assert tool.is_current(ui, into)
    (ui / "src" / "app.tsx").write_text("2")
    assert not tool.is_current(ui, into)


def test_packages_are_installed_where_the_lock_has_changed(tool: ModuleType, ui: Path) -> None:
    (ui / "node_modules").mkdir()
    assert [step for step, _ in tool.steps(ui, "npm")] == ["npm ci", "npm run build"]
    assert [step for step, _ in tool.steps(ui, "npm")] == ["npm run build"]
    (ui / "package-lock.json").write_text("{ }")
    assert [step for step, _ in tool.steps(ui, "npm")] == ["npm ci", "npm run build"]


def test_without_npm_it_says_why_and_the_page_can_tell(
    tool: ModuleType, ui: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    into = tmp_path / "dashboard"
    with pytest.raises(tool.UnbuildableError, match="apt-get install nodejs npm"):
        tool._build(ui, into)
    told = json.loads((into / tool.STATE).read_text())
    assert told["step"] == "look for npm" and "no npm" in told["problem"]


@pytest.mark.parametrize(("version", "good"), [("v20.19.0", True), ("v22.1.0", True), ("v18.20.4", False), ("", False)])
def test_an_old_node_is_refused(tool: ModuleType, monkeypatch: pytest.MonkeyPatch, version: str, good: bool) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    done = subprocess.CompletedProcess([], 0, stdout=version)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    if good:
        assert tool.check_tools() == "/bin/npm"
    else:
        with pytest.raises(tool.UnbuildableError, match=r"20\.19"):
            tool.check_tools()


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_what_was_built_takes_the_place_of_what_was_there_packed_beside_it(tool: ModuleType, tmp_path: Path) -> None:
    dist, into = tmp_path / "dist", tmp_path / "dashboard"
    (dist / "assets").mkdir(parents=True)
    (dist / ".vite").mkdir()
    (dist / "index.html").write_text("<!doctype html>")
    (dist / "assets" / "app-1.js").write_text("let a = 1;\n" * 500)
    (into / "assets").mkdir(parents=True)
    (into / "assets" / "old.js").write_text("")
    tool.place(dist, into, "digest")
    found = {path.relative_to(into).as_posix() for path in into.rglob("*") if path.is_file()}
    assert found == {"index.html", "built.json", "assets/app-1.js", "assets/app-1.js.br", "assets/app-1.js.gz"}
    assert (into / "assets" / "app-1.js.br").stat().st_size < 100
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert sys.modules["dashboard"] is tool
