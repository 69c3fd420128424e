"""The scripted upstream over real sockets: each behaviour as a caller meets it, and what the tally says then."""

import asyncio
import dataclasses
import email.utils
import time
import zlib

import aiohttp
import orjson
import pytest

from council.testing import upstream
from council.testing.upstream import layout, said, streams

_PATIENCE_S = 20.0
BODY = {"messages": [{"role": "user", "content": "one two three"}], "stream_options": {"include_usage": True}}


@dataclasses.dataclass
class Heard:
    """What came back: `how` is end (the body was whole), cut, reset, or quiet (nothing more for 0.2 s)."""

    head: bytes = b""
    raw: bytes = b""
    how: str = ""
    segments: int = 0
    gaps_s: list[float] = dataclasses.field(default_factory=list)

    @property
    def status(self) -> int:
        return int(self.head.split()[1])

    @property
    def body(self) -> bytes:
        """The body without its chunks, as far as it came."""
        if b"transfer-encoding: chunked" not in self.head:
            return self.raw
        body, rest = b"", self.raw
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        return body

    @property
    def tokens(self) -> int:
        return self.body.count(b'"content":"w')

    def header(self, name: str) -> str | None:
        lines = [line.partition(": ") for line in self.head.decode().split("\r\n")]
        return next((value for found, _, value in lines if found == name), None)


async def _hear(server: upstream.Server, model: str, *, stream: bool = True, bytes_max: int = 1 << 28) -> Heard:
    """Ask over a socket, and read until the reply ends, breaks off or falls quiet."""
    body = orjson.dumps(BODY | {"model": model, "stream": stream})
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1 << 26)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: r1\r\n")
    writer.write(b"content-length: %d\r\n\r\n" % len(body) + body)
    heard, whole, last_s = Heard(), b"", time.monotonic()
    pieces: list[bytes] = []
    while not heard.how:
        quiet = "stall" in model and (pieces or "first-byte" in model)
        try:
            piece = await asyncio.wait_for(reader.read(1 << 20), 0.2 if quiet else _PATIENCE_S)
        except TimeoutError:
            heard.how = "quiet"
        except ConnectionResetError:
            heard.how = "reset"
        else:
            pieces.append(piece)
            heard.segments += 1
            heard.gaps_s.append(time.monotonic() - last_s)
            last_s = time.monotonic()
            if len(pieces) < 200:
                whole = b"".join(pieces)
            if not piece:
                heard.how = "cut"
            elif _complete(whole) or (len(pieces) >= 200 and piece.endswith(layout.LAST_CHUNK)):
                heard.how = "end"
            elif sum(map(len, pieces)) > bytes_max:
                heard.how = "enough"
    writer.close()
    heard.head, _, heard.raw = b"".join(pieces).partition(b"\r\n\r\n")
    return heard


def _complete(whole: bytes) -> bool:
    head, found, raw = whole.partition(b"\r\n\r\n")
    if not found:
        return False
    if b"transfer-encoding: chunked" in head:
        return raw.endswith(layout.LAST_CHUNK)
    length = next((line for line in head.split(b"\r\n") if line.startswith(b"content-length: ")), None)
    return length is not None and len(raw) >= int(length[16:])


async def _billed(server: upstream.Server) -> upstream.Entry:
    """Return the one entry, which comes after the caller has left."""
    async with asyncio.timeout(_PATIENCE_S):
        while not server.tally.entries:
            await asyncio.sleep(0.001)
    (entry,) = server.tally.entries
    return entry


# Connections that end


@pytest.mark.parametrize(
    ("model", "how", "tokens", "done"),
    [
        ("ok", "end", 8, True),
        ("burst", "end", 8, True),
        ("comments", "end", 8, True),
        ("until-close", "cut", 8, True),
        ("cut-after-headers", "cut", 0, False),
        ("cut-mid-stream", "cut", 4, False),
        ("cut-mid-event", "cut", 4, False),
        ("reset-mid-stream", "reset", 4, False),
        ("cut-before-finish", "cut", 8, False),
        ("cut-before-done", "cut", 8, False),
        ("end-after-headers", "end", 0, False),
        ("end-mid-stream", "end", 4, False),
        ("end-before-finish", "end", 8, False),
        ("no-done", "end", 8, False),
        ("done-mid-stream", "end", 4, True),
        ("stall-after-headers", "quiet", 0, False),
        ("stall-mid-stream", "quiet", 4, False),
        ("stall-before-done", "quiet", 8, False),
        ("error-first", "end", 0, False),
        ("error-after-first", "end", 1, False),
        ("error-event", "end", 4, False),
        ("error-then-done", "end", 4, True),
        ("error-then-on", "end", 8, True),
    ],
)
async def test_a_stream_breaks_off_where_its_name_says_and_is_billed_so_far(
    model: str, how: str, tokens: int, done: bool
) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model)
        entry = await _billed(server)
    assert (heard.how, heard.status, heard.tokens) == (how, 200, tokens)
    assert (b"data: [DONE]" in heard.body) == done
    assert (b'"error"' in heard.body) == model.startswith("error")
    assert (entry.prompt_tokens, entry.completion_tokens, entry.request_id) == (3, tokens, "r1")
    broken = {"quiet": upstream.Outcome.ABORTED}.get(how, upstream.Outcome.CUT)
    whole = model in {"ok", "burst", "comments", "until-close", "error-then-on"}
    assert entry.outcome is (upstream.Outcome.WHOLE if whole else broken)
    told = whole or model in {"cut-before-done", "no-done", "stall-before-done"}
    assert entry.reported == ((3, 8) if told else None)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "how", "raw"),
    [
        ("cut-before-headers", "cut", b""),
        ("reset", "reset", b""),
        ("cut-mid-headers", "cut", b"HTTP/1.1 200 OK\r\ncontent-type: appl"),
        ("stall-first-byte", "quiet", b""),
    ],
)
async def test_a_head_that_never_was_whole_bills_nothing(model: str, how: str, raw: bytes, *, stream: bool) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model, stream=stream)
        entry = await _billed(server)
    assert (heard.how, heard.head + heard.raw) == (how, raw)
    assert (entry.status, entry.prompt_tokens, entry.completion_tokens) == (0, 0, 0)


async def test_slow_headers_come_byte_by_byte() -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, "slow-headers-2ms")
    assert heard.segments > 20
    assert (heard.how, heard.tokens) == ("end", 8)


async def test_tokens_come_with_the_pause_that_was_asked_for() -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, "ok-5-30ms-first60ms")
    assert heard.tokens == 5
    assert sum(gap_s >= 0.02 for gap_s in heard.gaps_s) >= 5


@pytest.mark.parametrize(
    ("model", "how", "part"),
    [
        ("cut-mid-stream", "cut", 0.5),
        ("reset-mid-stream", "reset", 0.5),
        ("stall-mid-stream", "quiet", 0.5),
        ("cut-after-headers", "cut", 0.0),
        ("stall-after-headers", "quiet", 0.0),
    ],
)
async def test_a_whole_reply_breaks_off_before_its_length_and_is_billed_in_full(
    model: str, how: str, part: float
) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model, stream=False)
        entry = await _billed(server)
    length = heard.header("content-length")
    assert length
    assert (heard.how, len(heard.raw)) == (how, int(int(length) * part))
    assert entry.completion_tokens == 8


async def test_a_caller_who_leaves_pays_for_what_came() -> None:
    async with upstream.serve() as server, aiohttp.ClientSession() as session:
        async with session.post(
            server.url + "/v1/chat/completions", json=BODY | {"model": "ok-50-20ms", "stream": True}
        ) as reply:
            while b'"w3 ' not in await reply.content.readline():
                pass
            reply.close()
        entry = await _billed(server)
    assert entry.outcome is upstream.Outcome.ABORTED
    assert 3 <= entry.completion_tokens < 50


# Events that should not be


@pytest.mark.parametrize(
    ("model", "data"),
    [
        ("json-list", b"data: [1,2]\n\n"),
        ("json-number", b"data: 7\n\n"),
        ("json-string", b'data: "w"\n\n'),
        ("json-null", b"data: null\n\n"),
        ("garbage", streams.GARBAGE),
        ("choices-empty", b'"model":"","choices":[]}\n\n'),
    ],
)
async def test_what_should_not_be_stands_in_mid_stream(model: str, data: bytes) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model)
        entry = await _billed(server)
    before, found, after = heard.body.partition(data)
    assert found
    assert before.count(b'"content":"w') == after.count(b'"content":"w') == 4
    assert after.endswith(b"data: [DONE]\n\n")
    assert entry.outcome is upstream.Outcome.WHOLE


async def test_an_event_of_broken_json_stands_in_mid_stream() -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, "bad-json")
    readable = [_json(event[6:]) for event in heard.body.split(b"\n\n") if event and event != b"data: [DONE]"]
    assert readable.count(None) == 1


def _json(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


@pytest.mark.parametrize(
    ("model", "body"),
    [
        ("json-list", b"[1,2]"),
        ("json-number", b"7"),
        ("json-string", b'"w"'),
        ("json-null", b"null"),
        ("garbage", streams.GARBAGE),
    ],
)
async def test_what_should_not_be_is_all_of_a_whole_reply(model: str, body: bytes) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model, stream=False)
    assert (heard.status, heard.how, heard.body) == (200, "end", body)


async def test_a_whole_reply_is_half_of_its_json_an_error_or_has_no_choices() -> None:
    async with upstream.serve() as server:
        half, error, empty = [
            await _hear(server, model, stream=False) for model in ("bad-json", "error-event", "choices-empty")
        ]
    assert half.how == error.how == empty.how == "end"
    assert _json(half.body) is None
    assert orjson.loads(error.body)["error"]["code"] == "server_error"
    assert orjson.loads(empty.body)["choices"] == []


async def test_no_chunk_stands_where_a_chunk_must_be() -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, "bad-framing")
    assert heard.how == "cut"
    assert heard.raw.count(b'"content":"w') == 4
    assert heard.raw.endswith(b"this is no chunk\r\n")


@pytest.mark.parametrize(("model", "ends", "after"), [("duplicate-finish", 2, 0), ("finish-mid-stream", 2, 4)])
async def test_the_end_is_said_twice(model: str, ends: int, after: int) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model)
    assert heard.body.count(b'"finish_reason":"stop"') == ends
    _, _, rest = heard.body.partition(b'"finish_reason":"stop"')
    assert rest.count(b'"content":"w') == after


async def test_an_endless_stream_goes_on_until_the_caller_leaves() -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, "endless", bytes_max=2_000_000)
        entry = await _billed(server)
    assert (heard.how, b"[DONE]" in heard.raw) == ("enough", False)
    assert entry.outcome is upstream.Outcome.ABORTED
    assert entry.completion_tokens > 1_000


@pytest.mark.parametrize("stream", [True, False])
async def test_an_endless_line_has_no_end_of_line(*, stream: bool) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, "endless-line", bytes_max=2_000_000, stream=stream)
    assert heard.how == "enough"
    assert b"\n" not in heard.body[-1_000_000:-66_000]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["huge-line", "huge-chunk"])
async def test_fifty_megabytes_come_in_one_piece(model: str, *, stream: bool) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model, stream=stream)
        entry = await _billed(server)
    assert heard.how == "end"
    longest = max(map(len, heard.raw.split(b"\n")))
    chunk = max((int(line, 16) for line in heard.raw.split(b"\r\n") if len(line) == 7 and _is_hex(line)), default=0)
    assert (longest > layout.HUGE_BYTES) == (model == "huge-line" or not stream)
    assert chunk > layout.HUGE_BYTES or not stream
    if stream:
        assert entry.completion_tokens == heard.raw.count(b'"content":"w')


def _is_hex(line: bytes) -> bool:
    return all(letter in b"0123456789abcdef" for letter in line)


# Statuses


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "status", "content_type", "inside"),
    [
        ("status-400", 400, "application/json", b"invalid_value"),
        ("context-length", 400, "application/json", b"context_length_exceeded"),
        ("status-401", 401, "application/json", b"invalid_api_key"),
        ("status-403", 403, "application/json", b"permission_denied"),
        ("status-404", 404, "application/json", b"model_not_found"),
        ("status-429", 429, "application/json", b"rate_limit_exceeded"),
        ("quota", 429, "application/json", b"insufficient_quota"),
        ("status-500", 500, "application/json", b"server_error"),
        ("status-503", 503, "application/json", b"server_error"),
        ("status-529", 529, "application/json", b"overloaded_error"),
        ("status-502-html", 502, "text/html", b"<h1>Bad Gateway</h1>"),
        ("html", 200, "text/html", b"<h1>Sign in</h1>"),
        ("empty", 200, "application/json", b""),
        ("never-heard-of", 404, "application/json", b"model_not_found"),
    ],
)
async def test_a_refusal_has_its_status_and_bills_nothing(
    model: str, status: int, content_type: str, inside: bytes, *, stream: bool
) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model, stream=stream)
        assert (heard.status, heard.header("content-type")) == (status, content_type)
        assert inside in heard.body
        assert bool(heard.body) == bool(inside)
        assert server.tally.total().get("prompt_tokens", 0) == 0
        assert all(entry.outcome is upstream.Outcome.REFUSED for entry in server.tally.entries)


@pytest.mark.parametrize(
    ("model", "value"),
    [
        ("status-429", None),
        ("retry-after-seconds", "1"),
        ("retry-after-absurd", "999999999"),
        ("retry-after-negative", "-5"),
        ("retry-after-garbage", "soon"),
        ("retry-after-date", email.utils.formatdate(1_002, usegmt=True)),
    ],
)
async def test_a_429_says_when_in_each_way(model: str, value: str | None) -> None:
    async with upstream.serve(now=lambda: 1_000.0) as server:
        heard = await _hear(server, model)
    assert (heard.status, heard.header("retry-after")) == (429, value)


async def test_a_redirect_leads_elsewhere() -> None:
    async with upstream.serve() as server, aiohttp.ClientSession() as session:
        async with session.post(server.url + "/v1/chat/completions", json=BODY | {"model": "redirect"}) as reply:
            assert (reply.status, reply.url.path, server.elsewhere) == (200, "/_elsewhere", 1)


async def test_a_key_that_is_set_is_asked_for() -> None:
    async with upstream.serve(key="sesame") as server, aiohttp.ClientSession() as session:
        for headers, status in (({}, 401), ({"authorization": "Bearer sesame"}, 200), ({"x-api-key": "sesame"}, 200)):
            async with session.post(
                server.url + "/v1/chat/completions", json=BODY | {"model": "ok"}, headers=headers
            ) as reply:
                assert reply.status == status


# Layout and codings


@pytest.mark.parametrize(
    ("model", "sign"),
    [
        ("crlf", b"}\r\n\r\ndata: "),
        ("cr", b"}\r\rdata: "),
        ("comments", b": a comment, data: {\n"),
        ("multi-line", b',\ndata: "'),
        ("no-space", b"\n\ndata:{"),
        ("byte-order-mark", b"\xef\xbb\xbfdata: {"),
    ],
)
async def test_every_layout_of_events_says_the_same(model: str, sign: bytes) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model)
    assert sign in heard.body
    assert _content(heard.body) == "w1 w2 w3 w4 w5 w6 w7 w8 "


def _content(body: bytes) -> str:
    """Read server-sent events by the letter of the standard, and return what the model says."""
    text = body.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    content, data = "", []
    for line in text.split("\n"):
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
        elif not line and data:
            whole, data = "\n".join(data), []
            choices = [] if whole == "[DONE]" else orjson.loads(whole)["choices"]
            content += "".join(choice["delta"].get("content") or "" for choice in choices)
    return content


@pytest.mark.parametrize("model", ["utf8", "utf8-split"])
async def test_characters_of_several_bytes_are_whole_in_the_end(model: str) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, f"{model}-3")
    assert _content(heard.body) == "é1 漢2 🙂3 "
    assert (heard.segments > 100) == (model == "utf8-split")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("model", "bits"), [("gzip", 31), ("deflate", 15)])
async def test_a_compressed_reply_says_the_same(model: str, bits: int, *, stream: bool) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model, stream=stream)
        entry = await _billed(server)
    assert heard.header("content-encoding") == model
    body = zlib.decompressobj(bits).decompress(heard.body)
    assert b"w8 " in body
    assert entry.reported == (3, 8)


@pytest.mark.parametrize("stream", [True, False])
async def test_codings_that_cannot_be_read_are_said_all_the_same(*, stream: bool) -> None:
    async with upstream.serve() as server:
        broken, bomb, unknown = [
            await _hear(server, model, stream=stream) for model in ("gzip-broken", "gzip-bomb", "coding-unknown")
        ]
    assert (broken.header("content-encoding"), unknown.header("content-encoding")) == ("gzip", "x-unknown")
    assert b"w8 " in broken.body
    assert b"w8 " in unknown.body
    assert len(bomb.body) < 100_000 < layout.HUGE_BYTES <= len(zlib.decompress(bomb.body, 31))


async def test_a_wrong_content_type_has_the_right_content() -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, "wrong-type")
    assert (heard.header("content-type"), heard.tokens) == ("text/plain", 8)


@pytest.mark.parametrize(("model", "sockets"), [("ok", 1), ("closes", 3)])
async def test_a_connection_is_kept_or_closed_between_requests(model: str, sockets: int) -> None:
    async with upstream.serve() as server, aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.post(server.url + "/v1/chat/completions", json=BODY | {"model": model}) as reply:
                assert (reply.headers.get("connection") == "close") == (model == "closes")
                await reply.read()
        assert server.connections == sockets


@pytest.mark.parametrize("stream", [True, False])
async def test_a_connection_is_closed_though_nobody_said_so(*, stream: bool) -> None:
    body = orjson.dumps(BODY | {"model": "closes-unsaid", "stream": stream})
    async with upstream.serve() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        whole = await asyncio.wait_for(reader.read(), _PATIENCE_S)
        writer.close()
    assert _complete(whole)
    assert b"connection:" not in whole


# Usage


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("ok", {"prompt_tokens": 3, "completion_tokens": 8, "total_tokens": 11}),
        ("usage-missing", "missing"),
        ("usage-null", None),
        ("usage-negative", {"prompt_tokens": -3, "completion_tokens": -8, "total_tokens": -11}),
        (
            "usage-absurd",
            dict.fromkeys(("prompt_tokens", "completion_tokens"), said.ABSURD) | {"total_tokens": 2 * said.ABSURD},
        ),
        ("usage-strings", {"prompt_tokens": "3", "completion_tokens": "8", "total_tokens": "11"}),
        ("usage-less", {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}),
    ],
)
async def test_usage_is_told_as_the_name_says_and_billed_as_it_was(model: str, told: object, *, stream: bool) -> None:
    async with upstream.serve() as server:
        heard = await _hear(server, model, stream=stream)
        entry = await _billed(server)
    if stream:
        events = [orjson.loads(event[6:]) for event in heard.body.split(b"\n\n") if event.startswith(b"data: {")]
        last = events[-1]
        found = last.get("usage", "missing") if not last["choices"] else "missing"
    else:
        found = orjson.loads(heard.body).get("usage", "missing")
    assert found == told
    assert (entry.prompt_tokens, entry.completion_tokens) == (3, 8)
    assert entry.reported == ((told["prompt_tokens"], told["completion_tokens"]) if isinstance(told, dict) else None)


async def test_what_is_said_may_be_made_of_the_request_and_is_billed_by_its_pieces() -> None:
    def says(body: bytes) -> str:
        return "You asked: " + orjson.loads(body)["messages"][-1]["content"]

    async with upstream.serve(says=says) as server:
        heard = await _hear(server, "ok-4", stream=False)
        entry = server.tally.entries[0]
    assert orjson.loads(heard.body)["choices"][0]["message"]["content"] == "You asked: one two three"
    assert (entry.prompt_tokens, entry.completion_tokens) == (3, 4)
