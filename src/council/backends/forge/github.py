"""Forge kind `github`: a repository on GitHub or GitHub Enterprise over REST.

A request may be carried out and its reply lost. So whatever changes something is either the same when it is done twice (objects
of git have the name of what they hold, statuses and labels are what was said last), or what there is is looked at before it is
asked for again (refs, pull requests, comments, merges).

GitHub has no comparing exchange of a ref over REST: between the look at a branch of ours and its change another may change it.
main is only ever moved onwards, which GitHub checks, and a merge names the commit that was looked at.
"""

import asyncio
import base64
import contextlib
import dataclasses
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from council.backends.forge import github_calls, github_forms, github_rights
from council.backends.forge.github_calls import quoted
from council.domain import errors, forge
from council.kit import commits

_MERGE_TRIES = 4
_NEWS_ROWS = 30
_COMMITS_KEPT = 4
_MAIN = f"heads/{forge.MAIN}"
_CURSOR_KEYS = {"main", "main_etag", "pulls_etag", "updated"}
_BEGIN = "Begin (this commit is replaced by the first)"
_State = forge.PullState


class GitHubForge:
    """Implements care_ports.Forge. `now_s` gives Unix seconds, `sleep` and `rng` space out tries."""

    def __init__(
        self,
        settings: github_calls.Settings,
        now_s: Callable[[], float],
        *,
        rng: random.Random | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        if not forge.is_repository(settings.repository):
            raise errors.ConfigError(f"{settings.repository[:200]!r} is no repository on GitHub. Write OWNER/NAME.")
        self._repository = settings.repository
        self._at = f"/repos/{settings.repository}"
        self._calls = github_calls.Calls(settings, now_s, rng=rng, sleep=sleep)
        self._account = settings.account
        # What a commit holds never changes.
        self._entries: dict[str, dict[str, forge.Entry]] = {}

    @property
    def name(self) -> str:
        """Its kind and the repository."""
        return f"github:{self._repository}"

    @property
    def account(self) -> str:
        """As whom it is asked, "" while nobody knows."""
        return self._account

    async def head(self) -> forge.Commit:
        """Return the commit that main leads to."""
        return await self.commit(forge.MAIN)

    async def commit(self, name: str) -> forge.Commit:
        """Return the commit of a full commit name or a branch."""
        made = name if commits.is_commit(name) else await self._ref(f"heads/{name}")
        with _read():
            return github_forms.commit(
                (await self._calls.call("GET", f"{self._at}/git/commits/{_there(name, made)}")).data
            )

    async def files(self, commit: str) -> Mapping[str, forge.Entry]:
        """Return what a commit holds, by path."""
        if commit in self._entries:
            return self._entries[commit]
        found = await self.commit(commit)
        if found.commit not in self._entries:
            path = f"{self._at}/git/trees/{found.tree}"
            with _read():
                listed = github_forms.entries((await self._calls.call("GET", path, params={"recursive": "1"})).data)
            while len(self._entries) >= _COMMITS_KEPT:
                self._entries.pop(next(iter(self._entries)))
            self._entries[found.commit] = listed
        return self._entries[found.commit]

    async def file(self, path: str, commit: str) -> forge.File:
        """Return a file of a commit."""
        forge.check_path(path)
        entry = (self._entries.get(commit) or await self.files(commit)).get(path)
        if entry is None:
            raise errors.ForgeNotFoundError(
                f"There is no file {path!r} in {commit[:8]}. `files` names those there are."
            )
        with _read():
            data = (await self._calls.call("GET", f"{self._at}/git/blobs/{entry.digest}")).data
            return forge.File(github_forms.content(data), entry.executable)

    async def push(
        self, base: str, changes: Mapping[str, forge.Change], words: forge.Words, *, whole: bool = False
    ) -> str:
        """Put one commit upon main without a pull request."""
        forge.check_changes(changes, whole=whole)
        forge.check_words(words)
        before = await self._ref(_MAIN)
        is_begun = False
        if not base:
            before, is_begun = await self._begun(before, changes)
        made = await self._committed(base, changes, words, whole=whole)
        if before == made:
            return made
        if not is_begun and before != base:
            raise forge.moved(forge.MAIN, before)
        reply = await self._calls.call(
            "PATCH", f"{self._at}/git/refs/{quoted(_MAIN)}", {"sha": made, "force": is_begun}, allowed=(409, 422)
        )
        if reply.status >= 400:
            now = await self._ref(_MAIN)
            if now != made:
                raise forge.moved(forge.MAIN, now)
        return made

    async def branch(
        self,
        name: str,
        base: str,
        changes: Mapping[str, forge.File | None],
        words: forge.Words,
        *,
        instead_of: str = "",
    ) -> str:
        """Have a branch lead to one commit upon `base`, "" for none."""
        forge.check_branch(name)
        forge.check_changes(changes)
        forge.check_words(words)
        made = await self._committed(base, changes, words)
        ref = f"heads/{name}"
        before = await self._ref(ref)
        if before not in (instead_of, made):
            raise forge.moved(name, before)
        if before == made:
            return made
        if before:
            path, body = f"{self._at}/git/refs/{quoted(ref)}", {"sha": made, "force": True}
            reply = await self._calls.call("PATCH", path, body, allowed=(409, 422))
        else:
            body = {"ref": f"refs/{ref}", "sha": made}
            reply = await self._calls.call("POST", f"{self._at}/git/refs", body, allowed=(409, 422))
        if reply.status >= 400:
            now = await self._ref(ref)
            if now == before:
                raise _refused(reply)
            if now != made:
                raise forge.moved(name, now)
        return made

    async def delete_branch(self, name: str) -> None:
        """Remove a branch."""
        forge.check_branch(name)
        path = f"{self._at}/git/refs/{quoted(f'heads/{name}')}"
        reply = await self._calls.call("DELETE", path, allowed=(404, 409, 422))
        if reply.status >= 400 and await self._ref(f"heads/{name}"):
            raise _refused(reply)

    async def open_pull(self, proposal: forge.Proposal) -> int:
        """Open a pull request and return its number."""
        forge.check_branch(proposal.branch)
        forge.check_labels(proposal.labels)
        body = {
            "title": forge.cut(proposal.title, forge.TITLE_CHARS_MAX),
            "head": proposal.branch,
            "base": proposal.base,
            "body": forge.cut(proposal.body, forge.BODY_CHARS_MAX),
        }
        reply = await self._calls.call("POST", f"{self._at}/pulls", body, allowed=(422,))
        with _read():
            if reply.status < 400:
                number = int(reply.data["number"])
            else:
                number = await self._opened(proposal)
                if not number:
                    _there(proposal.branch, await self._ref(f"heads/{proposal.branch}"))
                    raise _refused(reply)
        if proposal.labels:
            await self._add_labels(number, sorted(proposal.labels))
        return number

    async def pull(self, number: int) -> forge.Pull:
        """Return a pull request."""
        with _read():
            return github_forms.pull((await self._calls.call("GET", f"{self._at}/pulls/{number}")).data)

    async def pulls(self, state: _State | None = _State.OPEN, *, limit: int = 100) -> list[forge.Pull]:
        """Return up to `limit` pull requests, newest first."""
        asked = {None: "all", _State.OPEN: "open"}.get(state, "closed")
        params = {"state": asked, "sort": "created", "direction": "desc"}
        most = limit if asked != "closed" else forge.ROWS_MAX
        with _read():
            rows = await self._calls.pages(f"{self._at}/pulls", params, min(most, forge.ROWS_MAX))
            found = [github_forms.pull(row) for row in rows]
        return [each for each in found if state in (None, each.state)][:limit]

    async def label(self, number: int, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> frozenset[str]:
        """Change a pull request's labels."""
        forge.check_labels((*add, *remove))
        labels = (await self.pull(number)).labels
        if not labels.issuperset(add):
            labels = await self._add_labels(number, add)
        for label in labels.intersection(remove):
            await self._calls.call("DELETE", f"{self._at}/issues/{number}/labels/{quoted(label)}", allowed=(404,))
        return labels.difference(remove)

    async def set_check(self, commit: str, check: forge.Check) -> None:
        """Tell a finding about a commit."""
        forge.check_check(check)
        made = (await self.commit(commit)).commit
        told = dataclasses.replace(check, description=forge.cut(check.description, forge.DESCRIPTION_CHARS_MAX))
        if check.kind is forge.CheckKind.RUN:
            await self._calls.call("POST", f"{self._at}/check-runs", github_forms.run_told(made, told))
        else:
            await self._calls.call("POST", f"{self._at}/statuses/{made}", github_forms.status_told(told))

    async def checks(self, commit: str) -> list[forge.Check]:
        """Return the newest finding of each kind and name about a commit."""
        made = (await self.commit(commit)).commit
        path = f"{self._at}/commits/{made}"
        with _read():
            statuses = await self._calls.pages(f"{path}/statuses", {}, forge.ROWS_MAX)
            runs = await self._calls.pages(f"{path}/check-runs", {"filter": "all"}, forge.ROWS_MAX, key="check_runs")
            newest: dict[tuple[forge.CheckKind, str], forge.Check] = {}
            for rows, read in ((statuses, github_forms.status), (runs, github_forms.run)):
                for row in sorted(rows, key=lambda row: int(row["id"])):
                    found = read(row)
                    newest[found.kind, found.name] = found
        return list(newest.values())

    async def comment(self, number: int, key: str, body: str) -> None:
        """Say something about a pull request, once a key."""
        forge.check_key(key)
        told = {"body": github_forms.comment_told(key, forge.cut(body, forge.BODY_CHARS_MAX))}
        account = await self._who()
        for attempt in range(_MERGE_TRIES):
            for row in await self._comment_rows(number):
                with _read():
                    found, identifier = github_forms.comment(row), int(row["id"])
                if (found.by, found.key) == (account, key):
                    if row["body"] != told["body"]:
                        await self._calls.call("PATCH", f"{self._at}/issues/comments/{identifier}", told)
                    return
            try:
                await self._calls.call("POST", f"{self._at}/issues/{number}/comments", told, again=False)
                return
            except errors.ForgeLimitedError:
                raise
            except errors.ForgeUnavailableError:
                if attempt + 1 == _MERGE_TRIES:
                    raise
            await self._calls.pause(attempt)

    async def comments(self, number: int) -> list[forge.Comment]:
        """Return what was said about a pull request, oldest first."""
        rows = await self._comment_rows(number)
        with _read():
            return [github_forms.comment(row) for row in rows]

    async def merge(self, number: int, expected_head: str, title: str, body: str) -> str:
        """Merge a pull request as one commit upon its base."""
        told = {
            "commit_title": forge.cut(title, forge.TITLE_CHARS_MAX),
            "commit_message": forge.cut(body, forge.BODY_CHARS_MAX),
            "sha": expected_head,
            "merge_method": "squash",
        }
        why: errors.ForgeError = errors.ForgeUnavailableError("GitHub did not merge it. Ask again later.")
        refusals = 0
        for attempt in range(_MERGE_TRIES):
            found = await self.pull(number)
            if found.head != expected_head:
                raise forge.moved(f"pull request {number}", found.head)
            if found.state is _State.MERGED:
                return found.merged
            if found.state is _State.CLOSED:
                raise errors.ForgeConflictError(f"Pull request {number} is closed and cannot be merged. Open another.")
            try:
                path = f"{self._at}/pulls/{number}/merge"
                reply = await self._calls.call("PUT", path, told, allowed=(405, 409, 422), again=False)
            except errors.ForgeLimitedError:
                raise
            except errors.ForgeUnavailableError as error:
                why = error
            else:
                if reply.status < 400:
                    with _read():
                        return github_forms.name(reply.data["sha"])
                # A request before may have merged it and its reply been lost, or main have moved just now: look again.
                refusals += "base branch was modified" not in reply.said.lower()
                why = errors.ForgeConflictError(
                    f"GitHub does not merge pull request {number}: {reply.said or 'no reason'}. Make it anew from its base."
                )
            if refusals > 1:
                break
            await self._calls.pause(attempt)
        raise why

    async def close_pull(self, number: int) -> None:
        """Close a pull request without merging it."""
        if (await self.pull(number)).state is _State.OPEN:
            await self._calls.call("PATCH", f"{self._at}/pulls/{number}", {"state": "closed"})

    async def news(self, cursor: str = "", *, of_main: bool = False) -> forge.News:
        """Return what has changed since a cursor.

        The cursor holds the ETags of main and of the pull requests that changed last, and when the newest of these did. An
        answer that it is as it was costs nothing of the rate limit.
        """
        before = _cursor(cursor)
        path = f"{self._at}/git/ref/{quoted(_MAIN)}"
        main = await self._calls.call("GET", path, etag=before.get("main_etag", ""), allowed=(404, 409))
        after = dict.fromkeys(_CURSOR_KEYS, "") | before
        if main.status != 304:
            with _read():
                made = github_forms.name(main.data["object"]["sha"]) if main.status == 200 else ""
            after |= {"main": made, "main_etag": main.headers.get("etag", "")}
        if of_main:
            return forge.News(orjson.dumps(after).decode(), after["main"])
        path, params = f"{self._at}/pulls", {"state": "all", "sort": "updated", "direction": "desc"}
        page = {**params, "per_page": str(_NEWS_ROWS), "page": "1"}
        newest = await self._calls.call("GET", path, params=page, etag=before.get("pulls_etag", ""))
        pulls = []
        with _read():
            if newest.status != 304:
                rows, since = newest.data, before.get("updated", "")
                after["pulls_etag"] = newest.headers.get("etag", "")
                after["updated"] = max((str(row["updated_at"]) for row in rows), default=since)
                if not before:
                    pulls = await self.pulls(_State.OPEN, limit=forge.ROWS_MAX)
                else:
                    if newest.has_more and rows[-1]["updated_at"] >= since:
                        rows = await self._calls.pages(path, params, forge.ROWS_MAX)
                    pulls = [github_forms.pull(row) for row in rows if row["updated_at"] >= since]
        interval = newest.headers.get("x-poll-interval", "")
        return forge.News(
            orjson.dumps(after).decode(),
            after["main"],
            tuple(pulls),
            float(interval) if interval.isdecimal() else 0.0,
        )

    async def lacking(self) -> list[forge.Lack]:
        """Return what the token or the repository lacks, and learn whose the token is."""
        found = await github_rights.look(self._calls, self._repository, self._account)
        self._account = self._account or found.account
        return found.lacks

    async def tidy(self) -> bool:
        """Do nothing: GitHub sees to it."""
        return False

    async def close(self) -> None:
        """Close every connection. Idempotent."""
        await self._calls.close()

    async def _ref(self, ref: str) -> str:
        """Return the commit that a ref leads to, "" where there is none."""
        with _read():
            reply = await self._calls.call("GET", f"{self._at}/git/ref/{quoted(ref)}", allowed=(404, 409))
            return github_forms.name(reply.data["object"]["sha"]) if reply.status < 400 else ""

    async def _committed(
        self, base: str, changes: Mapping[str, forge.Change], words: forge.Words, *, whole: bool = False
    ) -> str:
        """Make a commit that is on no branch; return it."""
        tree: dict[str, Any] = {"base_tree": (await self.commit(base)).tree} if base and not whole else {}
        removed = [path for path, file in changes.items() if file is None]
        if absent := sorted(set(removed).difference(await self.files(base) if base and removed else ())):
            raise errors.InvalidRequestError(f"{absent[0]!r} is not there and cannot be removed. Leave it out.")
        with _read():
            tree["tree"] = [github_forms.tree_row(path, file, await self._blob(file)) for path, file in changes.items()]
            made_tree = (await self._calls.call("POST", f"{self._at}/git/trees", tree)).data["sha"]
            who = github_forms.person(words)
            body = {
                "message": words.message,
                "tree": github_forms.name(made_tree),
                "parents": [base] if base else [],
                "author": who,
                "committer": who,
            }
            return github_forms.name((await self._calls.call("POST", f"{self._at}/git/commits", body)).data["sha"])

    async def _blob(self, file: forge.Change) -> str:
        """Return the name of a file that is there, or of one that cannot go along in its tree and is added; "" for others."""
        if isinstance(file, forge.Entry):
            return file.digest
        if file is None or github_forms.is_inline(file):
            return ""
        body = {"content": base64.b64encode(file.content).decode(), "encoding": "base64"}
        return github_forms.name((await self._calls.call("POST", f"{self._at}/git/blobs", body)).data["sha"])

    async def _begun(self, before: str, changes: Mapping[str, forge.Change]) -> tuple[str, bool]:
        """Have a commit in an empty repository, where nothing else can be made; return main's, and whether it is that one."""
        if not before:
            ordered = sorted(changes.items(), key=lambda change: "/" in change[0])
            path, file = next(((path, file) for path, file in ordered if isinstance(file, forge.File)), ("", None))
            if file is None:
                raise errors.InvalidRequestError("The first commit adds at least one file. Give one.")
            content = base64.b64encode(file.content).decode()
            body = {"message": _BEGIN, "content": content, "branch": forge.MAIN}
            await self._calls.call("PUT", f"{self._at}/contents/{quoted(path)}", body, allowed=(409, 422))
            before = _there(forge.MAIN, await self._ref(_MAIN))
        found = await self.commit(before)
        return before, not found.parents and found.message == _BEGIN

    async def _opened(self, proposal: forge.Proposal) -> int:
        """Return the number of the open pull request of a branch, 0 where there is none."""
        owner = self._repository.partition("/")[0]
        params = {"state": "open", "head": f"{owner}:{proposal.branch}", "base": proposal.base}
        rows = await self._calls.pages(f"{self._at}/pulls", params, 1)
        return next((int(row["number"]) for row in rows if row["head"]["ref"] == proposal.branch), 0)

    async def _add_labels(self, number: int, labels: Sequence[str]) -> frozenset[str]:
        with _read():
            reply = await self._calls.call("POST", f"{self._at}/issues/{number}/labels", {"labels": list(labels)})
            return github_forms.labels(reply.data)

    async def _comment_rows(self, number: int) -> list[Any]:
        return await self._calls.pages(f"{self._at}/issues/{number}/comments", {}, forge.ROWS_MAX)

    async def _who(self) -> str:
        if not self._account:
            self._account = await github_rights.account(self._calls)
        if not self._account:
            raise errors.ForgeForbiddenError(
                "GitHub does not tell an app its name. Give the account's name in the settings."
            )
        return self._account


@contextlib.contextmanager
def _read() -> Iterator[None]:
    """Have an answer that lacks what it should have be an error that says so."""
    try:
        yield
    except (github_forms.FormError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise github_calls.away("an answer that lacks what it should have") from error


def _there(name: str, made: str) -> str:
    if not made:
        raise errors.ForgeNotFoundError(f"There is no branch {name[:100]!r} on GitHub. Look at those there are.")
    return made


def _refused(reply: github_calls.Reply) -> errors.InvalidRequestError:
    return errors.InvalidRequestError(f"GitHub refused it: {reply.said or 'no reason'}. Correct that and try again.")


def _cursor(text: str) -> dict[str, str]:
    """Return what a cursor holds; nothing for one that is none of ours."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    is_ours = (
        isinstance(found, dict) and found.keys() == _CURSOR_KEYS and all(isinstance(one, str) for one in found.values())
    )
    return found if is_ours else {}
