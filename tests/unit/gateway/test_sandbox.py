"""The /v1/sandbox routes: who may run code, what goes in and out, and what is said when it cannot be run."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from council.domain import access, config, errors, sandbox
from council.testing import model
from gateway_rig import Rig, open_rig

JOB = {"language": "python", "code": "print(42)"}
RUN, SESSIONS, STATUS = "/v1/sandbox/run", "/v1/sandbox/sessions", "/v1/sandbox/status"
KILL, LIFT = "/v1/sandbox/kill", "/v1/sandbox/lift"
RUNNING = [("POST", RUN), ("POST", SESSIONS), ("POST", f"{SESSIONS}/s0/run"), ("DELETE", f"{SESSIONS}/s0")]


async def send(rig: Rig, method: str, path: str, body: Any = JOB, secret: str = "secret-bot") -> tuple[int, Any]:
    content = None if method in ("GET", "DELETE") else json.dumps(body)
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    response = await rig.client.request(method, path, content=content, headers=headers)
    return response.status_code, response.json()


# Who may


@pytest.mark.parametrize(("method", "path"), RUNNING)
async def test_running_code_needs_a_token_even_on_loopback_and_more_than_a_viewers(
    rig: Rig, method: str, path: str
) -> None:
    for secret in ("", "secret-viewer"):
        status, reply = await send(rig, method, path, secret=secret)
        assert (status, reply["error"]["code"]) == (403, "forbidden"), secret
    assert (await send(rig, method, path, secret="wrong"))[0] == 401
    assert rig.fake_sandbox.calls == []


@pytest.mark.parametrize("role", ["bot", "operator", "admin"])
async def test_bots_operators_and_admins_run_code(rig: Rig, role: str) -> None:
    assert (await send(rig, "POST", RUN, secret=f"secret-{role}"))[0] == 200


@pytest.mark.parametrize("path", [KILL, LIFT])
async def test_the_kill_switch_is_for_operators(rig: Rig, path: str) -> None:
    for secret in ("", "secret-viewer", "secret-bot"):
        assert (await send(rig, "POST", path, secret=secret))[0] == 403, secret
    assert rig.fake_sandbox.calls == []
    for role in ("operator", "admin"):
        assert (await send(rig, "POST", path, secret=f"secret-{role}"))[0] == 200


async def test_the_state_is_for_everyone_who_may_read(rig: Rig) -> None:
    status, reply = await send(rig, "GET", STATUS, secret="")
    assert status == 200
    assert (reply["kind"], reply["layers_missing"], reply["stopped"], reply["pool_ready"]) == (
        "namespaces", {"landlock": "kernel too old"}, False, 8,
    )  # fmt: skip


async def test_from_elsewhere_nothing_is_shown_without_a_token(tmp_path: Path) -> None:
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(), "10.0.0.9") as far:
        for method, path in [*RUNNING, ("GET", STATUS), ("POST", KILL), ("POST", LIFT)]:
            assert (await send(far, method, path, secret=""))[0] == 401, path


async def test_another_sites_page_runs_nothing(rig: Rig) -> None:
    headers = {**rig.headers(), "origin": "http://evil.example"}
    assert (await rig.client.post(RUN, json=JOB, headers=headers)).status_code == 403


# What goes in and out


async def test_a_job_goes_in_whole_and_its_result_comes_out_whole(rig: Rig) -> None:
    rig.fake_sandbox.result = sandbox.Result(
        sandbox.Status.KILLED_LIMIT, limit="output_bytes", signal=9, stdout=b"\xff", stderr="ü".encode()[:1],
        files={"out": b"\0\xfe"}, not_collected={"gone": "no such file"}, truncated=True, wall_s=1.5, cpu_s=0.5,
        memory_peak_bytes=1000, layers=("seccomp",), layers_missing=("landlock",), lowered={"processes": 4},
        blocked={"network": 2}, audit_id="9-ef",
    )  # fmt: skip
    body = {
        **JOB, "stdin": {"base64": "/w=="}, "files": {"a/b": "text", "c": {"base64": "AA=="}}, "collect": ["out"],
        "limits": {"wall_s": 3},
    }  # fmt: skip
    status, reply = await send(rig, "POST", RUN, body)
    (job,) = rig.fake_sandbox.jobs
    assert (job.stdin, job.files, job.collect) == (b"\xff", {"a/b": b"text", "c": b"\0"}, ("out",))
    assert job.limits is not None and (job.limits.wall_s, job.limits.cpu_s) == (3.0, 5.0)
    assert status == 200 and reply == {
        "status": "killed_limit", "limit": "output_bytes", "exit_code": None, "signal": 9, "stdout": {"base64": "/w=="},
        "stderr": "", "files": {"out": {"base64": "AP4="}}, "not_collected": {"gone": "no such file"}, "truncated": True,
        "wall_s": 1.5, "cpu_s": 0.5, "memory_peak_bytes": 1000, "layers": ["seccomp"], "layers_missing": ["landlock"],
        "limits": None, "lowered": {"processes": 4}, "blocked": {"network": 2}, "reason": "", "audit_id": "9-ef",
    }  # fmt: skip


async def test_user_token_and_request_id_go_to_the_audit_trail(rig: Rig) -> None:
    response = await rig.client.post(RUN, json=JOB, headers=rig.headers("secret-bot"))
    assert rig.fake_sandbox.calls == [("run", "someone/id-bot", response.headers["x-request-id"])]


async def test_a_run_counts_against_the_tokens_rate_limit(rig: Rig) -> None:
    response = await rig.client.post(RUN, json=JOB, headers=rig.headers())
    assert response.headers["x-ratelimit-limit-requests"] == "600"

    async def full(key: str, limit: int, window_s: float, permits: int = 1) -> Any:

        return access.Allowance(False, limit, 0, 7.0)

    rig.store._inner.take = full
    for method, path in RUNNING:
        status, reply = await send(rig, method, path)
        assert (status, reply["error"]["code"]) == (429, "rate_limit_exceeded"), path
    assert (await send(rig, "POST", KILL, secret="secret-operator"))[0] == 200


@pytest.mark.parametrize("path", [RUN, f"{SESSIONS}/s0/run"])
@pytest.mark.parametrize(
    ("body", "code", "parameter"),
    [
        (b"", "malformed_body", None), (b"{", "malformed_body", None), (b"\xff", "malformed_body", None),
        (b"[]", "invalid_request", None), (b"{}", "invalid_request", "language"),
        (b'{"language": "python", "code": "\\ud800"}', "malformed_body", None),
        (b'{"language": "python", "code": 5}', "invalid_request", "code"),
        (b'{"language": "python", "code": "", "time": 5}', "invalid_request", "time"),
        (b'{"language": "python", "code": "", "stdin": {"base64": "x"}}', "invalid_request", "stdin"),
        (b'{"language": "python", "code": "", "limits": {"cpu_s": 1e9}}', "invalid_request", "limits.cpu_s"),
    ],
)  # fmt: skip
async def test_what_is_not_a_job_is_refused_in_openais_shape(
    rig: Rig, path: str, body: bytes, code: str, parameter: str | None
) -> None:
    rig.fake_sandbox.sessions["s0"] = "someone/id-admin"
    response = await rig.client.post(path, content=body, headers=rig.headers())
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (400, code, parameter)
    assert error["message"] and error["type"] == "invalid_request_error" and not rig.fake_sandbox.jobs


async def test_a_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    settings = config.build({"gateway": {"body_bytes_max": 1024}, "sandbox": {"job_bytes_max": 1024}}, {}, {})
    async with open_rig(tmp_path, settings, model.ScriptedModel(), "127.0.0.1") as rig:
        assert await send(rig, "POST", RUN, {**JOB, "code": "#" * 2000}) == (200, await reply_of(rig))
        status, reply = await send(rig, "POST", RUN, {**JOB, "code": "#" * 70_000})
        assert (status, reply["error"]["code"]) == (413, "body_too_large")


async def reply_of(rig: Rig) -> Any:
    return (await send(rig, "POST", RUN))[1]


# What is said when it cannot be run


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.OverloadedError("Full. Try again.", retry_after_s=1), 429),
        (errors.SandboxUnavailableError("Away. Try again.", detail="secret", retry_after_s=1), 503),
        (errors.SandboxStoppedError("Stopped. Lift it.", retry_after_s=1), 503),
    ],
)
async def test_a_sandbox_that_takes_no_job_says_why_and_when_to_come_back(
    rig: Rig, error: errors.CouncilError, status: int
) -> None:
    rig.sandbox.error = error
    for method, path in RUNNING[:3]:
        response = await rig.client.request(method, path, json=JOB if path != SESSIONS else {}, headers=rig.headers())
        assert (response.status_code, response.headers["retry-after"]) == (status, "1"), path
        found = response.json()["error"]
        assert (found["code"], found["message"]) == (error.code, error.message) and "secret" not in response.text


@pytest.fixture
async def held(rig: Rig) -> AsyncIterator[Rig]:
    rig.fake_sandbox.hold = asyncio.Event()
    yield rig
    rig.fake_sandbox.hold.set()


@pytest.mark.parametrize(("path", "asked"), [(RUN, JOB), (SESSIONS, {})])
async def test_a_client_that_leaves_ends_its_job_and_opens_no_session(held: Rig, path: str, asked: Any) -> None:
    body = json.dumps(asked).encode()
    gone = asyncio.Event()
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    statuses: list[int] = []

    async def keep(message: dict[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    headers = [(b"host", b"127.0.0.1:8000"), (b"authorization", b"Bearer secret-bot")]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers, "query_string": b"",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "scheme": "http", "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    async with asyncio.timeout(20):
        exchange = asyncio.create_task(held.app(scope, receive, keep))  # type: ignore[operator]
        while held.fake_sandbox.running == 0:
            await asyncio.sleep(0.001)
        gone.set()
        await held.fake_sandbox.cancelled.wait()
        await exchange
    assert statuses[0] == 499 and not held.fake_sandbox.sessions


# Sessions


async def test_a_session_lives_from_open_to_close_and_is_its_tokens_own(rig: Rig) -> None:
    status, opened = await send(rig, "POST", SESSIONS, {"limits": {"memory_bytes": 268_435_456}})
    assert (status, opened) == (200, {"id": "s0"})
    status, reply = await send(rig, "POST", f"{SESSIONS}/s0/run")
    assert (status, reply["stdout"], reply["reason"]) == (200, "42\n", "s0")
    for method, path in (("POST", f"{SESSIONS}/s0/run"), ("DELETE", f"{SESSIONS}/s0")):
        status, reply = await send(rig, method, path, secret="secret-admin")
        assert (status, reply["error"]["code"]) == (404, "not_found")
    assert await send(rig, "DELETE", f"{SESSIONS}/s0") == (200, {"id": "s0", "closed": True})
    assert (await send(rig, "POST", f"{SESSIONS}/s0/run"))[0] == 404
    assert (await send(rig, "DELETE", f"{SESSIONS}/s0"))[0] == 404


@pytest.mark.parametrize("body", [None, [], {"limit": {}}, {"limits": {"cpu": 1}}, {"limits": {"cpu_s": 1e9}}])
async def test_a_session_with_limits_that_cannot_be_is_refused(rig: Rig, body: Any) -> None:
    status, reply = await send(rig, "POST", SESSIONS, body)
    assert (status, reply["error"]["code"]) == (400, "invalid_request") and not rig.fake_sandbox.sessions


# The kill switch


async def test_the_kill_switch_tells_how_many_it_ended_and_stays_until_lifted(held: Rig) -> None:
    fake = held.fake_sandbox
    running = asyncio.create_task(send(held, "POST", RUN))
    async with asyncio.timeout(20):
        while fake.running == 0:
            await asyncio.sleep(0.001)
    assert await send(held, "POST", KILL, secret="secret-operator") == (200, {"stopped": True, "killed": 1})
    assert fake.calls[-1][:2] == ("kill", "someone/id-operator")
    fake.hold.set()  # type: ignore[union-attr]
    await running
    status, reply = await send(held, "POST", RUN)
    assert (status, reply["error"]["code"]) == (503, "sandbox_stopped")
    assert (await send(held, "GET", STATUS))[1]["stopped_by"] == "someone/id-operator"
    assert await send(held, "POST", LIFT, secret="secret-operator") == (200, {"stopped": False})
    assert (await send(held, "POST", RUN))[0] == 200


# The document


async def test_the_document_describes_every_route_and_its_examples_are_true(rig: Rig) -> None:
    document = (await rig.client.get("/openapi.json")).json()
    routes = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert {
        ("POST", RUN), ("POST", SESSIONS), ("DELETE", f"{SESSIONS}/{{id}}"), ("POST", f"{SESSIONS}/{{id}}/run"),
        ("GET", STATUS), ("POST", KILL), ("POST", LIFT),
    } <= routes  # fmt: skip
    schemas = document["components"]["schemas"]
    assert schemas["SandboxLimits"]["properties"]["wall_s"] == {
        "type": "number", "exclusiveMinimum": 0, "maximum": 120.0, "default": 10.0,
    }  # fmt: skip
    status, reply = await send(rig, "POST", RUN, schemas["SandboxJob"]["example"])
    assert status == 200
    result = schemas["SandboxResult"]
    assert set(reply) == set(result["properties"]) == set(result["required"]) == set(result["example"])
    state = (await send(rig, "GET", STATUS))[1]
    assert set(state) == set(schemas["SandboxState"]["properties"])


async def test_metrics_keep_the_paths_of_sessions_apart_without_their_ids(rig: Rig) -> None:
    await send(rig, "POST", f"{SESSIONS}/some-secret-id/run")
    await send(rig, "DELETE", f"{SESSIONS}/some-secret-id")
    await send(rig, "POST", RUN)
    metrics = (await rig.client.get("/metrics")).text
    for label in (RUN, f"{SESSIONS}/{{id}}", f"{SESSIONS}/{{id}}/run"):
        assert f'path="{label}"' in metrics, label
    assert "some-secret-id" not in metrics


# Why, and what ran


async def test_the_kill_switch_says_why_and_waits_for_no_words(rig: Rig) -> None:
    assert (await send(rig, "POST", KILL, {"reason": "Too many jobs."}, "secret-admin"))[0] == 200
    state = (await send(rig, "GET", STATUS))[1]
    assert (state["stopped"], state["stopped_reason"]) == (True, "Too many jobs.")
    assert (await send(rig, "POST", LIFT, {"reason": "Well again."}, "secret-admin"))[0] == 200
    assert (await send(rig, "GET", STATUS))[1]["stopped_reason"] == ""
    headers = {"authorization": "Bearer secret-admin"}
    for content in ("", "{", "[]", '{"reason": 7}', '{"reason": "a\\nb"}', "x" * 10_000):
        assert (await rig.client.post(KILL, content=content, headers=headers)).status_code == 200, content
        assert rig.fake_sandbox.stopped_by and not rig.fake_sandbox.stopped_reason
        assert (await rig.client.post(LIFT, content=content, headers=headers)).status_code == 200, content


async def test_the_audit_trail_comes_a_page_at_a_time(rig: Rig) -> None:
    rig.fake_sandbox.records = [
        sandbox.Record(number, number * 10, "job", "ann/t", language="python", status="ok", wall_s=0.5)
        for number in range(1, 6)
    ]
    status, page = await send(rig, "GET", "/api/sandbox/audit?limit=2", secret="secret-operator")
    assert status == 200 and [one["id"] for one in page["rows"]] == ["5", "4"] and page["before"] == "4"
    assert page["rows"][0]["caller"] == "ann/t" and page["rows"][0]["exit_code"] is None
    status, page = await send(rig, "GET", "/api/sandbox/audit?limit=5&before=4", secret="secret-operator")
    assert [one["id"] for one in page["rows"]] == ["3", "2", "1"] and page["before"] is None
    assert (await send(rig, "GET", "/api/sandbox/audit?limit=5", secret="secret-operator"))[1]["before"] is None
    for wrong in ("limit=0", "limit=101", "before=x"):
        assert (await send(rig, "GET", f"/api/sandbox/audit?{wrong}", secret="secret-operator"))[0] == 400
    rig.sandbox.error = errors.SandboxUnavailableError("Away. Start it.")
    assert (await send(rig, "GET", "/api/sandbox/audit", secret="secret-operator"))[0] == 503
