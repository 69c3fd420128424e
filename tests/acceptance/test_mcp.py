"""The official client of the Model Context Protocol against a whole Council, over HTTP and over standard input."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

import whole

pytestmark = pytest.mark.whole

WAYS = [(transport, mode) for transport in ("http", "stdio") for mode in ("auto", "legacy")]
CALLS: list[tuple[str, dict[str, Any], str, str]] = [
    ("ask", {"question": "What is 17% of 2,340?"}, "397.8", "computed"),
    ("calculate", {"problem": "Solve x^2 - 5x + 6 = 0"}, "x = 2 or x = 3", "computed"),
    ("solve", {"puzzle": "All cats are animals. Tom is a cat. Is Tom an animal?"}, "Yes", "proved"),
    ("search", {"query": "What does verified mean?"}, "verified", "quoted"),
]


@contextlib.asynccontextmanager
async def connected(council: whole.Council, transport: str, mode: str) -> AsyncIterator[Client]:
    if transport == "stdio":
        command = ["-m", "council", "mcp", "--memory"]
        server = StdioServerParameters(command=sys.executable, args=command, env=dict(council.environment))
        async with Client(stdio_client(server), mode=mode) as client:
            yield client
        return
    headers = {"authorization": f"Bearer {council.token}", "x-council-memory": "true"}
    async with httpx2.AsyncClient(headers=headers, timeout=60) as http:
        async with Client(streamable_http_client(f"{council.base_url}/mcp", http_client=http), mode=mode) as client:
            yield client


@pytest.mark.parametrize(("transport", "mode"), WAYS)
async def test_the_official_client_lists_and_calls_every_tool(served: whole.Council, transport: str, mode: str) -> None:
    async with connected(served, transport, mode) as client:
        assert client.protocol_version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
        listed = (await client.list_tools()).tools
        assert {tool.name for tool in listed} == {"ask", "calculate", "solve", "search", "run", "remember", "recall"}
        for name, arguments, said, level in CALLS:
            found = await client.call_tool(name, arguments)
            assert not found.is_error and said in found.content[0].text, found
            assert found.structured_content["level"] == level and found.structured_content["detail"]
        ran = await client.call_tool("run", {"code": "print(6 * 7)"})
        assert (ran.structured_content["stdout"], ran.structured_content["exit_code"]) == ("42\n", 0)
        await client.call_tool("remember", {"text": "My dog is called Rex."})
        recalled = await client.call_tool("recall", {"query": "What is my dog called?"})
        assert "Rex" in recalled.content[0].text
        wrong = await client.call_tool("calculate", {"problem": ""})
        assert wrong.is_error
        with pytest.raises(MCPError, match="no tool"):
            await client.call_tool("nope", {})


@pytest.mark.parametrize(("transport", "mode"), WAYS)
async def test_a_call_that_the_client_gives_up_ends_its_job(served: whole.Council, transport: str, mode: str) -> None:
    async with connected(served, transport, mode) as client:
        await client.list_tools()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await client.call_tool("run", {"code": "import time\ntime.sleep(4)"})
        await asyncio.to_thread(whole.wait_until, lambda: _running(served) == 0, 2.0)
        assert (await client.call_tool("calculate", {"problem": "2 + 2"})).structured_content["answer"] == "2 + 2 = 4"


def _running(council: whole.Council) -> int:
    done = council.command("sandbox", "status", "--json")
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["running"])
