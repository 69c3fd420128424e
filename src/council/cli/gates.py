"""gates: the twelve conditions of health and what they say now."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

import click

from council import care_app, care_ports, care_records
from council.cli import options, sparks
from council.domain import errors, gates, home, incidents, standing, watching
from council.kit import shown

_COLOURS = {
    gates.Verdict.GREEN: "green",
    gates.Verdict.AMBER: "yellow",
    gates.Verdict.RED: "red",
    gates.Verdict.UNKNOWN: "magenta",
}
_CLEAR = "\x1b[H\x1b[2J"
_WATCH_S = 2.0
_INCIDENTS_MAX = 20


@click.command("gates")
@click.argument("name", metavar="[GATE]", required=False)
@click.option("--watch", is_flag=True, help="Show them again and again until Ctrl-C.")
@click.option(
    "--since", metavar="HOURS", type=click.FloatRange(0.1, 24 * 400), default=24.0, show_default=True,
    help="How far back the history of GATE goes.",
)  # fmt: skip
@options.home
@options.as_json
def group(name: str | None, watch: bool, since: float, where: home.Home, as_json: bool) -> None:
    """Show what each gate says, or how GATE came to say so. Straight from the watcher, so that no token is needed.

    Exit status 1 where a gate is red, so that scripts can ask.
    """
    seen = care_app.watch(where)
    if name is not None:
        _show_history(asyncio.run(_past(seen, name, since * 3600)), as_json)
        return
    while True:
        try:
            sight = asyncio.run(seen.sight())
        except errors.WatcherUnavailableError as error:
            if not watch:
                raise
            # Whoever watches wants to see that it is away, and when it is back.
            sight = watching.Sight(0, 0.0, problem=error.message)
        if as_json:
            options.print_json(asdict(sight) if watch else [asdict(one) for one in sight.gates])
        else:
            if watch and sys.stdout.isatty():
                click.echo(_CLEAR, nl=False)
            _show(sight, _open_incidents(where))
        if not watch:
            break
        sys.stdout.flush()
        time.sleep(_WATCH_S)
    if any(one.verdict is gates.Verdict.RED for one in sight.gates):
        sys.exit(1)


async def _past(seen: care_ports.Watch, name: str, span_s: float) -> tuple[watching.GateLine, watching.History]:
    sight = await seen.sight()
    line = next((one for one in sight.gates if one.name == name), None)
    if line is None:
        names = ", ".join(one.name for one in sight.gates) or "none yet"
        raise errors.NotFoundError(f"There is no gate {name!r}. There are {names}.")
    return line, await seen.history(name, sight.at_s - span_s)


def _open_incidents(where: home.Home) -> list[incidents.Incident]:
    """Return those that are open, none where the records are away: what the watcher says does not wait for them."""
    try:
        with contextlib.closing(care_records.incidents(options.known_config(where), where)) as kept:
            return kept.newest(_INCIDENTS_MAX, standing=incidents.Standing.OPEN)
    except errors.CouncilError:
        return []


def _show(sight: watching.Sight, open_incidents: Sequence[incidents.Incident]) -> None:
    if not sight.turn and sight.problem:
        click.echo(sight.problem)
        return
    if not sight.turn:
        click.echo("The watcher has just begun and has judged nothing yet. Try again in a few seconds.")
        return
    rows = [
        (one.name, _coloured(one.verdict), _number(one.value, one.unit), _limit(one), _age(sight.at_s, one), one.reason)
        for one in sight.gates
    ]
    options.print_table(("GATE", "VERDICT", "NOW", "LIMIT", "FOR", "WHY"), rows, right=frozenset({2, 3}), wraps=True)
    counts = {verdict: sum(one.verdict is verdict for one in sight.gates) for verdict in gates.Verdict}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
    click.echo()
    stands = standing.standing(sight, sight.gates[0].generation, time.time(), open_incidents=open_incidents)
    options.print_text(stands.sentence)
    options.print_text(
        f"{told}; judged {shown.clock(round(sight.at_s * 1e6))} by the {sight.gates[0].source} evaluator."
    )
    for one in sight.findings:
        if one.verdict in (gates.Verdict.AMBER, gates.Verdict.RED):
            options.print_text(
                f"{_coloured(one.verdict)}: {one.sentinel} of {one.service}. {one.reason} {one.look_next}"
            )
    away = [one for one in sight.services if one.state != "ready"]
    if away:
        options.print_text("Not ready: " + ", ".join(f"{one.name} ({one.state})" for one in away))
    if sight.problem:
        options.print_text(f"The supervisor does not say what runs: {sight.problem}")


def _show_history(found: tuple[watching.GateLine, watching.History], as_json: bool) -> None:
    line, history = found
    if as_json:
        options.print_json(asdict(line) | {"history": asdict(history)})
        return
    options.print_text(f"{line.name} must be {_limit(line)}. {line.protects}")
    options.print_text(f"Now {line.verdict}: {line.reason}")
    options.print_text(f"Without data: {line.no_data}")
    click.echo()
    if history.values:
        low, high = (bound(value for _, value in history.values) for bound in (min, max))
        told = f"{_number(low, line.unit)} to {_number(high, line.unit)}"
        click.echo(f"{sparks.drawn([value for _, value in history.values])}  {told}, one mark for each stretch of time")
    rows = [
        (shown.clock(round(one.since_s * 1e6)), _coloured(one.verdict), _number(one.value, line.unit), one.reason)
        for one in history.verdicts
    ]
    options.print_table(("SINCE", "VERDICT", "NUMBER", "WHY"), rows, right=frozenset({2}), wraps=True)


def _coloured(verdict: gates.Verdict) -> str:
    return click.style(verdict, fg=_COLOURS.get(verdict)) if sys.stdout.isatty() else str(verdict)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    return f"${value:.4f}" if unit == "USD" else f"{value:.4g}{'' if unit in ('%', '') else ' '}{unit}"


def _limit(line: watching.GateLine) -> str:
    return f"{line.comparator} {_number(line.threshold, line.unit)}"


def _age(now_s: float, line: watching.GateLine) -> str:
    return shown.duration(max(0.0, now_s - line.since_s))
