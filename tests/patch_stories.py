"""What is done on disk on the way of a patch, one story each: what is so before, what is done, and what readers see.

    python patch_stories.py ROOT STORY

tells one story in a process of its own, to be hurt at its system calls: it says `done`, or why not and ends with status 3.
Every story bears being told again; so whoever was killed is followed by somebody who tells the whole of it.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pgp
import staging_rig as rig
from council import homes
from council.domain import authz, errors, home, patches
from council.patching import hands, roster, submitted
from council.upkeep.engine import blueprint, repository, staging
from council.upkeep.patchctl import freeze, journal, journal_key, steps, way

# Calls that change what is on disk, or speak with others.
CHANGING = (
    "fsync", "fdatasync", "ftruncate", "write", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "mkdir",
    "unlink", "unlinkat", "rmdir", "connect", "flock",
)  # fmt: skip
# A whole way makes thousands of these, for all that it copies; the stories of its parts have their share.
CALLS = (*CHANGING, "mkdirat", "openat2", "fchmod")

Told = Callable[[home.Home], None]


@dataclass(frozen=True, slots=True)
class Story:
    """`begin` makes what is so before in an empty folder; `view` returns what readers see, and raises if they see a mix.

    `between` are further sights that a reader may have on the way, and `ends_otherwise` says whether it has ended for good
    elsewhere than untroubled: a way that a fault has had refused.
    """

    name: str
    begin: Told
    tell: Told
    view: Callable[[home.Home], object]
    between: tuple[object, ...] = ()
    ends_otherwise: Callable[[home.Home], bool] = lambda _: False
    calls: tuple[str, ...] = CALLS


def _live(where: home.Home) -> object:
    made = blueprint.current(where)
    return made, rig.tree(where.generations / made)


# Staging


def _generations(where: home.Home) -> object:
    names = {name for name in rig.generations(where) if not name.startswith(".")}
    return blueprint.current(where), {name: rig.tree(where.generations / name) for name in names}


def _patch(where: home.Home) -> staging.Patch:
    return rig.usual((where.root / "base").read_text())


def _began(where: home.Home) -> None:
    rig.begin(where.root)
    where.lineage.mkdir(mode=0o700, exist_ok=True)
    (where.root / "base").write_text(blueprint.current(where))


def _began_staged(where: home.Home) -> None:
    _began(where)
    (where.root / "target").write_text(staging.stage(where, _patch(where)))


def _began_grown(where: home.Home) -> None:
    _began(where)
    for content in (b"1\n", b"2\n"):
        blueprint.commit(where, {"prompts/general.md": content}, "Go on")


def _stage(where: home.Home) -> None:
    staging.stage(where, _patch(where))


def _discard(where: home.Home) -> None:
    staging.discard(where, _patch(where).digest)


def _prune(where: home.Home) -> None:
    staging.prune(where, (), 1)


# The blueprint


def _target(where: home.Home) -> str:
    return (where.root / "target").read_text()


def _began_switched(where: home.Home) -> None:
    _began_staged(where)
    blueprint.switch(where, _target(where))


def _branch(where: home.Home) -> object:
    return _live(where), repository.commit_at(where, repository.BRANCH)


def _commit(where: home.Home) -> None:
    blueprint.commit(where, {"prompts/general.md": b"Be polite.\n", "prompts/new.md": b"New.\n"}, "Be polite")


def _live_tree(where: home.Home) -> object:
    return rig.tree(where.generations / blueprint.current(where))


# The journal

_RECORDS = [{"phase": "staging", "patch": f"{number:064x}", "reason": "é" * 40} for number in range(4)]
_SEGMENT_BYTES = 700


def _journal_of(records: int, torn: bytes = b"") -> Told:
    def begin(where: home.Home) -> None:
        where.root.mkdir(exist_ok=True)
        if not records:
            return
        book = journal.Journal.open_at(where.lineage, _SEGMENT_BYTES)
        for one in _RECORDS[:records]:
            book.append(one)
        book.close()
        last = max(where.lineage.glob("*.jsonl"))
        last.write_bytes(last.read_bytes() + torn)

    return begin


def _append(records: int) -> Told:
    def tell(where: home.Home) -> None:
        with contextlib.closing(journal.Journal.open_at(where.lineage, _SEGMENT_BYTES)) as book:
            if len(book.records) == records:
                book.append(_RECORDS[records])

    return tell


def _records(where: home.Home) -> object:
    return [(one.point, dict(one.record)) for one in journal.read(where.lineage)]


def _journal_story(name: str, records: int, torn: bytes = b"") -> Story:
    return Story(name, _journal_of(records, torn), _append(records), _records)


# The freeze

_FIRST, _SECOND = freeze.Freeze("The audit runs.", "Ann", 1), freeze.Freeze("It goes on.", "Bob", 2)


def _freeze(wanted: freeze.Freeze) -> Told:
    return lambda where: freeze.freeze(where.lineage, wanted)


def _began_frozen(where: home.Home) -> None:
    _began_thawed(where)
    freeze.freeze(where.lineage, _FIRST)


def _began_thawed(where: home.Home) -> None:
    where.lineage.mkdir(parents=True, mode=0o700)


def _freeze_standing(where: home.Home) -> object:
    return freeze.standing(where.lineage)


# What was sent

_SENT = patches.Submission(b'{"number":1}', b"signature", (b"first", b"second"))


def _keep(where: home.Home) -> None:
    submitted.keep(where, _SENT)


def _sent(where: home.Home) -> object:
    folder = where.lineage / "patches"
    names = {one.name for one in folder.iterdir() if not one.name.startswith(".")} if folder.is_dir() else set()
    return {name: submitted.find(where, name) for name in names}


# The journal's key


def _began_empty(where: home.Home) -> None:
    where.root.mkdir(exist_ok=True)
    where.lineage.mkdir(mode=0o700, exist_ok=True)


def _ensure_key(where: home.Home) -> None:
    journal_key.ensure(where.journal_key_file, where.journal_certificate_file)


def _key(where: home.Home) -> object:
    """Return whether there is a key; its two halves must belong together."""
    public = journal_key.fingerprint(where.journal_certificate_file)
    if where.journal_key_file.exists():
        signature = journal_key.sign(where.journal_key_file, b"x")
        if public:
            assert journal_key.checker(where.journal_certificate_file)(b"x", signature)
    else:
        assert not public
    return bool(public)


# The whole way, with a supervisor and judges that are played; what serves is where the link leads

_SERVICES = ("store", "recall", "watcher", "gateway")
_LASTS_S = 100_000


class _House:
    """hands.Judges and care_ports.Generations of one process, who keep nothing of their own."""

    def __init__(self, where: home.Home, problem: str):
        self._where = where
        self._problem = problem

    async def launch(
        self, generation: str, services: Collection[str], *, pause_s: float = 0.0, returning: bool = False
    ) -> list[str]:
        staging.verify(self._where, generation)
        return [*services]

    async def promote(self, generation: str) -> list[str]:
        blueprint.switch(self._where, generation)
        return []

    async def discard(self, generation: str) -> None:
        assert generation != blueprint.current(self._where)

    async def install(self, generation: str, *, returning: bool = False) -> None:
        raise AssertionError("no release is pinned")

    async def renew(self) -> None:
        raise AssertionError("no release is pinned")

    async def used(self) -> list[str]:
        return []

    async def look(self, base: str) -> None:
        return

    async def examine(self, base: str, target: str, services: Collection[str], *, paused: bool = False) -> str:
        return ""

    async def settle(self, base: str) -> None:
        pass

    async def bake(self, base: str, target: str) -> str:
        return self._problem


def _began_home(where: home.Home) -> None:
    now = int(time.time())
    ann = pgp.Owner("Ann", now - 1_000_000)
    homes.prepare(where, {})
    listed = roster.with_signer(
        homes.default_files()[authz.FILE], authz.Signer(ann.fingerprint, "Ann", authz.Kind.HUMAN, ("**",))
    )
    live = blueprint.commit(where, {authz.FILE: listed, f"keys/{ann.fingerprint}.asc": ann.certificate()}, "List Ann")
    change = patches.Change("prompts/new.md", patches.Action.PUT, b"Answer shortly.\n", None)
    made = patches.Patch("Ann", now - 60, now - 60 + _LASTS_S, live, "Answer shortly", "So.", (change,), 7)
    document = patches.dump(made)
    (where.root / "patch.json").write_bytes(document)
    (where.root / "patch.sig").write_bytes(pgp.signature(ann.primary, document, now - 30))


def _apply(problem: str) -> Told:
    def tell(where: home.Home) -> None:
        asyncio.run(_applied(where, problem))

    return tell


async def _applied(where: home.Home, problem: str) -> None:
    """End what was begun; if nothing was, take the patch along its way."""
    house = _House(where, problem)
    sent = patches.Submission((where.root / "patch.json").read_bytes(), (where.root / "patch.sig").read_bytes())
    with contextlib.closing(journal.Journal.open_at(where.lineage)) as book:
        carried = hands.Hands(where, book, house, house, _SERVICES, time.time)
        takes = way.Way(book, carried)
        state = await takes.recover(blueprint.current(where))
        if state.last is None:
            digest = submitted.keep(where, sent)
            about = {"at": int(time.time()), "signer": "0" * 40, "kind": "human"}
            state = await takes.apply(digest, blueprint.current(where), about)
        hands.settle(where, state)


def _way_ended_otherwise(where: home.Home) -> bool:
    """Whether the way has ended as the journal says, and not with the patch applied."""
    state = steps.replay(one.record for one in journal.read(where.lineage))
    return state.phase is steps.Phase.IDLE and state.last in (steps.Outcome.REFUSED, steps.Outcome.ROLLED_BACK)


def _way_seen(where: home.Home) -> object:
    """Return whether the patch serves. What serves must be a whole generation, and what the journal says once the way ended."""
    live = blueprint.current(where)
    staging.verify(where, live)
    serves = "prompts/new.md" in rig.tree(where.generations / live)
    state = steps.replay(one.record for one in journal.read(where.lineage))
    if state.phase is steps.Phase.IDLE and state.last is not None:
        assert serves == (state.last is steps.Outcome.APPLIED), state
    return serves


def _whole_way(name: str, problem: str) -> Story:
    return Story(name, _began_home, _apply(problem), _way_seen, (True,), _way_ended_otherwise, CHANGING)


STORIES = {
    one.name: one
    for one in (
        Story("stage", _began, _stage, _generations),
        Story("discard", _began_staged, _discard, _generations),
        Story("prune", _began_grown, _prune, _generations),
        Story("switch", _began_staged, lambda where: blueprint.switch(where, _target(where)), _live),
        Story("adopt", _began_switched, lambda where: blueprint.adopt(where, _target(where)), _branch),
        Story("commit", _began, _commit, _live_tree),
        _journal_story("journal, its first record", 0),
        _journal_story("journal, one more record", 1),
        _journal_story("journal, a new segment", 2),
        _journal_story("journal, after a torn line", 1, b'{"seq":2,"phase"'),
        Story("freeze", _began_thawed, _freeze(_FIRST), _freeze_standing),
        Story("freeze again", _began_frozen, _freeze(_SECOND), _freeze_standing),
        Story("thaw", _began_frozen, lambda where: freeze.thaw(where.lineage), _freeze_standing),
        Story("keep what was sent", _began_empty, _keep, _sent),
        Story("journal key", _began_empty, _ensure_key, _key),
        _whole_way("the whole way, applied", ""),
        _whole_way("the whole way, taken back", "a gate is red"),
    )
}


def main() -> None:
    """Tell one story."""
    try:
        STORIES[sys.argv[2]].tell(home.Home(Path(sys.argv[1])))
    except (errors.CouncilError, OSError) as error:
        print(getattr(error, "reason", "") or type(error).__name__)
        print(error, file=sys.stderr)
        sys.exit(3)
    print("done")


if __name__ == "__main__":
    main()
