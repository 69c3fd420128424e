"""The whole gateway between a client and the scripted upstream, over real sockets: what arrives, and what it cost.

A micro-dollar a token of the prompt and two a token of the answer: so a charge says exactly what was used.
"""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

import gateway_rig
from council.backends.records import sql
from council.domain import config, ledger
from council.testing import model, upstream
from council.testing.upstream import behaviours

PATIENCE_S = 60.0
PRICE = {"input_usd_micros": 1_000_000, "output_usd_micros": 2_000_000}
WORDS = "w1 w2 w3 w4 w5 w6 w7 w8"
MESSAGES = [{"role": "user", "content": "one two three"}]
END_US = 1 << 62


class Stage:
    """A gateway and its upstream, in a loop and a thread of their own."""

    def __init__(self, url: str, server: upstream.Server, records: sql.SqlRecords):
        self.url = url
        self.server = server
        self.records = records
        self.client = httpx.Client(
            base_url=url, headers={"authorization": "Bearer secret-admin"}, timeout=PATIENCE_S, trust_env=False
        )

    def row(self, request_id: str) -> ledger.LedgerRow:
        """Wait for the row of a request."""
        return until(lambda: next((one for one in self.records.rows(0, END_US) if one.request_id == request_id), None))

    def charges(self, request_id: str) -> list[ledger.Charge]:
        return [one for found, one in self.records.charges(0, END_US) if found == request_id]

    def entries(self, request_id: str, count: int) -> list[upstream.Entry]:
        """Wait until the upstream has billed so many calls."""
        until(lambda: len(self.server.tally.of(request_id)) >= count)
        return self.server.tally.of(request_id)

    def check(self, request_id: str, *, capped: bool = False) -> list[ledger.Charge]:
        """Hold the charges of a request against what the upstream billed, to the micro-dollar, and return them."""
        row, found = self.row(request_id), self.charges(request_id)
        assert row.cost_usd_micros == sum(one.cost_usd_micros for one in found)
        entries = self.entries(request_id, len(found))
        assert len(entries) == len(found)
        for one, entry in zip(found, sorted(entries, key=lambda entry: entry.hop), strict=True):
            true = entry.prompt_tokens + 2 * entry.completion_tokens
            assert one.cost_usd_micros == true or (one.estimated and (capped or one.cost_usd_micros > true)), (
                one,
                entry,
            )
        return found


def until(found: Callable[[], Any]) -> Any:
    deadline_s = time.monotonic() + PATIENCE_S
    while not (value := found()):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
    return value


def catalogue(url: str) -> dict[str, Any]:
    patience = {"first_byte_s": 1.0, "stall_s": 1.0, "whole_s": 2.0, "key": "none", "forms": ["responses"]}
    at = {"url": f"{url}/v1", **patience}

    def entry(name: str, **more: Any) -> dict[str, Any]:
        return {"deployments": [{"provider": "first", "model": name, **PRICE}], **more}

    spare = {"deployments": [{"provider": "second", "model": "ok", **PRICE}]}
    names = [*behaviours.CATALOGUE, "ok-40-10ms", "ok-20-20ms", "ok-4000-10ms", "stall-mid-stream-32"]
    return {
        "providers": {"first": at, "second": at},
        "models": {name: entry(name) for name in names}
        | {f"{name}+spare": entry(name, fallbacks=["spare"]) for name in names}
        | {"spare": spare},
    }


@contextlib.contextmanager
def staged(folder: Path, **calls: Any) -> Iterator[Stage]:
    quick = {
        "backoff_first_s": 0, "retry_after_s_max": 0, "failures_max": 1000, "retries_spare": 10_000, "hops_max": 2,
        "call_s": 10, "stream_bytes_max": 1 << 21, "reply_bytes_max": 1 << 20, "event_bytes_max": 1 << 18,
    }  # fmt: skip
    settings = config.build({"calls": {**quick, **calls}, "budget": {"day_usd_micros": 10**9, "month_usd_micros": 10**9},
                             "gateway": {"requests_per_minute": 10_000_000}}, {}, {})  # fmt: skip
    ready, made = threading.Event(), list[Any]()

    async def main() -> None:
        async with upstream.serve() as server:
            async with gateway_rig.open_rig(
                folder, settings, model.ScriptedModel(), "127.0.0.1", catalogue(server.url)
            ) as rig:
                listener = socket.create_server(("127.0.0.1", 0))
                gateway = uvicorn.Server(
                    uvicorn.Config(rig.app, log_config=None, access_log=False, lifespan="off", timeout_keep_alive=600)
                )
                made.extend([f"http://127.0.0.1:{listener.getsockname()[1]}", server, gateway])
                ready.set()
                await gateway.serve([listener])

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    records = sql.SqlRecords(f"sqlite:///{folder / 'council.db'}")
    try:
        assert ready.wait(30)
        stage = Stage(made[0], made[1], records)
        with stage.client:
            yield stage
    finally:
        for gateway in made[2:]:
            gateway.should_exit = True
        thread.join(30)
        records.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("stage")) as made:
        yield made


def ask(name: str, *, stream: bool, **more: Any) -> dict[str, Any]:
    options = {"stream_options": {"include_usage": True}} if stream else {}
    return {"model": name, "messages": MESSAGES, "max_tokens": 64, "stream": stream, **options, **more}


def datas(text: str) -> list[Any]:
    """What the events of a stream say."""
    events = [
        "\n".join(line[5:].strip() for line in event.split("\n") if line.startswith("data:"))
        for event in text.split("\n\n")
    ]
    return [one if one == "[DONE]" else orjson.loads(one) for one in events if one]


def outcome(response: httpx.Response, *, stream: bool) -> tuple[str, str]:
    """How an answer came out ("answer", "error" or "error event"), and its text."""
    if response.status_code != 200:
        error = response.json()["error"]
        assert response.status_code >= 400 and error["message"]
        return "error", error["code"]
    if not stream:
        body = response.json()
        assert body["council"]["cost_usd_micros"] > 0
        return "answer", body["choices"][0]["message"]["content"]
    events = datas(response.text)
    if events[-1] != "[DONE]":
        assert events[-1]["error"]["message"]
        return "error event", ""
    assert events[-2]["council"]["cost_usd_micros"] > 0
    text = "".join(
        choice["delta"].get("content") or "" for one in events[:-1] for choice in one["choices"]
    )  # fmt: skip
    return "answer", text


# The same for both kinds unless a set of its own says so.
CLEAN = {
    "ok", "burst", "slow", "crlf", "cr", "comments", "multi-line", "no-space", "byte-order-mark", "until-close", "gzip",
    "deflate", "closes", "closes-unsaid", "usage-missing", "usage-null", "usage-negative", "usage-absurd", "usage-strings",
    "usage-less",
}  # fmt: skip
OTHER_WORDS = {"utf8", "utf8-split"}
# These may be taken for whole: what counts is that all words came.
LENIENT = {
    "no-done", "duplicate-finish", "finish-mid-stream", "choices-empty", "wrong-type", "slow-headers", "cut-before-done",
    "stall-before-done", "end-before-finish", "done-mid-stream", "error-first", "huge-chunk", "huge-line", "coding-unknown",
}  # fmt: skip
# These make more than was asked for, or lie about it: what is held is the most that is charged, and a lie is believed.
WITHOUT_BOUND = {"endless", "endless-line", "huge-chunk", "huge-line"}
both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@both
@pytest.mark.parametrize("name", behaviours.CATALOGUE)
def test_an_answer_is_whole_or_an_error_and_costs_what_the_upstream_bills(
    stage: Stage, name: str, stream: bool
) -> None:
    response = stage.client.post("/v1/chat/completions", json=ask(name, stream=stream))
    how, text = outcome(response, stream=stream)
    if name in CLEAN:
        assert (how, text.rstrip()) == ("answer", WORDS)
    elif name in OTHER_WORDS:
        assert how == "answer" and len(text.split()) == 8
    elif name in LENIENT:
        assert how != "answer" or text.rstrip() == WORDS or name.startswith("huge")
    else:
        assert how != "answer"
    if name == "usage-less":
        (lied,) = stage.charges(response.headers["x-request-id"])
        assert (lied.completion_tokens, lied.estimated) == (1, False)
    else:
        stage.check(response.headers["x-request-id"], capped=name in WITHOUT_BOUND)


@both
@pytest.mark.parametrize("name", [name for name in behaviours.CATALOGUE if name not in CLEAN | OTHER_WORDS | LENIENT])
def test_a_fault_ends_in_the_answer_of_a_fallback_or_in_an_error(stage: Stage, name: str, stream: bool) -> None:
    response = stage.client.post("/v1/chat/completions", json=ask(f"{name}+spare", stream=stream))
    how, text = outcome(response, stream=stream)
    if how == "answer":
        assert text.rstrip() == WORDS
    else:
        # The caller's own mistake, or a stream whose words had begun.
        assert name == "status-400" or (stream and how == "error event")
    found = stage.check(response.headers["x-request-id"], capped=name in WITHOUT_BOUND)
    # One that asked to be left alone a moment ago is passed over.
    assert how != "answer" or [one.outcome for one in found] in (["failed", "answered"], ["answered"])


@both
def test_an_answer_keeps_its_bytes_but_for_council(stage: Stage, stream: bool) -> None:
    asked = ask("ok", stream=stream, seed=7, logprobs=True)
    straight = httpx.post(f"{stage.server.url}/v1/chat/completions", json=asked, trust_env=False).content
    passed = stage.client.post("/v1/chat/completions", json=asked).content
    if not stream:
        assert passed.startswith(straight.rstrip()[:-1] + b',"council":')
        return
    before, after = straight.split(b"\n\n"), passed.split(b"\n\n")
    *same, last, done, nothing = after
    assert (done, nothing) == (b"data: [DONE]", b"") and [*same, done, nothing] == [*before[:-3], done, nothing]
    told = orjson.loads(last.removeprefix(b"data: "))
    assert told.pop("council")["provider"] == "first"
    assert told == orjson.loads(before[-3].removeprefix(b"data: "))


@both
@pytest.mark.parametrize("include", [False, True])
def test_usage_is_told_where_it_was_asked_for_and_always_charged(stage: Stage, stream: bool, include: bool) -> None:
    asked = ask("ok", stream=stream)
    asked.pop("stream_options", None)
    if stream and include:
        asked["stream_options"] = {"include_usage": True}
    response = stage.client.post("/v1/chat/completions", json=asked)
    if stream:
        assert any(one != "[DONE]" and one.get("usage") for one in datas(response.text)) == include
    (charge,) = stage.check(response.headers["x-request-id"])
    assert (charge.cost_usd_micros, charge.estimated, charge.outcome) == (3 + 2 * 8, False, "answered")


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/responses", "/v1/messages"])
@both
def test_every_wire_form_is_charged_exactly(stage: Stage, path: str, stream: bool) -> None:
    words = "one two three"
    bodies = {
        "/v1/completions": {"prompt": words, "max_tokens": 64},
        "/v1/responses": {"input": words, "max_output_tokens": 64},
        "/v1/messages": {"messages": MESSAGES, "max_tokens": 64},
    }
    response = stage.client.post(path, json={"model": "ok", "stream": stream, **bodies[path]})
    assert response.status_code == 200, response.text
    assert "council" in response.text and "error" not in [line[7:] for line in response.text.split("\n")]
    (charge,) = stage.check(response.headers["x-request-id"])
    assert (charge.cost_usd_micros, charge.estimated) == (3 + 2 * 8, False)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/responses", "/v1/messages"])
@pytest.mark.parametrize(
    "name", ["cut-mid-stream", "end-mid-stream", "stall-mid-stream", "error-event", "bad-json", "garbage"]
)
def test_a_stream_that_breaks_never_looks_whole_in_any_wire_form(stage: Stage, path: str, name: str) -> None:
    bodies = {
        "/v1/completions": {"prompt": "one two three", "max_tokens": 64},
        "/v1/responses": {"input": "one two three", "max_output_tokens": 64},
        "/v1/messages": {"messages": MESSAGES, "max_tokens": 64},
    }
    response = stage.client.post(path, json={"model": name, "stream": True, **bodies[path]})
    for end in ("[DONE]", "response.completed", "message_stop"):
        assert end not in response.text
    assert response.status_code != 200 or '"error"' in response.text
    stage.check(response.headers["x-request-id"])


# Callers that leave


def test_a_stream_that_is_left_is_read_on_and_charged_exactly(stage: Stage) -> None:
    with stage.client.stream("POST", "/v1/chat/completions", json=ask("ok-40-10ms", stream=True)) as response:
        next(response.iter_raw())
    (charge,) = stage.check(response.headers["x-request-id"])
    assert (charge.cost_usd_micros, charge.estimated, charge.outcome) == (3 + 2 * 40, False, "cancelled")
    assert stage.row(response.headers["x-request-id"]).outcome is ledger.Outcome.CANCELLED
    (entry,) = stage.server.tally.of(response.headers["x-request-id"])
    assert entry.outcome is upstream.Outcome.WHOLE


def test_a_whole_answer_that_nobody_waits_for_is_charged_exactly(stage: Stage) -> None:
    before = {row.request_id for row in stage.records.rows(0, END_US)}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(
            f"{stage.url}/v1/chat/completions", json=ask("ok-20-20ms", stream=False), timeout=0.15, trust_env=False,
            headers={"authorization": "Bearer secret-admin"},
        )  # fmt: skip
    (left,) = until(
        lambda: [one.request_id for one in stage.records.rows(0, END_US) if one.request_id not in before]
    )  # fmt: skip
    (charge,) = stage.check(left)
    assert (charge.cost_usd_micros, charge.estimated) == (3 + 2 * 20, False)


@both
def test_what_takes_too_long_to_settle_is_cut_and_never_charged_below_the_bill(tmp_path: Path, stream: bool) -> None:
    with staged(tmp_path, settle_s=0.2) as stage:
        asked = ask("ok-4000-10ms", stream=stream, max_tokens=4096)
        if stream:
            with stage.client.stream("POST", "/v1/chat/completions", json=asked) as response:
                next(response.iter_raw())
        else:
            with pytest.raises(httpx.ReadTimeout):
                stage.client.post("/v1/chat/completions", json=asked, timeout=0.3)
        (row,) = until(lambda: list(stage.records.rows(0, END_US)))
        (charge,) = stage.check(row.request_id)
        assert charge.estimated and charge.outcome == "cancelled"
        (entry,) = stage.server.tally.of(row.request_id)
        assert entry.outcome is upstream.Outcome.ABORTED
        assert stage.records.spent("all", ledger.period_of(row.at_us, "day")) == charge.cost_usd_micros


def test_after_everything_nothing_is_held_and_what_is_spent_is_what_was_charged(stage: Stage) -> None:
    """Last in this file: it looks at what all others left."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(str(stage.records._url))
    with engine.connect() as connection:
        count = sqlalchemy.text("SELECT count(*) FROM holds")
        until(lambda: connection.execute(count).scalar() == 0)
        charged = connection.execute(sqlalchemy.text("SELECT sum(cost_usd_micros) FROM charges")).scalar()
        spent = connection.execute(
            sqlalchemy.text("SELECT sum(usd_micros) FROM spend WHERE scope = 'all' AND length(period) = 7")
        ).scalar()
    engine.dispose()
    assert charged == spent > 0
