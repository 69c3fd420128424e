"""Every Protocol that a back end fills for the dashboard alone. The others are in `ports.py` and `care_ports.py`."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from council.domain import audits, chats, logins, uses
from council.domain import documents as documents_module


class Logins(Protocol):
    """One-time codes and sessions, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def add_code(self, code: logins.Code) -> None:
        """Keep a code, and of all codes the newest `logins.CODES_MAX`."""

    def redeem(self, secret_sha256: str, session: logins.Session, at_us: int) -> logins.Session | None:
        """Use a code up for a session of its user and role; None where there is none that is good. At most one caller gets one.

        Of `session` user and role are the code's.
        """

    def begin(self, session: logins.Session) -> None:
        """Keep a session, and of all sessions the newest `logins.SESSIONS_MAX`."""

    def find(self, secret_sha256: str) -> logins.Session | None:
        """Return the session of this digest."""

    def in_force(self, at_us: int) -> list[logins.Session]:
        """Return every session that has not ended."""

    def end(self, session_id: str) -> bool:
        """End a session; False where there is none."""

    def end_all(self, user_id: str | None = None) -> int:
        """End every session, or every one of a user, and all codes with them; return how many sessions."""

    def trim(self, at_us: int) -> int:
        """Delete what has expired; return how many sessions."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Audit(Protocol):
    """What people did with the dashboard, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def add(self, row: audits.Row) -> None:
        """Commit a row. It stays until `trim`."""

    def settle(self, identifier: str, status: int) -> None:
        """Note how it ended."""

    def newest(self, limit: int, *, before: str = "") -> list[audits.Row]:
        """Return up to `limit` rows, newest first; only those whose ids sort before `before`, if any."""

    def trim(self, rows_max: int) -> int:
        """Delete all but the newest; return how many went."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Chats(Protocol):
    """Conversations, each user's apart, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def begin(self, one: chats.Conversation, most: int) -> bool:
        """Keep a new conversation; False where its user has `most`."""

    def newest(
        self, user_id: str, limit: int, *, before: tuple[int, str] | None = None, query: str = ""
    ) -> list[chats.Conversation]:
        """Return up to `limit` of a user's, the one first in which something was said last.

        `before` is the `updated_us` and the id of one; only those after it in this order. `query` has to stand in the title or
        in a message, in capitals or not.
        """

    def find(self, user_id: str, identifier: str) -> chats.Conversation | None:
        """Return a conversation of this user."""

    def change(self, user_id: str, identifier: str, *, title: str | None = None, memory: bool | None = None) -> bool:
        """Change what is given; False where there is no such conversation."""

    def delete(self, user_id: str, identifier: str) -> bool:
        """Delete one with its messages, for good; False where there is none."""

    def messages(self, user_id: str, identifier: str) -> list[chats.Message]:
        """Return the messages of a conversation, oldest first; none where it is nobody's or another's."""

    def say(self, user_id: str, said: Sequence[chats.Message], most: int, title: str = "") -> bool:
        """Add messages to a conversation of this user in one transaction; False where it is gone, or would hold over `most`.

        `title` takes the place of one that is empty. Each message of the assistant counts as a turn.
        """

    def message(self, user_id: str, identifier: str) -> chats.Message | None:
        """Return a message of a conversation of this user."""

    def settle(self, one: chats.Message) -> None:
        """Write how far a running message is: text, state, error, council and `touched_us`. One that has ended stays."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class TurnLog(Protocol):
    """What running turns say, for other gateway processes to follow; in the store, so it may be gone at any time.

    Every method raises StoreUnavailableError.
    """

    async def append(self, turn: str, part: bytes, keep_s: int) -> bool:
        """Add to a turn's log, and return whether somebody wants it stopped. An empty part only asks."""

    async def read(self, turn: str, offset: int, most: int) -> bytes | None:
        """Return up to `most` bytes of a log from an offset on; None where there is no log."""

    async def ask_to_stop(self, turn: str, keep_s: int) -> None:
        """Have whoever answers a turn stop it."""

    async def claim(self, key: str, turn: str, keep_s: int) -> str:
        """Have a turn stand for what was sent under a key, unless another does already; return the one that does."""

    async def release(self, key: str, turn: str) -> None:
        """Have this turn stand for a key no longer; another that does stays."""

    async def close(self) -> None:
        """Give back every connection. Idempotent."""


class Changes(Protocol):
    """Patches as patchctl tells of them. Raises PatchServiceUnavailableError, NotFoundError, ForbiddenError.

    What is only read needs no token of anybody's: the gateway has a key for that and nothing else.
    """

    async def page(self, limit: int, before: int | None = None) -> Mapping[str, Any]:
        """Return `patches`, rows of up to `limit` of them, newest first, and as `before` what asks for the next page.

        It counts from the oldest; 0 at the end.
        """

    async def standing(self) -> Mapping[str, Any]:
        """Return what serves, what is on its way, freeze, quota, and how many contents are in quarantine."""

    async def quarantine(self) -> Mapping[str, Any]:
        """Return `patches`, rows of the newest whose content may not come again, newest first, and their `count` in all."""

    async def detail(self, cid: str) -> Mapping[str, Any]:
        """Return one patch with its document and differences."""

    async def roll_back(self, cid: str, by: str, reason: str, token: str) -> Mapping[str, Any]:
        """Have a patch taken back on the word of whoever's `token` it is."""

    async def freeze(self, *, frozen: bool, by: str, reason: str, token: str) -> None:
        """Have no more patches taken, or have them taken again, on the word of whoever's `token` it is."""

    async def put_key(self, provider: str, key: str, token: str) -> bool:
        """Have a provider's key kept in the home, on the word of whoever's `token` it is; return whether there was one."""

    async def remove_key(self, provider: str, token: str) -> bool:
        """Have a provider's key removed; return whether there was one."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class Uses(Protocol):
    """When tokens and providers were last used, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def note(self, found: Sequence[uses.Use]) -> None:
        """Keep each use that is newer than what is kept of its kind and name."""

    def all(self) -> list[uses.Use]:
        """Return the newest use of each."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Library(Protocol):
    """Recall's part of the library: what is read of it, and the one folder that documents are put into over the API.

    Every method raises RecallUnavailableError.
    """

    async def documents(self, request_id: str) -> documents_module.Listing:
        """Return what is known of the documents, by name."""

    async def put(
        self, name: str, content: bytes, *, replace: bool, request_id: str
    ) -> tuple[documents_module.Document, bool]:
        """Keep a document; return how it was read, and whether it took the place of another one.

        Raises InvalidRequestError, OverloadedError,
        and ConflictError where one of that name is there and is not to be replaced.
        """

    async def delete(self, name: str, request_id: str) -> None:
        """Delete a document for good. Raises NotFoundError."""


class Blueprint(Protocol):
    """The live generation's own files. Blocking. Raises BlueprintError."""

    def look(self) -> tuple[str, Mapping[str, bytes]]:
        """Return the commit, and the settings files by path: those that there are."""
