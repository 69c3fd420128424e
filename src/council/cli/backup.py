"""backup: snapshots of the home in a place of your own, and a home out of one again."""

import datetime
import os
import secrets as secrets_module
from dataclasses import asdict, replace
from pathlib import Path

import click

from council import care_ports, care_records
from council.backups import copying, making, parts, restoring
from council.cli import options
from council.domain import backup, errors, home
from council.domain import config as config_module
from council.kit import durable

_FOLDER = click.Path(path_type=Path, file_okay=False)
# Letters and digits that nobody takes for others.
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 8, 5
_SAID_AS = {"sqlite": "the home's own database", "server": "a database server"}


@click.group("backup")
def group() -> None:
    """Snapshots of the home, encrypted, each night, in a place of your own; and a home out of one again."""


@group.command("run")
@click.option("--anew", is_flag=True, help="Begin again at a target that has lost all its snapshots.")
@options.home
@options.as_json
def run_now(anew: bool, where: home.Home, as_json: bool) -> None:
    """Make a snapshot now, read it back, and remove those that are kept no longer. Council may run meanwhile."""
    made, _ = _parts(where)
    try:
        ended = making.run(made, lambda text: None if as_json else click.echo(f"{text} …", err=True), anew=anew)
    finally:
        made.log.close()
    if as_json:
        options.print_json(asdict(ended))
        return
    took_s = (ended.ended_us - ended.began_us) / 1e6
    click.echo(
        f"Snapshot {ended.snapshot}: {ended.files} files, {_megabytes(ended.size_bytes)}, of which "
        f"{_megabytes(ended.added_bytes)} were new at {ended.target}; read back whole. It took {took_s:.1f} s."
    )


@group.command("drill")
@options.home
@options.as_json
def drill_now(where: home.Home, as_json: bool) -> None:
    """Restore the newest snapshot on trial, check that it is a whole home, and remove that again."""
    made, _ = _parts(where)
    try:
        ended = making.drill(made, lambda text: None if as_json else click.echo(f"{text} …", err=True))
    finally:
        made.log.close()
    if as_json:
        options.print_json(asdict(ended))
        return
    took_s = (ended.ended_us - ended.began_us) / 1e6
    click.echo(
        f"Snapshot {ended.snapshot} is a whole home: {ended.files} files, {_megabytes(ended.size_bytes)}. "
        f"It took {took_s:.1f} s."
    )


@group.command("list")
@click.option("--target", default="", metavar="PLACE", help="Look there [backup.target].")
@click.option("--secrets", "keys", type=_FOLDER, help="Where backup.passphrase lies [the home's secrets].")
@options.home
@options.as_json
def list_snapshots(target: str, keys: Path | None, where: home.Home, as_json: bool) -> None:
    """Show the snapshots, newest first, and what became of the last runs."""
    found = _vault(where, target, keys).snapshots()
    runs = _last_runs(where)
    if as_json:
        options.print_json({"snapshots": [asdict(one) for one in found], "runs": [asdict(one) for one in runs]})
        return
    if found:
        options.print_table(
            ("snapshot", "made (UTC)", "home"), [(one.id, _moment(one.at_s), one.home) for one in found]
        )
    else:
        click.echo("There are no snapshots yet. `council backup run` makes the first.")
    for one in runs:
        outcome = "went well" if one.outcome is backup.Outcome.OK else f"failed: {one.reason}"
        click.echo(
            f"The last {'run' if one.kind is backup.Kind.RUN else 'drill'}, {_moment(one.began_us / 1e6)} UTC, {outcome}"
        )


@group.command()
@click.argument("snapshot", default="latest")
@options.home
@options.as_json
def verify(snapshot: str, where: home.Home, as_json: bool) -> None:
    """Read every byte of SNAPSHOT back, the newest one unless named. Exit status 1 where it is damaged."""
    vault = _vault(where, "", None)
    one = restoring.chosen(vault.snapshots(), snapshot)
    vault.verify(one.id)
    if as_json:
        options.print_json({"snapshot": one.id, "at_s": one.at_s, "whole": True})
        return
    click.echo(f"Snapshot {one.id} of {_moment(one.at_s)} UTC can be read back whole.")


@group.command()
@click.argument("to", metavar="FOLDER", type=_FOLDER)
@click.option("--snapshot", default="latest", show_default=True, help="Which: its id, or how that begins.")
@click.option("--target", default="", metavar="PLACE", help="Where snapshots lie [backup.target of the home].")
@click.option("--secrets", "keys", type=_FOLDER, help="Where backup.passphrase lies, and what else opens the target.")
@click.option(
    "--records-url", default="", metavar="URL", help="Put the records into this database, which must be empty."
)
@options.home
@options.as_json
def restore(
    to: Path, snapshot: str, target: str, keys: Path | None, records_url: str, where: home.Home, as_json: bool
) -> None:
    """Make the home FOLDER of a snapshot. It must not be there, or be empty.

    On a machine without a home give --target and --secrets: a folder with `backup.passphrase`, and `backup.s3` or
    `backup.ssh_key` and `backup.known_hosts`. The password of --records-url may be given by COUNCIL_RECORDS_URL=URL instead.
    """
    to = to.expanduser().absolute()
    restoring.check_place(to)
    busy_s = config_module.Config().records.busy_s
    url = records_url or os.environ.get("COUNCIL_RECORDS_URL", "")
    with restoring.beside(to) as work:
        done = restoring.restore(
            _vault(where, target, keys, work=work),
            snapshot,
            to,
            parts.count,
            lambda text: None if as_json else click.echo(f"{text} …", err=True),
            (lambda file: parts.fill(file, url, busy_s)) if url else None,
        )
    if as_json:
        told = asdict(replace(done.manifest, files={}))
        options.print_json({"snapshot": done.snapshot.id, "home": str(to), **told, "files": len(done.manifest.files)})
        return
    _say_restored(done, to, bool(url))


def _say_restored(done: restoring.Restored, to: Path, is_elsewhere: bool) -> None:
    manifest = done.manifest
    rows = ", ".join(f"{count:,} {name}" for name, count in manifest.counts.items() if count)
    click.echo(
        f"{to} is the home of {_moment(manifest.at_s)} UTC: generation {manifest.generation[:8]}, {rows or 'no rows'}."
    )
    if manifest.left_out:
        click.echo(f"Not in the snapshot, put these there again: {copying.left_out_words(manifest.left_out)}.")
    if manifest.records_from == "server" and not is_elsewhere:
        click.echo(
            "The records were a server's, and lie in the home now. Start with COUNCIL_RECORDS_URL= set to nothing, or put them "
            "into a server: restore again with --records-url."
        )
    click.echo(f"Start it: council up --home {to}")


@group.command()
@options.home
def passphrase(where: home.Home) -> None:
    """Make the passphrase that opens the snapshots, and show it once: without it nobody can restore one.

    To use one of your own, write it into `secrets/backup.passphrase` of the home.
    """
    if not where.secrets.is_dir():
        raise errors.SetupError(f"There is no Council under {where.root}. Run `council init`.")
    file = where.backup_passphrase_file
    if file.exists():
        raise errors.SetupError(
            f"There is a passphrase already, in {file}. Snapshots that were made with it need it, so it stays; to have "
            "another, move that file away first."
        )
    made = "-".join("".join(secrets_module.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))
    try:
        durable.write_whole(file, f"{made}\n".encode(), 0o600)
    except OSError as error:
        raise errors.SetupError(f"{file} could not be written: {error.strerror}. Mend that and try again.") from error
    click.echo(made)
    click.echo("Keep it where this machine's end does not end it. Without it no snapshot can be restored.", err=True)


def _parts(where: home.Home) -> tuple[making.Parts, config_module.Config]:
    config = options.config_of(where)
    return parts.made(config, config.backup, where), config


def _vault(where: home.Home, target: str, keys: Path | None, work: Path | None = None) -> care_ports.Vault:
    """Return the repository that the options name, else the home's. One that was named shows the snapshots of every home."""
    if target:
        settings, name = (
            backup.BackupConfig(target=target if target.startswith(("s3:", "sftp:")) else _absolute(target)),
            "",
        )
    else:
        settings, name = options.known_config(where).backup, parts.label(where)
    return parts.vault(settings, keys or where.secrets, work or where.backup_work, name)


def _absolute(folder: str) -> str:
    return str(Path(folder).expanduser().absolute())


def _last_runs(where: home.Home) -> list[backup.Run]:
    """Return the last run and the last drill that the home's records know of; none where there is no home."""
    try:
        log = care_records.backups(options.known_config(where), where)
    except errors.CouncilError:
        return []
    try:
        return [one for kind in backup.Kind for one in log.newest(1, kind=kind)]
    except errors.RecordsUnavailableError as error:
        click.echo(f"What became of runs cannot be read: {error.message}", err=True)
        return []
    finally:
        log.close()


def _moment(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC).strftime("%Y-%m-%d %H:%M")


def _megabytes(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"
