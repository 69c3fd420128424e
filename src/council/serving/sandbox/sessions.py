"""Sessions that are open: whose they are, one call at a time, and when they have been there too long."""

import contextlib
import dataclasses
import enum
from collections.abc import Iterator

from council import ports
from council.domain import config, errors, sandbox
from council.kit import clock as clocks
from council.kit import ids


class Reason(enum.StrEnum):
    """Why a session ended."""

    CLOSED = "closed"
    ENDED = "ended"
    IDLE = "idle"
    LIFE = "life"
    LIMIT = "limit"
    LOST = "lost"
    STOPPED = "stopped"
    SHUTDOWN = "shutdown"


@dataclasses.dataclass(slots=True, eq=False)
class Entry:
    """One session. `limits` are those it was opened with."""

    id: str
    caller: str
    request_id: str
    limits: sandbox.Limits
    inner: ports.SandboxSession
    opened_s: float
    used_s: float
    busy: bool = False


class Sessions:
    """The registry. Decides nothing about what runs in a session; closes none itself."""

    def __init__(self, settings: config.SandboxConfig, clock: clocks.Clock):
        self._settings = settings
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        # By caller, one for each that is being opened.
        self._opening: list[str] = []

    def __len__(self) -> int:
        return len(self._entries) + len(self._opening)

    @contextlib.contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Keep a place for a session of this caller while it is opened. Raises OverloadedError when there is none."""
        own = sum(entry.caller == caller for entry in self._entries.values()) + self._opening.count(caller)
        if own >= self._settings.sessions_caller_max:
            raise errors.OverloadedError(
                f"You have {own} sessions open, as many as one caller may (`sandbox.sessions_caller_max`). Close one, or let "
                "one end by its time.",
                retry_after_s=5,
            )
        if len(self) >= self._settings.sessions_max:
            raise errors.OverloadedError(
                f"All {self._settings.sessions_max} sessions are taken. Close one, or try again later.", retry_after_s=5
            )
        self._opening.append(caller)
        try:
            yield
        finally:
            self._opening.remove(caller)

    def add(self, inner: ports.SandboxSession, limits: sandbox.Limits, caller: str, request_id: str) -> Entry:
        """Enter a session that was opened and return its entry."""
        now_s = self._clock.monotonic_s()
        entry = Entry(ids.ulid(self._clock.now_us()), caller, request_id, limits, inner, now_s, now_s)
        self._entries[entry.id] = entry
        return entry

    def find(self, session: str, caller: str) -> Entry:
        """Return a session of this caller. Raises NotFoundError; another's is not told from none."""
        entry = self._entries.get(session)
        if entry is None or entry.caller != caller:
            raise errors.NotFoundError("There is no such session, or it has ended. Open a new one.")
        return entry

    @contextlib.contextmanager
    def call(self, entry: Entry) -> Iterator[None]:
        """Hold the session for one call. Raises OverloadedError while another runs."""
        if entry.busy:
            raise errors.OverloadedError("A call of this session is still running. Wait for it.", retry_after_s=1)
        entry.busy = True
        try:
            yield
        finally:
            entry.busy = False
            entry.used_s = self._clock.monotonic_s()

    def forget(self, entry: Entry) -> bool:
        """Take a session out; False when it was out already."""
        return self._entries.pop(entry.id, None) is not None

    def all(self) -> list[Entry]:
        """Return every session, oldest first."""
        return list(self._entries.values())

    def overdue(self) -> list[tuple[Entry, Reason]]:
        """Return the sessions whose time is up, or that ended by themselves; one that is running is not idle."""
        now_s = self._clock.monotonic_s()
        found = []
        for entry in self._entries.values():
            if now_s - entry.opened_s >= self._settings.session_life_s:
                found.append((entry, Reason.LIFE))
            elif not entry.busy and entry.inner.ended:
                found.append((entry, Reason.ENDED))
            elif not entry.busy and now_s - entry.used_s >= self._settings.session_idle_s:
                found.append((entry, Reason.IDLE))
        return found
