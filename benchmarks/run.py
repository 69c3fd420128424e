"""`make bench`: run the parts, print a table each, keep the figures with machine, commit and date under results/.

    make bench                                  everything, about a quarter of an hour
    make bench ARGS="--only memory size"        some parts
    make bench ARGS="--no-peers --json out.json"

Never a timed test: nothing fails because a figure misses its target, the table says MISSED.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anomalies
import answers
import backup
import care
import detection
import detection_faults
import explanations
import figures
import gateways
import guides
import leaks
import leaks_bound
import leaks_fast
import leaks_real
import leaks_recorded
import leaks_young
import ledger
import levels
import locality
import locality_live
import memory
import patches
import patches_live
import programs
import ranking
import readme
import recall
import request_costs
import route
import sandbox_costs
import size
import specialists
import startup
import tracing
import watching

RESULTS = Path(__file__).resolve().parent / "results"
PORT = 18_100


def main() -> int:
    """Run what was asked for; return 1 if a part could not run."""
    options = _options()
    results: dict[str, Any] = {}
    failed = False
    for name in options.only or list(PARTS):
        say(f"{name}: begins")
        began = figures.circumstances()
        started_s = time.monotonic()
        try:
            rows = PARTS[name](options)
        except Exception as error:  # one part that cannot run must not cost the others
            say(f"{name}: failed: {type(error).__name__}: {error}")
            failed = True
            continue
        print(figures.table(name, rows) + "\n", flush=True)
        load = {"load_average_end": figures.circumstances()["load_average"]}
        took = {"took_s": round(time.monotonic() - started_s)}
        results[name] = {"part": name, **began, **load, **took, "rows": figures.as_json(rows)}
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(results[name], indent=1) + "\n")
    readme.write()
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure Council and its peers side by side.")
    parser.add_argument(
        "--only", nargs="+", choices=list(PARTS), metavar="NAME", help=f"parts to run: {', '.join(PARTS)}"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results of this run here, too")
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="measure peers, too")
    parser.add_argument("--port", type=int, default=PORT, help="base port; it and the 30 after it must be free")
    parser.add_argument("--rounds", type=int, default=7, help="starts measured where a start is what is measured")
    parser.add_argument("--questions", type=int, default=20, help="rounds of the five questions")
    parser.add_argument(
        "--data", type=Path, default=specialists.DATA, help="folder of development rows for specialists"
    )
    parser.add_argument("--sample", type=int, default=6, help="rows a file that are put to a model; 0 for none")
    parser.add_argument("--seed", type=int, default=specialists.SEED, help="seed of that sample")
    parser.add_argument(
        "--word-problems", type=int, default=20, help="word problems that the model writes programs for; 0 for none"
    )
    parser.add_argument("--live", type=int, default=200, help="held-out questions that locality asks live; 0 for none")
    parser.add_argument("--warming", type=int, default=60, help="questions before those, which do not count")
    parser.add_argument("--model", type=Path, metavar="FILE", help="GGUF file to ask the sample as well")
    parser.add_argument("--tools", action="store_true", help="ask the sample once more with `general.tools` on")
    parser.add_argument("--pairs", type=int, default=care.PAIRS, help="pairs of halves that care measures")
    parser.add_argument("--faults", type=int, default=5, help="faults of each kind that detection puts in")
    parser.add_argument("--kinds", nargs="+", choices=[one.name for one in detection_faults.KINDS], metavar="KIND",
                        help="kinds of faults; all of them where none is named")  # fmt: skip
    parser.add_argument("--calm", type=float, default=420.0, help="seconds that detection leaves it alone first")
    return parser.parse_args()


def say(text: str) -> None:
    """Print a line of progress on standard error, so that tables can be piped."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def _ledger(_: argparse.Namespace) -> list[figures.Row]:
    report = ledger.run()
    rows = []
    for line in report["results"]:
        subject = figures.OURS if line["subject"] == "ours" else f"sqlite3, {line['subject']}"
        head = f"row, {line['synchronous']}, {line['clients']} clients"
        targeted = subject == figures.OURS and line["synchronous"] == "NORMAL" and line["clients"] == 1
        target = ledger.TARGET_MS_AT_ONE_CLIENT if targeted else None
        rows += [
            figures.Row(f"{head}: p50", subject, line["p50_ms"], "ms", target, report["rows"]),
            figures.Row(f"{head}: p99", subject, line["p99_ms"], "ms", samples=report["rows"]),
            figures.Row(f"{head}: wall", subject, line["wall_ms_a_row"], "ms/row"),
            figures.Row(f"{head}: CPU", subject, line["cpu_us_a_row"], "us/row"),
        ]
    return sorted(rows, key=lambda row: row.figure)


PARTS: dict[str, Callable[[argparse.Namespace], list[figures.Row]]] = {
    "startup": lambda options: startup.run(options.port, options.rounds, options.peers, say),
    "memory": lambda options: memory.run(options.port, options.peers, say),
    "size": lambda options: size.run(options.port, options.peers, say),
    "ledger": _ledger,
    "leaks": lambda _: leaks.run(say),
    "leaks_fast": lambda _: leaks_fast.run(say),
    "leaks_bound": lambda _: leaks_bound.run(say),
    "leaks_real": lambda _: leaks_real.run(say),
    "leaks_recorded": lambda _: leaks_recorded.run(say),
    "leaks_young": lambda _: leaks_young.run(say),
    "watching": lambda options: watching.run(options.port, say),
    "care": lambda options: care.run(options.port, options.pairs, options.seed, say),
    "tracing": lambda options: tracing.run(options.port, say),
    "anomalies": lambda _: anomalies.run(say),
    "requests": lambda options: request_costs.run(options.port, options.peers, say),
    "gateways": lambda options: gateways.run(options.port, options.peers, say),
    "answers": lambda options: answers.run(options.port, options.questions, say),
    "route": lambda _: route.run(say),
    "locality": lambda options: [
        *locality.run(say),
        *(locality_live.run(options.port, say, options.live, options.warming, options.seed) if options.live else []),
    ],
    "ranking": lambda _: ranking.run(say),
    "guides": lambda _: guides.run(say),
    "recall": lambda options: recall.run(options.port, options.peers, say),
    "specialists": lambda options: specialists.run(
        options.port, say, options.data, options.sample, options.seed, options.model, options.tools
    ),
    "detection": lambda options: detection.run(options, say),
    "detection_outside": lambda options: detection.run(options, say, outside=True),
    "explanations": lambda _: explanations.run(say),
    "patches": lambda _: patches.run(say),
    "patches_live": lambda options: patches_live.run(options.port, options.seed, say),
    "backup": lambda _: backup.run(say),
    "levels": lambda options: levels.run(options.port, say),
    "programs": lambda options: programs.run(options.port, say, options.data, options.word_problems, options.seed),
    "sandbox": lambda options: sandbox_costs.run(options.port, options.peers, say),
}


if __name__ == "__main__":
    sys.exit(main())
