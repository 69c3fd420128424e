"""The sandbox soak's paragraph of README.md, from results/soak_sandbox.json."""

import json
from pathlib import Path
from typing import Any

import figures

_RESULT = Path(__file__).resolve().parent / "results" / "soak_sandbox.json"


def soak() -> tuple[dict[str, Any], str] | None:
    """Return the circumstances of the campaign's last part and the text beneath its head, None without a result."""
    if not _RESULT.exists():
        return None
    merged = json.loads(_RESULT.read_text())
    this, ran = merged["campaign"], list(merged["ran"].values())
    lanes = [lane for one in ran for lane in one["lanes"]]
    answers, records = (sum(lane[name] for lane in lanes) for name in ("answers", "records"))
    violations = sum(len(lane["violations"]) for lane in lanes)
    lines = [
        f"Seed {this['seed']}, {merged['share']}, {this['lanes']} lanes, {this['jobs']:,} jobs: {answers:,} answered, "
        f"{records:,} audit records, the pool full {max(lane['pool_full_s'] for lane in lanes):.2f} s after the last job, "
        f"**{violations} violations**.\n",
        "| killed with -9 | times | jobs again p50 | p95 | max |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in sorted({name for lane in lanes for name in lane["recoveries_s"]}):
        times = [time_s for lane in lanes for time_s in lane["recoveries_s"].get(name, [])]
        cells = (figures.quantile(times, 0.5), figures.quantile(times, 0.95), max(times))
        lines.append(f"| {name} | {len(times)} | " + " | ".join(f"{cell:.2f} s" for cell in cells) + " |")
    lines += ["", "| what the clients did | times |", "|---|---:|"]
    for name in sorted({name for lane in lanes for name in lane["exchanges"]}):
        lines.append(f"| {name} | {sum(lane['exchanges'].get(name, 0) for lane in lanes):,} |")
    return ran[-1], "\n".join(lines) + "\n"
