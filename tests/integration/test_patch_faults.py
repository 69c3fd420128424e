"""EIO, ENOSPC and SIGKILL at the system calls of what the way of a patch does on disk: the base or the target, never a mix.

`make test` takes a sample of the calls. PATCH_FAULTS=all takes each; `make soak ARGS="--only patch-faults"` does so in parts.
"""

import os
import shutil
from pathlib import Path

import pytest

import patch_faults
import patch_stories
from council.domain import home

pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed"),
    pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed"),
]
# Calls that each story makes, of which one without them would show nothing.
MADE = {"fsync", "write"}


@pytest.mark.parametrize("name", patch_stories.STORIES)
def test_a_fault_at_a_call_leaves_all_or_nothing_and_whoever_comes_next_ends_it(tmp_path: Path, name: str) -> None:
    rig = patch_faults.Rig(patch_stories.STORIES[name], tmp_path)
    points = rig.points()
    assert {point.call for point in points} >= MADE
    chosen = points if os.environ.get("PATCH_FAULTS") == "all" else patch_faults.sample(points, len(name))
    tally = patch_faults.Tally()
    for point in chosen:
        rig.hurt(point, tally)
    print(f"{name}: {tally.points} of {len(points)} faults; before {tally.before}, after {tally.after}")
    assert not tally.violations
    assert tally.before, "no fault was early enough to change anything"


def test_a_story_that_would_leave_a_mix_is_found(tmp_path: Path) -> None:
    def write(where: home.Home) -> None:
        (where.root / "half").write_text("half")
        (where.root / "whole").write_text("whole")

    def view(where: home.Home) -> object:
        return sorted(path.name for path in where.root.iterdir())

    story = patch_stories.Story("a mix", lambda where: where.root.mkdir(), write, view)
    tally = patch_faults.Tally()
    rig = patch_faults.Rig(story, tmp_path, told_by=Path(__file__).with_name("mixed_story.py"))
    for point in rig.points(("signal=KILL",)):
        rig.hurt(point, tally)
    assert any("a mix is seen: ['half']" in line for line in tally.violations)
