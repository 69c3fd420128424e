"""Builds the release of the commit that is checked out: what it holds is the commit's alone, to the byte.

    dist/0.1.0/
      council_cloud-0.1.0-py3-none-any.whl    what is installed
      council_cloud-0.1.0.tar.gz              what it was built from
      requirements.lock                       what must be installed before it, each file by its digest
      council-cloud-0.1.0.cdx.json            bill of materials, CycloneDX 1.6
      SHA256SUMS                              of all these
      SHA256SUMS.asc                          a signature over that, where `--key` names one of your own gpg's keys

The files are taken from the commit into a folder of their own and built there, with nothing but what requirements-release.lock
pins, at the time of the commit. So neither folder, clock, time zone, umask nor what lies about in the checkout shows. What is
left of the machine is named in the bill: the Python that built and its zlib, which packs.

Standard library only: whoever verifies a release runs this from a clone, before anything is installed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import dashboard
import progress

ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements.lock"
BUILD_LOCK = "requirements-release.lock"
SUMS = "SHA256SUMS"
SIGNATURE = "SHA256SUMS.asc"
_GIT_S, _BUILD_S, _SIGN_S = 120, 600, 300
_SHOWN_MAX = 10
_FINGERPRINT = re.compile(r"[0-9a-f]{40}\Z")
# A person's settings of git must not change what a commit's files are.
_GIT = ("git", "-c", "core.autocrlf=false", "-c", "core.attributesFile=/dev/null", "-c", "core.hooksPath=/dev/null")


class UnbuildableError(Exception):
    """There is no release to be made here; the text says why and what to do."""


class Commit(NamedTuple):
    """What is built. `time_s` in Unix seconds."""

    name: str
    time_s: int


def main() -> int:
    """Build, and return the exit status."""
    parser = argparse.ArgumentParser(description="Build the release of the commit that is checked out.")
    parser.add_argument("--key", default="", metavar="FINGERPRINT", help="sign with this key of your own gpg")
    parser.add_argument("--output", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where VERSION/ is made")
    parser.add_argument(
        "--python", metavar="PATH", help=f"build with this Python, which has {BUILD_LOCK} installed already"
    )
    parser.add_argument("--without-dashboard", action="store_true", help="with a plain page; no npm is needed")
    arguments = parser.parse_args()
    os.umask(0o022)
    try:
        _release(arguments.output.resolve(), _fingerprint(arguments.key), arguments.python, arguments.without_dashboard)
    except UnbuildableError as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except progress.StepFailedError as failure:
        print(f"\nThe release stopped at: {failure.title}\n{failure.tail()}", file=sys.stderr)
        print("Nothing was written. Mend that, then run the same command again.", file=sys.stderr)
        return 1
    except (OSError, subprocess.SubprocessError, dashboard.UnbuildableError) as problem:
        print(f"\nThe release stopped: {problem}. Nothing was written; run the same command again.", file=sys.stderr)
        return 1
    return 0


def _release(output: Path, key: str, python: str | None, without_dashboard: bool) -> None:
    commit = _clean_commit()
    with tempfile.TemporaryDirectory(prefix="council-release-") as name:
        folder = Path(name)
        source, made = folder / "source", folder / "made"
        made.mkdir()
        # All of the index is what the commit holds, since nothing differs from it.
        _git("checkout-index", "--all", f"--prefix={source}/")
        version = _version(source)
        builder = _checked_builder(python, source) if python else _fresh_builder(folder / "environment", source)
        if not without_dashboard:
            _add_dashboard(source)
        _build(builder, source, made, commit)
        shutil.copyfile(source / LOCK, made / LOCK)
        (made / f"council-cloud-{version}.cdx.json").write_bytes(_bill(builder, source, commit))
        (made / SUMS).write_bytes(_sums(made))
        if key:
            _sign(made / SUMS, made / SIGNATURE, key)
        _put(made, output / version)
    print(f"{output / version}: release {version} of commit {commit.name}")
    if not key:
        print("It is not signed. `make release RELEASE_KEY=FINGERPRINT` signs it with a key of your own gpg.")


# What is built


def _clean_commit() -> Commit:
    """Return the commit that is checked out. Raises UnbuildableError where anything in the checkout is not in it."""
    changed = _git("status", "--porcelain", "--untracked-files=normal").splitlines()
    if changed:
        shown = "\n".join(changed[:_SHOWN_MAX])
        more = f"\nand {len(changed) - _SHOWN_MAX} more" if len(changed) > _SHOWN_MAX else ""
        raise UnbuildableError(
            f"This checkout holds what no commit does:\n{shown}{more}\n"
            "A release is made of a commit alone. Commit it, or put it aside with `git stash --include-untracked`, then run "
            "the same command again."
        )
    name, time_s = _git("log", "-1", "--format=%H %ct").split()
    return Commit(name, int(time_s))


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            [*_GIT, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_S, check=False
        )
    except FileNotFoundError as error:
        raise UnbuildableError("git is not installed. Install it: `apt-get install git`.") from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()
        raise UnbuildableError(
            f"git says: {told}\nA release is made from a clone of the repository; make one and run it there."
        )
    return done.stdout.decode(errors="replace")


def _version(source: Path) -> str:
    import tomllib  # older Pythons, which lack it, are told so above

    version = str(tomllib.loads((source / "pyproject.toml").read_text())["project"]["version"])
    shown = re.search(r'^__version__ = "(.*)"$', (source / "src/council/__init__.py").read_text(), re.MULTILINE)
    if shown is None or shown.group(1) != version:
        raise UnbuildableError(
            f"pyproject.toml says {version}, src/council/__init__.py another version. Make them the same, then commit."
        )
    return version


# What builds


def _fresh_builder(folder: Path, source: Path) -> str:
    """Return a Python whose environment holds what the build lock pins, and nothing else."""
    python = str(folder / "bin" / "python")
    progress.run("make an environment to build in", [sys.executable, "-m", "venv", str(folder)])
    # Wheels only: building from source would fetch build tools that no lock pins.
    exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(source / BUILD_LOCK)]
    quiet = ["--no-input", "--no-color", "--progress-bar", "off", "--disable-pip-version-check"]
    progress.run(
        f"install what {BUILD_LOCK} pins", [python, "-I", "-m", "pip", "install", *quiet, *exact], _pip_environment()
    )
    return python


def _pip_environment() -> Mapping[str, str]:
    # Where the registry is and how it is reached is the person's to say; where packages go is not.
    dropped = {"PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


_INSTALLED = """
import json, sys
from importlib import metadata
from packaging.requirements import Requirement
lines = [line.split(' \\\\')[0] for line in open(sys.argv[1]) if line[:1].isalnum()]
wanted = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
found = {one.name: next((i.version for i in metadata.distributions(name=one.name)), None) for one in wanted}
print(json.dumps([str(one) for one in wanted if found[one.name] is None or found[one.name] not in one.specifier]))
"""


def _checked_builder(python: str, source: Path) -> str:
    """Return `python` if it has what the build lock pins. Raises UnbuildableError."""
    done = subprocess.run(
        [python, "-I", "-c", _INSTALLED, str(source / BUILD_LOCK)], capture_output=True, timeout=_BUILD_S, check=False
    )
    lacking = json.loads(done.stdout) if done.returncode == 0 else ["packaging"]
    if lacking:
        raise UnbuildableError(
            f"{python} lacks {', '.join(lacking)}. Leave out --python, and an environment is made for this build alone."
        )
    return python


def _clean_environment(commit: Commit) -> Mapping[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": str(commit.time_s),
    }


def _add_dashboard(source: Path) -> None:
    """Build the dashboard of the commit into the package, where the commit has one. Raises UnbuildableError."""
    ui, into = source / "ui", source / "src" / "council" / "dashboard"
    if (ui / "package.json").is_file():
        made_of = dashboard.digest(ui)
        for step, command in dashboard.steps(ui, dashboard.check_tools()):
            progress.run(f"dashboard: {step}", command)
        dashboard.place(ui / "dist", into, made_of)


def _build(builder: str, source: Path, made: Path, commit: Commit) -> None:
    command = [
        builder,
        "-I",
        "-m",
        "hatchling",
        "build",
        "--target",
        "sdist",
        "--target",
        "wheel",
        "--directory",
        str(made),
    ]
    _run("build the source archive and the wheel", command, source, commit)


def _bill(builder: str, source: Path, commit: Commit) -> bytes:
    script = source / "tools" / "release_sbom.py"
    return _run(
        "write the bill of materials", [builder, "-I", str(script), commit.name, str(commit.time_s)], source, commit
    )


def _run(title: str, command: Sequence[str], folder: Path, commit: Commit) -> bytes:
    done = subprocess.run(
        command,
        cwd=folder,
        env=_clean_environment(commit),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_BUILD_S,
        check=False,
    )
    if done.returncode:
        output = (done.stdout + done.stderr).decode(errors="replace")
        raise progress.StepFailedError(title, command, done.returncode, output)
    return done.stdout


# What is written


def _sums(made: Path) -> bytes:
    """Return the digests in the form that `sha256sum --check` reads."""
    lines = [f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in sorted(made.iterdir())]
    return "".join(lines).encode()


def _fingerprint(given: str) -> str:
    key = given.replace(" ", "").lower().removeprefix("0x")
    if key and not _FINGERPRINT.match(key):
        raise SystemExit("--key takes a full fingerprint, 40 hex digits: `gpg --list-secret-keys` shows it.")
    return key


def _sign(document: Path, signature: Path, key: str) -> None:
    options = ["--batch", "--local-user", key, "--armor", "--no-textmode", "--digest-algo", "SHA256"]
    try:
        # Its agent asks for the passphrase on the terminal.
        done = subprocess.run(
            ["gpg", *options, "--output", str(signature), "--detach-sign", str(document)],
            capture_output=True,
            timeout=_SIGN_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise UnbuildableError("gpg is not installed. Install it: `apt-get install gpg`.") from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()
        raise UnbuildableError(f"gpg did not sign: {told}\n`gpg --list-secret-keys` shows the keys that you have.")


def _put(made: Path, place: Path) -> None:
    """Move what was made to its place, whole. A release of other bytes that lies there is left, and said."""
    there = place / SUMS
    if place.exists() and (not there.is_file() or there.read_bytes() != (made / SUMS).read_bytes()):
        raise UnbuildableError(
            f"{place} holds another build of this version. Raise the version in pyproject.toml and src/council/__init__.py, or "
            "remove that folder, then run the same command again."
        )
    if place.exists():
        if (made / SIGNATURE).exists():
            shutil.copyfile(made / SIGNATURE, place / SIGNATURE)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=place.parent) as beside:
        # Another file system may lie between, over which nothing can be moved in one step.
        shutil.copytree(made, Path(beside) / "ready").rename(place)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever `python3` is starts this
        sys.exit("A release is built with Python 3.11 or later: `make release PYTHON=python3.11`.")
    sys.exit(main())
