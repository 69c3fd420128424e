"""Patches come in on a real home with a real journal and gpgv; the supervisor and the judges are played."""

import asyncio
import contextlib
import dataclasses
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import patch_house
import pgp
import pinned_release
from council.domain import authz, errors, home, patches, release_pin
from council.kit import halt
from council.patching import hands, overriding, reception, roster
from council.upkeep.engine import blueprint, repository
from council.upkeep.patchctl import freeze, history, journal, repair_steps, steps
from patch_house import ANN, NOW, SERVICES, House, note, sent

pytestmark = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    return patch_house.made_home(tmp_path_factory.mktemp("reception") / "home")


@pytest.fixture
def house(listed: home.Home, tmp_path: Path) -> House:
    return patch_house.copied(listed, tmp_path / "home")


class Desk:
    """A reception as the process has it, with what it said and what it told of."""

    def __init__(self, house: House):
        self.house = house
        self.ended: list[history.Row] = []
        self.serving = blueprint.current(house.where)
        self.now = float(NOW)
        self.damage = ""
        self.book = journal.Journal.open_at(house.where.lineage)
        made = hands.Hands(house.where, self.book, house, house, SERVICES, lambda: self.now)
        parts = reception.Parts(
            house.where,
            self.book,
            made,
            house,
            touched=made.touched,
            check=self._check,
            settle=self._settle,
            now=lambda: self.now,
        )
        self.at = reception.Reception(parts, self._serving, self.ended.append)

    def _serving(self) -> str:
        return self.serving

    async def _check(self) -> None:
        if self.damage:
            raise errors.JournalError(self.damage)

    async def _settle(self, state: steps.State) -> None:
        hands.settle(self.house.where, state)
        await self._check()

    async def until_over(self) -> None:
        async with asyncio.timeout(60):
            while self.at.is_busy:
                await asyncio.sleep(0.01)
        assert self.at.failure is None

    async def until_idle(self) -> history.Row:
        await self.until_over()
        self.serving = blueprint.current(self.house.where)
        return self.at.rows()[-1]


@pytest.fixture
async def desk(house: House) -> AsyncIterator[Desk]:
    made = Desk(house)
    yield made
    await made.at.close()
    made.book.close()


async def test_a_good_patch_is_taken_and_its_way_ends_applied_and_counted(desk: Desk) -> None:
    found = await desk.at.submit(sent(desk.house.where))
    assert not found.reason
    row = await desk.until_idle()
    assert (row.outcome, row.author, row.signers) == ("applied", "Ann", (ANN.fingerprint,))
    assert [phase for phase, _ in row.times] == [
        *("staging", "launching", "examining", "checking", "switching", "baking", "idle")
    ]
    assert [one.outcome for one in desk.ended] == ["applied"]
    assert not (desk.house.where.lineage / "patches" / row.digest).exists()


async def test_what_is_told_of_patches_is_made_anew_only_where_the_journal_has_grown(desk: Desk) -> None:
    rows, mark = desk.at.rows(), desk.at.mark(desk.serving)
    assert desk.at.rows() is rows and desk.at.mark(desk.serving) == mark
    await desk.at.submit(sent(desk.house.where))
    await desk.until_idle()
    assert len(desk.at.rows()) == 1 and desk.at.mark(desk.serving) != mark


def repair_step(number: int, step: str = "began") -> dict[str, str]:
    return {"id": f"r{number}", "step": step, "playbook": "restart", "component": "recall", "why": "it is hung"}


async def test_a_step_of_a_repair_is_kept_once_and_changes_nothing_about_patches(desk: Desk) -> None:
    await desk.at.submit(sent(desk.house.where))
    row = await desk.until_idle()
    for one in (repair_step(1), repair_step(1), repair_step(1, "ended")):
        await desk.at.keep_repair(one)
    assert [(one.id, one.step, one.at_s) for one in repair_steps.steps(desk.book.records)] == [
        ("r1", "began", NOW), ("r1", "ended", NOW),
    ]  # fmt: skip
    assert desk.at.rows() == [row]
    assert steps.replay(desk.book.records).phase is steps.Phase.IDLE


async def test_no_more_steps_of_repairs_are_kept_within_an_hour_than_is_allowed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repair_steps, "HOURLY_MAX", 3)
    for number in range(3):
        await desk.at.keep_repair(repair_step(number))
    with pytest.raises(errors.OverloadedError, match="within the hour"):
        await desk.at.keep_repair(repair_step(9))
    desk.now += 3600
    await desk.at.keep_repair(repair_step(9))


async def test_while_autonomy_is_paused_nothing_is_applied_and_a_rollback_is(desk: Desk) -> None:
    await desk.at.submit(sent(desk.house.where))
    await desk.until_idle()
    where = desk.house.where
    where.autonomy.mkdir(exist_ok=True)
    halt.put(where.autonomy_file, halt.Halt("Look first.", "ann"))
    found = await desk.at.submit(sent(where, note("other")))
    assert found.reason == "frozen" and "council autonomy resume" in found.message
    frozen = desk.at.standing().freeze
    assert frozen is not None and frozen.reason == "Autonomy is paused: Look first."
    await desk.at.roll_back("", "ann", "It is wrong.")
    await desk.until_idle()
    assert desk.at.rows()[0].outcome == "rolled back"
    where.autonomy_file.write_text("{")
    assert (await desk.at.submit(sent(where, note("other")))).reason == "frozen"


async def test_a_second_patch_is_told_to_wait_while_one_is_on_its_way(desk: Desk) -> None:
    desk.house.holds = asyncio.Event()
    await desk.at.submit(sent(desk.house.where))
    with pytest.raises(errors.OverloadedError, match="only one goes at a time") as caught:
        await desk.at.submit(sent(desk.house.where, note("other")))
    assert (caught.value.reason, caught.value.retry_after_s) == ("busy", 5)
    desk.house.holds.set()
    assert (await desk.until_idle()).outcome == "applied"
    assert len(desk.at.rows()) == 1


async def test_many_at_once_are_one_taken_and_the_others_told_to_wait(desk: Desk) -> None:
    desk.house.holds = asyncio.Event()
    what = [sent(desk.house.where, note(str(number))) for number in range(20)]
    results = await asyncio.gather(*map(desk.at.submit, what), return_exceptions=True)
    busy = [one for one in results if isinstance(one, errors.OverloadedError)]
    assert len(busy) == 19
    desk.house.holds.set()
    await desk.until_idle()


async def test_the_signature_of_a_stranger_changes_nothing_and_is_counted(desk: Desk) -> None:
    before = desk.book.head
    stranger = pgp.Owner("Stranger", NOW - 1000)
    what = sent(desk.house.where)
    what = dataclasses.replace(what, signature=pgp.signature(stranger.primary, what.document, NOW - 30))
    for _ in range(30):
        assert (await desk.at.submit(what)).reason == "signature_unlisted"
    assert desk.book.head == before and not desk.house.launched
    assert [(one.reason, one.kind) for one in desk.ended] == [("signature_unlisted", "")] * 30


async def test_refusals_of_a_listed_signer_are_kept_ten_a_minute(desk: Desk) -> None:
    freeze.freeze(desk.house.where.lineage, freeze.Freeze("Stop.", "ann"))
    what = sent(desk.house.where)
    for _ in range(15):
        assert (await desk.at.submit(what)).reason == "frozen"
    assert [row.reason for row in desk.at.rows()] == ["frozen"] * 10
    desk.now += 60
    await desk.at.submit(what)
    assert len(desk.at.rows()) == 11 and len(desk.ended) == 16


async def test_a_trial_goes_as_far_as_the_last_check_and_leaves_nothing(desk: Desk) -> None:
    live = blueprint.current(desk.house.where)
    await desk.at.submit(sent(desk.house.where), trial=True)
    row = await desk.until_idle()
    assert (row.outcome, row.trial, blueprint.current(desk.house.where)) == ("tried", True, live)
    assert [phase for phase, _ in row.times][-2:] == ["undoing", "idle"]
    assert desk.at.standing().used.by_signer[ANN.fingerprint] == 0
    assert not (await desk.at.submit(sent(desk.house.where))).reason
    assert (await desk.until_idle()).outcome == "applied"


async def test_a_trial_that_is_not_good_says_so(desk: Desk) -> None:
    desk.house.problems["examine"] = "latency_p95 is red"
    await desk.at.submit(sent(desk.house.where), trial=True)
    row = await desk.until_idle()
    assert (row.outcome, row.reason) == ("refused", "latency_p95 is red")


async def test_what_is_on_its_way_is_undone_when_nobody_wants_it(desk: Desk) -> None:
    live, desk.house.holds = blueprint.current(desk.house.where), asyncio.Event()
    found = await desk.at.submit(sent(desk.house.where))
    await desk.house.reached.wait()
    await desk.at.roll_back(found.verdict.cid, "ann", "Wrong one.")
    row = await desk.until_idle()
    assert (row.outcome, row.reason) == ("refused", "ann: Wrong one.")
    assert blueprint.current(desk.house.where) == live


async def test_another_than_the_one_on_its_way_is_not_rolled_back(desk: Desk) -> None:
    desk.house.holds = asyncio.Event()
    await desk.at.submit(sent(desk.house.where))
    with pytest.raises(errors.OverloadedError):
        await desk.at.roll_back("0" * 16, "ann", "Wrong one.")
    desk.house.holds.set()
    await desk.until_idle()


async def test_the_newest_applied_patch_is_rolled_back_and_the_branch_follows(desk: Desk) -> None:
    where = desk.house.where
    before = patch_house.whole(where)
    await desk.at.submit(sent(where))
    first = await desk.until_idle()
    await desk.at.submit(sent(where, note("second")))
    second = await desk.until_idle()
    with pytest.raises(errors.InvalidRequestError, match="Only the newest"):
        await desk.at.roll_back(first.cid, "ann", "So.")
    await desk.at.roll_back("", "ann", "So.")
    await desk.until_idle()
    assert "prompts/second.md" not in patch_house.whole(where)
    await desk.at.roll_back(first.cid, "ann", "So.")
    await desk.until_idle()
    assert patch_house.whole(where) == before
    assert {row.cid: (row.outcome, row.returned_by) for row in desk.at.rows()} == {
        first.cid: ("rolled back", "ann"),
        second.cid: ("rolled back", "ann"),
    }
    head = repository.commit_at(where, repository.BRANCH)
    assert head == blueprint.current(where)
    assert blueprint.repair(where) == head, "a start goes on with what serves"
    with pytest.raises(errors.InvalidRequestError, match="not made by a patch"):
        await desk.at.roll_back("", "ann", "So.")


async def test_patches_go_back_though_the_generations_before_them_were_removed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, before = desk.house.where, patch_house.whole(desk.house.where)
    monkeypatch.setenv("COUNCIL_PATCH_KEPT_GENERATIONS", "1")
    read = blueprint.current(where)
    desk.house.reads.append(read)
    for name in ("first", "second", "third"):
        await desk.at.submit(sent(where, note(name)))
        assert (await desk.until_idle()).outcome == "applied"
    bases = [row.base for row in desk.at.rows()]
    removed = await hands.thin_out(where, desk.house)
    assert bases[1] in removed and (where.generations / read).is_dir() and (where.generations / bases[2]).is_dir()
    for _ in bases:
        await desk.at.roll_back("", "ann", "So.")
        assert (await desk.until_idle()).phase == "idle"
        await hands.thin_out(where, desk.house)
    assert [row.outcome for row in desk.at.rows()] == ["rolled back"] * 3
    assert patch_house.whole(where) == before


async def test_what_was_rolled_back_is_not_taken_again(desk: Desk) -> None:
    await desk.at.submit(sent(desk.house.where))
    await desk.until_idle()
    await desk.at.roll_back("", "ann", "So.")
    await desk.until_idle()
    assert (await desk.at.submit(sent(desk.house.where))).reason in ("quarantined", "replayed")


async def test_an_owners_change_that_no_service_uses_is_taken_over_before_a_patch(desk: Desk) -> None:
    where = desk.house.where
    text = (where.current / authz.FILE).read_bytes()
    live = blueprint.commit(where, {authz.FILE: text + b"# So.\n"}, "Write a comment")
    assert desk.serving != live
    await desk.at.submit(sent(where))
    desk.serving = live
    assert desk.house.launched[0] == []
    assert (await desk.until_idle()).base == live


async def test_an_owners_change_that_a_service_uses_asks_for_a_start_first(desk: Desk) -> None:
    blueprint.commit(desk.house.where, {"prompts/general.md": b"Other.\n"}, "Change a prompt")
    with pytest.raises(errors.UnavailableError, match="council down"):
        await desk.at.submit(sent(desk.house.where))
    assert not desk.house.launched


async def test_an_owners_change_waits_while_a_patch_bakes_which_would_stay_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = desk.house.where
    before = patch_house.whole(where)

    async def bake(_base: str, _target: str) -> str:
        with pytest.raises(errors.BlueprintError, match="try again when it has ended"):
            blueprint.commit(where, {"prompts/other.md": b"Other.\n"}, "Change a prompt")
        return "error_rate is red"

    monkeypatch.setattr(desk.house, "bake", bake)
    await desk.at.submit(sent(where))
    row = await desk.until_idle()
    assert (row.outcome, row.reason) == ("rolled back", "error_rate is red")
    assert patch_house.whole(where) == before
    blueprint.commit(where, {"prompts/other.md": b"Other.\n"}, "Change a prompt")


def push(where: home.Home) -> str:
    """Move the branch as `git push` does: what serves stays."""
    head = repository.commit_at(where, repository.BRANCH)
    made = repository.add_commit(where, head, {"prompts/pushed.md": repository.File(b"Pushed.\n")}, "Push")
    repository.move_branch(where, made, head)
    return made


async def test_a_push_between_the_end_of_a_bake_and_the_branch_has_the_patch_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, before, pushed = desk.house.where, patch_house.whole(desk.house.where), list[str]()

    def settle(at: home.Home, state: steps.State) -> None:
        if state.last is steps.Outcome.APPLIED:
            pushed.append(push(at))
        settled(at, state)

    settled = hands.settle
    monkeypatch.setattr(hands, "settle", settle)
    await desk.at.submit(sent(where))
    row = await desk.until_idle()
    assert (row.outcome, row.reason) == ("rolled back", "stale_base")
    assert [one.outcome for one in desk.ended] == ["rolled back"]
    assert patch_house.whole(where) == before
    assert [repository.commit_at(where, repository.BRANCH)] == pushed
    with pytest.raises(errors.UnavailableError, match=r"git push.*council down"):
        await desk.at.submit(sent(where, note("second")))
    blueprint.repair(where)
    assert not (await desk.at.check(sent(where))).reason, "the same content may come again"


async def test_a_branch_that_a_full_disk_left_behind_follows_before_the_next_patch(desk: Desk) -> None:
    where, first = desk.house.where, blueprint.current(desk.house.where)
    await desk.at.submit(sent(where))
    await desk.until_idle()
    repository.move_branch(where, first, blueprint.current(where))
    await desk.at.submit(sent(where, note("second")))
    assert (await desk.until_idle()).outcome == "applied"
    assert repository.commit_at(where, repository.BRANCH) == blueprint.current(where)


async def test_who_listens_hears_of_each_step(desk: Desk) -> None:
    with desk.at.news() as queue:
        await desk.at.submit(sent(desk.house.where))
        await desk.until_idle()
        desk.at.wake()
        heard = [queue.get_nowait() for _ in range(queue.qsize())]
    assert [row and row.phase for row in heard] == [
        *("staging", "launching", "examining", "checking", "switching", "baking", "idle"),
        None,
    ]


async def test_a_start_after_a_crash_ends_the_way(house: House) -> None:
    first = Desk(house)
    house.crash_in = 5
    await first.at.submit(sent(house.where))
    with contextlib.suppress(patch_house.CrashedError):
        while first.at.is_busy:
            await asyncio.sleep(0.01)
    assert isinstance(first.at.failure, patch_house.CrashedError)
    first.book.close()
    second = Desk(house)
    await second.at.begin()
    row = await second.until_idle()
    assert row.outcome in ("applied", "refused", "rolled back")


async def test_what_breaks_a_way_off_is_told_in_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    made = Desk(house)
    house.crash_in = 1
    await made.at.submit(sent(house.where))
    async with asyncio.timeout(60):
        while made.at.is_busy:
            await asyncio.sleep(0.01)
    # What is called once a task is done is called in the turn after.
    await asyncio.sleep(0)
    made.book.close()
    assert [error for error in logged(caplog, "broke off") if isinstance(error, patch_house.CrashedError)]


def logged(caplog: pytest.LogCaptureFixture, words: str) -> list[BaseException | None]:
    """Return what errors the lines with these words tell of."""
    return [one.exc_info[1] for one in caplog.records if words in one.getMessage() and one.exc_info]


async def test_a_journal_that_is_not_what_was_written_is_gone_on_with_by_nobody(desk: Desk) -> None:
    desk.damage = "git knows of record 9, and the journal ends with record 3."
    await desk.at.begin()
    await desk.until_over()
    with pytest.raises(errors.JournalError, match="git knows"):
        await desk.at.submit(sent(desk.house.where))
    with pytest.raises(errors.JournalError, match="git knows"):
        await desk.at.roll_back("", "ann", "So.")
    assert not desk.house.launched


async def test_one_that_turns_out_so_after_a_patch_stops_the_next(desk: Desk) -> None:
    await desk.at.submit(sent(desk.house.where))
    desk.damage = "git knows of record 9, and the journal ends with record 3."
    await desk.until_idle()
    with pytest.raises(errors.JournalError, match="git knows"):
        await desk.at.submit(sent(desk.house.where, note("second")))


async def test_what_a_crash_has_left_may_be_given_up_before_it_is_gone_on_with(house: House) -> None:
    live = blueprint.current(house.where)
    first = Desk(house)
    # In the middle of the bake.
    house.crash_in = 8
    found = await first.at.submit(sent(house.where))
    async with asyncio.timeout(60):
        while first.at.is_busy:
            await asyncio.sleep(0.01)
    first.book.close()
    assert first.at.rows()[-1].phase == "baking"
    second = Desk(house)
    await second.at.begin()
    await second.at.roll_back(found.verdict.cid, "ann", "Wrong one.")
    row = await second.until_idle()
    assert (row.outcome, row.reason) == ("rolled back", "ann: Wrong one.")
    assert patch_house.whole(house.where) and blueprint.current(house.where) == live
    await second.at.close()
    second.book.close()


async def test_a_rollback_while_nothing_is_decided_asks_for_patience(desk: Desk) -> None:
    await desk.at.submit(sent(desk.house.where))
    # Its way has not begun; the next one's would be given up.
    with pytest.raises(errors.OverloadedError):
        await desk.at.roll_back("", "ann", "So.")
    assert (await desk.until_idle()).outcome == "applied"


class FullDisk:
    """A journal whose disk is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(journal.os, "fsync", full)


async def test_a_refusal_that_the_disk_does_not_keep_ends_the_process_and_takes_nothing_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    freeze.freeze(desk.house.where.lineage, freeze.Freeze("Stop.", "ann"))
    what, head = sent(desk.house.where), desk.book.head
    with monkeypatch.context() as patched:
        FullDisk(patched)
        with pytest.raises(errors.UnavailableError, match="No space left"):
            await desk.at.submit(what)
    assert isinstance(desk.at.failure, OSError) and logged(caplog, "was not kept") == [desk.at.failure]
    freeze.thaw(desk.house.where.lineage)
    with pytest.raises(errors.UnavailableError, match="begins anew"):
        await desk.at.submit(what)
    with pytest.raises(errors.UnavailableError, match="begins anew"):
        await desk.at.roll_back("", "ann", "So.")
    assert desk.book.head == head


async def test_a_patch_that_the_disk_does_not_keep_is_not_begun(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        FullDisk(patched)
        with pytest.raises(errors.UnavailableError, match="No space left"):
            await desk.at.submit(sent(desk.house.where))
    assert not desk.at.rows() and desk.at.failure is None
    assert not (await desk.at.submit(sent(desk.house.where))).reason
    await desk.until_idle()


async def test_who_connects_late_hears_of_the_patch_whatever_came_after_it(desk: Desk) -> None:
    assert not desk.at.latest()
    await desk.at.submit(sent(desk.house.where))
    done = await desk.until_idle()
    assert desk.at.latest() == [done]
    freeze.freeze(desk.house.where.lineage, freeze.Freeze("Stop.", "ann"))
    await desk.at.submit(sent(desk.house.where, note("second")))
    assert [row.outcome for row in desk.at.latest()] == ["applied", "refused"]


def statement(count: int = 2, day: str = "", **more: str) -> bytes:
    return overriding.document(overriding.Override(day or overriding.day_of(NOW), count, more.get("reason", "Urgent.")))


async def test_a_persons_statement_raises_todays_limits_once(desk: Desk) -> None:
    raw = statement()
    signed = pgp.signature(ANN.primary, raw, NOW - 30)
    found = await desk.at.override(raw, signed)
    assert (found.count, found.signer) == (2, ANN.fingerprint)
    assert desk.at.standing().used.extra == 2
    with pytest.raises(errors.PatchRefusedError, match="has been used"):
        await desk.at.override(raw, signed)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (statement(day="2020-01-01"), "expired"),
        (statement(count=1000), "document_invalid"),
        (statement(reason="two\nlines"), "document_invalid"),
        (b"{}", "document_invalid"),
        (b"[", "document_malformed"),
        (b"x" * 5000, "too_large"),
    ],
)
async def test_a_statement_that_says_something_else_raises_nothing(desk: Desk, raw: bytes, reason: str) -> None:
    with pytest.raises(errors.PatchRefusedError) as caught:
        await desk.at.override(raw, pgp.signature(ANN.primary, raw, NOW - 30))
    assert caught.value.reason == reason
    assert desk.at.standing().used.extra == 0


async def test_a_bots_key_raises_nothing(desk: Desk) -> None:
    where, bot = desk.house.where, pgp.Owner("tuner", NOW - 1000)
    text = roster.with_signer(
        (where.current / authz.FILE).read_bytes(),
        authz.Signer(bot.fingerprint, "tuner", authz.Kind.BOT, ("prompts/**",)),
    )
    blueprint.commit(where, {authz.FILE: text, authz.certificate_path(bot.fingerprint): bot.certificate()}, "List it")
    raw = statement()
    with pytest.raises(errors.PatchRefusedError, match="person"):
        await desk.at.override(raw, pgp.signature(bot.primary, raw, NOW - 30))


async def test_a_patch_under_a_document_that_was_signed_otherwise_is_no_override(desk: Desk) -> None:
    what = sent(desk.house.where)
    with pytest.raises(errors.PatchRefusedError) as caught:
        await desk.at.override(what.document, what.signature)
    assert caught.value.reason == patches.Reason.DOCUMENT_INVALID


def test_a_row_is_told_with_its_line() -> None:
    told = history.told(history.Row("a" * 64, "Shorter", 7, outcome=steps.Outcome.APPLIED))
    assert told["cid"] == "a" * 16 and told["line"] == f"cid:{'a' * 16} - Shorter (Ticket #7)"


async def test_a_rollback_to_a_release_that_cannot_be_had_is_not_begun(desk: Desk) -> None:
    for version in ("1.0.0", "2.0.0"):
        live = desk.house.where.current / release_pin.FILE
        before = patches.digest(live.read_bytes()) if live.exists() else None
        text = pinned_release.text(release_pin.Pin(version, version[0] * 64, f"/srv/{version}"))
        assert not (
            await desk.at.submit(
                sent(desk.house.where, patches.Change(release_pin.FILE, patches.Action.PUT, text, before))
            )
        ).reason
        assert (await desk.until_idle()).outcome == "applied"
    desk.house.uninstallable = True
    live_before = blueprint.current(desk.house.where)
    with pytest.raises(errors.InstallError, match="cannot be installed"):
        await desk.at.roll_back("", "ann", "So.")
    assert not desk.at.is_busy and blueprint.current(desk.house.where) == live_before
    desk.house.uninstallable = False
    await desk.at.roll_back("", "ann", "So.")
    assert (await desk.until_idle()).outcome == "rolled back"
