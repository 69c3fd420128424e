"""The worker process on its own: limits, crashes, garbage, crowds, and its stop."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import single_service
from council.backends.compute import unix
from council.domain import config, errors
from council.kit import frames, process, traces

WALL_S = 1.5
SETTINGS = {
    "COUNCIL_WORKER_WALL_S": str(WALL_S),
    "COUNCIL_WORKER_MESSAGE_BYTES_MAX": "65536",
    "COUNCIL_WORKER_QUEUE_MAX": "400",
}
WORKER = config.WorkerConfig(wall_s=WALL_S, message_bytes_max=65_536, queue_max=400)


class Running:
    def __init__(self, service: single_service.Service, path: Path):
        self.service = service
        self.path = path
        self.compute = unix.UnixCompute(path, WORKER)

    async def call(self, operation: str, **payload: Any) -> dict[str, Any]:
        return await self.compute.call(operation, payload, "the-id")

    async def answers_again(self) -> None:
        assert await self.call("math.solve", text="What is 2 + 2?")

    def children(self) -> list[int]:
        return [one.pid for one in process.table().values() if one.parent_pid == self.service.popen.pid]


@pytest.fixture(scope="module")
def worker() -> Iterator[Running]:
    with single_service.short_folder() as folder:
        path = folder / "s"
        command = [sys.executable, str(Path(__file__).with_name("toy_worker.py")), str(folder)]
        sockets = {"compute": single_service.unix(path)}
        with single_service.running(command, "worker", sockets, SETTINGS, folder / "log") as service:
            yield Running(service, path)


async def test_what_it_did_lies_below_the_call_where_its_reply_has_room_for_that(worker: Running) -> None:
    spans: list[traces.Span] = []
    chars = WORKER.message_bytes_max - len(frames.encode({"text": ""}))
    with traces.following(traces.Trace(None, "gateway", 1.0, spans.append)):
        assert await worker.call("math.solve", text="What is 2 + 2?")
        assert len((await worker.call("full", chars=chars))["text"]) == chars
    answered, asked, asked_much = spans
    assert (answered.service, answered.name, answered.parent_id) == ("worker", "math.solve", asked.span_id)
    assert (asked.name, asked_much.name, asked_much.error) == ("execute_tool math.solve", "execute_tool full", "")


async def test_a_real_operation_answers(worker: Running) -> None:
    await worker.compute.ping()
    result = await worker.call("math.solve", text="What is 17% of 200?")
    assert result["kind"] == "solved" and "34" in result["answer"]


@pytest.mark.parametrize("operation", ["sleep", "spin"])
async def test_a_job_over_its_time_is_ended_and_told_as_a_limit(worker: Running, operation: str) -> None:
    began_s = time.monotonic()
    with pytest.raises(errors.ComputeLimitError, match=r"1\.5 s"):
        await worker.call(operation, seconds=60)
    assert WALL_S * 0.9 < time.monotonic() - began_s < WALL_S + 10
    await worker.answers_again()


async def test_a_job_over_its_memory_is_told_as_a_limit(worker: Running) -> None:
    with pytest.raises(errors.ComputeLimitError, match="memory"):
        await worker.call("bomb")
    await worker.answers_again()


async def test_a_job_that_crashes_its_process_is_told_as_an_absence(worker: Running) -> None:
    with pytest.raises(errors.ComputeUnavailableError):
        await worker.call("crash")
    await worker.answers_again()


@pytest.mark.parametrize("operation", ["fail", "recurse", "beyond_json", "never heard of", ""])
async def test_a_job_that_fails_is_told_without_its_text_and_the_child_lives_on(
    worker: Running, operation: str
) -> None:
    child = await worker.call("pid")
    with pytest.raises(errors.ComputeUnavailableError) as raised:
        await worker.call(operation)
    assert "secret" not in raised.value.message + raised.value.detail
    assert await worker.call("pid") == child


async def test_a_result_over_the_limit_is_told_as_one(worker: Running) -> None:
    with pytest.raises(errors.ComputeLimitError, match="over the 65536 bytes"):
        await worker.call("large")


async def test_the_worker_reads_nothing_of_the_home_and_opens_no_connection(worker: Running) -> None:
    file = worker.path.parent / "secret"
    file.write_text("secret")
    with pytest.raises(errors.ComputeUnavailableError) as raised:
        await worker.call("read", path=str(file))
    assert raised.value.detail == "PermissionError"


GARBAGE = {
    "nothing": b"",
    "a_cut_header": b"\0\0",
    "a_cut_body": b"\0\0\0\x40{",
    "not_json": b"\0\0\0\3abc",
    "a_list": b"\0\0\0\2[]",
    "too_large": b"\x7f\xff\xff\xff" + b"x" * 1000,
    "http": b"GET / HTTP/1.1\r\nhost: x\r\n\r\n",
    "payload_of_another_kind": frames.encode({"operation": "math.solve", "payload": [1]}),
    "no_payload": frames.encode({"operation": "math.solve"}),
    "operation_of_another_kind": frames.encode({"operation": {"a": 1}}),
}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_is_dropped_and_the_next_caller_is_served(worker: Running, raw: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(worker.path))
        caller.sendall(raw)
    await worker.compute.ping()


async def test_a_caller_that_says_nothing_holds_the_worker_for_a_bounded_time(worker: Running) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect(str(worker.path))
        began_s = time.monotonic()
        async with asyncio.timeout(30):
            while True:
                try:
                    await worker.compute.ping()
                    break
                except errors.ComputeUnavailableError:
                    continue
        assert time.monotonic() - began_s < 20


async def test_a_crowd_of_two_hundred_is_served_to_the_last(worker: Running) -> None:
    found = await asyncio.gather(*(worker.call("ping") for _ in range(200)))
    assert found == [{"pong": True}] * 200


async def test_a_child_that_is_killed_between_jobs_is_replaced(worker: Running) -> None:
    [child] = worker.children()
    os.kill(child, signal.SIGKILL)
    async with asyncio.timeout(20):
        while child in worker.children():
            await asyncio.sleep(0.01)
    await worker.answers_again()
    assert worker.children() != [child]


def start(folder: Path, **settings: str) -> Any:
    command = [sys.executable, str(Path(__file__).with_name("toy_worker.py")), str(folder)]
    sockets = {"compute": single_service.unix(folder / "s")}
    return single_service.running(command, "worker", sockets, {**SETTINGS, **settings}, folder / "log")


async def test_a_stop_finishes_the_running_job_and_leaves_no_child() -> None:
    with single_service.short_folder() as folder:
        with start(folder) as service:
            running = Running(service, folder / "s")
            await running.compute.ping()
            job = asyncio.create_task(running.call("sleep", seconds=0.8))
            idle = set(running.children())
            while not _sleeps(folder / "s", idle, job):
                await asyncio.sleep(0.01)
            service.popen.terminate()
            assert await job == {"slept": True}
            assert await asyncio.to_thread(service.popen.wait, 20) == 0
            assert not any(Path(f"/proc/{pid}").exists() for pid in idle)


def _sleeps(path: Path, children: set[int], job: "asyncio.Task[Any]") -> bool:
    """Return whether a child holds a connection, which it does only during a job."""
    assert not job.done()
    for child in children:
        links = [str(link.readlink()) for link in Path(f"/proc/{child}/fd").iterdir() if link.is_symlink()]
        if sum(link.startswith("socket:") for link in links) > 1:
            return True
    return False


async def test_children_die_with_a_worker_that_is_killed() -> None:
    with single_service.short_folder() as folder:
        with start(folder, COUNCIL_WORKER_PROCESSES="2") as service:
            running = Running(service, folder / "s")
            await running.compute.ping()
            children = running.children()
            assert len(children) == 2
            service.popen.kill()
            await asyncio.to_thread(service.popen.wait, 20)
            async with asyncio.timeout(20):
                while any((found := process.stat(child)) and found.parent_pid != 1 for child in children):
                    await asyncio.sleep(0.01)


async def test_a_child_is_replaced_after_its_share_of_jobs() -> None:
    with single_service.short_folder() as folder:
        with start(folder, COUNCIL_WORKER_JOBS_PER_CHILD="2") as service:
            running = Running(service, folder / "s")
            pids = [(await running.call("pid"))["pid"] for _ in range(6)]
            assert [pids.count(pid) for pid in dict.fromkeys(pids)] == [2, 2, 2]
            assert not [line for line in service.log.read_text().splitlines() if json.loads(line)["level"] == "error"]


async def test_the_least_memory_that_may_be_set_is_enough_to_work() -> None:
    least = next(item for item in config.WorkerConfig.__dataclass_fields__.values() if item.name == "memory_bytes")
    with single_service.short_folder() as folder:
        with start(folder, COUNCIL_WORKER_MEMORY_BYTES=str(least.metadata["low"])) as service:
            await Running(service, folder / "s").answers_again()


async def test_a_stop_during_the_wait_after_failures_ends_the_worker() -> None:
    with single_service.short_folder() as folder:
        with start(folder) as service:
            running = Running(service, folder / "s")
            for _ in range(5):
                with pytest.raises(errors.ComputeUnavailableError):
                    await running.call("crash")
            service.popen.terminate()
            assert await asyncio.to_thread(service.popen.wait, 20) == 0
