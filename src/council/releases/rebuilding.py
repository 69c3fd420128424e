"""A release made again from its source, and where what comes out differs.

This runs the recipe of the commit that the release names: nobody should ask for it with a checkout that they do not trust.
"""

import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from council.domain import errors
from council.releases import bills, folder, packages

_RECIPE = Path("tools") / "release.py"
_DASHBOARD_RECIPE = Path("tools") / "dashboard.py"
_DASHBOARD = "council/dashboard/"
_GIT_S, _BUILD_S = 120.0, 1800.0
_DIFFERENCES_MAX = 5
_OUTPUT_CHARS_MAX = 600
_LINE_CHARS_MAX = 80


def check(release: folder.Release, origin: bills.Origin, checkout: Path, python: str) -> None:
    """Return if the checkout's commit makes the same release, byte for byte. Takes as long as a build.

    `python`: an interpreter that has requirements-release.lock installed, "" to have an environment made. Raises
    ReleaseRefusedError, SetupError.
    """
    _check_commit(checkout, origin.commit, release.version)
    with tempfile.TemporaryDirectory(prefix="council-rebuild-") as name:
        clone, output = Path(name) / "clone", Path(name) / "output"
        _git(checkout, "clone", "--quiet", "--no-checkout", "--shared", ".", str(clone))
        _git(clone, "checkout", "--quiet", "--detach", origin.commit)
        _build(clone, output, python, is_plain=not _has_dashboard(release))
        made = output / release.version
        if not made.is_dir():
            folder.refuse(folder.Reason.VERSION_DIFFERS, f"Commit {origin.commit} is not of version {release.version}.")
        rebuilt = folder.read(made)
    if rebuilt.version != release.version:
        folder.refuse(folder.Reason.VERSION_DIFFERS, f"Commit {origin.commit} makes version {rebuilt.version}.")
    found = list(differences(release, rebuilt))
    if found:
        shown = " ".join(found[:_DIFFERENCES_MAX])
        more = f" And {len(found) - _DIFFERENCES_MAX} more." if len(found) > _DIFFERENCES_MAX else ""
        folder.refuse(
            folder.Reason.REBUILD_DIFFERS,
            f"Commit {origin.commit} makes another release. {shown}{more}{_conditions(origin)}",
        )


def _check_commit(checkout: Path, commit: str, version: str) -> None:
    if not (checkout / ".git").exists():
        raise errors.InvalidRequestError(f"{checkout} is no checkout of git. Name a clone of Council's repository.")
    if _git_says(checkout, "cat-file", "-t", commit) != "commit":
        folder.refuse(
            folder.Reason.SOURCE_LACKING,
            f"{checkout} lacks commit {commit}, of which the release says it is. "
            "`git fetch --tags` there may bring it; if it does not, the release is not of that source.",
        )
    tagged = _git_says(checkout, "rev-parse", "--quiet", "--verify", f"refs/tags/v{version}^{{commit}}")
    if tagged not in ("", commit):
        folder.refuse(
            folder.Reason.SOURCE_LACKING, f"The tag v{version} is on commit {tagged}, and the release is of {commit}."
        )


def _has_dashboard(release: folder.Release) -> bool:
    wheel = packages.wheel_files(release.files[folder.wheel_name(release.version)])
    return any(path.startswith(_DASHBOARD) for path in wheel)


def _build(clone: Path, output: Path, python: str, *, is_plain: bool) -> None:
    if not (clone / _RECIPE).is_file():
        folder.refuse(folder.Reason.REBUILD_FAILED, f"That commit has no {_RECIPE}, so it was not released by it.")
    command = [python or sys.executable, "-E", "-s", str(clone / _RECIPE), "--output", str(output)]
    if python:
        command += ["--python", python]
    # Commits from before there was one do not know the word.
    if is_plain and (clone / _DASHBOARD_RECIPE).is_file():
        command += ["--without-dashboard"]
    try:
        done = subprocess.run(
            command,
            cwd=clone,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_BUILD_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise errors.SetupError(
            f"The build did not end within {_BUILD_S:.0f} s. Try again when less is going on."
        ) from error
    except OSError as error:
        raise errors.SetupError(
            f"{command[0]} cannot be started ({error.strerror}). Name another with --python."
        ) from error
    if done.returncode:
        told = " ".join(done.stdout.decode("utf-8", "replace").split())[-_OUTPUT_CHARS_MAX:]
        raise errors.SetupError(
            f"The release could not be built again, so nothing is known of it: {_printable(told)} Mend that and try again."
        )


def _git(place: Path, *arguments: str) -> str:
    done = _ran(place, *arguments)
    if done.returncode:
        told = " ".join(done.stderr.decode("utf-8", "replace").split())[-_OUTPUT_CHARS_MAX:]
        raise errors.SetupError(f"git says of {place}: {_printable(told)} Name another clone of Council's repository.")
    return done.stdout.decode("utf-8", "replace").strip()


def _git_says(place: Path, *arguments: str) -> str:
    done = _ran(place, *arguments)
    return "" if done.returncode else done.stdout.decode("utf-8", "replace").strip()


def _ran(place: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            ["git", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false", *arguments],
            cwd=place,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise errors.SetupError(f"git did not end within {_GIT_S:.0f} s. Try again when less is going on.") from error
    except OSError as error:
        raise errors.SetupError("git cannot be started. Install it: `apt-get install git`.") from error


# Where they differ


def differences(release: folder.Release, rebuilt: folder.Release) -> Iterator[str]:
    """Yield a sentence for each file that is not the same in both, saying where. Pure. Raises ReleaseRefusedError."""
    inside: Mapping[str, Callable[[bytes], Mapping[str, bytes]]] = {
        folder.wheel_name(release.version): packages.wheel_files,
        folder.archive_name(release.version): packages.archive_files,
    }
    for name, content in release.files.items():
        other = rebuilt.files[name]
        if content == other:
            continue
        if name not in inside:
            yield f"{name} differs {_where(content, other)}."
            continue
        found = list(_members(inside[name](content), inside[name](other)))
        if not found:
            yield f"{name} holds the same files, but not packed the same, from byte {_first(content, other)} on."
        yield from (f"{name}: {one}." for one in found)


def _members(given: Mapping[str, bytes], made: Mapping[str, bytes]) -> Iterator[str]:
    for path in sorted(given.keys() | made.keys()):
        if path not in made:
            yield f"{path} is not of the source"
        elif path not in given:
            yield f"{path} of the source is not in it"
        elif given[path] != made[path]:
            yield f"{path} differs {_where(given[path], made[path])}"


def _where(given: bytes, made: bytes) -> str:
    place = _first(given, made)
    if b"\0" in given or b"\0" in made:
        return f"from byte {place} on"
    number = given.count(b"\n", 0, place) + 1
    return f"in line {number}: {_line(given, number)} instead of {_line(made, number)}"


def _first(given: bytes, made: bytes) -> int:
    """Return the number of the first byte that differs, from 0."""
    low, high = 0, min(len(given), len(made))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if given[:middle] == made[:middle] else (low, middle - 1)
    return low


def _line(content: bytes, number: int) -> str:
    lines = content.split(b"\n")
    text = lines[number - 1].decode("utf-8", "replace") if number <= len(lines) else ""
    return repr(_printable(text[:_LINE_CHARS_MAX]))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _conditions(origin: bills.Origin) -> str:
    here = (f"{sys.version_info.major}.{sys.version_info.minor}", zlib.ZLIB_RUNTIME_VERSION)
    if here == (origin.python, origin.zlib):
        return ""
    return (
        f" It was built with Python {origin.python[:32]} and zlib {origin.zlib[:32]}, and here with {here[0]} and {here[1]}: "
        "compare where these are the same."
    )
