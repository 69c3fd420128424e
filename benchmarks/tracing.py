"""What traces cost: a gateway that follows no request against one that follows all into its log, and one that sends spans too.

Three gateways stand side by side, each with a worker, recall and store of its own, and are asked in turn, a block each, in an
order that is turned round each time. Their differences are taken block by block. The collector is another process.
"""

import asyncio
import contextlib
import http.server
import multiprocessing
import statistics
import subprocess
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection

import aiohttp
import orjson

import councils
import figures
import linux
import request_costs

ROUNDS = 12
BLOCK_REQUESTS = 150
WARM_REQUESTS = 50
_APART = 40
KINDS = ("off", "in the log", "sent")

Say = Callable[[str], None]


def run(port: int, say: Say, rounds: int = ROUNDS) -> list[figures.Row]:
    """Take every figure of this part."""
    with contextlib.ExitStack() as stack:
        endpoint = stack.enter_context(_collector())
        folder = stack.enter_context(councils.folder())
        subjects: dict[str, request_costs.Subject] = {}
        for place, kind in enumerate(KINDS):
            where = councils.prepare(folder / f"h{place}", port + place * _APART)
            settings = [] if kind == "off" else ["tracing.on=true"]
            settings += [f"tracing.endpoint={endpoint}"] if kind == "sent" else []
            if settings:
                command = [*councils.COMMAND, "config", "set", "--home", str(where.root), *settings]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=councils.environment())
            subjects[kind], _ = stack.enter_context(request_costs.gateway(where, port + place * _APART))
        return asyncio.run(_compared(subjects, rounds, say))


async def _compared(subjects: dict[str, request_costs.Subject], rounds: int, say: Say) -> list[figures.Row]:
    p50_ms: dict[str, list[float]] = {kind: [] for kind in subjects}
    cpu_us: dict[str, list[float]] = {kind: [] for kind in subjects}
    async with aiohttp.ClientSession() as session:
        for subject in subjects.values():
            await _block(session, subject, WARM_REQUESTS)
        for number in range(rounds):
            for kind in list(subjects)[:: 1 if number % 2 else -1]:
                before_s = linux.cpu_s(subjects[kind].pids[0])
                taken_ms = await _block(session, subjects[kind], BLOCK_REQUESTS)
                used_s = linux.cpu_s(subjects[kind].pids[0]) - before_s
                p50_ms[kind].append(figures.quantile(taken_ms, 0.5))
                cpu_us[kind].append(used_s / BLOCK_REQUESTS * 1e6)
            said = ", ".join(f"{kind} {values[-1]:.2f} ms" for kind, values in p50_ms.items())
            say(f"tracing: round {number + 1}: p50 {said}")
    rows = []
    for kind in subjects:
        resident_mb = linux.resident_bytes(subjects[kind].pids[0]) / 1e6
        rows += [
            figures.median("math: p50 at 1 client", kind, p50_ms[kind], "ms"),
            figures.median("math: CPU of the gateway", kind, cpu_us[kind], "us/request"),
            figures.Row("gateway: resident memory", kind, resident_mb, "MB"),
        ]
        if kind != "off":
            pairs = zip(p50_ms[kind], p50_ms["off"], strict=True)
            added = [(with_it - without) * 1000 for with_it, without in pairs]
            rows.append(figures.median("math: p50 added", kind, added, "us"))
            added = [with_it - without for with_it, without in zip(cpu_us[kind], cpu_us["off"], strict=True)]
            rows.append(figures.median("math: CPU added", kind, added, "us/request"))
    say(f"tracing: median p50 { ({kind: round(statistics.median(values), 2) for kind, values in p50_ms.items()}) }")
    return sorted(rows, key=lambda row: row.figure)


async def _block(session: aiohttp.ClientSession, subject: request_costs.Subject, requests: int) -> list[float]:
    headers = {"content-type": "application/json", "authorization": f"Bearer {subject.key}"}
    loop, taken_ms = asyncio.get_running_loop(), []
    for number in range(requests):
        asked = {"model": "council", "messages": [{"role": "user", "content": f"What is {number}% of 2,340?"}]}
        began_s = loop.time()
        url = subject.url + "/v1/chat/completions"
        async with session.post(url, data=orjson.dumps(asked), headers=headers) as answer:
            content = await answer.read()
            assert answer.status == 200, content[:300]
        taken_ms.append((loop.time() - began_s) * 1000)
    return taken_ms


@contextlib.contextmanager
def _collector() -> Iterator[str]:
    """Give the address of something that takes whatever is sent, in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_collect, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


class _Taking(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def _collect(pipe: Connection) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Taking)
    pipe.send(server.server_address[1])
    server.serve_forever()
