"""Runs of bots are counted once, from when the watcher began."""

from council import telemetry
from council.domain import bots, errors
from council.services import bots_told


class Runs:
    """kept_ports.BotRuns, as a list."""

    def __init__(self) -> None:
        self.rows: list[bots.Run] = []
        self.away = False

    def add(self, one: bots.Run) -> None:
        self.rows.append(one)

    def newest(self, limit: int, *, bot: str = "", after: str = "") -> list[bots.Run]:
        if self.away:
            raise errors.RecordsUnavailableError("The records are away. Wait.")
        return [one for one in reversed(self.rows) if one.id > after][:limit]

    def close(self) -> None:
        return


def run(number: int, bot: str = "told_cost") -> bots.Run:
    return bots.Run(f"{number:04d}", bot, number, number, bots.Outcome.NOTHING)


def counted(bot: str = "told_cost") -> float:
    return telemetry.BOT_RUNS.labels(bot, "nothing")._value.get()


async def test_each_run_is_counted_once_and_those_from_before_not() -> None:
    runs = Runs()
    told = bots_told.BotsTold(runs, frozenset({"told_cost"}))
    runs.add(run(1))
    await told.look()
    assert counted() == 0
    runs.add(run(2))
    runs.add(run(3, "a bot of another release"))
    await told.look()
    await told.look()
    assert counted() == 1
    runs.away = True
    await told.look()
    runs.away = False
    runs.add(run(4))
    await told.look()
    assert counted() == 2


async def test_the_first_run_ever_is_counted() -> None:
    runs = Runs()
    told = bots_told.BotsTold(runs, frozenset({"told_docs"}))
    await told.look()
    runs.add(run(1, "told_docs"))
    await told.look()
    assert counted("told_docs") == 1


def test_every_series_is_there_from_the_start() -> None:
    bots_told.begin(frozenset({"told_new"}))
    text = telemetry.render().decode()
    assert all(f'council_bot_runs_total{{bot="told_new",outcome="{one}"}} 0.0' in text for one in bots.Outcome)
