"""`council` as a process: exit status, what goes to which stream, readers that leave, services that answer strangely."""

import contextlib
import http.server
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import single_service
from council import app, homes
from council.domain import config, home, ledger
from council.kit import clock, frames

LIMIT_S = 60


@pytest.fixture(scope="module")
def where() -> Iterator[home.Home]:
    with single_service.short_folder() as folder:
        made = home.Home(folder / "h")
        homes.prepare(made, {})
        records = app.records(config.Config(), made)
        now_us = clock.SystemClock().now_us()
        records.append([row(number, now_us - 1_000_000) for number in range(3_000)])
        records.close()
        yield made


def row(number: int, at_us: int) -> ledger.LedgerRow:
    return ledger.LedgerRow(
        f"r{number}", at_us, "owner", "t", "math", "math", "", ledger.Outcome.ANSWERED, "computed", True, False,
        0, 0, 0, 1, 1, "g",
    )  # fmt: skip


def council(
    where: home.Home, *arguments: str | bytes, stdin: bytes = b"", **more: str
) -> "subprocess.CompletedProcess[bytes]":
    environment = {key: value for key, value in os.environ.items() if not key.startswith("COUNCIL_")}
    environment |= {"COUNCIL_HOME": str(where.root), "COUNCIL_PORT": "18391", **more}
    command = [*single_service.council(), *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, env=environment, timeout=LIMIT_S, check=False)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["config", "check"], 0),
        (["config", "set", "prot=1"], 4),
        (["config", "show", "--home", "/nonexistent"], 4),
        (["status"], 3),
        (["ask", "hello"], 3),
        (["tokens", "revoke", "never"], 1),
        (["models", "use", "x", "--file", "/nonexistent"], 4),
        (["config", "never"], 2),
        (["tokens", "add", "--role", "king"], 2),
        (["ledger", "report", "--days", "0"], 2),
        (["freeze", "show"], 0),
        (["lineage", "verify"], 0),
        (["lineage", "show", "f" * 16], 1),
        (["keys", "add", "f" * 39, "--name", "Ann"], 7),
        (["keys", "list", "--home", "/nonexistent"], 4),
        (["patch", "new", "--title", "x", "--reason", "x"], 2),
    ],
)
def test_the_exit_status_tells_what_kind_of_error_and_stderr_says_it(
    where: home.Home, arguments: list[str], status: int
) -> None:
    done = council(where, *arguments)
    assert done.returncode == status, done
    if status:
        assert done.stderr and not done.stdout and b"Traceback" not in done.stderr


def test_a_setting_from_the_environment_that_is_wrong_names_the_variable(where: home.Home) -> None:
    done = council(where, "config", "show", COUNCIL_GATEWAY_WROKERS="2")
    assert done.returncode == 4 and b"COUNCIL_GATEWAY_WORKERS" in done.stderr


@pytest.mark.parametrize(
    "arguments", ["ledger export", "ledger export --format csv", "config show", "tokens list --json"]
)
@pytest.mark.parametrize("reader", ["head -1", "true"])
def test_a_reader_that_leaves_ends_the_command_quietly(
    where: home.Home, arguments: str, reader: str, tmp_path: Path
) -> None:
    python, *rest = single_service.council()
    script = f"set -o pipefail; {python} {' '.join(rest)} {arguments} 2>{tmp_path}/err | {reader}"
    environment = {**os.environ, "COUNCIL_HOME": str(where.root)}
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=environment, timeout=LIMIT_S, check=False)
    assert (done.returncode, (tmp_path / "err").read_bytes()) == (0, b"")
    assert reader == "true" or done.stdout.count(b"\n") == 1


def test_a_full_disk_behind_the_output_is_an_error(where: home.Home) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*single_service.council(), "ledger", "export", "--home", str(where.root)],
            stdout=full, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False,
        )  # fmt: skip
    assert done.returncode != 0


DELTA = {"choices": [{"delta": {"content": "Hi"}}]}
COUNCIL = {
    "specialist": "math", "verified": True, "refused": False, "confidence": 1.0, "route_reasons": [], "passed_on": {},
    "evidence": {"level": "computed", "summary": "I read: 2.", "detail": {"reading": "2"}}, "degraded": [],
    "timings_ms": {"total": 1.0}, "tokens": {"prompt": 0, "completion": 0}, "model": None, "cost_usd_micros": 0,
    "escalated": False, "generation": "0" * 40, "cid": "c" * 16, "request_id": "r",
}  # fmt: skip


def events(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)


class Strange(http.server.BaseHTTPRequestHandler):
    """Answers with what the server was told."""

    server: Any

    def do_POST(self) -> None:
        self.server.tokens.append(self.headers["authorization"])
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        status, body = self.server.script
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: Any) -> None: ...


@pytest.fixture
def strange() -> Iterator[Any]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Strange)
    server.asked = []
    server.tokens = []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def ask(
    where: home.Home, server: Any, *arguments: str | bytes, stdin: bytes = b""
) -> "subprocess.CompletedProcess[bytes]":
    return council(where, "ask", *arguments, "--port", str(server.server_address[1]), stdin=stdin)


def test_an_answer_is_printed_with_what_it_rests_on(where: home.Home, strange: Any) -> None:
    strange.script = (200, events(DELTA, {"choices": [], "council": COUNCIL}) + b"data: [DONE]\n\n")
    done = ask(where, strange, "two", "words")
    assert done.returncode == 0 and done.stdout.decode() == "Hi\n\n[math, verified: I read: 2.]\n"
    assert strange.asked[0]["messages"] == [{"role": "user", "content": "two words"}]
    explained = ask(where, strange, "--explain", "x").stdout.decode()
    assert "computed" in explained and f"Generation  {'0' * 8}, made by cid:{'c' * 16}\n" in explained
    assert json.loads(ask(where, strange, "--json", "x").stdout)["council"]["verified"] is True
    assert ask(where, strange, "-", stdin=b"from a pipe").returncode == 0
    assert strange.asked[-1]["messages"][0]["content"] == "from a pipe"


def test_a_question_that_is_no_text_is_asked_as_well_as_can_be(where: home.Home, strange: Any) -> None:
    strange.script = (200, events(DELTA, {"choices": [], "council": COUNCIL}))
    assert ask(where, strange, b"caf\xe9").returncode == 0
    assert strange.asked[0]["messages"][0]["content"] == "caf?"


SUPERVISORS: dict[str, tuple[list[dict[str, Any]] | None, bool]] = {
    "none": (None, True),
    "gateway_stopped": ([{"name": "gateway", "pid": None}], True),
    "only_others": ([{"name": "model", "pid": 5}], True),
    "gateway_on_another_port": ([{"name": "gateway", "pid": 5}], False),
    "gateway_here": ([{"name": "gateway", "pid": 5}], True),
    "gateway_of_several": ([{"name": "gateway:1", "pid": 5}], True),
}


@pytest.mark.parametrize(("rows", "same_port"), SUPERVISORS.values(), ids=SUPERVISORS)
def test_the_token_goes_only_to_the_gateway_of_this_home(
    where: home.Home, strange: Any, rows: list[dict[str, Any]] | None, same_port: bool, request: pytest.FixtureRequest
) -> None:
    strange.script = (200, events(DELTA, {"choices": [], "council": COUNCIL}))
    port = strange.server_address[1] + (0 if same_port else 1)
    targets = where.run / "targets.json"
    targets.write_text(json.dumps([{"targets": [f"127.0.0.1:{port}"], "labels": {"svc": "gateway"}}]))
    with contextlib.ExitStack() as stack:
        stack.callback(targets.unlink)
        if rows is not None:
            stack.enter_context(supervisor(where, rows))
        assert ask(where, strange, "x").returncode == 0
    ours = request.node.callspec.id in ("gateway_here", "gateway_of_several")
    assert strange.tokens == [f"Bearer {where.token_file.read_text().strip()}" if ours else None]


@contextlib.contextmanager
def supervisor(where: home.Home, rows: list[dict[str, Any]]) -> Iterator[None]:
    """Answer one command on the supervisor's socket."""
    more = {"state": "ready", "generation": "", "uptime_s": 1.0, "restarts": 0, "memory_bytes": 0}
    path = where.socket("supervisor")

    def serve(listener: socket.socket) -> None:
        caller, _ = listener.accept()
        with caller:
            caller.recv(65_536)
            caller.sendall(frames.encode({"ok": True, "services": [row | more for row in rows]}))

    with single_service.unix(path) as listener:
        listener.setblocking(True)
        listener.settimeout(LIMIT_S)
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield
        thread.join()
    path.unlink()


STRANGE = {
    "unauthenticated": (401, b'{"error": {"message": "No."}}', 6),
    "forbidden": (403, b'{"error": {"message": "No."}}', 6),
    "refused": (400, b'{"error": {"message": "No."}}', 7),
    "away": (503, b'{"error": {"message": "No."}}', 5),
    "html": (502, b"<html>", 5),
    "error_of_another_kind": (500, b'{"error": "text"}', 5),
    "broke_off": (200, events(DELTA), 5),
    "error_in_the_stream": (200, events(DELTA, {"error": {"message": "No."}}), 5),
    "not_json": (200, b"data: {\n\n", 5),
    "a_list": (200, b"data: []\n\n", 5),
    "something_else": (200, b'data: {"a": 1}\n\n', 5),
    "nothing": (200, b"", 5),
}


@pytest.mark.parametrize(("status", "body", "expected"), STRANGE.values(), ids=STRANGE)
def test_a_service_that_answers_strangely_is_an_error_of_ours(
    where: home.Home, strange: Any, status: int, body: bytes, expected: int
) -> None:
    strange.script = (status, body)
    done = ask(where, strange, "x")
    assert done.returncode == expected and done.stderr.startswith(b"council: ") and b"Traceback" not in done.stderr
