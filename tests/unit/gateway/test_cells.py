"""Cells of the coverage matrix at a gateway: it is broken, and a gate sees so; it is mended, and the gate sees that.

The gateway, its metrics and the gates are the real ones. Time between readings is made, so that no test waits for it.
"""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

import bot_house
from council import homes, telemetry
from council.cli import main
from council.domain import access, alerting, authz, bots, config, errors, home, incidents
from council.domain.gates import Verdict
from council.kit import ids
from council.patching import situation
from council.testing import clock, model, upstream
from council.upkeep.alerts import desk, sources
from council.upkeep.engine import blueprint
from council.upkeep.patchctl.core import documents, judging
from gateway_rig import Rig, open_rig
from watched import Watched

CHAT = "/v1/chat/completions"
POEM = "Write me a short poem on dogs."
NUMBERS = itertools.count(1)


def asked(text: str, name: str = "council") -> dict[str, Any]:
    return {"model": name, "messages": [{"role": "user", "content": text}]}


async def ask(rig: Rig, *bodies: dict[str, Any], status: int = 200) -> None:
    """Ask all of these at once."""
    replies = await asyncio.gather(*(rig.client.post(CHAT, json=one) for one in bodies))
    assert {one.status_code for one in replies} == {status}, replies[0].text


def sums(count: int) -> Sequence[dict[str, Any]]:
    return [asked(f"What is {next(NUMBERS)} + 2?") for _ in range(count)]


class Worker:
    """A worker that takes as long as it is told to, by the clock by which answers are timed."""

    def __init__(self, inner: Any, time: clock.ManualClock) -> None:
        self.takes_s = 0.0
        self._inner, self._time = inner, time

    async def call(self, *arguments: Any) -> Any:
        self._time.advance(self.takes_s)
        return await self._inner.call(*arguments)


@pytest.mark.covers("gateway", "gate")
async def test_answers_that_slow_down_turn_the_latency_gate_red_until_they_are_quick_again(rig: Rig) -> None:
    telemetry.begin([])
    told, time = Watched("latency_p95"), clock.ManualClock()
    rig.made.pipeline._clock = time
    rig.compute._inner = worker = Worker(rig.compute._inner, time)
    told.read(6)
    for takes_s, expected in ((0.1, Verdict.GREEN), (3.0, Verdict.RED), (0.1, Verdict.GREEN)):
        worker.takes_s = takes_s
        for one in sums(25):
            await ask(rig, one)
        told.read(1)
        assert told.verdict is expected, told.judged
        told.read(6)


@pytest.mark.covers("router", "gate")
async def test_questions_that_fail_turn_the_success_gate_red_until_they_are_answered_again(rig: Rig) -> None:
    telemetry.begin([])
    told, poem = Watched("success_rate"), [asked(POEM)] * 12
    told.read(62)
    for fails_after, status, expected in (
        (None, 200, Verdict.GREEN),
        (0, 503, Verdict.RED),
        (None, 200, Verdict.GREEN),
    ):
        rig.model._fails_after = fails_after
        await ask(rig, *poem, status=status)
        told.read(1)
        assert told.verdict is expected, told.judged
        told.read(62)


def priced(url: str) -> dict[str, Any]:
    """Return a catalogue of one model for a tenth of a cent a token, and one for nothing."""
    prices = {"dear": 1_000_000_000, "cheap": 0}
    return {
        "providers": {"paid": {"url": f"{url}/v1", "key": "none"}},
        "models": {
            name: {
                "deployments": [
                    {"provider": "paid", "model": "ok", "input_usd_micros": price, "output_usd_micros": price}
                ]
            }
            for name, price in prices.items()
        },
    }


@contextlib.asynccontextmanager
async def paying(folder: Path) -> AsyncIterator[Rig]:
    settings = config.build({"budget": {"day_usd_micros": 10**9, "month_usd_micros": 10**9}}, {}, {})
    async with (
        upstream.serve(upstream.Script(any="ok")) as server,
        open_rig(folder, settings, model.ScriptedModel(), "127.0.0.1", priced(server.url)) as rig,
    ):
        yield rig


@pytest.mark.covers("cost", "gate")
async def test_answers_that_are_dear_turn_the_cost_gate_red_until_they_are_cheap_again(tmp_path: Path) -> None:
    async with paying(tmp_path) as rig:
        telemetry.begin([])
        # A series begins with its first answer.
        await ask(rig, asked(POEM, "dear") | {"max_tokens": 8}, asked(POEM, "cheap"))
        told = Watched("cost_per_100")
        told.read(62)
        for name, expected in (("cheap", Verdict.GREEN), ("dear", Verdict.RED), ("cheap", Verdict.GREEN)):
            await ask(rig, *[asked(POEM, name) | {"max_tokens": 8}] * 22)
            told.read(1)
            assert told.verdict is expected, told.judged
            told.read(62)


@pytest.mark.covers("cost", "documentation")
async def test_the_spend_report_has_every_answer_that_was_paid_for_and_the_one_that_failed(tmp_path: Path) -> None:
    where = home.Home(tmp_path / "home")
    homes.prepare(where, {})
    where.records.mkdir(exist_ok=True)
    async with paying(where.records) as rig:
        paid = 0
        for name in ("dear", "cheap", "dear"):
            reply = await rig.client.post(CHAT, json=asked(POEM, name) | {"max_tokens": 8})
            paid += reply.json()["council"]["cost_usd_micros"]
        # While rows cannot be kept nobody is told an answer, so that none is missing afterwards.
        rig.records.error = errors.RecordsUnavailableError("Away. Try again.")
        assert (await rig.client.post(CHAT, json=asked(POEM, "dear"))).status_code == 503
        rig.records.error = None
        rig.model._fails_after = 0
        await ask(rig, asked(POEM), status=503)
        await ask(rig, *sums(1))
    shown = CliRunner().invoke(main.cli, ["ledger", "report", "--by", "route", "--home", str(where.root)])
    assert shown.exit_code == 0, shown.output
    total = shown.output.splitlines()[-1].split()
    asked_of, answered = int(total[1]), int(total[2])
    assert paid > 0 and answered == 4 and asked_of > answered and total[-1] == f"{paid / 1e6:.6f}"


# A patch, from the crowd to the setting that serves


class Crowd:
    """People who all ask at once, and a model that answers nobody before it is told to."""

    def __init__(self, rig: Rig, hold: asyncio.Event, count: int) -> None:
        self._rig, self._hold, self._count = rig, hold, count
        for number in range(count):
            token = access.Token(f"id-{number}", f"user-{number}", access.Role.OPERATOR, "", self._digest(number), 1)
            rig.records.add_token(token)

    @staticmethod
    def _digest(number: int) -> str:
        return access.digest(f"of-user-{number}")

    async def ask(self, told: Watched) -> tuple[Verdict, list[httpx.Response]]:
        """Return what the gate says while all of them wait or were refused, and what came of each in the end."""
        await self._rig.made.doorkeeper.refresh()
        asking = [
            asyncio.create_task(self._rig.client.post(CHAT, json=asked(POEM), headers=self._rig.headers(f"of-user-{one}")))
            for one in range(self._count)
        ]  # fmt: skip
        async with asyncio.timeout(60):
            while telemetry.USERS_IN_FLIGHT._value.get() + sum(one.done() for one in asking) < self._count:
                await asyncio.sleep(0.001)
        told.read(2)
        verdict = told.verdict
        self._hold.set()
        return verdict, await asyncio.gather(*asking)


@contextlib.asynccontextmanager
async def crowded(folder: Path, where: home.Home, count: int) -> AsyncIterator[Crowd]:
    folder.mkdir()
    hold = asyncio.Event()
    settings = homes.load_config(where, None, {}, {})
    async with open_rig(folder, settings, model.ScriptedModel(hold=hold), "127.0.0.1") as rig:
        yield Crowd(rig, hold, count)


def incident_of(told: Watched) -> Sequence[incidents.Incident]:
    """Return the incident that alerts make of what the gate says, once that has lasted."""
    watch = desk.Desk(alerting.AlertsConfig(), ids.ulid)
    at_us = round(told.now_s * 1e6)
    for late_us in (0, 15_000_000):
        changed = watch.observe([sources.of_gate(told.judged, at_us + late_us)], [], at_us + late_us).changed
    return changed


def take(house: bot_house.House) -> None:
    """Have what was proposed serve, as far as patchctl's own look at it takes it."""
    (sent,) = house.proposals.sent
    seen, base = situation.look(house.where), house.proposals.base()
    at_s = documents.parse(sent.document, authz.ceilings()).created + 1.0
    at = situation.situation_at(house.where.generations / seen.live, seen, {base.tree}, at_s)
    verdict = judging.judge(sent, at)
    assert verdict.accepted and verdict.patch is not None, verdict
    blueprint.commit(house.where, {one.path: one.content for one in verdict.patch.changes}, verdict.patch.title)


@pytest.mark.covers("gateway", "healing")
async def test_a_crowd_leads_to_a_patch_of_limits_under_which_the_next_crowd_is_no_incident(tmp_path: Path) -> None:
    where = bot_house.prepared(tmp_path, "remediation", settings=b"gateway: {concurrent_max: 130}\n")
    told = Watched("concurrent_users")
    async with crowded(tmp_path / "before", where, 110) as crowd:
        verdict, replies = await crowd.ask(told)
        found = incident_of(told)
        assert verdict is Verdict.RED and {one.status_code for one in replies} == {200}
        house = bot_house.House(where)
        try:
            house.incidents.save(found, [])
            done = await asyncio.to_thread(house.run, "remediation")
            assert done.run.outcome is bots.Outcome.PROPOSED, done.run
            take(house)
        finally:
            house.close()
    async with crowded(tmp_path / "after", where, 110) as crowd:
        verdict, replies = await crowd.ask(told)
        assert verdict is Verdict.GREEN, told.judged
        assert sorted(one.status_code for one in replies) == [*[200] * 46, *[503] * 64]
