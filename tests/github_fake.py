"""A GitHub with one repository, in memory: what Council speaks with it over REST, with faults on order.

Objects have the names that git gives them. Each request and each reply is held against GitHub's published description where
that was fetched (`github_description`); `violations` says what was otherwise. Time stands still unless it is moved, so that
two changes have the same date more often than on the real one.
"""

import base64
import contextlib
import dataclasses
import hashlib
import json
import re
import urllib.parse
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

import github_description

OWNER, NAME = "acme", "blueprint"
AT = f"/repos/{OWNER}/{NAME}"
TOKEN = "github_pat_for-tests-only"
Tree = dict[str, tuple[str, str]]


@dataclass
class Fault:
    """Strikes the requests (`METHOD path`) that match, `times` times: an answer or none, before or after it was carried out."""

    matches: str
    status: int = 502
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"<html>Unicorn!</html>"
    times: int = 1
    after: bool = False
    is_drop: bool = False


@dataclass
class Pull:
    number: int
    title: str
    body: str
    user: str
    branch: str
    base: str
    head: str
    updated_s: int
    state: str = "open"
    merged: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    head_repository: str = f"{OWNER}/{NAME}"


class RefusedError(Exception):
    def __init__(self, status: int, message: str, *errors: str):
        super().__init__(message)
        self.status = status
        rows = {"errors": [{"resource": "X", "code": "custom", "message": each} for each in errors]} if errors else {}
        self.body = {"message": message, "documentation_url": "https://docs.github.example/rest", **rows}


class GitHub:
    def __init__(self, description: github_description.Description | None = None):
        self.description = description
        self.blobs: dict[str, bytes] = {}
        self.trees: dict[str, Tree] = {}
        self.commits: dict[str, dict[str, Any]] = {}
        self.refs: dict[str, str] = {}
        self.pulls: dict[int, Pull] = {}
        self.comments: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.runs: list[dict[str, Any]] = []
        self.now_s = 1_790_000_000
        self.ids = 100
        self.user = "ann"
        # None: fine-grained, so that `may` decides. Else the scopes of a classic token.
        self.scopes: str | None = "repo, workflow"
        self.may = {"contents", "pulls", "statuses", "checks", "issues", "workflows"}
        self.is_app = False
        self.repository: dict[str, Any] = {
            "default_branch": "main",
            "archived": False,
            "private": True,
            "allow_squash_merge": True,
            "permissions": {"admin": False, "maintain": False, "push": True, "triage": True, "pull": True},
        }
        self.faults: list[Fault] = []
        self.violations: list[str] = []
        self.seen: list[tuple[str, int]] = []
        self.url = ""
        # Told how many requests came before, at each.
        self.on_request: Callable[[int], None] = lambda _: None

    # What is served

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator["GitHub"]:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        (address,) = runner.addresses
        self.url = f"http://127.0.0.1:{address[1]}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw_path = request.raw_path.partition("?")[0]
        line = f"{request.method} {urllib.parse.unquote(raw_path)}"
        self.on_request(len(self.seen))
        fault = next((one for one in self.faults if one.times and re.search(one.matches, line)), None)
        if fault:
            fault.times -= 1
        if fault and not fault.after:
            self.seen.append((line, 0 if fault.is_drop else fault.status))
            return self._struck(request, fault)
        text = await request.text()
        status, body, headers = self._carried_out(request, raw_path, json.loads(text) if text else None)
        self.seen.append((line, status))
        if fault:
            return self._struck(request, fault)
        if status in (204, 304):
            return web.Response(status=status, headers=headers)
        return web.json_response(body, status=status, headers=headers)

    def _struck(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.is_drop:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=fault.status, headers=fault.headers, body=fault.body)

    def _carried_out(self, request: web.Request, raw_path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        headers = {} if self.scopes is None else {"x-oauth-scopes": self.scopes}
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, {"message": "Bad credentials"}, {}
        self._check_headers(request)
        asked = self.description.operation(request.method, raw_path) if self.description else None
        if self.description:
            if asked is None:
                self.violations.append(f"{request.method} {raw_path}: not described")
            else:
                self._hold(request.method, raw_path, self.description.problems_of_request(asked, request.query, body))
        try:
            status, found, more = self._routed(request.method, raw_path, dict(request.query), body or {})
        except RefusedError as error:
            status, found, more = error.status, error.body, {}
        if self.description and asked:
            found = None if status == 204 else self.description.filled(asked, status, found)
            self._hold(request.method, raw_path, self.description.problems_of_reply(asked, status, found))
        etag = f'W/"{hashlib.sha256(json.dumps(found).encode()).hexdigest()}"'
        if request.method == "GET" and status == 200:
            if request.headers.get("if-none-match") == etag:
                return 304, None, headers
            headers["etag"] = etag
        return status, found, {**headers, **more}

    def _hold(self, method: str, path: str, problems: list[str]) -> None:
        self.violations += [f"{method} {path}: {problem}" for problem in problems]

    def _check_headers(self, request: web.Request) -> None:
        for name, value in (("accept", "application/vnd.github+json"), ("x-github-api-version", "2022-11-28")):
            if request.headers.get(name) != value:
                self.violations.append(f"{request.method} {request.path}: header {name}")
        if "user-agent" not in request.headers:
            self.violations.append(f"{request.method} {request.path}: no user-agent")

    def _routed(
        self, method: str, raw_path: str, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any, dict[str, str]]:
        parts = [urllib.parse.unquote(part) for part in raw_path.strip("/").split("/")]
        if parts == ["user"]:
            if self.is_app:
                raise RefusedError(403, "Resource not accessible by integration")
            return 200, {"login": self.user}, {}
        if parts[:3] != ["repos", OWNER, NAME]:
            raise RefusedError(404, "Not Found")
        for verb, pattern, right, act in self._routes():
            found = re.fullmatch(pattern, "\n".join(parts[3:]))
            if verb == method and found:
                if right and method != "GET" and self.scopes is None and right not in self.may:
                    raise RefusedError(403, "Resource not accessible by personal access token")
                answer = act(*found.groups(), **({"query": query} if method == "GET" else {"body": body}))
                return answer if len(answer) == 3 else (*answer, {})
        raise RefusedError(404, "Not Found")

    def _routes(self) -> list[tuple[str, str, str, Callable[..., Any]]]:
        name, number = r"([^\n]+)", r"(\d+)"
        return [
            ("GET", "", "", lambda query: (200, {"full_name": f"{OWNER}/{NAME}", "name": NAME, **self.repository})),
            ("GET", f"git\nref\n{name}", "", self.get_ref),
            ("POST", "git\nrefs", "contents", self.post_ref),
            ("PATCH", f"git\nrefs\n{name}", "contents", self.patch_ref),
            ("DELETE", f"git\nrefs\n{name}", "contents", self.delete_ref),
            ("GET", f"git\ncommits\n{name}", "", self.get_commit),
            ("POST", "git\ncommits", "contents", self.post_commit),
            ("GET", f"git\ntrees\n{name}", "", self.get_tree),
            ("POST", "git\ntrees", "contents", self.post_tree),
            ("GET", f"git\nblobs\n{name}", "", self.get_blob),
            ("POST", "git\nblobs", "contents", self.post_blob),
            ("PUT", f"contents\n{name}", "contents", self.put_content),
            ("GET", "pulls", "", self.get_pulls),
            ("POST", "pulls", "pulls", self.post_pull),
            ("GET", f"pulls\n{number}", "", self.get_pull),
            ("PATCH", f"pulls\n{number}", "pulls", self.patch_pull),
            ("PUT", f"pulls\n{number}\nmerge", "contents", self.merge),
            ("POST", f"issues\n{number}\nlabels", "pulls", self.post_labels),
            ("DELETE", f"issues\n{number}\nlabels\n{name}", "pulls", self.delete_label),
            ("GET", f"issues\n{number}\ncomments", "", self.get_comments),
            ("POST", f"issues\n{number}\ncomments", "pulls", self.post_comment),
            ("PATCH", f"issues\ncomments\n{number}", "pulls", self.patch_comment),
            ("GET", f"commits\n{name}\nstatuses", "", self.get_statuses),
            ("POST", f"statuses\n{name}", "statuses", self.post_status),
            ("GET", f"commits\n{name}\ncheck-runs", "", self.get_runs),
            ("POST", "check-runs", "checks", self.post_run),
        ]

    # git

    def get_ref(self, ref: str, query: Any) -> Any:
        self._check_begun()
        return 200, self._ref(self._existing(f"refs/{ref}"))

    def post_ref(self, body: Any) -> Any:
        self._check_begun()
        if body["ref"] in self.refs:
            raise RefusedError(422, "Reference already exists")
        self._move(body["ref"], self._commit_of(body["sha"], 422, "Object does not exist"))
        return 201, self._ref(body["ref"])

    def patch_ref(self, ref: str, body: Any) -> Any:
        name = f"refs/{ref}"
        if name not in self.refs:
            raise RefusedError(422, "Reference does not exist")
        made = self._commit_of(body["sha"], 422, "Object does not exist")
        if not body.get("force") and self.refs[name] not in self._line(made):
            raise RefusedError(422, "Update is not a fast forward")
        self._move(name, made)
        return 200, self._ref(name)

    def delete_ref(self, ref: str, body: Any) -> Any:
        if f"refs/{ref}" not in self.refs:
            raise RefusedError(422, "Reference does not exist")
        for one in self.pulls.values():
            if one.state == "open" and f"heads/{one.branch}" == ref:
                self._change(one, state="closed")
        del self.refs[f"refs/{ref}"]
        return 204, None

    def get_commit(self, sha: str, query: Any) -> Any:
        self._check_begun()
        return 200, self.commits[self._commit_of(sha, 404, "Not Found")]

    def post_commit(self, body: Any) -> Any:
        self._check_begun()
        if body["tree"] not in self.trees:
            raise RefusedError(422, "Tree SHA does not exist")
        for parent in body["parents"]:
            self._commit_of(parent, 422, "Parent SHA does not exist or is not a commit object")
        return 201, self.commits[self.add_commit(body["tree"], body["parents"], body["message"], body["author"])]

    def get_tree(self, sha: str, query: Any) -> Any:
        tree = self.trees.get(sha) or self.trees.get(self.commits.get(sha, {}).get("tree", {}).get("sha", ""))
        if tree is None:
            raise RefusedError(404, "Not Found")
        folders = {path.rpartition("/")[0] for path in tree if "/" in path}
        rows = [{"path": path, "mode": "040000", "type": "tree", "sha": "0" * 40} for path in folders]
        rows += [
            {"path": path, "mode": mode, "type": "blob", "sha": blob, "size": len(self.blobs.get(blob, b""))}
            for path, (mode, blob) in tree.items()
        ]
        return 200, {"sha": sha, "tree": rows, "truncated": False}

    def post_tree(self, body: Any) -> Any:
        self._check_begun()
        if "base_tree" in body and body["base_tree"] not in self.trees:
            raise RefusedError(404, "Not Found")
        tree = dict(self.trees.get(body.get("base_tree", ""), {}))
        for row in body["tree"]:
            if "content" in row:
                tree[row["path"]] = (row["mode"], self.add_blob(row["content"].encode()))
            elif row["sha"] is not None:
                if row["sha"] not in self.blobs:
                    raise RefusedError(422, f"tree.sha {row['sha']} is not a valid blob")
                tree[row["path"]] = (row["mode"], row["sha"])
            elif tree.pop(row["path"], None) is None:
                raise RefusedError(422, "GitRPC::BadObjectState")
        return 201, {"sha": self.add_tree(tree), "tree": [], "truncated": False}

    def get_blob(self, sha: str, query: Any) -> Any:
        if sha not in self.blobs:
            raise RefusedError(404, "Not Found")
        content = base64.encodebytes(self.blobs[sha]).decode()
        return 200, {"sha": sha, "size": len(self.blobs[sha]), "content": content, "encoding": "base64"}

    def post_blob(self, body: Any) -> Any:
        self._check_begun()
        assert body["encoding"] == "base64"
        return 201, {"sha": self.add_blob(base64.b64decode(body["content"], validate=True)), "url": "https://x"}

    def put_content(self, path: str, body: Any) -> Any:
        if path.startswith(".github/workflows/") and self.scopes is None and "workflows" not in self.may:
            raise RefusedError(403, "Resource not accessible by personal access token")
        if body["content"] == "%":
            raise RefusedError(422, "content is not valid Base64")
        if self.refs:
            raise RefusedError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
        tree = self.add_tree({path: ("100644", self.add_blob(base64.b64decode(body["content"])))})
        who = {"name": self.user, "email": "x@github.example", "date": self.date()}
        self._move(f"refs/heads/{body['branch']}", made := self.add_commit(tree, [], body["message"], who))
        return 201, {"content": None, "commit": {"sha": made}}

    # Pull requests

    def get_pulls(self, query: Any) -> Any:
        found = [one for one in self.pulls.values() if query["state"] in ("all", one.state)]
        if "head" in query:
            found = [one for one in found if f"{OWNER}:{one.branch}" == query["head"]]
        if "base" in query:
            found = [one for one in found if one.base == query["base"]]
        is_updated = query.get("sort") == "updated"
        found.sort(
            key=lambda one: (one.updated_s if is_updated else 0, one.number), reverse=query.get("direction") != "asc"
        )
        return self._page([self._pull(one) for one in found], query)

    def post_pull(self, body: Any) -> Any:
        name, base = f"refs/heads/{body['head']}", f"refs/heads/{body['base']}"
        if name not in self.refs or base not in self.refs:
            raise RefusedError(422, "Validation Failed", "head is invalid")
        if any(
            (one.branch, one.base, one.state) == (body["head"], body["base"], "open") for one in self.pulls.values()
        ):
            raise RefusedError(422, "Validation Failed", f"A pull request already exists for {OWNER}:{body['head']}.")
        if self.refs[name] in self._line(self.refs[base]):
            raise RefusedError(422, "Validation Failed", f"No commits between {body['base']} and {body['head']}")
        if not set(self._line(self.refs[name])) & set(self._line(self.refs[base])):
            told = f"The {body['head']} branch has no history in common with {body['base']}"
            raise RefusedError(422, "Validation Failed", told)
        number = len(self.pulls) + 1
        self.pulls[number] = Pull(
            number, body["title"], body["body"], self.user, body["head"], body["base"], self.refs[name], self.now_s
        )
        return 201, self._pull(self.pulls[number], alone=True)

    def get_pull(self, number: str, query: Any) -> Any:
        return 200, self._pull(self._numbered(number), alone=True)

    def patch_pull(self, number: str, body: Any) -> Any:
        self._change(self._numbered(number), **body)
        return 200, self._pull(self._numbered(number), alone=True)

    def merge(self, number: str, body: Any) -> Any:
        assert body["merge_method"] == "squash"
        one = self._numbered(number)
        if one.state != "open":
            raise RefusedError(405, "Pull Request is not mergeable")
        if one.head != body["sha"]:
            raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
        main = self.refs[f"refs/heads/{one.base}"]
        tree = self._both(main, one.head)
        if tree is None:
            raise RefusedError(405, "Pull Request has merge conflicts")
        author = self.commits[one.head]["author"] | {"date": self.date()}
        message = f"{body['commit_title']}\n\n{body['commit_message']}"
        made = self.add_commit(self.add_tree(tree), [main], message, author)
        self._move(f"refs/heads/{one.base}", made)
        self._change(one, state="closed", merged=made)
        return 200, {"sha": made, "merged": True, "message": "Pull Request successfully merged"}

    def post_labels(self, number: str, body: Any) -> Any:
        one = self._numbered(number)
        self._change(one, labels={**{label.lower(): label for label in body["labels"]}, **one.labels})
        return 200, self._labels(one)

    def delete_label(self, number: str, label: str, body: Any) -> Any:
        one = self._numbered(number)
        if label.lower() not in one.labels:
            raise RefusedError(404, "Label does not exist")
        self._change(one, labels={key: name for key, name in one.labels.items() if key != label.lower()})
        return 200, self._labels(one)

    def get_comments(self, number: str, query: Any) -> Any:
        self._numbered(number)
        return self._page([one["row"] for one in self.comments if one["number"] == number], query)

    def post_comment(self, number: str, body: Any) -> Any:
        self._change(self._numbered(number))
        row = {"id": self._id(), "user": {"login": self.user}, "body": body["body"], "author_association": "OWNER"}
        self.comments.append({"number": number, "row": row})
        return 201, row

    def patch_comment(self, identifier: str, body: Any) -> Any:
        (row,) = [one["row"] for one in self.comments if one["row"]["id"] == int(identifier)]
        row["body"] = body["body"]
        return 200, row

    # Checks

    def get_statuses(self, sha: str, query: Any) -> Any:
        self._commit_of(sha, 404, "Not Found")
        return self._page(
            [row for at, row in reversed([(one["at"], one["row"]) for one in self.statuses]) if at == sha], query
        )

    def post_status(self, sha: str, body: Any) -> Any:
        self._commit_of(sha, 422, f"No commit found for SHA: {sha}")
        row = {"id": self._id(), "description": None, "target_url": None, **body, "creator": {"login": self.user}}
        self.statuses.append({"at": sha, "row": row})
        return 201, row

    def get_runs(self, sha: str, query: Any) -> Any:
        self._commit_of(sha, 404, "Not Found")
        status, rows, headers = self._page([row for row in reversed(self.runs) if row["head_sha"] == sha], query)
        return status, {"total_count": len(rows), "check_runs": rows}, headers

    def post_run(self, body: Any) -> Any:
        output = body.get("output", {"title": None, "summary": None})
        rest = {key: value for key, value in body.items() if key != "output"}
        row = {"id": self._id(), "conclusion": None, "details_url": None, **rest, "app": {"slug": "council-ci"}}
        self.runs.append(row | {"output": output})
        return 201, self.runs[-1]

    # Objects

    def add_blob(self, content: bytes) -> str:
        self.blobs[made := _named(b"blob", content)] = content
        return made

    def add_tree(self, tree: Tree) -> str:
        self.trees[made := _tree_name(tree)] = tree
        return made

    def add_commit(self, tree: str, parents: list[str], message: str, author: Mapping[str, str]) -> str:
        at_s = int(datetime.fromisoformat(author["date"]).timestamp())
        who = f"{author['name']} <{author['email']}> {at_s} +0000"
        lines = [
            f"tree {tree}",
            *(f"parent {one}" for one in parents),
            f"author {who}",
            f"committer {who}",
            "",
            message,
        ]
        made = _named(b"commit", "\n".join(lines).encode())
        self.commits[made] = {
            "sha": made,
            "message": message,
            "tree": {"sha": tree},
            "parents": [{"sha": one} for one in parents],
            "author": dict(author),
            "committer": dict(author),
        }
        return made

    def date(self, at_s: int | None = None) -> str:
        return datetime.fromtimestamp(self.now_s if at_s is None else at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _id(self) -> int:
        self.ids += 1
        return self.ids

    def _check_begun(self) -> None:
        if not self.refs:
            raise RefusedError(409, "Git Repository is empty.")

    def _existing(self, name: str) -> str:
        if name not in self.refs:
            raise RefusedError(404, "Not Found")
        return name

    def _commit_of(self, sha: str, status: int, message: str) -> str:
        if sha not in self.commits:
            raise RefusedError(status, message)
        return sha

    def _ref(self, name: str) -> dict[str, Any]:
        return {"ref": name, "object": {"type": "commit", "sha": self.refs[name]}}

    def _move(self, name: str, made: str) -> None:
        self.refs[name] = made
        for one in self.pulls.values():
            if one.state == "open" and f"refs/heads/{one.branch}" == name:
                self._change(one, head=made)

    def _line(self, made: str) -> list[str]:
        found, waiting = [], [made]
        while waiting:
            found.append(waiting.pop(0))
            waiting += [one["sha"] for one in self.commits[found[-1]]["parents"]]
        return found

    def _both(self, main: str, head: str) -> Tree | None:
        ours_line = self._line(main)
        point = next(one for one in self._line(head) if one in ours_line)
        base, ours, theirs = (self.trees[self.commits[one]["tree"]["sha"]] for one in (point, main, head))
        merged: Tree = {}
        for path in {*base, *ours, *theirs}:
            was, mine, yours = base.get(path), ours.get(path), theirs.get(path)
            if mine != yours and was not in (mine, yours):
                return None
            if chosen := yours if mine == was else mine:
                merged[path] = chosen
        return merged

    def _numbered(self, number: str) -> Pull:
        if int(number) not in self.pulls:
            raise RefusedError(404, "Not Found")
        return self.pulls[int(number)]

    def _change(self, one: Pull, **values: Any) -> None:
        self.pulls[one.number] = dataclasses.replace(one, **values, updated_s=self.now_s)

    def _labels(self, one: Pull) -> list[dict[str, Any]]:
        return [{"name": name} for name in self._numbered(str(one.number)).labels.values()]

    def _pull(self, one: Pull, *, alone: bool = False) -> dict[str, Any]:
        row = {
            "number": one.number,
            "state": one.state,
            "title": one.title,
            "body": one.body,
            "user": {"login": one.user},
            "labels": [{"name": name} for name in one.labels.values()],
            "head": {"ref": one.branch, "sha": one.head, "repo": {"full_name": one.head_repository}},
            "base": {
                "ref": one.base,
                "sha": self.refs[f"refs/heads/{one.base}"],
                "repo": {"full_name": f"{OWNER}/{NAME}"},
            },
            "merge_commit_sha": one.merged or "e" * 40,
            "merged_at": self.date(one.updated_s) if one.merged else None,
            "updated_at": self.date(one.updated_s),
        }
        return row | ({"merged": bool(one.merged)} if alone else {})

    def _page(self, rows: list[Any], query: Mapping[str, str]) -> Any:
        size, page = int(query.get("per_page", "30")), int(query.get("page", "1"))
        more = {"link": f'<{self.url}/next>; rel="next"'} if len(rows) > size * page else {}
        return 200, rows[size * (page - 1) : size * page], more


def _named(kind: bytes, content: bytes) -> str:
    return hashlib.sha1(b"%s %d\0" % (kind, len(content)) + content).hexdigest()


def _tree_name(tree: Tree) -> str:
    rows: dict[bytes, tuple[bytes, str]] = {}
    folders: dict[str, Tree] = {}
    for path, entry in tree.items():
        first, _, rest = path.partition("/")
        if rest:
            folders.setdefault(first, {})[rest] = entry
        else:
            rows[first.encode()] = (entry[0].encode(), entry[1])
    # Folders are sorted as if their names ended in a slash.
    rows |= {name.encode() + b"/": (b"40000", _tree_name(inner)) for name, inner in folders.items()}
    content = b"".join(
        mode + b" " + name.rstrip(b"/") + b"\0" + bytes.fromhex(sha) for name, (mode, sha) in sorted(rows.items())
    )
    return _named(b"tree", content)
