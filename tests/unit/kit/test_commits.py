import pytest

from council.kit import commits


@pytest.mark.parametrize("text", ["0123456789abcdef" * 4, "a" * 40])
def test_full_ids_of_both_hashes_are_commits(text: str) -> None:
    assert commits.is_commit(text)


@pytest.mark.parametrize(
    "text", ["", "a" * 39, "a" * 41, "a" * 63, "A" * 40, "g" * 40, "a" * 40 + "\n", "../" + "a" * 37]
)
def test_nothing_else_is_a_commit(text: str) -> None:
    assert not commits.is_commit(text)
