"""What `council patch` says when a patch has come to its end."""

import pytest

from council.cli import patch, patch_rows
from council.domain import errors
from council.upkeep.patchctl import history

WAY = [["staging", 100], ["baking", 110], ["idle", 120]]
LATER = [*WAY, ["returning", 5000], ["idle", 5003]]
ROLLBACK = ("rolled back", "refused")
SUBMIT = ("applied", "tried")


def told(outcome: str, wanted: tuple[str, ...], times: list[list[int | str]]) -> None:
    row = {"cid": "ab" * 8, "outcome": outcome, "reason": "So", "target": "c" * 40, "base": "d" * 40, "times": times}
    patch._end(row, False, wanted)


@pytest.mark.parametrize(
    ("outcome", "wanted", "times", "line"),
    [
        ("applied", SUBMIT, WAY, "Applied after 20 s. Generation cccccccc serves."),
        ("tried", SUBMIT, WAY, "Tried after 20 s. Found good, and nothing is left of it."),
        ("refused", ROLLBACK, WAY, "Refused after 20 s. It never served."),
        ("rolled back", ROLLBACK, LATER, "Rolled back after 3 s. What served before serves again."),
    ],
)
def test_an_end_that_was_wanted_is_told(
    outcome: str, wanted: tuple[str, ...], times: list[list[int | str]], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told(outcome, wanted, times)
    assert capsys.readouterr().out == f"{line}\n"


@pytest.mark.parametrize(("outcome", "wanted"), [("refused", SUBMIT), ("rolled back", SUBMIT), ("applied", ROLLBACK)])
def test_any_other_end_is_an_error(outcome: str, wanted: tuple[str, ...]) -> None:
    with pytest.raises(errors.PatchRefusedError, match="after 20 s: So"):
        told(outcome, wanted, WAY)


def test_the_time_in_force_is_no_part_of_how_long_a_patch_took() -> None:
    row = history.Row("ab" * 32, outcome="rolled back", times=tuple((str(name), int(at)) for name, at in LATER))
    assert patch_rows.took_s(row) == 23


def test_how_long_something_was_away_is_told_with_either_end(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"cid": "ab" * 8, "outcome": "applied", "reason": "", "target": "c" * 40, "times": WAY, "away_s": 17}
    patch._end(row, False, SUBMIT)
    assert "Generation cccccccc serves. What stopped for it was away for 17 s." in capsys.readouterr().out
    refused = {**row, "outcome": "refused", "reason": "outside_window: memory lacks. Submit the same patch again then."}
    with pytest.raises(
        errors.PatchRefusedError, match=r"again then\. What served before serves\. What stopped .* 17 s\."
    ):
        patch._end(refused, False, SUBMIT)
