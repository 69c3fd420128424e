"""The /api/chat routes: a user's conversations, and turns that go on in the server though nobody listens."""

import asyncio
import contextlib
import hashlib
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import fastapi
import pydantic
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response, StreamingResponse

from council.domain import access, chats, errors, memory
from council.gateway import asking, exchange, limits, openai, parts, streams
from council.gateway import memory as memory_routes
from council.gateway.chat import forms
from council.gateway.chat import turns as turns_module
from council.kit import clock as clock_module
from council.kit import ids
from council.serving import pipeline

_LIMIT_MAX = 100
_QUERY_CHARS_MAX = 200
_CURSOR = re.compile(r"([0-9]{1,18})\.([0-9A-Z]{26})")
_TYPES = {"json": "application/json", "markdown": "text/markdown; charset=utf-8"}
_EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
    204: {"description": "The last event was heard already."},
}
# How long what was sent under a key is known, and how often and long whoever sends it again waits for the first to be asked.
_SENT_S = 86_400
_FIRST_LOOKS, _FIRST_LOOK_S = 100, 0.05
_KEY_CHARS_MAX = 200
_Id = Annotated[str, fastapi.Path(min_length=1, max_length=forms.ID_CHARS_MAX)]


class Desk:
    """What the routes share: who may, and what they may see."""

    def __init__(self, made: parts.Parts, v1: openai.OpenAIRoutes):
        self.made = made
        self.v1 = v1
        self.clock = clock_module.SystemClock()
        self.settings = made.config.dashboard
        self.turns = turns_module.Turns(made.chats, made.turn_log, self.settings, self.clock, made.closing)
        self.streams = 0
        self.streams_max = max(1, made.config.gateway.concurrent_max // 2)

    async def user(self, request: HTTPConnection) -> access.Principal:
        """Return who asks, who must be somebody. Raises UnauthenticatedError, ForbiddenError, RateLimitedError."""
        return (await self._admitted(request))[0]

    async def _admitted(self, request: HTTPConnection) -> tuple[access.Principal, limits.Admission]:
        principal = self.made.doorkeeper.admit(request, access.Right.CHAT)
        if not principal.token_id:
            raise errors.UnauthenticatedError(
                "A conversation belongs to a user, and a call without a token has none. Sign in, or send "
                "`Authorization: Bearer <token>`."
            )
        return principal, await self.made.limiter.admit(principal)

    async def conversation(self, principal: access.Principal, identifier: str) -> chats.Conversation:
        """Return a conversation of the user's. Raises NotFoundError."""
        found = await asyncio.to_thread(self.made.chats.find, principal.user_id, identifier)
        if found is None:
            raise errors.NotFoundError("You have no such conversation. GET /api/chat/sessions lists them.")
        return found

    async def said(self, principal: access.Principal, identifier: str) -> list[chats.Message]:
        """Return all messages of a conversation, oldest first."""
        found = await asyncio.to_thread(self.made.chats.messages, principal.user_id, identifier)
        return [await self.turns.rescued(one) for one in found]

    async def turn(self, principal: access.Principal, identifier: str) -> chats.Message:
        """Return the message that answers. Raises NotFoundError."""
        found = await asyncio.to_thread(self.made.chats.message, principal.user_id, identifier)
        if found is None or found.role is not chats.Role.ASSISTANT:
            raise errors.NotFoundError("You have no such turn. Its conversation tells the ids of its answers.")
        return found

    async def form(self, request: Request, kind: type[Any]) -> Any:
        """Return the body. Raises InvalidRequestError."""
        timeout_s = self.made.config.gateway.body_timeout_s
        return await exchange.form(request, timeout_s, self.settings.text_bytes_max * 2 + 4096, kind)

    async def begin(self, request: Request, identifier: str, key: str) -> dict[str, Any]:
        """Begin a turn, or return the one that answers already what was sent under this key; "" for none."""
        principal, admission = await self._admitted(request)
        if self.made.closing.is_set():
            raise errors.UnavailableError("The service is stopping. Try again in a moment.", retry_after_s=1)
        talk = await self.conversation(principal, identifier)
        said: forms.NewTurn = await self.form(request, forms.NewTurn)
        now_us = self.clock.now_us()
        # A millisecond later, so that ids sort as they were said.
        turn = ids.ulid(now_us + 1000)
        if not key:
            return await self._begun(principal, admission, talk, said, turn, now_us)
        sent = _digest_of(principal.user_id, talk.id, key, said)
        if (earlier := await self._earlier(principal.user_id, sent, turn)) is not None:
            return earlier
        try:
            return await self._begun(principal, admission, talk, said, turn, now_us)
        except errors.CouncilError:
            with contextlib.suppress(errors.StoreUnavailableError):
                await self.made.turn_log.release(sent, turn)
            raise

    async def _earlier(self, user_id: str, sent: str, turn: str) -> dict[str, Any] | None:
        """Return the turn that answers what was sent under a key, None where this one is to.

        Without the store nobody knows, and it is asked: twice is better than not at all.
        """
        log = self.made.turn_log
        try:
            while (first := await log.claim(sent, turn, _SENT_S)) != turn:
                for _ in range(_FIRST_LOOKS):
                    answer = await asyncio.to_thread(self.made.chats.message, user_id, first)
                    if answer is not None:
                        question = await asyncio.to_thread(self.made.chats.message, user_id, answer.parent)
                        return None if question is None else self._begun_form(question, answer)
                    await asyncio.sleep(_FIRST_LOOK_S)
                # Whoever was first ended before it was asked. Of several who wait for that one takes its place.
                await log.release(sent, first)
        except errors.StoreUnavailableError:
            pass
        return None

    async def _begun(
        self,
        principal: access.Principal,
        admission: limits.Admission,
        talk: chats.Conversation,
        said: forms.NewTurn,
        turn: str,
        now_us: int,
    ) -> dict[str, Any]:
        if self.turns.running_of(principal.user_id) >= self.settings.turns_per_user:
            raise errors.RateLimitedError(
                f"{self.settings.turns_per_user} of your questions are being answered. Wait for one, or stop one.",
                retry_after_s=5,
            )
        user_id = principal.user_id
        before = await asyncio.to_thread(self.made.chats.messages, user_id, talk.id)
        question = self._question(said, talk, before, now_us)
        answer = chats.Message(
            turn, talk.id, question.id, chats.Role.ASSISTANT, "", said.model, chats.State.RUNNING, now_us, now_us
        )
        uses = talk.memory and self.v1.owns(answer.model)
        asker = asking.asker(self.made.config, principal, admission, uses, talk.id)
        source = self._source(chats.way_to([*before, question], question.id), answer, asker)
        new = [answer] if said.again else [question, answer]
        title = "" if said.again else chats.title_of(question.text)
        if not await asyncio.to_thread(self.made.chats.say, user_id, new, self.settings.messages_max, title):
            await source.close()
            raise errors.InvalidRequestError(
                f"A conversation holds {self.settings.messages_max} messages (`dashboard.messages_max`), and this one is full "
                "or gone. Begin another."
            )
        self.turns.begin(user_id, answer, source)
        return self._begun_form(question, answer)

    def _begun_form(self, question: chats.Message, answer: chats.Message) -> dict[str, Any]:
        return {"turn": answer.id, "user": self.told(question), "assistant": self.told(answer)}

    def _question(
        self, said: forms.NewTurn, talk: chats.Conversation, before: list[chats.Message], now_us: int
    ) -> chats.Message:
        by_id = {one.id: one for one in before}
        if (said.text is None) == (said.again is None):
            raise errors.InvalidRequestError("Send `text`, or `again` with the id of a message of yours; one of them.")
        if said.again is not None:
            found = by_id.get(said.again)
            if found is None or found.role is not chats.Role.USER:
                raise errors.NotFoundError("`again` must be the id of a message of yours in this conversation.")
            return found
        text = said.text or ""
        if len(text.encode("utf-8", "replace")) > self.settings.text_bytes_max:
            raise errors.BodyTooLargeError(
                f"The text is over the limit of {self.settings.text_bytes_max} bytes (`dashboard.text_bytes_max`). Send less."
            )
        parent = said.parent if "parent" in said.model_fields_set else chats.newest_answer(before)
        if parent and (parent not in by_id or by_id[parent].role is not chats.Role.ASSISTANT):
            raise errors.NotFoundError("`parent` must be the id of an answer in this conversation, or null.")
        return chats.Message(
            ids.ulid(now_us), talk.id, parent or "", chats.Role.USER, text, "", chats.State.DONE, now_us, now_us
        )

    def _source(self, way: list[chats.Message], answer: chats.Message, asker: pipeline.Asker) -> streams.Source:
        said = [one for one in way if one.text][-self.made.config.gateway.messages_max :]
        sent = [{"role": one.role.value, "content": one.text} for one in said]
        return self.v1.source({"model": answer.model, "messages": sent, "stream": True}, answer.id, asker)

    def told(self, message: chats.Message) -> dict[str, Any]:
        """Return a message as clients get it."""
        return self.turns.told(message)


def _digest_of(user_id: str, talk: str, key: str, said: forms.NewTurn) -> str:
    """Return what stands for a message and its key: another message under the same key is another one."""
    told = [user_id, talk, key, said.text, said.parent, said.again, said.model, "parent" in said.model_fields_set]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def router(desk: Desk) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/chat", tags=["chat"])
    _add_conversations(routes, desk)
    _add_one(routes, desk)
    _add_turns(routes, desk)
    return routes


def _body(form: type[pydantic.BaseModel], *, required: bool = True, **more: Any) -> dict[str, Any]:
    schema = form.model_json_schema() | more
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


def _add_conversations(routes: fastapi.APIRouter, desk: Desk) -> None:
    kept = desk.made.chats

    @routes.get("/sessions", response_model=forms.Conversations)
    async def conversations(
        request: Request,
        q: Annotated[str, fastapi.Query(max_length=_QUERY_CHARS_MAX)] = "",
        limit: Annotated[int, fastapi.Query(ge=1, le=_LIMIT_MAX)] = 50,
        before: Annotated[str, fastapi.Query(max_length=forms.ID_CHARS_MAX)] = "",
    ) -> Any:
        """List your conversations, the one first in which something was said last; with `q` those that hold these words."""
        principal = await desk.user(request)
        place = _CURSOR.fullmatch(before)
        cursor = (int(place[1]), place[2]) if place else None
        found = await asyncio.to_thread(kept.newest, principal.user_id, limit, before=cursor, query=q.strip())
        more = f"{found[-1].updated_us}.{found[-1].id}" if len(found) == limit else None
        return {"sessions": [forms.conversation(one) for one in found], "before": more}

    @routes.post("/sessions", response_model=forms.ConversationForm, openapi_extra=_body(forms.NewConversation))
    async def begin(request: Request) -> Any:
        """Begin a conversation."""
        principal = await desk.user(request)
        wanted: forms.NewConversation = await desk.form(request, forms.NewConversation)
        now_us = desk.clock.now_us()
        title = " ".join(wanted.title.split())
        made = chats.Conversation(ids.ulid(now_us), principal.user_id, title, wanted.memory, now_us, now_us)
        if not await asyncio.to_thread(kept.begin, made, desk.settings.conversations_max):
            raise errors.InvalidRequestError(
                f"{desk.settings.conversations_max} conversations are kept of a user (`dashboard.conversations_max`). "
                "Delete some."
            )
        return forms.conversation(made)


def _add_one(routes: fastapi.APIRouter, desk: Desk) -> None:
    kept = desk.made.chats

    @routes.get("/sessions/{identifier}", response_model=forms.WholeConversation)
    async def conversation(request: Request, identifier: _Id) -> Any:
        """Return a conversation with its messages, oldest first."""
        principal = await desk.user(request)
        found = await desk.conversation(principal, identifier)
        said = await desk.said(principal, identifier)
        body = {**forms.conversation(found), "messages": [desk.told(one) for one in said]}
        return exchange.json_response(body)

    @routes.patch(
        "/sessions/{identifier}", response_model=forms.ConversationForm,
        openapi_extra=_body(forms.ChangedConversation),
    )  # fmt: skip
    async def change(request: Request, identifier: _Id) -> Any:
        """Give a conversation another title, or have it use memory or not."""
        principal = await desk.user(request)
        wanted: forms.ChangedConversation = await desk.form(request, forms.ChangedConversation)
        title = None if wanted.title is None else " ".join(wanted.title.split()) or chats.UNTITLED
        await asyncio.to_thread(kept.change, principal.user_id, identifier, title=title, memory=wanted.memory)
        return forms.conversation(await desk.conversation(principal, identifier))

    @routes.delete("/sessions/{identifier}", response_model=forms.Deleted)
    async def delete(request: Request, identifier: _Id, memories: Literal["true", "false"] = "false") -> Any:
        """Delete a conversation, for good; with `memories=true` what was remembered of it, too."""
        principal = await desk.user(request)
        await desk.conversation(principal, identifier)
        forgotten = 0
        if memories == "true":
            chosen = memory.Selection(session_id=identifier)
            owner = memory_routes.owner(principal)
            forgotten = await desk.made.memories.forget(owner, chosen, request.state.request_id)
        deleted = await asyncio.to_thread(kept.delete, principal.user_id, identifier)
        return {"deleted": deleted, "forgotten": forgotten}

    @routes.get(
        "/sessions/{identifier}/export", response_class=Response,
        responses={200: {"description": "A file.", "content": {"application/json": {}, "text/markdown": {}}}},
    )  # fmt: skip
    async def export(request: Request, identifier: _Id, form: Literal["json", "markdown"] = "json") -> Response:
        """Send a conversation as a file: all of it as JSON, or its newest way as Markdown."""
        principal = await desk.user(request)
        found = await desk.conversation(principal, identifier)
        said = await desk.said(principal, identifier)
        name = f"conversation-{found.id}.{'md' if form == 'markdown' else 'json'}"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        if form == "markdown":
            return Response(chats.markdown(found, said), headers=headers, media_type=_TYPES[form])
        body = {**forms.conversation(found), "messages": [desk.told(one) for one in said]}
        return exchange.json_response(body, headers)


def _add_turns(routes: fastapi.APIRouter, desk: Desk) -> None:
    @routes.post(
        "/sessions/{identifier}/turns", response_model=forms.TurnForm, status_code=202,
        openapi_extra=_body(forms.NewTurn, oneOf=[{"required": ["text"]}, {"required": ["again"]}]),
    )  # fmt: skip
    async def ask(
        request: Request,
        identifier: _Id,
        idempotency_key: Annotated[
            str,
            fastapi.Header(
                max_length=_KEY_CHARS_MAX,
                description="Any text of your own for one message. The same sent again under it within a day is answered once.",
            ),
        ] = "",
    ) -> Any:
        """Say something, or have it answered once more. The answer goes on though the connection drops."""
        return exchange.json_response(await desk.begin(request, identifier, idempotency_key), status=202)

    @routes.get("/turns/{identifier}/events", response_class=StreamingResponse, responses=_EVENTS)
    async def events(
        request: Request, identifier: _Id, last_event_id: Annotated[str, fastapi.Header(max_length=40)] = ""
    ) -> Response:
        """Follow an answer, as server-sent events; with `Last-Event-ID` after that one."""
        principal = await desk.user(request)
        message = await desk.turn(principal, identifier)
        if last_event_id == turns_module.END:
            return Response(status_code=204)
        if desk.streams >= desk.streams_max:
            raise errors.OverloadedError(
                f"{desk.streams_max} answers are being followed here already. Close one.", retry_after_s=5
            )
        frames = _frames(request, desk, principal.user_id, message, last_event_id)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(frames, media_type="text/event-stream", headers=headers)

    @routes.delete("/turns/{identifier}", response_model=forms.MessageForm)
    async def stop(request: Request, identifier: _Id) -> Any:
        """Stop an answer; what there is of it stays."""
        principal = await desk.user(request)
        message = await desk.turn(principal, identifier)
        return exchange.json_response(desk.told(await desk.turns.stop(principal.user_id, message)))


async def _frames(
    request: Request, desk: Desk, user_id: str, message: chats.Message, after: str
) -> AsyncIterator[bytes]:
    desk.streams += 1
    try:
        async for event in desk.turns.follow(user_id, message, after):
            yield event.frame()
            if not is_welcome(request, desk):
                return
    finally:
        desk.streams -= 1


def is_welcome(request: HTTPConnection, desk: Desk) -> bool:
    """Return whether the caller may still listen: a token may be revoked, and a session end, while the answer goes on."""
    try:
        desk.made.doorkeeper.admit(request, access.Right.CHAT)
    except (errors.UnauthenticatedError, errors.ForbiddenError):
        return False
    return True
