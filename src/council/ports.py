"""Every Protocol that a back end fills, in one file.

Each has one contract test suite in `tests/contract` that runs over all its kinds. Methods raise only errors of
`domain.errors`; driver exceptions never leave a back end.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from council.domain import access, answers, ledger, memory, sandbox


class Records(Protocol):
    """The durable truth: ledger, users, tokens. Blocking; call it from a thread or a command.

    Every method raises RecordsUnavailableError when the database cannot be reached, read or written.
    """

    def ping(self) -> None:
        """Return if a read would succeed."""
        ...

    def migrate(self) -> int:
        """Bring the schema up to date, safely beside other processes doing the same; return its version. Idempotent."""
        ...

    def append(self, rows: Sequence[ledger.LedgerRow]) -> None:
        """Commit all rows in one transaction, or none. A row whose request_id is already there is left as it is."""
        ...

    def report(self, by: ledger.GroupBy, since_us: int, until_us: int) -> list[ledger.LedgerSum]:
        """Sum the rows with since_us <= at_us < until_us, ordered by key. Days are UTC, as YYYY-MM-DD."""
        ...

    def rows(self, since_us: int, until_us: int) -> Iterator[ledger.LedgerRow]:
        """Yield the rows with since_us <= at_us < until_us, oldest first, without loading all at once."""
        ...

    def tokens(self) -> list[access.Token]:
        """Return every token, revoked ones too, oldest first."""
        ...

    def add_token(self, token: access.Token) -> None:
        """Store a token and, if new, its user."""
        ...

    def revoke_token(self, token_id: str, at_us: int) -> bool:
        """Mark a token revoked; False if there is none of that id in force."""
        ...

    def close(self) -> None:
        """Give back every connection. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate limit. `retry_after_s` is 0 when allowed."""

    allowed: bool
    limit: int
    remaining: int
    retry_after_s: float


class Store(Protocol):
    """Shared, fast, and lossy by design: what must outlive a restart is in the records."""

    async def ping(self) -> None:
        """Return if the store answers; raises StoreUnavailableError."""
        ...

    async def take(self, key: str, limit: int, window_s: float) -> Allowance:
        """Take one of `limit` permits that refill evenly over `window_s`, shared by all callers of `key`.

        A full bucket allows a burst of `limit`. Raises StoreUnavailableError.
        """
        ...

    async def close(self) -> None:
        """Give back every connection. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class ModelPiece:
    """A piece of generated text; `logprob` is the natural log of its token's probability where the model tells."""

    text: str
    logprob: float | None = None


@dataclass(frozen=True, slots=True)
class ModelEnd:
    """The end of a generation."""

    finish_reason: str
    usage: answers.Usage


class ModelProvider(Protocol):
    """A language model behind an OpenAI-compatible or equal interface."""

    @property
    def model(self) -> str:
        """The name shown to callers and priced in the config."""
        ...

    def complete(
        self, messages: Sequence[answers.Message], sampling: answers.Sampling, request_id: str
    ) -> AsyncGenerator[ModelPiece | ModelEnd, None]:
        """Yield pieces, then one ModelEnd. Closing the iterator stops the generation.

        Raises ModelUnavailableError, ContextTooLongError, OverloadedError; a stream that breaks before its end raises
        ModelUnavailableError and is never a clean stop.
        """
        ...

    async def ping(self) -> None:
        """Return if the model is loaded and answers; raises ModelUnavailableError."""
        ...

    async def close(self) -> None:
        """Give back every connection. Idempotent."""
        ...


class Compute(Protocol):
    """The worker: pure computation under time and memory limits, no network, no store."""

    async def call(self, operation: str, payload: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Run one operation. Raises ComputeLimitError, ComputeUnavailableError, OverloadedError."""
        ...

    async def ping(self) -> None:
        """Return if the worker answers; raises ComputeUnavailableError."""
        ...


class Retriever(Protocol):
    """Recall: finds passages in the blueprint's guidebook and knowledge and in the library."""

    async def search(self, query: str, limit: int, request_id: str) -> list[answers.Passage]:
        """Return up to `limit` passages, best first. Raises RecallUnavailableError."""
        ...

    async def ping(self) -> None:
        """Return if recall answers; raises RecallUnavailableError."""
        ...


class SandboxSession(Protocol):
    """A sandbox that keeps its state from one call to the next, until it is closed or a call of it meets a limit."""

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a call; its `limits` count for it alone. In a session the interpreter itself tells how its code ended.

        Raises NotFoundError when the session has ended, SandboxUnavailableError.
        """
        ...

    async def close(self) -> None:
        """End the session and all that runs in it. Idempotent."""
        ...


class SandboxRunner(Protocol):
    """Runs untrusted code, each job in a sandbox of its own that is used once."""

    @property
    def layers(self) -> tuple[str, ...]:
        """What stands between a job and this machine, by name."""
        ...

    @property
    def layers_missing(self) -> Mapping[str, str]:
        """Which layers of the full set are absent, and why."""
        ...

    async def run(self, job: sandbox.Job) -> sandbox.Result:
        """Run a job to its end, at most its `wall_s` and a little more. Closing the awaiting task ends the job.

        Raises SandboxUnavailableError; whatever the job does is a Result.
        """
        ...

    async def open_session(self, limits: sandbox.Limits) -> SandboxSession:
        """Open a session with these limits on memory, processes and files.

        Raises UnsupportedParameterError where the kind has none, SandboxUnavailableError.
        """
        ...

    async def kill_all(self) -> int:
        """End every running job and session at once; return how many there were."""
        ...

    async def ping(self) -> None:
        """Return if a job could be run now; raises SandboxUnavailableError."""
        ...

    async def close(self) -> None:
        """End everything. Idempotent."""
        ...


class Sandbox(Protocol):
    """The sandbox service: a SandboxRunner behind a queue, an audit trail and a kill switch.

    `caller` is who asked, for the audit trail. Every method raises SandboxUnavailableError when the service is away.
    """

    async def run(self, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a job. Raises InvalidRequestError, OverloadedError when the queue is full, SandboxStoppedError."""
        ...

    async def open_session(self, limits: sandbox.Limits | None, caller: str, request_id: str) -> str:
        """Open a session and return its id. Raises OverloadedError, SandboxStoppedError."""
        ...

    async def run_in_session(self, session: str, job: sandbox.Job, caller: str, request_id: str) -> sandbox.Result:
        """Run a call in a session of the same caller. Raises NotFoundError when there is none, else as `run`."""
        ...

    async def close_session(self, session: str, caller: str, request_id: str) -> None:
        """End a session of the same caller. Raises NotFoundError."""
        ...

    async def status(self) -> sandbox.State:
        """Return the state of pool, queue, layers and kill switch."""
        ...

    async def kill(self, caller: str, request_id: str) -> int:
        """Throw the kill switch: end every job and refuse new ones, over restarts too, until lifted. Return how many."""
        ...

    async def lift(self, caller: str, request_id: str) -> None:
        """Lift the kill switch. Idempotent."""
        ...

    async def ping(self) -> None:
        """Return if a job would be taken now."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service as the supervisor sees it. Memory is of the process and its children, shared pages in parts."""

    name: str
    state: str
    pid: int | None
    generation: str
    uptime_s: float
    restarts: int
    memory_bytes: int
    reason: str = ""


class Runtime(Protocol):
    """Commands to whatever starts and signals services. Raises SupervisorUnavailableError, ForbiddenError."""

    async def status(self) -> list[ServiceStatus]:
        """Return every service, in start order."""
        ...

    async def restart(self, service: str) -> None:
        """Drain and stop a service, then start it again; returns when it is ready."""
        ...

    async def stop(self, service: str) -> None:
        """Drain and stop a service until it is started again."""
        ...

    async def start(self, service: str) -> None:
        """Start a stopped service; returns when it is ready."""
        ...

    async def scale(self, service: str, replicas: int) -> None:
        """Run `replicas` processes of a service."""
        ...

    async def replace(self, service: str, generation: str) -> None:
        """Start a service on another generation beside the old one, hand over its sockets, drain the old one."""
        ...

    async def shut_down(self) -> None:
        """Stop everything, the supervisor last."""
        ...


class Embedder(Protocol):
    """Turns texts into vectors of length 1. Blocking. Text beyond the model's length is left out."""

    @property
    def digest(self) -> str:
        """Which model this is: vectors of another digest cannot be compared with its own."""
        ...

    @property
    def width(self) -> int:
        """How many numbers a vector has."""
        ...

    def embed(self, texts: Sequence[str]) -> memory.Embedded:
        """Return a vector for each text, in order."""
        ...

    def forget(self) -> None:
        """Drop what is kept of texts seen."""
        ...


class VectorIndex(Protocol):
    """Vectors of length 1 by number, and which are nearest to another. Safe to share between threads. A view only."""

    def add(self, numbers: Sequence[int], vectors: Sequence[bytes]) -> None:
        """Add vectors under numbers that are not there yet."""
        ...

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove vectors; numbers that are not there are passed over."""
        ...

    def search(self, vector: bytes, limit: int) -> list[tuple[int, float]]:
        """Return up to `limit` numbers with their cosine, nearest first."""
        ...

    def similarity(self, vector: bytes, numbers: Sequence[int]) -> list[float]:
        """Return the cosine of each of these numbers, 0.0 for those that are not there."""
        ...

    def settle(self) -> None:
        """Rearrange for the number of vectors it holds now, if that pays. May take a second; searches go on meanwhile."""
        ...

    def __len__(self) -> int:
        """Return how many vectors it holds."""
        ...


class MemoryRecords(Protocol):
    """The durable truth about what is remembered. Blocking. Every method is about one user, or says otherwise.

    Every method raises RecordsUnavailableError when the database cannot be reached, read or written.
    """

    def add_memories(
        self,
        rows: Sequence[tuple[memory.Memory, bytes]],
        digest: str,
        superseded: Mapping[str, str] | None = None,
    ) -> None:
        """Commit rows with their vectors, or none; an id that is there is left as it is.

        `superseded` maps ids of the same user's facts to the id of the row that takes their place, at that row's time.
        """
        ...

    def memories(
        self, user_id: str, selection: memory.Selection, limit: int, *, newest_first: bool = False
    ) -> list[memory.Memory]:
        """Return up to `limit` memories in the order of their ids, which is that of their birth."""
        ...

    def facts(self, user_id: str, subject: str, attribute: str) -> list[memory.Memory]:
        """Return the facts about an attribute that hold, newest first."""
        ...

    def vectors(self, user_id: str, before: str, limit: int) -> list[tuple[str, str, bytes, str]]:
        """Return up to `limit` memories as id, text, vector and digest, newest first; only older ones than `before`, if any."""
        ...

    def set_vectors(self, user_id: str, vectors: Sequence[tuple[str, bytes]], digest: str) -> None:
        """Replace vectors by id."""
        ...

    def forget(self, user_id: str, selection: memory.Selection) -> list[str]:
        """Delete memories for good, so that nothing of them is left in the database's files; return their ids."""
        ...

    def counts(self) -> dict[str, int]:
        """Return how many memories each user has, of those who have any."""
        ...


class Memories(Protocol):
    """What the memory part of recall does for a user. Every method raises RecallUnavailableError when it is away."""

    async def remember(self, user_id: str, session_id: str, text: str, request_id: str) -> list[memory.Memory]:
        """Keep what the user said, and the facts in it; return what is new and committed. Raises OverloadedError."""
        ...

    async def recall(self, user_id: str, session_id: str, query: str, limit: int, request_id: str) -> memory.Recalled:
        """Return what is known for a question."""
        ...

    async def search(self, user_id: str, query: str, limit: int, request_id: str) -> list[memory.Found]:
        """Return up to `limit` memories that fit a query, best first."""
        ...

    async def entries(
        self, user_id: str, selection: memory.Selection, limit: int, request_id: str
    ) -> list[memory.Memory]:
        """Return up to `limit` memories, oldest first."""
        ...

    async def forget(self, user_id: str, selection: memory.Selection, request_id: str) -> int:
        """Delete memories for good; return how many. Raises NotFoundError for ids that are not the user's."""
        ...

    async def take_in(self, user_id: str, rows: Sequence[memory.Memory], request_id: str) -> int:
        """Import memories; return how many were new. Raises InvalidRequestError."""
        ...

    async def embed(self, texts: Sequence[str], request_id: str) -> memory.Embedded:
        """Return a vector for each text. Raises InvalidRequestError."""
        ...
