"""Every Protocol that a back end of the care loop fills. Those of the request loop, and what both use, are in `ports.py`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from council.domain import access, baking, gates, incidents, patches, watching


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

    def compact(self, now_s: float, keep_s: float) -> bool:
        """Thin what is old and drop what is too old; return whether there is more of it to thin."""

    def close(self) -> None:
        """Close it. Idempotent."""


class Generations(Protocol):
    """Commands about generations to what starts services. For the one who applies patches; bears each being given again.

    Raises SupervisorUnavailableError, where nobody knows whether it was carried out, and ForbiddenError.
    """

    async def launch(self, generation: str, services: Sequence[str]) -> list[str]:
        """Start these services of a generation beside the live ones, with those that ask them; return all, once ready.

        Raises InvalidRequestError for what cannot run beside the live ones, UnavailableError where one does not get ready
        or another generation is beside, ConfigError, SetupError; then nothing of it runs.
        """

    async def promote(self, generation: str) -> list[str]:
        """Have a launched generation serve in place of the live one; return who has not said yet that it heard of it.

        Raises UnavailableError where it is not there or not ready; then nothing has changed.
        """

    async def discard(self, generation: str) -> None:
        """End what runs of a generation that is not live; return when none of it is left. Raises InvalidRequestError."""

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

    def follow(self) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield the row of the newest patch, then that of each patch at each of its steps."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""


class Watch(Protocol):
    """What the watcher knows, for whoever shows it. Every method raises WatcherUnavailableError."""

    async def ping(self) -> None:
        """Return if it answers."""

    async def sight(self) -> watching.Sight:
        """Return what it saw last."""

    async def report(self, service: str, found: Sequence[watching.Finding], *, ended: bool) -> None:
        """Tell what a sentinel beside it found about a process that is none of Council's; `ended`: it is watched no more.

        Raises InvalidRequestError for a name that is Council's own, or where too many are watched.
        """

    async def history(self, gate: str, start_s: float) -> watching.History:
        """Return what a gate said from a time on, epoch seconds; empty where there is no such gate."""


class Trier(Protocol):
    """Puts marked requests to one gateway."""

    async def ask(self, question: baking.Question) -> baking.Answer:
        """Return how the question was answered, or that it was not; within its time, and raises nothing of the gateway's."""

    async def close(self) -> None:
        """Close every connection. Idempotent."""
