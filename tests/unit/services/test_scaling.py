"""How many gateways run: as many as an override wants, within what is configured, and as before once it is over."""

import dataclasses
from typing import Any

import pytest

from council.domain import config, errors, overrides, states
from council.domain.overrides import Kind, Override
from council.services import scaling
from council.testing import clock

HOUR_US = 3_600_000_000


class Records:
    """The overrides that there are, newest first."""

    def __init__(self) -> None:
        self.found: list[Override] = []
        self.trimmed: list[int] = []
        self.away = False

    def newest(self, limit: int, *, kind: Kind | None = None) -> list[Override]:
        if self.away:
            raise errors.RecordsUnavailableError("Away. Try again.")
        return [one for one in self.found if kind in (None, one.kind)][:limit]

    def trim(self, most: int, at_us: int) -> int:
        self.trimmed.append(most)
        return 0


class Supervisor:
    """Runs gateways, and other services that nobody may touch."""

    def __init__(self, running: int) -> None:
        self.running = running
        self.looks = 0
        self.scaled: list[tuple[str, int]] = []

    async def status(self, *, memory: bool = True) -> list[states.ServiceStatus]:
        assert not memory, "which costs a look at every page"
        self.looks += 1
        names = [
            "model",
            *(f"gateway:{number}" if number else "gateway" for number in range(self.running)),
            "gateway:9",
        ]
        return [
            states.ServiceStatus(name, "stopped" if name == "gateway:9" else "ready", 1, "g", 1.0, 0, 0)
            for name in names
        ]

    async def scale(self, service: str, replicas: int) -> None:
        self.scaled.append((service, replicas))
        self.running = replicas


class House:
    """The work, on a clock that moves when it is told."""

    def __init__(self, *, running: int = 2, workers: int = 2, workers_max: int = 4) -> None:
        self.clock = clock.ManualClock()
        self.records = Records()
        self.supervisor = Supervisor(running)
        self.settings = config.GatewayConfig(workers=workers, workers_max=workers_max)
        supervisor: Any = self.supervisor
        records: Any = self.records
        self.work = scaling.Scaling(records, supervisor, lambda: self.settings, self.clock)

    def put(self, value: str, kind: Kind = Kind.WORKERS, target: str = "gateway") -> None:
        now_us = self.clock.now_us()
        one = Override(str(len(self.records.found)), kind, target, value, "Slow.", "owner", now_us, now_us + HOUR_US)
        self.records.found.insert(0, overrides.checked(one))


async def test_as_many_run_as_an_override_wants_and_as_configured_once_it_is_over() -> None:
    house = House()
    house.put("3")
    await house.work.turn()
    await house.work.turn()
    assert house.supervisor.scaled == [("gateway", 3)]
    house.clock.advance(3600)
    await house.work.turn()
    assert house.supervisor.scaled == [("gateway", 3), ("gateway", 2)]


async def test_one_that_is_lifted_is_undone_and_a_later_one_takes_its_place() -> None:
    house = House()
    house.put("3")
    house.records.found[0] = dataclasses.replace(house.records.found[0], lifted_us=house.clock.now_us())
    house.put("1")
    await house.work.turn()
    assert house.supervisor.running == 1
    house.records.found[0] = dataclasses.replace(house.records.found[0], lifted_us=house.clock.now_us())
    await house.work.turn()
    assert house.supervisor.running == 2


async def test_it_is_undone_after_a_restart_of_the_steward_too() -> None:
    house = House(running=4)
    house.put("4")
    house.clock.advance(3600 * 5)
    await house.work.turn()
    assert house.supervisor.running == 2


@pytest.mark.parametrize(("wanted", "found"), [("64", 4), ("4", 4), ("1", 1)])
async def test_more_than_the_settings_allow_never_run(wanted: str, found: int) -> None:
    house = House()
    house.put(wanted)
    await house.work.turn()
    assert house.supervisor.running == found


async def test_by_default_there_is_nothing_to_scale_to() -> None:
    house = House(running=1, workers=1, workers_max=config.GatewayConfig().workers_max)
    house.put("8")
    await house.work.turn()
    assert house.supervisor.scaled == []


async def test_without_an_override_of_the_last_day_nothing_is_touched_nor_asked() -> None:
    house = House(running=5)
    house.put("50", Kind.SHED, "*")
    await house.work.turn()
    house.put("3")
    house.clock.advance(3600 * 26)
    await house.work.turn()
    assert house.supervisor.scaled == [] and house.supervisor.looks == 0


async def test_a_gateway_that_somebody_stopped_stays_stopped() -> None:
    house = House(running=0)
    house.put("3")
    await house.work.turn()
    assert house.supervisor.scaled == []


async def test_a_turn_that_fails_is_told_and_overrides_long_over_are_deleted_once_an_hour() -> None:
    house = House()
    house.records.away = True
    with pytest.raises(errors.RecordsUnavailableError):
        await house.work.turn()
    house.records.away = False
    for _ in range(3):
        house.clock.advance(1800)
        await house.work.turn()
    assert len(house.records.trimmed) == 1


async def test_one_that_is_over_is_undone_behind_however_many_newer_ones_of_other_kinds() -> None:
    house = House()
    house.put("4")
    house.supervisor.running = 4
    for _ in range(600):
        house.put("50", Kind.SHED, "*")
    house.clock.advance(3600)
    await house.work.turn()
    assert house.supervisor.running == 2
