"""What `council doctor` says of the dashboard."""

import shutil
from pathlib import Path

import pytest

from council.cli import building


def test_it_is_built_or_can_be_or_not_and_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "src" / "council"
    package.mkdir(parents=True)
    assert building.look(package) == (False, "this release came without it; a plain page is at / in its place")
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui" / "package.json").write_text("{}")
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/npm")
    assert building.look(package) == (True, "not built yet; `make ui` builds it with /usr/bin/npm")
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert building.look(package)[0] is False
    (package / "dashboard").mkdir()
    (package / "dashboard" / "index.html").write_text("")
    assert building.look(package) == (True, "built")
