"""The observer's records in memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from council.domain import errors, incidents, snapshots
from council.kit import plain


class PlainSnapshots:
    """Implements care_ports.Snapshots; as `down`, like a database that is away. What was announced is in `told`."""

    def __init__(self) -> None:
        self.down = False
        self.kept: dict[str, bytes] = {}
        self.state: bytes = b"{}"
        self.told: dict[str, tuple[int, list[incidents.Parcel]]] = {}
        self.thinned: list[tuple[int, int]] = []

    def keep(self, one: snapshots.Snapshot, learned: Mapping[str, Any]) -> bool:
        """Keep both, as JSON, as the records do."""
        self._check()
        if one.id in self.kept:
            return False
        self.kept[one.id], self.state = orjson.dumps(one), orjson.dumps(learned)
        return True

    def find(self, identifier: str) -> snapshots.Snapshot | None:
        """Return the snapshot of this id."""
        self._check()
        body = self.kept.get(identifier)
        return None if body is None else plain.made(snapshots.Snapshot, orjson.loads(body))

    def newest(
        self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None
    ) -> list[snapshots.Snapshot]:
        """Return up to `limit` snapshots, newest first."""
        self._check()
        found = [self.find(key) for key in sorted(self.kept, reverse=True) if not before or key < before]
        return [one for one in found if one is not None and occasion in (None, one.occasion)][:limit]

    def ids(self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None) -> list[str]:
        """Return the ids of up to `limit` snapshots, newest first."""
        return [one.id for one in self.newest(limit, before=before, occasion=occasion)]

    def learned(self) -> Mapping[str, Any]:
        """Return what was kept with the last snapshot."""
        self._check()
        found: dict[str, Any] = orjson.loads(self.state)
        return found

    def announce(self, name: str, parcels: Sequence[incidents.Parcel], at_us: int) -> bool:
        """Keep what is to be told, unless something was under this name before."""
        self._check()
        if name in self.told:
            return False
        self.told[name] = (at_us, list(parcels))
        return True

    def announced(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` names that begin so, the last of them first."""
        self._check()
        found = sorted(((at_us, name) for name, (at_us, _) in self.told.items()), reverse=True)
        return [name for _, name in found if name.startswith(prefix)][:limit]

    def thin(self, full_from_us: int, oldest_us: int) -> int:
        """Note that it was asked for, and keep everything."""
        self._check()
        self.thinned.append((full_from_us, oldest_us))
        return 0

    def close(self) -> None:
        """Do nothing."""

    def _check(self) -> None:
        if self.down:
            raise errors.RecordsUnavailableError("The records cannot be used. Try again.")
