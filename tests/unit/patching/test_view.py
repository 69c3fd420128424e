"""The history of patches as the store holds it."""

import json

from council.patching import view
from council.upkeep.patchctl import history

ROW = history.Row("a" * 64, "Shorter", 7, author="ann", files=("prompts/a.md",), at_s=100, outcome="applied")


def test_a_field_is_a_patch_by_its_digest() -> None:
    assert {name: json.loads(value) for name, value in view.fields([ROW]).items()} == {
        "a" * 64: {
            "cid": "a" * 16, "timestamp": 100, "author": "ann", "files": ["prompts/a.md"], "status": "applied", "ticket": 7,
        }
    }  # fmt: skip


def test_a_patch_at_work_has_its_phase_and_one_that_came_twice_its_last_end() -> None:
    again = history.Row("a" * 64, phase="baking")
    [value] = view.fields([ROW, again]).values()
    assert json.loads(value)["status"] == "baking"


def test_only_the_newest_are_kept() -> None:
    rows = [history.Row(f"{number:064x}") for number in range(view.ROWS_MAX + 5)]
    found = list(view.fields(rows))
    assert len(found) == view.ROWS_MAX and found[-1] == rows[-1].digest and rows[4].digest not in found
