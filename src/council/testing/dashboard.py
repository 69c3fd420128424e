"""What the dashboard leans on beside the two loops, in memory: the log of turns, and patches as they are told to be."""

from collections.abc import Mapping, Sequence
from typing import Any

from council.domain import documents as documents_module
from council.domain import errors


class InlineTurnLog:
    """Implements dashboard_ports.TurnLog. `away` makes it raise."""

    def __init__(self) -> None:
        self.logs: dict[str, bytearray] = {}
        self.stopped: set[str] = set()
        self.sent: dict[str, str] = {}
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise errors.StoreUnavailableError("The store does not answer. Start it.")

    async def append(self, turn: str, part: bytes, keep_s: int) -> bool:
        """Add to a log. Raises StoreUnavailableError."""
        assert keep_s > 0
        self._check()
        if part:
            self.logs.setdefault(turn, bytearray()).extend(part)
        return turn in self.stopped

    async def read(self, turn: str, offset: int, most: int) -> bytes | None:
        """Return a part of a log. Raises StoreUnavailableError."""
        self._check()
        found = self.logs.get(turn)
        return None if found is None else bytes(found[offset : offset + most])

    async def ask_to_stop(self, turn: str, keep_s: int) -> None:
        """Note it. Raises StoreUnavailableError."""
        assert keep_s > 0
        self._check()
        self.stopped.add(turn)

    async def claim(self, key: str, turn: str, keep_s: int) -> str:
        """Note it. Raises StoreUnavailableError."""
        assert keep_s > 0
        self._check()
        return self.sent.setdefault(key, turn)

    async def release(self, key: str, turn: str) -> None:
        """Forget it. Raises StoreUnavailableError."""
        self._check()
        if self.sent.get(key) == turn:
            del self.sent[key]

    async def close(self) -> None:
        """Do nothing."""


class ScriptedChanges:
    """Implements dashboard_ports.Changes. `away` makes it raise, `error` what changes something; `asked` is what it was."""

    def __init__(self) -> None:
        self.rows: list[Mapping[str, Any]] = []
        self.details: dict[str, Mapping[str, Any]] = {}
        self.told: dict[str, Any] = {
            "generation": "0" * 40, "cid": None, "at_work": None, "frozen": False, "freeze": None,
            "quota": {"bots": {"used": 0, "limit": 3}, "signers": [], "extra": 0}, "quarantined": 0,
        }  # fmt: skip
        self.asked: list[tuple[Any, ...]] = []
        self.away = False
        self.error: errors.CouncilError | None = None
        self.looked = 0
        self.keys: dict[str, str] = {}
        self.stamps: dict[str, int] = {}

    def _check(self) -> None:
        if self.away:
            raise errors.PatchServiceUnavailableError("Patchctl does not answer. Start it.")

    async def page(self, limit: int, before: int | None = None) -> Mapping[str, Any]:
        """Return a page of the rows, which are oldest first. Raises PatchServiceUnavailableError."""
        self._check()
        end = len(self.rows) if before is None else min(before, len(self.rows))
        begin = max(0, end - limit)
        return {"patches": self.rows[begin:end][::-1], "before": begin}

    async def standing(self) -> Mapping[str, Any]:
        """Return what it is told. Raises PatchServiceUnavailableError."""
        self.looked += 1
        self._check()
        return self.told

    async def quarantine(self) -> Mapping[str, Any]:
        """Return the rows that were rolled back, newest first. Raises PatchServiceUnavailableError."""
        self._check()
        found = [one for one in self.rows[::-1] if one["outcome"] == "rolled back"]
        return {"patches": found, "count": len(found)}

    async def detail(self, cid: str) -> Mapping[str, Any]:
        """Return what it is told of a patch. Raises PatchServiceUnavailableError, NotFoundError."""
        self._check()
        found = next((one for digest, one in self.details.items() if digest.startswith(cid)), None)
        if found is None:
            raise errors.NotFoundError("No such patch is known. `council patch history` shows all.")
        return found

    async def roll_back(self, cid: str, by: str, reason: str, token: str) -> Mapping[str, Any]:
        """Note it, and return the row. Raises what `error` is."""
        self._check()
        self.asked.append(("rollback", cid, by, reason, token))
        if self.error is not None:
            raise self.error
        detail = await self.detail(cid)
        told: Mapping[str, Any] = detail["patch"]
        return told

    async def freeze(self, *, frozen: bool, by: str, reason: str, token: str) -> None:
        """Note it. Raises what `error` is."""
        self._check()
        self.asked.append(("freeze", frozen, by, reason, token))
        if self.error is not None:
            raise self.error

    async def put_key(self, provider: str, key: str, token: str) -> bool:
        """Note it, without the key. Raises what `error` is."""
        self._check()
        self.asked.append(("put_key", provider, len(key), token))
        if self.error is not None:
            raise self.error
        before = self.keys.get(provider)
        self.keys[provider], self.stamps[provider] = key, self.stamps.get(provider, 1) + 1_000_000
        return before is not None

    def stamp(self, provider: str) -> int | None:
        """Return when the key of a provider was put, nanoseconds, None where it has none."""
        return self.stamps.get(provider, 1) if provider in self.keys else None

    async def remove_key(self, provider: str, token: str) -> bool:
        """Note it. Raises what `error` is."""
        self._check()
        self.asked.append(("remove_key", provider, token))
        if self.error is not None:
            raise self.error
        return self.keys.pop(provider, None) is not None

    async def close(self) -> None:
        """Do nothing."""


class InlineLibrary:
    """Implements dashboard_ports.Library over a dictionary. `away` makes it raise."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.left_out: dict[str, str] = {}
        self.away = False

    def _check(self) -> None:
        if self.away:
            raise errors.RecallUnavailableError("Recall is not available. Try again in a few seconds.")

    async def documents(self, request_id: str) -> documents_module.Listing:
        """Return what was put. Raises RecallUnavailableError."""
        self._check()
        return documents_module.Listing(tuple(map(self._one, sorted(self.contents))))

    async def put(
        self, name: str, content: bytes, *, replace: bool, request_id: str
    ) -> tuple[documents_module.Document, bool]:
        """Keep it. Raises ConflictError, RecallUnavailableError."""
        self._check()
        is_there = name in self.contents
        if is_there and not replace:
            raise errors.ConflictError(f"There is a document {name!r} already. Send it with `replace=true`.")
        self.contents[name] = content
        return self._one(name), is_there

    async def delete(self, name: str, request_id: str) -> None:
        """Delete it. Raises NotFoundError, RecallUnavailableError."""
        self._check()
        if self.contents.pop(name, None) is None:
            raise errors.NotFoundError("There is no document of that name. GET /api/library/documents lists all.")

    def _one(self, name: str) -> documents_module.Document:
        reason, passages = self.left_out.get(name, ""), int(name not in self.left_out)
        state = documents_module.state_of(passages, reason)
        return documents_module.Document(
            f"{documents_module.UPLOADS}/{name}", len(self.contents[name]), 1, state, passages, reason, removable=True
        )


class PlainBlueprint:
    """Implements dashboard_ports.Blueprint."""

    def __init__(self, files: Mapping[str, bytes], generation: str = "0" * 40):
        self.files = dict(files)
        self.generation = generation

    def look(self) -> tuple[str, Mapping[str, bytes]]:
        """Return what it was given."""
        return self.generation, dict(self.files)


def row(digest: str, times: Sequence[tuple[str, int]] = (), **said: Any) -> dict[str, Any]:
    """Return a patch's row as patchctl tells it."""
    usual: dict[str, Any] = {
        "cid": digest[:16], "line": "", "digest": digest, "title": "Shorter answers", "ticket": None, "author": "Ann",
        "said": "They are long.", "signers": ["F" * 40], "kind": "human", "files": ["council.yaml"], "files_count": 1,
        "content": "", "at_s": times[0][1] if times else 1_800_000_000, "phase": "idle", "outcome": "applied", "reason": "",
        "base": "1" * 40, "target": "0" * 40, "trial": False, "times": list(times), "returned_by": "", "away_s": 0,
    }  # fmt: skip
    return usual | said
