"""Incidents in memory, and a channel that keeps what it is given and fails when told."""

from collections import Counter
from collections.abc import Mapping, Sequence

from council.domain import errors, incidents


class PlainIncidents:
    """Implements kept_ports.Incidents; as `down`, like a database that is away. `saves` counts the transactions."""

    def __init__(self) -> None:
        self.down = False
        self.saves = 0
        self.kept: dict[str, incidents.Incident] = {}
        self.sent: dict[tuple[str, str], incidents.Parcel] = {}
        self.silent: dict[str, incidents.Silence] = {}

    def save(self, changed: Sequence[incidents.Incident], parcels: Sequence[incidents.Parcel]) -> None:
        """Keep all."""
        self._check()
        self.saves += 1
        self.kept |= {one.id: one for one in changed}
        self.sent |= {(one.notice.id, one.channel): one for one in parcels}

    def find(self, identifier: str) -> incidents.Incident | None:
        """Return the incident of this id."""
        self._check()
        return self.kept.get(identifier)

    def newest(
        self, limit: int, *, before: str = "", standing: incidents.Standing | None = None
    ) -> list[incidents.Incident]:
        """Return up to `limit` incidents, newest first."""
        self._check()
        found = [one for key, one in sorted(self.kept.items(), reverse=True) if not before or key < before]
        return [one for one in found if standing in (None, one.standing)][:limit]

    def parcels(self, delivery: incidents.Delivery, limit: int) -> list[incidents.Parcel]:
        """Return up to `limit` parcels that have come so far."""
        self._check()
        newest_first = delivery is not incidents.Delivery.WAITING
        found = sorted(self.sent.items(), reverse=newest_first)
        return [one for _, one in found if one.delivery is delivery][:limit]

    def counts(self) -> Mapping[incidents.Delivery, int]:
        """Return how many parcels are where."""
        self._check()
        found = Counter(one.delivery for one in self.sent.values())
        return {delivery: found[delivery] for delivery in incidents.Delivery}

    def silence(self, one: incidents.Silence, most: int) -> bool:
        """Keep a silence."""
        self._check()
        if len([name for name in self.silent if name != one.name]) >= most:
            return False
        self.silent[one.name] = one
        return True

    def unsilence(self, name: str) -> bool:
        """End a silence."""
        self._check()
        return self.silent.pop(name, None) is not None

    def silences(self, at_us: int) -> list[incidents.Silence]:
        """Return the silences in force."""
        self._check()
        return [one for _, one in sorted(self.silent.items()) if at_us < one.until_us]

    def trim(self, incidents_max: int, notices_max: int, at_us: int) -> int:
        """Keep everything."""
        self._check()
        return 0

    def close(self) -> None:
        """Do nothing."""

    def _check(self) -> None:
        if self.down:
            raise errors.RecordsUnavailableError("The records cannot be used. Try again.")


class ScriptedNotifier:
    """Implements care_ports.Notifier. Each of `failures` is raised once, before anything is taken."""

    def __init__(self, channel: str = "scripted", failures: Sequence[Exception] = ()):
        self._channel = channel
        self.failures = list(failures)
        self.got: list[incidents.Notice] = []

    @property
    def channel(self) -> str:
        """The name that it was given."""
        return self._channel

    def send(self, notice: incidents.Notice) -> None:
        """Fail as told, or keep the notice."""
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(notice)
