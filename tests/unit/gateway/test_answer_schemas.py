"""The OpenAPI document describes what stands beside answers, as they are given."""

from typing import Any

import jsonschema
import pytest

from gateway_rig import Rig

QUESTIONS = [
    "What is 17% of 200?",
    "All whales are mammals. No mammals are fish. Is it true that no whales are fish?",
    "Sing me a song of the sea",
    "What is 17% of 200? What is 1 + 3?",
    "What is 17% of 200, and what is the colour of a dream?",
    "Run this:\n```python\nprint(1)\n```",
]


async def document_of(rig: Rig) -> dict[str, Any]:
    found: dict[str, Any] = (await rig.client.get("/openapi.json")).json()
    return found


async def council_of(rig: Rig, text: str) -> dict[str, Any]:
    body = {"model": "council", "messages": [{"role": "user", "content": text}]}
    reply = await rig.client.post("/v1/chat/completions", json=body, headers=rig.headers())
    assert reply.status_code == 200, reply.text
    council: dict[str, Any] = reply.json()["council"]
    return council


@pytest.mark.parametrize("text", QUESTIONS)
async def test_an_answer_is_as_the_document_says(rig: Rig, text: str) -> None:
    document, council = await document_of(rig), await council_of(rig, text)
    checker = jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/Council", "components": document["components"]}
    )
    assert [error.message for error in checker.iter_errors(council)] == []
    told = document["components"]["schemas"]["Evidence"]["properties"]
    assert set(council["evidence"]) == set(told), "what the evidence always has is told, all of it"
    for part in council["evidence"]["detail"].get("parts", []):
        assert set(part) == set(document["components"]["schemas"]["EvidencePart"]["properties"])


async def test_the_document_would_refuse_another_why(rig: Rig) -> None:
    document, council = await document_of(rig), await council_of(rig, QUESTIONS[2])
    council["evidence"]["escalation"]["why"] = "mood"
    checker = jsonschema.Draft202012Validator(
        {"$ref": "#/components/schemas/Council", "components": document["components"]}
    )
    assert any("mood" in error.message for error in checker.iter_errors(council))


async def test_messages_of_the_chat_carry_the_same_object(rig: Rig) -> None:
    message = (await document_of(rig))["components"]["schemas"]["MessageForm"]
    assert {"$ref": "#/components/schemas/Council"} in message["properties"]["council"]["anyOf"]
