"""The dashboard in a real browser: before a service of recorded answers, the files of ui/browser, and before a real Council.

`make ui` installs and builds what they need; where that, Node or Chromium is missing they are skipped and say why.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import whole

UI = Path(__file__).parents[2] / "ui"
LIMIT_S = 900


def missing() -> str:
    """Return what the tests lack here, "" where they can run."""
    if shutil.which("node") is None:
        return "there is no Node"
    if not Path(os.environ.get("CHROMIUM", "/usr/bin/chromium")).exists():
        return "there is no Chromium; install the package chromium, or name one by CHROMIUM"
    if not (UI / "node_modules" / "playwright-core").is_dir() or not (UI / "dist" / "index.html").is_file():
        return "the dashboard is not built; `make ui` builds it"
    return ""


@pytest.mark.parametrize("name", sorted(file.name for file in (UI / "browser").glob("*.test.mjs")))
def test_in_a_browser_all_is_as_the_file_says(name: str) -> None:
    reason = missing()
    if reason:
        pytest.skip(reason)
    done = subprocess.run(
        ["node", "--test", f"browser/{name}"], cwd=UI, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout[-8_000:]


def test_a_newcomer_signs_in_asks_runs_code_and_freezes_in_a_real_council() -> None:
    reason = missing()
    if reason:
        pytest.skip(reason)
    built = UI.parent / "src" / "council" / "dashboard" / "index.html"
    if not built.is_file():
        pytest.skip("the gateway has no dashboard to serve; `make ui` puts it there")
    with whole.anew() as council:
        link = json.loads(council.command("login", "--json").stdout)["link"]
        command = ["node", "browser/real.mjs", council.base_url, link]
        done = subprocess.run(command, cwd=UI, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        assert done.returncode == 0, done.stderr[-8_000:]
