"""Questions in every wire form, and the list of models.

A model of Council's own goes through the cascade. Everything else is passed on to the model that was named: a provider's, or
the local one where something is asked for that no specialist can honour.
"""

import dataclasses
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from council.domain import access, answers, errors, providers
from council.gateway import asking, exchange, forms, limits, memory, parts, streams, trial
from council.gateway.wire import chat as wire
from council.serving import pipeline as pipeline_module
from council.serving.providers import calls

CASCADE = "council"
_Events = AsyncGenerator[answers.Delta | answers.Answer, None]
_CREATED_S = 1_767_225_600  # 2026-01-01, the models' nominal birthday


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was read: `body` as it came, `inner` and `chat` in the inner form, which for `form` None are one."""

    form: forms.Form | None
    native: bool
    body: Mapping[str, Any]
    inner: Mapping[str, Any]
    chat: wire.ChatRequest
    question: answers.Question
    created_s: int

    def outlet(self) -> streams.Outlet:
        """Return the form in which a streamed answer leaves."""
        if self.form is None or (self.native and self.form is forms.COMPLETIONS):
            include_usage = bool(self.chat.stream_options and self.chat.stream_options.include_usage)
            return wire.ChatOutlet(self.question.request_id, self.chat.model, self.created_s, include_usage)
        outlet = forms.NativeOutlet if self.native else forms.TranslatedOutlet
        return outlet(self.form, self.body, self.question.request_id, self.created_s)

    def whole(self, completion: Mapping[str, Any], answer: answers.Answer) -> bytes:
        """Return a whole answer that came in the inner form."""
        if self.form is None:
            return orjson.dumps({**completion, "council": wire.council_object(answer)})
        return forms.translated_whole(self.form, completion, self.body, answer)


class OpenAIRoutes:
    """Handlers for /v1."""

    def __init__(self, made: parts.Parts):
        self._parts = made
        specialists = {f"{CASCADE}/{route}": route for route in answers.Route}
        self._own: dict[str, answers.Route | None] = {CASCADE: None, **specialists}
        self._local = made.config.model.name

    def routes(self) -> list[Route]:
        """Return Starlette routes: FastAPI's validation would cost a tenth of a millisecond a request here."""
        return [
            *(Route(path, handler, methods=["POST"]) for path, handler in self.hot_paths().items()),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/models/{name:path}", self.model, methods=["GET"]),
        ]

    def hot_paths(self) -> dict[str, Callable[[Request], Awaitable[Response]]]:
        """Return what takes questions, by path."""

        def handler(form: forms.Form) -> Callable[[Request], Awaitable[Response]]:
            async def ask(request: Request) -> Response:
                return await self._ask(request, form)

            return ask

        return {"/v1/chat/completions": self.chat, **{form.path: handler(form) for form in forms.TRANSLATED}}

    async def models(self, request: Request) -> Response:
        """List the models: the cascade, each specialist, the packaged model, those of providers that are switched on."""
        self._parts.doorkeeper.admit(request, access.Right.READ)
        return exchange.json_response({"object": "list", "data": [_model_object(name) for name in self._listed()]})

    async def model(self, request: Request) -> Response:
        """Show one model."""
        self._parts.doorkeeper.admit(request, access.Right.READ)
        name = request.path_params["name"]
        if name not in self._listed():
            raise self._unknown(name)
        return exchange.json_response(_model_object(name))

    async def chat(self, request: Request) -> Response:
        """Answer a conversation, whole or streamed."""
        return await (self._ask(request, None) if trial.apart(request.scope) is None else self._try(request))

    async def _try(self, request: Request) -> Response:
        """Answer a marked request: nobody's, and kept nowhere."""
        settings = self._parts.config.gateway
        raw = await exchange.body(request, settings.body_timeout_s, settings.body_bytes_max)
        asked = self._read(wire.parse(raw), None, request.state.request_id)
        trial.check(asked.chat, self._is_relayed(asked.chat))
        return await self._cascade(request, asked, self._parts.trials.pipeline.answer(asked.question, trial.ASKER), {})

    async def _ask(self, request: Request, form: forms.Form | None) -> Response:
        principal = self._parts.doorkeeper.admit(request, access.Right.CHAT)
        admission = await self._parts.limiter.admit(principal)
        settings = self._parts.config.gateway
        headers = limits.tell(request, admission)
        raw = await exchange.body(request, settings.body_timeout_s, settings.body_bytes_max)
        asked = self._read(wire.parse(raw), form, request.state.request_id)
        wish = memory.wish(request, principal, asked.chat.memory, asked.chat.session)
        asker = asking.asker(self._parts.config, principal, admission, *wish, asked.chat.cache)
        if self._is_relayed(asked.chat):
            if asked.chat.memory:
                raise errors.UnsupportedParameterError(
                    f"Memory is used by `{CASCADE}` alone, not where a model is named or asked for more than text.",
                    parameter="memory",
                )
            return await self._relay(request, asked, len(raw), asker, headers)
        return await self._cascade(request, asked, self._parts.pipeline.answer(asked.question, asker), headers)

    async def _cascade(self, request: Request, asked: _Asked, events: _Events, headers: dict[str, str]) -> Response:
        if asked.chat.stream:
            source = streams.CascadeSource(events)
            return streams.EventStream(source, asked.outlet(), headers, asked.question.request_id)
        answer = await exchange.unless_gone(request.receive, _whole(events))
        if answer is None:
            return Response(status_code=exchange.CLIENT_GONE)
        completion = wire.completion(answer, asked.chat.model, asked.created_s)
        return Response(asked.whole(completion, answer), headers=headers, media_type="application/json")

    def owns(self, name: str) -> bool:
        """Return whether this name is answered by Council's own specialists, which may use memory."""
        return name in self._own or name == self._local

    def source(self, body: dict[str, Any], request_id: str, asker: pipeline_module.Asker) -> streams.Source:
        """Return where the words of an answer to a chat body come from. Raises as a request with that body does."""
        asked = self._read(body, None, request_id)
        if not self._is_relayed(asked.chat):
            return streams.CascadeSource(self._parts.pipeline.answer(asked.question, asker))
        size = len(orjson.dumps(body))
        wanted = calls.Request("chat", asked.question.model, wire.foreign(body), size, asked.chat.needs)
        return self._parts.pipeline.relay(asked.question, wanted, asker)

    def _read(self, body: dict[str, Any], form: forms.Form | None, request_id: str) -> _Asked:
        """Return a request in the inner form. Raises MalformedBodyError and its like, ModelNotFoundError."""
        name = body.get("model")
        made = self._parts.calls
        native = form is not None and isinstance(name, str) and name in made.models and made.speaks(name, form.name)
        if native:
            # Whoever takes this form knows it better than we do.
            inner, asked = body, wire.check_native(body)
        else:
            inner = body if form is None else form.to_chat(body)
            asked = wire.check_chat(inner, self._parts.config.gateway.messages_max)
        return _Asked(form, native, body, inner, asked, self._question(asked, request_id), int(time.time()))

    async def _relay(
        self, request: Request, asked: _Asked, body_bytes: int, asker: pipeline_module.Asker, headers: dict[str, str]
    ) -> Response:
        relay = self._parts.pipeline.relay(asked.question, self._request(request, asked, body_bytes), asker)
        if asked.chat.stream:
            return streams.EventStream(relay, asked.outlet(), headers, asked.question.request_id)
        try:
            found = await exchange.unless_gone(request.receive, relay.whole())
        finally:
            await relay.close()
        if found is None:
            return Response(status_code=exchange.CLIENT_GONE)
        reply, answer = found
        as_it_came = asked.form is None or asked.native
        content = wire.relayed(reply, answer) if as_it_came else asked.whole(reply.data, answer)
        return Response(content, headers=headers, media_type="application/json")

    def _request(self, request: Request, asked: _Asked, body_bytes: int) -> calls.Request:
        form = asked.form
        if form is None:
            return calls.Request("chat", asked.question.model, wire.foreign(asked.body), body_bytes, asked.chat.needs)
        if asked.native:
            passed = {name: request.headers[name] for name in form.headers if name in request.headers}
            body = wire.foreign(asked.body)
            return calls.Request(form.name, asked.question.model, body, body_bytes, asked.chat.needs, passed)
        # What translation adds are names of fields; twice the bytes bounds the tokens of both.
        return calls.Request("chat", asked.question.model, wire.foreign(asked.inner), 2 * body_bytes, asked.chat.needs)

    def _is_relayed(self, asked: wire.ChatRequest) -> bool:
        """Return whether a model is asked itself. Raises UnsupportedParameterError where a specialist cannot be."""
        if asked.model not in self._own and asked.model != self._local:
            return True
        special = asked.special
        if special and self._own.get(asked.model) not in (None, answers.Route.GENERAL):
            raise errors.UnsupportedParameterError(
                f"{asked.model} answers plain text, and `{special}` asks for more. Ask `{CASCADE}` or {self._local}.",
                parameter=special,
            )
        return bool(special)

    def _question(self, asked: wire.ChatRequest, request_id: str) -> answers.Question:
        if asked.model not in self._own and asked.model not in self._parts.calls.models:
            raise self._unknown(asked.model)
        relayed = self._is_relayed(asked)
        own = asked.model in self._own
        return answers.Question(
            request_id=request_id,
            messages=[] if relayed else _messages(asked),
            model=self._local if relayed and own else asked.model,
            sampling=asked.sampling(self._parts.config.model.tokens_max_default),
            route=self._own[asked.model] if own and not relayed else answers.Route.GENERAL,
            specialists=own,
        )

    def model_names(self) -> list[str]:
        """Return every name that questions may be put to."""
        made = self._parts.calls
        return [*self._own, *(name for name in made.models if made.usable(name))]

    def _listed(self) -> list[str]:
        return [*self.model_names(), providers.EMBEDDER]

    def _unknown(self, name: str) -> errors.ModelNotFoundError:
        known = ", ".join(self.model_names()[:20])
        return errors.ModelNotFoundError(f"There is no model {name[:100]!r}. Use one of: {known}.", parameter="model")


def _messages(asked: wire.ChatRequest) -> list[answers.Message]:
    return [
        answers.Message("system" if message.role == "developer" else message.role, message.text())
        for message in asked.messages
    ]


async def _whole(events: _Events) -> answers.Answer:
    source = streams.CascadeSource(events)
    try:
        while await source.read():
            pass
        return await source.finish()
    finally:
        await source.close()


def _model_object(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _CREATED_S, "owned_by": "council"}
