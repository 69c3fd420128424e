"""soak: ask for hours, and see whether every gate stays green."""

import asyncio
import contextlib
import datetime
import random
import re
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import click

from council import care_app, care_ports, homes
from council.cli import calls, options
from council.domain import config as config_module
from council.domain import errors, gates
from council.domain import home as home_module
from council.kit import waiting
from council.upkeep.soak import load, profiles, record, report

_READ_S = 5.0
_ASK_S = 120.0
_SAY_S = 60.0
# Of the limit on questions a minute, since others ask, too.
_LIMIT_SHARE = 0.8
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LONGEST_S = 31 * 86_400.0


class _Span(click.ParamType[float]):
    """A time span such as 90s, 20m, 48h or 1h30m; the command gets seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        if isinstance(value, float):
            return value
        parts = re.fullmatch(r"(?:[0-9]{1,9}[smhd])+", str(value))
        seconds = sum(int(count) * _UNITS_S[unit] for count, unit in re.findall(r"([0-9]{1,9})([smhd])", str(value)))
        if parts is None or not 1 <= seconds <= _LONGEST_S:
            self.fail(
                f"{value!r} is no time span of a second to 31 days. Write it as 90s, 20m, 48h or 1h30m.", param, ctx
            )
        return float(seconds)


SPAN = _Span()


@click.command()
@click.option("--duration", type=SPAN, required=True, metavar="TIME", help="How long, as 90s, 20m, 48h or 1h30m.")
@click.option(
    "--load", "profile_name", type=click.Choice(list(profiles.PROFILES)), default="light", show_default=True,
    help="; ".join(f"{name}: {one.doc}" for name, one in profiles.PROFILES.items()) + ".",
)  # fmt: skip
@click.option("--warm-up", type=SPAN, default="4m", show_default=True, metavar="TIME",
              help="What is seen before does not count.")  # fmt: skip
@click.option("--report", "folder", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="Write index.html, soak.json and a PNG for each gate there.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the questions and their moments.")
@options.running_port
@options.home
@options.as_json
def soak(
    duration: float,
    profile_name: str,
    warm_up: float,
    folder: Path | None,
    seed: int,
    port: int | None,
    where: home_module.Home,
    as_json: bool,
) -> None:
    """Ask the running service real questions for a time, and see whether every gate stays well.

    Passes, with exit status 0, only if no gate that applies was red or unknown after warm-up. Ctrl-C ends it early and tells
    what was seen so far; that is not a pass. It asks with the owner's token, and what is asked costs what it costs.
    """
    config = calls.config_of(where, port)
    token = calls.token(where, config)
    if token is None:
        raise calls.nobody_there(config)
    found = asyncio.run(_soak(where, config, token, profile_name, duration, warm_up, seed))
    if folder is not None:
        try:
            report.write(found, folder)
        except OSError as error:
            raise errors.SetupError(f"The report cannot be written to {folder}: {error.strerror}.") from error
    if as_json:
        options.print_json(report.as_json(found))
    else:
        _show(found, folder)
    sys.exit(0 if found.passed else 1)


async def _soak(
    where: home_module.Home,
    config: config_module.Config,
    token: str,
    profile_name: str,
    duration_s: float,
    warm_up_s: float,
    seed: int,
) -> report.Soak:
    """Ask and look until the time is over, or somebody ends it."""
    watch = care_app.watch(where)
    before = await watch.sight()
    generation = before.gates[0].generation if before.gates else ""
    needs = {one.name: record.needs_s(one) for one in homes.load_gates(where, generation)} if generation else {}
    profile = profiles.PROFILES[profile_name]
    slower = max(1.0, _most_a_minute(profile) / (_LIMIT_SHARE * config.gateway.requests_per_minute))
    asked, seen, stop = load.Asked(), record.Record(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ending = loop.call_later(duration_s, stop.set)
    began_s = time.monotonic()
    began = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    async with _asker(config, token) as ask:
        looking = asyncio.create_task(_look(watch, seen, asked, began_s, stop))
        try:
            await load.run(profile, ask, asked, random.Random(seed), stop, slower)  # noqa: S311 - chance that can be repeated
            stopped_s = await looking
        finally:
            ending.cancel()
            looking.cancel()
    ran_s = min(duration_s, stopped_s - began_s)
    rulings = seen.rulings(warm_up_s, needs)
    return report.Soak(
        profile_name, duration_s, ran_s, warm_up_s, ran_s < duration_s, began, generation, asked, seen, rulings
    )


def _most_a_minute(profile: profiles.Profile) -> float:
    return profile.rate * (60 - profile.burst_s) + profile.burst_rate * profile.burst_s


async def _look(
    watch: care_ports.Watch, seen: record.Record, asked: load.Asked, began_s: float, stop: asyncio.Event
) -> float:
    """Read what the watcher sees until told to stop, and return when that was; say now and then how it goes."""
    said_s = began_s
    while not stop.is_set():
        now_s = time.monotonic()
        try:
            sight = await watch.sight()
            seen.take(now_s - began_s, sight, time.time() - sight.at_s)
        except errors.WatcherUnavailableError as error:
            seen.miss(now_s - began_s, error.message)
        if now_s - said_s >= _SAY_S:
            said_s = now_s
            bad = ", ".join(
                f"{name} {course.verdict(len(seen.times_s) - 1)}"
                for name, course in seen.courses.items()
                if course.verdict(len(seen.times_s) - 1) in (gates.Verdict.RED, gates.Verdict.UNKNOWN)
            )
            click.echo(f"{now_s - began_s:.0f} s: {asked.total} questions; {bad or 'all is well'}", err=True)
        await waiting.within(stop, _READ_S)
    return time.monotonic()


@contextlib.asynccontextmanager
async def _asker(config: config_module.Config, token: str) -> AsyncIterator[load.Ask]:
    """Give what puts a question to the running service and says in a few words how it ended."""
    base, tls = calls.address(config)
    timeout = aiohttp.ClientTimeout(total=_ASK_S)
    async with aiohttp.ClientSession(headers=calls.headers(token), timeout=timeout, trust_env=False) as session:

        async def ask(text: str) -> str:
            body = {"model": "council", "messages": [{"role": "user", "content": text}], "max_tokens": 64}
            try:
                async with session.post(f"{base}/v1/chat/completions", json=body, ssl=tls or True) as response:
                    if response.status != 200:
                        await response.read()
                        return f"status {response.status}"
                    refused = (await response.json())["council"]["refused"]
                    return "refused" if refused else load.ANSWERED
            except TimeoutError:
                return f"no answer within {_ASK_S:.0f} s"
            except (aiohttp.ClientError, OSError):
                return "the connection broke"
            except (ValueError, KeyError, TypeError):
                return "no answer of Council's"

        yield ask


def _show(found: report.Soak, folder: Path | None) -> None:
    rows = [(one.gate, str(one.outcome), one.span or "-", one.why) for one in found.rulings]
    if rows:
        options.print_table(("GATE", "OUTCOME", "WAS", "WHY"), rows, right=frozenset({2}))
    for kind, counts in sorted(found.asked.counts.items()):
        took = report.quantiles(found.asked.seconds.get(kind, ()))
        seconds = "" if took is None else f"; p50 {took[0]:.3g} s, p95 {took[1]:.3g} s"
        click.echo(f"{kind}: " + ", ".join(f"{count} {outcome}" for outcome, count in counts.most_common()) + seconds)
    click.echo(f"\n{report.facts(found)}\n{found.verdict}")
    if folder is not None:
        click.echo(f"Report: {folder / 'index.html'}")
