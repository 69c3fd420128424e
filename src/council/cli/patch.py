"""patch: a change of the blueprint as one document: made, signed, looked at."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from council import care_app, care_ports
from council.cli import calls, intervening, options, patch_rows
from council.domain import authz, errors, home, patches, repairs
from council.kit import clock
from council.patching import checking, drafting, following, gpg, showing, situation
from council.upkeep.patchctl import freeze, history
from council.upkeep.patchctl.core import documents, signature

_DURATION = re.compile(r"([1-9][0-9]{0,5})(min|h|d)")
_SECONDS = {"min": 60, "h": 3600, "d": 86_400}
_SUFFIXES = (".sig", ".asc")


class Duration(click.ParamType[int]):
    """A time such as 30min, 24h or 7d; the command gets seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds."""
        if isinstance(value, int):
            return value
        found = _DURATION.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no time such as 30min, 24h or 7d.", param, ctx)
        return int(found[1]) * _SECONDS[found[2]]


DURATION = Duration()
# Whether it is there is said by whoever reads it, with what to do.
FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def patch() -> None:
    """Changes of the blueprint: a document and the signature of a person or bot that is listed in authz.yaml.

    `new`, `sign`, `diff` and `check` change nothing; `submit` has a patch take effect, and `rollback` takes it back.
    """


@patch.command()
@click.option(
    "--from", "folder", type=click.Path(path_type=Path, file_okay=False),
    help="Take every difference from the files in this folder, such as a clone of the blueprint.",
)  # fmt: skip
@click.option(
    "--put", "puts", multiple=True, metavar="PATH=FILE", help="Have PATH of the blueprint be what FILE holds."
)
@click.option("--delete", "deletes", multiple=True, metavar="PATH", help="Remove PATH from the blueprint.")
@click.option("--title", required=True, help="What it does, in one line.")
@click.option("--reason", required=True, help="Why, for whoever reads it later.")
@click.option("--ticket", type=click.IntRange(1, patches.TICKET_MAX), help="The number of the issue that asks for it.")
@click.option("--author", help="Who made it, as a claim that nothing checks. [the user's name]")
@click.option(
    "--expires", "lasts_s", type=DURATION, default="24h", show_default=True, help="For how long it may be sent."
)
@click.option("--binary", is_flag=True, help="Let files that are no text be part of it.")
@click.option(
    "-o", "--output", type=options.OUTPUT, default="patch.json", show_default=True, help="Where it is written."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@options.home
@options.as_json
def new(
    folder: Path | None, puts: tuple[str, ...], deletes: tuple[str, ...], title: str, reason: str, ticket: int | None,
    author: str | None, lasts_s: int, binary: bool, output: Path, force: bool, where: home.Home, as_json: bool,
) -> None:  # fmt: skip
    """Write what differs from the live generation as a patch, to be signed by `council patch sign`."""
    if (folder is None) == (not puts and not deletes):
        raise click.UsageError("Give either --from, or --put and --delete.")
    seen = situation.look(where)
    live, sizes = where.generations / seen.live, seen.policy.sizes
    if folder is not None:
        drafting.check_clone(folder, seen.live)
        changes = drafting.of_folder(live, folder, sizes, binary=binary)
    else:
        changes = drafting.of_files(live, _sources(puts), deletes, sizes, binary=binary)
    now = clock.SystemClock().now_us() // 1_000_000
    words = drafting.Words(author or options.user_name(), title, reason, now, now + lasts_s, ticket)
    raw = drafting.document(words, seen.live, changes, seen.policy, situation.checker(where, seen.live))
    drafting.write(output, raw, force=force)
    digest = patches.digest(raw)
    if as_json:
        options.print_json({"cid": patches.cid(digest), "digest": digest, "file": str(output), "base": seen.live})
        return
    for line in showing.summary(live, changes):
        click.echo(line)
    click.echo(f"Written to {output} as cid:{patches.cid(digest)}. Sign it: `council patch sign {output}`.")


def _sources(puts: tuple[str, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for one in puts:
        path, equals, source = one.partition("=")
        if not equals or not source:
            raise click.UsageError(f"{one!r} is not of the form PATH=FILE.")
        if path in found:
            raise click.UsageError(f"{path!r} is put twice.")
        found[path] = Path(source)
    return found


@patch.command()
@click.argument("document", metavar="PATCH", type=FILE)
@click.option("--key", default="", metavar="FINGERPRINT", help="Whose key; gpg's default key otherwise.")
@click.option("-o", "--output", type=options.OUTPUT, help="Where the signature is written. [beside PATCH, as .sig]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.home
def sign(document: Path, key: str, output: Path | None, force: bool, yes: bool, where: home.Home) -> None:
    """Sign PATCH by your own gpg, after a look at what it does. What patchctl could not read is not signed."""
    fingerprint = options.fingerprint(key)
    target = output or document.with_suffix(".sig")
    if target.exists() and not force:
        raise errors.InvalidRequestError(f"{target} is there already. Give another with `-o`, or `--force`.")
    seen = _seen(where)
    sizes = seen.policy.sizes if seen else authz.Sizes()
    raw = read_bounded(document, sizes.patch_bytes)
    show_contents(documents.parse(raw, sizes), patches.digest(raw), where, seen)
    if not yes:
        click.confirm("Sign this?", abort=True)
    # The bytes that were read and shown, whatever has become of the file.
    made = gpg.sign(raw, fingerprint)
    name = listed_name(raw, made, seen)
    drafting.write(target, made, force=force)
    whose = f"by {name}" if name else "by a key that authz.yaml does not list, so it counts only once it does"
    click.echo(f"Signed {whose}; written to {target}.")


def _seen(where: home.Home) -> situation.Sight | None:
    """Return what is so here, None on a machine without a Council: whoever signs may do so there."""
    return situation.look(where) if where.current.exists() else None


def show_contents(found: patches.Patch, digest: str, where: home.Home, seen: situation.Sight | None) -> None:
    """Show what a patch says of itself and does, for whoever is to sign it."""
    ticket = None if found.ticket is None else f"#{found.ticket}"
    rows = [
        ("CID", patches.cid(digest)),
        ("title", found.title),
        ("author", found.author),
        ("reason", found.reason),
        ("ticket", ticket),
        ("base", found.base),
        ("expires", patches.time_text(found.expires)),
    ]
    options.print_rows([(name, text) for name, text in rows if text is not None])
    if seen is not None and found.base in situation.Bases(where, seen.live):
        lines = list(showing.summary(where.generations / seen.live, found.changes))
    else:
        click.echo("It was made from another generation than the live one here, so what it changes cannot be counted.")
        lines = [f"{one.action} {one.path}  {len(one.content or b'')} bytes" for one in found.changes]
    for line in lines:
        click.echo(f"  {line}")


def listed_name(raw: bytes, made: bytes, seen: situation.Sight | None) -> str:
    """Return the name of the listed signer whose signature this is, "" if none is. Raises PatchRefusedError for a bad one."""
    certificates = seen.certificates if seen else {}
    revoked = seen.policy.revoked if seen else ()
    try:
        found = signature.check(raw, made, certificates, revoked, clock.SystemClock().now_us() / 1e6)
    except errors.PatchRefusedError as error:
        if error.reason != patches.Reason.SIGNATURE_UNLISTED:
            raise
        return ""
    return seen.policy.signers[found].name if seen else ""


def read_bounded(file: Path, bytes_max: int) -> bytes:
    """Return what a file holds, a byte more than is allowed at most."""
    try:
        with file.open("rb") as opened:
            return opened.read(bytes_max + 1)
    except OSError as error:
        raise errors.InvalidRequestError(f"{file} cannot be read: {error.strerror}. Name a file that can.") from error


@patch.command()
@click.argument("document", metavar="PATCH", type=FILE)
@options.home
def diff(document: Path, where: home.Home) -> None:
    """Show what PATCH changes line by line, against the live generation here."""
    seen = situation.look(where)
    found = documents.parse(read_bounded(document, seen.policy.sizes.patch_bytes), seen.policy.sizes)
    for line in showing.diff(where.generations / seen.live, found.changes):
        click.echo(line)
    if found.base != seen.live:
        click.echo(f"The patch was made from generation {found.base[:8]}, and {seen.live[:8]} is live.", err=True)


@patch.command()
@click.argument("document", metavar="PATCH", type=FILE)
@click.option("--signature", "signed", type=FILE, help="The signature. [beside PATCH, as .sig or .asc]")
@click.option("--cosignature", "cosigned", type=FILE, multiple=True, help="The signature of a further person.")
@options.home
@options.as_json
def check(document: Path, signed: Path | None, cosigned: tuple[Path, ...], where: home.Home, as_json: bool) -> None:
    """Look at PATCH as patchctl will, and say what each step finds. Changes nothing.

    Exit status 0 for a patch that would be tried, 7 for one that would be refused.
    """
    seen = situation.look(where)
    now = clock.SystemClock().now_us() / 1e6
    sent = _sent(document, signed, cosigned)
    at = situation.situation(where, seen, now)
    found = asyncio.run(checking.check(sent, seen, at, where.generations / seen.live))
    if as_json:
        _print_checked(found, seen)
    else:
        for problem in seen.problems:
            click.echo(problem, err=True)
        if found.verdict.patch is not None:
            row = history.Row(found.verdict.digest, found.verdict.patch.title, found.verdict.patch.ticket)
            click.echo(row.line)
        options.print_table(("STEP", "OUTCOME"), [(step.value, told.value) for step, told in found.steps])
        if not found.reason:
            names = ", ".join(seen.policy.signers[one].name for one in found.verdict.signers)
            click.echo(f"It would be tried. Behind it: {names}.")
        elif seen.freeze is not None:
            click.echo(f"Frozen: {seen.freeze.reason}")
    if found.reason:
        raise errors.PatchRefusedError(f"{found.reason}: {found.message}", reason=found.reason)


def _sent(document: Path, signed: Path | None, cosigned: tuple[Path, ...]) -> patches.Submission:
    return patches.Submission(
        read_bounded(document, authz.ceilings().patch_bytes),
        read_bounded(signed or _beside(document), signature.BYTES_MAX),
        tuple(read_bounded(one, signature.BYTES_MAX) for one in cosigned),
    )


@patch.command()
@click.argument("document", metavar="PATCH", type=FILE)
@click.option("--signature", "signed", type=FILE, help="The signature. [beside PATCH, as .sig or .asc]")
@click.option("--cosignature", "cosigned", type=FILE, multiple=True, help="The signature of a further person.")
@click.option(
    "--target", type=click.Choice(["live", "staging"]), default="live", show_default=True,
    help="staging: try it beside what serves, report, and leave nothing; it spends no quota.",
)  # fmt: skip
@click.option("--no-wait", is_flag=True, help="Return once it is on its way.")
@options.running_port
@options.home
@options.as_json
def submit(
    document: Path, signed: Path | None, cosigned: tuple[Path, ...], target: str, no_wait: bool, port: int | None,
    where: home.Home, as_json: bool,
) -> None:  # fmt: skip
    """Have PATCH take effect, and show each step until it does, or until it is back where it was.

    Exit status 0 once it is applied, or tried and found good; 7 where it was refused or rolled back. Ctrl-C ends the showing,
    not the patch.
    """
    sent = _sent(document, signed, cosigned)
    asyncio.run(_submit(sent, target == "staging", not no_wait, where, port, as_json))


async def _submit(
    sent: patches.Submission, trial: bool, waits: bool, where: home.Home, port: int | None, as_json: bool
) -> None:
    async with _service(where, port) as service:
        decision = await service.apply(sent, trial=trial)
        if not decision.success:
            if as_json:
                options.print_json(asdict(decision))
            raise errors.PatchRefusedError(f"{decision.reason}: {decision.message}", reason=decision.reason)
        if waits:
            await followed(service, decision.digest, as_json, trial=trial)
        elif as_json:
            options.print_json(asdict(decision))
        else:
            click.echo(f"cid:{decision.cid} is on its way. `council patch show {decision.cid}` tells how far.")


@patch.command()
@click.argument("cid", default="")
@click.option("--reason", required=True, help="Why, for whoever reads the journal later.")
@options.running_port
@options.home
@options.as_json
def rollback(cid: str, reason: str, port: int | None, where: home.Home, as_json: bool) -> None:
    """Take back the patch on its way, or else the newest that was applied. CID, if given, must be that one's."""
    options.check_reason(reason, freeze.REASON_CHARS_MAX)

    async def ask() -> None:
        async with _service(where, port) as service:
            row = await service.roll_back(cid.removeprefix("cid:").lower(), options.user_name(), reason)
            intervening.note(where, repairs.InterventionKind.ROLLBACK, f"took back patch {row['cid']}: {reason}")
            await followed(service, str(row["digest"]), as_json, trial=bool(row["trial"]), taken_back=True)

    asyncio.run(ask())


@patch.command("history")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, newest first.")
@options.home
@options.as_json
def show_history(limit: int, where: home.Home, as_json: bool) -> None:
    """Show the patches that came: who made them, how they ended, how long it took."""
    found = patch_rows.listed(where, limit, as_json=as_json)
    if not found:
        return
    rows = [
        (
            one.cid,
            patches.time_text(one.at_s) if one.at_s else "",
            f"{patch_rows.took_s(one)} s" if one.ended_s else "",
            one.author,
            one.title,
            patch_rows.outcome(one),
        )
        for one in found
    ]
    options.print_table(("CID", "CAME", "TOOK", "AUTHOR", "TITLE", "OUTCOME"), rows, right=frozenset({2}))


@patch.command()
@click.argument("cid")
@options.home
@options.as_json
def show(cid: str, where: home.Home, as_json: bool) -> None:
    """Show what is known of the patch CID, each time that it came."""
    patch_rows.show(cid, where, as_json=as_json)


@contextlib.asynccontextmanager
async def _service(where: home.Home, port: int | None) -> AsyncIterator[care_ports.PatchService]:
    made = care_app.patch_service(where, calls.config_of(where, port).patchctl_port)
    try:
        yield made
    finally:
        await made.close()


_PHASES = {
    "staging": "the new generation is written",
    "launching": "what uses the changed files starts beside what serves",
    "pausing": "no memory for both: what uses the changed files stops, then starts anew; 503 for what needs it until then",
    "examining": "both answer the questions of trial.yaml and are compared",
    "checking": "signature, policy, freeze and base are looked at again",
    "switching": "the new generation takes over",
    "baking": "it is watched while it serves",
    "undoing": "nothing is to be left of it",
    "returning": "the generation before takes over again",
    "yielding": "no memory for both: what serves stops first; 503 for what needs it until then",
}


async def followed(
    service: care_ports.PatchService, digest: str, as_json: bool, *, trial: bool = False, taken_back: bool = False
) -> None:
    """Print each step of a patch until it has ended. Raises PatchRefusedError where it did not end as it should.

    `trial`: it is only tried; `taken_back`: it is to be rolled back.
    """
    wanted = ("rolled back", "refused") if taken_back else ("tried",) if trial else ("applied",)
    shown = 0
    async with contextlib.aclosing(following.rows(service, digest, trial=trial)) as rows:
        async for row in rows:
            times = _latest(row["times"])
            if not as_json:
                if not shown:
                    click.echo(row["line"])
                for phase, at_s in times[shown:]:
                    if phase in _PHASES:
                        click.echo(f"{at_s - times[0][1]:>5} s  {phase:<10} {_PHASES[phase]}")
                shown = len(times)
            if row["outcome"]:
                _end(row, as_json, wanted)


_SERVES = {
    "applied": "Generation {} serves.",
    "tried": "Found good, and nothing is left of it.",
    "refused": "It never served.",
    # Under another name where it was applied before: the branch only ever goes on.
    "rolled back": "What served before serves again.",
}


def _latest(times: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the steps since the patch was last at rest: one that is taken back later begins anew."""
    rests = [place for place, (phase, _) in enumerate(times[:-1]) if phase == "idle"]
    return times[rests[-1] + 1 :] if rests else times


def _end(row: Mapping[str, Any], as_json: bool, wanted: tuple[str, ...]) -> None:
    times = _latest(row["times"])
    outcome, took_s = row["outcome"], times[-1][1] - times[0][1]
    if as_json:
        options.print_json(dict(row))
    if outcome in wanted:
        if not as_json:
            click.echo(
                f"{outcome.capitalize()} after {took_s} s. {_SERVES[outcome].format(row['target'][:8])}{_away(row)}"
            )
        return
    serves = "It serves." if outcome == "applied" else "What served before serves."
    why = patch_rows.briefly(row["reason"]).rstrip(".") or "it had ended by then"
    raise errors.PatchRefusedError(
        f"{outcome.capitalize()} after {took_s} s: {why}. {serves}{_away(row)} "
        f"`council patch show {row['cid']}` shows each step and reason.",
        reason=str(row["reason"]),
    )


def _away(row: Mapping[str, Any]) -> str:
    return f" What stopped for it was away for {row['away_s']} s." if row.get("away_s") else ""


def _print_checked(found: checking.Checked, seen: situation.Sight) -> None:
    options.print_json(
        {
            "cid": found.verdict.cid,
            "digest": found.verdict.digest,
            "accepted": not found.reason,
            "reason": found.reason,
            "message": found.message,
            "signers": [{"fingerprint": one, "name": seen.policy.signers[one].name} for one in found.verdict.signers],
            "steps": [{"step": step.value, "outcome": told.value} for step, told in found.steps],
            "problems": list(seen.problems),
        }
    )


def _beside(document: Path) -> Path:
    for suffix in _SUFFIXES:
        if (found := document.with_suffix(suffix)).is_file():
            return found
    raise errors.InvalidRequestError(
        f"There is no signature beside {document}. Sign it with `council patch sign {document}`, or name one with "
        "`--signature`."
    )
