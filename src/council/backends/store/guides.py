"""Guides in Valkey or Redis: a hash `guide:docs:SLUG` for each, and their slugs by load time in the sorted set
`guide:docs:index`.

A swap puts the new hashes beside the old ones first, however long that takes, and then all of them into their places by one
script, which no other call can come between. A list is read by one script, too. So a reader sees what was before a swap or what
is after it, and a hash that it reads is whole. `guide:state` holds what is wrong with the documents, as JSON.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from council.backends.store import connection
from council.domain import errors, guides

INDEX_KEY = "guide:docs:index"
STATE_KEY = "guide:state"
_DOCUMENT = "guide:docs:"
_NEXT = "guide:next:"
_CONNECTIONS_MAX = 8
# What a swap that was broken off leaves is gone by then.
_NEXT_S = 600
_AT_ONCE_BYTES = 1024 * 1024
_LISTED = (
    *("slug", "title", "description", "tags", "order", "root", "source", "heading", "digest", "form"),
    *("timestamp", "size_bytes"),
)

# KEYS: index, state. ARGV: the state, the time, how many new slugs, those, then the slugs that go.
_SWAP = """
local count = tonumber(ARGV[3])
for place = 4, 3 + count do
    if redis.call('EXISTS', 'guide:next:' .. ARGV[place]) == 0 then
        return redis.error_reply('GONE a new guide has expired before it was put in its place')
    end
end
for place = 4, 3 + count do
    local slug = ARGV[place]
    redis.call('RENAME', 'guide:next:' .. slug, 'guide:docs:' .. slug)
    redis.call('PERSIST', 'guide:docs:' .. slug)
    redis.call('ZADD', KEYS[1], ARGV[2], slug)
end
for place = 4 + count, #ARGV do
    redis.call('DEL', 'guide:docs:' .. ARGV[place])
    redis.call('ZREM', KEYS[1], ARGV[place])
end
redis.call('SET', KEYS[2], ARGV[1])
return count
"""

# KEYS: index, state. ARGV: the fields. An index that names a guide which is not there is mended by the next sync. All guides
# come as one text: the client takes ten times as long to read a thousand times twelve of them.
_LIST = """
local found = {}
for place, slug in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    found[place] = redis.call('HMGET', 'guide:docs:' .. slug, unpack(ARGV))
end
return {redis.call('GET', KEYS[2]), cjson.encode(found)}
"""


class ValkeyGuidebook:
    """care_ports.Guidebook on the URLs of `ValkeyStore`. Belongs to the event loop that used it first. Raises ConfigError."""

    def __init__(self, url: str, timeout_s: float):
        self._timeout_s = timeout_s
        self._client = connection.client(url, timeout_s, _CONNECTIONS_MAX)
        self._swap = self._client.register_script(_SWAP)
        self._list = self._client.register_script(_LIST)

    async def swap(self, swap: guides.Swap) -> None:
        """Have new guides take their places and others go, all at one moment. Raises StoreUnavailableError."""
        for part in _parts(swap.changed):
            async with connection.typed(self._timeout_s), self._client.pipeline(transaction=False) as calls:
                for guide in part:
                    key = _NEXT + guide.entry.slug
                    calls.delete(key)
                    calls.hset(key, mapping=_fields(guide))
                    calls.expire(key, _NEXT_S)
                await calls.execute()
        new = [guide.entry.slug for guide in swap.changed]
        state = orjson.dumps({"faults": [dataclasses.asdict(fault) for fault in swap.faults]})
        at_s = max((guide.entry.timestamp for guide in swap.changed), default=0)
        async with connection.typed(self._timeout_s):
            await self._swap(keys=[INDEX_KEY, STATE_KEY], args=[state, at_s, len(new), *new, *sorted(swap.gone)])

    async def listing(self) -> guides.Listing:
        """Return all guides of one moment. Raises StoreUnavailableError."""
        async with connection.typed(self._timeout_s):
            state, text = await self._list(keys=[INDEX_KEY, STATE_KEY], args=list(_LISTED))
        # What is no UTF-8 must spoil its own guide alone.
        found = map(_listed, json.loads(text.decode(errors="surrogateescape")))
        return guides.Listing(tuple(entry for entry in found if entry is not None), _faults(state))

    async def guide(self, slug: str) -> guides.Guide | None:
        """Return a guide, whole; None where there is none. Raises StoreUnavailableError."""
        if not guides.SLUG.fullmatch(slug) or slug in guides.RESERVED:
            return None
        async with connection.typed(self._timeout_s), self._client.pipeline(transaction=True) as calls:
            calls.zscore(INDEX_KEY, slug)
            calls.hgetall(_DOCUMENT + slug)
            listed, found = await calls.execute()
        # What an index that was lost once has left behind is no guide.
        if listed is None or not found:
            return None
        try:
            fields = {name.decode(): value.decode() for name, value in found.items()}
            headings = tuple(guides.Heading(**heading) for heading in orjson.loads(fields["headings"]))
            return guides.Guide(_entry(fields), fields["raw"], guides.Page(fields["html"], headings))
        except (KeyError, TypeError, ValueError) as error:
            raise errors.StoreUnavailableError(
                "The guide in the store is not as Council writes it. It is written anew in a few seconds; try again then.",
                detail=f"{type(error).__name__}: {error}",
            ) from error

    async def close(self) -> None:
        """Give back every connection. Idempotent."""
        try:
            async with connection.typed(self._timeout_s):
                await self._client.aclose()
        except errors.StoreUnavailableError:
            # A connection that fails to close is gone all the same.
            pass


def _parts(changed: Sequence[guides.Guide]) -> Iterator[list[guides.Guide]]:
    """Yield guides in groups, each of which a server takes in well within the time for one call."""
    part: list[guides.Guide] = []
    size_bytes = 0
    for guide in changed:
        if part and size_bytes + guide.entry.size_bytes > _AT_ONCE_BYTES:
            yield part
            part, size_bytes = [], 0
        part.append(guide)
        size_bytes += guide.entry.size_bytes
    if part:
        yield part


def _fields(guide: guides.Guide) -> dict[str, bytes | str | int]:
    return {
        **{name: getattr(guide.entry, name) for name in _LISTED},
        "tags": orjson.dumps(guide.entry.tags),
        "raw": guide.raw,
        "html": guide.page.html,
        "headings": orjson.dumps(guide.page.headings),
    }


def _entry(fields: Mapping[str, str]) -> guides.Entry:
    values: dict[str, Any] = {name: fields[name] for name in _LISTED}
    values["tags"] = tuple(orjson.loads(values["tags"]))
    values |= {name: int(values[name]) for name in ("order", "timestamp", "size_bytes")}
    return guides.Entry(**values)


def _listed(row: Sequence[str | bool]) -> guides.Entry | None:
    """Return a guide as it stands in the list; None for what is not as we write it, which the next sync mends."""
    try:
        fields = {name: value for name, value in zip(_LISTED, row, strict=True) if isinstance(value, str)}
        for value in fields.values():
            value.encode()
        return _entry(fields)
    except (KeyError, TypeError, ValueError):
        return None


def _faults(state: bytes | None) -> tuple[guides.Fault, ...]:
    try:
        return tuple(guides.Fault(**fault) for fault in orjson.loads(state)["faults"]) if state else ()
    except (KeyError, TypeError, ValueError):
        return ()
