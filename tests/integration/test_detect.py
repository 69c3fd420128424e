"""Looking for servers of models, with small ones that answer as each real one does, or anything else."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from council.backends.model_provider import detect

OLLAMA = {
    "/api/tags": {
        "models": [
            {
                "name": "qwen3:8b", "model": "qwen3:8b", "modified_at": "2026-01-01T00:00:00Z", "size": 5225388164,
                "digest": "500a1f067a9f", "details": {"format": "gguf", "family": "qwen3", "quantization_level": "Q4_K_M"},
            }
        ]
    },
    "/v1/models": {"object": "list", "data": [{"id": "qwen3:8b", "object": "model", "owned_by": "library"}]},
}  # fmt: skip
LLAMA_SERVER = {
    "/v1/models": {
        "models": [{"name": "m.gguf", "model": "m.gguf", "type": "model"}],
        "object": "list",
        "data": [
            {"id": "m.gguf", "object": "model", "created": 1, "owned_by": "llamacpp", "meta": {"n_ctx_train": 8192}}
        ],
    },
    "/props": {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 4, "model_path": "m.gguf"},
    "/health": {"status": "ok"},
}
VLLM = {
    "/v1/models": {
        "object": "list",
        "data": [
            {"id": "a/b", "object": "model", "created": 1, "owned_by": "vllm", "root": "a/b", "max_model_len": 4096}
        ],
    },
    "/version": {"version": "0.11.0"},
}
LM_STUDIO = {
    "/v1/models": {"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "organization_owner"}]},
    "/api/v0/models": {
        "object": "list",
        "data": [{"id": "m", "object": "model", "type": "llm", "publisher": "p", "state": "not-loaded"}],
    },
}
COUNCIL = {
    "/v1/models": {
        "object": "list",
        "data": [{"id": "council", "object": "model", "created": 1, "owned_by": "council"}],
    }
}
REAL = {"ollama": OLLAMA, "llama-server": LLAMA_SERVER, "vllm": VLLM, "lmstudio": LM_STUDIO}
NAMES = {"ollama": "qwen3:8b", "llama-server": "m.gguf", "vllm": "a/b", "lmstudio": "m"}


@contextlib.asynccontextmanager
async def serving(answer: Any) -> AsyncIterator[int]:
    """Serve on a free port: a mapping of paths to JSON, or raw bytes to whoever connects."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            if isinstance(answer, bytes):
                writer.write(answer)
            elif answer is not None:
                status = "200 OK" if path in answer else "404 Not Found"
                body = orjson.dumps(answer.get(path, {"error": "no such page"}))
                writer.write(
                    f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body
                )
            await writer.drain()
            if answer is None:
                await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def look(kind: str, answer: Any, whole_s: float = 5.0) -> list[detect.Server]:
    async with serving(answer) as port:
        found = await detect.look([detect.Place(kind, port)], whole_s)
        return [detect.Server(one.kind, one.url.replace(str(port), "PORT"), one.models) for one in found]


@pytest.mark.parametrize("kind", REAL)
async def test_each_server_is_known_by_its_own_answers(kind: str) -> None:
    assert await look(kind, REAL[kind]) == [detect.Server(kind, "http://127.0.0.1:PORT/v1", (NAMES[kind],))]


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize("other", [*REAL, "council"])
async def test_no_server_is_taken_for_another(kind: str, other: str) -> None:
    if kind != other:
        assert await look(kind, {**REAL, "council": COUNCIL}[other]) == []


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("vllm", {**COUNCIL, "/version": {"version": "1"}}),
        ("llama-server", {**COUNCIL, "/props": {"theme": "dark"}}),
        ("vllm", {"/v1/models": VLLM["/v1/models"], "/version": {"version": 1}}),
    ],
)
async def test_half_an_answer_is_not_enough(kind: str, answer: Any) -> None:
    assert await look(kind, answer) == []


async def test_a_list_that_is_too_long_is_not_read_to_its_end() -> None:
    assert await look("ollama", reply(b'{"models": []}' + b" " * 500_000)) != []
    assert await look("ollama", reply(b'{"models": []}' + b" " * 3_000_000)) == []


async def test_servers_without_a_model_are_found_all_the_same() -> None:
    assert (await look("ollama", {"/api/tags": {"models": []}}))[0].models == ()
    assert (await look("lmstudio", {"/api/v0/models": {"object": "list", "data": []}}))[0].models == ()


def reply(body: bytes, head: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return head + b"\r\nconnection: close\r\n\r\n" + body


@pytest.mark.parametrize("kind", REAL)
@pytest.mark.parametrize(
    "answer",
    [
        b"", b"SSH-2.0-OpenSSH\r\n", b"\x00\xff" * 500, reply(b""), reply(b"<html></html>"), reply(b"null"), reply(b"[1]"),
        reply(b"[" * 100_000), reply(b'{"models": 3, "data": {"id": 1}}'), reply(b'{"models": [3], "data": [null]}'),
        reply(b'{"models": [{"name": 3}], "data": [{"id": [], "state": 1, "owned_by": "vllm"}]}'), reply(b" " * 3_000_000),
        reply(b"{}", b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/"), reply(b"{}", b"HTTP/1.1 401 Unauthorized"),
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}",
    ],
)  # fmt: skip
async def test_nonsense_counts_as_nobody_there(kind: str, answer: bytes) -> None:
    assert await look(kind, answer) == []


async def test_a_server_that_never_answers_takes_no_longer_than_allowed() -> None:
    started_s = asyncio.get_running_loop().time()
    for kind in REAL:
        assert await look(kind, None, whole_s=0.1) == []
    assert asyncio.get_running_loop().time() - started_s < 10


async def test_names_are_cut_and_counted() -> None:
    models = [{"name": "x" * 10_000}, {"name": "bad\x1b[31m"}, *({"name": str(number)} for number in range(1000))]
    [found] = await look("ollama", {"/api/tags": {"models": models}})
    assert len(found.models) < 501 and len(found.models[0]) == 200 and all(name.isprintable() for name in found.models)


async def test_where_nothing_listens_nothing_is_found() -> None:
    async with serving(None) as port:
        pass
    assert await detect.look([detect.Place(kind, port) for kind in REAL]) == []
