"""A real local forge and a played patchctl come into step, and the forge is told what became of what was merged."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import delivery_rig
from council.backends.forge import git, local
from council.delivery import courier, lines, pairs
from council.domain import errors, forge, patches
from council.patching import following
from council.upkeep.patchctl import steps

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def patchctl(tmp_path: Path) -> delivery_rig.Patchctl:
    return delivery_rig.Patchctl(tmp_path / "generations")


@pytest.fixture
def where(tmp_path: Path) -> local.LocalForge:
    return local.LocalForge(tmp_path / "forge.git", "council", lambda: delivery_rig.NOW)


def made(where: local.LocalForge, patchctl: delivery_rig.Patchctl) -> courier.Courier:
    return courier.Courier(
        courier.Parts(
            where,
            patchctl,
            delivery_rig.Watch(),
            patchctl.folder,
            patchctl.folder.parent / "in-step",
            lambda: delivery_rig.NOW,
        )
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


async def test_what_a_crash_met_is_handed_on_again_and_not_for_ever(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    _, commit = await merged(where, b"Be brief.\n")
    patchctl.outcome, patchctl.reason = "refused", steps.INTERRUPTED
    for number in range(following.INTERRUPTED_MAX):
        assert isinstance(await one.turn(), lines.Hand)
        assert len(patchctl.known) == number + 1
        assert (await check_of(where, commit))[0] == "pending"
        patchctl.end({})
    await settled(one)
    assert len(patchctl.known) == following.INTERRUPTED_MAX and await held(where) == patchctl.files
    state, told = await check_of(where, commit)
    assert state == "failure" and steps.INTERRUPTED in told


async def test_what_a_crash_met_does_not_uncover_what_was_said_of_it_before(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    await merged(where, b"Be brief.\n")
    await one.turn()
    patchctl.outcome, patchctl.reason = "refused", steps.INTERRUPTED
    patchctl.end({})
    [newest] = patchctl.known
    earlier = {**newest, "reason": "latency_p95 is red"}
    assert not courier._ways([newest, earlier])
    assert courier._ways([earlier, newest]) == {newest["digest"]: earlier}


async def test_what_a_crash_met_once_comes_to_serve(where: local.LocalForge, patchctl: delivery_rig.Patchctl) -> None:
    one = made(where, patchctl)
    await settled(one)
    _, commit = await merged(where, b"Be brief.\n")
    await one.turn()
    patchctl.outcome, patchctl.reason = "refused", steps.INTERRUPTED
    patchctl.end({})
    assert isinstance(await one.turn(), lines.Hand)
    patchctl.outcome = "applied"
    patchctl.end(await held(where))
    await settled(one)
    assert (await check_of(where, commit))[0] == "success"


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


def listed(where: local.LocalForge, rows: dict[str, str]) -> None:
    """Have main hold files that a commit of ours never holds: path to mode."""
    folder = where._repository.folder
    who = ["git", f"--git-dir={folder}", "-c", "user.name=mallory", "-c", "user.email=mallory@localhost"]

    def run(*words: str, given: bytes = b"") -> str:
        return subprocess.run([*who, *words], input=given, capture_output=True, check=True).stdout.decode().strip()

    blob = run("hash-object", "-w", "--stdin", given=b"/etc/passwd")
    told = "".join(f"{mode} blob {blob}\t{path}\0" for path, mode in sorted(rows.items()))
    tree = run("mktree", "-z", given=told.encode())
    made = run("commit-tree", tree, "-p", "main", "-m", "Odd")
    run("update-ref", "refs/heads/main", made)


@pytest.mark.parametrize(
    "rows",
    [
        {"link": "120000"},
        {"a\tb": "100644"},
        {f"file{number}": "100644" for number in range(1_001)},
    ],
    ids=["a link", "an odd name", "many"],
)
async def test_main_is_taken_back_whatever_somebody_has_put_there(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl, rows: dict[str, str]
) -> None:
    one = made(where, patchctl)
    await settled(one)
    listed(where, rows)
    await settled(one)
    assert await held(where) == patchctl.files and patchctl.known == []


async def test_a_document_that_no_patch_could_be_is_taken_back(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    await merged(where, b"Be brief.\n", document=b" " * (patches.PATCH_BYTES_MAX + 1))
    await settled(one)
    assert await held(where) == patchctl.files and patchctl.known == []


@pytest.mark.parametrize("is_new", [False, True])
async def test_a_main_that_somebody_rewrote_is_taken_back_if_it_was_ours(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl, is_new: bool
) -> None:
    one = made(where, patchctl)
    await settled(one)
    words = forge.Words("Mine", "ann", "ann@localhost", int(delivery_rig.NOW))
    with where._repository.locked():
        orphan = where._repository.add_commit("", {"readme.md": forge.File(b"x")}, words)
        assert where._repository.swap("refs/heads/main", orphan, (await where.head()).commit)
    await settled(made(where, patchctl) if is_new else one)
    assert await held(where) == patchctl.files
    assert "nothing in common" in (await check_of(where, orphan))[1]


async def test_what_served_long_ago_is_not_walked_through_anew(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    first = dict(patchctl.files)
    for number in range(5):
        patchctl.serve(first | {"prompts/general.md": f"Be {number}.\n".encode()})
        await settled(one)
    words = forge.Words("Back", "ann", "ann@localhost", int(delivery_rig.NOW))
    files = {path: forge.File(content) for path, content in first.items()}
    commit = await where.push((await where.head()).commit, files, words, whole=True)
    await settled(one)
    assert (await where.head()).parents == (commit,) and await held(where) == patchctl.files
    assert "puts back" in (await check_of(where, commit))[1]


async def test_a_folder_that_is_not_its_generation_does_not_come_upon_main(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    before = await where.head()
    served = patchctl.serve(patchctl.files | {"prompts/general.md": b"Be brief.\n"})
    (patchctl.folder / served / "prompts" / "general.md").write_bytes(b"Be rude.\n")
    with pytest.raises(errors.BlueprintError, match="not what its commit says"):
        await one.turn()
    assert await where.head() == before


async def test_while_nothing_changes_it_only_asks_whether_anything_has(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    real = git.Repository.git

    def counted(self: git.Repository, *arguments: str, **more: Any) -> bytes:
        asked.append(arguments)
        return real(self, *arguments, **more)

    one = made(where, patchctl)
    await settled(one)
    assert isinstance(await one.turn(), lines.InStep)
    monkeypatch.setattr(git.Repository, "git", counted)
    assert isinstance(await one.turn(), lines.InStep) and one.is_still
    assert [arguments[0] for arguments in asked] == ["for-each-ref"]
    _, commit = await merged(where, b"Be brief.\n")
    assert isinstance(await one.turn(), lines.Hand) and not one.is_still
    assert isinstance(await one.turn(), lines.Wait)
    asked.clear()
    assert isinstance(await one.turn(), lines.Wait) and one.is_still and len(asked) == 1
    patchctl.end(await held(where))
    await settled(one)
    assert (await check_of(where, commit))[0] == "success"


async def test_the_signatures_of_several_people_are_handed_on_in_their_order(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl
) -> None:
    one = made(where, patchctl)
    await settled(one)
    files: dict[str, forge.File | None] = {
        path: forge.File(content)
        for path, content in pairs.files_of(patches.Submission(b"{}", b"ann", (b"bob", b"cyd"))).items()
    }
    words = forge.Words("Say it", "ann", "ann@localhost", int(delivery_rig.NOW))
    await where.push((await where.head()).commit, files, words)
    assert isinstance(await one.turn(), lines.Hand)
    [sent] = patchctl.sent
    assert (sent.signature, sent.cosignatures) == (b"ann", (b"bob", b"cyd"))


async def test_somebody_elses_main_is_left_alone(where: local.LocalForge, patchctl: delivery_rig.Patchctl) -> None:
    words = forge.Words("Mine", "ann", "ann@localhost", int(delivery_rig.NOW))
    commit = await where.push("", {"readme.md": forge.File(b"x")}, words)
    assert isinstance(await made(where, patchctl).turn(), lines.Unrelated)
    assert (await where.head()).commit == commit


async def test_a_main_that_may_not_be_written_is_a_problem_that_names_what_to_do_and_nothing_is_told_as_done(
    where: local.LocalForge, patchctl: delivery_rig.Patchctl, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(where, patchctl)
    await settled(one)
    patchctl.refuses = "signature_wrong"
    _, name = await merged(where, b"Be rude.\n")

    async def refused(base: str, *_: object, **__: object) -> str:
        raise forge.moved(forge.MAIN, base)

    with monkeypatch.context() as patched:
        patched.setattr(where, "push", refused)
        with pytest.raises(errors.ForgeForbiddenError, match="those that may bypass the ruleset"):
            await settled(one)
        assert not [told for told in await where.checks(name) if told.description.startswith("Taken back")]
    await settled(one)
    assert (await check_of(where, name))[1].startswith("Taken back upon main")
