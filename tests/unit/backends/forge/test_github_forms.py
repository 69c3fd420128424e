"""GitHub's objects as ours: what is no success never reads as one, and what is no plain file is refused."""

import base64

import pytest

from council.backends.forge import github_forms
from council.domain import errors, forge


@pytest.mark.parametrize(
    ("status", "conclusion", "state"),
    [
        ("queued", None, "pending"),
        ("in_progress", None, "pending"),
        ("completed", "success", "success"),
        ("completed", "neutral", "neutral"),
        ("completed", "skipped", "neutral"),
        ("completed", "failure", "failure"),
        ("completed", "cancelled", "failure"),
        ("completed", "timed_out", "failure"),
        ("completed", "action_required", "failure"),
        ("completed", "stale", "failure"),
        ("completed", "a word of next year", "failure"),
        ("completed", None, "failure"),
        ("waiting", "success", "pending"),
    ],
)
def test_only_success_is_success(status: str, conclusion: str | None, state: str) -> None:
    row = {
        "name": "x",
        "status": status,
        "conclusion": conclusion,
        "output": {"title": None},
        "details_url": None,
        "app": None,
    }
    assert github_forms.run(row).state == state


@pytest.mark.parametrize("word", ["error", "failure", "a word of next year"])
def test_a_status_that_is_neither_success_nor_pending_is_a_failure(word: str) -> None:
    row = {"context": "x", "state": word, "description": None, "target_url": None, "creator": None}
    assert github_forms.status(row).state is forge.CheckState.FAILURE


@pytest.mark.parametrize(
    ("row", "truncated"),
    [
        ({"path": "x", "mode": "120000", "type": "blob", "sha": "a" * 40}, False),
        ({"path": "x", "mode": "160000", "type": "commit", "sha": "a" * 40}, False),
        ({"path": "x", "mode": "100644", "type": "blob", "sha": "a" * 40}, True),
    ],
)
def test_a_tree_of_more_than_plain_files_is_refused(row: dict[str, str], truncated: bool) -> None:
    with pytest.raises(errors.InvalidRequestError):
        github_forms.entries({"tree": [row], "truncated": truncated})


def test_what_a_blob_may_hold_is_base64() -> None:
    assert (
        github_forms.content({"encoding": "base64", "content": base64.encodebytes(b"x" * 100).decode()}) == b"x" * 100
    )
    with pytest.raises(github_forms.FormError):
        github_forms.content({"encoding": "utf-8", "content": "x"})
