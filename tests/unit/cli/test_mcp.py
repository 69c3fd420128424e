"""`council mcp`: lines in, lines out, over a real gateway; and what it says where there is none."""

import importlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson
import pytest
from click.testing import CliRunner

from council import homes
from council.cli import main, mcp
from council.domain import config, home
from council.gateway.mcp import protocol
from gateway_rig import served_rig


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> home.Home:
    made = home.Home(tmp_path_factory.mktemp("mcp") / "home")
    homes.prepare(made, {})
    return made


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    # What a bridge waits for at its end is bounded, and to compute the first time is to load all the grammars.
    importlib.import_module("council.serving.compute.operations")
    with served_rig(tmp_path_factory.mktemp("served"), config.Config()) as url:
        yield int(url.rpartition(":")[2])


def bridged(where: home.Home, port: int, *lines: bytes, memory: bool = False) -> list[Any]:
    output = io.BytesIO()
    mcp._Bridge(where, port, memory, output).serve(io.BytesIO(b"\n".join(lines)))
    return [orjson.loads(line) for line in output.getvalue().splitlines()]


def line(method: str, params: Any = None, identifier: Any = 1) -> bytes:
    return orjson.dumps({"jsonrpc": "2.0", "id": identifier, "method": method, "params": params or {}})


CALCULATE = {"name": "calculate", "arguments": {"problem": "2 + 3"}}


def test_each_line_is_answered_by_a_line(where: home.Home, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNCIL_TOKEN", "secret-viewer")
    replies = bridged(
        where,
        port,
        line("initialize", {"protocolVersion": "2025-11-25"}, "a"),
        orjson.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        b"",
        line("tools/list", identifier="b"),
        line("tools/call", CALCULATE, "c"),
    )
    by_id = {reply["id"]: reply["result"] for reply in replies}
    assert by_id["a"]["serverInfo"]["name"] == "council"
    assert [tool["name"] for tool in by_id["b"]["tools"]] == ["ask", "calculate", "solve", "search"]
    assert by_id["c"]["structuredContent"]["answer"] == "2 + 3 = 5"


def test_a_stateless_request_gets_the_headers_that_it_needs(where: home.Home, port: int) -> None:
    meta = {protocol.VERSION_KEY: protocol.STATELESS[-1], protocol.CAPABILITIES_KEY: {}}
    [called] = bridged(where, port, line("tools/call", {**CALCULATE, "_meta": meta}))
    assert called["result"]["resultType"] == "complete" and called["result"]["structuredContent"]["verified"]
    [unknown] = bridged(where, port, line("tools/call", {"name": "größer\r\nx: y", "_meta": meta}))
    assert unknown["error"]["code"] == protocol.INVALID_PARAMS


def test_memory_is_offered_where_the_flag_says_so(where: home.Home, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNCIL_TOKEN", "secret-viewer")
    [listed] = bridged(where, port, line("tools/list"), memory=True)
    assert {"remember", "recall"} <= {tool["name"] for tool in listed["result"]["tools"]}


def test_what_is_no_message_is_answered_and_the_rest_goes_on(where: home.Home, port: int) -> None:
    huge = b'{"jsonrpc":"2.0","id":9,"method":"' + b"x" * config.Config().gateway.body_bytes_max + b'"}'
    replies = bridged(where, port, b"{", huge, line("ping", identifier=2))
    assert sorted((reply["id"] or 0, reply.get("error", {}).get("code", 0)) for reply in replies) == [
        (0, protocol.PARSE_ERROR),
        (0, protocol.INVALID_REQUEST),
        (2, 0),
    ]


def test_an_error_of_the_service_becomes_an_error_of_the_protocol(
    where: home.Home, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNCIL_TOKEN", "wrong")
    [refused] = bridged(where, port, line("ping", identifier="p"))
    assert refused["id"] == "p" and "token is not known" in refused["error"]["message"]


def test_without_a_service_each_request_is_told_how_to_start_one(where: home.Home) -> None:
    notice = orjson.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
    [away] = bridged(where, 26_901, line("initialize", {"protocolVersion": "2025-11-25"}), notice)
    assert away["error"]["code"] == -32001 and "`council up`" in away["error"]["message"]


def test_a_cancelled_call_is_not_answered(where: home.Home, port: int) -> None:
    """The lines come through a pipe, so that the second is read while the first is under way."""
    reading, writing = os.pipe()
    output = io.BytesIO()
    slow = line("tools/call", {"name": "ask", "arguments": {"question": "Hm?", "specialist": "general"}}, 5)
    bridge = mcp._Bridge(where, port, memory=False, output=output)
    held = threading.Event()
    reply = bridge._reply
    bridge._reply = lambda call: held.wait(10) and reply(call)  # type: ignore[method-assign,assignment,return-value]
    with os.fdopen(reading, "rb") as source:
        serving = threading.Thread(target=bridge.serve, args=(cast("BinaryIO", source),))
        serving.start()
        os.write(writing, slow + b"\n")
        os.write(
            writing,
            b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}\n'
            + line("ping", identifier=6),
        )
        os.close(writing)
        held.set()
        serving.join(20)
        assert not serving.is_alive()
    assert [orjson.loads(one)["id"] for one in output.getvalue().splitlines()] == [6]


def test_the_command_reads_to_the_end_of_its_input(where: home.Home, port: int, tmp_path: Path) -> None:
    given = ["mcp", "--home", str(where.root), "--port", str(port)]
    done = CliRunner().invoke(main.cli, given, input=line("ping"), catch_exceptions=False)
    assert (done.exit_code, orjson.loads(done.stdout)) == (0, {"jsonrpc": "2.0", "id": 1, "result": {}})
