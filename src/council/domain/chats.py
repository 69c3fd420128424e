"""Conversations of the dashboard: who said what, in the form in which they are kept. Pure.

A conversation is a tree of messages: an edit is another child of the same parent, and so is another answer. What a model is
told is the way from the beginning to a message.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from council.domain.options import option

TITLE_CHARS_MAX = 120
_TITLE_CHARS = 60
UNTITLED = "New conversation"


@dataclass(frozen=True, slots=True)
class DashboardConfig:
    """The dashboard at `/`: who is signed in for how long, and what is kept of conversations."""

    session_hours: float = option(168.0, "How long a browser stays signed in, hours.", low=0.1, high=8760)
    link_s: float = option(600.0, "How long a one-time link to sign in is good for, seconds.", low=10, high=86_400)
    conversations_max: int = option(
        2000, "Most conversations kept of a user; then old ones must go.", low=1, high=100_000
    )
    messages_max: int = option(2000, "Most messages of one conversation.", low=2, high=100_000)
    text_bytes_max: int = option(1 << 20, "Longest text of a question or an answer, bytes.", low=1024, high=1 << 24)
    turns_per_user: int = option(4, "Questions of one user that are answered at once.", low=1, high=100)
    turn_s: float = option(3600.0, "Longest time that an answer may take, seconds.", low=10, high=86_400)
    silent_s: float = option(
        30.0,
        "An answer of which nothing was heard for so long is lost: its process has ended, seconds.",
        low=12,
        high=600,
    )


class Role(enum.StrEnum):
    """Who said it."""

    USER = "user"
    ASSISTANT = "assistant"


class State(enum.StrEnum):
    """How far a message is. `lost`: the process that answered ended in the midst of it."""

    DONE = "done"
    RUNNING = "running"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation of a user; its id is also the session of what is remembered of it. Times in microseconds."""

    id: str
    user_id: str
    title: str
    memory: bool
    created_us: int
    updated_us: int
    turns: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `parent` is the one before, "" at the beginning; `touched_us` is when a running one was last heard of.

    `error` and `council` are JSON objects as clients get them.
    """

    id: str
    conversation_id: str
    parent: str
    role: Role
    text: str
    model: str
    state: State
    at_us: int
    touched_us: int
    error: Mapping[str, Any] | None = None
    council: Mapping[str, Any] | None = None

    def seen(self, now_us: int, silent_s: float) -> State:
        """Return how far it is as far as anybody can know: one that runs and is not heard of is lost."""
        if self.state is State.RUNNING and now_us - self.touched_us > silent_s * 1e6:
            return State.LOST
        return self.state


def title_of(text: str) -> str:
    """Return the first words of what was said, in one line."""
    words = " ".join(text.split())
    if len(words) <= _TITLE_CHARS:
        return words or UNTITLED
    cut = words[:_TITLE_CHARS].rsplit(" ", 1)[0]
    return f"{cut}…"


def way_to(messages: Sequence[Message], identifier: str) -> list[Message]:
    """Return the messages from the beginning to this one; empty where it is not among them."""
    by_id = {one.id: one for one in messages}
    way: list[Message] = []
    found = by_id.get(identifier)
    while found is not None and len(way) <= len(by_id):
        way.append(found)
        found = by_id.get(found.parent)
    return way[::-1]


def newest_answer(messages: Sequence[Message]) -> str:
    """Return the id of the answer after which the next question goes, "" where there is none."""
    return max((one.id for one in messages if one.role is Role.ASSISTANT), default="")


def markdown(conversation: Conversation, messages: Sequence[Message]) -> str:
    """Return a conversation as a document that people read: the newest way through it."""
    way = way_to(messages, max((one.id for one in messages), default=""))
    parts = [f"# {conversation.title}\n"]
    for one in way:
        who = "You" if one.role is Role.USER else "Council"
        note = "" if one.state is State.DONE else f" ({one.state})"
        parts.append(f"## {who}{note}\n\n{one.text}\n")
        if one.council is not None:
            evidence = one.council.get("evidence", {})
            parts.append(
                f"*{one.council.get('specialist', '')}, {evidence.get('level', 'none')}: {evidence.get('summary', '')}*\n"
            )
    return "\n".join(parts)
