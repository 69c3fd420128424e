"""sandboxd's two servers in a process of their own, with the real client before them and a fake behind them."""

import asyncio
import contextlib
import dataclasses
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

import single_service
import toy_sandboxd
from council.backends.sandbox_runner import unix
from council.domain import config, errors, home, sandbox, sandbox_wire

SETTINGS = config.build(toy_sandboxd.SETTINGS, {}, {}).sandbox
LIMIT_S = 30.0
JOB = sandbox.Job("python", "print(1)")


@dataclasses.dataclass
class Running:
    where: home.Home
    url: str
    service: single_service.Service
    # Where the service, confined as it is, may write.
    scratch: Path

    @contextlib.asynccontextmanager
    async def client(self) -> AsyncIterator[unix.UnixSandbox]:
        made = unix.UnixSandbox(self.where.socket("sandboxd"), SETTINGS)
        try:
            yield made
        finally:
            await made.close()

    async def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any]:
        """Send one request over the Unix socket."""
        connector = aiohttp.UnixConnector(str(self.where.socket("sandboxd")))
        async with (
            aiohttp.ClientSession(connector=connector) as session,
            session.request(method, f"http://sandboxd{path}", data=body, headers=headers) as response,
        ):
            text = await response.text()
            return response.status, json.loads(text) if text.startswith("{") else text

    async def tcp(self, method: str, path: str, **headers: str) -> tuple[int, str]:
        """Send one request to the health port."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, headers=headers) as response,
        ):
            return response.status, await response.text()


@contextlib.contextmanager
def starting() -> Iterator[Running]:
    with single_service.short_folder() as folder:
        where = home.Home(folder)
        where.run.mkdir()
        where.sandbox.mkdir()
        health, url = single_service.tcp()
        sockets: dict[str, socket.socket] = {"jobs": single_service.unix(where.socket("sandboxd")), "health": health}
        command = [sys.executable, toy_sandboxd.__file__, str(folder)]
        paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        log = folder / "log"
        with single_service.running(command, "sandboxd", sockets, paths, log) as service:
            yield Running(where, url, service, where.sandbox)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with starting() as made:
        yield made


async def appears(path: Path) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not path.exists():
            await asyncio.sleep(0.005)


# Jobs, over the Unix socket


async def test_a_job_and_its_result_cross_the_socket_whole(running: Running) -> None:
    job = dataclasses.replace(JOB, stdin=b"\xff\0", files={"ü/x": b"text", "y": b"\xfe"}, collect=("y",))
    async with running.client() as client:
        result = await client.run(job, "ünser user/id", "the-id")
    assert (result.status, result.exit_code, result.stdout, result.stderr) == ("error", 3, b"\xff\0", b"\xfe")
    assert result.files == {"ü/x": b"text", "y": b"\xfe"}
    assert json.loads(result.reason) == ["ünser user/id", "the-id", None]


async def test_limits_arrive_as_they_were_sent(running: Running) -> None:
    limits = dataclasses.replace(sandbox_wire.default_limits(SETTINGS), wall_s=2.5)
    async with running.client() as client:
        result = await client.run(dataclasses.replace(JOB, limits=limits), "u/t", "i")
    assert json.loads(result.reason)[2] == 2.5


async def test_sessions_the_state_and_the_kill_switch_work_over_the_socket(running: Running) -> None:
    async with running.client() as client:
        session = await client.open_session(sandbox_wire.default_limits(SETTINGS), "u/t", "i")
        assert (await client.run_in_session(session, JOB, "u/t", "i")).reason == session
        assert (await client.status()).sessions == 1
        with pytest.raises(errors.NotFoundError):
            await client.run_in_session(session, JOB, "u/other", "i")
        await client.close_session(session, "u/t", "i")
        with pytest.raises(errors.NotFoundError):
            await client.close_session(session, "u/t", "i")
        assert await client.kill("u/t", "i") == 0
        assert (await client.status()).stopped_by == "u/t"
        for stopped in (client.ping, lambda: client.run(JOB, "u/t", "i")):
            with pytest.raises(errors.SandboxStoppedError):
                await stopped()
        await client.lift("u/t", "i")
        await client.ping()
        assert (await client.run(JOB, "u/t", "i")).exit_code == 3


async def test_an_error_crosses_the_socket_with_all_it_says(running: Running) -> None:
    async with running.client() as client:
        with pytest.raises(errors.OverloadedError) as caught:
            await client.run(sandbox.Job("python", "full"), "u/t", "i")
        assert (caught.value.message, caught.value.detail, caught.value.retry_after_s) == (
            "Full. Try again.",
            "because",
            4,
        )
        beyond = dataclasses.replace(sandbox_wire.default_limits(SETTINGS), cpu_s=1e9)
        with pytest.raises(errors.InvalidRequestError) as refused:
            await client.run(dataclasses.replace(JOB, limits=beyond), "u/t", "i")
        assert refused.value.parameter == "limits.cpu_s"


async def test_an_error_that_nobody_foresaw_is_the_sandboxs_and_the_service_goes_on(running: Running) -> None:
    async with running.client() as client:
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await client.run(sandbox.Job("python", "boom"), "u/t", "i")
        assert "boom" in caught.value.detail and "boom" not in caught.value.message
        assert (await client.run(JOB, "u/t", "i")).exit_code == 3
    assert "RuntimeError" in running.service.log.read_text()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"{}", b'{"language": "python", "code": 5}', b'{"language": "c", "code": ""}']
)
async def test_what_is_not_a_job_is_refused(running: Running, body: bytes) -> None:
    status, reply = await running.raw("POST", "/run", body, **{sandbox_wire.CALLER_HEADER: "u"})
    assert status == 400 and reply["error"]["code"] in ("malformed_body", "invalid_request")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/run"), ("POST", "/sessions"), ("POST", "/sessions/s/run"), ("DELETE", "/sessions/s"), ("POST", "/kill"),
     ("POST", "/lift")],
)  # fmt: skip
async def test_nothing_is_done_for_a_caller_who_does_not_say_who_it_is(
    running: Running, method: str, path: str
) -> None:
    body = b"{}" if path == "/sessions" else b'{"language": "python", "code": ""}'
    status, reply = await running.raw(method, path, body)
    assert status == 400 and sandbox_wire.CALLER_HEADER in reply["error"]["message"]


async def test_a_body_over_the_bound_is_refused_before_it_is_read_to_the_end(running: Running) -> None:
    size = sandbox_wire.body_bytes_max(SETTINGS) + 1
    status, reply = await running.raw("POST", "/run", b"x" * size, **{sandbox_wire.CALLER_HEADER: "u"})
    assert (status, reply["error"]["code"]) == (413, "body_too_large")


async def test_a_caller_that_leaves_ends_its_job(running: Running) -> None:
    path = running.scratch / "left"
    async with running.client() as client:
        task = asyncio.create_task(client.run(sandbox.Job("python", f"wait {path}"), "u/t", "i"))
        await appears(running.scratch / "left.begun")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await appears(running.scratch / "left.cancelled")


async def test_a_caller_that_leaves_opens_no_session(running: Running) -> None:
    async with running.client() as client:
        limits = sandbox.Limits(1.0, 2.0, 64 << 20, 1000, 1 << 20, 4)
        task = asyncio.create_task(client.open_session(limits, "u/t", "i"))
        async with asyncio.timeout(20):
            while (await client.status()).running == 0:
                await asyncio.sleep(0.005)
            task.cancel()
            while (await client.status()).running:
                await asyncio.sleep(0.005)
        assert (await client.status()).sessions == 0


# The TCP port


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/run"),
        ("POST", "/sessions"),
        ("POST", "/kill"),
        ("POST", "/lift"),
        ("GET", "/status"),
        ("GET", "/ping"),
    ],
)
async def test_the_tcp_port_runs_no_code_and_throws_no_switch(running: Running, method: str, path: str) -> None:
    assert (await running.tcp(method, path, **{sandbox_wire.CALLER_HEADER: "u"}))[0] == 404


async def test_the_tcp_port_tells_health_and_metrics_to_this_machine_only(running: Running) -> None:
    assert json.loads((await running.tcp("GET", "/livez"))[1])["live"] is True
    assert await running.tcp("GET", "/readyz") == (200, '{"ready":true,"inputs_digest":""}')
    assert 'council_generation_info{generation=""' in (await running.tcp("GET", "/metrics"))[1]
    assert (await running.tcp("GET", "/livez", Host="evil.example"))[0] == 403
    async with running.client() as client:
        await client.kill("u/t", "i")
        status, reply = await running.tcp("GET", "/readyz")
        await client.lift("u/t", "i")
    assert (status, json.loads(reply)["reason"]) == (503, "sandbox_stopped")


async def test_the_unix_socket_shows_no_metrics(running: Running) -> None:
    assert (await running.raw("GET", "/metrics"))[0] == 404


# The end


async def test_at_a_stop_a_running_job_ends_first_and_health_is_told_to_the_end() -> None:
    with starting() as made:
        path = made.scratch / "job"
        async with made.client() as client:
            task = asyncio.create_task(client.run(sandbox.Job("python", f"wait {path}"), "u/t", "i"))
            await appears(made.scratch / "job.begun")
            stopping = asyncio.create_task(asyncio.to_thread(made.service.stop))
            # It no longer accepts: whoever connects now waits for the next process.
            async with asyncio.timeout(LIMIT_S):
                while await _accepts(made):
                    await asyncio.sleep(0.01)
            assert (await made.tcp("GET", "/livez"))[0] == 200 and not task.done()
            path.touch()
            assert (await task).exit_code == 3
            assert await stopping == 0
        assert "front closed" in made.service.log.read_text()


async def _accepts(made: Running) -> bool:
    try:
        async with asyncio.timeout(0.2):
            await made.raw("GET", "/ping")
    except TimeoutError:
        return False
    return True
