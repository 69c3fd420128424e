import pytest

from council.domain import errors, patches
from council.kit import beneath
from council.upkeep.engine import changes, repository
from staging_rig import drop, put

A = {"a": beneath.Plain(b"1", executable=False)}


def reason(call: object, *arguments: object) -> str:
    with pytest.raises(errors.StagingError) as raised:
        call(*arguments)  # type: ignore[operator]
    assert raised.value.message.endswith(".") and raised.value.code == "staging_failed"
    return raised.value.reason


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "a\0b", "a\nb", ".git/config", "a/.GIT/b", ".council/patch.json",
        ".council", ".COUNCIL/x", ".counci\uff4c/x", "x" * 256, "x/" * 64 + "x", "\udcff",
    ],
)  # fmt: skip
def test_a_path_that_is_not_for_patches_is_refused(path: str) -> None:
    for change in (put(path, b""), drop(path, b"")):
        assert reason(changes.check, [change]) == "path_refused"


@pytest.mark.parametrize("path", ["a", "a/b", "x" * 255, "council/patch.json", "a/.council/b", "x/" * 63 + "x"])
def test_a_plain_path_is_for_patches(path: str) -> None:
    changes.check([put(path, b"")])


def test_a_file_is_named_once() -> None:
    assert reason(changes.check, [put("a", b"1"), drop("a", b"1")]) == "path_refused"


def test_what_a_patch_may_carry_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "BYTES_MAX", 10)
    changes.check([put("a", b"x" * 5), put("b", b"x" * 5)], 10)
    assert reason(changes.check, [put("a", b"x" * 6), put("b", b"x" * 5)]) == "too_large"
    assert reason(changes.check, [put("a", b"")], 11) == "too_large"
    many = [put(f"{number}", b"") for number in range(changes.CHANGES_MAX + 1)]
    changes.check(many[1:])
    assert reason(changes.check, many) == "too_many_files"


@pytest.mark.parametrize(
    ("change", "found", "expected"),
    [
        (put("a", b"2", b"other"), A, "digest_differs"),
        (put("a", b"2"), A, "digest_differs"),
        (put("a", b"2", b"1"), {}, "digest_differs"),
        (drop("a", b"other"), A, "digest_differs"),
        (drop("a", b"1"), {}, "digest_differs"),
        (drop("a", None), {}, "digest_differs"),
        (drop("a", None), A, "digest_differs"),
        (put("a", b"2", b"1", executable=True), A, "type_changed"),
        (put("a", b"1", b"1"), A, "nothing_changed"),
    ],
)
def test_a_change_that_does_not_find_what_it_expects_is_refused(
    change: patches.Change, found: dict[str, beneath.Plain], expected: str
) -> None:
    assert reason(changes.check_found, [change], found) == expected


@pytest.mark.parametrize(
    "change", [put("a", b"2", b"1"), drop("a", b"1"), put("b", b"1"), put("b", b"", executable=True)]
)
def test_a_change_that_finds_what_it_expects_passes(change: patches.Change) -> None:
    changes.check_found([change], {"a": A["a"]})


def test_one_file_that_stays_as_it_was_does_no_harm_beside_one_that_changes() -> None:
    changes.check_found([put("a", b"1", b"1"), put("b", b"1")], A)


def test_a_patch_of_nothing_is_refused() -> None:
    assert reason(changes.check_found, [], {}) == "nothing_changed"


@pytest.mark.parametrize(
    ("before", "made", "expected"),
    [
        (["a"], [put("a/b", b"")], "type_changed"),
        (["a/b"], [put("a", b"")], "type_changed"),
        ([], [put("a", b""), put("a/b", b"")], "type_changed"),
        (["a"], [put("A", b"")], "name_collides"),
        (["a/b"], [put("A/c", b"")], "name_collides"),
        (["a/b"], [put("A", b"")], "name_collides"),
        ([], [put("a", b""), put("A", b"")], "name_collides"),
        (["\u00e9"], [put("e\u0301", b"")], "name_collides"),
        (["stra\u00dfe"], [put("STRASSE", b"")], "name_collides"),
        (["fi"], [put("\ufb01", b"")], "name_collides"),
    ],
)
def test_paths_that_cannot_lie_side_by_side_are_refused(
    before: list[str], made: list[patches.Change], expected: str
) -> None:
    assert reason(changes.paths_after, before, made) == expected


def test_the_paths_after_are_those_before_less_the_removed_and_with_the_added() -> None:
    made = [drop("a", b""), put("a/b", b""), drop("c/d", b""), put("C", b"")]
    assert changes.paths_after(["a", "c/d", "e"], made) == {"a/b", "C", "e"}


def test_names_that_collide_already_do_not_stop_other_changes() -> None:
    assert changes.paths_after(["a", "A"], [put("b", b"")]) == {"a", "A", "b"}


def test_a_blueprint_does_not_grow_over_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "FILES_MAX", 4)
    assert changes.paths_after(["a"], [put("b", b"")]) == {"a", "b"}
    assert reason(changes.paths_after, ["a", "b"], [put("c", b"")]) == "too_many_files"


def test_the_reasons_are_stable() -> None:
    assert {each.value for each in changes.Reason} == {
        "stale_base", "digest_differs", "type_changed", "path_refused", "name_collides", "nothing_changed",
        "too_many_files", "too_large", "live_altered", "staged_altered", "generation_in_use", "no_space", "disk_failed",
        "repository_failed", "kernel_too_old",
    }  # fmt: skip
