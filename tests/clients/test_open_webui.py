"""The HTTP calls that Open WebUI makes of an OpenAI-compatible connection, one after the other as its back end makes them.

From its `routers/openai.py` and `routers/tasks.py`: it verifies a connection and lists models by GET /models, streams chats
with their settings beside the messages, and asks the same model for titles, tags, follow-ups and search queries, whole.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from clients.conftest import Setting

pytestmark = pytest.mark.whole

SAID = "w1 w2 w3 w4 w5 w6 w7 w8 "
USER = {
    "X-OpenWebUI-User-Name": "Ann%20Example", "X-OpenWebUI-User-Id": "5a7c", "X-OpenWebUI-User-Email": "ann@example.org",
    "X-OpenWebUI-User-Role": "admin", "X-OpenWebUI-Chat-Id": "c1",
}  # fmt: skip


@pytest.fixture
async def webui(setting: Setting) -> AsyncIterator[aiohttp.ClientSession]:
    """A session as its back end opens one, its `OPENAI_API_BASE_URL` ending in /v1."""
    headers = {"Authorization": f"Bearer {setting.council.token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(f"{setting.council.base_url}/v1/", headers=headers, trust_env=True) as session:
        yield session


async def test_a_connection_is_verified_and_its_models_listed(webui: aiohttp.ClientSession) -> None:
    async with webui.get("models") as response:
        body = await response.json()
    assert response.status == 200 and body["object"] == "list"
    assert all(model["id"] and model.get("name", "x") is not None for model in body["data"])
    assert {"council", "gpt"} <= {model["id"] for model in body["data"]}


async def test_a_wrong_key_is_an_error_that_it_can_show(setting: Setting) -> None:
    async with aiohttp.ClientSession(headers={"Authorization": "Bearer wrong"}) as session:
        async with session.get(f"{setting.council.base_url}/v1/models") as response:
            body = await response.json()
    assert response.status == 401 and "token" in body["error"]["message"]


@pytest.mark.parametrize("model", ["gpt", "claude", "council"])
async def test_a_chat_streams_with_the_fields_that_it_sends(webui: aiohttp.ClientSession, model: str) -> None:
    question = "one two three" if model != "council" else "What is 6 * 7?"
    payload = {
        "stream": True,
        "model": model,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": question}]},
        ],
        "stream_options": {"include_usage": True},
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 128,
        "stop": ["###"],
    }
    async with webui.post("chat/completions", data=json.dumps(payload), headers=USER) as response:
        assert response.status == 200 and "text/event-stream" in response.headers["Content-Type"]
        lines = [line.decode().strip() async for line in response.content]
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert data[-1] == "[DONE]"
    chunks: list[dict[str, Any]] = [json.loads(each) for each in data[:-1]]
    text = "".join(choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"])
    assert text == (SAID if model != "council" else "6*7 = 42")
    assert next(chunk["usage"] for chunk in reversed(chunks) if chunk.get("usage"))


async def test_a_setting_that_a_model_lacks_is_named_in_an_error_that_it_can_show(webui: aiohttp.ClientSession) -> None:
    payload = {"model": "claude", "messages": [{"role": "user", "content": "x"}], "stream": True, "seed": 1}
    async with webui.post("chat/completions", data=json.dumps(payload), headers=USER) as response:
        body = await response.json()
    assert response.status == 400 and body["error"]["param"] == "seed"


TASKS: dict[str, dict[str, int]] = {
    "title": {"max_completion_tokens": 1000},
    "tags": {},
    "follow_up": {},
    "queries": {},
    "emoji": {"max_completion_tokens": 4},
    "autocomplete": {},
}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", ["gpt", "council"])
async def test_a_task_is_answered_whole(webui: aiohttp.ClientSession, task: str, model: str) -> None:
    prompt = (
        f"### Task:\nGenerate {task} for the chat.\n### Output:\nJSON format\n<chat_history>\nUSER: hi\n</chat_history>"
    )
    payload = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": False, **TASKS[task]}
    async with webui.post("chat/completions", data=json.dumps(payload), headers=USER) as response:
        body = await response.json()
    assert response.status == 200, body
    assert body["choices"][0]["message"]["content"]


async def test_a_native_tool_is_called_and_its_result_taken(webui: aiohttp.ClientSession) -> None:
    tool = {"type": "function", "function": {"name": "get_time", "description": "", "parameters": {"type": "object",
            "properties": {}, "required": []}}}  # fmt: skip
    messages: list[dict[str, Any]] = [{"role": "user", "content": "one two three"}]
    first = await _calls(webui, {"model": "gpt", "messages": messages, "tools": [tool], "stream": True})
    assert first["tool_calls"][0]["function"]["name"] == "get_time"
    answered = {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": "noon"}
    messages += [{"role": "assistant", "content": "", "tool_calls": first["tool_calls"]}, answered]
    then = await _calls(webui, {"model": "gpt", "messages": messages, "tools": [tool], "stream": True})
    assert then["content"] == SAID


async def _calls(webui: aiohttp.ClientSession, payload: dict[str, Any]) -> dict[str, Any]:
    """Return a streamed message as Open WebUI gathers it: pieces of arguments are put together by their index."""
    found: dict[str, Any] = {"content": "", "tool_calls": []}
    async with webui.post("chat/completions", data=json.dumps(payload), headers=USER) as response:
        assert response.status == 200, await response.text()
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            for choice in json.loads(line[6:])["choices"]:
                found["content"] += choice["delta"].get("content") or ""
                for piece in choice["delta"].get("tool_calls") or ():
                    if piece["index"] == len(found["tool_calls"]):
                        found["tool_calls"].append(piece)
                    else:
                        held = found["tool_calls"][piece["index"]]["function"]
                        held["arguments"] += piece["function"].get("arguments", "")
    return found
