"""Traces of a whole Council at a collector: one tree for each request, over all processes, found again by the request's id."""

import http.client
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import whole
from council import homes
from council.domain import home
from otlp_receiver import Received, Receiver, receiving

SECRET = "token-of-the-collector"
CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="module")
def council(receiver: Receiver) -> Iterator[whole.Council]:
    with tempfile.TemporaryDirectory(prefix="council") as folder:
        root = Path(folder, "h")
        where = home.Home(root)
        homes.prepare(where, {"COUNCIL_HOME": str(root)})
        where.tracing_headers_file.write_text(f"# of the collector\nauthorization: Bearer {SECRET}\n")
        settings = {
            "COUNCIL_TRACING_ON": "true",
            "COUNCIL_TRACING_ENDPOINT": receiver.url,
            "COUNCIL_TRACING_WAIT_S": "0.05",
        }
        with whole.running(root, whole.free_port(), settings) as one:
            yield one


def post(council: whole.Council, path: str, body: Any, trace_id: str = "") -> tuple[int, str, Any]:
    """Return status, request id and the parsed reply."""
    connection = http.client.HTTPConnection("127.0.0.1", council.port, timeout=60)
    headers = {"authorization": f"Bearer {council.token}", "content-type": "application/json"}
    if trace_id:
        headers["traceparent"] = f"00-{trace_id}-{'a' * 16}-01"
    connection.request("POST", path, json.dumps(body), headers)
    with connection.getresponse() as response:
        found = response.status, response.headers["x-request-id"], json.loads(response.read())
    connection.close()
    return found


def ask(council: whole.Council, text: str, trace_id: str, **more: Any) -> tuple[int, str, Any]:
    messages = [{"role": "user", "content": text}]
    return post(council, CHAT, {"model": "council", "messages": messages, **more}, trace_id)


def tree(receiver: Receiver, trace_id: str, *names: str) -> dict[str, Received]:
    """Return the spans of a trace by name, once these are among them and every one's parent is there."""
    found: dict[str, Received] = {}

    def whole_tree() -> bool:
        spans = receiver.of(trace_id)
        found.clear()
        found.update({span.name: span for span in spans})
        ids = {span.span_id for span in spans} | {"a" * 16}
        return {*names, f"POST {CHAT}"} - {"", *found} <= {f"POST {CHAT}"} and all(
            one.parent_id in ids for one in spans
        )

    whole.wait_until(whole_tree, 30)
    return found


def test_a_request_is_one_tree_over_all_processes_and_its_id_finds_it_again(
    council: whole.Council, receiver: Receiver
) -> None:
    math_id, sandbox_id, memory_id = "1" * 32, "2" * 32, "3" * 32
    status, request_id, reply = ask(council, "What is 17% of 200?", math_id)
    assert status == 200 and reply["council"]["route"] == "math"
    status, _, _ = post(council, "/v1/sandbox/run", {"language": "python", "code": "print(6 * 7)"}, sandbox_id)
    assert status == 200
    status, _, _ = ask(council, "Sing to me", memory_id, memory=True, max_tokens=4)
    assert status == 200

    spans = tree(receiver, math_id, f"POST {CHAT}", "invoke_agent math", "execute_tool math.solve", "math.solve")
    root, tool, solved = spans[f"POST {CHAT}"], spans["execute_tool math.solve"], spans["math.solve"]
    assert (root.parent_id, root.service, root.attributes["council.request_id"]) == (
        "a" * 16,
        "council-gateway",
        request_id,
    )
    assert spans["invoke_agent council"].parent_id == root.span_id
    assert spans["invoke_agent math"].parent_id == spans["invoke_agent council"].span_id
    assert tool.parent_id == spans["invoke_agent math"].span_id
    assert (solved.service, solved.parent_id, solved.kind) == ("council-worker", tool.span_id, "SERVER")
    assert tool.began_ns <= solved.began_ns <= solved.ended_ns <= tool.ended_ns

    spans = tree(receiver, sandbox_id, "POST /v1/sandbox/run", "execute_tool sandbox", "job", "run python")
    job = spans["job"]
    assert (job.service, job.parent_id) == ("council-sandboxd", spans["execute_tool sandbox"].span_id)
    assert (spans["run python"].parent_id, spans["run python"].attributes) == (
        job.span_id,
        {"council.sandbox.status": "ok"},
    )

    spans = tree(
        receiver, memory_id, "search_memory", "operation recall", "invoke_agent general", "chat smollm2-135m-instruct"
    )
    assert spans["operation recall"].service == "council-recall"
    assert spans["operation recall"].parent_id == spans["search_memory"].span_id
    chat = spans["chat smollm2-135m-instruct"]
    assert chat.parent_id == spans["invoke_agent general"].span_id
    assert chat.attributes["gen_ai.provider.name"] == "local" and chat.attributes["gen_ai.usage.output_tokens"] > 0

    told = json.loads(council.command("trace", request_id, "--json").stdout)
    assert [one["trace_id"] for one in told] == [math_id] and told[0]["row"]["specialist"] == "math"
    assert {"math.solve", "ledger"} <= {span["name"] for span in told[0]["spans"]}
    assert [one["request_id"] for one in json.loads(council.command("trace", math_id, "--json").stdout)] == [request_id]

    assert {headers["authorization"] for headers in receiver.headers} == {f"Bearer {SECRET}"}
    logs = b"".join(path.read_bytes() for path in (council.home / "logs").iterdir())
    assert SECRET.encode() not in logs and math_id.encode() in logs
    sent = b"".join(receiver.bodies)
    assert b"17%" not in sent and b"Sing" not in sent and b"6 * 7" not in sent
