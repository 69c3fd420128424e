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
    patches,
    watching,
)


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
        """Deliver a notice, within `alerts.send_s`. Raises NotifyError, with `retry_after_s` where it is asked to wait."""


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

    async def put_settings_back(self) -> str:
        """Have a `council.yaml` that cannot be read put back as the generation that serves was made with it.

        Returns what was done. Raises InvalidRequestError where it can be read, BlueprintError.
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

    async def tidy(self) -> bool:
        """Do what housekeeping is due, for a few seconds at most, in which others wait; return whether any was.

        Nothing that anybody can see changes, also where it is killed meanwhile.
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

    async def since(self, starts_s: Mapping[str, float]) -> Mapping[str, gates.Verdict]:
        """Return what gates say of the time from a moment on alone, each from its own, epoch seconds; unknown where too little
        was seen since, and of a gate that does not look back.
        """

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
