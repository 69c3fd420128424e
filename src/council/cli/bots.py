"""bots: programs that propose changes by themselves, each with its own key, its own line in authz.yaml and its own limits."""

import asyncio
import datetime
from pathlib import Path
from typing import Any

import click

from council import care_records, homes, kept_ports
from council.cli import keys, options
from council.domain import authz, bots, errors, home
from council.kit import clock
from council.patching import bot_keys, listing, showing, situation
from council.services import bot_runs, rights, signer
from council.upkeep.bots import registry
from council.upkeep.patchctl.core import documents, signature

_LOG_MAX = 1000
_NAME = click.argument("name", type=click.Choice([one.name for one in registry.BOTS]))


@click.group()
def group() -> None:
    """Programs that look once an hour whether there is cause to change something, and propose it."""


@group.command("list")
@options.home
@options.as_json
def list_bots(where: home.Home, as_json: bool) -> None:
    """Show every bot: whether it is listed, paused, and how its last run went."""
    runs = _runs(where)
    try:
        rows = [_row(where, one, runs.newest(1, bot=one.name)) for one in registry.BOTS]
    finally:
        runs.close()
    if as_json:
        options.print_json(rows)
        return
    head = ("BOT", "STATE", "A DAY", "LAST RUN", "OUTCOME")
    options.print_table(
        head,
        [
            (
                row["name"],
                row["state"],
                "" if row["max_daily"] is None else str(row["max_daily"]),
                row["last_run"] or "never",
                row["outcome"],
            )
            for row in rows
        ],
    )
    click.echo("")
    for row in rows:
        options.print_text(row["does"], head=row["name"], indent=13)


def _row(where: home.Home, one: bots.Bot, newest: list[bots.Run]) -> dict[str, Any]:
    line = homes.bot_signer(where, one.name)
    state = "not enabled" if line is None else "paused" if where.bot_pause_file(one.name).exists() else "enabled"
    return {
        "name": one.name,
        "does": one.does,
        "state": state,
        "fingerprint": "" if line is None else line.fingerprint,
        "allow": [] if line is None else list(line.allow),
        "max_daily": None if line is None else line.daily_max,
        "last_run": _time(newest[0].began_us) if newest else "",
        "outcome": newest[0].outcome.value if newest else "",
    }


@group.command()
@_NAME
@click.option(
    "--allow", multiple=True, metavar="GLOB", help="Paths it may change. [all that it ever drafts but prompts]"
)
@click.option(
    "--max-daily",
    type=click.IntRange(0, 100),
    default=bot_runs.DAILY_MAX,
    show_default=True,
    help="Its patches in a UTC day.",
)
@click.option("--account", default="", help="Who opens its pull requests on the forge. [its name]")
@click.option(
    "-o", "--output", type=options.OUTPUT, default="patch.json", show_default=True, help="Where a patch is written."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@options.home
def enable(
    name: str, allow: tuple[str, ...], max_daily: int, account: str, output: Path, force: bool, where: home.Home
) -> None:
    """Make a bot's key, where it has none, and the patch that lists it, which a listed person signs."""
    bot = _bot(name)
    seen = situation.look(where)
    if not any(one.kind is authz.Kind.HUMAN for one in seen.policy.signers.values()):
        raise errors.InvalidRequestError(
            "Nobody is listed who could sign a bot's line. Add yourself first: `council keys add FINGERPRINT --name NAME`."
        )
    certificate = bot_keys.ensure(where.bot_key_file(name), name).encode()
    fingerprint = signature.fingerprint_of(certificate)
    paths = allow or tuple(one for one in bot.touches if not one.startswith("prompts/"))
    line = authz.Signer(fingerprint, name, authz.Kind.BOT, paths, (), max_daily, account or name)
    changes = listing.with_signer(
        where.generations / seen.live, line, signature.read_certificate(fingerprint, certificate)
    )
    if not changes:
        click.echo(
            f"{name} is listed like this already. It looks within the hour; `council bots run {name}` does at once."
        )
        return
    keys.write_patch(where, seen, changes, f"List the bot {name}", output, force)


@group.command()
@_NAME
@click.option("--dry-run", is_flag=True, help="Only show what it would propose: nothing is signed, proposed or kept.")
@options.home
@options.as_json
def run(name: str, dry_run: bool, where: home.Home, as_json: bool) -> None:
    """Have a bot look now. Exit status 0 where it proposed something or had no cause, 7 where its draft was refused."""
    holder = signer.Signer(where)
    try:
        parts = bot_runs.parts_of(where, holder, clock.SystemClock().now_us, rights.releases_beside(where))
        try:
            done = asyncio.run(bot_runs.run(parts, _bot(name), dry=dry_run))
        finally:
            parts.runs.close()
    finally:
        holder.close()
    if as_json:
        options.print_json(
            _told(done.run) | {"draft": None if done.draft is None else bots.encode(done.draft), "dry": dry_run}
        )
    else:
        _print(where, done, dry=dry_run)
    if done.run.outcome is bots.Outcome.REFUSED:
        raise errors.PatchRefusedError(f"{done.run.reason}: {done.run.why}", reason=done.run.reason)
    if done.run.outcome is bots.Outcome.FAILED:
        raise errors.UnavailableError(done.run.why)


def _print(where: home.Home, done: bot_runs.Done, *, dry: bool) -> None:
    if done.run.report:
        click.echo(done.run.report.rstrip())
        click.echo("")
    if done.draft is not None and done.sent is not None:
        seen = situation.look(where)
        patch = documents.parse(done.sent.document, seen.policy.sizes)
        for line in showing.summary(where.generations / seen.live, patch.changes):
            click.echo(line)
        click.echo(patch.reason)
    match done.run.outcome:
        case bots.Outcome.PROPOSED if dry:
            click.echo(f"{done.run.bot} would propose this. Without `--dry-run` it does.")
        case bots.Outcome.PROPOSED:
            way = f"as pull request #{done.run.number}" if done.run.number else "straight to patchctl"
            click.echo(
                f"cid:{done.run.cid} was proposed {way}. `council patch show {done.run.cid}` says what becomes of it."
            )
        case bots.Outcome.NOTHING | bots.Outcome.TOLD:
            click.echo(f"{done.run.bot} proposes nothing: {done.run.why}.")


@group.command()
@_NAME
@options.home
def pause(name: str, where: home.Home) -> None:
    """Have a bot not run by itself until `council bots resume`. What it has proposed goes on."""
    file = where.bot_pause_file(name)
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.touch(mode=0o600)
    except OSError as error:
        raise errors.SetupError(f"{file} could not be written: {error.strerror}. Mend that and try again.") from error
    click.echo(f"{name} is paused. `council bots resume {name}` ends that.")


@group.command()
@_NAME
@options.home
def resume(name: str, where: home.Home) -> None:
    """Have a bot run by itself again."""
    where.bot_pause_file(name).unlink(missing_ok=True)
    click.echo(f"{name} runs again, where it is enabled.")


@group.command()
@click.argument("name", required=False, type=click.Choice([one.name for one in registry.BOTS]))
@click.option("--limit", type=click.IntRange(1, _LOG_MAX), default=20, show_default=True, help="Most runs to show.")
@click.option("--report", is_flag=True, help="Print the newest report in place of the list.")
@options.home
@options.as_json
def log(name: str | None, limit: int, report: bool, where: home.Home, as_json: bool) -> None:
    """Show what bots did, newest first: why nothing was proposed, or what was and why a draft was refused."""
    kept = _runs(where)
    try:
        rows = kept.newest(limit, bot=name or "")
    finally:
        kept.close()
    if report:
        found = next((one.report for one in rows if one.report), "")
        click.echo(found.rstrip() or "No run has a report. `council bots run cost --dry-run` makes one.")
        return
    if as_json:
        options.print_json([_told(one) for one in rows])
        return
    head = ("BEGAN", "BOT", "OUTCOME", "ABOUT", "PULL", "CID", "WHY")
    options.print_table(
        head,
        [
            (
                _time(one.began_us), one.bot, one.outcome.value, one.subject[:30], str(one.number or ""), one.cid,
                f"{one.reason}: {one.why}" if one.reason else one.why,
            )
            for one in rows
        ],
    )  # fmt: skip


def _told(one: bots.Run) -> dict[str, Any]:
    return {
        "id": one.id,
        "bot": one.bot,
        "began": _time(one.began_us),
        "took_s": round((one.ended_us - one.began_us) / 1e6, 3),
        "outcome": one.outcome.value,
        "about": one.subject,
        "why": one.why,
        "reason": one.reason,
        "cid": one.cid,
        "pull": one.number or None,
        "model": one.model,
        "prompt_sha256": one.prompt,
        "report": one.report,
    }


def _bot(name: str) -> bots.Bot:
    found = registry.named(name)
    assert found is not None
    return found


def _runs(where: home.Home) -> kept_ports.BotRuns:
    return care_records.bot_runs(options.known_config(where), where)


def _time(at_us: int) -> str:
    return datetime.datetime.fromtimestamp(at_us / 1e6, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")
