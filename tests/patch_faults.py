"""Faults at the system calls of the stories of `patch_stories`, by strace, and what must hold after each.

Whoever reads sees what was so before or all of what was to be, never a mix; who said `done` has done it; and who tells the
story again, as every next start does, comes to its end, with nothing left over.
"""

import collections
import contextlib
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import patch_stories
from council.domain import home

FAULTS = ("error=EIO", "error=ENOSPC", "signal=KILL")
LIMIT_S = 120.0
# What nothing reads, and the next switch removes or the next move of the branch.
_LEFT_ALONE = frozenset({".current.partial", "HEAD.lock"})
# Whose faults are counted: of all processes together each for itself, and of the first alone.
_FOLLOWS = ("-f", "-q")


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One fault: at the call of this number, among those of this name, of each process followed."""

    story: str
    follow: str
    call: str
    number: int
    fault: str

    @property
    def text(self) -> str:
        """The point in one line."""
        whose = "with children" if self.follow == "-f" else "alone"
        return f"{self.story}: {self.fault} at {self.call} {self.number}, {whose}"


@dataclass(slots=True)
class Tally:
    """How points ended. `violations` is empty where all went as it must."""

    points: int = 0
    before: int = 0
    after: int = 0
    violations: list[str] = field(default_factory=list)


class Rig:
    """One story in a folder of its own, told by the program `told_by` again and again from the same beginning."""

    def __init__(self, story: patch_stories.Story, folder: Path, told_by: Path = Path(patch_stories.__file__)):
        self._story = story
        self._told_by = told_by
        folder.mkdir(parents=True, exist_ok=True)
        self._template = folder / "base"
        self._root = folder / "home"
        self.where = home.Home(self._root)
        story.begin(home.Home(self._template))
        self._reset()
        self.before = story.view(self.where)
        # Not counted: the first time Python keeps what it compiled.
        self._check_told(self._tell())
        self.after = story.view(self.where)

    def _reset(self) -> None:
        shutil.rmtree(self._root, ignore_errors=True)
        shutil.copytree(self._template, self._root, symlinks=True)

    def _tell(self, *before: str) -> subprocess.CompletedProcess[str]:
        argv = [*before, sys.executable, str(self._told_by), str(self._root), self._story.name]
        return subprocess.run(argv, capture_output=True, text=True, timeout=LIMIT_S, check=False)

    def _check_told(self, told: subprocess.CompletedProcess[str]) -> None:
        assert told.returncode == 0 and told.stdout == "done\n", told.stdout + told.stderr

    def points(self, faults: Sequence[str] = FAULTS) -> list[Point]:
        """Return where a fault can be."""
        found = []
        log = self._root.with_name("calls")
        for follow in _FOLLOWS:
            self._reset()
            options = (follow, "-qq", "-o", str(log), "-e", f"trace={','.join(self._story.calls)}")
            self._check_told(self._tell("strace", *options))
            counts: collections.Counter[tuple[str, str]] = collections.Counter()
            for line in log.read_text().splitlines():
                process, _, rest = line.partition(" ") if follow == "-f" else ("", "", line)
                name = rest.strip().partition("(")[0]
                if name in self._story.calls:
                    counts[name, process] += 1
            # strace counts in each process by itself.
            most: collections.Counter[str] = collections.Counter()
            for (name, _), count in counts.items():
                most[name] = max(most[name], count)
            found += [
                Point(self._story.name, follow, name, number, fault)
                for name in sorted(most)
                for number in range(1, most[name] + 1)
                for fault in faults
            ]
        return found

    def hurt(self, point: Point, tally: Tally) -> None:
        """Tell the story with a fault, then without, and look after each."""
        self._reset()
        tally.points += 1
        with _named(point, tally):
            inject = f"inject={point.call}:{point.fault}:when={point.number}"
            told = self._tell("strace", point.follow, "-qq", "-o", "/dev/null", "-e", inject)
            seen = self._story.view(self.where)
            assert seen in (self.before, self.after, *self._story.between), f"a mix is seen: {seen!r}"[:500]
            if told.returncode == 0 and told.stdout == "done\n" and not self._story.ends_otherwise(self.where):
                assert seen == self.after, "it said that it was done, and was not"
            # What it says of itself cannot be told where writing is what fails.
            assert point.call == "write" or "Traceback" not in told.stderr, told.stderr[-800:]
            tally.before += seen == self.before
            tally.after += seen != self.before
            self._story.tell(self.where)
            ended = self._story.view(self.where)
            assert ended == (self.before if self._story.ends_otherwise(self.where) else self.after), "it did not end"
            assert not (left := self._left_over()), f"left over: {left}"

    def _left_over(self) -> list[str]:
        """Return what whoever was killed has left, after the next has come to the end."""
        halves = set(self._root.rglob("*.partial"))
        locks = {path for path in self.where.blueprint.rglob("*.lock") if "objects" not in path.parts}
        return sorted(str(path.relative_to(self._root)) for path in halves | locks if path.name not in _LEFT_ALONE)


@contextlib.contextmanager
def _named(point: Point, tally: Tally) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # whatever a look at it raises is the finding
        tally.violations.append(f"{point.text}: {type(error).__name__}: {error}"[:1500])


def sample(points: Sequence[Point], seed: int) -> list[Point]:
    """Return one fault at the last of each call, which is where most depends on it: in children too, where there are any."""
    last = {(point.call, point.fault): point for point in sorted(points, key=lambda one: one.follow == "-f")}
    groups: dict[str, list[Point]] = {}
    for (call, _), point in last.items():
        groups.setdefault(call, []).append(point)
    draw = random.Random(seed)
    return [draw.choice(group) for _, group in sorted(groups.items())]
