"""A signed patch goes its way on a real home; only the supervisor and the judges are played."""

import dataclasses
import os
import shutil
import time
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

import pgp
from council import homes
from council.domain import authz, errors, home, patches
from council.patching import hands, roster, submitted
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import freeze, journal, steps, way
from council.upkeep.patchctl.core import judging

pytestmark = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")
# Real time: gpgv reads the machine's clock.
NOW = int(time.time())
ANN = pgp.Owner("Ann", NOW - 1_000_000)
SERVICES = ("store", "recall", "watcher", "gateway")


class CrashedError(Exception):
    """The process that applies patches ended here."""


class House:
    """The supervisor and the judges. What runs beside and what serves outlive whoever applies patches."""

    def __init__(self, where: home.Home):
        self.where = where
        self.beside: set[str] = set()
        self.launched: list[list[str]] = []
        self.problems = {"examine": "", "bake": ""}
        self.unheard: list[str] = []
        self.freezes_at = ""
        self.away = 0
        self.crash_in = 10**9

    def touch(self, what: str = "") -> None:
        if what and what == self.freezes_at:
            freeze.freeze(self.where.lineage, freeze.Freeze("Stop.", "ann"))
        self.crash_in -= 1
        if self.crash_in <= 0:
            self.crash_in = 10**9
            raise CrashedError

    async def launch(self, generation: str, services: Collection[str]) -> list[str]:
        self.touch("launch")
        self.launched.append(sorted(services))
        if generation != blueprint.current(self.where):
            self.beside = {generation}
        self.touch()
        return [*services, "gateway"]

    async def promote(self, generation: str) -> list[str]:
        self.touch()
        if generation != blueprint.current(self.where):
            if generation not in self.beside:
                raise errors.UnavailableError("It is not there. Launch it.")
            blueprint.switch(self.where, generation)
            self.beside = set()
        self.touch()
        return self.unheard

    async def discard(self, generation: str) -> None:
        self.touch()
        if self.away:
            self.away -= 1
            raise errors.SupervisorUnavailableError("Council is not running. Start it with `council up`.")
        assert generation != blueprint.current(self.where)
        self.beside.discard(generation)
        self.touch()

    async def examine(self, base: str, target: str, services: Collection[str]) -> str:
        assert base == blueprint.current(self.where) and self.beside == {target} and "gateway" in services
        self.touch("examine")
        return self.problems["examine"]

    async def bake(self, base: str, target: str) -> str:
        assert base != blueprint.current(self.where) == target
        self.touch("bake")
        return self.problems["bake"]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    made = home.Home(tmp_path_factory.mktemp("hands") / "home")
    homes.prepare(made, {})
    text = roster.with_signer(
        homes.default_files()[authz.FILE], authz.Signer(ANN.fingerprint, "Ann", authz.Kind.HUMAN, ("**",))
    )
    blueprint.commit(made, {authz.FILE: text, f"keys/{ANN.fingerprint}.asc": ANN.certificate()}, "List Ann")
    return made


@pytest.fixture
def house(listed: home.Home, tmp_path: Path) -> Iterator[House]:
    yield House(home.Home(Path(shutil.copytree(listed.root, tmp_path / "home", symlinks=True))))


def sent(where: home.Home, path: str = "prompts/new.md") -> judging.Submission:
    change = patches.Change(path, patches.Action.PUT, b"Answer shortly.\n", None)
    made = patches.Patch("Ann", NOW - 60, NOW + 3600, blueprint.current(where), "Answer shortly", "So.", (change,), 7)
    document = patches.dump(made)
    return judging.Submission(document, pgp.signature(ANN.primary, document, NOW - 30))


def begin(house: House) -> way.Way:
    """Begin as a process does that has just started."""

    async def no_pause(_: float) -> None:
        return

    book = journal.Journal.open_at(house.where.lineage)
    carried = hands.Hands(house.where, book, house, house, SERVICES, lambda: NOW)
    return way.Way(book, carried, no_pause)


async def apply(house: House, what: judging.Submission) -> steps.State:
    digest = submitted.keep(house.where, what)
    about = {"at": NOW, "signer": ANN.fingerprint, "kind": "human"}
    state = await begin(house).apply(digest, blueprint.current(house.where), about)
    hands.settle(house.where, state)
    return state


def whole(where: home.Home) -> dict[str, bytes]:
    """Return each file of the live generation."""
    folder = where.current.resolve()
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def left_over(where: home.Home) -> set[str]:
    """Return the generations on disk that the branch does not lead to."""
    branch = repository.commit_at(where, repository.BRANCH)
    assert branch is not None
    return {one for one in os.listdir(where.generations) if not repository.is_ancestor(where, one, branch)}


async def test_a_good_patch_is_applied_and_the_branch_follows(house: House) -> None:
    before, what = whole(house.where), sent(house.where)
    state = await apply(house, what)
    assert (state.last, state.reason) == (steps.Outcome.APPLIED, "")
    pair = {".council/patch.json": what.document, ".council/patch.sig": what.signature}
    assert whole(house.where) == before | {"prompts/new.md": b"Answer shortly.\n"} | pair
    assert repository.commit_at(house.where, repository.BRANCH) == blueprint.current(house.where)
    assert house.launched == [["gateway"], ["gateway"]]


REFUSED = {
    "the examination finds something": ({"problems": {"examine": "latency_p95: 1200 ms", "bake": ""}}, "latency_p95: 1200 ms"),
    "it is frozen while it is examined": ({"freezes_at": "examine"}, "frozen"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_stopped_before_the_switch_leaves_everything_as_it_was(house: House, case: str) -> None:
    so, reason = REFUSED[case]
    for name, value in so.items():
        setattr(house, name, value)
    before, live = whole(house.where), blueprint.current(house.where)
    state = await apply(house, sent(house.where))
    assert (state.last, state.reason) == (steps.Outcome.REFUSED, reason)
    assert (whole(house.where), blueprint.current(house.where)) == (before, live)
    assert not left_over(house.where) and not house.beside


ROLLED_BACK = {
    "it turns bad while it bakes": {"problems": {"examine": "", "bake": "error_rate: 12 %"}},
    "somebody has not heard of the switch": {"unheard": ["recall"]},
    "it turns bad while a freeze stands": {"problems": {"examine": "", "bake": "x"}, "freezes_at": "bake"},
    "the supervisor is away for a while": {"problems": {"examine": "", "bake": "x"}, "away": 3},
}


@pytest.mark.parametrize("case", ROLLED_BACK)
async def test_what_turns_bad_after_the_switch_is_taken_back_whole(house: House, case: str) -> None:
    for name, value in ROLLED_BACK[case].items():
        setattr(house, name, value)
    before, live = whole(house.where), blueprint.current(house.where)
    state = await apply(house, sent(house.where))
    assert state.last is steps.Outcome.ROLLED_BACK
    assert (whole(house.where), blueprint.current(house.where)) == (before, live)
    assert repository.commit_at(house.where, repository.BRANCH) == live
    assert not left_over(house.where) and not house.beside


async def test_a_freeze_between_the_last_check_and_the_switch_stops_the_switch(house: House) -> None:
    state = steps.State(steps.Phase.SWITCHING, "1" * 64, blueprint.current(house.where), "b" * 40)
    freeze.freeze(house.where.lineage, freeze.Freeze("Stop.", "ann"))
    carried = hands.Hands(
        house.where, journal.Journal.open_at(house.where.lineage), house, house, SERVICES, lambda: NOW
    )
    assert await carried.carry_out(steps.Action.PROMOTE, state) == steps.Failed("frozen")


async def test_who_is_revoked_while_the_patch_is_tried_stands_behind_nothing(house: House) -> None:
    digest = submitted.keep(house.where, sent(house.where))
    text = (house.where.current / authz.FILE).read_bytes()
    blueprint.commit(house.where, {authz.FILE: roster.with_revoked(text, ANN.fingerprint)}, "Revoke")
    state = steps.State(steps.Phase.CHECKING, digest, blueprint.current(house.where), "b" * 40)
    carried = hands.Hands(
        house.where, journal.Journal.open_at(house.where.lineage), house, house, SERVICES, lambda: NOW
    )
    found = await carried.carry_out(steps.Action.CHECK, state)
    assert isinstance(found, steps.Failed) and found.reason in ("signature_revoked", "signature_unlisted")


@pytest.mark.long
@pytest.mark.parametrize(("kind", "effects"), [("good", 8), ("lame", 7), ("bad", 14)])
async def test_a_crash_at_each_effect_ends_in_one_generation_after_the_next_start(
    listed: home.Home, tmp_path: Path, kind: str, effects: int
) -> None:
    for crash_at in range(1, effects + 2):
        root = Path(shutil.copytree(listed.root, tmp_path / str(crash_at), symlinks=True))
        house = House(home.Home(root))
        house.problems = {"examine": "x" if kind == "lame" else "", "bake": "x" if kind == "bad" else ""}
        before, live, what = whole(house.where), blueprint.current(house.where), sent(house.where)
        house.crash_in = crash_at
        crashed = False
        try:
            state = await apply(house, what)
        except CrashedError:
            crashed = True
            state = await begin(house).recover(blueprint.current(house.where))
            hands.settle(house.where, state)
        assert crashed == (crash_at <= effects), "there is another number of effects"
        assert state.phase is steps.Phase.IDLE
        applied = state.last is steps.Outcome.APPLIED
        assert not (applied and kind != "good")
        assert ("prompts/new.md" in whole(house.where)) == applied
        assert applied or (whole(house.where), blueprint.current(house.where)) == (before, live)
        assert repository.commit_at(house.where, repository.BRANCH) == blueprint.current(house.where)
        assert not left_over(house.where) and not house.beside


def test_what_was_sent_is_kept_byte_for_byte_and_once(house: House) -> None:
    what = dataclasses.replace(sent(house.where), cosignatures=(b"one", b"two"))
    digest = submitted.keep(house.where, what)
    assert submitted.keep(house.where, dataclasses.replace(what, signature=b"other")) == digest
    assert submitted.find(house.where, digest) == what


def test_what_was_changed_or_is_missing_is_not_gone_on_with(house: House) -> None:
    digest = submitted.keep(house.where, sent(house.where))
    (house.where.lineage / "patches" / digest / "patch.json").write_bytes(b"{}")
    with pytest.raises(errors.SetupError, match="is not what was sent"):
        submitted.find(house.where, digest)
    with pytest.raises(errors.SetupError, match="cannot be read"):
        submitted.find(house.where, "0" * 64)
