"""Group commit of ledger rows and holds: many requests, one transaction a batch.

What arrives in one turn of the event loop is one batch. It is committed there and then, which takes less time than waking a
thread; where that would have to wait, for a lock, the disk or a server, it goes to the one thread that may. A request waits
for the commit that holds its row and so never reports what is not committed. While the thread commits, the next batch gathers.
"""

import asyncio
import enum
import logging
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from council import ports
from council.domain import errors, ledger, money

_log = logging.getLogger(__name__)

COMMIT_S = 15.0
DRAIN_S = 10.0
# So many commits on the loop, a megabyte or two of SQLite's log, and the thread takes the log into the database.
CHECKPOINT_EVERY = 256


class _Ask(enum.Enum):
    STOP = enum.auto()
    CHECKPOINT = enum.auto()


@dataclass(slots=True)
class _Waiting:
    entry: ledger.LedgerRow | ledger.Hold
    charges: Sequence[ledger.Charge]
    loop: asyncio.AbstractEventLoop
    committed: asyncio.Future[ledger.Refusal | None]
    timer: asyncio.TimerHandle | None = None


_Refusals = Sequence[ledger.Refusal | None]


class LedgerWriter:
    """Writes ledger rows. `record` may be called from any number of event loops.

    `queue_rows_max` bounds the rows accepted and not yet committed; `commit_s` bounds how long a request waits for its
    commit, so that a database that hangs does not hang its callers.
    """

    def __init__(self, records: ports.Records, batch_rows_max: int, queue_rows_max: int, *, commit_s: float = COMMIT_S):
        self._records = records
        self._batch_rows_max = batch_rows_max
        self._queue_rows_max = queue_rows_max
        self._commit_s = commit_s
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Waiting]] = {}
        self._queue: queue.SimpleQueue[_Waiting | _Ask] = queue.SimpleQueue()
        self._lock = threading.Lock()
        # Held by whoever commits on a loop: there is one connection for all of them.
        self._at_once = threading.Lock()
        self._commits_at_once = 0
        self._waiting_rows = 0
        self._queued_rows = 0
        self._checkpoint_due = False
        self._closing = False
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)

    def start(self) -> None:
        """Start the thread. Once."""
        self._thread.start()

    async def record(self, row: ledger.LedgerRow, charges: Sequence[ledger.Charge] = ()) -> None:
        """Return once a commit holds `row` and its charges.

        Raises OverloadedError when the queue is full, and RecordsUnavailableError when the commit failed or took too long:
        then the row may be there or not, and recording it again cannot double it. The row of a caller that is cancelled
        is written all the same.
        """
        await self._commit_one(row, charges)

    async def hold(self, hold: ledger.Hold) -> None:
        """Return once a commit holds `hold`.

        Raises BudgetError where a budget has no room for it, and as `record` does. The hold of a caller that is cancelled is
        written all the same, and stays until it expires.
        """
        refusal = await self._commit_one(hold, ())
        if refusal is not None:
            raise _over_budget(hold, refusal)

    async def _commit_one(
        self, entry: ledger.LedgerRow | ledger.Hold, charges: Sequence[ledger.Charge]
    ) -> ledger.Refusal | None:
        loop = asyncio.get_running_loop()
        waiting = _Waiting(entry, charges, loop, loop.create_future())
        with self._lock:
            if self._closing:
                raise errors.RecordsUnavailableError("The service is stopping. Try again when it is up.")
            if self._waiting_rows >= self._queue_rows_max:
                raise errors.OverloadedError("Too many requests wait for the ledger. Try again in a moment.")
            self._waiting_rows += 1
            gathered = self._gathered.setdefault(loop, [])
            gathered.append(waiting)
        if len(gathered) == 1:
            loop.call_soon(self._flush, loop)
        try:
            return await waiting.committed
        except TimeoutError as error:
            raise errors.RecordsUnavailableError(
                f"The ledger did not commit within {self._commit_s:g} s. Check the database with `council doctor`."
            ) from error

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        """Commit what a loop has gathered, or give it to the thread. Runs on that loop."""
        with self._lock:
            batch = self._gathered.pop(loop, [])
            behind = self._queued_rows > 0 or len(batch) > self._batch_rows_max
        # In the order of arrival: nothing overtakes what waits for the thread.
        if not batch or (not behind and self._committed_at_once(batch)):
            return
        for waiting in batch:
            if not waiting.committed.done():
                waiting.timer = loop.call_later(self._commit_s, _give_up, waiting.committed)
        with self._lock:
            self._enqueue(batch)

    def _enqueue(self, batch: Sequence[_Waiting]) -> None:
        """Give a batch to the thread. The caller holds the lock."""
        self._queued_rows += len(batch)
        for waiting in batch:
            self._queue.put(waiting)

    def close(self, drain_s: float = DRAIN_S) -> None:
        """Refuse new rows, commit those accepted, end the thread; idempotent. Blocks for up to `drain_s`.

        From a coroutine call it in a thread. Rows that are not committed in time fail with RecordsUnavailableError.
        """
        with self._lock:
            closed_before, self._closing = self._closing, True
            if not closed_before:
                for batch in self._gathered.values():
                    self._enqueue(batch)
                self._gathered.clear()
                self._queue.put(_Ask.STOP)
        if not self._thread.is_alive():
            return
        self._thread.join(drain_s)
        if self._thread.is_alive():
            self._abandoned = True
            _log.error("ledger rows not committed before the stop", extra={"rows": self._waiting_rows})
            self._fail_queued()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if batch:
                self._committed_by_thread(batch)
            if self._checkpoint_due:
                self._checkpoint_due = False
                self._checkpoint()

    def _next_batch(self) -> list[_Waiting] | None:
        """Wait for a row and take all that queued up behind it; None when closed and drained."""
        first = _Ask.STOP if self._abandoned else self._queue.get()
        if first is _Ask.STOP:
            return None
        batch: list[_Waiting] = []
        item: _Waiting | _Ask = first
        while True:
            if item is _Ask.STOP:
                self._queue.put(_Ask.STOP)  # nothing comes after it, so the next pass finds it
                return batch
            if isinstance(item, _Waiting):
                batch.append(item)
            else:
                self._checkpoint_due = True
            if len(batch) >= self._batch_rows_max:
                return batch
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch

    def _checkpoint(self) -> None:
        try:
            self._records.checkpoint()
        except errors.CouncilError as error:
            # Nothing is lost: what is committed stands in the log, and the next one takes it along.
            _log.warning("the ledger's log stays as it is", extra={"code": error.code, "detail": error.detail})

    def _committed_at_once(self, batch: Sequence[_Waiting]) -> bool:
        """Commit on the loop; False, with nothing written, where that would have to wait."""
        if not self._at_once.acquire(blocking=False):
            return False
        try:
            refusals, failure = self._commit(batch, at_once=True)
        finally:
            self._at_once.release()
        if refusals is None and failure is None:
            return False
        with self._lock:
            self._waiting_rows -= len(batch)
            self._commits_at_once += 1
            if self._commits_at_once % CHECKPOINT_EVERY == 0 and not self._closing:
                self._queue.put(_Ask.CHECKPOINT)
        _resolve(batch, refusals, failure)
        return True

    def _committed_by_thread(self, batch: Sequence[_Waiting]) -> None:
        refusals, failure = self._commit(batch, at_once=False)
        self._settle(batch, refusals, failure)

    def _commit(
        self, batch: Sequence[_Waiting], *, at_once: bool
    ) -> tuple[_Refusals | None, errors.CouncilError | None]:
        """Return what became of each entry: None but for a hold without room; or why none was written.

        Neither, where it should be done `at_once` and that cannot be.
        """
        refusals: list[ledger.Refusal | None] = [None] * len(batch)
        rows: list[ledger.LedgerRow] = []
        charges: list[tuple[ledger.LedgerRow, ledger.Charge]] = []
        holds: list[ledger.Hold] = []
        places: list[int] = []
        for place, waiting in enumerate(batch):
            if isinstance(waiting.entry, ledger.Hold):
                holds.append(waiting.entry)
                places.append(place)
            else:
                rows.append(waiting.entry)
                charges += [(waiting.entry, charge) for charge in waiting.charges]
        append = self._records.append_at_once if at_once else self._records.append
        try:
            found = append(rows, charges, holds)
        except errors.CouncilError as error:
            return None, error
        except Exception as error:  # noqa: BLE001 - logged, and told to every caller
            # The thread must outlive a fault in the code below it, or every later request would hang.
            _log.exception("unexpected error in a ledger commit")
            return None, errors.RecordsUnavailableError(
                "The ledger could not be written. Report this with the operator's log.", detail=repr(error)
            )
        if found is None:
            return None, None
        for place, refusal in zip(places, found, strict=True):
            refusals[place] = refusal
        return refusals, None

    def _fail_queued(self) -> None:
        stopped = errors.RecordsUnavailableError("The service stopped before the ledger row was written. Try again.")
        left: list[_Waiting] = []
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if isinstance(item, _Waiting):
                left.append(item)
        self._settle(left, None, stopped)
        self._queue.put(_Ask.STOP)  # for the thread, should it ever come back from the database

    def _settle(
        self, batch: Sequence[_Waiting], refusals: _Refusals | None, failure: errors.CouncilError | None
    ) -> None:
        """Tell the callers of a batch that the thread was given, each on its own loop."""
        with self._lock:
            self._waiting_rows -= len(batch)
            self._queued_rows -= len(batch)
        places: dict[asyncio.AbstractEventLoop, list[int]] = {}
        for place, waiting in enumerate(batch):
            places.setdefault(waiting.loop, []).append(place)
        for loop, own in places.items():
            told = None if refusals is None else [refusals[place] for place in own]
            try:
                loop.call_soon_threadsafe(_resolve, [batch[place] for place in own], told, failure)
            except RuntimeError:
                _log.warning("the event loop of a ledger row is gone", extra={"rows": len(own)})


def _give_up(committed: "asyncio.Future[ledger.Refusal | None]") -> None:
    if not committed.done():
        committed.set_exception(TimeoutError())


def _resolve(batch: Sequence[_Waiting], refusals: _Refusals | None, failure: errors.CouncilError | None) -> None:
    for place, waiting in enumerate(batch):
        if waiting.timer is not None:
            waiting.timer.cancel()
        if waiting.committed.done():  # its caller was cancelled or gave up
            continue
        if refusals is not None:
            waiting.committed.set_result(refusals[place])
        else:
            assert failure is not None, "a batch is written, or there is a reason"
            waiting.committed.set_exception(_copy(failure))


def _copy(failure: errors.CouncilError) -> errors.CouncilError:
    """Return an error of its own for each caller: one shared object would gather every caller's traceback."""
    copy = errors.RecordsUnavailableError(failure.message, detail=failure.detail, retry_after_s=failure.retry_after_s)
    copy.__cause__ = failure
    return copy


_WHOSE = {"all": "of this Council", "token": "of this token", "model": "of this model"}


def _over_budget(hold: ledger.Hold, refusal: ledger.Refusal) -> errors.BudgetError:
    whose = _WHOSE[refusal.budget.scope.partition(":")[0]]
    period, left, most = refusal.budget.period, money.dollars(refusal.left_usd_micros), money.dollars(hold.usd_micros)
    return errors.BudgetError(
        f"The {period}'s budget {whose} has ${left} left, and this call may cost ${most}. Ask for fewer tokens "
        f"(`max_tokens`), wait for the next {period} (UTC), or have the budget raised."
    )
