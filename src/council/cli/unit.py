"""service: have systemd run Council, and start it again whatever ends it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from council.cli import options
from council.domain import errors
from council.domain import home as home_module
from council.supervisor import unit

_SYSTEM = Path("/etc/systemd/system")
_RUNS = Path("/run/systemd/system")


@click.group()
def service() -> None:
    """Have systemd run Council, and start it again whatever ends it."""


@service.command()
@click.option("--print", "only_print", is_flag=True, help="Print the unit, and change nothing.")
@options.port
@options.home
def install(only_print: bool, port: int | None, where: home_module.Home) -> None:
    """Write the systemd unit: the system's as root, else your own user's. Says how to start it; starts nothing itself."""
    text = unit.text(unit.Unit(_program(), where.root, port or 0, of_user=os.geteuid() != 0))
    if only_print:
        click.echo(text, nl=False)
        return
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
    except OSError as error:
        raise errors.SetupError(f"{path} cannot be written: {error.strerror}. See it with `--print`.") from error
    click.echo(f"Wrote {path}.")
    if not _RUNS.is_dir():
        click.echo("systemd does not run here, so nothing will start it.")
        return
    _reload()
    user = "" if os.geteuid() == 0 else " --user"
    click.echo(f"Stop what runs now with `council down`, then: systemctl{user} enable --now {unit.NAME}")
    if user:
        click.echo("To have it run while you are logged out: loginctl enable-linger")


@service.command()
def uninstall() -> None:
    """Remove the unit. What runs goes on until `council down`, and is started by nobody after that."""
    path = _path()
    if _RUNS.is_dir() and path.exists():
        # Its link among what is started at boot goes, too.
        _systemctl("disable", unit.NAME)
    try:
        path.unlink()
    except FileNotFoundError:
        click.echo("There is no unit.")
        return
    except OSError as error:
        raise errors.SetupError(f"{path} cannot be removed: {error.strerror}. Try again as its owner.") from error
    if _RUNS.is_dir():
        _reload()
    click.echo(f"Removed {path}.")


def _path() -> Path:
    if os.geteuid() == 0:
        return _SYSTEM / unit.NAME
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base, "systemd", "user", unit.NAME)


def _program() -> Path:
    """Return the `council` of this environment, which need not be the one that the PATH leads to."""
    own = Path(sys.prefix, "bin", "council")
    if own.exists():
        return own
    found = shutil.which("council")
    if found is None:
        raise errors.SetupError(
            "The command `council` is not installed in this environment. Install Council, then try again."
        )
    return Path(found)


def _reload() -> None:
    _systemctl("daemon-reload")


def _systemctl(*words: str) -> None:
    command = ["systemctl", *(() if os.geteuid() == 0 else ("--user",)), *words]
    subprocess.run(command, check=False, capture_output=True, timeout=60)
