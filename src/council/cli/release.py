"""verify-release: whether a folder holds a release as it was released, and whether its source makes the same.

approve-release: that this machine may run it, if the blueprint pins it.
"""

import hashlib
from dataclasses import asdict
from pathlib import Path

import click

from council.cli import options
from council.domain import home as home_module
from council.kit import clock
from council.releases import approvals, checking
from council.releases import folder as folder_module

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("verify-release")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--key", default="", metavar="FINGERPRINT|FILE", help="Whose signature it must have; FILE: a certificate."
)
@click.option("--source", type=_FOLDER, help="A clone to build it again from, and compare. Runs that clone's recipe.")
@click.option(
    "--python",
    default="",
    metavar="PATH",
    help="Build with this Python, which has requirements-release.lock installed already.",
)
@options.as_json
def verify(folder: Path, key: str, source: Path | None, python: str, as_json: bool) -> None:
    """Check the release in FOLDER: its signature, digests, lock, bill of materials and packages. It changes nothing.

    Exit status 7, with the reason, where it is not what was released.
    """
    if source is not None and not as_json:
        click.echo("Building it again takes a while.", err=True)
    found = checking.look(folder, key, source, python, clock.SystemClock().now_us() / 1e6)
    if as_json:
        options.print_json(asdict(found))
        return
    unchecked = "there is one; name whose it must be with --key" if found.is_signed else "there is none"
    options.print_rows(
        [
            ("release", f"{found.version}, of commit {found.commit}"),
            ("signature", f"by {found.signer}" if found.signer else f"not checked: {unchecked}"),
            ("digests", f"{found.files} files, each as SHA256SUMS says"),
            ("lock", f"{found.pins} versions of packages, each with the same digests in the bill of materials"),
            ("wheel", f"{found.wheel_files} files of Council, which need what the lock pins"),
            ("rebuild", "the same, byte for byte" if found.is_rebuilt else "not asked for: --source CLONE does it"),
        ]
    )


@click.command("approve-release")
@click.argument("folder", type=_FOLDER)
@click.option(
    "--key", default="", metavar="FINGERPRINT|FILE", help="Whose signature it must have; FILE: a certificate."
)
@options.home
@options.as_json
def approve(folder: Path, key: str, where: home_module.Home, as_json: bool) -> None:
    """Check the release in FOLDER, and let this machine run it once the blueprint pins it.

    A signed patch that pins a release is not enough: whoever owns the machine must have said so here. Exit status 7, with the
    reason, where it is not what was released.
    """
    release = folder_module.read(folder)
    found = checking.look_at(release, key, None, "", clock.SystemClock().now_us() / 1e6)
    digest = hashlib.sha256(release.sums).hexdigest()
    is_new = approvals.approve(where, digest, found.version)
    if as_json:
        options.print_json({"version": found.version, "digest": digest, "signer": found.signer, "new": is_new})
        return
    signed = f"signed by {found.signer}" if found.signer else "its signature was not looked at"
    click.echo(f"Release {found.version} ({digest[:16]}), {signed}, {'is' if is_new else 'was already'} approved.")
    click.echo(f"Its digest, for release.yaml: {digest}")
