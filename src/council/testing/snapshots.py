"""The observer's records in memory."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from council.domain import digests, errors, incidents, reports, snapshots
from council.kit import plain


class PlainSnapshots:
    """Implements kept_ports.Snapshots; as `down`, like a database that is away. What was announced is in `told`."""

    def __init__(self) -> None:
        self.down = False
        self.kept: dict[str, bytes] = {}
        self.state: bytes = b"{}"
        self.told: dict[str, tuple[int, list[incidents.Parcel]]] = {}
        self.reports: dict[str, tuple[int, bytes]] = {}
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

    def announce(
        self, name: str, parcels: Sequence[incidents.Parcel], at_us: int, digest: digests.Digest | None = None
    ) -> bool:
        """Keep what is to be told, unless something was under this name before."""
        self._check()
        if name in self.told:
            return False
        self.told[name] = (at_us, list(parcels))
        if digest is not None:
            self.put_report(reports.digest(digest.date), digest, at_us)
        return True

    def put_report(self, name: str, value: Any, at_us: int) -> None:
        """Keep it, as JSON, as the records do."""
        self._check()
        self.reports[name] = (at_us, orjson.dumps(value))

    def find_report(self, name: str) -> reports.Kept | None:
        """Return what is kept under a name."""
        self._check()
        at_us, body = self.reports.get(name, (0, b""))
        return reports.Kept(name, at_us, orjson.loads(body)) if body else None

    def report_names(self, prefix: str, limit: int, *, before: str = "") -> list[tuple[str, int]]:
        """Return up to `limit` names that begin so, the last by name first."""
        self._check()
        names = sorted((one for one in self.reports if one.startswith(prefix)), reverse=True)
        return [(one, self.reports[one][0]) for one in names if not before or one < before][:limit]

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
        old = [
            name for name, (at_us, _) in self.reports.items() if name.startswith(reports.DIGESTS) and at_us < oldest_us
        ]
        for name in told:
            del self.told[name]
        for name in old:
            del self.reports[name]
        return len(gone) + len(told) + len(old)

    def close(self) -> None:
        """Do nothing."""

    def _check(self) -> None:
        if self.down:
            raise errors.RecordsUnavailableError("The records cannot be used. Try again.")
