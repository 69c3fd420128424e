"""The gateway soak's paragraph of README.md, from results/soak_gateway.json."""

import json
from pathlib import Path
from typing import Any

_RESULT = Path(__file__).resolve().parent / "results" / "soak_gateway.json"


def soak() -> tuple[dict[str, Any], str] | None:
    """Return the circumstances of the campaign's last part and the text beneath its head, None without a result."""
    if not _RESULT.exists():
        return None
    merged = json.loads(_RESULT.read_text())
    this, ran = merged["campaign"], list(merged["ran"].values())
    violations = sum(len(one["violations"]) for one in ran)
    killed = ", the gateway killed with -9 now and then" if this["kill"] else ""
    lines = [
        f"Seed {this['seed']}, {merged['share']} of {this['duration_s']:g} s at {this['rate']:g} requests a second{killed}: "
        f"**{violations} violations**.\n",
        *(f"- {told(one)}." for one in ran),
    ]
    return ran[-1], "\n".join(lines) + "\n"


def told(one: dict[str, Any]) -> str:
    """Return what one part came to, in a sentence or two."""
    books, before, after = one["ledger"], one["memory_before_bytes"], one["memory_after_bytes"]
    grown = "" if before is None or after is None else f"; memory from {before / 1e6:.1f} to {after / 1e6:.1f} MB"
    killed = (
        f"; killed {len(one['recoveries_s'])} times, {max(one['recoveries_s']):.2f} s at most"
        if one["recoveries_s"]
        else ""
    )
    return (
        f"{one['unfaulted_good']:,} of {one['unfaulted']:,} unfaulted requests went well; {books.get('exact', 0):,} calls "
        f"charged exactly, {books.get('exact_usd_micros', 0):,} micro-dollars of "
        f"{books.get('billed_exact_usd_micros', 0):,} billed; "
        f"{books.get('estimated', 0):,} of unknown usage charged {books.get('estimated_usd_micros', 0):,} for "
        f"{books.get('billed_estimated_usd_micros', 0):,}; p50 {one['p50_ms']:.2f} ms, p99 {one['p99_ms']:.2f} ms, requests at "
        f"most {one['late_s']:.2f} s late{grown}{killed}"
    )
