"""`make soak ARGS="--only release"`: a release as its maker and its user have it, with nothing that was there before.

Builds the release of the commit that is checked out, in an environment made for it; verifies it and has its source make it
again; installs everything that its lock pins, by digests, and then the wheel, into an environment of its own, and has that
make a home. Then a Council replaces itself by it, see soak_upgrade.py. The registry is asked for each package, so it takes
minutes. What took how long is in results/soak_release.json. The exit status is 1 if any of it failed.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import campaigns
import figures
import soak_upgrade

NAME = "release"
RESULT = Path(__file__).resolve().parent / "results" / "soak_release.json"
_STEP_S = 1_800
_TAIL_CHARS = 2_000


def campaign(options: Any) -> int:
    """Run it, keep what was found, print; return the exit status. `options` are those of soak.py."""
    merged = campaigns.gather(RESULT, {"commit": figures.commit()}, (1, 1), _run, quick=options.quick)
    print(table(merged))
    campaigns.write_json(options.json, merged, f"-{NAME}")
    return 1 if any(one["violations"] for one in merged["ran"].values()) else 0


def table(merged: Mapping[str, Any]) -> str:
    """Return what was gathered as Markdown."""
    [ran] = merged["ran"].values()
    rows = [f"| {name} | {took_s:.1f} s |" for name, took_s in ran["took_s"].items()]
    return "\n".join(["| step | took |", "|---|---|", *rows, *(f"\nviolation: {one}" for one in ran["violations"])])


def _run() -> dict[str, Any]:
    report: dict[str, Any] = {"circumstances": figures.circumstances(), "took_s": {}, "violations": []}
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        folder = Path(name)
        clone = folder / "clone"
        steps: list[tuple[str, Sequence[str]]] = [
            ("clone", ["git", "clone", "--quiet", str(figures.ROOT), str(clone)]),
            ("build", [sys.executable, str(clone / "tools" / "release.py"), "--output", str(folder / "dist")]),
        ]
        if _ran(steps, report):
            [release] = (folder / "dist").iterdir()
            if _ran(_steps_of(release, clone, folder), report):
                soak_upgrade.run(clone, folder, report)
    return report


def _steps_of(release: Path, clone: Path, folder: Path) -> list[tuple[str, Sequence[str]]]:
    installed = folder / "installed" / "bin"
    pip = [str(installed / "python"), "-I", "-m", "pip", "install", "--no-input", "--progress-bar", "off", "--no-deps"]
    exact = ["--require-hashes", "--only-binary", ":all:", "-r", str(release / "requirements.lock")]
    [wheel] = release.glob("*.whl")
    verify = [sys.executable, "-m", "council", "verify-release", str(release)]
    council = str(installed / "council")
    return [
        ("verify", verify),
        ("rebuild", [*verify, "--source", str(clone)]),
        ("environment", [sys.executable, "-m", "venv", str(installed.parent)]),
        ("locked packages", [*pip, *exact]),
        ("wheel", [*pip, "--no-index", str(wheel)]),
        ("version", [council, "--version"]),
        ("home", [council, "init", "--home", str(folder / "home")]),
        ("verify by the installed", [council, "verify-release", str(release)]),
    ]


def _ran(steps: Sequence[tuple[str, Sequence[str]]], report: dict[str, Any]) -> bool:
    """Run steps one after the other up to the first that fails; say whether all went well."""
    for name, command in steps:
        began_s = time.monotonic()
        # What is installed must not find this checkout.
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COUNCIL"))}
        own = {"PYTHONPATH": str(figures.ROOT / "src")} if command[0] == sys.executable else {}
        done = subprocess.run(
            command, cwd="/", env=plain | own, capture_output=True, text=True, timeout=_STEP_S, check=False
        )
        report["took_s"][name] = round(time.monotonic() - began_s, 1)
        print(f"{name}: {report['took_s'][name]} s", file=sys.stderr)
        if done.returncode:
            report["violations"].append(
                f"{name}: status {done.returncode}: {(done.stdout + done.stderr)[-_TAIL_CHARS:]}"
            )
            return False
    return True
