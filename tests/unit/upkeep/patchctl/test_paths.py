"""Which names a file of a patch may have."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import patch_documents as forms
from council.domain import errors
from council.upkeep.patchctl.core import paths


def refused(path: str) -> bool:
    try:
        paths.check(path)
    except errors.PatchRefusedError as error:
        assert error.reason == "path_unsafe" and error.message.isascii() and len(error.message) < 400
        return True
    return False


@pytest.mark.parametrize("path", forms.GOOD_PATHS)
def test_a_plain_name_is_allowed(path: str) -> None:
    assert not refused(path)


@pytest.mark.parametrize("path", forms.BAD_PATHS, ids=ascii)
def test_a_name_that_could_be_read_as_another_is_refused(path: str) -> None:
    assert refused(path)


@settings(deadline=None)
@given(path=st.text(max_size=40) | st.text("./aA-_~\\\0", max_size=12))
def test_what_is_allowed_stays_within_the_tree_and_has_one_form(path: str) -> None:
    if refused(path):
        return
    parts = path.split("/")
    assert path.isascii() and path.isprintable() and unicodedata.normalize("NFKC", path) == path
    assert all(part and not part.startswith(".") for part in parts)


@pytest.mark.parametrize(
    "names",
    [
        ["a", "a"], ["a", "A"], ["x/a", "x/A"], ["a", "a/b"], ["a/b", "a"], ["A", "a/b"], ["x/a", "X/b"], ["a/b/c", "a/B/d"],
        ["b", "c", "B"],
    ],
)  # fmt: skip
def test_names_that_some_disk_would_take_for_one_are_refused(names: list[str]) -> None:
    with pytest.raises(errors.PatchRefusedError) as raised:
        paths.check_together(names)
    assert raised.value.reason == "path_unsafe"


def test_other_names_stand_beside_each_other() -> None:
    paths.check_together(["a", "b/a", "b/c", "ab", "c/a/b", "c/ab"])
