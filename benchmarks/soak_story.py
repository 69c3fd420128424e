"""`make soak ARGS="--only story"`: a newcomer's whole story in a real browser and a terminal, before a whole Council.

    make soak ARGS="--only story"
    make soak ARGS="--only story --pictures FOLDER"      with a picture of each step
    make soak ARGS="--only story --readme-pictures"      and those that README.md shows made anew

Somebody opens the link, asks a question of each specialist and looks at the evidence, breaks a service by `council chaos`, sees
it noticed and repaired, reads why, applies a signed patch, and rolls it back: ui/browser/story.mjs. Some four minutes. What
each step took is in results/soak_story.json; the exit status is 1 if any step did not come.
"""

import argparse
import contextlib
import functools
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browsers
import campaigns
import councils
import figures
from council.domain import home as home_module
from council.upkeep.engine import blueprint

NAME = "story"
RESULT = Path(__file__).resolve().parent / "results" / "soak_story.json"
PICTURES = figures.ROOT / "docs" / "images"
PICTURE_BYTES_MAX = 150_000
# What README.md shows: the picture's name there, and the step that it is of.
SHOWN = {
    "chat": "asked-code",
    "health": "it-is-noticed",
    "insight": "it-is-explained",
    "changes": "the-patch-serves",
}
# By it an alert comes before any gate turns red, nobody who asks is hurt, and all is well again soon after the repair.
_FAULT, _SERVICE = "descriptor-leak", "sandboxd"
_PORT_AWAY = 900
# An alert is over after ten seconds of green and not after a minute; nothing else is other than as shipped but the bake.
# How fast a busy machine's model answers is not what is told; the pictures of README.md are made where it is fast enough.
_LATENCY = (b'limit: "<1000ms"\n    amber: 800\n', b'limit: "<60000ms"\n    amber: 50000\n')
_SETTINGS = {"COUNCIL_ALERTS_HOLD_DOWN_S": "10", "COUNCIL_BAKE_DURATION_S": "10", "COUNCIL_WATCH_INTERVAL_S": "2"}


def campaign(options: argparse.Namespace) -> int:
    """Run it, keep what each step took unless it was run for its pictures, print; return the exit status."""
    reason = browsers.missing() or ("" if shutil.which("gpg") else "there is no gpg, which signs the patch")
    if reason:
        print(f"The story is not told: {reason}", file=sys.stderr)
        return 1
    quick = options.quick or options.pictures is not None or options.readme_pictures
    run = functools.partial(_run, options.port + _PORT_AWAY, options.pictures, for_readme=options.readme_pictures)
    merged = campaigns.gather(RESULT, {"commit": figures.commit()}, (1, 1), run, quick=quick)
    print(table(merged))
    campaigns.write_json(options.json, merged, f"-{NAME}")
    return 1 if any(one["violations"] for one in merged["ran"].values()) else 0


def table(merged: dict[str, Any]) -> str:
    """Return what was gathered as text."""
    [ran] = merged["ran"].values()
    rows = [f"{one['took_s']:>8.1f} s  {one['step']}" for one in ran["steps"]]
    return "\n".join(["== story", *rows, *(f"violation: {line}" for line in ran["violations"])])


def _run(port: int, pictures: Path | None, *, for_readme: bool) -> dict[str, Any]:
    report: dict[str, Any] = {"circumstances": figures.circumstances(), "steps": [], "violations": []}
    with councils.folder() as folder:
        shots = pictures.resolve() if pictures is not None else folder / "pictures"
        shots.mkdir(parents=True, exist_ok=True)
        try:
            with _keyring() as (ring, key):
                where = councils.prepare(folder / "h", port)
                if not for_readme:
                    _bear_a_busy_machine(where)
                _tell(folder, where, port, shots, (ring, key), report)
        except (browsers.WentWrongError, councils.NotReadyError) as error:
            report["violations"].append(str(error))
        if for_readme and not report["violations"]:
            report["violations"] += _shown(shots)
    return report


def _bear_a_busy_machine(where: home_module.Home) -> None:
    gates = (where.current / "gates.yaml").read_bytes()
    wider = gates.replace(*_LATENCY)
    assert wider != gates
    blueprint.commit(where, {"gates.yaml": wider}, "Bear a busy machine")


def _tell(
    folder: Path, where: home_module.Home, port: int, shots: Path, signer: tuple[Path, str], report: dict[str, Any]
) -> None:
    ring, key = signer
    with councils.running(where, port, **_SETTINGS):
        around = councils.environment(COUNCIL_HOME=str(where.root), COUNCIL_PORT=str(port), GNUPGHOME=str(ring))
        made = subprocess.run([*councils.COMMAND, "login", "--json"], env=around, check=True, capture_output=True)
        desk = folder / "desk"
        desk.mkdir()
        wish = {
            "url": f"http://127.0.0.1:{port}",
            "link": json.loads(made.stdout)["link"],
            "command": councils.COMMAND,
            "blueprint": str(where.blueprint),
            "key": key,
            "fault": _FAULT,
            "service": _SERVICE,
            "folder": str(desk),
            "pictures": str(shots),
        }

        def hear(step: dict[str, Any]) -> None:
            report["steps"].append(step)
            print(f"[{time.strftime('%H:%M:%S')}] {step['step']}: {step['took_s']} s", file=sys.stderr, flush=True)

        browsers.lines("story.mjs", wish, around, hear)


@contextlib.contextmanager
def _keyring() -> Iterator[tuple[Path, str]]:
    """Give the folder of a ring of its own for gpg, and the fingerprint of Ann's key in it; its agent ends with the block."""
    with tempfile.TemporaryDirectory(prefix="gpg", ignore_cleanup_errors=True) as name:
        base = ["gpg", "--homedir", name, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
        made = ["--quick-generate-key", "Ann <ann@example.org>", "ed25519", "sign", "1y"]
        try:
            subprocess.run([*base, *made], check=True, timeout=60)
            listed = subprocess.run(
                [*base, "--list-keys", "--with-colons"], check=True, timeout=60, capture_output=True
            )
            lines = listed.stdout.decode().splitlines()
            yield Path(name), next(line.split(":")[9] for line in lines if line.startswith("fpr"))
        finally:
            subprocess.run(["gpgconf", "--homedir", name, "--kill", "all"], check=False, timeout=60)


def _shown(shots: Path) -> list[str]:
    """Put the pictures of README.md into their place; return what is wrong with them."""
    PICTURES.mkdir(exist_ok=True)
    wrong = []
    for name, step in SHOWN.items():
        [shot] = shots.glob(f"[0-9][0-9]-{step}.webp")
        if (size := shot.stat().st_size) > PICTURE_BYTES_MAX:
            wrong.append(f"the picture {name} has {size} bytes; at most {PICTURE_BYTES_MAX} are wanted")
        else:
            shutil.copyfile(shot, PICTURES / f"{name}.webp")
    return wrong
