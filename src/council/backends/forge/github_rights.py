"""What a token may do in a repository on GitHub, found without changing anything.

A classic token says its scopes in a header of every reply. A fine-grained one, or an app's, says nothing: whether it may write
is found by asking for what cannot be done anyhow. Who may not is told so (403) before GitHub looks at what was asked (422).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from council.backends.forge import github_calls
from council.domain import errors, forge

_NO_COMMIT = "0" * 40
_WORKFLOW = ".github/workflows/council-never-made.yml"
_LOOK = "See `Settings` of the repository on GitHub."
# What each probe would do, if it could.
_WRITES = {
    "contents": "commit files, move branches and merge",
    "pull requests": "open and close pull requests and label them",
    "commit statuses": "tell statuses",
    "workflows": "bring a change of the workflow upon main",
}


@dataclass(frozen=True, slots=True)
class Found:
    """Whose the token is, "" for an app, and what is missing."""

    account: str
    lacks: list[forge.Lack]


async def account(calls: github_calls.Calls) -> str:
    """Return whose the token is, "" for an app, which GitHub does not tell."""
    try:
        reply = await calls.call("GET", "/user", allowed=(401,))
    except errors.ForgeForbiddenError:
        return ""
    return str(reply.data.get("login") or "") if reply.status < 400 and isinstance(reply.data, dict) else ""


async def look(calls: github_calls.Calls, repository: str, known: str) -> Found:
    """Return what the token or the repository lacks. `known` is whose the token is, where that is known."""
    reply = await calls.call("GET", f"/repos/{repository}", allowed=(401, 403, 404))
    if reply.status == 401:
        return Found(known, [forge.Lack("GitHub does not know the token", "Make another and give Council that.")])
    if reply.status >= 400 or not isinstance(reply.data, dict):
        remedy = "See whether its name is right and the token is for it."
        return Found(known, [forge.Lack(f"the token does not see {repository}", remedy)])
    whose = known or await account(calls)
    lacks = _of_repository(reply.data)
    if not whose:
        lacks.append(forge.Lack("GitHub does not tell whose the token is", "Give the account's name in the settings."))
    scopes = reply.headers.get("x-oauth-scopes")
    if scopes is None:
        lacks += await _of_fine_grained(calls, f"/repos/{repository}")
    else:
        lacks += _of_classic(reply.data, {scope.strip() for scope in scopes.split(",")})
    return Found(whose, lacks)


def _of_repository(data: Mapping[str, Any]) -> list[forge.Lack]:
    lacks = []
    if data.get("archived"):
        lacks.append(forge.Lack("the repository is archived", f"Take it out of the archive. {_LOOK}"))
    if data.get("default_branch") != forge.MAIN:
        branch = github_calls.plain(str(data.get("default_branch")))
        lacks.append(forge.Lack(f"its default branch is `{branch}`", f"Rename it to `{forge.MAIN}`. {_LOOK}"))
    if data.get("allow_squash_merge") is False:
        lacks.append(forge.Lack("it does not allow squash merging", f"Allow it. {_LOOK}"))
    permissions = data.get("permissions")
    if isinstance(permissions, dict) and not permissions.get("push"):
        lacks.append(forge.Lack("the account may not write to it", f"Give it the role `Write`. {_LOOK}"))
    return lacks


def _of_classic(data: Mapping[str, Any], scopes: set[str]) -> list[forge.Lack]:
    wanted = "repo" if data.get("private") else "public_repo"
    missing = [] if scopes & {"repo", wanted} else [wanted]
    missing += [] if "workflow" in scopes else ["workflow"]
    return [
        forge.Lack(
            f"the token has not the scope `{one}`", "Make one with it, or a fine-grained one for this repository."
        )
        for one in missing
    ]


async def _of_fine_grained(calls: github_calls.Calls, at: str) -> list[forge.Lack]:
    main = f"refs/heads/{forge.MAIN}"
    probes = (
        ("contents", f"{at}/git/refs", {"ref": main, "sha": _NO_COMMIT}),
        ("pull requests", f"{at}/pulls", {"title": "never opened", "head": forge.MAIN, "base": forge.MAIN}),
        ("commit statuses", f"{at}/statuses/{_NO_COMMIT}", {"state": "pending", "context": "never told"}),
        # Neither the content nor the file that it would replace is one, and the branch is none either.
        (
            "workflows",
            f"{at}/contents/{github_calls.quoted(_WORKFLOW)}",
            {"message": "never made", "content": "%", "sha": _NO_COMMIT, "branch": "council-never-made"},
        ),
    )
    lacks: list[forge.Lack] = []
    may_commit = True
    for what, path, body in probes:
        if what == "workflows" and not may_commit:
            # Who may not commit files is told so of these too.
            continue
        try:
            await calls.call("PUT" if what == "workflows" else "POST", path, body, allowed=(404, 409, 422))
        except errors.ForgeForbiddenError:
            may_commit = may_commit and what != "contents"
            lacks.append(
                forge.Lack(
                    f"the token may not {_WRITES[what]}", f"Give it read and write of `{what}` of this repository."
                )
            )
    return lacks
