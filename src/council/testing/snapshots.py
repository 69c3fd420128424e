"""The observer's records in memory."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from council.domain import errors, incidents, snapshots
from council.kit import plain


class PlainSnapshots:
    """Implements kept_ports.Snapshots; as `down`, like a database that is away. What was announced is in `told`."""

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
        found = []
        for key in self._keys(before, occasion):
            with contextlib.suppress(ValueError):
                found.append(plain.made(snapshots.Snapshot, orjson.loads(self.kept[key])))
        return found[:limit]

    def ids(self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None) -> list[str]:
        """Return the ids of up to `limit` snapshots, newest first."""
        self._check()
        return self._keys(before, occasion)[:limit]

    def _keys(self, before: str, occasion: snapshots.Occasion | None) -> list[str]:
        keys = [key for key in sorted(self.kept, reverse=True) if not before or key < before]
        kinds = {True: snapshots.Occasion.INCIDENT, False: snapshots.Occasion.TICK}
        return [key for key in keys if occasion in (None, kinds["-" in key])]

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
        """Delete as the records do, and note that it was asked for."""
        self._check()
        self.thinned.append((full_from_us, oldest_us))
        hours, gone = set(), []
        for key in sorted(self.kept):
            at_s = snapshots.moment_s(key)
            at_us, hour = round(at_s * 1e6), int(at_s // 3600)
            is_old_tick = "-" not in key and at_us < full_from_us
            if at_us < oldest_us or (is_old_tick and hour in hours):
                gone.append(key)
            if is_old_tick:
                hours.add(hour)
        newest = sorted(((at_us, name) for name, (at_us, _) in self.told.items()), reverse=True)
        told = [
            name
            for at_us, name in newest[snapshots.ANNOUNCED_KEPT :]
            if at_us < oldest_us and not name.startswith(snapshots.BEGAN_PREFIX)
        ]
        for key in gone:
            del self.kept[key]
        for name in told:
            del self.told[name]
        return len(gone) + len(told)

    def close(self) -> None:
        """Do nothing."""

    def _check(self) -> None:
        if self.down:
            raise errors.RecordsUnavailableError("The records cannot be used. Try again.")
