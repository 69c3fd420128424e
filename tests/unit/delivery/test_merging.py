"""A pull request is merged once, for the head that was checked, and only while nothing speaks against it."""

import asyncio
import dataclasses
import itertools
import shutil
from pathlib import Path

import pytest

from council import homes
from council.backends.forge import local
from council.delivery import merging, proposals
from council.delivery.merging import Refusal
from council.domain import authz, errors, forge

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
WORDS = forge.Words("Say it", "Ann", "ann@example.org", 1_790_000_000)
CI = frozenset({(forge.CheckKind.STATUS, "ci")})


class Repository(local.LocalForge):
    """The local forge, whose pull requests look as `looks` says."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "ci", lambda: WORDS.at_s)
        self.looks: dict[str, object] = {}

    async def pull(self, number: int) -> forge.Pull:
        return dataclasses.replace(await super().pull(number), **self.looks)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("forge") / "forge.git"
    asyncio.run(make(Repository(folder)))
    return folder


@pytest.fixture
def there(made_once: Path, tmp_path: Path) -> Repository:
    """A forge with the pull request #1 of one commit, every check of it green."""
    return Repository(Path(shutil.copytree(made_once, tmp_path / "forge.git")))


async def make(made: Repository) -> None:
    policy = forge.File(homes.default_files()[authz.FILE].replace(b"freeze_label: freeze", b"freeze_label: halt"))
    await made.push("", {authz.FILE: policy, "a.txt": forge.File(b"a\n")}, WORDS)
    await proposed(made, "a", b"b\n")


async def proposed(there: Repository, branch: str, content: bytes) -> str:
    base = (await there.head()).commit
    head = await there.branch(branch, base, {f"{branch}.txt": forge.File(content)}, WORDS)
    await there.open_pull(forge.Proposal(branch, "Say it", "So."))
    for name in proposals.Name:
        await there.set_check(head, forge.Check(name, forge.CheckState.SUCCESS))
    return head


async def refusal(there: Repository, head: str = "", tellers: frozenset[proposals.Teller] = CI) -> str:
    before = (await there.head()).commit
    with pytest.raises(errors.InvalidRequestError) as refused:
        await merging.merge(there, 1, head, tellers)
    assert (await there.head()).commit == before
    return refused.value.reason


async def test_what_is_green_is_merged_once_however_often_it_is_asked(there: Repository) -> None:
    head = (await there.pull(1)).head
    made = await merging.merge(there, 1, head, CI)
    assert (await there.head()).commit == made
    assert await merging.merge(there, 1, head, CI) == made
    assert await merging.merge(there, 1, "", CI) == made


async def test_every_check_must_be_green(there: Repository) -> None:
    head = (await there.pull(1)).head
    for name, state in zip(proposals.Name, itertools.cycle([forge.CheckState.FAILURE, forge.CheckState.PENDING])):
        await there.set_check(head, forge.Check(name, state))
        assert await refusal(there) == Refusal.CHECKS
        await there.set_check(head, forge.Check(name, forge.CheckState.SUCCESS))


async def test_what_others_tell_is_no_check(there: Repository) -> None:
    assert await refusal(there, tellers=frozenset({(forge.CheckKind.STATUS, "github-actions")})) == Refusal.CHECKS


async def test_a_status_by_somebody_who_is_named_as_the_app_is_no_check_run_of_it(there: Repository) -> None:
    assert await refusal(there, tellers=frozenset({(forge.CheckKind.RUN, "ci")})) == Refusal.CHECKS
    head = (await there.pull(1)).head
    for name in proposals.Name:
        await there.set_check(head, forge.Check(name, forge.CheckState.SUCCESS, kind=forge.CheckKind.RUN))
    await merging.merge(there, 1, head, {(forge.CheckKind.RUN, "ci")})


async def test_checks_are_those_of_the_head_alone(there: Repository) -> None:
    old = (await there.pull(1)).head
    await there.branch("a", (await there.head()).commit, {"a.txt": forge.File(b"c\n")}, WORDS, instead_of=old)
    assert await refusal(there, head=old) == Refusal.HEAD_MOVED
    assert await refusal(there) == Refusal.CHECKS


async def test_upon_another_main_it_is_something_else_than_was_tried(there: Repository) -> None:
    await there.push((await there.head()).commit, {"c.txt": forge.File(b"c\n")}, WORDS)
    assert await refusal(there) == Refusal.BASE_MOVED


async def test_the_label_that_the_policy_of_main_names_stops_it(there: Repository) -> None:
    await there.label(1, add=["freeze"])
    await there.label(1, add=["halt"])
    assert await refusal(there) == Refusal.FREEZE_LABEL
    await there.label(1, remove=["halt"])
    assert await merging.merge(there, 1, "", CI)


async def test_the_label_on_another_pull_request_stops_it_too(there: Repository) -> None:
    await proposed(there, "other", b"x\n")
    await there.label(2, add=["halt"])
    assert await refusal(there) == Refusal.FREEZE_LABEL
    await there.close_pull(2)
    assert await merging.merge(there, 1, "", CI)


async def test_where_not_all_that_is_open_can_be_seen_nothing_is_merged(
    there: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    await proposed(there, "other", b"x\n")
    monkeypatch.setattr(forge, "ROWS_MAX", 2)
    assert await refusal(there) == Refusal.FREEZE_LABEL


@pytest.mark.parametrize(
    ("looks", "reason"),
    [
        ({"foreign": True}, Refusal.FOREIGN),
        ({"base": "next"}, Refusal.OTHER_BASE),
        ({"state": forge.PullState.CLOSED}, Refusal.CLOSED),
    ],
)
async def test_what_is_not_for_main_from_here_is_refused(
    there: Repository, looks: dict[str, object], reason: Refusal
) -> None:
    there.looks = looks
    assert await refusal(there) == reason


async def test_a_repository_without_a_policy_has_the_label_of_the_default_one(tmp_path: Path) -> None:
    made = Repository(tmp_path / "forge.git")
    await made.push("", {"a.txt": forge.File(b"a\n")}, WORDS)
    await proposed(made, "a", b"b\n")
    await made.label(1, add=["freeze"])
    assert await refusal(made) == Refusal.FREEZE_LABEL
