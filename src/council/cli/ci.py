"""ci: the checks of a pull request, one command each, for a workflow of a forge.

There is no home here: what is judged are folders, and what serves is asked over HTTP. Addresses and tokens come from the
environment, as workflows hand on secrets.
"""

import asyncio
import ipaddress
import os
import time
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from council import care_app, care_ports
from council.cli import options
from council.cli import patch as patch_command
from council.delivery import merging, pairs, proposals, pulls, workflow
from council.domain import errors, forge, incidents, patches
from council.patching import pinning
from council.upkeep.engine import trees

# Whose check runs those of workflows are, and as whom a workflow's own token acts.
TELLERS = frozenset({(forge.CheckKind.RUN, workflow.APP)})
_ACCOUNT = "github-actions[bot]"
_PAUSE_S = 3.0
_AGAIN_S = 15.0
_TOLD_CHARS_MAX = 4_000
_FOLDER = click.Path(path_type=Path, file_okay=False)


class _Plain(click.Group):
    """Says of an error one line: it may quote a proposed file, and GitHub takes `##[`, and `::` at first, for commands."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except errors.CouncilError as error:
            error.message = incidents.one_line(error.message, _TOLD_CHARS_MAX).replace("##[", "## [")
            raise


@click.group(cls=_Plain)
def ci() -> None:
    """The checks of a pull request, for a workflow of the forge. No home is needed.

    Exit status 0 where a check is green, 7 where it is not; then the reason is the same word that patchctl would say.
    """


def _folders(command: Callable[..., None]) -> Callable[..., None]:
    """Add what names the two folders, and who opened the pull request."""
    for add in (
        options.as_json,
        click.option("--base-commit", default="", metavar="COMMIT", help="The commit that BASE is of."),
        click.option("--account", required=True, help="Who opened the pull request."),
        click.option(
            "--head", required=True, type=_FOLDER, help="The files that it proposes. Nothing in there is run."
        ),
        click.option("--base", required=True, type=_FOLDER, help="The files of its base, by which it is judged."),
    ):
        command = add(command)
    return command


@ci.command()
@_folders
def verify(base: Path, head: Path, account: str, base_commit: str, as_json: bool) -> None:
    """Is the patch signed by a listed key, and are the files exactly what it says?"""
    _conclude(_looked(proposals.Name.VERIFY, base, head, account, base_commit), as_json)


@ci.command()
@_folders
def schema(base: Path, head: Path, account: str, base_commit: str, as_json: bool) -> None:
    """Is the document of the right form, and would each file be read by who uses it?"""
    _conclude(_looked(proposals.Name.SCHEMA, base, head, account, base_commit), as_json)


@ci.command()
@_folders
def authorise(base: Path, head: Path, account: str, base_commit: str, as_json: bool) -> None:
    """May who signed it change these files, and is it their account that opened the pull request?"""
    _conclude(_looked(proposals.Name.AUTHORISE, base, head, account, base_commit), as_json)


def _looked(name: proposals.Name, base: Path, head: Path, account: str, base_commit: str) -> proposals.Finding:
    bases = trees.names_of(base) | ({base_commit} if base_commit else frozenset())
    try:
        proposal = proposals.of_folders(base, head, account)
    except errors.InvalidRequestError as error:
        return proposals.Finding(name, forge.CheckState.FAILURE, error.message, error.reason)
    found = asyncio.run(proposals.look(base, bases, proposal, time.time()))
    return next(one for one in found if one.name is name)


@ci.command("apply-staging")
@click.option("--head", required=True, type=_FOLDER, help="The files that are proposed; only the patch itself is read.")
@click.option(
    "--timeout", "timeout_s", type=click.IntRange(1, 86_400), default=900, show_default=True,
    help="How long to wait for its turn and its end, seconds.",
)  # fmt: skip
@options.as_json
def apply_staging(head: Path, timeout_s: int, as_json: bool) -> None:
    """Have patchctl try the patch beside what serves, and show each step until it is found good or not.

    Asks PATCHCTL_ENDPOINT with the token BOT_TOKEN, which may be limited to staging. Where BOT_GPG_KEY has certificates, what
    another key signed is not sent.
    """
    url, token = _endpoint("PATCHCTL_ENDPOINT"), _wanted("BOT_TOKEN")
    sent = pairs.of_folder(head)
    if pinned := os.environ.get("BOT_GPG_KEY", "").strip():
        pinning.check(sent, pinned.encode(), time.time())
    asyncio.run(_tried(care_app.distant_patch_service(url, token), sent, timeout_s, as_json))


async def _tried(service: care_ports.PatchService, sent: patches.Submission, timeout_s: int, as_json: bool) -> None:
    waits_for: errors.CouncilError | None = None
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                waits_for = None
                try:
                    await _try(service, sent, as_json)
                    return
                except (errors.OverloadedError, errors.UnavailableError) as error:
                    # Another is on its way, or patchctl begins anew. To try it twice does no harm.
                    waits_for = error
                click.echo(waits_for.message, err=True)
                await asyncio.sleep(_PAUSE_S)
    except TimeoutError as error:
        if waits_for is not None:
            raise waits_for from None
        raise errors.PatchServiceUnavailableError(
            f"The trial has not ended within {timeout_s} s. Look at patchctl's log, then run this again."
        ) from error
    finally:
        await service.close()


async def _try(service: care_ports.PatchService, sent: patches.Submission, as_json: bool) -> None:
    decision = await service.apply(sent, trial=True)
    if not decision.success:
        raise errors.PatchRefusedError(f"{decision.reason}: {decision.message}", reason=decision.reason)
    await patch_command.followed(service, decision.digest, as_json, trial=True)


@ci.command()
@click.option(
    "--timeout", "timeout_s", type=click.IntRange(0, 86_400), default=300, show_default=True,
    help="How long to wait for them, seconds.",
)  # fmt: skip
@options.as_json
def gates(timeout_s: int, as_json: bool) -> None:
    """Wait until what serves is well enough to be changed: the watcher is awake, and no gate is red or amber.

    Asks COUNCIL_ENDPOINT, or the gateway beside PATCHCTL_ENDPOINT, with the token BOT_TOKEN if there is one.
    """
    given = os.environ.get("COUNCIL_ENDPOINT")
    url = _endpoint("COUNCIL_ENDPOINT") if given else _gateway_beside(_endpoint("PATCHCTL_ENDPOINT"))
    wrong = asyncio.run(_well(url, os.environ.get("BOT_TOKEN", ""), timeout_s))
    state = forge.CheckState.FAILURE if wrong else forge.CheckState.SUCCESS
    told = wrong or "No gate is red or amber."
    _conclude(proposals.Finding(proposals.Name.GATES, state, told), as_json)


async def _well(url: str, token: str, timeout_s: int) -> str:
    async with care_app.distant_sighting(url, token) as seen:
        return await _waited(seen, timeout_s)


async def _waited(seen: care_ports.Sighting, timeout_s: float) -> str:
    """Return why what serves may still not be changed, "" once it may."""
    begun_s, told, told_s = time.monotonic(), "", 0.0
    while wrong := await pulls.unwell(seen, time.time()):
        waited_s = time.monotonic() - begun_s
        if waited_s >= timeout_s:
            return wrong
        if wrong != told or waited_s - told_s >= _AGAIN_S:
            click.echo(f"{waited_s:>5.0f} s  {wrong}", err=True)
            told, told_s = wrong, waited_s
        await asyncio.sleep(min(_PAUSE_S, timeout_s - waited_s))
    return ""


@ci.command()
@click.option("--pull", "number", required=True, type=click.IntRange(1), help="The number of the pull request.")
@click.option("--head", default="", metavar="COMMIT", help="The commit that was checked. [what it proposes now]")
@options.as_json
def merge(number: int, head: str, as_json: bool) -> None:
    """Merge a pull request on GitHub if every check is present and green for that head, and no freeze label stops it.

    Asks GITHUB_API_URL about GITHUB_REPOSITORY with GITHUB_TOKEN. To ask again after a lost reply is safe.
    """
    repository, token = _wanted("GITHUB_REPOSITORY"), _wanted("GITHUB_TOKEN")
    url = _endpoint("GITHUB_API_URL") if os.environ.get("GITHUB_API_URL") else ""
    made = asyncio.run(_merged(repository, token, url, number, head))
    if as_json:
        options.print_json({"pull": number, "merged": made})
    else:
        click.echo(f"#{number} is merged as {made}. What serves follows once patchctl has judged it.")


async def _merged(repository: str, token: str, url: str, number: int, head: str) -> str:
    service = care_app.github_forge(repository, token, _ACCOUNT, url)
    try:
        return await merging.merge(service, number, head, TELLERS)
    except errors.InvalidRequestError as error:
        raise errors.InvalidRequestError(
            f"{error.reason}: {error.message}" if error.reason else error.message, reason=error.reason
        ) from error
    finally:
        await service.close()


def _conclude(found: proposals.Finding, as_json: bool) -> None:
    """Print what a check found. Raises PatchRefusedError where it is not green."""
    if as_json:
        options.print_json(_told(found))
    else:
        click.echo(found.name)
        if found.steps:
            options.print_rows([(f"  {step.value}", told.value) for step, told in found.steps])
        if found.state is forge.CheckState.SUCCESS:
            click.echo("green" if found.steps else f"green: {found.told}")
    if found.state is not forge.CheckState.SUCCESS:
        raise errors.PatchRefusedError(
            f"{found.reason}: {found.told}" if found.reason else found.told, reason=found.reason
        )


def _told(found: proposals.Finding) -> Mapping[str, Any]:
    return {
        "check": str(found.name),
        "state": found.state.value,
        "reason": found.reason,
        "message": found.told,
        "steps": [{"step": step.value, "outcome": told.value} for step, told in found.steps],
    }


def _wanted(name: str) -> str:
    """Return a variable of the environment. Raises ConfigError where it is empty."""
    found = os.environ.get(name, "").strip()
    if not found:
        raise errors.ConfigError(f"{name} is not set. Have the workflow hand it to this step.")
    return found


def _endpoint(name: str) -> str:
    """Return the address in a variable, without a path. Raises ConfigError for one where a token would travel in clear text."""
    given = _wanted(name)
    try:
        parts = urllib.parse.urlsplit(given)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urllib.parse.urlsplit("")
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if not host or parts.scheme not in ("http", "https") or not plain:
        # It may hold a password, so it is not shown.
        raise errors.ConfigError(f"{name} is no address such as http://127.0.0.1:8001. Correct it.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise errors.ConfigError(
            f"{name} is neither on this machine nor HTTPS, so a token would travel in clear text. Use https, or a tunnel."
        )
    return given.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _gateway_beside(url: str) -> str:
    """Return the gateway's address by patchctl's: it has the port before."""
    parts = urllib.parse.urlsplit(url)
    if not parts.port:
        raise errors.ConfigError("PATCHCTL_ENDPOINT names no port, so give the gateway's address as COUNCIL_ENDPOINT.")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port - 1}"
