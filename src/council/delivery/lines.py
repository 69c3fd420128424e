"""What keeps the forge's main and the live line in step: one pure function from how both stand to what is to be done next.

A line is its last commits, the newest first, each known by its tree. The live line is what serves and what served before it; it
is right, always. Main is what people and bots wish for. A commit that patchctl has not judged is handed to it, and what
patchctl did not let through is taken back upon main. Each step leaves lines from which the same function goes on, so whoever
takes them may be killed anywhere.

Here nothing reads a clock, a file or a socket.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# So far back the lines are looked at. Who is further behind has been away for long, and is told to look himself.
DEPTH_MAX = 200


class Fate(enum.StrEnum):
    """What became of a patch, as the journal says."""

    UNKNOWN = "unknown"
    ON_ITS_WAY = "on its way"
    APPLIED = "applied"
    REFUSED = "refused"
    ROLLED_BACK = "rolled back"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a line. `digest` is the patch that it carries and its parent does not; "" where it carries no new one."""

    name: str
    tree: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class InStep:
    """Main's tree is the one that serves."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Give patchctl the patch of a commit of main."""

    commit: Commit


@dataclass(frozen=True, slots=True)
class Wait:
    """Until the patch of a commit of main has come to its end."""

    commit: Commit


@dataclass(frozen=True, slots=True)
class Push:
    """Put a generation upon main, which holds the one before it."""

    generation: Commit


@dataclass(frozen=True, slots=True)
class Restore:
    """Put what serves upon main in the place of commits that do not, the newest of them first. `reason` says why."""

    generation: Commit
    dropped: tuple[Commit, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Unrelated:
    """Main and the live line have nothing in common, and never had as far as is known: main is another project's.

    A person must look.
    """


Step = InStep | Hand | Wait | Push | Restore | Unrelated


def next_step(
    main: Sequence[Commit], live: Sequence[Commit], fates: Mapping[str, Fate], *, was_ours: bool = False
) -> Step:
    """Return what is to be done. Both lines are the newest first; `live` is not empty, an empty `main` is a new forge.

    `fates` has what became of each patch that main's commits carry, as it was before `live` was read; one that it does not name
    is unknown. `was_ours`: this main was in step before, so that one without anything in common was rewritten.
    """
    serves = live[0]
    if not main:
        return Push(serves)
    behind = _place(live, main[0].tree)
    if behind == 0:
        return InStep()
    if behind is not None:
        if _is_put_back(main, live, behind):
            return Restore(serves, (main[0],), "it puts back what served before, and no patch asks for that")
        # The newest commit of that tree: after a rollback the same tree is there twice.
        return Push(live[behind - 1])
    ahead = _place(main, serves.tree)
    if ahead is not None:
        return _judged(main[:ahead], serves, fates)
    common = {one.tree for one in live}
    parted = next((at for at, one in enumerate(main) if one.tree in common), None)
    if parted is None:
        return Restore(serves, tuple(main), "it has nothing in common with what serves") if was_ours else Unrelated()
    return Restore(serves, tuple(main[:parted]), "what serves has changed since, so it was made from another base")


def _judged(ahead: Sequence[Commit], serves: Commit, fates: Mapping[str, Fate]) -> Step:
    """Return what is to be done about commits of main upon what serves."""
    oldest = ahead[-1]
    if not oldest.digest:
        return Restore(serves, tuple(ahead), "it carries no patch of its own")
    match fates.get(oldest.digest, Fate.UNKNOWN):
        case Fate.UNKNOWN:
            return Hand(oldest)
        case Fate.ON_ITS_WAY:
            return Wait(oldest)
        case fate:
            # One that was applied is there a second time: what it made has another tree, or main would not be ahead.
            return Restore(serves, tuple(ahead), f"its patch was {fate.value} before")


def _is_put_back(main: Sequence[Commit], live: Sequence[Commit], behind: int) -> bool:
    """Return whether main's newest commit goes back to an earlier tree of the live line, which itself went only onwards."""
    places = [at for at, one in enumerate(live) if len(main) > 1 and one.tree == main[1].tree]
    return bool(places) and max(places) < behind


def _place(line: Sequence[Commit], tree: str) -> int | None:
    return next((at for at, one in enumerate(line) if one.tree == tree), None)
