"""Every kind of forge: proposed, looked at, merged once and only as it was looked at; found again after a lost reply."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import github_description
import github_fake
from council import care_ports
from council.backends.forge import github, github_calls, local
from council.domain import errors, forge

AT_S = 1_790_000_000
FIRST = {"council.yaml": forge.File(b"a: 1\n"), "prompts/say.txt": forge.File("Grüß Gott\n".encode())}


def words(message: str = "Change something") -> forge.Words:
    return forge.Words(message, "Ann", "ann@example.org", AT_S)


def put(**files: str) -> dict[str, forge.File | None]:
    return {name.replace("__", "/") + ".txt": forge.File(text.encode()) for name, text in files.items()}


async def no_sleep(_: float) -> None:
    """Wait for nothing: the fake is always ready."""


@pytest.fixture(params=["local", "github"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[care_ports.Forge]:
    """A forge without a commit."""
    if request.param == "local":
        yield local.LocalForge(tmp_path / "forge.git", "ann", lambda: AT_S)
        return
    async with github_fake.GitHub(github_description.description()).serving() as fake:
        settings = github_calls.Settings("acme/blueprint", github_fake.TOKEN, url=fake.url)
        made = github.GitHubForge(settings, lambda: AT_S, sleep=no_sleep)
        await made.lacking()
        yield made
        await made.close()
        assert not fake.violations


@pytest.fixture
async def one(empty: care_ports.Forge) -> care_ports.Forge:
    """A forge whose main has one commit."""
    await empty.push("", FIRST, words("Begin"))
    return empty


async def proposed(one: care_ports.Forge, branch: str = "council/x", **files: str) -> tuple[int, str]:
    """Open a pull request upon main; return its number and head."""
    base = (await one.head()).commit
    head = await one.branch(branch, base, put(**(files or {"x": "x\n"})), words())
    return await one.open_pull(forge.Proposal(branch, "Change x", "Because.", frozenset({"bot"}))), head


# Commits


async def test_main_is_missing_until_its_first_commit_is_pushed(empty: care_ports.Forge) -> None:
    with pytest.raises(errors.ForgeNotFoundError):
        await empty.head()
    made = await empty.push("", FIRST, words("Begin"))
    head = await empty.head()
    assert (head.commit, head.message.strip(), head.author) == (made, "Begin", "Ann")


async def test_what_was_pushed_is_read_back_byte_for_byte(one: care_ports.Forge) -> None:
    head = (await one.head()).commit
    changes = {
        "tools/run": forge.File(b"#!/bin/sh\n", executable=True),
        "raw.bin": forge.File(bytes(range(256))),
        "empty": forge.File(b""),
        "council.yaml": None,
    }
    made = await one.push(head, changes, words())
    assert await one.file("tools/run", made) == changes["tools/run"]
    assert await one.file("raw.bin", made) == changes["raw.bin"]
    assert await one.file("empty", made) == forge.File(b"")
    assert await one.file("prompts/say.txt", made) == FIRST["prompts/say.txt"]
    assert await one.file("council.yaml", head) == FIRST["council.yaml"]
    files = await one.files(made)
    assert set(files) == {"tools/run", "raw.bin", "empty", "prompts/say.txt"}
    assert [path for path, entry in files.items() if entry.executable] == ["tools/run"]
    assert files["prompts/say.txt"] == (await one.files(head))["prompts/say.txt"]
    with pytest.raises(errors.ForgeNotFoundError):
        await one.file("council.yaml", made)


async def test_a_large_file_is_read_back(one: care_ports.Forge) -> None:
    content = b"0123456789abcdef" * 100_000
    made = await one.push((await one.head()).commit, {"large": forge.File(content)}, words())
    assert (await one.file("large", made)).content == content


async def test_main_can_be_made_to_hold_these_files_and_no_others(one: care_ports.Forge) -> None:
    before = await one.head()
    held = await one.files(before.commit)
    many: dict[str, forge.Change] = {f"many/{number}": forge.File(b"x") for number in range(forge.CHANGES_MAX + 1)}
    full = await one.push(before.commit, many, words(), whole=True)
    assert (await one.files(full)).keys() == many.keys()
    wanted: dict[str, forge.Change] = {**FIRST, "tools/run": forge.Entry(held["council.yaml"].digest, executable=True)}
    made = await one.push(full, wanted, words(), whole=True)
    assert (await one.commit(made)).parents == (full,)
    assert await one.file("tools/run", made) == forge.File(b"a: 1\n", executable=True)
    assert {path: entry.size_bytes for path, entry in (await one.files(made)).items()} == {
        "council.yaml": 5, "prompts/say.txt": 12, "tools/run": 5,
    }  # fmt: skip
    assert (await one.commit(await one.push(made, FIRST, words(), whole=True))).tree == before.tree


async def test_the_parent_of_a_pushed_commit_is_its_base(one: care_ports.Forge) -> None:
    base = await one.head()
    made = await one.commit(await one.push(base.commit, put(x="1"), words()))
    assert made.parents == (base.commit,) and made.tree != base.tree
    back = await one.commit(await one.push(made.commit, {"x.txt": None}, words()))
    assert back.tree == base.tree


async def test_a_push_upon_an_old_head_changes_nothing(one: care_ports.Forge) -> None:
    base = (await one.head()).commit
    newer = await one.push(base, put(x="1"), words())
    with pytest.raises(errors.ForgeMovedError):
        await one.push(base, put(y="2"), words())
    with pytest.raises(errors.ForgeMovedError):
        await one.push("", FIRST, words())
    assert (await one.head()).commit == newer


async def test_a_push_that_is_asked_for_again_is_done_once(one: care_ports.Forge) -> None:
    base = (await one.head()).commit
    made = [await one.push(base, put(x="1"), words()) for _ in range(2)]
    assert made[0] == made[1] == (await one.head()).commit


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a//b", "a/.git/config", ".GIT/x", "", "a\nb", "./x"])
async def test_paths_that_lead_elsewhere_are_refused(one: care_ports.Forge, path: str) -> None:
    base = (await one.head()).commit
    with pytest.raises(errors.InvalidRequestError):
        await one.push(base, {path: forge.File(b"")}, words())
    assert (await one.head()).commit == base


async def test_a_file_that_is_not_there_cannot_be_removed(one: care_ports.Forge) -> None:
    with pytest.raises(errors.InvalidRequestError):
        await one.push((await one.head()).commit, {"absent": None}, words())


async def test_a_commit_that_changes_no_file_is_refused(one: care_ports.Forge) -> None:
    with pytest.raises(errors.InvalidRequestError):
        await one.push((await one.head()).commit, {}, words())


async def test_names_that_nothing_has_are_not_found(one: care_ports.Forge) -> None:
    for name in ("no-such-branch", "0" * 40, "f" * 40):
        with pytest.raises(errors.ForgeNotFoundError):
            await one.commit(name)
        with pytest.raises(errors.ForgeNotFoundError):
            await one.files(name)
    for number in (1, 999):
        with pytest.raises(errors.ForgeNotFoundError):
            await one.pull(number)
        with pytest.raises(errors.ForgeNotFoundError):
            await one.comment(number, "k", "x")
        with pytest.raises(errors.ForgeNotFoundError):
            await one.label(number, add=["x"])
        with pytest.raises(errors.ForgeNotFoundError):
            await one.merge(number, "f" * 40, "t", "b")
        with pytest.raises(errors.ForgeNotFoundError):
            await one.close_pull(number)


@pytest.mark.parametrize(
    "said",
    [
        forge.Words("", "Ann", "ann@example.org", AT_S),
        forge.Words("a\0b", "Ann", "ann@example.org", AT_S),
        forge.Words("\ud800", "Ann", "ann@example.org", AT_S),
        forge.Words("x", "Ann\nparent 0", "ann@example.org", AT_S),
        forge.Words("x", "Ann", "ann@example.org> 1 +0000", AT_S),
        forge.Words("x", "", "ann@example.org", AT_S),
        forge.Words("x", "Ann", "ann@example.org", -1),
    ],
)
async def test_what_a_commit_cannot_say_is_refused(one: care_ports.Forge, said: forge.Words) -> None:
    with pytest.raises(errors.InvalidRequestError):
        await one.push((await one.head()).commit, put(x="1"), said)


async def test_halves_of_characters_are_shown_as_question_marks(one: care_ports.Forge) -> None:
    base = (await one.head()).commit
    head = await one.branch("council/x", base, put(x="1"), words())
    number = await one.open_pull(forge.Proposal("council/x", "t\ud800", "b\udfff"))
    await one.comment(number, "k", "c\ud800")
    await one.set_check(head, forge.Check("x", forge.CheckState.SUCCESS, "d\ud800"))
    pull = await one.pull(number)
    assert (pull.title, pull.body, (await one.comments(number))[0].body) == ("t?", "b?", "c?")
    assert (await one.checks(head))[0].description == "d?"
    made = await one.merge(number, head, "t\ud800", "b")
    assert (await one.commit(made)).message.startswith("t?")


# Branches


async def test_a_branch_asked_for_again_is_the_same_commit(one: care_ports.Forge) -> None:
    base = (await one.head()).commit
    made = [await one.branch("council/x", base, put(x="1"), words()) for _ in range(2)]
    assert made[0] == made[1] == (await one.commit("council/x")).commit
    assert (await one.head()).commit == base


async def test_a_branch_that_somebody_moved_is_left_alone(one: care_ports.Forge) -> None:
    base = (await one.head()).commit
    first = await one.branch("council/x", base, put(x="1"), words())
    with pytest.raises(errors.ForgeMovedError):
        await one.branch("council/x", base, put(x="2"), words())
    second = await one.branch("council/x", base, put(x="2"), words(), instead_of=first)
    with pytest.raises(errors.ForgeMovedError):
        await one.branch("council/x", base, put(x="3"), words(), instead_of=first)
    assert (await one.commit("council/x")).commit == second


async def test_a_branch_upon_a_commit_that_is_not_there_is_refused(one: care_ports.Forge) -> None:
    with pytest.raises(errors.ForgeNotFoundError):
        await one.branch("council/x", "f" * 40, put(x="1"), words())


@pytest.mark.parametrize("name", ["main", "", "a..b", "-x", "a/.b", "a b", "x.lock", "a/", "refs~1", "HEAD^"])
async def test_what_no_branch_of_ours_is_named_is_refused(one: care_ports.Forge, name: str) -> None:
    base = (await one.head()).commit
    with pytest.raises(errors.InvalidRequestError):
        await one.branch(name, base, put(x="1"), words())
    with pytest.raises(errors.InvalidRequestError):
        await one.delete_branch(name)
    assert (await one.head()).commit == base


async def test_a_branch_is_removed_once_and_its_pull_request_with_it(one: care_ports.Forge) -> None:
    number, head = await proposed(one)
    await one.delete_branch("council/x")
    await one.delete_branch("council/x")
    with pytest.raises(errors.ForgeNotFoundError):
        await one.commit("council/x")
    pull = await one.pull(number)
    assert (pull.state, pull.head) == (forge.PullState.CLOSED, head)
    assert (await one.commit(head)).commit == head


# A branch that shares no history with main


async def test_a_branch_upon_nothing_shares_no_history_with_main(one: care_ports.Forge) -> None:
    main = await one.head()
    made = [await one.branch("archive", "", put(README="a"), words()) for _ in range(2)]
    found = await one.commit("archive")
    assert made == [found.commit, found.commit] and found.parents == ()
    assert set(await one.files("archive")) == {"README.txt"}
    with pytest.raises(errors.ForgeMovedError):
        await one.branch("archive", "", put(README="b"), words())
    assert await one.head() == main


async def test_a_merge_is_upon_the_base_that_was_named_and_leaves_main_alone(one: care_ports.Forge) -> None:
    main = await one.head()
    root = await one.branch("archive", "", put(README="a"), words())
    head = await one.branch("logs-1", root, put(day__1="1"), words())
    number = await one.open_pull(forge.Proposal("logs-1", "A day", "b", base="archive"))
    pull = await one.pull(number)
    assert (pull.base, pull.state, pull.head) == ("archive", forge.PullState.OPEN, head)
    merged = [await one.merge(number, head, "A day", "b") for _ in range(2)]
    after = await one.commit("archive")
    assert merged == [after.commit, after.commit] and after.parents == (root,)
    assert set(await one.files("archive")) == {"README.txt", "day/1.txt"}
    assert (await one.pull(number)).merged == after.commit
    await one.delete_branch("logs-1")
    assert ((await one.pull(number)).state, await one.head()) == (forge.PullState.MERGED, main)


async def test_a_branch_without_a_history_in_common_cannot_be_proposed_for_main(one: care_ports.Forge) -> None:
    await one.branch("archive", "", put(README="a"), words())
    with pytest.raises(errors.InvalidRequestError):
        await one.open_pull(forge.Proposal("archive", "t", "b"))
    assert await one.pulls(None) == []


# Pull requests


async def test_a_pull_request_says_what_it_was_opened_with(one: care_ports.Forge) -> None:
    number, head = await proposed(one)
    assert await one.pull(number) == forge.Pull(
        number=number,
        state=forge.PullState.OPEN,
        title="Change x",
        body="Because.",
        author=one.account,
        branch="council/x",
        head=head,
        base="main",
        labels=frozenset({"bot"}),
    )
    assert one.account


async def test_a_branch_has_one_open_pull_request(one: care_ports.Forge) -> None:
    number, _ = await proposed(one)
    again = forge.Proposal("council/x", "Change x", "Because.", frozenset({"more"}))
    assert await one.open_pull(again) == number
    (pull,) = await one.pulls(None)
    assert pull.labels == {"bot", "more"}


async def test_pull_requests_are_listed_by_state_newest_first(one: care_ports.Forge) -> None:
    numbers = [(await proposed(one, f"council/{name}", **{name: "1"}))[0] for name in ("a", "b", "c", "d")]
    await one.close_pull(numbers[1])
    assert [pull.number for pull in await one.pulls()] == [numbers[3], numbers[2], numbers[0]]
    assert [pull.number for pull in await one.pulls(forge.PullState.CLOSED)] == [numbers[1]]
    assert [pull.number for pull in await one.pulls(None, limit=2)] == numbers[:1:-1]


async def test_a_branch_that_is_not_there_or_adds_nothing_cannot_be_proposed(one: care_ports.Forge) -> None:
    with pytest.raises((errors.ForgeNotFoundError, errors.InvalidRequestError)):
        await one.open_pull(forge.Proposal("council/absent", "x", "y"))
    number, head = await proposed(one)
    await one.merge(number, head, "t", "b")
    assert await one.pulls() == []


async def test_the_head_of_a_pull_request_follows_its_branch(one: care_ports.Forge) -> None:
    number, head = await proposed(one)
    base = (await one.head()).commit
    newer = await one.branch("council/x", base, put(x="newer"), words(), instead_of=head)
    pull = await one.pull(number)
    assert (pull.head, pull.state) == (newer, forge.PullState.OPEN)


async def test_a_long_title_is_cut(one: care_ports.Forge) -> None:
    head = (await one.head()).commit
    await one.branch("council/x", head, put(x="1"), words())
    number = await one.open_pull(forge.Proposal("council/x", "t" * 1000, "b"))
    assert (await one.pull(number)).title == "t" * 255 + "…"


async def test_labels_are_added_and_removed_as_often_as_asked(one: care_ports.Forge) -> None:
    number, _ = await proposed(one)
    for _ in range(2):
        assert await one.label(number, add=["freeze", "a b"]) == {"bot", "freeze", "a b"}
    assert (await one.pull(number)).labels == {"bot", "freeze", "a b"}
    for _ in range(2):
        assert await one.label(number, add=["new"], remove=["freeze", "never"]) == {"bot", "a b", "new"}
    assert (await one.pull(number)).labels == {"bot", "a b", "new"}


@pytest.mark.parametrize("label", ["", " ", "..", "x" * 51, "a\nb"])
async def test_what_is_no_label_is_refused(one: care_ports.Forge, label: str) -> None:
    number, _ = await proposed(one)
    with pytest.raises(errors.InvalidRequestError):
        await one.label(number, add=[label])


async def test_there_are_not_labels_without_end(one: care_ports.Forge) -> None:
    number, _ = await proposed(one)
    with pytest.raises(errors.InvalidRequestError):
        await one.label(number, add=[f"l{count}" for count in range(101)])


async def test_a_comment_is_said_once_a_key(one: care_ports.Forge) -> None:
    number, _ = await proposed(one)
    await one.comment(number, "outcome", "On its way.")
    await one.comment(number, "gates", "All green.")
    for _ in range(2):
        await one.comment(number, "outcome", "Applied — `cid:0123`.\n\n| a | b |")
    assert [(said.by, said.key, said.body) for said in await one.comments(number)] == [
        (one.account, "outcome", "Applied — `cid:0123`.\n\n| a | b |"),
        (one.account, "gates", "All green."),
    ]


@pytest.mark.parametrize("key", ["", "A", "a b", "-->", "x" * 51])
async def test_what_names_no_comment_is_refused(one: care_ports.Forge, key: str) -> None:
    number, _ = await proposed(one)
    with pytest.raises(errors.InvalidRequestError):
        await one.comment(number, key, "x")


async def test_closing_is_done_once_and_ends_no_merge(one: care_ports.Forge) -> None:
    number, head = await proposed(one)
    for _ in range(2):
        await one.close_pull(number)
    assert (await one.pull(number)).state is forge.PullState.CLOSED
    with pytest.raises(errors.ForgeConflictError):
        await one.merge(number, head, "t", "b")
    other, other_head = await proposed(one, "council/y", y="1")
    made = await one.merge(other, other_head, "t", "b")
    await one.close_pull(other)
    assert (await one.pull(other)).merged == made


# Checks


async def test_the_newest_check_of_a_name_counts(one: care_ports.Forge) -> None:
    _, head = await proposed(one)
    assert await one.checks(head) == []
    for state in (forge.CheckState.PENDING, forge.CheckState.FAILURE, forge.CheckState.SUCCESS):
        await one.set_check(head, forge.Check("council/gates", state, "d" * 500, "https://example.org/x"))
    await one.set_check(head, forge.Check("council/verify", forge.CheckState.FAILURE))
    found = {check.name: check for check in await one.checks(head)}
    assert found["council/gates"] == forge.Check(
        "council/gates", forge.CheckState.SUCCESS, "d" * 139 + "…", "https://example.org/x", by=one.account
    )
    assert found["council/verify"].state is forge.CheckState.FAILURE and len(found) == 2


@pytest.mark.parametrize("state", list(forge.CheckState))
async def test_check_runs_are_told_beside_statuses(one: care_ports.Forge, state: forge.CheckState) -> None:
    _, head = await proposed(one)
    await one.set_check(head, forge.Check("council/gates", forge.CheckState.PENDING))
    for each in (forge.CheckState.PENDING, state):
        await one.set_check(head, forge.Check("council/gates", each, "seen", kind=forge.CheckKind.RUN))
    found = {(check.kind, check.name): check for check in await one.checks(head)}
    assert len(found) == 2
    assert found[forge.CheckKind.RUN, "council/gates"].state is state
    assert found[forge.CheckKind.RUN, "council/gates"].description == "seen"
    assert found[forge.CheckKind.RUN, "council/gates"].by
    assert found[forge.CheckKind.STATUS, "council/gates"].state is forge.CheckState.PENDING


async def test_checks_belong_to_one_commit(one: care_ports.Forge) -> None:
    _, head = await proposed(one)
    await one.set_check(head, forge.Check("council/gates", forge.CheckState.SUCCESS))
    assert await one.checks((await one.head()).commit) == []
    with pytest.raises(errors.ForgeNotFoundError):
        await one.set_check("f" * 40, forge.Check("council/gates", forge.CheckState.SUCCESS))


async def test_a_status_is_never_neutral(one: care_ports.Forge) -> None:
    _, head = await proposed(one)
    with pytest.raises(errors.InvalidRequestError):
        await one.set_check(head, forge.Check("council/gates", forge.CheckState.NEUTRAL))


@pytest.mark.parametrize(
    "check",
    [
        forge.Check("", forge.CheckState.SUCCESS),
        forge.Check("a\nb", forge.CheckState.SUCCESS),
        forge.Check("x", forge.CheckState.SUCCESS, url="javascript:alert(1)"),
        forge.Check("x", forge.CheckState.SUCCESS, url="https://example.org/\ud800"),
    ],
)
async def test_what_is_no_check_is_refused(one: care_ports.Forge, check: forge.Check) -> None:
    _, head = await proposed(one)
    with pytest.raises(errors.InvalidRequestError):
        await one.set_check(head, check)


# Merging


async def test_a_merge_is_one_commit_upon_main_with_what_was_proposed(one: care_ports.Forge) -> None:
    base = await one.head()
    number, head = await proposed(one)
    made = await one.merge(number, head, "Change x (cid:0123)", "Because.\n\nIt was asked for.")
    merged = await one.head()
    assert merged.commit == made and merged.parents == (base.commit,)
    assert merged.tree == (await one.commit(head)).tree
    assert merged.message.strip() == "Change x (cid:0123)\n\nBecause.\n\nIt was asked for."
    pull = await one.pull(number)
    assert (pull.state, pull.merged, pull.head) == (forge.PullState.MERGED, made, head)


async def test_a_merge_that_is_asked_for_again_is_done_once(one: care_ports.Forge) -> None:
    number, head = await proposed(one)
    made = await one.merge(number, head, "t", "b")
    later = await one.push(made, put(z="later"), words())
    assert await one.merge(number, head, "t", "b") == made
    assert (await one.head()).commit == later


async def test_what_was_not_looked_at_is_not_merged(one: care_ports.Forge) -> None:
    base = (await one.head()).commit
    number, head = await proposed(one)
    newer = await one.branch("council/x", base, put(x="evil"), words(), instead_of=head)
    with pytest.raises(errors.ForgeMovedError):
        await one.merge(number, head, "t", "b")
    assert (await one.head()).commit == base
    await one.merge(number, newer, "t", "b")
    with pytest.raises(errors.ForgeMovedError):
        await one.merge(number, head, "t", "b")


async def test_a_merge_after_main_moved_holds_both(one: care_ports.Forge) -> None:
    number, head = await proposed(one, x="1")
    moved = await one.push((await one.head()).commit, put(other="2"), words())
    made = await one.commit(await one.merge(number, head, "t", "b"))
    assert made.parents == (moved,)
    assert {"x.txt", "other.txt"} <= set(await one.files(made.commit))


async def test_a_merge_of_what_main_changed_too_is_a_conflict(one: care_ports.Forge) -> None:
    number, head = await proposed(one, x="1\n")
    moved = await one.push((await one.head()).commit, put(x="2\n"), words())
    with pytest.raises(errors.ForgeConflictError):
        await one.merge(number, head, "t", "b")
    assert (await one.head()).commit == moved
    anew = await one.branch("council/x", moved, put(x="1\n"), words(), instead_of=head)
    made = await one.merge(number, anew, "t", "b")
    assert (await one.file("x.txt", made)).content == b"1\n"


async def test_a_merged_branch_can_be_removed_and_the_pull_request_stays_merged(one: care_ports.Forge) -> None:
    number, head = await proposed(one)
    made = await one.merge(number, head, "t", "b")
    await one.delete_branch("council/x")
    pull = await one.pull(number)
    assert (pull.state, pull.merged, pull.head) == (forge.PullState.MERGED, made, head)
    assert await one.merge(number, head, "t", "b") == made


# News


async def test_news_begin_with_all_that_is_open(one: care_ports.Forge) -> None:
    closed, _ = await proposed(one, "council/a", a="1")
    await one.close_pull(closed)
    number, _ = await proposed(one)
    news = await one.news()
    assert [pull.number for pull in news.pulls] == [number] and news.main == (await one.head()).commit
    assert news.cursor


async def test_where_nothing_changed_there_is_no_news(one: care_ports.Forge) -> None:
    await proposed(one)
    before = await one.news()
    after = await one.news(before.cursor)
    assert (after.pulls, after.main) == ((), before.main)


async def test_every_change_of_a_pull_request_is_news(one: care_ports.Forge) -> None:
    number, head = await proposed(one)
    news = await one.news()
    base = news.main
    newer = await one.branch("council/x", base, put(x="newer"), words(), instead_of=head)
    news = await one.news(news.cursor)
    assert [(pull.number, pull.head) for pull in news.pulls] == [(number, newer)]
    await one.label(number, add=["freeze"])
    news = await one.news(news.cursor)
    assert "freeze" in news.pulls[0].labels
    made = await one.merge(number, newer, "t", "b")
    news = await one.news(news.cursor)
    assert news.main == made
    assert {pull.number: pull.state for pull in news.pulls} == {number: forge.PullState.MERGED}
    quick, quick_head = await proposed(one, "council/y", y="1")
    await one.merge(quick, quick_head, "t", "b")
    news = await one.news(news.cursor)
    assert {pull.number: pull.state for pull in news.pulls}[quick] is forge.PullState.MERGED


async def test_of_main_alone_a_pull_request_is_no_news(one: care_ports.Forge) -> None:
    news = await one.news(of_main=True)
    await proposed(one)
    assert await one.news(news.cursor, of_main=True) == news == forge.News(news.cursor, (await one.head()).commit)
    made = await one.push(news.main, put(z="1"), words())
    after = await one.news(news.cursor, of_main=True)
    assert after.main == made and after.cursor != news.cursor


async def test_before_there_is_anything_there_is_no_news(empty: care_ports.Forge) -> None:
    assert (await empty.news(of_main=True)).main == ""


async def test_a_push_to_main_is_news(one: care_ports.Forge) -> None:
    news = await one.news()
    made = await one.push(news.main, put(x="1"), words())
    assert (await one.news(news.cursor)).main == made


@pytest.mark.parametrize("cursor", ["garbage", "a:b:c", "::", '{"x": 1}', "\0"])
async def test_a_cursor_that_is_none_of_ours_begins_anew(one: care_ports.Forge, cursor: str) -> None:
    number, _ = await proposed(one)
    assert [pull.number for pull in (await one.news(cursor)).pulls] == [number]


# Rights


async def test_an_account_that_may_do_all_lacks_nothing(one: care_ports.Forge) -> None:
    before = (await one.head(), await one.pulls(None))
    assert await one.lacking() == []
    assert (await one.head(), await one.pulls(None)) == before
