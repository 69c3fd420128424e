import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from council.domain import orders
from council.services import harness, obeying


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in [key for key in os.environ if key.startswith("COUNCIL_")]:
        monkeypatch.delenv(name)
    yield monkeypatch


def test_a_service_started_by_hand_has_no_sockets_and_nobody_to_tell(environment: pytest.MonkeyPatch) -> None:
    begun = harness.begin("gateway")
    begun.ready()
    assert (begun.name, begun.replica, begun.generation, dict(begun.sockets)) == ("gateway", 0, "", {})


def test_a_service_takes_over_its_sockets_and_says_ready_once(environment: pytest.MonkeyPatch) -> None:
    read_fd, write_fd = os.pipe()
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    os.set_inheritable(write_fd, True)
    os.set_inheritable(listener.fileno(), True)
    environment.setenv("COUNCIL_SERVICE", "recall")
    environment.setenv("COUNCIL_REPLICA", "3")
    environment.setenv("COUNCIL_GENERATION", "abc")
    environment.setenv("COUNCIL_READY_FD", str(write_fd))
    environment.setenv("COUNCIL_SOCKETS", f"public:{listener.detach()}")
    begun = harness.begin()
    public = begun.sockets["public"]
    assert (begun.name, begun.replica, begun.generation) == ("recall", 3, "abc")
    assert public.getsockname() == address and not public.getblocking()
    # Neither reaches a grandchild, and no grandchild is told of them.
    assert not public.get_inheritable() and not os.get_inheritable(write_fd)
    assert "COUNCIL_SOCKETS" not in os.environ and "COUNCIL_READY_FD" not in os.environ
    begun.ready()
    begun.ready()
    assert os.read(read_fd, 100) == b"ready\n"
    assert os.read(read_fd, 100) == b""
    os.close(read_fd)
    public.close()


def test_a_service_whose_supervisor_is_gone_ends(environment: pytest.MonkeyPatch) -> None:
    code = "from council.services import harness; harness.begin('a'); print('still here')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "COUNCIL_SUPERVISOR_PID": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")


def test_a_ready_line_that_nobody_reads_is_no_error() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    harness.ReadyLine(write_fd).send()


def said(read_fd: int) -> bytes:
    os.set_blocking(read_fd, False)
    try:
        return os.read(read_fd, 100)
    except BlockingIOError:
        return b""


def test_an_event_loop_that_turns_says_so_and_one_that_is_not_well_falls_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(harness, "STIR_S", 0.01)
    read_fd, write_fd = os.pipe()
    begun = harness.ServiceEnvironment("a", 0, "", {}, harness.ReadyLine(write_fd))
    well = [True]

    async def live() -> None:
        begun.stir(lambda: well[0])
        assert said(read_fd) == b"ready\n"
        await asyncio.sleep(0.1)
        assert set(said(read_fd)) == set(b".")
        well[0] = False
        await asyncio.sleep(0.03)
        said(read_fd)
        await asyncio.sleep(0.1)
        assert said(read_fd) == b""
        well[0] = True
        await asyncio.sleep(0.1)
        assert said(read_fd)

    asyncio.run(live())
    os.close(write_fd)
    os.close(read_fd)


def test_a_pipe_that_nobody_empties_holds_up_no_service() -> None:
    read_fd, write_fd = os.pipe()
    line = harness.ReadyLine(write_fd)
    for _ in range(100_000):
        line.stir()
    os.close(write_fd)
    os.close(read_fd)


def test_a_service_without_http_does_not_import_the_server() -> None:
    code = "import sys; from council.services import harness; print([m for m in ('uvicorn', 'uvloop') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_orders_are_carried_out_in_turn_and_acknowledged_however_they_come(
    environment: pytest.MonkeyPatch,
) -> None:
    ready_read, ready_write = os.pipe()
    told_read, told_write = os.pipe()
    begun = harness.ServiceEnvironment("a", 0, "g0", {}, harness.ReadyLine(ready_write), told=obeying.Orders(told_read))
    carried_out: list[tuple[str, str]] = []
    enough = asyncio.Event()

    async def carry_out(order: orders.Order) -> None:
        carried_out.append((order.word, begun.generation))
        if order.word == "alone":
            raise ValueError("this one fails")
        if order.word == "leave":
            enough.set()

    begun.stir(lambda: True)
    begun.obey(carry_out)
    for part in (b"live g1\nali", b"ve g2\nalone\nleave", b"\n"):
        os.write(told_write, part)
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await enough.wait()
    await asyncio.sleep(0)
    # What it does not know it does not acknowledge, nor what failed; and it goes on.
    assert carried_out == [("live", "g1"), ("alone", "g1"), ("leave", "g1")]
    assert said(ready_read) == b"ready\n!!"
    for descriptor in (ready_read, ready_write, told_write):
        os.close(descriptor)


def test_a_service_that_waits_knows_what_it_will_serve() -> None:
    with socket.socket() as own, socket.socket() as live, socket.socket() as other:
        begun = harness.ServiceEnvironment("a", 0, "", {"public": own, "calls": other}, waiting={"public": live})
        assert (begun.successor_of(own), begun.successor_of(other)) == (live, None)
