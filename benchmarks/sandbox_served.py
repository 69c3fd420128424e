"""The same job through the service and through the gateway of a whole Council, over HTTP."""

from collections.abc import Callable

import aiohttp
import orjson
import uvloop

import councils
import figures
import sandbox_load
from council.backends.sandbox_runner import unix
from council.domain import config, sandbox
from council.domain import home as home_module

JOBS = 500
_WARM_UP = 25

Say = Callable[[str], None]


def rows(where: home_module.Home, port: int, say: Say) -> list[figures.Row]:
    """Take the figures of both ways."""
    say("sandbox: over HTTP, in a whole Council")
    with councils.running(where, port):
        return uvloop.run(_rows(where, port))


async def _rows(where: home_module.Home, port: int) -> list[figures.Row]:
    service = unix.UnixSandbox(where.socket("sandboxd"), config.SandboxConfig())

    async def ask_service() -> None:
        result = await service.run(sandbox_load.JOB, "bench", "")
        assert (result.status, result.stdout) == (sandbox.Status.OK, sandbox_load.PRINTED), result

    token = where.token_file.read_text().strip()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    body = orjson.dumps({"language": "python", "code": sandbox_load.LINE})
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask_gateway() -> None:
            async with session.post(f"http://127.0.0.1:{port}/v1/sandbox/run", data=body) as response:
                answer = orjson.loads(await response.read())
            assert answer.get("stdout") == sandbox_load.PRINTED.decode(), answer

        found = []
        for name, call in (("council, service over HTTP", ask_service), ("council, gateway over HTTP", ask_gateway)):
            await sandbox_load.on_schedule(call, _WARM_UP)
            took_ms = await sandbox_load.on_schedule(call, JOBS)
            note = f"{sandbox_load.A_SECOND} jobs a second, {sandbox_load.CLIENTS} clients"
            found += sandbox_load.quantiles("one job", name, took_ms, note)
    await service.close()
    return found
