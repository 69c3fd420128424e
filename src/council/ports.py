"""Every Protocol that a back end fills, in one file.

Each has one contract test suite in `tests/contract` that runs over all its kinds. Methods raise only errors of
`domain.errors`; driver exceptions never leave a back end.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from council.domain import access, answers, learning, ledger, memory, sandbox, states, storage
from council.kit import traces


class Records(Protocol):
    """The durable truth: ledger, users, tokens. Blocking; call it from a thread or a command.

    Every method raises RecordsUnavailableError when the database cannot be reached, read or written.
    """

    def ping(self) -> None:
        """Return if a read would succeed."""

    def migrate(self, *, last: bool = False) -> int:
        """Bring the schema up to date; return its version. `last` also takes away what only older releases still read."""

    def append(
        self,
        rows: Sequence[ledger.LedgerRow],
        charges: Sequence[tuple[ledger.LedgerRow, ledger.Charge]] = (),
        holds: Sequence[ledger.Hold] = (),
    ) -> list[ledger.Refusal | None]:
        """Commit all rows, their charges and the holds in one transaction, or none of it.

        A row whose request_id is already there is left as it is. Charges take the place of their holds. Then the holds
        are tried in order; returns for each the refusal of the budget that had no room, or None.
        """

    def append_at_once(
        self,
        rows: Sequence[ledger.LedgerRow],
        charges: Sequence[tuple[ledger.LedgerRow, ledger.Charge]],
        holds: Sequence[ledger.Hold],
    ) -> list[ledger.Refusal | None] | None:
        """As `append`, but for an event loop: return None, with nothing written, where it would have to wait.

        By one thread at a time. What it leaves undone `checkpoint` does.
        """

    def checkpoint(self) -> None:
        """Do what many calls of `append_at_once` left for later. May wait for the disk."""

    def settle_expired(self, now_us: int) -> int:
        """Turn holds that expired into charges of unsettled rows; return how many. Their worst case stays spent."""

    def spent(self, scope: str, period: str) -> int:
        """Return what a scope has spent and holds in a day or month, micro-dollars."""

    def spend(self, at_us: int) -> list[ledger.Spend]:
        """Return what every scope has spent and holds in the day and the month of a moment, ordered by scope and period."""

    def charges(self, since_us: int, until_us: int) -> list[tuple[str, ledger.Charge]]:
        """Return (request_id, charge) of the rows with since_us <= at_us < until_us, in order of time and hop."""

    def report(self, by: ledger.GroupBy, since_us: int, until_us: int) -> list[ledger.LedgerSum]:
        """Sum the rows with since_us <= at_us < until_us, ordered by key. Days are UTC, as YYYY-MM-DD."""

    def rows(self, since_us: int, until_us: int) -> Iterator[ledger.LedgerRow]:
        """Yield the rows with since_us <= at_us < until_us, oldest first, without loading all at once."""

    def tokens(self) -> list[access.Token]:
        """Return every token, revoked ones too, oldest first."""

    def token_budgets(self) -> list[access.TokenBudget]:
        """Return what each token in force may spend, oldest first, without a look at who may do what with it."""

    def add_token(self, token: access.Token) -> None:
        """Store a token and, if new, its user."""

    def revoke_token(self, token_id: str, at_us: int, *, keep_admin: bool = False) -> bool:
        """Mark a token revoked; False if there is none of that id in force.

        With `keep_admin` the last one that administers stays, whoever revokes another at this moment. Raises ConflictError.
        """

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class LearningRecords(Protocol):
    """How questions went, for the router; in the records. Blocking. Every method raises RecordsUnavailableError."""

    def keep(self, rows: Sequence[learning.Row]) -> None:
        """Commit the rows, or none; a request that is there already is left as it is."""

    def judge(self, thumb: learning.Thumb, words: str = "") -> learning.Taken:
        """Keep what a user thinks of an answer, in the place of what they thought before; return what that changed.

        `words` are their own, kept apart for people to read.
        """

    def opinions(self, user_id: str | None, limit: int, before_us: int = 0) -> list[learning.Opinion]:
        """Return the newest opinions of a user, or of all if None, newest first; older than `before_us` where that is given."""

    def trim(self, bounds: learning.Bounds) -> int:
        """Delete what is too old or too much, the oldest first; return how many rows and thumbs went."""

    def forget(self, user_id: str) -> int:
        """Delete all rows and thumbs of a user for good; return how many."""

    def kept(self, user_id: str) -> learning.Kept:
        """Return how much is kept of a user."""

    def learned(self, limit: int) -> list[tuple[learning.Row, learning.Thumb | None]]:
        """Return the newest rows, oldest of them first, each with what its user thought of the answer."""

    def close(self) -> None:
        """Give back every connection. Idempotent."""


class Store(Protocol):
    """Shared, fast, and lossy by design: what must outlive a restart is in the records."""

    async def ping(self) -> None:
        """Return if the store answers; raises StoreUnavailableError."""

    async def figures(self) -> storage.StoreFigures:
        """Return what the store says of itself; raises StoreUnavailableError."""

    async def take(self, key: str, limit: int, window_s: float, permits: int = 1) -> access.Allowance:
        """Take up to `permits` of `limit` permits that refill evenly over `window_s`, shared by all callers of `key`.

        A full bucket allows a burst of `limit`. Raises StoreUnavailableError.
        """

    async def put(self, key: str, value: bytes) -> None:
        """Keep a value under a key of this name until another takes its place. Raises StoreUnavailableError."""

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, its first 4,096 bytes at most; None for nothing. Raises StoreUnavailableError."""

    async def put_table(self, key: str, fields: Mapping[str, bytes]) -> None:
        """Keep fields under a key, in the place of all that were there, at once. Raises StoreUnavailableError."""

    async def get_table(self, key: str) -> dict[str, bytes]:
        """Return the fields under a key, none for nothing. Raises StoreUnavailableError."""

    async def close(self) -> None:
        """Give back every connection. Idempotent."""


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A request to a model's server: `form` is the wire form, `body` the request in it, with the server's model name.

    `tokens_max` bounds the answer where the body does not; `headers` are those of the caller that the form passes on.
    """

    form: str
    body: Mapping[str, Any]
    request_id: str
    tokens_max: int = 4096
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelEvent:
    """One event of a stream: the bytes as they came, blank line included, and what they say.

    `usage` is what has been used so far where the event tells. `ends` marks the last event that carries data; `done` the
    server's own end mark, which has no data. An event that came in another form than the call's was put into that form.
    """

    raw: bytes
    data: Mapping[str, Any]
    usage: answers.Usage | None = None
    ends: bool = False
    done: bool = False


@dataclass(frozen=True, slots=True)
class ModelReply:
    """A whole reply: the bytes as they came, and what they say."""

    raw: bytes
    data: dict[str, Any]
    usage: answers.Usage | None


class ModelStream(Protocol):
    """A streamed answer, being read. Raises as ModelProvider says; cancelling a read loses nothing of what comes next."""

    async def read(self) -> Sequence[ModelEvent]:
        """Return the events that have come, at least one; none at an end that is one."""

    async def close(self) -> None:
        """Close the connection unless the answer ended. Idempotent."""


class ModelProvider(Protocol):
    """A server of language models. Speaks wire forms: "chat" always, others where `forms` says so.

    Raises ModelUnavailableError, ContextTooLongError, InvalidRequestError, OverloadedError. A stream that breaks, stalls or
    turns into something else raises ModelUnavailableError with `begun` set, and is never a clean stop.
    """

    @property
    def name(self) -> str:
        """The provider's name in providers.yaml."""

    @property
    def loopback(self) -> bool:
        """Whether it runs on this machine, so that nothing asked of it leaves."""

    @property
    def forms(self) -> frozenset[str]:
        """The wire forms that pass through as they are."""

    async def whole(self, call: ModelCall) -> ModelReply:
        """Return the whole reply. Cancelling closes the connection."""

    async def open(self, call: ModelCall) -> ModelStream:
        """Return a stream whose answer has begun."""

    async def ping(self) -> None:
        """Return if a call could be made now."""

    async def models(self) -> list[str] | None:
        """Return the names of the models that the server lists; None where it has no list. Costs nothing."""

    async def close(self) -> None:
        """Give back every connection. Idempotent."""


class Compute(Protocol):
    """The worker: pure computation under time and memory limits, no network, no store."""

    async def call(self, operation: str, payload: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Run one operation. Raises ComputeLimitError, ComputeUnavailableError, OverloadedError."""

    async def ping(self) -> None:
        """Return if the worker answers; raises ComputeUnavailableError."""


class Retriever(Protocol):
    """Recall: finds passages in the blueprint's guidebook and knowledge and in the library."""

    async def search(self, query: str, limit: int, request_id: str) -> list[answers.Passage]:
        """Return up to `limit` passages by words alone, as quotes are chosen, best first. Raises RecallUnavailableError."""

    async def find(self, query: str, limit: int, request_id: str) -> answers.Searched:
        """Return up to `limit` passages by words, and by meaning where words find too little. Raises RecallUnavailableError."""

    async def guides(self, query: str, request_id: str) -> list[answers.Passage]:
        """Return passages of guides by words, best first, several of one guide among them. Raises RecallUnavailableError."""

    async def passage(self, identifier: str, request_id: str) -> answers.Passage | None:
        """Return the passage of this `id`, or None if it is no more. Raises RecallUnavailableError."""

    async def ping(self) -> None:
        """Return if recall answers; raises RecallUnavailableError."""


class AnswerCache(Protocol):
    """Answers given before, each user's apart. Lossy by design. Raises RecallUnavailableError."""

    async def find(
        self, user_id: str, scope: str, gist: str, text: str, semantic: bool, request_id: str
    ) -> tuple[str, Mapping[str, Any]] | None:
        """Return ("exact" or "semantic", answer), or None.

        `scope` is all else that shapes an answer, `gist` what the question is about.
        """

    async def keep(
        self, user_id: str, scope: str, gist: str, text: str, answer: Mapping[str, Any], request_id: str
    ) -> None:
        """Keep an answer."""


class SandboxSession(Protocol):
    """A sandbox that keeps its state from one call to the next, until it is closed or a call of it meets a limit."""

    @property
    def ended(self) -> bool:
        """Whether it has ended without being closed, as where its interpreter did."""

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a call; its `limits` count for it alone. In a session the interpreter itself tells how its code ended.

        Raises NotFoundError when the session has ended, SandboxUnavailableError.
        """

    async def close(self) -> None:
        """End the session and all that runs in it. Idempotent."""


class SandboxRunner(Protocol):
    """Runs untrusted code, each job in a sandbox of its own that is used once."""

    @property
    def layers(self) -> tuple[str, ...]:
        """What stands between a job and this machine, by name."""

    @property
    def layers_missing(self) -> Mapping[str, str]:
        """Which layers of the full set are absent, and why."""

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a job to its end, at most its `wall_s` and a little more. Closing the awaiting task ends the job.

        Raises SandboxUnavailableError; whatever the job does is a Result.
        """

    async def open_session(self, limits: sandbox.Limits) -> SandboxSession:
        """Open a session with these limits on memory, processes and files.

        Raises UnsupportedParameterError where the kind has none, SandboxUnavailableError.
        """

    async def kill_all(self) -> int:
        """End every running job and session at once; return how many there were."""

    async def ping(self) -> None:
        """Return if a job could be run now; raises SandboxUnavailableError."""

    async def close(self) -> None:
        """End everything. Idempotent."""


class Sandbox(Protocol):
    """The sandbox service: a SandboxRunner behind a queue, an audit trail and a kill switch.

    `caller` is who asked, for the audit trail. Every method raises SandboxUnavailableError when the service is away.
    """

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a job. Raises InvalidRequestError, OverloadedError when the queue is full, SandboxStoppedError."""

    async def open_session(self, limits: sandbox.Limits | None, caller: str, request_id: str) -> str:
        """Open a session and return its id. Raises OverloadedError, SandboxStoppedError."""

    async def run_in_session(self, session: str, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a call in a session of the same caller. Raises NotFoundError when there is none, else as `run`."""

    async def close_session(self, session: str, caller: str, request_id: str) -> None:
        """End a session of the same caller. Raises NotFoundError."""

    async def status(self) -> sandbox.State:
        """Return the state of pool, queue, layers and kill switch."""

    async def kill(self, caller: str, request_id: str, reason: str = "") -> int:
        """Throw the kill switch: end every job and refuse new ones, over restarts too, until lifted. Return how many."""

    async def lift(self, caller: str, request_id: str, reason: str = "") -> None:
        """Lift the kill switch. Idempotent."""

    async def audit(self, limit: int, before: int = 0) -> sandbox.Page:
        """Return up to `limit` lines of the audit trail, newest first; only those whose ids are below `before`, if any."""

    async def ping(self) -> None:
        """Return if a job would be taken now."""


class Tracer(Protocol):
    """Where the spans of traces go. Never waits and never raises: what there is no room for is dropped and counted."""

    def start(self) -> None:
        """Begin, once the process is confined."""

    def take(self, span: traces.Span) -> None:
        """Take a span that has ended. From the event loop."""

    def close(self) -> None:
        """Send what waits, for a moment, and end. Blocking."""


class Runtime(Protocol):
    """Commands to whatever starts and signals services. Raises SupervisorUnavailableError, ForbiddenError."""

    async def status(self, *, memory: bool = True, everywhere: bool = False) -> list[states.ServiceStatus]:
        """Return every live service, in start order; memory takes longest, and is 0 where it is not asked for.

        With `everywhere` those of other generations follow: that is tried, or that leaves.
        """

    async def restart(self, service: str) -> None:
        """Drain and stop a service, then start it again; returns when it is ready."""

    async def stop(self, service: str) -> None:
        """Drain and stop a service until it is started again."""

    async def start(self, service: str) -> None:
        """Start a stopped service; returns when it is ready."""

    async def scale(self, service: str, replicas: int) -> None:
        """Run `replicas` processes of a service."""

    async def replace(self, service: str, generation: str) -> None:
        """Start a service on another generation beside the old one, hand over its sockets, drain the old one."""

    async def trace(self, service: str) -> None:
        """Have a service find out which of its lines keep memory, and log them within a minute; returns at once."""

    async def shut_down(self) -> None:
        """Stop everything, the supervisor last."""


class Embedder(Protocol):
    """Turns texts into vectors of length 1. Blocking. Text beyond the model's length is left out."""

    @property
    def digest(self) -> str:
        """Which model this is: vectors of another digest cannot be compared with its own."""

    @property
    def width(self) -> int:
        """How many numbers a vector has."""

    def embed(self, texts: Sequence[str]) -> memory.Embedded:
        """Return a vector for each text, in order."""

    def embed_beginning(self, text: str, tokens_max: int) -> bytes:
        """Return the vector of a text's first tokens. Nothing is kept of it."""

    def forget(self) -> None:
        """Drop what is kept of texts seen."""


class VectorIndex(Protocol):
    """Vectors of length 1 by number, and which are nearest to another. Safe to share between threads. A view only."""

    def add(self, numbers: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Add vectors under numbers that are not there yet."""

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove vectors; numbers that are not there are passed over."""

    def search(self, vector: bytes, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` numbers with their cosine, nearest first."""

    def similarity(self, vector: bytes, numbers: Sequence[int]) -> list[float]:
        """Return the cosine of each of these numbers, 0.0 for those that are not there."""

    def settle(self) -> None:
        """Rearrange for the number of vectors it holds now, if that pays. May take a second; searches go on meanwhile."""

    def __len__(self) -> int:
        """Return how many vectors it holds."""


class Memories(Protocol):
    """What the memory part of recall does for a user. Every method raises RecallUnavailableError when it is away."""

    async def remember(self, user_id: str, session_id: str, text: str, request_id: str) -> list[memory.Memory]:
        """Keep what the user said, and the facts in it; return what is new and committed. Raises OverloadedError."""

    async def recall(self, user_id: str, session_id: str, query: str, limit: int, request_id: str) -> memory.Recalled:
        """Return what is known for a question."""

    async def search(self, user_id: str, query: str, limit: int, request_id: str) -> list[memory.Found]:
        """Return up to `limit` memories that fit a query, best first."""

    async def entries(
        self, user_id: str, selection: memory.Selection, limit: int, request_id: str
    ) -> list[memory.Memory]:
        """Return up to `limit` memories, oldest first."""

    async def forget(self, user_id: str, selection: memory.Selection, request_id: str) -> int:
        """Delete memories for good; return how many. Raises NotFoundError for ids that are not the user's."""

    async def correct(self, user_id: str, identifier: str, text: str, request_id: str) -> memory.Memory:
        """Have a memory say something else; return it. Raises NotFoundError, InvalidRequestError, ConflictError."""

    async def take_in(self, user_id: str, rows: Sequence[memory.Memory], request_id: str) -> int:
        """Import memories; return how many were new. Raises InvalidRequestError."""

    async def embed(self, texts: Sequence[str], request_id: str) -> memory.Embedded:
        """Return a vector for each text. Raises InvalidRequestError."""
