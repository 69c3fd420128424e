"""A patch that the branch holds is taken back by a commit that restores the tree before it; the branch only ever goes on."""

import itertools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from council.domain import errors, home, patches
from council.upkeep.engine import blueprint, repository, staging
from staging_rig import drop, put

AT_S = 1_800_000_000


@pytest.fixture
def where(tmp_path: Path) -> home.Home:
    made = home.Home(tmp_path / "home")
    blueprint.commit(made, {"kept": b"1", "changed": b"old", "removed/deep": b"gone"}, "Start")
    return made


def git(where: home.Home, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(where.blueprint), *arguments], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).strip()


def applied(where: home.Home, *made: patches.Change, title: str = "Patch", base: str = "") -> str:
    """Stage a patch, have it serve and adopt it, as its way does; return its commit."""
    document = f"{title} {made}".encode()
    patch = staging.Patch(document, b"signature", base or blueprint.current(where), title, AT_S - 1000, made)
    commit = staging.stage(where, patch)
    blueprint.switch(where, commit)
    blueprint.adopt(where, commit)
    return commit


FIRST = (
    put("changed", b"new", b"old"),
    drop("removed/deep", b"gone"),
    put("added/one", b"1", executable=True),
)


def roll_back(where: home.Home, made: str, at_s: int = AT_S) -> str:
    """Take a patch back, as whoever rolls back does: the supervisor moves the link in between."""
    reverted = blueprint.revert(where, made, at_s)
    blueprint.switch(where, reverted)
    blueprint.adopt(where, reverted)
    return reverted


def test_the_tree_before_the_patch_is_restored_by_a_new_commit_at_the_end_of_the_branch(where: home.Home) -> None:
    base = blueprint.current(where)
    made = applied(where, *FIRST, title="Say it shorter")
    reverted = roll_back(where, made)
    assert git(where, "rev-list", "--reverse", "main").split() == [base, made, reverted]
    assert git(where, "diff", "--raw", base, reverted) == ""
    assert git(where, "log", "-1", "--format=%B", "main") == f'Revert "Say it shorter"\n\nThis takes back {made}.'
    folder = where.generations / reverted
    assert {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()} == {
        "kept": "1",
        "changed": "old",
        "removed/deep": "gone",
    }
    assert (folder / "changed").stat().st_mode & 0o777 == 0o400
    staging.verify(where, reverted)
    assert blueprint.repair(where) == reverted == blueprint.current(where)


def test_nothing_that_serves_and_no_branch_has_changed_before_it_serves(where: home.Home) -> None:
    made = applied(where, *FIRST)
    reverted = blueprint.revert(where, made, AT_S)
    assert blueprint.current(where) == made == git(where, "rev-parse", "main") != reverted
    # Nobody rolls back after all, or the launch failed.
    staging.discard(where, "0" * 64, reverted)
    assert not (where.generations / reverted).exists() and blueprint.repair(where) == made


def test_to_take_it_back_again_gives_the_same_commit_at_every_stage(where: home.Home) -> None:
    made = applied(where, *FIRST)
    reverted = blueprint.revert(where, made, AT_S)
    assert blueprint.revert(where, made, AT_S) == reverted
    blueprint.switch(where, reverted)
    assert blueprint.revert(where, made, AT_S) == reverted
    blueprint.adopt(where, reverted)
    assert blueprint.revert(where, made, AT_S) == reverted == git(where, "rev-parse", "main")
    with pytest.raises(errors.BlueprintError, match="taken back already"):
        blueprint.revert(where, made, AT_S + 1)


def test_the_next_patch_is_made_on_what_was_restored_though_it_names_the_base_before(where: home.Home) -> None:
    base = blueprint.current(where)
    reverted = roll_back(where, applied(where, *FIRST))
    following = applied(where, put("changed", b"better", before=b"old"), title="Try again", base=base)
    assert git(where, "rev-parse", "main") == following == blueprint.current(where)
    assert git(where, "rev-parse", "main^") == reverted


def test_patches_are_taken_back_from_the_last_to_the_first(where: home.Home) -> None:
    base = blueprint.current(where)
    first = applied(where, *FIRST, title="One")
    second = applied(where, put("other", b"2"), title="Two")
    with pytest.raises(errors.BlueprintError, match="Roll back those that came after"):
        blueprint.revert(where, first, AT_S)
    after_second = roll_back(where, second)
    assert repository.tree_of(where, after_second) == repository.tree_of(where, first)
    after_first = roll_back(where, first, AT_S + 10)
    assert repository.tree_of(where, after_first) == repository.tree_of(where, base)
    assert git(where, "log", "--format=%s", "main").splitlines() == [
        'Revert "One"',
        'Revert "Two"',
        "Two",
        "One",
        "Start",
    ]
    # And a revert is a commit as any other.
    assert repository.tree_of(where, roll_back(where, after_first, AT_S + 20)) == repository.tree_of(where, first)


def test_what_serves_after_a_patch_was_taken_back_was_made_by_the_one_before(where: home.Home) -> None:
    start = blueprint.current(where)
    made = applied(where, put("added", b"1"), title="One")
    second = applied(where, put("more", b"2"), title="Two")
    of_one, of_two = (blueprint.cid_of(where, each) for each in (made, second))
    assert None not in (of_one, of_two) and of_one != of_two
    reverted = roll_back(where, second)
    assert blueprint.cid_of(where, reverted) == of_one
    assert blueprint.repair(where) == reverted, "nothing is left out of it"
    assert blueprint.cid_of(where, roll_back(where, made, AT_S + 20)) is blueprint.cid_of(where, start) is None


def test_what_the_branch_does_not_hold_is_not_taken_back(where: home.Home) -> None:
    start = blueprint.current(where)
    patch = staging.Patch(b"{}", b"signature", start, "Beside", AT_S, (put("added", b"2"),))
    beside = staging.stage(where, patch)
    for name in (start, beside, "HEAD", "--help", ""):
        with pytest.raises(errors.BlueprintError, match="no patch that the branch holds"):
            blueprint.revert(where, name, AT_S)
    assert blueprint.current(where) == start == git(where, "rev-parse", "main")


def test_a_generation_that_is_behind_the_branch_takes_nothing_back(where: home.Home) -> None:
    start = blueprint.current(where)
    made = applied(where, *FIRST)
    blueprint.switch(where, start)
    with pytest.raises(errors.BlueprintError, match="nothing can be taken back"):
        blueprint.revert(where, made, AT_S)


class CrashedError(BaseException):
    """The process ended here."""


def counted(real: Callable[..., Any], effects: list[int], crash_at: int) -> Callable[..., Any]:
    """Return what ends the process instead of having the effect of a number."""

    def effect(*arguments: Any, **options: Any) -> Any:
        # What git only reads is no effect.
        if real is not repository_git or arguments[1] in ("commit-tree", "update-ref"):
            effects[0] += 1
            if effects[0] == crash_at:
                raise CrashedError
        return real(*arguments, **options)

    return effect


repository_git = repository._git
EFFECTS = [
    (repository, "_git"), (os, "fsync"), (os, "mkdir"), (Path, "rename"), (Path, "symlink_to"),
]  # fmt: skip


def test_a_crash_before_each_effect_leaves_one_generation_whole_and_the_next_try_ends_it(
    where: home.Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = applied(where, *FIRST)
    old, restored = (repository.tree_of(where, name) for name in (made, f"{made}^"))
    found: list[tuple[bool, bool]] = []
    for crash_at in itertools.count(1):
        one = home.Home(Path(shutil.copytree(where.root, tmp_path / str(crash_at), symlinks=True)))
        crashed = False
        with monkeypatch.context() as patched:
            effects = [0]
            for target, name in EFFECTS:
                patched.setattr(target, name, counted(getattr(target, name), effects, crash_at))
            try:
                roll_back(one, made)
            except CrashedError:
                crashed = True
        if not crashed:
            break
        # What the next start finds, and goes on with.
        serving = blueprint.current(one)
        assert blueprint.repair(one) == serving == blueprint.current(one)
        staging.verify(one, serving)
        on_branch = repository.tree_of(one, repository.BRANCH)
        assert on_branch in (old, restored)
        found.append((serving != made, on_branch == restored))
        reverted = roll_back(one, made)
        assert blueprint.current(one) == reverted == repository.commit_at(one, repository.BRANCH)
        staging.verify(one, reverted)
        assert repository.parent_of(one, reverted) == made
        assert [path.name for path in one.generations.iterdir() if path.name.startswith(".")] == []
    # Crashes before the switch, between that and the branch, and after both, in this order.
    assert found == sorted(found) and set(found) == {(False, False), (True, False), (True, True)}
    assert len(found) > 15
