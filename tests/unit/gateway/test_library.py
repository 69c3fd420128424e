"""/api/library over HTTP: what an answer quotes can be looked up as it stands."""

import pytest

from council.domain import errors
from gateway_rig import Rig

CHAT = "/v1/chat/completions"


async def test_the_passage_behind_a_quote_can_be_opened(rig: Rig) -> None:
    body = {"model": "council", "messages": [{"role": "user", "content": "When does the harbour office open?"}]}
    reply = (await rig.client.post(CHAT, json=body, headers=rig.headers())).json()
    quoted = reply["council"]["evidence"]["detail"]["passages"][0]
    passage = (await rig.client.get(f"/api/library/passages/{quoted['id']}", headers=rig.headers())).json()
    assert passage == {name: quoted[name] for name in ("id", "root", "source", "heading", "text")}
    assert "opens at seven" in passage["text"]
    at_its_url = (await rig.client.get(quoted["url"], headers=rig.headers())).json()
    assert quoted["url"].startswith("/api/library/passages/") and at_its_url == passage


async def test_passages_are_searched(rig: Rig) -> None:
    query = {"query": "harbour office", "limit": 1}
    reply = await rig.client.get("/api/library/search", params=query, headers=rig.headers())
    [found] = reply.json()["found"]
    assert found["source"] == "hours.md" and "harbour office" in found["quote"] and found["coverage"] == 1.0


async def test_each_passage_says_how_it_was_found(rig: Rig) -> None:
    reply = await rig.client.get("/api/library/search", params={"query": "harbour office"}, headers=rig.headers())
    [by_words] = reply.json()["found"]
    assert (by_words["found_by"], by_words["cosine"]) == ("words", None)
    query = {"query": "When may captains come in?"}
    told = (await rig.client.get("/api/library/search", params=query, headers=rig.headers())).json()
    [by_meaning] = told["found"]
    assert (by_meaning["found_by"], by_meaning["coverage"], by_meaning["cosine"]) == ("meaning", 0.0, 0.5)
    assert told["meanings"]["state"] == "ready" and told["note"] == ""


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/library/passages/" + "0" * 20, 404, "not_found"),
        ("/api/library/passages/..%2F..%2Fetc", 404, "not_found"),
        ("/api/library/passages/short", 400, "invalid_request"),
        ("/api/library/passages/" + "z" * 20, 400, "invalid_request"),
        ("/api/library/search", 400, "invalid_request"),
        ("/api/library/search?query=x&limit=51", 400, "invalid_request"),
    ],
)
async def test_what_is_not_there_or_not_so_named(rig: Rig, path: str, status: int, code: str) -> None:
    reply = await rig.client.get(path, headers=rig.headers())
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)


async def test_nobody_reads_without_a_token_or_while_recall_is_away(rig: Rig) -> None:
    for path in ("/api/library/search?query=x", "/api/library/passages/" + "0" * 20):
        assert (await rig.client.get(path, headers={"Authorization": "Bearer no"})).status_code == 401
        rig.recall.error = errors.RecallUnavailableError("Recall is not available. Try again.")
        assert (await rig.client.get(path, headers=rig.headers())).status_code == 503
        rig.recall.error = None
