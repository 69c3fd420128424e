"""Main and the live line come into step whatever happens to both, and nothing serves that patchctl did not let through."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.delivery import lines
from council.delivery.lines import Commit, Fate


def line(trees: str) -> list[Commit]:
    """Return a line of commits named by their trees, the newest first; each carries a patch of its tree's name."""
    return [
        Commit(f"{at}-{tree}", tree, tree.lower()) for at, tree in zip(range(len(trees), 0, -1), trees, strict=True)
    ]


def names(found: Sequence[Commit]) -> str:
    return "".join(one.tree for one in found)


@pytest.mark.parametrize(
    ("main", "live", "fates", "wanted"),
    [
        ("", "BA", {}, "push B"),
        ("A", "A", {}, "in step"),
        ("BA", "BA", {}, "in step"),
        # Went live without main.
        ("A", "BA", {}, "push B"),
        ("A", "CBA", {}, "push B"),
        # A rollback of what main holds: its tree was there before.
        ("BA", "ABA", {"b": Fate.ROLLED_BACK}, "push A"),
        ("ABA", "ABA", {"b": Fate.ROLLED_BACK}, "in step"),
        # Merged.
        ("BA", "A", {}, "hand B"),
        ("CBA", "A", {}, "hand B"),
        ("CBA", "BA", {"b": Fate.APPLIED}, "hand C"),
        ("BA", "A", {"b": Fate.ON_ITS_WAY}, "wait B"),
        ("BA", "A", {"b": Fate.REFUSED}, "restore A, drop B"),
        ("CBA", "A", {"b": Fate.REFUSED}, "restore A, drop CB"),
        ("BA", "A", {"b": Fate.ROLLED_BACK}, "restore A, drop B"),
        # The same patch again, upon what came after it.
        ("XCBA", "CBA", {"x": Fate.APPLIED}, "restore C, drop X"),
        # Merged while something else went live.
        ("BA", "CA", {}, "restore C, drop B"),
        ("YX", "BA", {}, "unrelated"),
        # Put back by hand to what served long ago.
        ("AC", "DCBA", {}, "restore D, drop A"),
        ("AD", "DCBA", {}, "restore D, drop A"),
        # Put back by a rollback, or by an owner's commit.
        ("AB", "DCABA", {}, "push C"),
        ("BA", "DCBA", {}, "push C"),
        ("AX", "CBA", {}, "push B"),
    ],
)
def test_each_pair_of_lines_has_its_next_step(main: str, live: str, fates: dict[str, Fate], wanted: str) -> None:
    match lines.next_step(line(main), line(live), fates):
        case lines.InStep():
            found = "in step"
        case lines.Hand(commit):
            found = f"hand {commit.tree}"
        case lines.Wait(commit):
            found = f"wait {commit.tree}"
        case lines.Push(generation):
            found = f"push {generation.tree}"
        case lines.Restore(generation, dropped, _):
            found = f"restore {generation.tree}, drop {names(dropped)}"
        case lines.Unrelated():
            found = "unrelated"
    assert found == wanted


def test_a_commit_without_a_patch_is_taken_back() -> None:
    main = [Commit("2", "B"), *line("A")]
    step = lines.next_step(main, line("A"), {})
    assert isinstance(step, lines.Restore)
    assert step.reason == "it carries no patch of its own"


def test_a_main_that_was_in_step_before_is_put_in_step_whatever_somebody_made_of_it() -> None:
    step = lines.next_step(line("YX"), line("BA"), {}, was_ours=True)
    assert isinstance(step, lines.Restore) and names(step.dropped) == "YX"


class World:
    """A forge and a home on which everything happens at random; each tree that was ever made has its own letter."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.live = [Commit("first", "tree 0")]
        self.main = [Commit("the first of main", "tree 0")]
        self.fates: dict[str, Fate] = {}
        self.made = 0
        self.allowed = {"tree 0"}

    def new(self, digest: str) -> Commit:
        self.made += 1
        return Commit(f"commit {self.made}", f"tree {self.made}", digest)

    def disturb(self) -> None:
        match self.chance.randrange(6):
            case 0:
                # Somebody merges a patch, or several.
                for _ in range(self.chance.randrange(1, 4)):
                    self.made += 1
                    self.main.insert(0, self.new(f"patch {self.made}"))
            case 1:
                # Somebody pushes past all checks.
                self.main.insert(0, self.new(""))
            case 2:
                self.serve(self.new(f"straight {self.made}"))
            case 3:
                # The owner commits.
                self.serve(self.new(""))
            case 4 if len(self.live) > 1:
                taken, before = self.live[0], self.live[1]
                self.fates[taken.digest] = Fate.ROLLED_BACK
                self.made += 1
                self.live.insert(0, Commit(f"commit {self.made}", before.tree))
            case _:
                for digest, fate in list(self.fates.items()):
                    if fate is Fate.ON_ITS_WAY:
                        self.end(digest)

    def serve(self, made: Commit) -> None:
        # One at a time: what was on its way has ended before.
        for digest, fate in list(self.fates.items()):
            if fate is Fate.ON_ITS_WAY:
                self.end(digest)
        self.allowed.add(made.tree)
        self.live.insert(0, made)
        if made.digest:
            self.fates[made.digest] = Fate.APPLIED

    def end(self, digest: str) -> None:
        """Have patchctl come to an end with a patch of main."""
        self.fates[digest] = self.chance.choice([Fate.APPLIED, Fate.REFUSED, Fate.ROLLED_BACK])
        one = next((one for one in self.main if one.digest == digest), None)
        if self.fates[digest] is Fate.APPLIED and one is not None:
            self.allowed.add(one.tree)
            self.live.insert(0, Commit(f"generation of {one.name}", one.tree, digest))

    def turn(self) -> lines.Step:
        step = lines.next_step(self.main, self.live, self.fates)
        match step:
            case lines.Hand(commit):
                assert commit.digest not in self.fates
                self.fates[commit.digest] = Fate.ON_ITS_WAY
            case lines.Wait(commit):
                self.end(commit.digest)
            case lines.Push(generation) | lines.Restore(generation, _, _):
                self.made += 1
                self.main.insert(0, Commit(f"commit {self.made}", generation.tree))
        return step


@given(st.integers(0, 2**32))
def test_the_lines_come_into_step_once_nothing_disturbs_them(seed: int) -> None:
    world = World(seed)
    for _ in range(world.chance.randrange(1, 25)):
        world.disturb()
        for _ in range(world.chance.randrange(3)):
            world.turn()
    turns = 0
    while not isinstance(world.turn(), lines.InStep):
        turns += 1
        # Each patch is handed, waited for and taken back at most once, and each generation pushed once.
        assert turns < 4 * (len(world.live) + len(world.main))
    assert world.main[0].tree == world.live[0].tree
    assert {one.tree for one in world.live} <= world.allowed
