"""What the watcher says on its socket when its loop does not turn."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from council import care_app
from council.backends.samples import sqlite
from council.backends.watch import unix
from council.domain import config, gates, home, states, watching
from council.services import harness, watcher
from council.testing import watch


class Stuck:
    """A loop that turned once and never again."""

    def __init__(self) -> None:
        lines = [
            watch.line("error_rate", gates.Verdict.GREEN, 0.5),
            watch.line("gpu_memory", gates.Verdict.NOT_APPLICABLE),
        ]
        services = [states.ServiceStatus("gateway", "ready", 1, "0" * 40, 5.0, 0, 0)]
        finding = watching.Finding("memory", "recall", gates.Verdict.GREEN, 1.0, "MB/h", "Steady.", 1.0, "Look.")
        self.sight = watching.Sight(7, 1_800_000_000.0, lines, [finding], services)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[watcher._Watcher]:
    made = cast(care_app.Watcher, SimpleNamespace(loop=Stuck()))
    environment = harness.ServiceEnvironment("watcher", 0, "0" * 40, {})
    with socket.socket(socket.AF_UNIX) as unused:
        yield watcher._Watcher(made, config.Config(), home.Home(tmp_path), unused, environment)


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
    assert (await service._live(cast(Any, None))).status_code == 200


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
