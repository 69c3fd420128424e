"""The client of sandboxd against a server that says exactly what it is told; the real one answers it in test_sandboxd."""

import asyncio
import dataclasses
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from council.backends.sandbox_runner import unix
from council.domain import config, errors, sandbox, sandbox_wire
from faulty_server import STALL, Seen, Talk, plain, serving

SETTINGS = config.SandboxConfig(queue_wait_s=0.1, wall_s=0.1, job_bytes_max=2048)
JOB = sandbox.Job("python", "print(1)")
RESULT = sandbox_wire.result_form(sandbox.Result(sandbox.Status.OK, exit_code=0, stdout=b"1\n"))
OK = plain(200, orjson.dumps(RESULT))
# Replies that are none: the connection ends before or inside one, or something else speaks.
BROKEN = [
    b"", b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", b"no HTTP\r\n\r\n", plain(200, b"<html>"), plain(200, b""),
    plain(500, b"Internal Server Error", "text/plain"), plain(503, b"{}"), plain(404, b'{"error": "not found"}'),
]  # fmt: skip


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "s"


@pytest.fixture
async def client(path: Path) -> AsyncIterator[unix.UnixSandbox]:
    made = unix.UnixSandbox(path, SETTINGS)
    yield made
    await made.close()


def saying(seen: Seen, *replies: bytes | object) -> Talk:
    """Answer the requests one after the other, the last reply for all that follow."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        seen.requests.append(head + await reader.readexactly(length))
        reply = replies[min(len(seen.requests), len(replies)) - 1]
        if isinstance(reply, bytes):
            writer.write(reply)
            await writer.drain()
        else:
            await reader.read()

    return talk


def refusal(status: int, error: errors.CouncilError) -> bytes:
    return plain(status, orjson.dumps(sandbox_wire.error_form(error)))


async def test_a_call_says_who_asks_in_headers_that_nothing_can_be_put_into(
    path: Path, client: unix.UnixSandbox
) -> None:
    seen = Seen()
    async with serving(saying(seen, OK), seen, path):
        assert (await client.run(JOB, "ü/x\r\nevil: 1", "an id\r\nevil: 2")).stdout == b"1\n"
    (request,) = seen.requests
    assert request.startswith(b"POST /run HTTP/1.1\r\n") and b"\nevil" not in request
    assert b"X-Council-Caller: %C3%BC%2Fx%0D%0Aevil%3A%201\r\n".lower() in request.lower()
    assert b"x-request-id: an%20id%0d%0aevil%3a%202\r\n" in request.lower()


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_run_whose_connection_broke_is_sent_once_more(
    path: Path, client: unix.UnixSandbox, broken: bytes
) -> None:
    seen = Seen()
    async with serving(saying(seen, broken, OK), seen, path):
        assert (await client.run(JOB, "u", "i")).exit_code == 0
    assert len(seen.requests) == 2 and seen.requests[0] == seen.requests[1]


@pytest.mark.parametrize("broken", BROKEN)
async def test_a_run_is_not_sent_a_third_time(path: Path, client: unix.UnixSandbox, broken: bytes) -> None:
    seen = Seen()
    async with serving(saying(seen, broken), seen, path):
        with pytest.raises(errors.SandboxUnavailableError):
            await client.run(JOB, "u", "i")
    assert len(seen.requests) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.run_in_session("s", JOB, "u", "i"), lambda client: client.open_session(None, "u", "i"),
    ],
)  # fmt: skip
async def test_what_would_not_be_the_same_twice_is_sent_once(path: Path, client: unix.UnixSandbox, call: Any) -> None:
    seen = Seen()
    async with serving(saying(seen, b"", OK), seen, path):
        with pytest.raises(errors.SandboxUnavailableError):
            await call(client)
    assert len(seen.requests) == 1


async def test_the_kill_switch_is_thrown_again_if_nobody_answered(path: Path, client: unix.UnixSandbox) -> None:
    seen = Seen()
    async with serving(saying(seen, b"", plain(200, b'{"killed": 3}'), b"", plain(200, b"{}")), seen, path):
        assert await client.kill("u", "i") == 3
        await client.lift("u", "i")
    assert [request.split()[1] for request in seen.requests] == [b"/kill", b"/kill", b"/lift", b"/lift"]


@pytest.mark.parametrize(
    "error",
    [errors.InvalidRequestError("No.", parameter="code"), errors.SandboxStoppedError("Stopped."),
     errors.OverloadedError("Full.", retry_after_s=2), errors.SandboxUnavailableError("Away.", detail="why")],
)  # fmt: skip
async def test_what_the_service_refuses_is_raised_as_it_was_and_not_tried_again(
    path: Path, client: unix.UnixSandbox, error: errors.CouncilError
) -> None:
    seen = Seen()
    async with serving(saying(seen, refusal(503, error)), seen, path):
        with pytest.raises(type(error)) as caught:
            await client.run(JOB, "u", "i")
    assert type(caught.value) is type(error) and len(seen.requests) == 1
    assert (caught.value.message, caught.value.detail, caught.value.parameter, caught.value.retry_after_s) == (
        error.message, error.detail, error.parameter, error.retry_after_s,
    )  # fmt: skip


@pytest.mark.parametrize("reply", [b"[]", b"{}", b"5", b'{"killed": "x", "id": 5}'])
async def test_a_reply_of_another_shape_is_an_absence(path: Path, client: unix.UnixSandbox, reply: bytes) -> None:
    async with serving(saying(seen := Seen(), plain(200, reply)), seen, path):
        for call in (
            client.run(JOB, "u", "i"), client.status(), client.open_session(None, "u", "i"), client.kill("u", "i"),
        ):  # fmt: skip
            with pytest.raises(errors.SandboxUnavailableError):
                await call


async def test_a_silence_is_an_absence_when_the_jobs_time_is_over(
    path: Path, client: unix.UnixSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix, "_GRACE_S", 0.05)
    async with asyncio.timeout(20), serving(saying(seen := Seen(), STALL), seen, path):
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await client.run(JOB, "u", "i")
    assert "in time" in caught.value.detail and len(seen.requests) == 1


async def test_both_tries_share_one_deadline(
    path: Path, client: unix.UnixSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix, "_GRACE_S", 0.05)
    async with asyncio.timeout(20), serving(saying(seen := Seen(), b"", STALL), seen, path):
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await client.run(JOB, "u", "i")
    assert "in time" in caught.value.detail and len(seen.requests) == 2


async def test_a_reply_that_is_larger_than_the_jobs_limits_allow_is_not_read(path: Path) -> None:
    limits = dataclasses.replace(sandbox_wire.default_limits(SETTINGS), output_bytes=1, files_bytes=65_536)
    reply = plain(200, orjson.dumps({**RESULT, "stdout": "x" * 1_200_000}))
    client = unix.UnixSandbox(path, SETTINGS)
    async with serving(saying(seen := Seen(), reply), seen, path):
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await client.run(dataclasses.replace(JOB, limits=limits), "u", "i")
        assert "over" in caught.value.detail and len(seen.requests) == 1
        collecting = dataclasses.replace(JOB, limits=limits, collect=("x",))
        assert len((await client.run(collecting, "u", "i")).stdout) == 1_200_000
    await client.close()


async def test_no_socket_is_an_absence(path: Path, client: unix.UnixSandbox) -> None:
    for _ in range(2):
        with pytest.raises(errors.SandboxUnavailableError) as caught:
            await client.ping()
        assert caught.value.retry_after_s == 1
        path.write_text("not a socket")


# What is refused without asking


@pytest.mark.parametrize("session", ["", "..", "a/b", "../kill", "a?b", "a#b", "a b", "\xfc", "a\n", "%2e", "x" * 101])
async def test_what_cannot_be_a_session_becomes_no_part_of_a_path(client: unix.UnixSandbox, session: str) -> None:
    with pytest.raises(errors.NotFoundError):
        await client.run_in_session(session, JOB, "u", "i")
    with pytest.raises(errors.NotFoundError):
        await client.close_session(session, "u", "i")


async def test_a_job_too_large_for_the_service_is_not_sent(client: unix.UnixSandbox) -> None:
    size = sandbox_wire.body_bytes_max(SETTINGS)
    with pytest.raises(errors.BodyTooLargeError):
        await client.run(sandbox.Job("python", "#" * size), "u", "i")


async def test_text_that_is_not_unicode_is_the_callers_fault(client: unix.UnixSandbox) -> None:
    with pytest.raises(errors.InvalidRequestError):
        await client.run(sandbox.Job("python", "\ud800"), "u", "i")


async def test_no_more_jobs_are_sent_than_the_service_takes_and_the_kill_switch_still_is(path: Path) -> None:
    client = unix.UnixSandbox(path, config.SandboxConfig(concurrent_max=2, queue_max=1))
    seen = Seen()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.requests.append(head)
        if head.startswith(b"POST /kill"):
            writer.write(plain(200, b'{"killed": 3}'))
        else:
            await asyncio.sleep(3600)

    async with asyncio.timeout(20), serving(talk, seen, path):
        running = [asyncio.create_task(client.run(JOB, "u", "i")) for _ in range(3)]
        while len(seen.requests) < 3:
            await asyncio.sleep(0.001)
        with pytest.raises(errors.OverloadedError) as caught:
            await client.run(JOB, "u", "i")
        assert caught.value.retry_after_s == 1
        assert await client.kill("u", "i") == 3
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        # Their places are free again.
        later = asyncio.create_task(client.run(JOB, "u", "i"))
        while len(seen.requests) < 5:
            await asyncio.sleep(0.001)
        later.cancel()
        await asyncio.gather(later, return_exceptions=True)
    await client.close()
