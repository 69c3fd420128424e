"""The local forge: what a crash leaves, who writes at the same time, and what a repository may do to whoever reads it."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from council.backends.forge import git as forge_git
from council.backends.forge import local, pull_records
from council.backups import copying
from council.domain import errors, forge
from council.kit import process

AT_S = 1_790_000_000
WORDS = forge.Words("Change something", "Ann", "ann@example.org", AT_S)
Step = Callable[[local.LocalForge], Coroutine[Any, Any, Any]]


class KilledError(BaseException):
    """The process ends here, as far as the test is concerned."""


def opened(folder: Path, account: str = "ann") -> local.LocalForge:
    return local.LocalForge(folder, account, lambda: AT_S)


def put(text: str, name: str = "x.txt") -> dict[str, forge.File | None]:
    return {name: forge.File(text.encode())}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", f"--git-dir={folder}", *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


async def begun(folder: Path) -> local.LocalForge:
    made = opened(folder)
    await made.push("", put("0", "first.txt"), WORDS)
    return made


async def proposed(made: local.LocalForge, name: str = "council/x", text: str = "x\n") -> tuple[int, str]:
    head = await made.branch(name, (await made.head()).commit, put(text, f"{name[-1]}.txt"), WORDS)
    return await made.open_pull(forge.Proposal(name, "t", "b")), head


# Crashes


async def branch_step(made: local.LocalForge) -> Any:
    return await made.branch(
        "council/y", git(made._repository.folder, "rev-list", "--max-parents=0", "main"), put("y"), WORDS
    )


async def open_step(made: local.LocalForge) -> Any:
    await branch_step(made)
    return await made.open_pull(forge.Proposal("council/y", "t", "b"))


async def merge_step(made: local.LocalForge) -> Any:
    return await made.merge(1, (await made.pull(1)).head, "t", "b")


async def label_step(made: local.LocalForge) -> Any:
    return sorted(await made.label(1, add=["freeze"]))


async def comment_step(made: local.LocalForge) -> Any:
    await made.comment(1, "k", "said")
    return await made.comments(1)


async def check_step(made: local.LocalForge) -> Any:
    head = (await made.pull(1)).head
    await made.set_check(head, forge.Check("gates", forge.CheckState.SUCCESS))
    return await made.checks(head)


def seen(folder: Path) -> dict[str, Any]:
    """Return all that a person can see of a forge, but for how often something was written."""
    pulls = git(folder, "for-each-ref", "--format=%(refname)", "refs/council/pulls").splitlines()
    return {
        "refs": git(folder, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/pull"),
        "main": git(folder, "log", "--format=%H", "main"),
        "pulls": [json.loads(git(folder, "show", f"{ref}:pull.json")) for ref in pulls],
        "comments": [json.loads(git(folder, "show", f"{ref}:comments.json")) for ref in pulls],
    }


@pytest.mark.long
@pytest.mark.parametrize("step", [open_step, merge_step, label_step, comment_step, check_step])
async def test_whoever_is_killed_at_any_call_of_git_is_made_good_by_asking_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    real = forge_git.Repository._run
    fresh, whole = tmp_path / "fresh.git", tmp_path / "whole.git"
    await proposed(await begun(fresh))
    shutil.copytree(fresh, whole)
    wanted = await step(opened(whole))
    story = seen(whole)
    for number in range(1, 100):
        folder = tmp_path / f"{number}.git"
        shutil.copytree(fresh, folder)
        left = number

        def killing(self: forge_git.Repository, *arguments: Any, **options: Any) -> bytes:
            nonlocal left
            left -= 1
            if left == 0:
                raise KilledError
            return real(self, *arguments, **options)

        monkeypatch.setattr(forge_git.Repository, "_run", killing)
        with contextlib.suppress(KilledError):
            await step(opened(folder))
        monkeypatch.setattr(forge_git.Repository, "_run", real)
        # What is told in between is one or the other.
        told = await opened(folder).pull(1)
        assert told.state in (forge.PullState.OPEN, forge.PullState.MERGED)
        assert bool(told.merged) == (told.state is forge.PullState.MERGED)
        assert await step(opened(folder)) == wanted
        assert seen(folder) == story
        assert not git(folder, "fsck", "--strict", "--connectivity-only")
        if left > 0:
            return
    pytest.fail("it never came to its end")


MERGING = """
import asyncio, sys
from pathlib import Path
from council.backends.forge import local, pull_records
async def merge():
    made = local.LocalForge(Path(sys.argv[1]), "ann", lambda: 1_790_000_000)
    await made.merge(1, (await made.pull(1)).head, "t", "b")
asyncio.run(merge())
"""
# Tells that it is about to move main, then waits until it is let go.
SLOW_GIT = """
#!/bin/sh
case "$*" in
  *"update-ref --no-deref refs/heads/main"*)
    touch "{there}"
    while [ ! -e "{go}" ]; do sleep 0.02; done;;
esac
exec "{real}" "$@"
"""


async def test_a_git_that_outlives_who_started_it_keeps_others_from_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, there, go = tmp_path / "forge.git", tmp_path / "there", tmp_path / "go"
    made = await begun(folder)
    number, head = await proposed(made)
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(textwrap.dedent(SLOW_GIT.format(there=there, go=go, real=shutil.which("git"))).lstrip())
    slow.chmod(0o755)
    environment = {"PATH": f"{slow.parent}:/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path))}
    merging = subprocess.Popen([sys.executable, "-c", MERGING, str(folder)], env=environment)
    try:
        await until(there.exists)
        merging.kill()
        merging.wait()
        monkeypatch.setattr(forge_git, "_LOCK_WAIT_S", 0.2)
        with pytest.raises(errors.ForgeUnavailableError):
            await made.merge(number, head, "t", "b")
    finally:
        merging.kill()
        merging.wait()
        go.touch()
    monkeypatch.setattr(forge_git, "_LOCK_WAIT_S", 10.0)
    merged = await made.merge(number, head, "t", "b")
    assert git(folder, "rev-list", "--count", "main") == "2"
    assert (await made.head()).commit == merged


async def until(is_so: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.01)


async def test_a_lock_that_a_killed_git_left_is_removed(tmp_path: Path) -> None:
    made = await begun(tmp_path / "forge.git")
    (tmp_path / "forge.git" / "refs" / "heads" / "main.lock").touch()
    pushed = await made.push((await made.head()).commit, put("1"), WORDS)
    assert (await made.head()).commit == pushed


# Housekeeping


async def untidy(folder: Path) -> local.LocalForge:
    """Return a forge with pull requests, one of them merged, and with an object that nothing leads to, old and young."""
    made = await begun(folder)
    for name in ("council/a", "council/b"):
        number, head = await proposed(made, name)
    await made.merge(number, head, "t", "b")
    for age_days in (0, 20):
        lost = folder.parent / f"{age_days}.txt"
        lost.write_text(f"lost {age_days} days ago")
        name = git(folder, "hash-object", "-w", str(lost))
        at_s = time.time() - age_days * 86_400
        os.utime(folder / "objects" / name[:2] / name[2:], (at_s, at_s))
    return made


def has(folder: Path, text: str) -> bool:
    name = git(folder, "hash-object", str(folder.parent / text))
    asked = ["git", f"--git-dir={folder}", "cat-file", "-e", name]
    return subprocess.run(asked, capture_output=True, check=False).returncode == 0


async def test_what_lies_about_is_packed_and_only_what_nothing_has_led_to_for_long_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "forge.git"
    made = await untidy(folder)
    assert not await made.tidy()
    story, loose = seen(folder), made._repository.loose()
    monkeypatch.setattr(local, "_LOOSE_MAX", loose)
    assert await made.tidy()
    assert made._repository.loose() == 1 and len(list((folder / "objects" / "pack").glob("*.pack"))) == 1
    assert seen(folder) == story and (has(folder, "0.txt"), has(folder, "20.txt")) == (True, False)
    assert not git(folder, "fsck", "--strict", "--connectivity-only").replace("dangling", "").count("missing")
    # And it goes on from there.
    number, head = await proposed(made, "council/c")
    assert await made.merge(number, head, "t", "b") == (await made.head()).commit


async def test_what_somebody_copies_is_not_packed_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "forge.git"
    made = await untidy(folder)
    monkeypatch.setattr(local, "_LOOSE_MAX", 1)
    before = made._repository.loose()
    with copying._unpacked(folder):
        assert not await made.tidy()
        await proposed(made, "council/c")
    assert made._repository.loose() > before
    assert await made.tidy() and made._repository.loose() == 1


TIDYING = """
import asyncio, sys
from pathlib import Path
from council.backends.forge import local
local._LOOSE_MAX = 1
asyncio.run(local.LocalForge(Path(sys.argv[1]), "ann", lambda: 1_790_000_000).tidy())
"""


@pytest.mark.long
async def test_housekeeping_that_is_killed_at_any_moment_has_lost_nothing(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.git"
    await untidy(fresh)
    story = seen(fresh)
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(filter(None, sys.path))}
    for number in range(8):
        folder = tmp_path / f"{number}.git"
        shutil.copytree(fresh, folder)
        tidying = subprocess.Popen([sys.executable, "-c", TIDYING, str(folder)], env=environment, process_group=0)
        await until((folder / "council.lock").exists)
        await asyncio.sleep(0.006 * number)
        # Each git that it starts is in a group of its own; stopped, it starts no other one.
        tidying.send_signal(signal.SIGSTOP)
        groups = {one.group_id for one in process.table().values() if one.parent_pid == tidying.pid}
        for group in {tidying.pid, *groups}:
            process.signal_group(group, signal.SIGKILL)
        tidying.wait()
        assert seen(folder) == story
        assert "missing" not in git(folder, "fsck", "--strict", "--connectivity-only")
        made = opened(folder)
        await asyncio.to_thread(made._repository.tidy)
        assert seen(folder) == story and made._repository.loose() == 1


# Several at once


async def test_of_many_who_merge_at_once_each_pull_request_is_merged_once(tmp_path: Path) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    pulls = [await proposed(made, f"council/{name}") for name in "abcd"]
    merged = await asyncio.gather(
        *(opened(folder).merge(number, head, "t", "b") for number, head in pulls for _ in range(2))
    )
    assert merged[::2] == merged[1::2] and len(set(merged)) == 4
    assert git(folder, "rev-list", "--count", "main") == "5"
    assert len(await made.files("main")) == 5


async def test_of_many_who_open_at_once_each_has_a_number_of_its_own(tmp_path: Path) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    numbers = await asyncio.gather(*(proposed(opened(folder, name), f"council/{name}") for name in "abcdef"))
    assert sorted(number for number, _ in numbers) == [1, 2, 3, 4, 5, 6]
    assert {pull.author for pull in await made.pulls()} == set("abcdef")


async def test_what_main_has_already_is_not_merged_as_an_empty_commit(tmp_path: Path) -> None:
    made = await begun(tmp_path / "forge.git")
    number, head = await proposed(made)
    pushed = await made.push((await made.head()).commit, put("x\n"), WORDS)
    with pytest.raises(errors.ForgeConflictError):
        await made.merge(number, head, "t", "b")
    assert (await made.head()).commit == pushed


# With git alone


async def test_what_a_person_pushes_with_git_is_seen(tmp_path: Path) -> None:
    folder, clone = tmp_path / "forge.git", tmp_path / "clone"
    made = await begun(folder)
    news = await made.news()
    identity = ("-c", "user.name=Bob", "-c", "user.email=bob@example.org")
    subprocess.run(["git", "clone", "--quiet", str(folder), str(clone)], check=True)
    (clone / "mine.txt").write_text("mine\n")
    for command in (["switch", "-q", "-c", "bob/mine"], ["add", "."], [*identity, "commit", "-qm", "Mine"]):
        subprocess.run(["git", "-C", str(clone), *command], check=True)
    subprocess.run(["git", "-C", str(clone), "push", "-q", "origin", "bob/mine"], check=True)
    number = await opened(folder, "bob").open_pull(forge.Proposal("bob/mine", "Mine", "b"))
    (pull,) = (await made.news(news.cursor)).pulls
    assert (pull.number, pull.author) == (number, "bob")
    await made.merge(number, pull.head, "Mine", "b")
    assert (await made.head()).author == "Bob"
    subprocess.run(["git", "-C", str(clone), "push", "-q", "origin", ":bob/mine"], check=True)
    assert (await made.pull(number)).state is forge.PullState.MERGED


async def test_a_branch_that_a_person_removes_closes_its_pull_request(tmp_path: Path) -> None:
    made = await begun(tmp_path / "forge.git")
    number, head = await proposed(made)
    news = await made.news()
    git(tmp_path / "forge.git", "update-ref", "-d", "refs/heads/council/x")
    assert [(pull.number, pull.state, pull.head) for pull in (await made.news(news.cursor)).pulls] == [
        (number, forge.PullState.CLOSED, head)
    ]


async def test_the_story_of_a_pull_request_is_there_for_git(tmp_path: Path) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    number, head = await proposed(made)
    await made.label(number, add=["freeze"])
    await opened(folder, "bob").comment(number, "look", "No.")
    await made.merge(number, head, "t", "b")
    log = git(folder, "log", "--reverse", "--format=%an: %s", f"refs/council/pulls/{number}").splitlines()
    assert log[:3] == ["ann: open", "ann: label: freeze", "bob: comment: look"]
    assert log[3].startswith("ann: about to become ") and log[4] == "ann: merge"
    assert git(folder, "rev-parse", f"refs/pull/{number}/head") == head


async def test_nothing_is_lost_when_a_person_tidies_up(tmp_path: Path) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    number, head = await proposed(made)
    await made.set_check(head, forge.Check("gates", forge.CheckState.SUCCESS))
    await made.merge(number, head, "t", "b")
    await made.delete_branch("council/x")
    git(folder, "gc", "--quiet", "--prune=now")
    assert (await made.pull(number)).head == head == (await made.commit(head)).commit
    assert len(await made.checks(head)) == 1
    await proposed(made, "council/y")


# What a repository may do to whoever reads it


async def test_an_object_that_is_to_stand_for_another_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    one = await made.push((await made.head()).commit, put("honest"), WORDS)
    other = await made.push(one, put("evil"), WORDS)
    git(folder, "replace", one, other)
    assert (await made.file("x.txt", one)).content == b"honest"
    assert (await made.commit(other)).parents == (one,)


async def test_no_hook_of_a_repository_runs_anything(tmp_path: Path) -> None:
    folder, ran = tmp_path / "forge.git", tmp_path / "ran"
    made = await begun(folder)
    hook = folder / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    await made.push((await made.head()).commit, put("1"), WORDS)
    assert not ran.exists()


@pytest.mark.parametrize(
    "settings",
    [
        {"core.fsmonitor": "touch RAN", "core.bare": "false", "core.worktree": "ELSEWHERE"},
        {"remote.evil.url": "ext::sh -c touch% RAN", "remote.evil.promisor": "true", "protocol.ext.allow": "always"},
        {"core.hooksPath": "ELSEWHERE"},
        {"include.path": "ELSEWHERE/more"},
        {"alias.log": "!touch RAN"},
    ],
    ids=lambda settings: next(iter(settings)),
)
async def test_settings_that_council_did_not_write_are_told_before_git_reads_them(
    tmp_path: Path, settings: dict[str, str]
) -> None:
    folder, ran = tmp_path / "forge.git", tmp_path / "ran"
    made = await begun(folder)
    head = await made.head()
    for name, value in settings.items():
        git(folder, "config", name, value.replace("RAN", str(ran)).replace("ELSEWHERE", str(tmp_path)))
    for asked in (made.head(), made.push(head.commit, put("1"), WORDS), made.news()):
        with pytest.raises(errors.ForgeForbiddenError, match="config"):
            await asked
    assert not ran.exists()


@pytest.mark.parametrize(
    "name", ["commondir", "config.worktree", "objects/info/alternates", "objects/info/http-alternates"]
)
async def test_a_repository_that_leads_elsewhere_is_told(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(f"{tmp_path}\n")
    with pytest.raises(errors.ForgeForbiddenError, match=name):
        await made.head()


async def test_of_a_new_branch_and_pull_request_only_what_is_new_is_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await begun(tmp_path / "forge.git")
    for number in range(3):
        await made.push((await made.head()).commit, put(str(number)), WORDS)
    listed: list[bytes] = []
    real = forge_git.Repository.git

    def seeing(self: forge_git.Repository, *arguments: str, **more: Any) -> bytes:
        said = real(self, *arguments, **more)
        if arguments[0] == "rev-list":
            listed.extend(said.splitlines())
        return said

    monkeypatch.setattr(forge_git.Repository, "git", seeing)
    await proposed(made)
    # Of the branch and of its pull request the commit, its tree and its file, and of the record the commit and what it holds.
    assert len(listed) == 3 + 3 + 4


async def test_a_folder_that_cannot_be_made_again_is_told_with_what_makes_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.ForgeUnavailableError, match="council up"):
        await opened(tmp_path / "file" / "forge.git").push("", put("0"), WORDS)
    with pytest.raises(errors.ForgeNotFoundError, match="its steward makes it"):
        await opened(tmp_path / "forge.git").head()


async def test_links_and_submodules_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    target = (
        subprocess.run(
            ["git", f"--git-dir={folder}", "hash-object", "-w", "--stdin"],
            input=b"/etc/passwd",
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    tree = (
        subprocess.run(
            ["git", f"--git-dir={folder}", "mktree"],
            input=f"120000 blob {target}\tlink\n".encode(),
            capture_output=True,
            check=True,
        )
        .stdout.decode()
        .strip()
    )
    identity = ("-c", "user.name=Bob", "-c", "user.email=bob@example.org")
    linked = git(folder, *identity, "commit-tree", tree, "-m", "x")
    with pytest.raises(errors.InvalidRequestError):
        await made.files(linked)
    with pytest.raises(errors.InvalidRequestError):
        await made.file("link", linked)


@pytest.mark.parametrize("content", ["", "[]", "{}", "{", '{"state": "open"}', "[" * 100_000, "\0"])
async def test_a_record_that_cannot_be_read_is_an_error_that_says_so(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "forge.git"
    made = await begun(folder)
    number, _ = await proposed(made)
    repository = forge_git.Repository(folder)
    with repository.locked():
        tree = repository.add_tree({"pull.json": content.encode(), "comments.json": b"[]"})
        repository.swap(
            f"refs/council/pulls/{number}",
            repository.add_commit_of(tree, [], WORDS),
            repository.ref(f"refs/council/pulls/{number}"),
        )
    with pytest.raises(errors.ForgeUnavailableError, match="pull request 1"):
        await made.pull(number)


async def test_one_who_says_too_much_spoils_no_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull_records, "_COMMENTS_BYTES_MAX", 400_000)
    made = await begun(tmp_path / "forge.git")
    number, _ = await proposed(made)
    with pytest.raises(errors.InvalidRequestError, match="fewer keys"):
        for count in range(9):
            await made.comment(number, f"k{count}", "x" * forge.BODY_CHARS_MAX)
    said = await made.comments(number)
    await made.label(number, add=["freeze"])
    assert len(said) == 6 and await made.comments(number) == said
    assert (await made.pull(number)).labels == {"freeze"}


async def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened(tmp_path / "forge.git")
    (lack,) = await made.lacking()
    assert "no repository" in lack.what and lack.remedy.endswith(".")
    await begun(tmp_path / "forge.git")
    monkeypatch.setenv("PATH", str(tmp_path))
    (lack,) = await made.lacking()
    assert "git is not installed" in lack.what
    with pytest.raises(errors.ForgeUnavailableError, match="git is not installed"):
        await made.head()


async def test_a_folder_within_another_repository_is_not_taken_for_it(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "forge.git").mkdir()
    with pytest.raises(errors.ForgeNotFoundError):
        await opened(tmp_path / "forge.git").pulls()


async def test_a_large_push_takes_few_calls_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await begun(tmp_path / "forge.git")
    head, calls = (await made.head()).commit, 0
    real = forge_git.Repository._run

    def counting(self: forge_git.Repository, *arguments: Any, **options: Any) -> bytes:
        nonlocal calls
        calls += 1
        return real(self, *arguments, **options)

    monkeypatch.setattr(forge_git.Repository, "_run", counting)
    await made.push(head, {f"{number}.txt": forge.File(b"%d" % number) for number in range(500)}, WORDS)
    assert calls < 20
