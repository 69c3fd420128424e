"""Keeps what users said: embeds it, commits it, finds it, forgets it. The records are the truth, shelves are views of them.

A memory is acknowledged when its row is committed, and only then told to anybody. After a start the shelves are filled from
the records, the newest memories first, while everything else goes on; until a shelf is complete its searches say so.

Blocking, and safe to share between threads. What changes one user's memories, or fills their shelf, happens one at a time.
"""

import collections
import dataclasses
import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from council import kept_ports, ports, telemetry
from council.domain import config as config_module
from council.domain import errors, memory
from council.kit import clock as clock_module
from council.kit import ids
from council.serving.memory import correcting, statements
from council.serving.memory import shelf as shelf_module

_log = logging.getLogger(__name__)

# The first page is small, so that a search just after a start waits little for it.
_FIRST_PAGE = 512
_PAGE = 4_096
# With another model each vector is made anew, a hundred times slower than read.
_PAGE_EMBEDDED = 64
_CANDIDATES = 20
_FACTS_MAX = 50
_PROBED_USERS = 8
_SAME = 0.99
_UNKNOWN = "You have no memory of that id. `council memory list` shows what you have."
# A memory as somebody might have it, and a question that only it answers.
_PLANTED = (
    ("The spare key lies under the third flower pot.", "Where does the spare key lie, under which flower pot?"),
    ("Grandmother's recipe needs two spoons of cinnamon.", "How many spoons of cinnamon does the recipe need?"),
    ("The boat is painted green every spring.", "Which colour is the boat painted every spring?"),
    ("The choir meets on Thursdays in the old mill.", "When does the choir meet in the old mill?"),
    ("The telescope was repaired in Jena.", "Where was the telescope repaired?"),
)
# After so many more memories of a user their index is asked whether it should be arranged anew.
_SETTLE_EVERY = 5_000
# Of a memory's score, the rest is coverage. Cosines of unrelated sentences lie below 0.2, of related ones above 0.4.
_SIMILARITY_SHARE = 0.75


class Records(kept_ports.MemoryRecords, Protocol):
    """The records, with a change log that lines can be written into by themselves."""

    def note(self, noted: memory.Noted, count: int) -> None:
        """Note what was done to so many memories. Raises RecordsUnavailableError."""


@dataclasses.dataclass(slots=True)
class _User:
    lock: threading.RLock = dataclasses.field(default_factory=threading.RLock)
    shelf: shelf_module.Shelf | None = None
    count: int = 0


class Keeper:
    """What recall does for users' memories."""

    def __init__(
        self,
        records: Records,
        embedder: ports.Embedder,
        new_index: Callable[[], ports.VectorIndex],
        settings: config_module.MemoryConfig,
        clock: clock_module.Clock,
    ):
        """Read who has how many memories. Raises RecordsUnavailableError."""
        self._records = records
        self._embedder = embedder
        self._new_index = new_index
        self._settings = settings
        self._clock = clock
        self._users: collections.OrderedDict[str, _User] = collections.OrderedDict()
        self._users_lock = threading.Lock()
        self._counts = records.counts()
        self._closed = False
        telemetry.MEMORY_MEMORIES.set(sum(self._counts.values()))

    def warm(self) -> None:
        """Fill the shelves of those who have memories, the smallest first, so that most are complete soonest."""
        users = sorted(self._counts, key=self._counts.__getitem__)[-self._settings.users_loaded :]
        for user_id in users:
            self.complete(user_id)

    def renew(self) -> None:
        """Drop every shelf, to be read from the records when it is asked next: another process has written to them."""
        counts = self._records.counts()
        with self._users_lock:
            self._users.clear()
            self._counts = counts
        telemetry.MEMORY_MEMORIES.set(sum(counts.values()))

    def note_rebuilt(self, why: str) -> None:
        """Write into the change log that all shelves were filled from the records."""
        noted = memory.Noted(self._clock.now_us(), "", memory.Did.REBUILT, why)
        self._records.note(noted, sum(self._counts.values()))

    def found_again(self) -> float:
        """Return the share, 0 to 1, of what is known to be there that searches find: planted texts, and users' newest memories.

        The planted ones lie on a shelf of their own that nobody else sees; of users only complete shelves are looked at. What
        it asks is in no metric and changes nothing.
        """
        planted = shelf_module.Shelf(self._new_index())
        planted.add([(text, text, self._vector(text)) for text, _ in _PLANTED])
        found = [self._nearest(planted, question)[0] == text for text, question in _PLANTED]
        planted.close()
        with self._users_lock:
            loaded = list(self._users)[-_PROBED_USERS:]
        for user_id in loaded:
            with self._held(user_id) as user:
                newest = self._records.memories(user_id, memory.Selection(), 1, newest_first=True)
                if newest and user.shelf is not None and user.shelf.complete:
                    # What was said twice is as good.
                    found.append(self._nearest(user.shelf, newest[0].text)[1] >= _SAME)
        return sum(found) / len(found)

    def _nearest(self, shelf: shelf_module.Shelf, text: str) -> tuple[str, float]:
        """Return what is nearest to a text, and how near."""
        found = shelf.search(text, self._vector, _CANDIDATES)
        return max(((identifier, cosine) for identifier, cosine, _ in found), key=lambda one: one[1], default=("", 0.0))

    def complete(self, user_id: str) -> None:
        """Fill a user's shelf from the records, a page at a time; return when it is complete."""
        before, stale = "", False
        while not self._closed:
            with self._held(user_id) as user:
                if user.shelf is not None and user.shelf.complete:
                    return
                if user.shelf is None:
                    # Also where it was dropped meanwhile: half a shelf is none.
                    before, stale = "", False
                shelf = user.shelf or shelf_module.Shelf(self._new_index())
                limit = _PAGE_EMBEDDED if stale else _PAGE if before else _FIRST_PAGE
                rows = self._records.vectors(user_id, before, limit)
                stale = self._put(user_id, shelf, rows)
                # Only now is it there for searches: an empty one would say that there is nothing.
                user.shelf = shelf
                if len(rows) < limit:
                    shelf.complete = True
                    user.count = max(user.count, len(shelf))
                before = rows[-1][0] if rows else before
                done = shelf.complete
            self._show_loaded()
            if done:
                shelf.settle()
                return

    def _put(self, user_id: str, shelf: shelf_module.Shelf, rows: Sequence[tuple[str, str, bytes, str]]) -> bool:
        """Put a page on the shelf; return whether it held vectors of another model, which are made anew."""
        digest_now = self._embedder.digest
        made = {identifier: self._vector(text) for identifier, text, _, digest in rows if digest != digest_now}
        if made:
            self._records.set_vectors(user_id, list(made.items()), digest_now)
        shelf.add([(identifier, text, made.get(identifier, vector)) for identifier, text, vector, _ in rows])
        return bool(made)

    def remember(self, user_id: str, session_id: str, text: str, source: str) -> list[memory.Memory]:
        """Keep what the user said, and the facts in it; return what is new, which is committed."""
        said = text.strip()[: self._settings.text_chars_max]
        if not said:
            return []
        now_us = self._clock.now_us()
        with self._held(user_id) as user:
            turn = memory.Memory(
                ids.ulid(now_us), user_id, session_id, memory.Kind.TURN, "", "", "", said, source, 1.0, now_us
            )
            facts, superseded = self._facts_in(said, turn)
            rows = [turn, *facts]
            self._check_room(user, len(rows))
            vectors = [self._vector(row.text) for row in rows]
            noted = memory.Noted(now_us, user_id, memory.Did.KEPT, source)
            self._commit(user_id, user, rows, vectors, superseded, noted)
        return rows

    def _facts_in(self, said: str, turn: memory.Memory) -> tuple[list[memory.Memory], dict[str, str]]:
        """Return the facts that are new, and which of those that hold each takes the place of."""
        facts: list[memory.Memory] = []
        superseded: dict[str, str] = {}
        for statement in statements.found_in(said):
            holding = self._records.facts(turn.user_id, statement.subject, statement.attribute)
            if any(fact.value.casefold() == statement.value.casefold() for fact in holding):
                continue
            fact = dataclasses.replace(
                turn,
                id=ids.ulid(turn.at_us),
                kind=memory.Kind.FACT,
                subject=statement.subject,
                attribute=statement.attribute,
                value=statement.value,
                text=statement.text,
                confidence=statement.confidence,
            )
            if statement.single:
                earlier = [one for one in facts if (one.subject, one.attribute) == (fact.subject, fact.attribute)]
                # Said twice in one breath: the last word counts.
                facts = [one for one in facts if one not in earlier]
                superseded = {
                    old: fact.id if new in {one.id for one in earlier} else new for old, new in superseded.items()
                }
                superseded.update({one.id: fact.id for one in holding})
            facts.append(fact)
        return facts, superseded

    def recall(self, user_id: str, session_id: str, query: str, limit: int) -> memory.Recalled:
        """Return what is known for a question."""
        shelf = self._ready_shelf(user_id)
        key, version = ("recall", session_id, query, limit), shelf.version
        kept: memory.Recalled | None = shelf.kept(key)
        if kept is not None:
            return kept
        found = [one for one in self.search(user_id, query, 2 * limit) if not one.memory.superseded_by][:limit]
        session: list[memory.Memory] = []
        if session_id and self._settings.session_turns:
            chosen = memory.Selection(session_id=session_id, kind=memory.Kind.TURN)
            session = self._records.memories(user_id, chosen, self._settings.session_turns, newest_first=True)
        facts = self._asked(user_id, query)
        recalled = memory.Recalled(facts, tuple(found), tuple(reversed(session)), shelf.complete)
        shelf.keep(key, version, recalled)
        return recalled

    def known(self, user_id: str, session_id: str, query: str, limit: int) -> memory.Recalled | None:
        """Return what `recall` returned for the same question, if nothing has changed since. Takes no time."""
        with self._users_lock:
            user = self._users.get(user_id)
        shelf = user.shelf if user is not None else None
        kept: memory.Recalled | None = None if shelf is None else shelf.kept(("recall", session_id, query, limit))
        return kept

    def _asked(self, user_id: str, query: str) -> tuple[memory.Memory, ...]:
        """Return the facts that hold and that the query asks for."""
        asked = statements.asked_in(query)
        if asked is None:
            return ()
        if asked != statements.EVERYTHING:
            return tuple(self._records.facts(user_id, *asked))
        chosen = memory.Selection(kind=memory.Kind.FACT)
        facts = self._records.memories(user_id, chosen, 4 * _FACTS_MAX, newest_first=True)
        return tuple(fact for fact in facts if not fact.superseded_by)[:_FACTS_MAX]

    @telemetry.MEMORY_SEARCH_SECONDS.time()
    def search(self, user_id: str, query: str, limit: int) -> list[memory.Found]:
        """Return up to `limit` memories that fit a query, best first."""
        query = query.strip()[: self._settings.text_chars_max]
        shelf = self._ready_shelf(user_id)
        key, version = ("search", query, limit), shelf.version
        kept: list[memory.Found] | None = shelf.kept(key)
        if kept is not None:
            return kept
        if not query or limit < 1 or not len(shelf):
            telemetry.MEMORY_SEARCHES.labels("miss").inc()
            return []
        candidates = sorted(
            (
                (
                    _SIMILARITY_SHARE * max(cosine, 0.0) + (1 - _SIMILARITY_SHARE) * coverage,
                    identifier,
                    cosine,
                    coverage,
                )
                for identifier, cosine, coverage in shelf.search(query, self._vector, max(limit, _CANDIDATES))
            ),
            reverse=True,
        )[:limit]
        # From the records, and for this user: what is not theirs, or no longer there, cannot come back from here.
        chosen = memory.Selection(ids=tuple(identifier for _, identifier, _, _ in candidates))
        rows = {row.id: row for row in self._records.memories(user_id, chosen, len(candidates))}
        found = [
            memory.Found(rows[identifier], round(score, 4), round(cosine, 4), round(coverage, 4))
            for score, identifier, cosine, coverage in candidates
            if identifier in rows
        ]
        telemetry.MEMORY_SEARCHES.labels("hit" if found else "miss").inc()
        shelf.keep(key, version, found)
        return found

    def entries(self, user_id: str, selection: memory.Selection, limit: int) -> list[memory.Memory]:
        """Return up to `limit` memories, oldest first."""
        return self._records.memories(user_id, selection, limit)

    def forget(self, user_id: str, selection: memory.Selection) -> int:
        """Delete memories for good: rows, vectors, words, and all that is cached of any text. Return how many."""
        with self._held(user_id) as user:
            noted = memory.Noted(self._clock.now_us(), user_id, memory.Did.FORGOT)
            gone = self._records.forget(user_id, selection, noted)
            if not gone and selection.ids:
                raise errors.NotFoundError(_UNKNOWN)
            if user.shelf is not None:
                user.shelf.remove(gone)
            user.count -= len(gone)
            self._counts[user_id] = max(0, user.count)
        self._embedder.forget()
        telemetry.MEMORY_FORGOTTEN.inc(len(gone))
        telemetry.MEMORY_MEMORIES.dec(len(gone))
        self._show_loaded()
        return len(gone)

    def correct(self, user_id: str, identifier: str, text: str, source: str) -> memory.Memory:
        """Have a memory say something else under its id; nothing is left of what it said. Return it as it is now.

        Raises NotFoundError, InvalidRequestError, ConflictError.
        """
        said = text.strip()
        if not said or len(said) > self._settings.text_chars_max:
            raise errors.InvalidRequestError(
                f"A memory has 1 to {self._settings.text_chars_max:,} characters. Send others.", parameter="text"
            )
        with self._held(user_id) as user:
            found = self._records.memories(user_id, memory.Selection(ids=(identifier,)), 1)
            if not found:
                raise errors.NotFoundError(_UNKNOWN)
            now = correcting.corrected(found[0], said, source)
            vector, at_us = self._vector(now.text), self._clock.now_us()
            if not self._records.correct(now, vector, self._embedder.digest, at_us):
                raise errors.NotFoundError(_UNKNOWN)
            if user.shelf is not None:
                user.shelf.remove([identifier])
                user.shelf.add([(identifier, now.text, vector)])
        self._embedder.forget()
        return now

    def take_in(self, user_id: str, rows: Sequence[memory.Memory]) -> int:
        """Import memories; return how many were new. One that came in before is left as it is."""
        self._check_texts([row.text for row in rows])
        with self._held(user_id) as user:
            named = {row.id for row in rows} | {row.superseded_by for row in rows if row.superseded_by}
            places = {identifier: _imported_id(user_id, identifier) for identifier in named}
            chosen = memory.Selection(ids=(*named, *places.values()))
            there = {row.id for row in self._records.memories(user_id, chosen, 2 * len(named))}
            places |= {identifier: identifier for identifier in named & there}
            new = {
                places[row.id]: dataclasses.replace(
                    row, id=places[row.id], user_id=user_id, superseded_by=places.get(row.superseded_by, "")
                )
                for row in rows
                if places[row.id] not in there
            }
            self._check_room(user, len(new))
            vectors = [self._vector(row.text) for row in new.values()]
            noted = memory.Noted(self._clock.now_us(), user_id, memory.Did.IMPORTED)
            self._commit(user_id, user, list(new.values()), vectors, {}, noted)
        return len(new)

    def embed(self, texts: Sequence[str]) -> memory.Embedded:
        """Return a vector for each text. Raises InvalidRequestError."""
        self._check_texts(texts)
        with telemetry.MEMORY_EMBED_SECONDS.time():
            return self._embedder.embed(texts)

    def close(self) -> None:
        """End what still fills shelves."""
        self._closed = True

    def _commit(
        self,
        user_id: str,
        user: _User,
        rows: Sequence[memory.Memory],
        vectors: Sequence[bytes],
        superseded: dict[str, str],
        noted: memory.Noted,
    ) -> None:
        if not rows:
            return
        self._records.add_memories(list(zip(rows, vectors, strict=True)), self._embedder.digest, superseded, noted)
        # Who has memories and no shelf gets all of them when the shelf is filled, these too.
        if user.shelf is not None or user.count == 0:
            if user.shelf is None:
                user.shelf = shelf_module.Shelf(self._new_index())
                user.shelf.complete = True
            user.shelf.add([(row.id, row.text, vector) for row, vector in zip(rows, vectors, strict=True)])
        before, user.count = user.count, user.count + len(rows)
        if user.shelf is not None and user.count // _SETTLE_EVERY != before // _SETTLE_EVERY:
            threading.Thread(target=user.shelf.settle, daemon=True).start()
        self._counts[user_id] = user.count
        for row in rows:
            telemetry.MEMORY_KEPT.labels(row.kind).inc()
        telemetry.MEMORY_MEMORIES.inc(len(rows))
        self._show_loaded()

    def _ready_shelf(self, user_id: str) -> shelf_module.Shelf:
        """Return a user's shelf; one that nobody has begun to fill gets its first page here."""
        with self._users_lock:
            user = self._users.get(user_id)
            if user is not None and user.shelf is not None:
                self._users.move_to_end(user_id)
                return user.shelf
        with self._held(user_id) as user:
            if user.shelf is None:
                shelf = shelf_module.Shelf(self._new_index())
                rows = self._records.vectors(user_id, "", _FIRST_PAGE)
                self._put(user_id, shelf, rows)
                user.shelf = shelf
                shelf.complete = len(rows) < _FIRST_PAGE
                if not shelf.complete:
                    threading.Thread(target=self._complete_later, args=(user_id,), daemon=True).start()
            assert user.shelf is not None
            return user.shelf

    def _complete_later(self, user_id: str) -> None:
        try:
            self.complete(user_id)
        except errors.CouncilError as error:
            with self._held(user_id) as user:
                # The next search begins anew.
                user.shelf = None
            _log.warning("a user's memories could not be read", extra={"code": error.code, "detail": error.detail})

    @contextmanager
    def _held(self, user_id: str) -> Iterator[_User]:
        """Hold what changes one user's memories."""
        while True:
            with self._users_lock:
                if user_id not in self._users:
                    self._users[user_id] = _User(count=self._counts.get(user_id, 0))
                    self._drop_least_used()
                self._users.move_to_end(user_id)
                user = self._users[user_id]
            with user.lock:
                # While this waited, the user may have been dropped and come back as another.
                with self._users_lock:
                    current = self._users.get(user_id) is user
                if current:
                    yield user
                    return

    def _drop_least_used(self) -> None:
        for user_id in list(self._users):
            if len(self._users) <= self._settings.users_loaded:
                return
            # One that is held is being changed, or filled.
            lock = self._users[user_id].lock
            if lock.acquire(blocking=False):
                del self._users[user_id]
                lock.release()

    def _vector(self, text: str) -> bytes:
        with telemetry.MEMORY_EMBED_SECONDS.time():
            return self._embedder.embed([text]).vectors[0]

    def _check_room(self, user: _User, more: int) -> None:
        if user.count + more > self._settings.memories_max:
            raise errors.InvalidRequestError(
                f"There are {user.count:,} memories of yours already, and `memory.memories_max` is "
                f"{self._settings.memories_max:,}. Forget some first (`council memory forget`)."
            )

    def _check_texts(self, texts: Sequence[str]) -> None:
        if len(texts) > self._settings.texts_max:
            raise errors.InvalidRequestError(
                f"That are {len(texts)} texts in one call; the limit is {self._settings.texts_max}. Send fewer at a time."
            )

    def _show_loaded(self) -> None:
        with self._users_lock:
            loaded = sum(len(user.shelf) for user in self._users.values() if user.shelf is not None)
        telemetry.MEMORY_LOADED.set(loaded)


def _imported_id(user_id: str, identifier: str) -> str:
    """Return the id that a memory of this id gets when this user imports it: always the same, and nobody else's."""
    digest = hashlib.sha256(f"{user_id}\n{identifier}".encode("utf-8", "surrogatepass")).digest()
    return ids.ulid_from(ids.time_us(identifier), digest[:10])
