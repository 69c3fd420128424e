"""Pull requests of a real local forge go from opened to merged, each check told of its head, and what is not green stays."""

import asyncio
import dataclasses
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import delivery_rig
import pgp
from council import homes
from council.backends.forge import local
from council.delivery import courier, lines, merging, proposals, pulls
from council.domain import authz, errors, forge, gates, patches
from council.patching import following, roster
from council.upkeep.patchctl import steps

needed = [name for name in ("git", "gpgv") if shutil.which(name) is None]
pytestmark = pytest.mark.skipif(bool(needed), reason=f"not installed: {', '.join(needed)}")
NOW = int(time.time())
TUNER, STRANGER = (pgp.Owner(name, NOW - 1_000_000) for name in ("tuner", "Nobody"))
GREEN = dict.fromkeys(map(str, proposals.Name), "success")


class Trying(delivery_rig.Patchctl):
    """Tries patches, too, and says of each what it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.tried: list[dict[str, Any]] = []
        self.tried_outcome, self.tried_reason = "tried", ""

    async def apply(self, sent: patches.Submission, *, trial: bool = False) -> patches.Decision:
        decision = await super().apply(sent, trial=trial)
        if trial and decision.success:
            row = self.known.pop()
            self.tried.append(row | {"trial": True, "outcome": self.tried_outcome, "reason": self.tried_reason})
        return decision

    async def follow(self) -> Any:
        for row in self.tried[-1:]:
            yield row

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        return [*reversed(self.tried), *await super().rows(limit)][:limit]


class House:
    """A forge that is in step with a blueprint on which a bot may write prompts."""

    def __init__(self, folder: Path) -> None:
        files = homes.default_files()
        tuner = authz.Signer(TUNER.fingerprint, "tuner", authz.Kind.BOT, ("prompts/**",), account="tuner")
        files[authz.FILE] = roster.with_signer(files[authz.FILE], tuner)
        files[f"keys/{TUNER.fingerprint}.asc"] = TUNER.certificate()
        self.patchctl = Trying(folder / "generations")
        self.patchctl.generations.clear()
        self.patchctl.serve(files)
        self.watch = delivery_rig.Watch()
        self.forge = local.LocalForge(folder / "forge.git", "council", lambda: delivery_rig.NOW)
        self.bot = local.LocalForge(folder / "forge.git", "tuner", lambda: delivery_rig.NOW)
        self.now_s = float(NOW)
        self.referee = pulls.Referee(
            pulls.Parts(
                self.forge,
                self.patchctl,
                self.watch,
                base=lambda: folder / "generations" / self.patchctl.generations[0][0],
                now=lambda: self.now_s,
            )
        )
        parts = courier.Parts(
            self.forge, self.patchctl, self.watch, self.patchctl.folder, folder / "in-step", lambda: delivery_rig.NOW
        )
        self.courier = courier.Courier(parts)

    async def turn(self) -> bool:
        while not isinstance(await self.courier.turn(), lines.InStep):
            pass
        # The gates are read at the time of the clock, and told at that of the rig.
        self.watch.at_s = self.now_s
        return await self.referee.turn(await self.forge.head())

    async def propose(
        self,
        path: str = "prompts/new.md",
        by: pgp.Owner = TUNER,
        beside: Mapping[str, bytes] = {},
        branch: str = "tuner/new",
    ) -> int:
        main = await self.forge.head()
        change = patches.Change(path, patches.Action.PUT, f"Be brief, says {branch}.\n".encode(), None)
        made = patches.Patch("tuner", NOW - 60, NOW + 3600, main.tree, "Be brief", "So.", (change,))
        document = patches.dump(made)
        files = {path: change.content or b"", ".council/patch.json": document, **beside}
        files[".council/patch.sig"] = pgp.signature(by.primary, document, NOW - 30)
        wanted: dict[str, forge.File | None] = {name: forge.File(content) for name, content in files.items()}
        words = forge.Words("Be brief", "tuner", "tuner@localhost", NOW)
        await self.bot.branch(branch, main.commit, wanted, words)
        return await self.bot.open_pull(forge.Proposal(branch, "Be brief", "So."))

    async def told(self, number: int) -> dict[str, str]:
        head = (await self.forge.pull(number)).head
        return {one.name: one.state.value for one in await self.forge.checks(head) if one.by == "council"}


@pytest.fixture
async def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    await made.turn()
    return made


async def test_a_good_one_is_checked_step_by_step_merged_and_handed_over(house: House) -> None:
    number = await house.propose()
    for _ in range(3):
        assert not await house.turn()
    assert await house.told(number) == GREEN
    assert await house.turn()
    assert (await house.forge.pull(number)).state is forge.PullState.MERGED
    assert isinstance(await house.courier.turn(), lines.Hand)
    assert len(house.patchctl.known) == len(house.patchctl.tried) == 1


@pytest.mark.parametrize(
    ("given", "check", "said"),
    [
        ({"path": "knowledge/new.md"}, "council/authorise", "`path_not_allowed`"),
        ({"by": STRANGER}, "council/verify", "`signature_unlisted`"),
        ({"beside": {"gates.yaml": b"monitoring_gates: {}\n"}}, "council/verify", "'gates.yaml'"),
    ],
)
async def test_a_bad_one_is_told_why_and_stays(house: House, given: dict[str, Any], check: str, said: str) -> None:
    number = await house.propose(**given)
    for _ in range(4):
        assert not await house.turn()
    assert (await house.told(number))[check] == "failure"
    [comment] = await house.forge.comments(number)
    assert said in comment.body
    assert (await house.forge.pull(number)).state is forge.PullState.OPEN and house.patchctl.tried == []


async def test_what_comes_from_the_observers_archive_is_refused_as_any_other_without_a_pair(house: House) -> None:
    words = forge.Words("Archive a day", "council", "council@localhost", NOW)
    root = await house.forge.branch("observer-archive", "", {"README.md": forge.File(b"What was seen\n")}, words)
    with pytest.raises(errors.InvalidRequestError, match="no history in common"):
        await house.forge.open_pull(forge.Proposal("observer-archive", "Archive", "So."))
    number = await house.propose()
    before = (await house.forge.pull(number)).head
    prompt: dict[str, forge.File | None] = {"prompts/new.md": forge.File(b"Be brief.\n")}
    await house.bot.branch("tuner/new", root, prompt, words, instead_of=before)
    main = await house.forge.head()
    for _ in range(4):
        assert not await house.turn()
    assert (await house.told(number))["council/verify"] == "failure"
    assert await house.forge.head() == main and house.patchctl.known == house.patchctl.tried == []


async def test_what_fails_beside_what_serves_is_not_merged(house: House) -> None:
    number = await house.propose()
    house.patchctl.tried_outcome, house.patchctl.tried_reason = "refused", "success_rate is red"
    for _ in range(4):
        assert not await house.turn()
    assert (await house.told(number))["council/apply-staging"] == "failure"
    assert "success_rate is red" in (await house.forge.comments(number))[0].body


async def test_while_patchctl_is_busy_a_trial_waits(house: House) -> None:
    number = await house.propose()
    await house.turn()
    house.patchctl.is_busy = True
    await house.turn()
    assert (await house.told(number))["council/apply-staging"] == "pending"
    house.patchctl.is_busy = False
    await house.turn()
    assert (await house.told(number))["council/apply-staging"] == "success"


async def test_a_trial_that_a_crash_met_is_taken_again_and_not_for_ever(house: House) -> None:
    number = await house.propose()
    house.patchctl.tried_outcome, house.patchctl.tried_reason = "refused", steps.INTERRUPTED
    await house.turn()
    for _ in range(following.INTERRUPTED_MAX - 1):
        await house.turn()
        assert (await house.told(number))["council/apply-staging"] == "pending"
    await house.turn()
    assert (await house.told(number))["council/apply-staging"] == "failure"
    await house.turn()
    assert len(house.patchctl.tried) == following.INTERRUPTED_MAX


@pytest.mark.parametrize("verdict", [gates.Verdict.RED, gates.Verdict.AMBER])
async def test_gates_that_are_not_well_are_waited_for_and_not_for_ever(house: House, verdict: gates.Verdict) -> None:
    number = await house.propose()
    house.watch.verdict = verdict
    for _ in range(4):
        assert not await house.turn()
    assert "council/gates" not in await house.told(number)
    house.now_s += pulls.GATES_S + 1
    await house.turn()
    assert (await house.told(number))["council/gates"] == "failure"


async def test_the_freeze_label_keeps_a_green_one_from_being_merged(house: House) -> None:
    number = await house.propose()
    await house.forge.label(number, add=["freeze"])
    for _ in range(5):
        assert not await house.turn()
    assert await house.told(number) == GREEN | {"council/merge": "pending"}
    head = (await house.forge.pull(number)).head
    [held] = [one for one in await house.forge.checks(head) if one.name == "council/merge"]
    assert (
        held.description
        == f"The label `freeze` on #{number} stops every merge. Take it off; where a workflow merges, run its job again."
    )
    await house.forge.label(number, remove=["freeze"])
    assert await house.turn()
    assert await house.told(number) == GREEN | {"council/merge": "success"}


async def test_one_that_was_green_waits_while_what_serves_is_not_well_and_is_told_so(house: House) -> None:
    number = await house.propose()
    for _ in range(3):
        await house.turn()
    house.watch.verdict = gates.Verdict.AMBER
    assert not await house.turn() and house.referee.waits
    assert (await house.told(number))["council/merge"] == "pending"
    house.watch.verdict = gates.Verdict.GREEN
    assert await house.turn()


async def test_it_waits_for_nothing_where_all_that_is_open_has_failed_or_stands_still(house: House) -> None:
    assert not house.referee.waits
    await house.propose(path="knowledge/new.md")
    await house.turn()
    assert house.referee.waits
    await house.turn()
    assert not house.referee.waits


async def test_a_branch_that_a_kill_has_left_after_a_merge_is_removed_by_the_next_start(house: House) -> None:
    number = await house.propose()
    for _ in range(3):
        await house.turn()
    pull = await house.forge.pull(number)
    tellers = {(forge.CheckKind.STATUS, "council")}
    await merging.merge(house.forge, number, pull.head, tellers)
    assert (await house.forge.commit(pull.branch)).commit == pull.head
    again = pulls.Referee(house.referee.parts)
    await again.turn(await house.forge.head())
    with pytest.raises(errors.ForgeNotFoundError):
        await house.forge.commit(pull.branch)


async def test_what_another_account_says_of_a_head_does_not_count(house: House) -> None:
    number = await house.propose(path="knowledge/new.md")
    head = (await house.forge.pull(number)).head
    for name in proposals.Name:
        await house.bot.set_check(head, forge.Check(name, forge.CheckState.SUCCESS))
    for _ in range(4):
        assert not await house.turn()
    assert (await house.told(number))["council/authorise"] == "failure"


async def test_a_head_that_moves_after_its_checks_is_checked_anew(house: House) -> None:
    number = await house.propose()
    for _ in range(3):
        await house.turn()
    pull, main = await house.forge.pull(number), await house.forge.head()
    words = forge.Words("More", "tuner", "tuner@localhost", NOW)
    await house.bot.branch(pull.branch, main.commit, {"gates.yaml": forge.File(b"x")}, words, instead_of=pull.head)
    for _ in range(4):
        assert not await house.turn()
    assert (await house.told(number))["council/verify"] == "failure"


async def test_of_two_upon_one_base_the_second_is_told_to_begin_anew(house: House) -> None:
    first = await house.propose()
    second = await house.propose(path="prompts/other.md", branch="tuner/other")
    for _ in range(8):
        if await house.turn():
            break
    await house.courier.turn()
    head = (await house.forge.head()).commit
    files = {path: (await house.forge.file(path, head)).content for path in await house.forge.files(head)}
    house.patchctl.end(files)
    for _ in range(5):
        assert not await house.turn()
    states = [(await house.forge.pull(number)).state for number in (first, second)]
    assert states == [forge.PullState.MERGED, forge.PullState.OPEN]
    assert "Make the patch anew" in (await house.forge.comments(second))[0].body


async def test_of_two_that_are_green_upon_one_base_only_one_is_merged(house: House) -> None:
    numbers = [await house.propose(), await house.propose(path="prompts/other.md", branch="tuner/other")]
    # On one of them it keeps both.
    await house.forge.label(numbers[1], add=["freeze"])
    for _ in range(8):
        await house.turn()
    assert [await house.told(number) for number in numbers] == 2 * [GREEN | {"council/merge": "pending"}]
    await house.forge.label(numbers[1], remove=["freeze"])
    assert await house.turn()
    await house.courier.turn()
    head = (await house.forge.head()).commit
    house.patchctl.end({path: (await house.forge.file(path, head)).content for path in await house.forge.files(head)})
    assert not await house.turn()
    assert (await house.told(numbers[1]))["council/verify"] == "failure"
    assert "Make the patch anew" in (await house.forge.comments(numbers[1]))[0].body


async def test_a_watcher_that_is_away_or_asleep_is_not_health(house: House) -> None:
    house.watch.at_s = NOW - 3600.0
    assert "seen nothing" in await pulls.unwell(house.watch, NOW)

    class Away(delivery_rig.Watch):
        async def sight(self) -> Any:
            raise errors.WatcherUnavailableError("The watcher does not answer.")

    assert await pulls.unwell(Away(), NOW) == "The watcher does not answer."
    house.watch.at_s, house.watch.verdict = float(NOW), gates.Verdict.UNKNOWN
    assert await pulls.unwell(house.watch, NOW) == "No gate is green yet."


async def test_a_trial_that_takes_longer_than_a_turn_is_waited_for_and_not_begun_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await house.propose()
    house.referee.parts = dataclasses.replace(house.referee.parts, trial_s=0.01)
    house.patchctl.tried_outcome = ""

    async def follow() -> Any:
        await asyncio.Event().wait()
        yield {}

    with monkeypatch.context() as patched:
        patched.setattr(house.patchctl, "follow", follow)
        for _ in range(6):
            await house.turn()
    assert (await house.told(number))["council/apply-staging"] == "pending" and len(house.patchctl.tried) == 1
    house.patchctl.tried[0]["outcome"] = "tried"
    await house.turn()
    assert (await house.told(number))["council/apply-staging"] == "success" and len(house.patchctl.tried) == 1
