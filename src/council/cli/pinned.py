"""Has the release that the live generation pins take this process's place, before `council up` does anything else."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from council import homes
from council.domain import errors, home, release_pin
from council.releases import environments
from council.upkeep.engine import blueprint

# By which a pinned release finds its way back to the one that it was called of: that runs what pins none.
_OWN = "COUNCIL_OWN_PYTHON"


def own_python(environment: Mapping[str, str]) -> str:
    """Return the interpreter of the release that `council up` was called of."""
    return environment.get(_OWN) or sys.executable


def take_over(where: home.Home, environment: Mapping[str, str]) -> None:
    """Go on as the pinned release, installed where it is not there; return where that is this one, or none is pinned.

    Where Council runs already nothing is done. Raises SetupError, ConfigError, BlueprintError.
    """
    live = blueprint.repair(where) if where.blueprint.exists() else None
    pin = None if live is None else homes.load_pin(where, live)
    if live is None or pin is None or _is_of(where, pin):
        return
    from council.supervisor import ownership

    try:
        held = ownership.lock(where)
    except errors.SetupError:
        return
    try:
        python = environments.python(where, pin.digest) or _installed(where, live, pin)
    finally:
        held.release()
    _become(python, environment)


def _is_of(where: home.Home, pin: release_pin.Pin) -> bool:
    return Path(sys.prefix).resolve() == environments.folder(where, pin.digest).resolve()


def _installed(where: home.Home, live: str, pin: release_pin.Pin) -> Path:
    click.echo(f"council   installs release {pin}, which the blueprint pins; it takes minutes")
    environments.clear(where, pin.digest)
    command = [sys.executable, "-m", "council", "run", "installer", "--home", str(where.root)]
    given = json.dumps(asdict(pin)).encode()
    done = subprocess.run(command, input=given, env={**os.environ, "COUNCIL_GENERATION": live}, check=False)
    if done.returncode:
        environments.remove(where, pin.digest)
        raise errors.SetupError(f"Release {pin}, which the blueprint pins, could not be installed; see above.")
    environments.stamp(where, pin)
    found = environments.python(where, pin.digest)
    assert found is not None, "it was stamped"
    return found


def _become(python: Path, environment: Mapping[str, str]) -> NoReturn:
    # What leads our Python to our packages would lead that one to them too.
    plain = {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    plain.setdefault(_OWN, sys.executable)
    sys.stdout.flush()
    os.execve(python, [str(python), "-P", "-m", "council", *sys.argv[1:]], plain)  # noqa: S606 - our own program
