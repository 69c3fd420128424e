import asyncio
import json

import pytest

from council.domain import config, errors
from council.testing import model
from gateway_rig import open_rig

ASK = {"model": "council", "messages": [{"role": "user", "content": "What is 17% of 200?"}]}


def ask(text: str, **more: object) -> dict[str, object]:
    return {"model": "council", "messages": [{"role": "user", "content": text}], **more}


def events(body: str) -> list[dict]:
    return [json.loads(line[6:]) for line in body.splitlines() if line.startswith("data: {")]


async def test_a_computed_answer_is_verified_and_costs_nothing(rig):
    reply = (await rig.client.post("/v1/chat/completions", json=ASK)).json()
    assert "34" in reply["choices"][0]["message"]["content"]
    council = reply["council"]
    assert (council["route"], council["verified"], council["evidence"]["level"]) == ("math", True, "computed")
    assert council["cost_usd_micros"] == 0 and council["escalated"] is False
    assert council["tokens"] == {"prompt": 0, "completion": 0} and reply["usage"]["total_tokens"] == 0
    assert set(council["timings_ms"]) >= {"route", "math", "ledger", "total"}


async def test_the_request_id_is_the_same_in_header_body_and_ledger(rig):
    response = await rig.client.post("/v1/chat/completions", json=ASK)
    request_id = response.headers["x-request-id"]
    assert response.json()["council"]["request_id"] == request_id
    assert [row.request_id for row in rig.records.rows(0, 2**62)] == [request_id]


async def test_a_request_id_of_the_clients_own_is_not_taken_over(rig):
    response = await rig.client.post("/v1/chat/completions", json=ASK, headers={"x-request-id": "mine"})
    assert response.headers["x-request-id"] != "mine"


async def test_logic_is_proved_and_knowledge_is_quoted_and_general_is_neither(rig):
    logic = await rig.client.post(
        "/v1/chat/completions", json=ask("All cats are animals. Tom is a cat. Is Tom an animal?")
    )
    quoted = await rig.client.post("/v1/chat/completions", json=ask("When does the harbour office open?"))
    general = await rig.client.post("/v1/chat/completions", json=ask("Sing to me"))
    found = [
        (one.json()["council"]["route"], one.json()["council"]["evidence"]["level"], one.json()["council"]["verified"])
        for one in (logic, quoted, general)
    ]
    assert found == [("logic", "proved", True), ("knowledge", "quoted", False), ("general", "none", False)]
    assert "seven" in quoted.json()["choices"][0]["message"]["content"]


CODE = ["```python\n", "def f():\n    return 1\n", "```"]


async def evidence_of(folder, pieces, prepare=lambda rig: None):
    async with open_rig(folder, config.Config(), model.ScriptedModel(pieces), "127.0.0.1") as rig:
        prepare(rig)
        reply = (await rig.client.post("/v1/chat/completions", json=ask("Write a Python function f"))).json()
        assert reply["council"]["route"] == "code"
        return reply["council"]["evidence"], rig.fake_sandbox


async def test_code_is_parsed_and_run_and_its_run_is_no_proof(tmp_path):
    evidence, fake = await evidence_of(tmp_path, CODE)
    assert evidence["level"] == "none"
    assert evidence["detail"]["syntax"] == {"parses": True, "defines": ["f"]}
    run = evidence["detail"]["run"]
    assert (run["status"], run["exit_code"], run["stdout"], run["audit_id"]) == ("ok", 0, "42\n", "1-ab")
    (job,), ((call, caller, request_id),) = fake.jobs, fake.calls
    assert (job.language, job.code, job.limits.wall_s) == ("python", "def f():\n    return 1\n", 5.0)
    assert (call, caller, len(request_id)) == ("run", "code specialist", 26)


async def test_code_is_parsed_and_not_run_without_a_sandbox(tmp_path):
    def prepare(rig):
        rig.sandbox.error = errors.SandboxUnavailableError("Away.")

    evidence, _ = await evidence_of(tmp_path, CODE, prepare)
    assert evidence["level"] == "none" and evidence["detail"]["syntax"]["parses"] is True
    assert "not run" in evidence["summary"] and evidence["detail"]["run"]["reason"] == "Away."


async def test_code_that_does_not_parse_is_not_run(tmp_path):
    evidence, fake = await evidence_of(tmp_path, ["```python\n", "def f(:\n", "```"])
    assert "does not parse" in evidence["summary"] and "not run" in evidence["summary"] and fake.calls == []


async def test_a_stream_ends_with_the_council_object_and_done(rig):
    response = await rig.client.post("/v1/chat/completions", json=ask("Sing", stream=True))
    assert response.headers["content-type"].startswith("text/event-stream")
    chunks = events(response.text)
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert text == "A scripted answer."
    assert "council" in chunks[-1] and not any("council" in chunk for chunk in chunks[:-1])
    assert response.text.endswith("data: [DONE]\n\n")


async def test_a_stream_with_usage_has_it_in_a_last_chunk_without_choices(rig):
    body = ask("Sing", stream=True, stream_options={"include_usage": True})
    chunks = events((await rig.client.post("/v1/chat/completions", json=body)).text)
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["completion_tokens"] == 3
    assert "council" in chunks[-1]


async def test_an_explicit_specialist_that_passes_on_says_so_and_asks_nobody_else(rig):
    body = {**ask("Tell me a story"), "model": "council/math"}
    reply = (await rig.client.post("/v1/chat/completions", json=body)).json()
    assert reply["council"]["refused"] is True and "math" in reply["choices"][0]["message"]["content"]
    assert rig.model.asked == []


async def test_the_packaged_model_by_name_gets_no_prompt_of_ours(rig):
    await rig.client.post("/v1/chat/completions", json={**ask("Hi"), "model": "smollm2-135m-instruct"})
    await rig.client.post("/v1/chat/completions", json=ask("Sing"))
    bare, dressed = rig.model.asked
    assert [message.role for message in bare] == ["user"]
    assert [message.role for message in dressed] == ["system", "user"]


async def test_a_system_message_of_the_callers_own_replaces_ours(rig):
    messages = [{"role": "developer", "content": "Be a pirate."}, {"role": "user", "content": "Sing"}]
    await rig.client.post("/v1/chat/completions", json={"model": "council", "messages": messages})
    first = rig.model.asked[0][0]
    assert (first.role, first.text) == ("system", "Be a pirate.")


async def test_content_parts_are_joined(rig):
    content = [{"type": "text", "text": "What is "}, {"type": "text", "text": "2+2?"}]
    reply = await rig.client.post(
        "/v1/chat/completions", json={"model": "council", "messages": [{"role": "user", "content": content}]}
    )
    assert reply.json()["council"]["route"] == "math"


async def test_a_model_that_dies_before_the_first_word_is_503_with_retry_after(tmp_path):
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(fails_after=0), "127.0.0.1") as rig:
        for stream in (False, True):
            response = await rig.client.post("/v1/chat/completions", json=ask("Sing", stream=stream))
            assert response.status_code == 503 and response.headers["retry-after"] == "2"
            assert response.json()["error"]["code"] == "model_unavailable"
        assert [row.outcome for row in rig.records.rows(0, 2**62)] == ["failed", "failed"]


async def test_a_model_that_dies_in_mid_stream_ends_in_an_error_event_and_no_done(tmp_path):
    async with open_rig(tmp_path, config.Config(), model.ScriptedModel(fails_after=2), "127.0.0.1") as rig:
        response = await rig.client.post("/v1/chat/completions", json=ask("Sing", stream=True))
        assert events(response.text)[-1]["error"]["code"] == "model_unavailable"
        assert "[DONE]" not in response.text
        assert [row.outcome for row in rig.records.rows(0, 2**62)] == ["failed"]


async def test_a_client_that_leaves_stops_the_model_and_is_in_the_ledger(tmp_path):
    hold = asyncio.Event()
    scripted = model.ScriptedModel(hold=hold)
    async with open_rig(tmp_path, config.Config(), scripted, "127.0.0.1") as rig:
        for stream in (False, True):
            asking = asyncio.create_task(leave_after_the_first_word(rig.app, ask("Sing", stream=stream), scripted))
            await asking
    assert scripted.stopped_early == 2
    from council.backends.records import sql

    records = sql.SqlRecords(f"sqlite:///{tmp_path / 'council.db'}")
    assert [row.outcome for row in records.rows(0, 2**62)] == ["cancelled", "cancelled"]
    records.close()


async def leave_after_the_first_word(application, body, scripted):
    """Speak ASGI by hand: httpx cannot leave in the middle of an in-process exchange."""
    before = len(scripted.asked)
    sent = [{"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}]

    async def receive():
        if sent:
            return sent.pop(0)
        while len(scripted.asked) == before:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(message): ...

    headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/chat/completions",
        "raw_path": b"/v1/chat/completions",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8000),
        "scheme": "http",
        "http_version": "1.1",
        "root_path": "",
        "state": {},
    }
    await application(scope, receive, send)


async def test_a_worker_that_is_away_degrades_the_answer_and_says_so(rig):
    rig.compute.error = errors.ComputeUnavailableError("The worker is away.")
    council = (await rig.client.post("/v1/chat/completions", json=ASK)).json()["council"]
    assert council["route"] == "general" and council["degraded"] == ["math: compute_unavailable"]
    asked_for = await rig.client.post("/v1/chat/completions", json={**ASK, "model": "council/math"})
    assert asked_for.status_code == 503


async def test_recall_that_is_away_degrades_the_answer_and_says_so(rig):
    rig.recall.error = errors.RecallUnavailableError("Recall is away.")
    council = (await rig.client.post("/v1/chat/completions", json=ask("When does the harbour office open?"))).json()[
        "council"
    ]
    assert council["route"] == "general" and "knowledge: recall_unavailable" in council["degraded"]


async def test_a_store_that_is_away_degrades_the_answer_and_says_so(rig):
    rig.store.error = errors.StoreUnavailableError("The store is away.")
    council = (await rig.client.post("/v1/chat/completions", json=ASK)).json()["council"]
    assert council["verified"] and council["degraded"] == ["store: rate limits count here only"]


async def test_nothing_is_answered_that_the_ledger_cannot_hold(rig):
    rig.records.error = errors.RecordsUnavailableError("The disk is full.")
    whole = await rig.client.post("/v1/chat/completions", json=ASK)
    assert whole.status_code == 503 and whole.json()["error"]["code"] == "records_unavailable"
    streamed = await rig.client.post("/v1/chat/completions", json=ask("Sing", stream=True))
    assert events(streamed.text)[-1]["error"]["code"] == "records_unavailable" and "[DONE]" not in streamed.text
    rig.records.error = None
    assert (await rig.client.post("/v1/chat/completions", json=ASK)).status_code == 200


async def test_an_error_nobody_foresaw_is_500_without_its_text(rig):
    rig.compute.error = RuntimeError("a secret detail")  # type: ignore[assignment]
    response = await rig.client.post("/v1/chat/completions", json=ASK)
    assert response.status_code == 500 and response.json()["error"]["message"] == "Internal error."
    assert "secret" not in response.text


@pytest.mark.parametrize(
    ("more", "parameter"),
    [
        ({"max_tokens": 5, "max_completion_tokens": 6}, "max_tokens"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"top_logprobs": 2, "logprobs": False}, "top_logprobs"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"stream_options": {"include_usage": True}, "stream": False}, "stream_options"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}, "response_format"),
    ],
)
async def test_parameters_that_contradict_each_other_are_refused_by_name(rig, more, parameter):
    response = await rig.client.post("/v1/chat/completions", json={**ASK, **more})
    told = response.json()["error"]
    assert (response.status_code, told["code"], told["param"]) == (400, "invalid_request", parameter)


@pytest.mark.parametrize(
    "more",
    [
        {"max_tokens": 5, "max_completion_tokens": 5},
        {"top_logprobs": 0},
        {"stream_options": {"include_usage": True}, "stream": True},
        {"tool_choice": "none"},
        {"tool_choice": "auto"},
    ],
)
async def test_parameters_that_agree_are_taken(rig, more):
    assert (await rig.client.post("/v1/chat/completions", json={**ASK, **more})).status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("memory", 0.0, "malformed_body"),
        ("logprobs", 0, "malformed_body"),
        ("n", True, "malformed_body"),
        ("top_logprobs", False, "malformed_body"),
    ],
)
async def test_a_number_is_no_boolean_and_a_boolean_no_number(rig, field, value, code):
    response = await rig.client.post("/v1/chat/completions", json={**ASK, field: value})
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)


@pytest.mark.parametrize(
    ("body", "code", "status"),
    [
        (b"{", "malformed_body", 400),
        (b"\xff\xfe{}", "malformed_body", 400),
        (b'"text"', "malformed_body", 400),
        (b"[]", "malformed_body", 400),
        (b'{"model": 1, "messages": []}', "malformed_body", 400),
        (b'{"model": "council", "messages": "hi"}', "malformed_body", 400),
        (b'{"model": "council", "messages": [{"role": "tool", "content": "x"}]}', "malformed_body", 400),
        (b'{"model": "council", "messages": [{"role": "user", "content": "\\ud800"}]}', "malformed_body", 400),
        (
            b'{"model": "council", "messages": [{"role": "user", "content": "x"}], "temperature": "1"}',
            "malformed_body",
            400,
        ),
        (
            b'{"model": "council/math", "messages": [{"role": "user", "content": "x"}], "n": 2}',
            "unsupported_parameter",
            400,
        ),
        (
            b'{"model": "council", "messages": [{"role": "user", "content": "x"}], "tools": [1]}',
            "malformed_body",
            400,
        ),
        (b'{"model": "gpt-5", "messages": [{"role": "user", "content": "x"}]}', "model_not_found", 404),
        (b" " * (1024 * 1024 + 1), "body_too_large", 413),
        (b"[" * 100_000, "malformed_body", 400),
    ],
    ids=range(14),
)
async def test_bad_input_gets_a_clear_error_in_openais_shape(rig, body, code, status):
    response = await rig.client.post("/v1/chat/completions", content=body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert set(error) == {"message", "type", "param", "code", "request_id"} and error["message"]


async def test_a_body_without_a_length_is_cut_off_at_the_limit(rig):
    async def endless():
        for _ in range(2_000):
            yield b" " * 1024

    response = await rig.client.post("/v1/chat/completions", content=endless())
    assert response.status_code == 413


async def test_models_are_listed_and_shown(rig):
    listed = [one["id"] for one in (await rig.client.get("/v1/models")).json()["data"]]
    assert listed == [
        "council",
        "council/math",
        "council/code",
        "council/logic",
        "council/knowledge",
        "council/general",
        "smollm2-135m-instruct",
        "all-minilm-l6-v2",
    ]
    assert (await rig.client.get("/v1/models/council/math")).json()["id"] == "council/math"
    assert (await rig.client.get("/v1/models/council%2Fmath")).json()["id"] == "council/math"
    assert (await rig.client.get("/v1/models/nope")).status_code == 404
