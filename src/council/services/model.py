"""The model process: llama.cpp with one model file, behind an OpenAI-compatible endpoint on loopback.

Its own process, so that a crash or leak of it is only its own. The endpoint asks for the internal key: the port is
reachable by every user of the machine. llama.cpp's own HTTP server cannot be switched off; it listens on a random port
behind a random key that nobody is told.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from council import homes, observing, telemetry
from council.backends.model_provider import packaged
from council.domain import config as config_module
from council.domain import errors, home
from council.gateway import exchange
from council.services import harness, model_forms, rights, second_port, tracing

_log = logging.getLogger(__name__)

_BODY_BYTES_MAX = 8 * 1024 * 1024
_CHUNKS_MAX = 256
_PROMPT_CACHE_MIB = 64
# The prompts that it keeps, and the gaps between them.
_RESERVE_BYTES = _PROMPT_CACHE_MIB * 3 // 2 * 1024 * 1024
_RETRY_AFTER_S = 2


def main(config: config_module.Config, where: home.Home) -> int:
    """Load the model, serve until told to stop."""
    environment = harness.begin("model", traceable=True)
    harness.setup_logging(environment.name)
    chat = environment.unix_socket("chat", where.socket("model"))
    public = environment.tcp_socket("public", "127.0.0.1", config.model_port)
    observing.tell_inputs(environment.name, homes.inputs_digest(where, environment.generation, environment.name))
    rights.confine_service("model", config, where)
    tracing.listen()
    path = _model_path(config.model, where)
    key = where.internal_key_file.read_text().strip()
    engine = _Engine(path, config.model)
    routes, drain_s = _routes(engine, key, environment), config.gateway.drain_s
    second = second_port.SecondPort(Starlette(routes=routes), public, environment.successor_of(public), drain_s)
    app = Starlette(routes=routes, lifespan=lambda _: second.serving())
    _log.info("model loaded", extra={"file": path.name, "threads": engine.threads})
    harness.serve(app, chat, environment, drain_s=drain_s, second=second)
    # llama.cpp's server thread cannot be joined, so the process ends without unwinding.
    logging.shutdown()
    os._exit(0)


def _model_path(model: config_module.ModelConfig, where: home.Home) -> Path:
    if model.file:
        path = Path(model.file)
        if not path.is_file():
            raise errors.SetupError(f"`model.file` {model.file!r} is not a file. Give the path of a GGUF file.")
        return path
    prepared = packaged.find_prepared(where.models)
    if prepared is None:
        raise errors.SetupError("The packaged model is not prepared. Run `council models prepare`.")
    packaged.check(prepared)
    return prepared.path


class _Engine:
    """llama.cpp, and the places in front of it."""

    def __init__(self, path: Path, model: config_module.ModelConfig):
        import xllamacpp

        self.threads = model.threads or max(1, (os.cpu_count() or 2) - 1)
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(path)
        parameters.n_ctx = model.context_tokens
        parameters.n_parallel = model.slots
        # More threads than free cores collapse: they spin while they wait for each other.
        parameters.cpuparams.n_threads = self.threads
        parameters.cpuparams_batch.n_threads = self.threads
        # By default llama.cpp keeps up to 8 GiB of old prompts.
        parameters.cache_ram_mib = _PROMPT_CACHE_MIB
        parameters.ui = False
        parameters.api_keys = [secrets.token_urlsafe(32)]
        self._server = xllamacpp.Server(parameters)
        self._name = model.name
        self._tokens_max_default = model.tokens_max_default
        self._tools_shown: bool | None = None
        self._defaults = {
            "temperature": model.temperature,
            "top_p": model.top_p,
            "repeat_penalty": model.repeat_penalty,
        }
        self.threads_pool = futures.ThreadPoolExecutor(model.slots, thread_name_prefix="generation")
        self.slots = asyncio.Semaphore(model.slots)
        self.waiting_max = model.queue_max
        self.waiting = 0

    def chat(self, body: dict[str, Any], generation: "_Generation") -> None:
        """Answer a conversation on the calling thread, its chunks going to `generation`."""
        self._answer(
            self._server.handle_chat_completions,
            lambda: model_forms.chat(body, self._name, self._tokens_max_default, self._shows_tools),
            generation,
        )

    def complete(self, body: dict[str, Any], generation: "_Generation") -> None:
        """Go on with a raw text on the calling thread, its chunks going to `generation`."""
        self._answer(
            self._server.handle_completions,
            lambda: model_forms.completion(body, self._name, self._tokens_max_default),
            generation,
        )

    def _answer(
        self, handle: Callable[..., Any], planned: Callable[[], model_forms.Plan], generation: "_Generation"
    ) -> None:
        try:
            plan = planned()
            reader = model_forms.Reader(plan)

            def take(chunk: dict[str, Any]) -> bool:
                read = reader.read(chunk)
                return generation.take(read) if read is not None else generation.cancelled

            for index in range(plan.answers):
                if reader.failed or generation.cancelled:
                    break
                reader.begin(index)
                handle({**self._defaults, **plan.asked(index)}, take)
            if (last := reader.ending()) is not None:
                generation.take(last)
        except errors.InvalidRequestError as error:
            generation.take(model_forms.error_chunk(error))
        except Exception as error:  # noqa: BLE001 - llama.cpp raises plain exceptions; the caller gets them as a chunk
            # It raises ValueError for what it was asked, as a schema that it cannot read.
            code, kind = (400, "invalid_request_error") if isinstance(error, ValueError) else (500, "server_error")
            generation.take({"error": {"code": code, "type": kind, "message": str(error)[:500]}})
        finally:
            generation.finish()

    def _shows_tools(self) -> bool:
        """Tell whether the model's template puts tools into the prompt. Found out once, with two prompts of a few words."""
        if self._tools_shown is None:
            plain, tooled = (self._prompt_tokens(body) for body in model_forms.probes())
            self._tools_shown = tooled > plain
        return self._tools_shown

    def _prompt_tokens(self, body: dict[str, Any]) -> int:
        found: list[int] = []

        def take(chunk: dict[str, Any]) -> bool:
            found.extend([chunk["usage"]["prompt_tokens"]] if chunk.get("usage") else [])
            return False

        # A template may refuse what it does not know.
        with contextlib.suppress(RuntimeError, ValueError):
            self._server.handle_chat_completions(body, take)
        return found[-1] if found else 0


@dataclass(slots=True)
class _Generation:
    """The bridge from llama.cpp's thread to the event loop; bounded by `_CHUNKS_MAX` through `room`."""

    loop: asyncio.AbstractEventLoop
    chunks: "asyncio.Queue[dict[str, Any] | None]"
    cancelled: bool = False

    def take(self, chunk: dict[str, Any]) -> bool:
        """Accept a chunk on llama.cpp's thread; True tells llama.cpp to stop."""
        if not self.cancelled:
            with contextlib.suppress(RuntimeError):  # the loop closed: the process is ending
                asyncio.run_coroutine_threadsafe(self.chunks.put(chunk), self.loop).result()
        return self.cancelled

    def finish(self) -> None:
        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(self.chunks.put(None), self.loop)


_Run = Callable[[dict[str, Any], _Generation], None]


def _routes(engine: _Engine, key: str, environment: harness.ServiceEnvironment) -> list[Route]:
    async def answer(request: Request, run: _Run) -> Response:
        if not hmac.compare_digest(request.headers.get("authorization", "").encode(), f"Bearer {key}".encode()):
            return _error(401, "invalid_api_key", "This port is for Council itself. Use the gateway's port.")
        body = await _body(request)
        if not isinstance(body, dict):
            return _error(400, "malformed_body", "The body must be a JSON object.")
        if engine.slots.locked() and engine.waiting >= engine.waiting_max:
            return _error(503, "overloaded", "Every slot is busy and the queue is full.")
        response = await exchange.unless_gone(request.receive, _stream(engine, run, body))
        # A caller that leaves while it waits gives its place back at once.
        return response or Response(status_code=exchange.CLIENT_GONE)

    async def chat(request: Request) -> Response:
        return await answer(request, engine.chat)

    async def complete(request: Request) -> Response:
        return await answer(request, engine.complete)

    reserve = observing.Reserve(_RESERVE_BYTES)

    async def live(_: Request) -> Response:
        told = {"generation": environment.generation, "inputs_digest": observing.inputs_of("model")}
        return JSONResponse({"live": True, **told})

    async def metrics(_: Request) -> Response:
        observing.observe_process("model", environment.generation, reserve)
        await asyncio.to_thread(observing.observe_gpu_use, "model")
        return Response(telemetry.render(), media_type=telemetry.CONTENT_TYPE)

    return [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/completions", complete, methods=["POST"]),
        Route("/livez", live),
        Route("/readyz", live),
        Route("/metrics", metrics),
    ]


async def _body(request: Request) -> Any:
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > _BODY_BYTES_MAX:
                return None
            parts.append(part)
        return orjson.loads(b"".join(parts))
    except (ClientDisconnect, orjson.JSONDecodeError):
        return None


async def _stream(engine: _Engine, run: _Run, body: dict[str, Any]) -> Response:
    """Answer as server-sent events; the first chunk decides the status, so that early errors are plain HTTP errors."""
    events = _generate(engine, run, body)
    first = await anext(events)
    if "error" in first:
        await events.aclose()
        error = first["error"]
        fields = {name: error[name] for name in ("n_prompt_tokens", "n_ctx", "param") if error.get(name) is not None}
        return _error(int(error.get("code", 500)), str(error.get("type", "")), str(error.get("message", "")), **fields)

    async def lines() -> AsyncIterator[bytes]:
        async with contextlib.aclosing(events):
            yield _line(first)
            failed = False
            async for chunk in events:
                failed = failed or "error" in chunk
                yield _line(chunk)
        if not failed:  # else the stream would be taken for a clean stop
            yield b"data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


async def _generate(engine: _Engine, run: _Run, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    loop = asyncio.get_running_loop()
    engine.waiting += 1
    telemetry.MODEL_WAITING.set(engine.waiting)
    try:
        await engine.slots.acquire()
    finally:
        engine.waiting -= 1
        telemetry.MODEL_WAITING.set(engine.waiting)
    generation = _Generation(loop, asyncio.Queue(_CHUNKS_MAX))
    telemetry.MODEL_SLOTS_BUSY.inc()
    started_s = loop.time()
    running = loop.run_in_executor(engine.threads_pool, run, body, generation)
    running.add_done_callback(lambda _: _release(engine))
    seen = False
    try:
        while (chunk := await generation.chunks.get()) is not None:
            if not seen and _says(chunk):
                seen = True
                telemetry.MODEL_FIRST_TOKEN_SECONDS.observe(loop.time() - started_s)
            yield chunk
    finally:
        generation.cancelled = True
        while not generation.chunks.empty():  # makes room, so that llama.cpp's thread sees the flag
            generation.chunks.get_nowait()


def _says(chunk: dict[str, Any]) -> bool:
    """Tell whether a chunk holds a first token, as text or as part of a call."""
    return any(
        choice.get("text") or any((choice.get("delta") or {}).get(name) for name in ("content", "tool_calls"))
        for choice in chunk.get("choices") or ()
    )


def _release(engine: _Engine) -> None:
    telemetry.MODEL_SLOTS_BUSY.dec()
    engine.slots.release()


def _line(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


def _error(status: int, kind: str, message: str, **fields: Any) -> Response:
    headers = {"retry-after": str(_RETRY_AFTER_S)} if status == 503 else {}
    content = json.dumps({"error": {"type": kind, "message": message, "code": kind, **fields}})
    return Response(content, status, headers, media_type="application/json")
