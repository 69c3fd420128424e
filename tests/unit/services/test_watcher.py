"""What the watcher says on its socket when its loop does not turn."""

import asyncio
import dataclasses
import itertools
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import rule_cases
from council import care_app, homes
from council.backends.samples import sqlite
from council.backends.watch import unix
from council.domain import config, errors, gates, home, orders, patches, states, watching
from council.kit import nvml
from council.services import harness, watcher
from council.testing import cards, watch
from council.upkeep.gates import embedded
from council.upkeep.samples import exposition, recent


class Stuck:
    """A loop that turned once and never again."""

    def __init__(self) -> None:
        lines = [
            watch.line("error_rate", gates.Verdict.GREEN, 0.5),
            watch.line("gpu_memory", gates.Verdict.NOT_APPLICABLE),
        ]
        services = [states.ServiceStatus("gateway", "ready", 1, "0" * 40, 5.0, 0, 0)]
        self.label = patches.Label("0" * 40, "c" * 16)
        finding = watching.Finding("memory", "recall", gates.Verdict.GREEN, 1.0, "MB/h", "Steady.", 1.0, "Look.")
        self.sight = watching.Sight(7, 1_800_000_000.0, lines, [finding], services)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[watcher._Watcher]:
    made = cast(
        care_app.Watcher, SimpleNamespace(loop=Stuck(), scraper=None, targets=list, sentinels=homes.default_sentinels())
    )
    environment = harness.ServiceEnvironment("watcher", 0, "0" * 40, {})
    with socket.socket(socket.AF_UNIX) as unused:
        yield watcher._Watcher(made, config.Config(), home.Home(tmp_path), unused, unused, environment)


async def seen(service: watcher._Watcher, path: Path) -> watching.Sight:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        async with await service._asked.start(listener):
            return await unix.UnixWatch(path).sight()


async def test_what_was_seen_just_now_is_told_as_it_was(service: watcher._Watcher, tmp_path: Path) -> None:
    service._turned_s = asyncio.get_running_loop().time()
    sight = await seen(service, tmp_path / "s")
    assert [one.verdict for one in sight.gates] == [gates.Verdict.GREEN, gates.Verdict.NOT_APPLICABLE]
    assert sight.services and not sight.problem
    told = await service._live(cast(Any, None))
    assert told.status_code == 200 and b'"generation":"%s","cid":"%s"' % (b"0" * 40, b"c" * 16) in told.body


async def test_a_loop_that_hangs_leaves_nothing_green(service: watcher._Watcher, tmp_path: Path) -> None:
    service._turned_s = asyncio.get_running_loop().time() - 60
    sight = await seen(service, tmp_path / "s")
    assert [(one.verdict, one.value) for one in sight.gates] == [
        (gates.Verdict.UNKNOWN, None), (gates.Verdict.NOT_APPLICABLE, None),
    ]  # fmt: skip
    assert sight.gates[0].reason == sight.problem == "nothing was judged for 60 s"
    assert [one.verdict for one in sight.findings] == [gates.Verdict.UNKNOWN]
    assert sight.services == []
    assert (await service._live(cast(Any, None))).status_code == 503


@pytest.mark.parametrize("start_s", ["inf", "-inf", "nan", 1e308, -5])
async def test_no_start_of_a_history_is_beyond_it(service: watcher._Watcher, tmp_path: Path, start_s: Any) -> None:
    samples = sqlite.SqliteSamples(tmp_path / "samples.db")
    service._made = cast(care_app.Watcher, SimpleNamespace(loop=Stuck(), samples=samples))
    reply = await service._reply({"ask": "history", "gate": "error_rate", "start_s": start_s})
    assert reply == {"gate": "error_rate", "verdicts": [], "values": [], "problem": ""}
    samples.close()


class Turning:
    """A loop that says when it takes up and turns."""

    sight = watching.Sight(0, 0.0)

    def __init__(self) -> None:
        self.did: list[str] = []
        self.turned = asyncio.Event()
        self.label = patches.Label("b")

    def relabel(self, label: patches.Label) -> None:
        self.label = label
        self.did.append(f"is of {label.generation}, made by {label.cid}")

    async def take_up(self) -> None:
        self.did.append("took up")

    async def turn(self) -> None:
        self.did.append("turned")
        self.turned.set()

    async def glance(self) -> None:
        self.did.append("glanced")


async def test_one_beside_another_watches_from_when_it_is_live_until_it_is_to_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Turning()

    async def close() -> None:
        pass

    made = cast(
        care_app.Watcher,
        SimpleNamespace(loop=loop, scraper=None, targets=list, alerts=SimpleNamespace(waiting=False), close=close),
    )
    listener, own, live = socket.socket(socket.AF_UNIX), socket.socket(), socket.socket()
    listener.bind(str(tmp_path / "s"))
    environment = harness.ServiceEnvironment("watcher", 0, "b", {"health": own}, waiting={"health": live})
    service = watcher._Watcher(made, config.Config(), home.Home(tmp_path), listener, own, environment)
    monkeypatch.setattr(service, "_publish", lambda: loop.did.append("published"))
    service._portless = cast(Any, SimpleNamespace(keep=close, close=close))
    async with service._lifespan(cast(Any, None)):
        await asyncio.sleep(0)
        service._turned_s -= 1e6
        assert (loop.did, service.is_late) == ([], False)
        service.obey(orders.Order(orders.LIVE, "b"))
        async with asyncio.timeout(10):
            await loop.turned.wait()
        assert (loop.did[:2], service.is_late) == (["took up", "turned"], False)
        # One that no patch touched goes on under another name.
        document = home.Home(tmp_path).generations / "d" / ".council" / "patch.json"
        document.parent.mkdir(parents=True)
        document.write_bytes(b"{}")
        environment.generation = "d"
        service.obey(orders.Order(orders.LIVE, "d"))
        assert loop.label == patches.Label("d", patches.cid(patches.digest(b"{}")))
        service.obey(orders.Order(orders.LEAVE))
        await asyncio.gather(service._watching, return_exceptions=True)
        service._turned_s -= 1e6
        assert (service._watching.cancelled(), service.is_late) == (True, False)
    for one in (own, live):
        one.close()


async def test_between_two_turns_is_one_glance(service: watcher._Watcher) -> None:
    loop = Turning()
    service._made, service._interval_s = cast(care_app.Watcher, SimpleNamespace(loop=loop)), 0.2
    turning = asyncio.create_task(service._turn())
    async with asyncio.timeout(10):
        while "glanced" not in loop.did or loop.did[-1] != "turned":
            await asyncio.sleep(0.01)
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
    assert loop.did[0] == "turned" and ("glanced", "glanced") not in itertools.pairwise(loop.did)


async def test_a_glance_that_takes_long_puts_off_no_turn_but_the_next(service: watcher._Watcher) -> None:
    loop = Turning()
    glance = loop.glance

    async def long() -> None:
        await asyncio.sleep(0.15)
        await glance()

    loop.glance = long  # type: ignore[method-assign]
    service._made, service._interval_s = cast(care_app.Watcher, SimpleNamespace(loop=loop)), 0.2
    turning = asyncio.create_task(service._turn())
    async with asyncio.timeout(10):
        while loop.did.count("turned") < 3:
            await asyncio.sleep(0.01)
    turning.cancel()
    await asyncio.gather(turning, return_exceptions=True)
    assert ("glanced", "glanced") not in itertools.pairwise(loop.did)


async def metrics(service: watcher._Watcher, *named: str) -> str:
    text = bytes((await service._metrics(cast(Any, None))).body).decode()
    return "\n".join(line for line in text.splitlines() if line.startswith(named))


async def test_metrics_tell_what_sentinels_say_and_no_more_than_is_known(service: watcher._Watcher) -> None:
    own = watching.Finding("mine", "guest", gates.Verdict.RED, 9.0, "", "", 1.0, "")
    grown = watching.Finding("sockets", "recall", gates.Verdict.AMBER, None, "", "", 1.0, "")
    away = watching.Finding("gpu_drip", "model", gates.Verdict.NOT_APPLICABLE, None, "", "", 1.0, "")
    seen = service._made.loop.sight
    service._made.loop.sight = dataclasses.replace(seen, findings=[*seen.findings, own, grown, away])
    service._turned_s = asyncio.get_running_loop().time()
    assert await metrics(service, "sentinel_") == (
        'sentinel_verdict{sentinel="memory",svc="recall"} 0.0\n'
        'sentinel_verdict{sentinel="sockets",svc="recall"} 1.0\n'
        'sentinel_value{sentinel="memory",svc="recall"} 1.0'
    )
    service._turned_s -= 60
    assert await metrics(service, "sentinel_") == (
        'sentinel_verdict{sentinel="memory",svc="recall"} 3.0\nsentinel_verdict{sentinel="sockets",svc="recall"} 3.0'
    )


async def test_metrics_tell_what_runs_as_long_as_somebody_knows(service: watcher._Watcher) -> None:
    rows = {"gateway:0": "ready", "gateway:1": "hung", "store": "backoff", "recall": "starting", "model": "stopped"}
    run = [states.ServiceStatus(name, state, 7, "0" * 40, 1.0, 0, 0, crashes=2) for name, state in rows.items()]
    service._made.loop.sight = dataclasses.replace(service._made.loop.sight, services=run)
    service._turned_s = asyncio.get_running_loop().time()
    assert sorted((await metrics(service, "council_service_")).splitlines()) == [
        'council_service_crashes{svc="gateway"} 4.0',
        'council_service_crashes{svc="recall"} 2.0',
        'council_service_crashes{svc="store"} 2.0',
        'council_service_verdict{replica="",svc="recall"} 1.0',
        'council_service_verdict{replica="",svc="store"} 2.0',
        'council_service_verdict{replica="",svc="supervisor"} 0.0',
        'council_service_verdict{replica="0",svc="gateway"} 0.0',
        'council_service_verdict{replica="1",svc="gateway"} 2.0',
    ]
    service._made.loop.sight = dataclasses.replace(service._made.loop.sight, services=[], problem="It hangs.")
    assert await metrics(service, "council_service_") == 'council_service_verdict{replica="",svc="supervisor"} 2.0'
    service._turned_s -= 60
    assert await metrics(service, "council_service_") == ""


async def test_the_fullest_card_is_the_gates_number_until_the_driver_fails(
    service: watcher._Watcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library = cards.Nvml([cards.Memory(6_000, 8_000), cards.Memory(100, 24_000)])
    driver = nvml.Driver(lambda: library)
    monkeypatch.setattr(nvml, "here", lambda: driver)
    service._turned_s = asyncio.get_running_loop().time()
    gate = rule_cases.GATES["gpu_memory"]
    samples, wanted = (
        recent.Recent(600, 100),
        frozenset({"council_gpu_memory_used_bytes", "council_gpu_memory_total_bytes"}),
    )

    async def judged(at_s: float) -> tuple[str, str]:
        text = await metrics(service, "council_gpu")
        samples.take(watching.Scrape("watcher", at_s, exposition.read(text, wanted, "watcher")))
        return gates.judge(gate, embedded.measure(gate, samples, at_s))

    assert await judged(1000.0) == ("green", "75 %, must be < 90")
    library.cards = [cards.Memory(7_600, 8_000)]
    assert (await judged(1005.0))[0] == "red"
    library.failure = "GPU is lost"
    for at_s in (1010.0, 1015.0):
        assert (await judged(at_s))[0] == "unknown"
    told = [record for record in caplog.records if "graphics processors" in record.message]
    assert [record.__dict__["reason"] for record in told] == ["the NVIDIA driver says: GPU is lost"]
    library.failure = ""
    assert (await judged(1020.0))[0] == "red"


class Listener(Stuck):
    """A loop that keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[watching.Finding] = []

    def hear(self, service: str, found: list[watching.Finding], *, ended: bool) -> None:
        self.heard += found


TOLD = {
    "sentinel": "memory", "service": "x", "verdict": "red", "value": 1.0, "unit": "MB/h", "reason": "It grows.",
    "since_s": 1.8e9, "look_next": "Look.",
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [{"sentinel": 5}, {"reason": None}, {"unit": ["x"]}, {"value": "many"}, {"since_s": "today"}, {"verdict": "fine"}],
)
async def test_a_report_that_is_none_reaches_no_turn(service: watcher._Watcher, wrong: dict[str, Any]) -> None:
    made = Listener()
    service._made = cast(care_app.Watcher, SimpleNamespace(loop=made))
    with pytest.raises((ValueError, TypeError, KeyError)):
        await service._reply({"ask": "report", "service": "smoke", "ended": False, "findings": [TOLD | wrong]})
    assert not made.heard


async def test_a_report_gains_no_right_over_who_reads_it(service: watcher._Watcher) -> None:
    made = Listener()
    service._made = cast(care_app.Watcher, SimpleNamespace(loop=made))
    told = TOLD | {"reason": "\x1b]0;owned\x07 grows" + "!" * 9000, "since_s": 1e308, "value": 1e999}
    await service._reply({"ask": "report", "service": "smoke", "ended": False, "findings": [told]})
    (found,) = made.heard
    assert found.reason.isprintable() and "]0;owned  grows" in found.reason and len(found.reason) <= 500
    assert (found.service, found.value, found.since_s) == ("smoke", None, watching.LATEST_S)


async def test_what_gates_say_since_a_moment_is_told_and_nothing_where_nobody_has_looked_of_late(
    service: watcher._Watcher, tmp_path: Path
) -> None:
    asked: list[Mapping[str, float]] = []

    def since(starts_s: Mapping[str, float]) -> Mapping[str, gates.Verdict]:
        asked.append(starts_s)
        return dict.fromkeys(starts_s, gates.Verdict.GREEN)

    cast(Any, service._made).loop.since = since
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        async with await service._asked.start(listener):
            service._turned_s = asyncio.get_running_loop().time()
            told = await unix.UnixWatch(path).since({"error_rate": 1_800_000_000.5})
            service._turned_s -= 60
            assert await unix.UnixWatch(path).since({"error_rate": 1_800_000_000.5}) == {}
    assert told == {"error_rate": gates.Verdict.GREEN} and asked == [{"error_rate": 1_800_000_000.5}]


async def test_series_are_told_from_its_own_file(service: watcher._Watcher, tmp_path: Path) -> None:
    service._turned_s = asyncio.get_running_loop().time()
    samples = sqlite.SqliteSamples(tmp_path / "samples.db")
    readings = [watching.Reading("open_fds_total", (("svc", "recall"),), 30.0)]
    samples.keep([watching.Scrape("recall", 1_800_000_000.0 + at, readings) for at in (0, 15, 30)], [], [])
    cast(Any, service._made).samples = samples
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        async with await service._asked.start(listener):
            (one,) = await unix.UnixWatch(path).tracks(["open_fds_total", "nobody"], 1_800_000_010.0)
            (coarse,) = await unix.UnixWatch(path).tracks(["open_fds_total"], 0.0, 600.0)
            samples._connection.close()
            with pytest.raises(errors.WatcherUnavailableError):
                await unix.UnixWatch(path).tracks(["open_fds_total"], 0.0)
    assert (one.name, one.service, one.labels) == ("open_fds_total", "recall", ())
    assert one.points == [(1_800_000_015.0, 30.0), (1_800_000_030.0, 30.0)]
    assert coarse.points == [(1_800_000_030.0, 30.0)]
