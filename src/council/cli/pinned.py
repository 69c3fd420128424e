"""Has the release that the live generation pins take this process's place, before `council up` does anything else."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

import click

from council import homes
from council.domain import errors, home, release_pin
from council.kit import process
from council.releases import approvals, environments
from council.upkeep.engine import blueprint

# As which release this process has gone on already.
_GONE_ON = "COUNCIL_GONE_ON_AS"


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
        approvals.check(where, pin)
        python = environments.python(where, pin.digest) or _installed(where, live, pin)
    finally:
        held.release()
    _become(python, pin, environment)


@contextlib.contextmanager
def kept_alone(where: home.Home) -> Iterator[bool]:
    """Keep others from starting Council; yield whether none runs and this is the release of every generation on disk."""
    from council.supervisor import ownership

    try:
        held = ownership.lock(where)
    except errors.SetupError:
        yield False
        return
    try:
        yield _is_of_all(where)
    finally:
        held.release()


def _is_of_all(where: home.Home) -> bool:
    try:
        return all(pin is None or _is_of(where, pin) for pin in homes.pins(where))
    except errors.ConfigError:
        return False


def _is_of(where: home.Home, pin: release_pin.Pin) -> bool:
    return Path(sys.prefix).resolve() == environments.folder(where, pin.digest).resolve()


def _installed(where: home.Home, live: str, pin: release_pin.Pin) -> Path:
    from council.supervisor import specs

    click.echo(f"council   installs release {pin}, which the blueprint pins; it takes minutes")
    environments.clear(where, pin.digest)
    spec = specs.installer(where)
    around = {**specs.inherited(spec, os.environ), "COUNCIL_GENERATION": live}
    given = json.dumps(asdict(pin)).encode()
    done = subprocess.run(
        spec.argv, input=given, env=around, check=False,
        preexec_fn=lambda: process.set_parent_death_signal(signal.SIGTERM),
    )  # fmt: skip
    if done.returncode:
        environments.remove(where, pin.digest)
        raise errors.SetupError(
            f"Release {pin}, which the blueprint pins, could not be installed; see above. Mend that, or "
            f"commit a blueprint without {release_pin.FILE}: then the release goes on that `council up` is called of."
        )
    environments.stamp(where, pin)
    found = environments.python(where, pin.digest)
    assert found is not None, "it was stamped"
    return found


def _become(python: Path, pin: release_pin.Pin, environment: Mapping[str, str]) -> NoReturn:
    if environment.get(_GONE_ON) == pin.digest:
        # By its prefix this is another, as where it has lost its pyvenv.cfg.
        raise errors.SetupError(
            f"The environment of release {pin} is damaged: {python} finds other packages than its own. Remove its folder, so "
            "that it is installed anew."
        )
    # What leads our Python to our packages would lead that one to them too.
    plain = {name: value for name, value in environment.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    plain.setdefault(environments.OWN, sys.executable)
    plain[_GONE_ON] = pin.digest
    sys.stdout.flush()
    os.execve(python, [str(python), "-P", "-m", "council", *sys.argv[1:]], plain)  # noqa: S606 - our own program
