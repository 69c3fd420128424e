"""What a release is made from, as it lies in this repository, and what the guide says of refusals."""

import json
import re
import tomllib
from pathlib import Path

from council.releases import checking, folder, locks

ROOT = Path(__file__).resolve().parents[3]
LICENCES = ROOT / "requirements-licences.json"


def test_every_package_of_the_lock_has_its_licence_on_record() -> None:
    wanted = {f"{one.name}=={one.version}" for one in locks.read((ROOT / folder.LOCK).read_bytes())}
    found = json.loads(LICENCES.read_text())
    assert found.keys() == wanted, "run .venv/bin/python tools/licences.py"
    assert all(found.values())


def test_the_lock_gives_what_the_project_requires_wherever_it_runs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [f'{one}; extra == "local"' for one in project["optional-dependencies"]["local"]]
    locks.check_satisfies(
        locks.read((ROOT / folder.LOCK).read_bytes()), [*project["dependencies"], *extras], checking._EXTRAS
    )


def test_what_builds_is_pinned_as_in_the_other_locks() -> None:
    built, base = (
        {(one.name, one.version) for one in locks.read((ROOT / name).read_bytes())}
        for name in ("requirements-release.lock", "requirements-dev.lock")
    )
    assert built <= base
    assert {"hatchling", "cyclonedx-python-lib"} <= {name for name, _ in built}


def test_the_guide_names_every_reason() -> None:
    guide = (ROOT / "docs" / "howto" / "make-and-verify-a-release.md").read_text()
    rows = "".join(re.findall(r"^\| .*\|$", guide, re.MULTILINE))
    assert {one.value for one in folder.Reason} <= set(re.findall(r"`([a-z_]+)`", rows))
