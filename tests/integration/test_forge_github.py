"""GitHub when it is not well: replies that get lost, limits, pages, answers that make no sense, tokens that may not."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

import github_description
import github_fake
from council.backends.forge import github, github_calls, github_forms, local
from council.domain import errors, forge
from github_fake import Fault, GitHub

AT_S = 1_790_000_000
WORDS = forge.Words("Change something", "Ann", "ann@example.org", AT_S)
Act = Callable[[github.GitHubForge], Coroutine[Any, Any, Any]]


def put(text: str, name: str = "x.txt") -> dict[str, forge.File | None]:
    return {name: forge.File(text.encode())}


class Waits(list[float]):
    """What was waited for, and a clock that moves with it."""

    def now_s(self) -> float:
        return AT_S + sum(self)

    async def sleep(self, wait_s: float) -> None:
        self.append(wait_s)


@pytest.fixture
async def fake() -> AsyncIterator[GitHub]:
    async with GitHub(github_description.description()).serving() as made:
        yield made
        assert not made.violations


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
async def hub(fake: GitHub, waits: Waits) -> AsyncIterator[github.GitHubForge]:
    made = opened(fake, waits)
    yield made
    await made.close()


def opened(fake: GitHub, waits: Waits, **values: Any) -> github.GitHubForge:
    usual = {"repository": "acme/blueprint", "token": github_fake.TOKEN, "url": fake.url}
    settings = github_calls.Settings(**{**usual, **values})
    return github.GitHubForge(settings, waits.now_s, sleep=waits.sleep)


async def proposed(hub: github.GitHubForge) -> tuple[int, str]:
    base = await hub.push("", put("0", "first.txt"), WORDS)
    head = await hub.branch("council/x", base, put("x\n"), WORDS)
    return await hub.open_pull(forge.Proposal("council/x", "t", "b")), head


def changes(fake: GitHub) -> list[str]:
    return [line for line, status in fake.seen if not line.startswith("GET") and 0 < status < 400]


# Replies that get lost


async def story(hub: github.GitHubForge) -> list[Any]:
    """All that a bot's pull request needs, from nothing to its end."""
    base = await hub.push("", put("0", "first.txt"), WORDS)
    first = await hub.branch("council/x", base, put("1"), WORDS)
    number = await hub.open_pull(forge.Proposal("council/x", "t", "b", frozenset({"bot"})))
    head = await hub.branch("council/x", base, {**put("2"), "raw": forge.File(b"\0")}, WORDS, instead_of=first)
    labels = await hub.label(number, add=["new"], remove=["bot"])
    await hub.set_check(head, forge.Check("gates", forge.CheckState.SUCCESS))
    await hub.set_check(head, forge.Check("gates", forge.CheckState.SUCCESS, kind=forge.CheckKind.RUN))
    await hub.comment(number, "outcome", "On its way.")
    await hub.comment(number, "outcome", "Applied.")
    merged = await hub.merge(number, head, "t", "b")
    await hub.delete_branch("council/x")
    other = await hub.branch("council/y", merged, put("3"), WORDS)
    closed = await hub.open_pull(forge.Proposal("council/y", "t", "b"))
    await hub.close_pull(closed)
    last = await hub.push(merged, put("4"), WORDS)
    return [number, head, labels, merged, other, closed, last, await hub.checks(head), await hub.comments(number)]


def left(fake: GitHub) -> dict[str, Any]:
    """Return what the story leaves, but for how often the same was said."""
    return {
        "refs": fake.refs,
        "pulls": [(one.state, one.merged, one.head, sorted(one.labels)) for one in fake.pulls.values()],
        "comments": [(one["number"], one["row"]["body"]) for one in fake.comments],
        "main": fake._line(fake.refs["refs/heads/main"]),
    }


@pytest.mark.long
@pytest.mark.parametrize(
    "fault",
    [
        Fault("", after=True),
        Fault("", after=True, is_drop=True),
        Fault("", after=False, is_drop=True),
        Fault("", status=200, body=b"<html>Sign in to the hotel</html>", after=True),
        Fault("", status=429, headers={"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, body=b"{}"),
    ],
    ids=lambda fault: f"{'after' if fault.after else 'before'} {'drop' if fault.is_drop else fault.status}",
)
async def test_whatever_request_is_struck_the_story_ends_the_same(fault: Fault, waits: Waits) -> None:
    async with GitHub().serving() as whole:
        hub = opened(whole, waits)
        wanted, wanted_left, count = await story(hub), left(whole), len(whole.seen)
        await hub.close()
    assert len(wanted_left["main"]) == 3
    for number in range(count):
        async with GitHub().serving() as fake:
            hub, struck = opened(fake, waits), Fault(**{**vars(fault), "times": 0})
            fake.faults.append(struck)
            fake.on_request = lambda count, struck=struck, number=number: setattr(struck, "times", int(count == number))
            assert await story(hub) == wanted, f"request {number}"
            assert left(fake) == wanted_left, f"request {number}"
            await hub.close()


@pytest.mark.parametrize("is_drop", [False, True])
async def test_a_merge_whose_reply_was_lost_is_one_merge(fake: GitHub, hub: github.GitHubForge, is_drop: bool) -> None:
    number, head = await proposed(hub)
    fake.faults.append(Fault("PUT .*/merge", after=True, is_drop=is_drop))
    made = await hub.merge(number, head, "t", "b")
    assert (await hub.head()).commit == made
    assert len([line for line in changes(fake) if line.endswith("/merge")]) == 1


async def test_a_merge_that_never_answers_is_nobody_knows(fake: GitHub, hub: github.GitHubForge) -> None:
    number, head = await proposed(hub)
    fake.faults.append(Fault("PUT .*/merge", times=99))
    with pytest.raises(errors.ForgeUnavailableError):
        await hub.merge(number, head, "t", "b")
    assert (await hub.pull(number)).state is forge.PullState.OPEN


async def test_a_merge_is_asked_for_again_where_main_moved_just_then(fake: GitHub, hub: github.GitHubForge) -> None:
    number, head = await proposed(hub)
    moved = json.dumps({"message": "Base branch was modified. Review and try the merge again."}).encode()
    fake.faults.append(Fault("PUT .*/merge", status=405, body=moved, times=3))
    assert await hub.merge(number, head, "t", "b") == (await hub.head()).commit


async def test_a_conflict_is_not_asked_for_for_ever(fake: GitHub, hub: github.GitHubForge) -> None:
    number, head = await proposed(hub)
    await hub.push((await hub.head()).commit, put("other"), WORDS)
    with pytest.raises(errors.ForgeConflictError, match="merge conflicts"):
        await hub.merge(number, head, "t", "b")
    assert len([line for line, _ in fake.seen if line.endswith("/merge")]) == 2


async def test_main_that_moves_between_look_and_push_is_told(
    fake: GitHub, hub: github.GitHubForge, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = await hub.push("", put("0"), WORDS)
    real = fake.patch_ref

    def raced(ref: str, body: Any) -> Any:
        who = {"name": "Bob", "email": "bob@example.org", "date": fake.date()}
        fake.refs["refs/heads/main"] = fake.add_commit(fake.commits[base]["tree"]["sha"], [base], "Mine", who)
        return real(ref, body)

    monkeypatch.setattr(fake, "patch_ref", raced)
    with pytest.raises(errors.ForgeMovedError):
        await hub.push(base, put("1"), WORDS)
    assert (await hub.head()).author == "Bob"


async def test_an_empty_repository_begins_with_the_first_commit_alone(fake: GitHub, hub: github.GitHubForge) -> None:
    fake.faults.append(Fault("POST .*/git/commits", times=99))
    with pytest.raises(errors.ForgeUnavailableError):
        await hub.push("", put("0", "a/b.txt"), WORDS)
    fake.faults.clear()
    made = await hub.push("", put("0", "a/b.txt"), WORDS)
    assert (await hub.head()).parents == () and await hub.push("", put("0", "a/b.txt"), WORDS) == made


async def test_what_others_began_is_not_replaced(fake: GitHub, hub: github.GitHubForge) -> None:
    made = await hub.push("", put("theirs"), WORDS)
    with pytest.raises(errors.ForgeMovedError):
        await hub.push("", put("ours"), WORDS)
    assert fake.refs == {"refs/heads/main": made}


# Limits


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        (Fault("", 429, {"retry-after": "7"}, b"{}"), 7),
        (Fault("", 403, {"retry-after": "0"}, b"{}"), 1),
        (Fault("", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(AT_S + 9)}, b"{}"), 10),
        (Fault("", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(AT_S - 9)}, b"{}"), 1),
    ],
)
async def test_a_limit_that_is_soon_over_is_waited_for(
    fake: GitHub, hub: github.GitHubForge, waits: Waits, fault: Fault, wait_s: float
) -> None:
    await hub.push("", put("0"), WORDS)
    fake.faults.append(fault)
    fault.times = 1
    await hub.head()
    assert len(waits) == 1 and wait_s <= waits[0] <= wait_s + 1


@pytest.mark.parametrize(
    ("fault", "wait_s"),
    [
        (Fault("", 429, {"retry-after": "3600"}, b"{}"), 3600),
        (Fault("", 403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(AT_S + 1800)}, b"{}"), 1801),
        (Fault("", 403, {}, b'{"message": "You have exceeded a secondary rate limit."}'), 60),
        (Fault("", 429, {}, b""), 60),
        (Fault("", 429, {"retry-after": "9" * 30}, b"{}"), 86_400),
    ],
)
async def test_a_limit_that_lasts_is_told_and_github_left_alone_until_then(
    fake: GitHub, hub: github.GitHubForge, waits: Waits, fault: Fault, wait_s: int
) -> None:
    await hub.push("", put("0"), WORDS)
    fake.faults.append(fault)
    fault.times = 1
    with pytest.raises(errors.ForgeLimitedError) as told:
        await hub.head()
    assert told.value.retry_after_s == wait_s and not waits
    count = len(fake.seen)
    with pytest.raises(errors.ForgeLimitedError):
        await hub.news()
    assert len(fake.seen) == count
    waits.append(wait_s)
    await hub.head()


async def test_a_limit_without_end_is_told(fake: GitHub, hub: github.GitHubForge) -> None:
    fake.faults.append(Fault("", 403, {"retry-after": "0"}, b"{}", times=1000))
    with pytest.raises(errors.ForgeLimitedError):
        await hub.head()
    assert len(fake.seen) < 10


async def test_a_server_that_is_away_is_asked_a_few_times_with_growing_waits(
    fake: GitHub, hub: github.GitHubForge, waits: Waits
) -> None:
    fake.faults.append(Fault("", 502, times=1000))
    with pytest.raises(errors.ForgeUnavailableError, match="status 502"):
        await hub.head()
    assert len(fake.seen) == 4 and len(waits) == 3
    assert 0.25 <= waits[0] <= 0.5 and 1 <= waits[2] <= 2


async def test_nobody_at_the_address_is_an_error_of_ours(waits: Waits) -> None:
    hub = opened(GitHub(), waits, url="http://127.0.0.1:1")
    with pytest.raises(errors.ForgeUnavailableError):
        await hub.head()
    await hub.close()


async def test_a_poll_without_news_costs_nothing_of_the_limit(fake: GitHub, hub: github.GitHubForge) -> None:
    await proposed(hub)
    news = await hub.news()
    fake.seen.clear()
    assert await hub.news(news.cursor) == forge.News(news.cursor, news.main)
    assert [status for _, status in fake.seen] == [304, 304]
    news = await hub.news(of_main=True)
    fake.seen.clear()
    assert await hub.news(news.cursor, of_main=True) == news
    assert fake.seen == [("GET /repos/acme/blueprint/git/ref/heads/main", 304)]


# Pages


async def test_everything_is_read_over_all_its_pages(fake: GitHub, hub: github.GitHubForge) -> None:
    number, head = await proposed(hub)
    first = fake.pulls[number]
    for count in range(2, 251):
        fake.pulls[count] = github_fake.Pull(count, "t", "b", "bob", f"b{count}", "main", first.head, fake.now_s)
    for count in range(250):
        fake.statuses.append(
            {
                "at": head,
                "row": {
                    "id": count,
                    "state": "success",
                    "context": f"c{count}",
                    "description": None,
                    "target_url": None,
                    "creator": {"login": "ann"},
                },
            }
        )
    for count in range(120):
        await hub.comment(2, f"k{count}", "x") if count == 0 else fake.post_comment("2", {"body": f"{count}"})
    assert [pull.number for pull in await hub.pulls(limit=250)] == list(range(250, 0, -1))
    assert len(await hub.pulls(limit=30)) == 30
    assert len(await hub.checks(head)) == 250
    assert len(await hub.comments(2)) == 120
    news = await hub.news()
    assert len(news.pulls) == 250
    fake.now_s += 1
    for count in range(1, 201):
        fake._change(fake.pulls[count], title="changed")
    assert {pull.number for pull in (await hub.news(news.cursor)).pulls} >= set(range(1, 201))


# What GitHub says


async def test_commits_have_the_same_names_here_and_there(
    fake: GitHub, hub: github.GitHubForge, tmp_path: Path
) -> None:
    here = local.LocalForge(tmp_path / "forge.git", "ann", lambda: AT_S)
    files = {"a/b.txt": forge.File(b"1"), "a.txt": forge.File(b"2"), "run": forge.File(b"#!", executable=True)}
    names = [await each.push("", files, WORDS) for each in (hub, here)]
    assert names[0] == names[1]
    names = [await each.branch("council/x", names[0], put("x"), WORDS) for each in (hub, here)]
    assert names[0] == names[1]


@pytest.mark.parametrize("repository", ["someone/blueprint", None])
async def test_a_pull_request_from_elsewhere_says_so(
    fake: GitHub, hub: github.GitHubForge, repository: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = await proposed(hub)
    assert not (await hub.pull(number)).foreign
    data = fake._pull(fake.pulls[number])
    data["head"]["repo"] = repository and {"full_name": repository}
    assert github_forms.pull(data).foreign


async def test_labels_that_differ_in_case_are_githubs_own(fake: GitHub, hub: github.GitHubForge) -> None:
    number, _ = await proposed(hub)
    await hub.label(number, add=["Freeze"])
    assert await hub.label(number, add=["freeze"]) == {"Freeze"}


async def test_what_another_account_said_under_a_key_is_left_alone(fake: GitHub, hub: github.GitHubForge) -> None:
    number, _ = await proposed(hub)
    fake.user = "mallory"
    fake.post_comment(str(number), {"body": github_forms.comment_told("outcome", "All is well.")})
    fake.user = "ann"
    await hub.comment(number, "outcome", "Refused.")
    assert [(one.by, one.body) for one in await hub.comments(number)] == [
        ("mallory", "All is well."),
        ("ann", "Refused."),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'"x"',
        b"<html>",
        b'{"sha": "../../x", "tree": {"sha": "y"}, "parents": [], "message": "", "author": null}',
        b'{"object": {"sha": "0123"}}',
        b'{"object": {"sha": 7}}',
        b"[" * 5000,
    ],
)
@pytest.mark.parametrize("status", [200, 304])
async def test_an_answer_that_makes_no_sense_is_an_error_of_ours(
    fake: GitHub, hub: github.GitHubForge, body: bytes, status: int
) -> None:
    await proposed(hub)
    fake.faults.append(Fault("GET", status, body=body, times=1000))
    acts: list[Act] = [
        lambda hub: hub.head(),
        lambda hub: hub.pull(1),
        lambda hub: hub.pulls(),
        lambda hub: hub.checks("main"),
        lambda hub: hub.comments(1),
        lambda hub: hub.files("main"),
    ]
    for act in acts:
        # A list may well be empty, which is no list of nonsense.
        try:
            assert await act(hub) == []
        except errors.ForgeUnavailableError:
            pass


@pytest.mark.parametrize(
    "content", [b"plain\n", b"\xef\xbb\xbfbom\r\n", b"\x00", b"\xff", b"x" * 300_000, "ü".encode()]
)
async def test_files_arrive_as_they_are_whichever_way_they_go(
    fake: GitHub, hub: github.GitHubForge, content: bytes
) -> None:
    made = await hub.push("", {"x": forge.File(content)}, WORDS)
    assert (await hub.file("x", made)).content == content
    assert content in fake.blobs.values()


# Tokens


async def test_a_token_that_github_does_not_know_is_told_without_itself(
    fake: GitHub, waits: Waits, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "ghp_" + "s3cr3t" * 5
    hub = opened(fake, waits, token=wrong)
    with pytest.raises(errors.ForgeForbiddenError) as told:
        await hub.head()
    (lack,) = await hub.lacking()
    await hub.close()
    everything = f"{told.value!r} {told.value.message} {told.value.detail} {lack} {caplog.text} {hub.name} {vars(hub)}"
    assert wrong not in everything
    assert wrong not in repr(github_calls.Settings("acme/blueprint", wrong))


@pytest.mark.parametrize(
    ("scopes", "private", "lacks"),
    [
        ("repo", True, 1),
        ("repo, workflow", True, 0),
        ("public_repo, workflow", False, 0),
        ("public_repo, workflow", True, 1),
        ("", True, 2),
        ("gist, workflow", False, 1),
        ("repository", True, 2),
    ],
)
async def test_the_scopes_of_a_classic_token_are_read(
    fake: GitHub, hub: github.GitHubForge, scopes: str, private: bool, lacks: int
) -> None:
    await proposed(hub)
    fake.scopes, fake.repository["private"] = scopes, private
    found = await hub.lacking()
    assert len(found) == lacks and hub.account == "ann"
    assert all("scope" in lack.what and lack.remedy.endswith(".") for lack in found)


@pytest.mark.parametrize(
    ("missing", "word"),
    [
        ("contents", "commit files"),
        ("pulls", "open and close pull requests"),
        ("statuses", "tell statuses"),
        ("workflows", "change of the workflow"),
    ],
)
async def test_what_a_fine_grained_token_may_not_is_found_without_changing_anything(
    fake: GitHub, hub: github.GitHubForge, missing: str, word: str
) -> None:
    await proposed(hub)
    fake.scopes = None
    before = (dict(fake.refs), dict(fake.pulls), list(fake.statuses), len(fake.commits))
    assert await hub.lacking() == []
    fake.may.discard(missing)
    (lack,) = await hub.lacking()
    assert word in lack.what and lack.remedy.endswith(".")
    assert (fake.refs, fake.pulls, fake.statuses, len(fake.commits)) == before


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"archived": True}, "archived"),
        ({"default_branch": "trunk"}, "`trunk`"),
        ({"allow_squash_merge": False}, "squash"),
        ({"permissions": {"push": False, "pull": True, "admin": False}}, "may not write"),
    ],
)
async def test_what_a_repository_does_not_allow_is_found(
    fake: GitHub, hub: github.GitHubForge, values: dict[str, Any], word: str
) -> None:
    fake.repository |= values
    (lack,) = await hub.lacking()
    assert word in lack.what


async def test_an_app_has_to_be_told_its_name(fake: GitHub, hub: github.GitHubForge, waits: Waits) -> None:
    number, _ = await proposed(hub)
    fake.is_app, fake.scopes = True, None
    (lack,) = await hub.lacking()
    assert "whose the token is" in lack.what
    with pytest.raises(errors.ForgeForbiddenError):
        await hub.comment(number, "outcome", "x")
    named = opened(fake, waits, account="council-ci[bot]")
    assert await named.lacking() == [] and named.account == "council-ci[bot]"
    await named.close()


async def test_a_repository_that_the_token_does_not_see_is_told(fake: GitHub, waits: Waits) -> None:
    hub = opened(fake, waits, repository="acme/other")
    (lack,) = await hub.lacking()
    assert "does not see acme/other" in lack.what
    await hub.close()


async def test_what_the_token_may_not_is_told_with_what_it_needs(fake: GitHub, hub: github.GitHubForge) -> None:
    fake.faults.append(
        Fault("", 403, {"x-accepted-github-permissions": "contents=write"}, b'{"message": "Resource not accessible"}')
    )
    with pytest.raises(errors.ForgeForbiddenError, match="contents=write"):
        await hub.head()


async def test_the_token_goes_nowhere_else(fake: GitHub, hub: github.GitHubForge, waits: Waits) -> None:
    async with GitHub().serving() as other:
        fake.faults.append(Fault("", 301, {"location": f"{other.url}/repositories/1"}, b"{}", times=1000))
        with pytest.raises(errors.ForgeNotFoundError, match="moved"):
            await hub.pull(1)
        assert not other.seen


@pytest.mark.parametrize(
    "url",
    [
        "http://github.example/api/v3",
        "https://ann:pass@github.example",
        "https://github.example/?x=1",
        "ftp://github.example",
        "github.example",
        "",
        "http://127.0.0.1.example.org",
        "https://",
        "https://[",
    ],
)
def test_an_address_that_would_give_the_token_away_is_refused(url: str) -> None:
    with pytest.raises(errors.ConfigError):
        github.GitHubForge(github_calls.Settings("acme/blueprint", "t", url=url), lambda: AT_S)


@pytest.mark.parametrize(
    "repository", ["acme", "acme/", "/x", "a/b/c", "../x", "acme/..", "acme/x y", "acme/x?y", "-a/b"]
)
def test_what_is_no_repository_is_refused(repository: str) -> None:
    with pytest.raises(errors.ConfigError):
        github.GitHubForge(github_calls.Settings(repository, "t"), lambda: AT_S)


async def test_words_of_githubs_are_cut_to_a_line(fake: GitHub, hub: github.GitHubForge) -> None:
    said = json.dumps({"message": "no\n\x1b[31m" + "x" * 10_000}).encode()
    fake.faults.append(Fault("", 422, body=said))
    with pytest.raises(errors.InvalidRequestError) as told:
        await hub.pull(1)
    assert "\x1b" not in told.value.message and "\n" not in told.value.message and len(told.value.message) < 400
