"""security: how safe this Council is, and of what it is made."""

import datetime
import importlib.metadata
import sys
from pathlib import Path

import click
import orjson
from packaging import utils

import council
from council import homes
from council.cli import calls, options
from council.domain import config as config_module
from council.domain import errors, home, patches, release_pin
from council.domain import security as security_domain
from council.kit import clock as clock_module
from council.releases import billing, bills, folder, locks
from council.services import advisory_files, safety
from council.upkeep.bots import security as drafts
from council.upkeep.engine import blueprint

_UNFIT = frozenset({security_domain.Severity.CRITICAL, security_domain.Severity.HIGH})


@click.group()
def security() -> None:
    """How safe this Council is: packages, settings, files, keys, ports, secrets, confinement."""


@security.command()
@click.option("--fetch", is_flag=True, help="Ask `watch.advisories_url` about each installed package first.")
@click.option(
    "--draft", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER",
    help="Write the files of a patch that mends what one can mend into FOLDER.",
)  # fmt: skip
@options.running_port
@options.home
@options.as_json
def check(fetch: bool, draft: Path | None, port: int | None, where: home.Home, as_json: bool) -> None:
    """Look at everything, the worst first. Exit status 1 for a finding that is high or critical.

    Packages are held against advisories in HOME/advisories, which needs no network: OSV's export of the ecosystem PyPI as a
    zip, a clone of the Python Packaging Authority's database as `vulns`, single advisories in JSON or YAML, and what `--fetch`
    brings. What nothing tells of is unknown, and never counts as safe.
    """
    config = calls.config_of(where, port)
    now_s = clock_module.SystemClock().now_us() / 1e6
    if fetch:
        _fetch(where, config, now_s)
    shelf = advisory_files.Shelf(where)
    report = safety.look(where, config, shelf, now_s)
    mended = drafts.draft(report, safety.held(where, shelf, now_s)) if draft is not None else None
    if as_json:
        options.print_json(form(report))
    else:
        _show(report)
    if draft is not None and mended is not None:
        _write(draft, mended)
    if any(one.severity in _UNFIT for one in report.findings):
        sys.exit(1)


@security.command()
@options.home
def sbom(where: home.Home) -> None:
    """Write the bill of materials of what serves, CycloneDX 1.6 in JSON.

    A pinned release's is the one that it came with, checked against its lock. Without a pin it is made of the packages that are
    installed.
    """
    generation = blueprint.current(where)
    pin = homes.load_pin(where, generation)
    sys.stdout.write(_bill_of(pin) if pin is not None else _bill_of_installed(generation))


def _bill_of(pin: release_pin.Pin) -> str:
    release = folder.read(Path(pin.folder))
    folder.check_digests(release)
    if safety.digest_of(release) != pin.digest:
        folder.refuse(folder.Reason.DIGEST_WRONG, f"In {pin.folder} lies another release than the one that is pinned.")
    bills.check(release.bill, release.version, locks.read(release.lock))
    return release.bill.decode()


def _bill_of_installed(generation: str) -> str:
    found: dict[str, billing.Installed] = {}
    for one in importlib.metadata.distributions():
        if one.metadata["Name"]:
            name = str(utils.canonicalize_name(one.metadata["Name"]))
            licence = one.metadata["License-Expression"] or ""
            found[name] = billing.Installed(name, one.version, licence)
    found.pop(billing.NAME, None)
    at = patches.time_text(clock_module.SystemClock().now_us() // 1_000_000)
    made = billing.bill(council.__version__, list(found.values()), at, generation)
    return orjson.dumps(made, option=orjson.OPT_INDENT_2).decode() + "\n"


def _fetch(where: home.Home, config: config_module.Config, now_s: float) -> None:
    url = config.watch.advisories_url
    if not url:
        raise errors.InvalidRequestError(
            "`watch.advisories_url` is empty, so nobody is asked. Set it by `council config set watch.advisories_url=URL`, or "
            f"put OSV's export of PyPI into {where.advisories}."
        )
    packages = safety.installed(where)
    if packages is None:
        raise errors.SetupError("The installed packages cannot be listed. Run `council doctor`.")

    def tell(place: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{place:,} of {len(packages):,}", nl=False, err=True)

    silent = advisory_files.fetch(where, url, packages, patches.time_text(int(now_s)), tell)
    if sys.stderr.isatty():
        click.echo("", err=True)
    if silent:
        click.echo(f"The index said nothing of {', '.join(silent)}.", err=True)


def _write(into: Path, mended: security_domain.Mended | security_domain.NotMended) -> None:
    if isinstance(mended, security_domain.NotMended):
        click.echo(f"No patch is drafted: {mended.why}.", err=True)
        return
    try:
        into.mkdir(parents=True, exist_ok=True)
        for path, content in mended.files.items():
            (into / path).write_bytes(content)
    except OSError as error:
        raise errors.InvalidRequestError(f"{into} cannot be written: {error.strerror}. Name another folder.") from error
    sources = " ".join(f"{path}={into / path}" for path in sorted(mended.files))
    click.echo(f"{mended.title}. {mended.reason}", err=True)
    click.echo(
        f'Read it, then `council patch new {sources} --title "{mended.title}" --reason ...`, and sign that.', err=True
    )


def form(report: security_domain.Report) -> dict[str, object]:
    """Return a report as JSON holds it."""
    return {
        "schema": security_domain.SCHEMA,
        "at": patches.time_text(int(report.at_s)),
        "counts": report.counts(),
        "findings": [
            {
                "check": one.check,
                "severity": one.severity,
                "subject": one.subject,
                "text": one.text,
                "evidence": one.evidence,
                "next_step": one.next_step,
                "patch_mends_it": one.mend is not None,
            }
            for one in report.findings
        ],
        "unknown": [{"check": one.check, "why": one.why, "next_step": one.next_step} for one in report.unknown],
        "advisories": [
            {
                "source": one.name,
                "advisories": one.advisories,
                "whole": one.is_whole,
                "as_of": None if one.as_of_s is None else patches.time_text(int(one.as_of_s)),
            }
            for one in report.data
        ],
        "expires": {kind: patches.time_text(int(at_s)) for kind, at_s in report.expiries},
    }


def _show(report: security_domain.Report) -> None:
    for one in report.findings:
        _line(one.severity, one.check, f"{one.subject}: {one.text} ({one.evidence})")
        _line("", "", one.next_step)
    for lack in report.unknown:
        _line("unknown", lack.check, lack.why)
        if lack.next_step:
            _line("", "", lack.next_step)
    for data in report.data:
        age = (
            "of no date"
            if data.as_of_s is None
            else f"{(report.at_s - data.as_of_s) / security_domain.DAY_S:.0f} days old"
        )
        whole = "a whole database" if data.is_whole else "no whole database"
        _line("data", "packages", f"{data.name}: {data.advisories:,} advisories, {whole}, {age}")
    if any(data.as_of_s is not None for data in report.data):
        newest = max(data.as_of_s for data in report.data if data.as_of_s is not None)
        day = datetime.datetime.fromtimestamp(newest, datetime.UTC).date()
        _line("", "", f"what became known after {day} is in none of them")
    counts = report.counts()
    click.echo(", ".join(f"{number} {name}" for name, number in counts.items()))


def _line(kind: str, check: str, text: str) -> None:
    options.print_text(text, head=f"{kind:<9}{check:<13}", indent=22)
