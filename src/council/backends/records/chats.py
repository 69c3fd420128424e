"""Conversations of the dashboard, in the records. Every query names one user."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy

from council.backends.records import schema, sql
from council.domain import chats

_talk, _message = schema.conversations.c, schema.messages.c


class SqlChats(sql.SqlRecords):
    """dashboard_ports.Chats, in the same database as all other records."""

    def begin(self, one: chats.Conversation, most: int) -> bool:
        """Keep a new conversation; False where its user has `most`."""
        count = sqlalchemy.select(sqlalchemy.func.count()).where(_talk.user_id == one.user_id)
        values = {column.name: getattr(one, column.name) for column in schema.conversations.c}
        with self._typed(), self._writer.begin() as connection:
            if connection.execute(count).scalar_one() >= most:
                return False
            connection.execute(
                sqlalchemy.insert(schema.conversations).values(**values | {"title": sql.plain_text(one.title)})
            )
        return True

    def newest(
        self, user_id: str, limit: int, *, before: tuple[int, str] | None = None, query: str = ""
    ) -> list[chats.Conversation]:
        """Return up to `limit` of a user's, the one first in which something was said last."""
        chosen = (
            sqlalchemy.select(schema.conversations)
            .where(_talk.user_id == user_id)
            .order_by(_talk.updated_us.desc(), _talk.id.desc())
            .limit(limit)
        )
        if before is not None:
            place = before[0], sql.plain_text(before[1])
            chosen = chosen.where(sqlalchemy.tuple_(_talk.updated_us, _talk.id) < place)
        if query:
            wanted = sql.whole_text(query)
            inside = sqlalchemy.select(_message.id).where(
                _message.conversation_id == _talk.id, _message.text.icontains(wanted, autoescape=True)
            )
            chosen = chosen.where(_talk.title.icontains(wanted, autoescape=True) | inside.exists())
        with self._typed(), self._reader.connect() as connection:
            return [_conversation_of(found) for found in connection.execute(chosen).all()]

    def find(self, user_id: str, identifier: str) -> chats.Conversation | None:
        """Return a conversation of this user."""
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(sqlalchemy.select(schema.conversations).where(_of(user_id, identifier))).first()
        return None if found is None else _conversation_of(found)

    def change(self, user_id: str, identifier: str, *, title: str | None = None, memory: bool | None = None) -> bool:
        """Change what is given; False where there is no such conversation."""
        values: dict[str, Any] = {} if title is None else {"title": sql.plain_text(title)}
        values |= {} if memory is None else {"memory": memory}
        if not values:
            return self.find(user_id, identifier) is not None
        update = sqlalchemy.update(schema.conversations).where(_of(user_id, identifier)).values(**values)
        with self._typed(), self._writer.begin() as connection:
            return connection.execute(update).rowcount == 1

    def delete(self, user_id: str, identifier: str) -> bool:
        """Delete one with its messages, for good; False where there is none."""
        with self._typed(), self._writer.begin() as connection:
            gone = connection.execute(sqlalchemy.delete(schema.conversations).where(_of(user_id, identifier))).rowcount
            if gone:
                said = _message.conversation_id == sql.plain_text(identifier)
                connection.execute(sqlalchemy.delete(schema.messages).where(said))
        return bool(gone)

    def messages(self, user_id: str, identifier: str) -> list[chats.Message]:
        """Return the messages of a conversation, oldest first."""
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(_said(user_id, _talk.id == sql.plain_text(identifier))).all()
        return [_message_of(one) for one in found]

    def message(self, user_id: str, identifier: str) -> chats.Message | None:
        """Return a message of a conversation of this user."""
        with self._typed(), self._reader.connect() as connection:
            found = connection.execute(_said(user_id, _message.id == sql.plain_text(identifier))).first()
        return None if found is None else _message_of(found)

    def say(self, user_id: str, said: Sequence[chats.Message], most: int, title: str = "") -> bool:
        """Add messages to a conversation of this user in one transaction; False where it is gone or full."""
        identifier = said[0].conversation_id
        count = sqlalchemy.select(sqlalchemy.func.count()).where(_message.conversation_id == identifier)
        turns = sum(one.role is chats.Role.ASSISTANT for one in said)
        told = {"updated_us": max(one.at_us for one in said), "turns": _talk.turns + turns}
        untitled = sqlalchemy.and_(_of(user_id, identifier), _talk.title == "")
        with self._typed(), self._writer.begin() as connection:
            here = connection.execute(
                sqlalchemy.update(schema.conversations).where(_of(user_id, identifier)).values(**told)
            )
            if here.rowcount != 1 or connection.execute(count).scalar_one() + len(said) > most:
                connection.rollback()
                return False
            if title:
                connection.execute(
                    sqlalchemy.update(schema.conversations).where(untitled).values(title=sql.plain_text(title))
                )
            connection.execute(sqlalchemy.insert(schema.messages), [_values(one) for one in said])
        return True

    def settle(self, one: chats.Message) -> None:
        """Write how far a running message is. One that has ended stays."""
        running = sqlalchemy.and_(_message.id == one.id, _message.state == chats.State.RUNNING.value)
        values = _values(one)
        changed = {name: values[name] for name in ("text", "model", "state", "touched_us", "error", "council")}
        with self._typed(), self._writer.begin() as connection:
            connection.execute(sqlalchemy.update(schema.messages).where(running).values(**changed))


def _of(user_id: str, identifier: str) -> sqlalchemy.ColumnElement[bool]:
    return sqlalchemy.and_(_talk.user_id == user_id, _talk.id == sql.plain_text(identifier))


def _said(user_id: str, which: sqlalchemy.ColumnElement[bool]) -> sqlalchemy.Select[Any]:
    return (
        sqlalchemy.select(schema.messages)
        .join(schema.conversations, _talk.id == _message.conversation_id)
        .where(_talk.user_id == user_id, which)
        .order_by(_message.id)
    )


def _values(one: chats.Message) -> dict[str, Any]:
    return {
        "id": one.id,
        "conversation_id": one.conversation_id,
        "parent": one.parent,
        "role": one.role.value,
        "text": sql.whole_text(one.text),
        "model": sql.plain_text(one.model),
        "state": one.state.value,
        "at_us": one.at_us,
        "touched_us": one.touched_us,
        "error": _json(one.error),
        "council": _json(one.council),
    }


def _json(value: Mapping[str, Any] | None) -> str:
    # orjson writes NUL as an escape, and refuses lone surrogates.
    return "" if value is None else orjson.dumps(value).decode()


def _conversation_of(found: Any) -> chats.Conversation:
    return chats.Conversation(
        found.id, found.user_id, found.title, bool(found.memory), found.created_us, found.updated_us, found.turns
    )


def _message_of(found: Any) -> chats.Message:
    return chats.Message(
        found.id,
        found.conversation_id,
        found.parent,
        chats.Role(found.role),
        found.text,
        found.model,
        chats.State(found.state),
        found.at_us,
        found.touched_us,
        orjson.loads(found.error) if found.error else None,
        orjson.loads(found.council) if found.council else None,
    )
