"""Which generation answered, and which patch made that, stands wherever the one is told."""

import json

import pytest

from council.domain import gates, patches
from council.testing import watch
from gateway_rig import LABEL, Rig

MADE = patches.Label("1" * 40, "c" * 16)
ASKED = {"messages": [{"role": "user", "content": "What is 2 + 2?"}]}
FORMS = {
    "/v1/chat/completions": ASKED,
    "/v1/completions": {"prompt": "What is 2 + 2?"},
    "/v1/responses": {"input": "What is 2 + 2?"},
    "/v1/messages": {**ASKED, "max_tokens": 99},
}


def told(text: str) -> set[tuple[str, str | None]]:
    """Return each generation in a body or a stream, with the CID beside it."""
    found: set[tuple[str, str | None]] = set()

    def note(one: dict[str, object]) -> dict[str, object]:
        if "generation" in one and "calls" not in one:
            found.add((str(one["generation"]), one["cid"]))  # type: ignore[arg-type]
        return one

    for line in text.splitlines():
        body = line.removeprefix("data: ")
        if body.startswith("{"):
            json.loads(body, object_hook=note)
    return found


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["council", "smollm2-135m-instruct"])
@pytest.mark.parametrize("path", FORMS)
@pytest.mark.covers("gateway", "documentation")
async def test_an_answer_names_its_generation_and_the_patch_that_made_it(
    rig: Rig, path: str, model: str, stream: bool
) -> None:
    body = {"model": model, "stream": stream, **FORMS[path]}
    # A patch comes to serve, and is taken back.
    for label in (LABEL, MADE, LABEL):
        rig.app.relabel(label)  # type: ignore[attr-defined]
        response = await rig.client.post(path, json=body)
        assert response.status_code == 200, response.text
        assert told(response.text) == {(label.generation, label.cid)}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/api/status"])
async def test_so_does_what_tells_how_the_service_is(rig: Rig, path: str) -> None:
    for label in (LABEL, MADE):
        rig.app.relabel(label)  # type: ignore[attr-defined]
        response = await rig.client.get(path, headers=rig.headers())
        assert told(response.text) == {(label.generation, label.cid)}


async def test_the_page_names_the_patch_where_there_is_one(rig: Rig) -> None:
    assert "made by" not in (await rig.client.get("/")).text
    rig.app.relabel(MADE)  # type: ignore[attr-defined]
    assert f"<code>{'1' * 8}</code>, made by patch <code>{'c' * 16}</code>" in (await rig.client.get("/")).text


async def test_a_gate_names_those_that_it_was_judged_of(rig: Rig) -> None:
    line = watch.line("error_rate", gates.Verdict.GREEN, 0.5)
    assert told((await rig.client.get("/api/gates", headers=rig.headers())).text) == {(line.generation, None)}
