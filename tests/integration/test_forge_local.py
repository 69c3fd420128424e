"""The local forge: what a crash leaves, who writes at the same time, and what a repository may do to whoever reads it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from council.backends.forge import git as forge_git
from council.backends.forge import local
from council.domain import errors, forge

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
    return await made.branch("council/y", git(made._repository.folder, "rev-list", "--max-parents=0", "main"), put("y"), WORDS)


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
    pulls = [row for row in git(folder, "for-each-ref", "--format=%(refname)", "refs/council/pulls").splitlines()]
    return {
        "refs": git(folder, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/pull"),
        "main": git(folder, "log", "--format=%H", "main"),
        "pulls": [json.loads(git(folder, "show", f"{ref}:pull.json")) for ref in pulls],
        "comments": [json.loads(git(folder, "show", f"{ref}:comments.json")) for ref in pulls],
    }


@pytest.mark.long
@pytest.mark.parametrize("step", [branch_step, open_step, merge_step, label_step, comment_step, check_step])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_whoever_is_killed_at_any_call_of_git_is_made_good_by_asking_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step, after: bool
) -> None:
    real = forge_git.Repository._run
    whole = tmp_path / "whole.git"
    await proposed(await begun(whole))
    wanted = await step(opened(whole))
    story = seen(whole)
    for number in range(1, 100):
        folder = tmp_path / f"{number}.git"
        await proposed(await begun(folder))
        left = number

        def killing(self: forge_git.Repository, *arguments: Any, **options: Any) -> bytes:
            nonlocal left
            left -= 1
            if left == 0 and not after:
                raise KilledError
            found = real(self, *arguments, **options)
            if left == 0:
                raise KilledError
            return found

        monkeypatch.setattr(forge_git.Repository, "_run", killing)
        with contextlib_suppress():
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
