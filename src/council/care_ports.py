"""Every Protocol that a back end of the care loop fills. Those of the request loop, and what both use, are in `ports.py`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from council.domain import (
    access,
    backup,
    baking,
    bots,
    evidence,
    forge,
    gates,
    guides,
    incidents,
    memory,
    overrides,
    patches,
    repairs,
    snapshots,
    watching,
)


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

    def newest(self, limit: int) -> list[overrides.Override]:
        """Return up to `limit` overrides, in force or over, newest first."""

    def trim(self, most: int, at_us: int) -> int:
        """Delete those that are over beyond the newest `most` of all; return how many."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Repairs(Protocol):
    """Repairs, and what people did themselves, in the records. Blocking. Every method raises RecordsUnavailableError."""

    def save(self, one: repairs.Repair, parcels: Sequence[incidents.Parcel] = ()) -> None:
        """Commit a repair, in the place of one of the same id, with what people are told of it."""

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

    def announce(self, name: str, parcels: Sequence[incidents.Parcel], at_us: int) -> bool:
        """Commit what is to be told, unless something was under this name before; return whether it was not."""

    def announced(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` names of announcements that begin so, the last of them first."""

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


class Proposals(Protocol):
    """Who opens pull requests for bots: the steward. Blocking. All raise UnavailableError, or what it refused with."""

    def base(self) -> bots.Base:
        """Return what serves, as the forge's main holds it."""

    def changes(self, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return the rows of up to `limit` patches, newest first, as patchctl tells them."""

    def propose(self, sent: patches.Submission) -> int:
        """Open a pull request of a signed patch; return its number. Asked again, it is the same one."""


class Advisor(Protocol):
    """Who asks a language model for a bot. Blocking."""

    def ask(self, model: str, prompt: str, tokens_max: int, limit_s: float) -> str:
        """Return what the model says to a prompt. Raises ModelUnavailableError."""


class Notifier(Protocol):
    """One channel by which people are told. Blocking."""

    @property
    def channel(self) -> str:
        """Its kind, and the name of the address where it has one: `apprise:slack`. Never the address itself."""

    def send(self, notice: incidents.Notice) -> None:
        """Deliver a notice, within `alerts.send_s`. Raises NotifyError."""


class Scraper(Protocol):
    """Reads what a service tells of itself."""

    async def scrape(self, target: watching.Target) -> str:
        """Return its metrics in Prometheus' text form, within `watch.read_s`. Raises ScrapeError."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class MetricsSource(Protocol):
    """Where the numbers of gates come from."""

    @property
    def name(self) -> str:
        """What a verdict names as its source."""

    @property
    def problem(self) -> str:
        """Why it could not be asked for every gate the last time; "" where it could."""

    async def measure(self, judged: Sequence[gates.Gate], now_s: float) -> list[gates.Measured]:
        """Return what each gate's form reads at a time, in their order. A source that is away makes all of them unknown."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class Samples(Protocol):
    """Readings and verdicts of the last days. Blocking. Every method raises SamplesError."""

    def keep(
        self,
        scrapes: Sequence[watching.Scrape],
        verdicts: Sequence[tuple[str, watching.Past]],
        numbers: Sequence[tuple[str, float, float]],
    ) -> None:
        """Keep scrapes, verdicts that changed, and numbers as (gate, at_s, value), in one transaction."""

    def since(self, start_s: float) -> list[watching.Scrape]:
        """Return the scrapes from a time on, oldest first."""

    def history(self, gate: str, start_s: float) -> watching.History:
        """Return what a gate said from a time on, and what it said then."""

    def tracks(self, metrics: Sequence[str], start_s: float, step_s: float = 0.0) -> list[evidence.Track]:
        """Return the series of some metrics from a time on, the newest point of each step; as many as bounds allow."""

    def compact(self, now_s: float, keep_s: float) -> bool:
        """Thin what is old and drop what is too old; return whether there is more of it to thin."""

    def close(self) -> None:
        """Close it. Idempotent."""


class Generations(Protocol):
    """Commands about generations to what starts services. For the one who applies patches; bears each being given again.

    Raises SupervisorUnavailableError, where nobody knows whether it was carried out, and ForbiddenError.
    """

    async def launch(
        self, generation: str, services: Sequence[str], *, pause_s: float = 0.0, returning: bool = False
    ) -> list[str]:
        """Start these services of a generation beside the live ones, with those that ask them; return all, once ready.

        Where memory lacks for both, the live ones in question stop first and are away until the generation is live or
        discarded, which it is after `pause_s`; 0 is for never. Who is `returning` is not refused for memory then.

        Raises NoRoomError where memory lacks, NoRoomAtAllError where it would even alone, InvalidRequestError for what cannot
        run beside the live ones, UnavailableError where one does not get ready or another generation is beside, ConfigError,
        SetupError; then nothing of it runs.
        """

    async def promote(self, generation: str) -> list[str]:
        """Have a launched generation serve in place of the live one; return who has not said yet that it heard of it.

        Raises UnavailableError where it is not there or not ready; then nothing has changed.
        """

    async def discard(self, generation: str) -> None:
        """End what runs of a generation that is not live; return when none of it is left. Raises InvalidRequestError."""

    async def install(self, generation: str, *, returning: bool = False) -> None:
        """Make the release of a generation ready: its environment, where it pins one, and the records. Minutes.

        With `returning` it has served before: only an environment that is missing is made, and the records are left alone.
        Raises InstallError where it is refused or cannot be installed; then nothing that serves was touched.
        """

    async def renew(self) -> None:
        """Have those services come to the live generation's release of which no two can run side by side; this one last.

        And remove the releases that no generation on disk pins. Returns when that is begun.
        """

    async def used(self) -> list[str]:
        """Return the generations whose files a service may read, now or after a return."""


class Tokens(Protocol):
    """Says what the tokens of users may do, for whoever does not keep them."""

    async def known(self, secret: str) -> access.Principal | None:
        """Return whose token this is, None for one that is not in force. Raises UnavailableError where nobody can tell now."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class PatchService(Protocol):
    """Where patches are taken in. Every method raises PatchServiceUnavailableError; rows are JSON objects as it tells them."""

    async def apply(self, sent: patches.Submission, *, trial: bool = False) -> patches.Decision:
        """Have a patch take effect, or only be tried. Returns once it is judged; its way goes on."""

    async def roll_back(self, cid: str, by: str, reason: str) -> Mapping[str, Any]:
        """Take back the patch on its way, or the newest that was applied; `cid` "" either. Returns its row as it is.

        Raises NotFoundError, InvalidRequestError, OverloadedError.
        """

    async def override(self, statement: bytes, signature: bytes) -> Mapping[str, Any]:
        """Raise today's limits by a person's signed statement. Raises PatchRefusedError."""

    async def keep_repair(self, record: Mapping[str, Any]) -> None:
        """Have the lineage keep a step of a repair, once. Raises OverloadedError, InvalidRequestError."""

    async def rows(self, limit: int) -> list[Mapping[str, Any]]:
        """Return the rows of up to `limit` patches, newest first."""

    async def line(self) -> list[Mapping[str, Any]]:
        """Return the generations that serve and served, newest first, each with its `generation` and `tree`."""

    def follow(self) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield the row of the newest patch, then that of each patch at each of its steps."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class Forge(Protocol):
    """Where proposed changes lie until they are merged, into main or into what they were proposed for.

    Every method raises ForgeUnavailableError, ForgeLimitedError and ForgeForbiddenError; what else it raises it says. What
    changes something may be asked for again with the same words, as after a reply that was lost, and is then done once.
    """

    @property
    def name(self) -> str:
        """What people are shown: the kind, and the repository where there may be several. Never a token."""

    @property
    def account(self) -> str:
        """As whom it is asked, "" while nobody knows."""

    async def lacking(self) -> list[forge.Lack]:
        """Return what the account may not do here of what the methods below need. Changes nothing."""

    async def head(self) -> forge.Commit:
        """Return the commit that main leads to. Raises ForgeNotFoundError while there is none."""

    async def commit(self, name: str) -> forge.Commit:
        """Return the commit of a full commit name or a branch. Raises ForgeNotFoundError."""

    async def files(self, commit: str) -> Mapping[str, forge.Entry]:
        """Return what a commit holds, by path. Raises ForgeNotFoundError, InvalidRequestError for more than plain files."""

    async def file(self, path: str, commit: str) -> forge.File:
        """Return a file of a commit. Raises ForgeNotFoundError."""

    async def push(
        self, base: str, changes: Mapping[str, forge.Change], words: forge.Words, *, whole: bool = False
    ) -> str:
        """Put one commit upon main without a pull request; return it. `base` is main's head, "" where there is none yet.

        `whole`: main is to hold these files and no others, whatever it held, and an Entry is one that it holds already. Raises
        ForgeMovedError where main leads elsewhere, InvalidRequestError.
        """

    async def branch(
        self,
        name: str,
        base: str,
        changes: Mapping[str, forge.File | None],
        words: forge.Words,
        *,
        instead_of: str = "",
    ) -> str:
        """Have a branch lead to one commit upon `base`, made where it is not there; return the commit.

        `base` "" is for a branch that shares no history with main; main is there all the same.
        `instead_of` is the commit that an existing branch leads to now. Raises ForgeMovedError where it leads elsewhere,
        ForgeNotFoundError for the base, InvalidRequestError.
        """

    async def delete_branch(self, name: str) -> None:
        """Remove a branch. Idempotent. Raises InvalidRequestError for main."""

    async def open_pull(self, proposal: forge.Proposal) -> int:
        """Open a pull request and return its number; that of the open one where there is one of this branch.

        Raises ForgeNotFoundError for the branch, InvalidRequestError where it adds nothing to its base, or has no history in
        common with it.
        """

    async def pull(self, number: int) -> forge.Pull:
        """Return a pull request. Raises ForgeNotFoundError."""

    async def pulls(
        self, state: forge.PullState | None = forge.PullState.OPEN, *, limit: int = 100
    ) -> list[forge.Pull]:
        """Return up to `limit` pull requests, newest first; of every state with None."""

    async def label(self, number: int, *, add: Sequence[str] = (), remove: Sequence[str] = ()) -> frozenset[str]:
        """Change a pull request's labels; return them. Raises ForgeNotFoundError, InvalidRequestError."""

    async def set_check(self, commit: str, check: forge.Check) -> None:
        """Tell a finding about a commit, in the place of one of the same kind and name. Raises ForgeNotFoundError."""

    async def checks(self, commit: str) -> list[forge.Check]:
        """Return the newest finding of each kind and name about a commit. Raises ForgeNotFoundError."""

    async def comment(self, number: int, key: str, body: str) -> None:
        """Say something about a pull request, in the place of what this account said under `key`. Raises ForgeNotFoundError."""

    async def comments(self, number: int) -> list[forge.Comment]:
        """Return what was said about a pull request, oldest first. Raises ForgeNotFoundError."""

    async def merge(self, number: int, expected_head: str, title: str, body: str) -> str:
        """Merge a pull request as one commit upon its base, if `expected_head` is what it proposes; return that commit.

        One that was merged with this head returns what it became. Raises ForgeMovedError where it proposes something else,
        ForgeConflictError where its base changed the same or it is closed, ForgeNotFoundError. Then nothing was merged.
        """

    async def close_pull(self, number: int) -> None:
        """Close a pull request without merging it. Idempotent, also for a merged one. Raises ForgeNotFoundError."""

    async def news(self, cursor: str = "", *, of_main: bool = False) -> forge.News:
        """Return what has changed since a cursor, "" for from the beginning: then all open pull requests.

        What was found and said about commits and pull requests is no news, but for labels. `of_main`: of pull requests nothing
        is asked or told. The cursor is another one where anything has changed.
        """

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class Sighting(Protocol):
    """What the watcher saw last, for whoever knows no more of it."""

    async def sight(self) -> watching.Sight:
        """Return what it saw last. Raises WatcherUnavailableError."""


class Watch(Sighting, Protocol):
    """What the watcher knows, for whoever shows it. Every method raises WatcherUnavailableError."""

    async def ping(self) -> None:
        """Return if it answers."""

    async def report(self, service: str, found: Sequence[watching.Finding], *, ended: bool) -> None:
        """Tell what a sentinel beside it found about a process that is none of Council's; `ended`: it is watched no more.

        Raises InvalidRequestError for a name that is Council's own, or where too many are watched.
        """

    async def history(self, gate: str, start_s: float) -> watching.History:
        """Return what a gate said from a time on, epoch seconds; empty where there is no such gate."""

    async def tracks(self, metrics: Sequence[str], start_s: float, step_s: float = 0.0) -> list[evidence.Track]:
        """Return the series of some metrics from a time on, epoch seconds, the newest point of each step.

        No more than `evidence.TRACKS_MAX`, of `evidence.POINTS_MAX` points each, the newest.
        """


class Trier(Protocol):
    """Puts marked requests to one gateway."""

    async def ask(self, question: baking.Question) -> baking.Answer:
        """Return how the question was answered, or that it was not; within its time, and raises nothing of the gateway's."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class Guidebook(Protocol):
    """Guides as they are shown, in the store: a view that the loader makes anew. Every method raises StoreUnavailableError."""

    async def swap(self, swap: guides.Swap) -> None:
        """Have new guides take their places and others go, all at one moment for whoever reads."""

    async def listing(self) -> guides.Listing:
        """Return all guides of one moment."""

    async def guide(self, slug: str) -> guides.Guide | None:
        """Return a guide, whole; None where there is none."""

    async def close(self) -> None:
        """Give back every connection. Idempotent."""


class MemoryLog(Protocol):
    """What was done to memories, in the records; see `ports.MemoryRecords`. Blocking, raises RecordsUnavailableError."""

    def changes(self, limit: int) -> list[memory.Change]:
        """Return the newest lines of the change log, newest first."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Vault(Protocol):
    """A repository of snapshots at one target, opened by a passphrase. Blocking; for one process at a time.

    Every method raises BackupError, with a member of `backup.Reason` as its reason, and BackupUnavailableError where the target
    cannot be reached. A call that is killed leaves the snapshots that there were, and no half one.
    """

    @property
    def name(self) -> str:
        """What keeps them: `restic` or `archive`."""

    def begin(self) -> None:
        """Make the repository where there is none. Idempotent."""

    def save(self, folder: Path, at_s: float) -> backup.Saved:
        """Keep all that a folder holds as a snapshot of this moment."""

    def snapshots(self) -> list[backup.Snapshot]:
        """Return what there is, the newest first; none where there is no repository."""

    def verify(self, identifier: str) -> None:
        """Return if every byte of the snapshot can be read back and is what was stored."""

    def restore(self, identifier: str, into: Path) -> None:
        """Put the snapshot's files into an empty folder."""

    def remove(self, identifiers: Sequence[str]) -> None:
        """Remove snapshots and what only they needed. One that is not there is no error."""


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
