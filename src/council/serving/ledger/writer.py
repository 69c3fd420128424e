"""Group commit of ledger rows and holds: many requests, one thread, one transaction a batch.

A request waits for the commit that holds its row and so never reports what is not on disk. While one batch commits, the
next one gathers; a lone row is committed at once, so waiting costs nothing when there is nobody to wait for.
"""

import asyncio
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


_Result = tuple["asyncio.Future[ledger.Refusal | None]", ledger.Refusal | None]


@dataclass(frozen=True, slots=True)
class _Waiting:
    entry: ledger.LedgerRow | ledger.Hold
    charges: Sequence[ledger.Charge]
    loop: asyncio.AbstractEventLoop
    committed: asyncio.Future[ledger.Refusal | None]


class LedgerWriter:
    """Writes ledger rows through one thread. `record` may be called from any number of event loops.

    `queue_rows_max` bounds the rows accepted and not yet committed; `commit_s` bounds how long a request waits for its
    commit, so that a database that hangs does not hang its callers.
    """

    def __init__(self, records: ports.Records, batch_rows_max: int, queue_rows_max: int, *, commit_s: float = COMMIT_S):
        self._records = records
        self._batch_rows_max = batch_rows_max
        self._queue_rows_max = queue_rows_max
        self._commit_s = commit_s
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_rows = 0
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
            self._queue.put(waiting)
        # A timer of its own: asyncio.timeout costs several times as much, and there are two commits in a paid request.
        timer = loop.call_later(self._commit_s, _give_up, waiting.committed)
        try:
            return await waiting.committed
        except TimeoutError as error:
            raise errors.RecordsUnavailableError(
                f"The ledger did not commit within {self._commit_s:g} s. Check the database with `council doctor`."
            ) from error
        finally:
            timer.cancel()

    def close(self, drain_s: float = DRAIN_S) -> None:
        """Refuse new rows, commit those accepted, end the thread; idempotent. Blocks for up to `drain_s`.

        From a coroutine call it in a thread. Rows that are not committed in time fail with RecordsUnavailableError.
        """
        with self._lock:
            closed_before, self._closing = self._closing, True
        if not closed_before:
            self._queue.put(None)
        if not self._thread.is_alive():
            return
        self._thread.join(drain_s)
        if self._thread.is_alive():
            self._abandoned = True
            _log.error("ledger rows not committed before the stop", extra={"rows": self._waiting_rows})
            self._fail_queued()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            self._commit(batch)

    def _next_batch(self) -> list[_Waiting] | None:
        """Wait for a row and take all that queued up behind it; None when closed and drained."""
        first = None if self._abandoned else self._queue.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < self._batch_rows_max:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is None:
                self._queue.put(None)  # nothing comes after it, so the next pass finds it
                break
            batch.append(waiting)
        return batch

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        failure: errors.CouncilError | None = None
        # The order of the batch: what comes back for each entry is None but for a hold without room.
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
        try:
            for place, refusal in zip(places, self._records.append(rows, charges, holds), strict=True):
                refusals[place] = refusal
        except errors.CouncilError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - logged, and told to every caller
            # The thread must outlive a fault in the code below it, or every later request would hang.
            _log.exception("unexpected error in a ledger commit")
            failure = errors.RecordsUnavailableError(
                "The ledger could not be written. Report this with the operator's log.", detail=repr(error)
            )
        self._settle(batch, refusals, failure)

    def _fail_queued(self) -> None:
        stopped = errors.RecordsUnavailableError("The service stopped before the ledger row was written. Try again.")
        left: list[_Waiting] = []
        while True:
            try:
                waiting = self._queue.get_nowait()
            except queue.Empty:
                break
            if waiting is not None:
                left.append(waiting)
        self._settle(left, [None] * len(left), stopped)
        self._queue.put(None)  # for the thread, should it ever come back from the database

    def _settle(
        self,
        batch: Sequence[_Waiting],
        refusals: Sequence[ledger.Refusal | None],
        failure: errors.CouncilError | None,
    ) -> None:
        with self._lock:
            self._waiting_rows -= len(batch)
        loops: dict[asyncio.AbstractEventLoop, list[_Result]] = {}
        for waiting, refusal in zip(batch, refusals, strict=True):
            loops.setdefault(waiting.loop, []).append((waiting.committed, refusal))
        for loop, results in loops.items():
            try:
                loop.call_soon_threadsafe(_resolve, results, failure)
            except RuntimeError:
                _log.warning("the event loop of a ledger row is gone", extra={"rows": len(results)})


def _give_up(committed: "asyncio.Future[ledger.Refusal | None]") -> None:
    if not committed.done():
        committed.set_exception(TimeoutError())


def _resolve(results: "Sequence[_Result]", failure: errors.CouncilError | None) -> None:
    for future, refusal in results:
        if future.done():  # its caller was cancelled or gave up
            continue
        if failure is None:
            future.set_result(refusal)
        else:
            future.set_exception(_copy(failure))


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
