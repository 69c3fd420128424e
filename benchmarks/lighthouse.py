"""What Lighthouse says of the built dashboard, as the gateway of a whole Council serves it. By hand: it is no tool of ours.

    npm install --prefix /tmp/lighthouse lighthouse@12
    .venv/bin/python benchmarks/lighthouse.py --lighthouse /tmp/lighthouse/node_modules/lighthouse/cli/index.js

Chromium is /usr/bin/chromium, or what CHROMIUM names. Each page is looked at some times as on a desk and as on a phone, by
whoever is not signed in; the median counts. Told is by how many points it falls short of 100. Writes results/lighthouse.json.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import browsers
import councils
import figures
import readme

RESULT = Path(__file__).resolve().parent / "results" / "lighthouse.json"
PORT = 19_280
ROUNDS = 3
PAGES = {"chat": "/", "health": "/health"}
# By device and category: how many points may be missing.
SHORT_MAX: dict[str, dict[str, float | None]] = {
    "desktop": {"performance": 5.0, "accessibility": 5.0, "best-practices": 5.0},
    "mobile": {"performance": 10.0, "accessibility": None, "best-practices": None},
}
_TIMES = {"largest-contentful-paint": "largest paint", "total-blocking-time": "blocked"}
_FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
_LOOK_S = 180


def main() -> int:
    """Measure, print, keep; return the exit status."""
    parser = argparse.ArgumentParser(description="Measure the dashboard by Lighthouse.")
    parser.add_argument("--lighthouse", type=Path, required=True, metavar="FILE", help="its cli/index.js")
    parser.add_argument("--node", default="node", metavar="PROGRAM", help="the Node to run it with")
    parser.add_argument("--port", type=int, default=PORT, help="base port of the Council")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each page is looked at")
    options = parser.parse_args()
    if reason := browsers.missing():
        print(f"The dashboard is not measured: {reason}", file=sys.stderr)
        return 1
    began, started_s = figures.circumstances(), time.monotonic()
    rows = _run(options)
    print(figures.table("lighthouse", rows))
    load = {"load_average_end": figures.circumstances()["load_average"]}
    took = {"took_s": round(time.monotonic() - started_s)}
    told = {"part": "lighthouse", **began, **load, **took, "rows": figures.as_json(rows)}
    RESULT.write_text(json.dumps(told, indent=1) + "\n")
    readme.write()
    return 1 if any(row.verdict == "MISSED" for row in rows) else 0


def _run(options: argparse.Namespace) -> list[figures.Row]:
    rows = []
    with councils.folder() as folder:
        where = councils.prepare(folder / "h", options.port)
        with councils.running(where, options.port):
            for name, path in PAGES.items():
                for device in SHORT_MAX:
                    url = f"http://127.0.0.1:{options.port}{path}"
                    looks = [_look(options, url, device) for _ in range(options.rounds)]
                    rows += _rows(name, device, looks)
    return rows


def _rows(page: str, device: str, looks: list[dict[str, Any]]) -> list[figures.Row]:
    version = looks[0]["lighthouseVersion"]
    rows = []
    for category, most in SHORT_MAX[device].items():
        short = [round(100 - look["categories"][category]["score"] * 100, 1) for look in looks]
        what = f"{page}, {device}: {category.replace('-', ' ')}, points short of 100"
        lost = sorted({title for look in looks for title in _lost(look, category)})
        note = f"Lighthouse {version}" + (f"; {', '.join(lost)}" if lost else "")
        rows.append(figures.median(what, figures.OURS, short, "points", most, note))
    for audit, what in _TIMES.items():
        times = [look["audits"][audit]["numericValue"] for look in looks]
        rows.append(
            figures.median(f"{page}, {device}: {what}", figures.OURS, times, "ms", note=f"Lighthouse {version}")
        )
    return rows


def _lost(look: dict[str, Any], category: str) -> list[str]:
    """Return the audits that cost points where all can be met; of performance the times say it."""
    if category == "performance":
        return []
    refs = look["categories"][category]["auditRefs"]
    found = [look["audits"][ref["id"]] for ref in refs if ref["weight"]]
    return [one["title"] for one in found if one["score"] is not None and one["score"] < 1]


def _look(options: argparse.Namespace, url: str, device: str) -> dict[str, Any]:
    command = [
        *(options.node, str(options.lighthouse), url, "--output=json", "--output-path=stdout", "--quiet"),
        f"--only-categories={','.join(SHORT_MAX[device])}",
        f"--chrome-flags={_FLAGS}",
        *(["--preset=desktop"] if device == "desktop" else []),
    ]
    around = {**os.environ, "CHROME_PATH": os.environ.get("CHROMIUM", "/usr/bin/chromium")}
    done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=_LOOK_S, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


if __name__ == "__main__":
    sys.exit(main())
