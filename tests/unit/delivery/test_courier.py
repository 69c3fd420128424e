"""A real local forge and a played patchctl come into step, and the forge is told what became of what was merged."""

import hashlib
import shutil
from pathlib import Path

import pytest

import delivery_rig
from council.backends.forge import local
from council.delivery import courier, lines
from council.domain import errors, forge, patches

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def patchctl(tmp_path: Path) -> delivery_rig.Patchctl:
    return delivery_rig.Patchctl(tmp_path / "generations")


@pytest.fixture
def where(tmp_path: Path) -> local.LocalForge:
    return local.LocalForge(tmp_path / "forge.git", "council", lambda: delivery_rig.NOW)


def made(where: local.LocalForge, patchctl: delivery_rig.Patchctl) -> courier.Courier:
    return courier.Courier(
        courier.Parts(where, patchctl, delivery_rig.Watch(), patchctl.folder, lambda: delivery_rig.NOW)
    )


async def settled(one: courier.Courier) -> None:
    for _ in range(20):
        if isinstance(await one.turn(), lines.InStep):
            return
    raise AssertionError("main and what serves did not come into step")


async def held(where: local.LocalForge) -> dict[str, bytes]:
    head = (await where.head()).commit
    return {path: (await where.file(path, head)).content for path in await where.files(head)}


async def merged(
    where: local.LocalForge, content: bytes, document: bytes = b"{}", bot: str = "tuner"
) -> tuple[int, str]:
    """Merge a pull request past all checks; return its number and what it became."""
    head = await where.head()
    branch = f"{bot}/{hashlib.sha256(document).hexdigest()[:8]}"
    files: dict[str, forge.File | None] = {
        "prompts/general.md": forge.File(content),
        ".council/patch.json": forge.File(document),
        ".council/patch.sig": forge.File(b"signed"),
    }
    tip = await where.branch(
        branch, head.commit, files, forge.Words("Say it", bot, f"{bot}@localhost", int(delivery_rig.NOW))
    )
    number = await where.open_pull(forge.Proposal(branch, "Say it", "So."))
    return number, await where.merge(number, tip, "Say it", "So.")


async def check_of(where: local.LocalForge, commit: str) -> tuple[str, str]:
    [one] = [one for one in await where.checks(commit) if one.name == courier.DEPLOY]
    return one.state.value, one.description


async def test_a_new_forge_gets_what_serves(where: local.LocalForge, patchctl: delivery_rig.Patchctl) -> None:
    await settled(made(where, patchctl))
    assert await held(where) == patchctl.files
    assert (await where.head()).tree == delivery_rig.tree_of(patchctl.files)


async def test_what_went_live_without_the_forge_comes_upon_main(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    await settled(made(where, patchctl))
    patchctl.serve(patchctl.files | {"prompts/general.md": b"Be brief.\n"})
    patchctl.serve({"council.yaml": b"port: 8000\n"})
    await settled(made(where, patchctl))
    assert await held(where) == {"council.yaml": b"port: 8000\n"}
    before = await where.commit((await where.head()).parents[0])
    assert before.tree == delivery_rig.tree_of(patchctl.generations[1][1])


async def test_what_still_bakes_does_not_come_upon_main(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    before = patchctl.files
    target = patchctl.serve(before | {"prompts/general.md": b"Be brief.\n"})
    patchctl.known.append(patchctl.row("ab" * 32, target=target))
    await settled(one)
    assert await held(where) == before
    patchctl.known[-1]["outcome"] = "applied"
    await settled(one)
    assert await held(where) == patchctl.files != before


async def test_a_generation_that_is_no_longer_on_disk_is_left_out(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    await settled(made(where, patchctl))
    gone = patchctl.serve(patchctl.files | {"prompts/general.md": b"Be brief.\n"})
    patchctl.serve({"council.yaml": b"port: 8000\n"})
    shutil.rmtree(patchctl.folder / gone)
    await settled(made(where, patchctl))
    assert await held(where) == patchctl.files


async def test_what_was_merged_is_handed_over_and_the_outcome_told(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    number, commit = await merged(where, b"Be brief.\n")
    assert isinstance(await one.turn(), lines.Hand)
    assert (await check_of(where, commit))[0] == "pending"
    assert isinstance(await one.turn(), lines.Wait)
    patchctl.end(await held(where))
    await settled(one)
    assert (await check_of(where, commit))[0] == "success"
    [said] = await where.comments(number)
    assert "applied" in said.body and "| latency_p95 | green |" in said.body


@pytest.mark.parametrize("outcome", ["refused", "rolled back"])
async def test_what_does_not_come_to_serve_is_taken_back_and_told(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl, outcome: str
) -> None:
    one = made(where, patchctl)
    await settled(one)
    number, commit = await merged(where, b"Be rude.\n")
    await one.turn()
    patchctl.outcome = outcome
    patchctl.end({})
    await settled(one)
    assert await held(where) == patchctl.files
    state, told = await check_of(where, commit)
    assert state == "failure" and "error_rate is red" in told
    [said] = await where.comments(number)
    assert "error_rate is red" in said.body


async def test_what_is_not_let_in_is_taken_back_with_the_reason(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    _, commit = await merged(where, b"Be rude.\n")
    patchctl.refuses = "replayed"
    await settled(one)
    assert await held(where) == patchctl.files
    assert "replayed: So it is." in (await check_of(where, commit))[1]


@pytest.mark.parametrize("hindrance", ["busy", "frozen"])
async def test_what_cannot_be_taken_now_stays_upon_main(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl, hindrance: str
) -> None:
    one = made(where, patchctl)
    await settled(one)
    await merged(where, b"Be brief.\n")
    patchctl.is_busy, patchctl.refuses = hindrance == "busy", "frozen" if hindrance == "frozen" else ""
    for _ in range(3):
        assert isinstance(await one.turn(), lines.Hand)
    patchctl.is_busy, patchctl.refuses = False, ""
    if hindrance == "frozen":
        # It asks again after a while, or once it begins anew.
        assert isinstance(await one.turn(), lines.Hand) and patchctl.known == []
        one = made(where, patchctl)
    await one.turn()
    patchctl.end(await held(where))
    await settled(one)
    assert await held(where) == patchctl.files
    assert patchctl.files["prompts/general.md"] == b"Be brief.\n"


async def test_a_refusal_before_its_way_and_a_trial_do_not_decide_what_becomes_of_a_merge(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    await merged(where, b"Be brief.\n")
    digest = patches.digest(b"{}")
    patchctl.known.append(patchctl.row(digest, outcome="refused", reason="stale_base", phase=""))
    patchctl.known.append(patchctl.row(digest, outcome="refused", reason="latency_p95 is red", trial=True))
    assert isinstance(await one.turn(), lines.Hand)
    patchctl.end(await held(where))
    await settled(one)
    assert patchctl.files["prompts/general.md"] == b"Be brief.\n"
    assert await held(where) == patchctl.files


async def test_what_the_forge_does_not_let_be_told_keeps_nothing_from_being_done(
    tmp_path: Path, patchctl: delivery_rig.Patchctl
) -> None:
    class Mute(local.LocalForge):
        async def set_check(self, commit: str, check: forge.Check) -> None:
            raise errors.ForgeForbiddenError("The token may not. Give it more rights.")

    where = Mute(tmp_path / "forge.git", "council", lambda: delivery_rig.NOW)
    one = made(where, patchctl)
    await settled(one)
    await merged(where, b"Be rude.\n")
    await one.turn()
    patchctl.outcome = "rolled back"
    patchctl.end({})
    await settled(one)
    assert await held(where) == patchctl.files


async def test_a_commit_that_nobody_signed_is_taken_back(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    words = forge.Words("Sneak in", "mallory", "mallory@localhost", int(delivery_rig.NOW))
    commit = await where.push((await where.head()).commit, {"authz.yaml": forge.File(b"x")}, words)
    await settled(one)
    assert await held(where) == patchctl.files and patchctl.known == []
    assert "carries no patch" in (await check_of(where, commit))[1]


async def test_one_that_begins_anew_tells_what_was_left_untold(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    number, commit = await merged(where, b"Be brief.\n")
    await one.turn()
    patchctl.end(await held(where))
    await settled(made(where, patchctl))
    assert (await check_of(where, commit))[0] == "success"
    assert len(await where.comments(number)) == 1


async def test_somebody_elses_main_is_left_alone(where: local.LocalForge, patchctl: delivery_rig.Patchctl) -> None:
    words = forge.Words("Mine", "ann", "ann@localhost", int(delivery_rig.NOW))
    commit = await where.push("", {"readme.md": forge.File(b"x")}, words)
    assert isinstance(await made(where, patchctl).turn(), lines.Unrelated)
    assert (await where.head()).commit == commit
