"""Every Protocol of what is kept in the records beside the ledger, most of it by the care loop."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from council.domain import backup, bots, digests, incidents, memory, overrides, repairs, reports, snapshots


class Incidents(Protocol):
    """Incidents, notices and silences, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def save(self, changed: Sequence[incidents.Incident], parcels: Sequence[incidents.Parcel]) -> None:
        """Commit all in one transaction, or none of it; what has the same id, or notice and channel, takes its place."""

    def find(self, identifier: str) -> incidents.Incident | None:
        """Return the incident of this id."""

    def newest(
        self, limit: int, *, before: str = "", standing: incidents.Standing | None = None
    ) -> list[incidents.Incident]:
        """Return up to `limit` incidents, newest first; only those whose ids sort before `before`, if any."""

    def parcels(self, delivery: incidents.Delivery, limit: int) -> list[incidents.Parcel]:
        """Return up to `limit` parcels that have come so far: the oldest that wait, the newest of the others."""

    def counts(self) -> Mapping[incidents.Delivery, int]:
        """Return how many parcels are where."""

    def silence(self, one: incidents.Silence, most: int) -> bool:
        """Keep a silence in the place of one of the same name; False where `most` others are in force at its time."""

    def unsilence(self, name: str) -> bool:
        """End the silence of this name; False if there is none."""

    def silences(self, at_us: int) -> list[incidents.Silence]:
        """Return the silences in force at a moment, by name."""

    def trim(self, incidents_max: int, notices_max: int, at_us: int) -> int:
        """Delete closed incidents and settled parcels beyond so many, the oldest first, and silences that are over."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Overrides(Protocol):
    """What is changed for a while, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def put(self, one: overrides.Override, most: int) -> bool:
        """Keep an override, and end the one in force of its kind and target, if any; False where `most` others are in force.

        One whose id is there already is left as it is, and returns True: it may be put again after a reply that was lost.
        Raises InvalidRequestError for one that `overrides.checked` refuses.
        """

    def lift(self, identifier: str, at_us: int) -> bool:
        """End an override before its time; False if none of this id is in force at `at_us`."""

    def in_force(self, at_us: int) -> list[overrides.Override]:
        """Return the overrides in force at a moment, oldest first; not one that cannot be read, as a newer Council's."""

    def newest(self, limit: int, *, kind: overrides.Kind | None = None) -> list[overrides.Override]:
        """Return up to `limit` overrides, of one kind if it is given, in force or over, newest first."""

    def trim(self, most: int, at_us: int) -> int:
        """Delete those that are over beyond the newest `most` of all; return how many."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Repairs(Protocol):
    """Repairs, and what people did themselves, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def save(
        self,
        one: repairs.Repair,
        parcels: Sequence[incidents.Parcel] = (),
        acted: repairs.Intervention | None = None,
    ) -> None:
        """Commit a repair, in the place of one of the same id, with what people are told of it and had to do."""

    def begin(self, one: repairs.Repair) -> bool:
        """Commit a repair unless one of its id is there, or its component has one under way; return whether it was."""

    def find(self, identifier: str) -> repairs.Repair | None:
        """Return the repair of this id."""

    def newest(self, limit: int, *, before: str = "", incident: str = "") -> list[repairs.Repair]:
        """Return up to `limit` repairs, newest first; only those whose ids sort before `before`, and of one incident, if any.

        One that cannot be read, as a newer Council's, is passed over.
        """

    def since(self, start_us: int, end_us: int, limit: int) -> list[repairs.Repair]:
        """Return up to `limit` repairs that began in a stretch of time, newest first."""

    def intervene(self, one: repairs.Intervention) -> None:
        """Commit what a person did. Idempotent by its id."""

    def interventions(self, start_us: int, end_us: int, limit: int) -> list[repairs.Intervention]:
        """Return up to `limit` interventions of a stretch of time, newest first."""

    def counts(self) -> Mapping[repairs.InterventionKind, int]:
        """Return how many interventions of each kind there were, ever."""

    def trim(self, most: int) -> int:
        """Delete repairs that have ended beyond the newest `most`; return how many. Interventions stay."""

    def compact(self) -> None:
        """Give back what the records take on the disk and no longer need, as far as that is quick."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Snapshots(Protocol):
    """What the observer saw, learned and had people told, in the records.

    Blocking. Every method raises RecordsUnavailableError.
    """

    def keep(self, one: snapshots.Snapshot, learned: Mapping[str, Any]) -> bool:
        """Commit a snapshot with what was learned up to it; False, with nothing written, where its id is there."""

    def find(self, identifier: str) -> snapshots.Snapshot | None:
        """Return the snapshot of this id."""

    def newest(
        self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None
    ) -> list[snapshots.Snapshot]:
        """Return up to `limit` snapshots, newest first; only those whose ids sort before `before`, if any.

        One that cannot be read, as a newer Council's, is passed over.
        """

    def ids(self, limit: int, *, before: str = "", occasion: snapshots.Occasion | None = None) -> list[str]:
        """Return the ids of those that `newest` would return, were each of them to be read."""

    def learned(self) -> Mapping[str, Any]:
        """Return what was kept with the last snapshot, nothing before the first, or where it cannot be read."""

    def announce(
        self, name: str, parcels: Sequence[incidents.Parcel], at_us: int, digest: digests.Digest | None = None
    ) -> bool:
        """Commit what is to be told, unless something was under this name before; return whether it was not.

        With it a digest is kept, as `reports.digest` names it.
        """

    def announced(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` names of announcements that begin so, the last of them first."""

    def put_report(self, name: str, value: Any, at_us: int) -> None:
        """Keep what was made, a dataclass or JSON, in the place of what is under this name. `reports` names them."""

    def find_report(self, name: str) -> reports.Kept | None:
        """Return what is kept under a name; None where nothing is, or where it cannot be read."""

    def report_names(self, prefix: str, limit: int, *, before: str = "") -> list[tuple[str, int]]:
        """Return up to `limit` names that begin so, and when each was made, microseconds; the last by name first.

        Only those that sort before `before`, if any.
        """

    def thin(self, full_from_us: int, oldest_us: int) -> int:
        """Delete what is older than `oldest_us`, and before `full_from_us` all ticks of an hour but its first.

        Of announcements the newest `snapshots.ANNOUNCED_KEPT` stay, and for ever what begins with `snapshots.BEGAN_PREFIX`.
        """

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class BotRuns(Protocol):
    """What bots did, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def add(self, one: bots.Run) -> None:
        """Commit a run; the oldest beyond `bots.ROWS_KEPT` go."""

    def newest(self, limit: int, *, bot: str = "", after: str = "") -> list[bots.Run]:
        """Return up to `limit` runs, newest first; of one bot, if one is named, and only ids that sort after `after`."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class MemoryRecords(Protocol):
    """The durable truth about what is remembered. Blocking. Every method is about one user, or says otherwise.

    Each raises RecordsUnavailableError when the database cannot be reached, read or written. What is `noted` is told by a log.
    """

    def add_memories(
        self,
        rows: Sequence[tuple[memory.Memory, bytes]],
        digest: str,
        superseded: Mapping[str, str] | None = None,
        noted: memory.Noted | None = None,
    ) -> None:
        """Commit rows with their vectors, or none; an id that is there is left as it is.

        `superseded` maps ids of the same user's facts to the id of the row that takes their place, at that row's time.
        """

    def memories(
        self, user_id: str, selection: memory.Selection, limit: int, *, newest_first: bool = False
    ) -> list[memory.Memory]:
        """Return up to `limit` memories in the order of their ids, which is that of their birth."""

    def facts(self, user_id: str, subject: str, attribute: str) -> list[memory.Memory]:
        """Return the facts about an attribute that hold, newest first."""

    def vectors(self, user_id: str, before: str, limit: int) -> list[tuple[str, str, bytes, str]]:
        """Return up to `limit` memories as id, text, vector and digest, newest first; only older ones than `before`, if any."""

    def set_vectors(self, user_id: str, vectors: Sequence[tuple[str, bytes]], digest: str) -> None:
        """Replace vectors by id."""

    def forget(self, user_id: str, selection: memory.Selection, noted: memory.Noted | None = None) -> list[str]:
        """Delete memories for good, so that nothing of them is left in the database's files; return their ids."""

    def correct(self, row: memory.Memory, vector: bytes, digest: str, at_us: int) -> bool:
        """Have a memory of its user be as `row`, so that nothing of what it was is left in the database's files.

        The change log tells of one that was forgotten and one that was kept, by the same `source`. False where there is none.
        """

    def counts(self) -> dict[str, int]:
        """Return how many memories each user has, of those who have any."""


class MemoryLog(Protocol):
    """What was done to memories, in the records; see `MemoryRecords`. Blocking, raises RecordsUnavailableError."""

    def changes(self, limit: int) -> list[memory.Change]:
        """Return the newest lines of the change log, newest first."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Backups(Protocol):
    """What became of runs and drills, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def add(self, one: backup.Run) -> None:
        """Keep a run or drill that has ended; of each kind the newest `backup.SNAPSHOTS_MAX` stay."""

    def newest(
        self, limit: int, *, kind: backup.Kind | None = None, outcome: backup.Outcome | None = None
    ) -> list[backup.Run]:
        """Return up to `limit` runs and drills, newest first."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""
