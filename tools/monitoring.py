"""Writes the monitoring files of the default blueprint, and the systemd unit, into `deploy/`.

`--check` fails, with a diff, if one is stale.
"""

import argparse
import difflib
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from council.domain import alerting, gates_file, sentinels_file, watching
from council.supervisor import unit
from council.upkeep.monitoring import files

ROOT = Path(__file__).resolve().parent.parent
_FOLDER = "deploy"


def main() -> int:
    """Write or check the files; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the monitoring files of the default blueprint.")
    parser.add_argument("--check", action="store_true", help="only compare; status 1 and a diff if a file is stale")
    check = parser.parse_args().check
    made = deployed()
    stale = False
    for name in sorted(made.keys() | _present()):
        file, text = ROOT / name, made.get(name, "")
        written = file.read_text() if file.exists() else ""
        if written == text:
            continue
        stale = True
        if check:
            lines = difflib.unified_diff(
                written.splitlines(True), text.splitlines(True), name, f"{name} (from the code)"
            )
            sys.stdout.writelines(lines)
        elif name in made:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(f"wrote {name}")
        else:
            file.unlink()
            print(f"removed {name}")
    if check and stale:
        print("\nStale monitoring files. Run: make fmt", file=sys.stderr)
    return int(check and stale)


def deployed() -> Mapping[str, str]:
    """Return each file's text by its path in the repository. Grafana's lie beside the others there."""
    shipped, watched = (
        yaml.safe_load((ROOT / "config" / name).read_text()) for name in ("gates.yaml", "sentinels.yaml")
    )
    listed, sentinels = gates_file.build(shipped, shipped), sentinels_file.build(watched)
    program, home = Path("/opt/council/bin/council"), Path("/var/lib/council")
    made = files.build(listed, sentinels, alerting.AlertsConfig(), watching.WatchConfig())
    return {f"{_FOLDER}/systemd/{unit.NAME}": unit.text(unit.Unit(program, home, 8000))} | {
        f"{_FOLDER}/{name}" if name.startswith("grafana/") else f"{_FOLDER}/monitoring/{name}": text
        for name, text in made.items()
    }


def _present() -> set[str]:
    folders = [ROOT / _FOLDER / name for name in ("grafana", "monitoring", "systemd")]
    return {file.relative_to(ROOT).as_posix() for folder in folders for file in folder.rglob("*") if file.is_file()}


if __name__ == "__main__":
    sys.exit(main())
