"""Writes the figures of results/*.json into README.md, between its two marks: no number there that no command printed."""

import json
from pathlib import Path
from typing import Any

import chaos_readme
import figures
import gateway_readme
import patches_live_readme
import patches_readme
import pipeline_readme
import questions_readme
import sandbox_readme

_HERE = Path(__file__).resolve().parent
README = _HERE / "README.md"
RESULTS = _HERE / "results"
_BEGIN, _END = "<!-- figures: begin -->\n", "<!-- figures: end -->\n"
_ORDER = (
    "startup",
    "memory",
    "size",
    "ledger",
    "requests",
    "tracing",
    "gateways",
    "answers",
    "route",
    "specialists",
    "levels",
    "programs",
    "locality",
    "ranking",
    "recall",
    "guides",
    "sandbox",
    "leaks",
    "detection",
    "detection_outside",
    "leaks_fast",
    "leaks_bound",
    "leaks_real",
    "leaks_recorded",
    "leaks_young",
    "watching",
    "care",
    "explanations",
    "anomalies",
    "patches",
    "patches_live",
    "backup",
    "dashboard",
    "lighthouse",
)

_PICTURES = {
    "route": "route_reliability.svg",
    "specialists": "answer_reliability.svg",
    "locality": "confidence_reliability.svg",
}


def write() -> None:
    """Bring the tables in README.md up to the results that are there."""
    before, _, rest = README.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    found = [json.loads(path.read_text()) for name in _ORDER if (path := RESULTS / f"{name}.json").exists()]
    text = "\n".join(
        [
            _targets(found),
            *map(_part, found),
            *_soak(),
            *_sandbox_soak(),
            *_gateway_soak(),
            *_patches_soak(),
            *_questions_soak(),
            *_chaos_soak(),
        ]
    )
    README.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")


def _targets(found: list[dict[str, Any]]) -> str:
    lines = ["### Targets\n", "| figure | value | target | |", "|---|---:|---:|---|"]
    for part in found:
        rows = [row for row in part["rows"] if "target" in row]
        ours = {row["figure"] for row in part["rows"] if row["subject"] == figures.OURS}
        cases: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            if row["subject"] == figures.OURS:
                lines.append(_target(row, row["figure"], row.get("verdict", "no figure")))
            elif row["figure"] not in ours:
                cases.setdefault(row["figure"], []).append(row)
        lines += [_worst(figure, of_it) for figure, of_it in cases.items()]
    return "\n".join(lines) + "\n"


def _worst(figure: str, cases: list[dict[str, Any]]) -> str:
    """Return the line of a figure whose subjects are no peers but cases of ours: that of the worst one."""
    worst = max(cases, key=lambda row: row.get("value", float("inf")) - row["target"])
    missed = sum(row.get("verdict") != "met" for row in cases)
    name = f"{figure}: {worst['subject']}" + (f", the worst of {len(cases)}" if len(cases) > 1 else "")
    return _target(worst, name, f"MISSED by {missed} of {len(cases)}" if missed else "met")


def _target(row: dict[str, Any], name: str, verdict: str) -> str:
    unit = row["unit"]
    return f"| {name} | {figures.short(row.get('value'))} {unit} | <= {row['target']:g} {unit} | {verdict} |"


def _part(part: dict[str, Any]) -> str:
    ours = {row["figure"]: row.get("value") for row in part["rows"] if row["subject"] == figures.OURS}
    lines = [
        f"### {part['part']}\n",
        f"{_circumstances(part)}\n",
        "| figure | subject | value | ratio to ours | from .. to (n) | note |",
        "|---|---|---:|---:|---|---|",
    ]
    for row in part["rows"]:
        value, own = row.get("value"), ours.get(row["figure"])
        ratio = f"{value / own:.2f}" if row["subject"] != figures.OURS and value is not None and own else ""
        spread = (
            f"{figures.short(row['low'])} .. {figures.short(row['high'])} ({row['samples']})" if "low" in row else ""
        )
        cells = (
            row["figure"],
            row["subject"],
            f"{figures.short(value)} {row['unit']}",
            ratio,
            spread,
            row.get("note", ""),
        )
        lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    picture = _PICTURES.get(part["part"], "")
    if picture and (RESULTS / picture).exists():
        lines += ["", f"![What was said against what was right](results/{picture})"]
    return "\n".join(lines) + "\n"


def _circumstances(one: dict[str, Any]) -> str:
    commit = one["commit"]
    tree = " with uncommitted changes" if commit.endswith("+") else ""
    busy = ", ".join(f"{load:g}" for load in one["load_average"])
    return (
        f"{one['date']}, commit {commit[:10]}{tree}; {one['cpu']}, {one['cores']} cores, {one['memory_mib']:,} MiB, "
        f"Linux {one['kernel']}, Python {one['python']}; load average before: {busy}."
    )


def _soak() -> list[str]:
    path = RESULTS / "soak.json"
    if not path.exists():
        return []
    merged = json.loads(path.read_text())
    campaign, ran = merged["campaign"], list(merged["ran"].values())
    rows = sum(sum(one["ledger_rows"].values()) for one in ran)
    violations = sum(len(one["violations"]) for one in ran)
    lines = [
        "### soak\n",
        f"{_circumstances(ran[-1])}\n",
        f"Seed {campaign['seed']}, {merged['share']}, {campaign['lanes']} lanes of {campaign['duration_s']:g} s: "
        f"{sum(one['acknowledged'] for one in ran):,} answers acknowledged, {rows:,} ledger rows, "
        f"**{violations} violations**.\n",
        "| killed with -9 | times | ready again p50 | p95 | max |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in sorted({name for one in ran for name in one["recoveries_s"]}):
        times = [time_s for one in ran for time_s in one["recoveries_s"].get(name, [])]
        cells = (figures.quantile(times, 0.5), figures.quantile(times, 0.95), max(times))
        lines.append(f"| {name} | {len(times)} | " + " | ".join(f"{cell:.2f} s" for cell in cells) + " |")
    lines += ["", "| service | memory before | after | peak |", "|---|---:|---:|---:|"]
    watched = [(name, lane) for one in ran for name, lanes in one["memory_bytes"].items() for lane in lanes]
    for name, lane in watched:
        sizes_mb = [lane[key] / 1e6 for key in ("before_bytes", "after_bytes", "peak_bytes")]
        lines.append(f"| {name} | " + " | ".join(f"{size_mb:.1f} MB" for size_mb in sizes_mb) + " |")
    return ["\n".join(lines) + "\n"]


def _sandbox_soak() -> list[str]:
    told = sandbox_readme.soak()
    if told is None:
        return []
    circumstances, text = told
    return ["### soak of the sandbox\n", f"{_circumstances(circumstances)}\n", text]


def _gateway_soak() -> list[str]:
    told = gateway_readme.soak()
    if told is None:
        return []
    circumstances, text = told
    return ["### soak of the gateway\n", f"{_circumstances(circumstances)}\n", text]


def _patches_soak() -> list[str]:
    found = (*patches_readme.soaks(), *patches_live_readme.soaks(), *pipeline_readme.soaks())
    told = [f"{_circumstances(circumstances)}\n\n{text}" for circumstances, text in found]
    return ["### soak of patches\n", *told] if told else []


def _questions_soak() -> list[str]:
    told = [f"{_circumstances(circumstances)}\n\n{text}" for circumstances, text in questions_readme.soaks()]
    return ["### soak of made questions\n", *told] if told else []


def _chaos_soak() -> list[str]:
    return [
        f"### soak of {title}\n\n{_circumstances(circumstances)}\n\n{text}"
        for title, circumstances, text in chaos_readme.soaks()
    ]


if __name__ == "__main__":
    write()
