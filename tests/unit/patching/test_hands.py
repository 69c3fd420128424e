"""A signed patch goes its way on a real home; only the supervisor and the judges are played."""

import dataclasses
import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import patch_house
import pinned_release
from council.domain import authz, errors, home, patches, release_pin
from council.kit import durable
from council.patching import hands, roster, submitted
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import freeze, history, journal, steps
from patch_house import ANN, NOW, SERVICES, CrashedError, House, begin, sent, whole

pytestmark = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    return patch_house.made_home(tmp_path_factory.mktemp("hands") / "home")


@pytest.fixture
def house(listed: home.Home, tmp_path: Path) -> House:
    return patch_house.copied(listed, tmp_path / "home")


async def apply(house: House, what: patches.Submission, *, trial: bool = False) -> steps.State:
    digest = submitted.keep(house.where, what)
    about = {"at": NOW, "signer": ANN.fingerprint, "kind": "human"}
    state = await begin(house).apply(digest, blueprint.current(house.where), about, trial=trial)
    hands.settle(house.where, state)
    return state


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


async def test_a_setting_starts_just_those_anew_that_read_it(house: House) -> None:
    path = "council.yaml"
    before = (house.where.current / path).read_bytes()
    digest = hashlib.sha256(before).hexdigest()
    change = patches.Change(path, patches.Action.PUT, b"recall:\n  poll_s: 3\n" + b"# Slower.\n", digest)
    state = await apply(house, sent(house.where, change))
    assert (state.last, state.reason) == (steps.Outcome.APPLIED, "")
    assert house.launched == [["gateway", "recall"]] * 2


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
    assert await carried.carry_out(steps.Action.PROMOTE, state) == steps.Failed("frozen", untouched=True)


def commit(where: home.Home) -> str:
    """Change the blueprint as its owner does."""
    return blueprint.commit(where, {"prompts/other.md": b"Other.\n"}, "Change a prompt")


def push(where: home.Home, upon: str = "") -> str:
    """Move the branch as `git push` does: what serves stays."""
    head = repository.commit_at(where, repository.BRANCH)
    pushed = {"prompts/pushed.md": repository.File(b"Pushed.\n")}
    made = repository.add_commit(where, upon or head, pushed, "Push")
    repository.move_branch(where, made, head)
    return made


@pytest.mark.parametrize("change", [commit, push])
async def test_a_commit_between_the_last_check_and_the_switch_stops_the_switch(
    house: House, monkeypatch: pytest.MonkeyPatch, change: Callable[[home.Home], str]
) -> None:
    made: list[str] = []

    async def check(self: hands.Hands, state: steps.State) -> steps.Done | steps.Failed:
        found = await checked(self, state)
        made.append(change(house.where))
        return found

    checked = hands.Hands._check
    monkeypatch.setattr(hands.Hands, "_check", check)
    live, what = blueprint.current(house.where), sent(house.where)
    state = await apply(house, what)
    assert (state.last, state.reason) == (steps.Outcome.REFUSED, patches.Reason.STALE_BASE)
    assert repository.commit_at(house.where, repository.BRANCH) == made[0]
    assert blueprint.current(house.where) == (made[0] if change is commit else live)
    assert not left_over(house.where) and not house.beside
    # It was not to blame, and what it holds may come again.
    assert house.book is not None and not history.quarantined(house.book.records)


async def test_nobody_commits_while_it_switches(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def promote(generation: str) -> list[str]:
        with (house.where.lineage / "blueprint.lock").open("w") as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with pytest.raises(BlockingIOError):
            with (house.where.lineage / "freeze.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return await promoted(generation)

    promoted = house.promote
    monkeypatch.setattr(house, "promote", promote)
    assert (await apply(house, sent(house.where))).last is steps.Outcome.APPLIED
    commit(house.where)


async def test_what_is_pushed_while_a_patch_bakes_stands_and_the_patch_goes_unblamed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, live, made = whole(house.where), blueprint.current(house.where), list[str]()

    async def bake(_base: str, _target: str) -> str:
        made.append(push(house.where))
        return ""

    monkeypatch.setattr(house, "bake", bake)
    state = await apply(house, sent(house.where))
    assert (state.last, state.reason) == (steps.Outcome.ROLLED_BACK, patches.Reason.STALE_BASE)
    assert (whole(house.where), blueprint.current(house.where)) == (before, live)
    assert repository.commit_at(house.where, repository.BRANCH) == made[0]
    assert not left_over(house.where) and not house.beside
    assert house.book is not None and not history.quarantined(house.book.records)
    assert blueprint.repair(house.where) == made[0], "the next start goes on with what was pushed"


async def test_what_is_pushed_upon_a_patch_that_bakes_has_it_stay(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    async def bake(_base: str, target: str) -> str:
        made.append(push(house.where, target))
        return ""

    monkeypatch.setattr(house, "bake", bake)
    state = await apply(house, sent(house.where))
    assert state.last is steps.Outcome.APPLIED
    assert repository.commit_at(house.where, repository.BRANCH) == made[0]
    assert "prompts/new.md" in whole(house.where)


async def test_a_patch_goes_back_whatever_was_pushed_upon_it(house: House) -> None:
    before = whole(house.where)
    await apply(house, sent(house.where))
    assert house.book is not None
    row = history.rows(house.book.records)[-1]
    pushed = push(house.where)
    state = await begin(house).roll_back(steps.Unwanted(row.digest, row.base, row.target, "ann: So."), {"by": "ann"})
    hands.settle(house.where, state)
    assert (state.last, whole(house.where)) == (steps.Outcome.ROLLED_BACK, before)
    assert repository.commit_at(house.where, repository.BRANCH) == pushed


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
        house = patch_house.copied(listed, tmp_path / str(crash_at))
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


def test_what_was_sent_is_kept_byte_for_byte_until_the_way_has_ended(house: House) -> None:
    what = dataclasses.replace(sent(house.where), cosignatures=(b"one", b"two"))
    digest = submitted.keep(house.where, dataclasses.replace(what, signature=b"left by a crash"))
    assert submitted.keep(house.where, what) == digest
    assert submitted.find(house.where, digest) == what
    hands.settle(house.where, steps.State(digest=digest, last=steps.Outcome.REFUSED))
    with pytest.raises(errors.SetupError, match="cannot be read"):
        submitted.find(house.where, digest)


def test_what_was_kept_and_not_synced_is_synced_by_the_next_call(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    what, folder = sent(house.where), house.where.lineage / "patches"
    synced: list[Path] = []

    def fail(at: Path) -> None:
        if any(folder.glob(64 * "[0-9a-f]")):
            raise OSError(5, "Input/output error")

    monkeypatch.setattr(durable, "sync_folder", fail)
    with pytest.raises(OSError, match="Input/output"):
        submitted.keep(house.where, what)
    monkeypatch.setattr(durable, "sync_folder", synced.append)
    submitted.keep(house.where, what)
    assert synced[-1] == folder


def test_what_was_changed_or_is_missing_is_not_gone_on_with(house: House) -> None:
    digest = submitted.keep(house.where, sent(house.where))
    (house.where.lineage / "patches" / digest / "patch.json").write_bytes(b"{}")
    with pytest.raises(errors.SetupError, match="is not what was sent"):
        submitted.find(house.where, digest)
    with pytest.raises(errors.SetupError, match="cannot be read"):
        submitted.find(house.where, "0" * 64)


PIN = release_pin.Pin("2.0.0", "2" * 64, "/srv/2.0.0")


def pins(house: House) -> patches.Submission:
    """Return a patch that pins a release."""
    return sent(house.where, patches.Change("release.yaml", patches.Action.PUT, pinned_release.text(PIN), None))


async def test_a_pin_is_installed_before_its_services_start_and_all_come_to_it_at_last(house: House) -> None:
    base = blueprint.current(house.where)
    state = await apply(house, pins(house))
    assert (state.last, state.reason) == (steps.Outcome.APPLIED, "")
    target = blueprint.current(house.where)
    assert house.installed == [target] and house.book is not None
    phases = " ".join(str(one["phase"]) for one in house.book.records)
    assert phases == "staging installing launching examining checking switching baking idle"
    # Of those here the store alone is not tried, since no two can run.
    assert house.launched == [["gateway", "recall", "watcher"]] * 2
    house.where.releases.mkdir()
    await hands.follow(house.where, house, state)
    assert house.renewed == [target] and base != target


async def test_what_a_trial_had_installed_stays_for_the_patch_and_goes_with_the_next_that_is_refused(
    house: House,
) -> None:
    house.where.releases.mkdir()
    tried = await apply(house, pins(house), trial=True)
    assert tried.last is steps.Outcome.TRIED and len(house.installed) == 1
    await hands.follow(house.where, house, tried)
    assert not house.renewed
    house.problems["examine"] = "latency_p95: 1200 ms"
    refused = await apply(house, pins(house))
    assert refused.last is steps.Outcome.REFUSED
    await hands.follow(house.where, house, refused)
    assert house.renewed == [blueprint.current(house.where)]


async def test_a_release_that_cannot_be_installed_leaves_everything_as_it_was(house: House) -> None:
    house.uninstallable = True
    before, live = whole(house.where), blueprint.current(house.where)
    state = await apply(house, pins(house))
    assert state.last is steps.Outcome.REFUSED
    assert state.reason == "not_installed: Release 2.0.0 cannot be installed: no room. Free some."
    assert (whole(house.where), blueprint.current(house.where), house.launched) == (before, live, [])
    assert not left_over(house.where)


async def test_a_patch_of_something_else_installs_nothing_and_ends_nobody(house: House) -> None:
    state = await apply(house, sent(house.where))
    await hands.follow(house.where, house, state)
    assert (house.installed, house.renewed) == ([], [])


async def test_what_is_rolled_back_to_a_pin_finds_it_installed(house: House) -> None:
    await apply(house, pins(house))
    base = blueprint.current(house.where)
    house.problems["bake"] = "latency_p95: 1200 ms"
    last = patches.Change("release.yaml", patches.Action.DELETE, None, patches.digest(pinned_release.text(PIN)))
    house.installed.clear()
    state = await apply(house, sent(house.where, last))
    # To take the pin out is another release, too, which may be the newer one. On the way back nothing is migrated.
    assert state.last is steps.Outcome.ROLLED_BACK and house.returned == [base] and len(house.installed) == 1
