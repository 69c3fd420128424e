"""chaos: break a running Council on purpose, and see what it makes of it."""

import asyncio
import contextlib
import datetime
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from pathlib import Path

import click

from council.breaking import campaign as campaigns
from council.breaking import opening, undo
from council.breaking import stage as stages
from council.cli import calls, coverage, options
from council.cli.soak import SPAN
from council.domain import errors
from council.domain import home as home_module
from council.upkeep.chaos import catalogue, mark, plan, report

# Of a campaign's own home; those of its services and its upstream lie above it.
_PORT = 8400
_PARTS_MAX = 100
_SHORT_BETWEEN_S = 10.0


@click.group()
def chaos() -> None:
    """Break a running Council on purpose, each fault bounded in time and undone, and see what it makes of it."""


@chaos.command("list")
@options.home
@options.as_json
def list_faults(where: home_module.Home, as_json: bool) -> None:
    """Show every fault: what it does, whom it hurts, how it is undone, and how long it may last; and if the home is marked."""
    if as_json:
        options.print_json([_form(one) for one in catalogue.FAULTS])
        return
    for one in catalogue.FAULTS:
        services = f" ({', '.join(one.services)})" if any(one.services) else ""
        options.print_text(f"{one.name}{services}", indent=0)
        told = f"{one.does} Hurts: {one.hurts} Undone: {one.undone} Lasts {one.lasts}, at most {one.limit_s:g} s."
        options.print_text(told, indent=2)
        if one.needs:
            options.print_text(f"Needs {'; '.join(sorted(one.needs))}; in a home of your own it is left out.", indent=2)
    options.print_text(_marked(where))


def _marked(where: home_module.Home) -> str:
    """Say whether a home may be broken."""
    told = mark.told(where.chaos)
    return f"{where.root} {told}." if told else f"{where.root} is not marked: `council chaos allow` does that."


def _form(one: catalogue.Fault) -> dict[str, object]:
    told = {name: getattr(one, name) for name in ("name", "does", "hurts", "undone", "limit_s")}
    return told | {
        "lasts": str(one.lasts),
        "services": [name for name in one.services if name],
        "needs": sorted(str(need) for need in one.needs),
        "owns": sorted(one.owns),
    }


@chaos.command()
@options.home
def allow(where: home_module.Home) -> None:
    """Mark a home as one that may be broken: its users may lose answers while a fault is in."""
    if not where.root.is_dir():
        raise errors.SetupError(f"There is no home {where.root}. Make it: `council init`.")
    mark.put(where.chaos, mark.Mark(options.user_name(), time.time_ns() // 1_000))
    click.echo(
        f"{where.root} may be broken from now on, by whoever may act as its owner. `council chaos disallow` ends that."
    )


@chaos.command()
@options.home
def disallow(where: home_module.Home) -> None:
    """Take the mark away, and undo what is in."""
    was_marked = mark.read(where.chaos) is not None
    left = undo.left(where, unmarks=True)
    click.echo("It may no longer be broken." if was_marked else "It was not marked.")
    _tell(left)


@chaos.command("undo")
@options.home
def undo_left(where: home_module.Home) -> None:
    """Undo what a command that was killed left in. The next start of Council does so too.

    Exit status 1 where something could not be undone; it stays written down.
    """
    left = undo.left(where)
    if left == undo.Left():
        click.echo("No fault is in.")
    _tell(left)


def _tell(left: undo.Left) -> None:
    """Say what was undone and what was not; exit status 1 where something was not."""
    if left.fault and not left.failed:
        click.echo(f"Undone: {left.fault}.")
    for failed in left.failed:
        click.echo(f"Not undone of {left.fault}: {failed}.", err=True)
    if left.failed:
        click.echo("That stays written down. See to its cause, then: `council chaos undo`.", err=True)
    if left.unbelieved:
        click.echo(f"A note of a fault was not carried out: {left.unbelieved}.", err=True)
    if left.failed or left.unbelieved:
        sys.exit(1)


@chaos.command()
@click.argument("name", type=click.Choice(list(catalogue.BY_NAME)), metavar="NAME")
@click.option("--service", metavar="SERVICE", help="Whom it befalls, of those that it can; one is drawn by default.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the service and what is asked.")
@options.running_port
@options.home
@options.as_json
def run(name: str, service: str | None, seed: int, port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Put one fault into the running Council, and show what came of it. `council chaos list` names them.

    Exit status 1 where it ended neither green nor with a person called.
    """
    fault = catalogue.BY_NAME[name]
    if service is not None and (not service or service not in fault.services):
        known = ", ".join(one for one in fault.services if one)
        raise click.UsageError(f"{name} can befall {known}." if known else f"{name} takes no --service.")
    mark.check(where.chaos)
    turn = next(plan.turns(seed, [name], list(catalogue.Need)))
    turns = [plan.Turn(fault, turn.service if service is None else service, 0.0)]
    pace = campaigns.Pace(warm_up_s=0, calm_s=0, between_s=_SHORT_BETWEEN_S)
    found = asyncio.run(_on_running(where, port, turns, pace, seed, lambda told: _folder(where, told)))
    written = _written(found, _folder(where, found))
    coverage.note(where)
    _show(found, written, as_json=as_json)


@chaos.command()
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the order, the services, and the moments.")
@click.option("--duration", type=SPAN, default=None, metavar="TIME",
              help="Go round until then, as 30m or 8h; one round by default.")  # fmt: skip
@click.option("--fault", "names", multiple=True, type=click.Choice(list(catalogue.BY_NAME)), metavar="NAME",
              help="Only this one; may be given again.")  # fmt: skip
@click.option("--short", is_flag=True, help="A few that end within seconds.")
@click.option("--part", nargs=2, type=click.IntRange(1, _PARTS_MAX), default=(1, 1), metavar="K N",
              help="Only part K of N of a round.")  # fmt: skip
@click.option(
    "--calm", type=SPAN, default="60s", show_default=True, metavar="TIME", help="First, so long without a fault."
)
@click.option(
    "--warm-up", type=SPAN, default="60s", show_default=True, metavar="TIME", help="First of all, so long unseen."
)
@click.option("--limit", type=SPAN, default=None, metavar="TIME", help="No fault lasts longer, whatever its own limit.")
@click.option("--rate", type=click.FloatRange(0.1, 50), default=3.0, show_default=True, help="Questions a second.")
@click.option("--report", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Write the report there [HOME/chaos/…, or chaos-report for a home of its own].")  # fmt: skip
@click.option("--home", "root", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Break the Council that runs in this home, which must be marked; else one that is made for it.")  # fmt: skip
@click.option("--port", type=int, default=None, help=f"Base port of a home of its own [{_PORT}].")
@options.as_json
def campaign(
    seed: int,
    duration: float | None,
    names: tuple[str, ...],
    short: bool,
    part: tuple[int, int],
    calm: float,
    warm_up: float,
    limit: float | None,
    rate: float,
    folder: Path | None,
    root: Path | None,
    port: int | None,
    as_json: bool,
) -> None:
    """Put fault after fault into a Council under load, and report how each was noticed, repaired, and what it cost.

    Without --home it makes, starts and marks a home of its own in a temporary folder, with a scripted upstream for its model,
    and removes it in the end. Exit status 1 where a fault ended neither green nor with a person called.
    """
    if part[0] > part[1]:
        raise click.UsageError(f"There is no part {part[0]} of {part[1]}: --part takes 1 to {part[1]}, then {part[1]}.")
    if part != (1, 1) and duration is not None:
        raise click.UsageError("--part is of one round, and --duration of rounds without end. Leave one out.")
    chosen = names or (catalogue.SHORT if short else tuple(catalogue.BY_NAME))
    between_s = _SHORT_BETWEEN_S if short else campaigns.BETWEEN_S
    pace = campaigns.Pace(rate, warm_up, calm, duration or float("inf"), limit or float("inf"), between_s)
    where = None if root is None else home_module.Home(root.expanduser().resolve())
    if where is None:
        place = folder or Path("chaos-report")
        found = asyncio.run(_on_own(port or _PORT, chosen, part, pace, seed, place, whole=duration is None))
    else:
        mark.check(where.chaos)
        turns = _turns(seed, chosen, part, frozenset(), whole=duration is None)
        at, to = where, folder
        found = asyncio.run(
            _on_running(at, port, turns, pace, seed, lambda told: to or _folder(at, told), _left_out(chosen, ()))
        )
        place = folder or _folder(where, found)
    written = _written(found, place)
    if where is not None:
        coverage.note(where)
    _show(found, written, as_json=as_json)


def _turns(
    seed: int, names: Sequence[str], part: tuple[int, int], has: frozenset[catalogue.Need], *, whole: bool
) -> Iterable[plan.Turn]:
    """Return one round's part, or rounds without end."""
    possible = sum(catalogue.BY_NAME[name].needs <= has for name in names)
    rounds = plan.turns(seed, names, has)
    if whole:
        return plan.part([next(rounds) for _ in range(possible)], *part)
    return rounds


async def _on_running(
    where: home_module.Home,
    port: int | None,
    turns: Iterable[plan.Turn],
    pace: campaigns.Pace,
    seed: int,
    to: Callable[[report.Campaign], Path],
    left_out: dict[str, str] | None = None,
) -> report.Campaign:
    config = calls.config_of(where, port)
    token = await asyncio.to_thread(calls.token, where, config)
    if token is None:
        raise calls.nobody_there(config)
    base, tls = calls.address(config)
    async with _to_the_end(opening.on_running(where, config, base, tls, token, seed), where) as stage:
        return await campaigns.run(stage, turns, pace, seed, _say, left_out, lambda told: _keep(told, to(told)))


async def _on_own(
    port: int, names: Sequence[str], part: tuple[int, int], pace: campaigns.Pace, seed: int, to: Path, *, whole: bool
) -> report.Campaign:
    who = mark.Mark(options.user_name(), time.time_ns() // 1_000)
    _say("making a home")
    async with _to_the_end(opening.on_own(port, seed, who)) as stage:
        turns = _turns(seed, names, part, stage.has, whole=whole)
        left_out = _left_out(names, stage.has)
        return await campaigns.run(stage, turns, pace, seed, _say, left_out, lambda told: _keep(told, to))


def _left_out(names: Iterable[str], has: Collection[catalogue.Need]) -> dict[str, str]:
    """Return the faults that need what is not there, and what that is."""
    lacks = {name: catalogue.BY_NAME[name].needs - set(has) for name in names}
    return {name: f"needs {'; '.join(sorted(needs))}" for name, needs in lacks.items() if needs}


@contextlib.asynccontextmanager
async def _to_the_end(
    opened: "contextlib.AbstractAsyncContextManager[stages.Stage]", where: home_module.Home | None = None
) -> AsyncIterator[stages.Stage]:
    """Have Ctrl-C and SIGTERM cancel what is under way, so that the fault is taken out and the home removed."""
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        async with opened as stage:
            yield stage
    except asyncio.CancelledError as error:
        raise errors.UnavailableError(_ended(where)) from error


def _ended(where: home_module.Home | None) -> str:
    """Return what to say of a command that was ended. None for a home of its own, of which nothing is left."""
    if where is not None and undo.until_s(where) is not None:
        return "It was ended, and something of what was in could not be undone. Try again: `council chaos undo`."
    return "It was ended; what was in has been undone. Run it again for a report of all."


def _say(text: str) -> None:
    click.echo(f"[{datetime.datetime.now(datetime.UTC):%H:%M:%S}] {text}", err=True)


def _folder(where: home_module.Home, found: report.Campaign) -> Path:
    return where.chaos / found.began.removesuffix(" UTC").replace(" ", "-").replace(":", "")


def _keep(found: report.Campaign, folder: Path) -> None:
    """Have what is known so far on disk, should the rest go wrong."""
    try:
        report.keep(found, folder)
    except OSError as error:
        _say(f"what is known so far cannot be written to {folder}: {error.strerror}")


def _written(found: report.Campaign, folder: Path) -> Path:
    try:
        report.write(found, folder)
    except OSError as error:
        raise errors.SetupError(f"The report cannot be written to {folder}: {error.strerror}.") from error
    return folder / "index.html"


def _show(found: report.Campaign, place: Path, *, as_json: bool) -> None:
    if as_json:
        options.print_json(report.form(found))
    else:
        options.print_table(report.HEAD, report.rows(found.put_in), right=frozenset({1}))
        click.echo()
        for name, value, bound, met in report.targets(found.put_in, len(found.false_repairs)):
            verdict = {True: "met", False: "MISSED", None: ""}[met]
            click.echo(f"{name}: {value} (must be {bound}) {verdict}".rstrip())
        for one in found.struck:
            if one.cannot:
                click.echo(f"{one.fault} cannot be put in here: {one.cannot}")
        for name, why in found.left_out.items():
            click.echo(f"{name} was left out: it {why}")
        for line in found.false_repairs:
            click.echo(f"Without a fault: {line}")
        click.echo(f"What ended was started again by {found.manager}. Report: {place}")
    sys.exit(0 if found.well else 1)
