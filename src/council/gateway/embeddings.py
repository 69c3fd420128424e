"""POST /v1/embeddings: texts into vectors by the local model, in OpenAI's shape."""

import base64
import struct
from typing import Annotated, Any, Literal

import orjson
import pydantic
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from council.domain import access, answers, errors, memory, providers
from council.gateway import asking, exchange, limits, parts
from council.gateway.wire import chat, fields
from council.serving import pipeline
from council.serving.providers import calls

MODEL = providers.EMBEDDER
_CHARS_MAX = 32_768
_Text = Annotated[str, pydantic.Field(min_length=1, max_length=_CHARS_MAX)]


class EmbeddingsRequest(pydantic.BaseModel):
    """The body. `input` is a text or a list of texts; lists of token numbers belong to other models' tokenizers."""

    model_config = pydantic.ConfigDict(strict=True, extra="ignore")
    model: Annotated[str, pydantic.Field(min_length=1, max_length=200)]
    input: _Text | Annotated[list[_Text], pydantic.Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: None = None
    user: str | None = None


class EmbeddingsRoutes:
    """Handlers for /v1/embeddings."""

    def __init__(self, made: parts.Parts):
        self._parts = made

    def routes(self) -> list[Route]:
        """Return Starlette routes."""
        return [Route("/v1/embeddings", self.embed, methods=["POST"])]

    async def embed(self, request: Request) -> Response:
        """Embed one text or several."""
        principal = self._parts.doorkeeper.admit(request, access.Right.CHAT)
        admission = await self._parts.limiter.admit(principal)
        headers = limits.tell(request, admission)
        settings = self._parts.config.gateway
        raw = await exchange.json_body(request, settings.body_timeout_s, settings.body_bytes_max)
        name = raw.get("model") if isinstance(raw, dict) else None
        if isinstance(name, str) and name in self._parts.calls.models:
            return await self._relay(request, raw, asking.asker(self._parts.config, principal, admission), headers)
        asked = _asked(raw)
        texts = [asked.input] if isinstance(asked.input, str) else asked.input
        # JSON may hold lone surrogates, which are no text.
        whole = [text.encode("utf-8", "replace").decode() for text in texts]
        made = await exchange.unless_gone(request.receive, self._parts.memories.embed(whole, request.state.request_id))
        if made is None:
            return Response(status_code=exchange.CLIENT_GONE)
        return exchange.json_response(_reply(made, asked.encoding_format), headers)

    async def _relay(
        self, request: Request, body: dict[str, Any], asker: pipeline.Asker, headers: dict[str, str]
    ) -> Response:
        """Pass a request on to the provider of the model that it names."""
        name = str(body["model"])
        if not self._parts.calls.speaks(name, "embeddings") or name == self._parts.config.model.name:
            raise errors.UnsupportedParameterError(
                f"{name[:100]!r} makes no embeddings. Use {MODEL}, or an embedding model of a provider.",
                parameter="model",
            )
        sampling = answers.Sampling(tokens_max=0)
        question = answers.Question(
            request.state.request_id, [], name, sampling, answers.Route.GENERAL, specialists=False
        )
        needed = calls.Request("embeddings", name, body, len(orjson.dumps(body)))
        relay = self._parts.pipeline.relay(question, needed, asker)
        try:
            found = await exchange.unless_gone(request.receive, relay.whole())
        finally:
            await relay.close()
        if found is None:
            return Response(status_code=exchange.CLIENT_GONE)
        return Response(chat.relayed(*found), headers=headers, media_type="application/json")


def _asked(raw: Any) -> EmbeddingsRequest:
    try:
        asked = EmbeddingsRequest.model_validate(raw)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = str(first["loc"][0]) if first["loc"] else None
        if place == "dimensions":
            raise errors.UnsupportedParameterError(
                f"`dimensions` is not supported: the vectors of {MODEL} cannot be shortened. Leave it out.",
                parameter=place,
            ) from None
        where = f"`{place}`: " if place else ""
        raise errors.MalformedBodyError(
            f"{where}{fields.worded(first)}. Correct it and send again.", parameter=place
        ) from None
    if asked.model != MODEL:
        raise errors.ModelNotFoundError(
            f"There is no embedding model {asked.model[:100]!r}. Use {MODEL}.", parameter="model"
        )
    return asked


def _reply(made: memory.Embedded, encoding: str | None) -> dict[str, Any]:
    data = [
        {"object": "embedding", "index": index, "embedding": _encoded(vector, made.width, encoding)}
        for index, vector in enumerate(made.vectors)
    ]
    usage = {"prompt_tokens": made.tokens, "total_tokens": made.tokens}
    return {"object": "list", "data": data, "model": MODEL, "usage": usage}


def _encoded(vector: bytes, width: int, encoding: str | None) -> Any:
    numbers = struct.unpack(f"={width}f", vector)
    # OpenAI's base64 is little-endian, whatever this machine is.
    return base64.b64encode(struct.pack(f"<{width}f", *numbers)).decode() if encoding == "base64" else numbers
