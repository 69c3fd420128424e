"""What the chat takes and gives, as JSON."""

from typing import Annotated, Any

import pydantic

from council.domain import chats

ID_CHARS_MAX = 64
_TITLE = pydantic.Field(max_length=chats.TITLE_CHARS_MAX)


class NewConversation(pydantic.BaseModel):
    """A conversation to begin; without a title it gets one of its first words."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, _TITLE] = ""
    memory: bool = True


class ChangedConversation(pydantic.BaseModel):
    """What to change of a conversation."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, pydantic.Field(min_length=1, max_length=chats.TITLE_CHARS_MAX)] | None = None
    memory: bool | None = None


class NewTurn(pydantic.BaseModel):
    """What you say, after which message; or, with `again`, which of yours is to be answered once more."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True)

    text: Annotated[str, pydantic.Field(min_length=1)] | None = None
    parent: Annotated[str, pydantic.Field(max_length=ID_CHARS_MAX)] | None = None
    again: Annotated[str, pydantic.Field(min_length=1, max_length=ID_CHARS_MAX)] | None = None
    model: Annotated[str, pydantic.Field(min_length=1, max_length=200)] = "council"


class ConversationForm(pydantic.BaseModel):
    """A conversation. `turns` counts answers; times in microseconds."""

    id: str
    title: str
    memory: bool
    created_us: int
    updated_us: int
    turns: int


class Failure(pydantic.BaseModel):
    """Why a turn failed."""

    code: str
    message: str
    request_id: str


class MessageForm(pydantic.BaseModel):
    """A message; `parent` is null at the beginning, `council` of all but whole answers."""

    id: str
    parent: str | None
    role: chats.Role
    text: str
    at_us: int
    model: str
    state: chats.State
    error: Failure | None
    council: dict[str, Any] | None


class WholeConversation(ConversationForm):
    """A conversation with its messages, oldest first."""

    messages: list[MessageForm]


class Conversations(pydantic.BaseModel):
    """Conversations, the one first in which something was said last; `before` asks for the next page, null at the end."""

    sessions: list[ConversationForm]
    before: str | None


class Deleted(pydantic.BaseModel):
    """What is gone for good."""

    deleted: bool
    forgotten: int


class TurnForm(pydantic.BaseModel):
    """A turn that has begun: its events are at /api/chat/turns/{turn}/events."""

    turn: str
    user: MessageForm
    assistant: MessageForm


def conversation(one: chats.Conversation) -> dict[str, Any]:
    """Return a conversation as JSON."""
    told = {name: getattr(one, name) for name in ("id", "memory", "created_us", "updated_us", "turns")}
    return {**told, "title": one.title or chats.UNTITLED}


def message(one: chats.Message, now_us: int, silent_s: float) -> dict[str, Any]:
    """Return a message as JSON."""
    return {
        "id": one.id,
        "parent": one.parent or None,
        "role": one.role.value,
        "text": one.text,
        "at_us": one.at_us,
        "model": one.model,
        "state": one.seen(now_us, silent_s).value,
        "error": one.error,
        "council": one.council,
    }
