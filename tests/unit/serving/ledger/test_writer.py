import asyncio
import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given, settings, strategies

from council import ports
from council.domain import access, errors, ledger
from council.serving.ledger import writer

WAIT_S = 10.0


class Book:
    """Records in memory. `plan` says how the commits fare, first to last; `gate` holds each until it is open.

    `at_once` says whether the next commit on the loop may be made there.
    """

    def __init__(self, plan: Sequence[str] = (), *, at_once: bool = False):
        self.at_once = at_once
        self.at_once_batches: list[list[str]] = []
        self.checkpoints = threading.Semaphore(0)
        self.rows_by_id: dict[str, ledger.LedgerRow] = {}
        self.batches: list[list[str]] = []
        self.charged: list[ledger.Charge] = []
        self.held: list[ledger.Hold] = []
        self.refusals: dict[str, ledger.Refusal] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self._plan = list(reversed(plan))

    def append(
        self,
        rows: Sequence[ledger.LedgerRow],
        charges: Sequence[tuple[ledger.LedgerRow, ledger.Charge]] = (),
        holds: Sequence[ledger.Hold] = (),
    ) -> list[ledger.Refusal | None]:
        self.batches.append([row.request_id for row in rows])
        self.entered.set()
        assert self.gate.wait(WAIT_S)
        step = self._plan.pop() if self._plan else "commit"
        if step != "fail":
            for row in rows:
                self.rows_by_id.setdefault(row.request_id, row)
        if step == "bug":
            raise ZeroDivisionError
        if step != "commit":
            raise errors.RecordsUnavailableError("The disk is full. Free some space.", detail="errno 28")
        self.charged += [charge for _, charge in charges]
        self.held += holds
        return [self.refusals.get(hold.request_id) for hold in holds]

    def append_at_once(
        self,
        rows: Sequence[ledger.LedgerRow],
        charges: Sequence[tuple[ledger.LedgerRow, ledger.Charge]],
        holds: Sequence[ledger.Hold],
    ) -> list[ledger.Refusal | None] | None:
        if not self.at_once:
            return None
        self.at_once_batches.append([row.request_id for row in rows])
        return self.append(rows, charges, holds)

    def checkpoint(self) -> None:
        self.checkpoints.release()

    def total(self) -> ledger.LedgerSum:
        rows = self.rows_by_id.values()
        answered = sum(row.outcome is ledger.Outcome.ANSWERED for row in rows)
        cost_usd_micros = sum(row.cost_usd_micros for row in rows)
        return ledger.LedgerSum("", len(rows), answered, 0, len(rows), 0, 0, cost_usd_micros)

    # The rest of the port, which the writer has no business with.
    def settle_expired(self, now_us: int) -> int:
        raise NotImplementedError

    def spent(self, scope: str, period: str) -> int:
        raise NotImplementedError

    def charges(self, since_us: int, until_us: int) -> list[tuple[str, ledger.Charge]]:
        raise NotImplementedError

    def ping(self) -> None:
        raise NotImplementedError

    def migrate(self, *, last: bool = False) -> int:
        raise NotImplementedError

    def report(self, by: ledger.GroupBy, since_us: int, until_us: int) -> list[ledger.LedgerSum]:
        raise NotImplementedError

    def rows(self, since_us: int, until_us: int) -> Iterator[ledger.LedgerRow]:
        raise NotImplementedError

    def tokens(self) -> list[access.Token]:
        raise NotImplementedError

    def add_token(self, token: access.Token) -> None:
        raise NotImplementedError

    def revoke_token(self, token_id: str, at_us: int, *, keep_admin: bool = False) -> bool:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def row(request_id: str, cost_usd_micros: int = 1) -> ledger.LedgerRow:
    return ledger.LedgerRow(
        request_id=request_id,
        at_us=0,
        user_id="ada",
        token_id="",
        route="math",
        specialist="math",
        model="",
        outcome=ledger.Outcome.ANSWERED,
        level="none",
        verified=False,
        escalated=False,
        prompt_tokens=0,
        completion_tokens=0,
        cost_usd_micros=cost_usd_micros,
        first_us=0,
        total_us=0,
        generation="",
    )


def started(
    book: ports.Records, batch_rows_max: int = 10, queue_rows_max: int = 100, **limits: float
) -> writer.LedgerWriter:
    rows = writer.LedgerWriter(book, batch_rows_max, queue_rows_max, **limits)
    rows.start()
    return rows


async def held_at_first_commit(book: Book, rows: writer.LedgerWriter, request_id: str = "held") -> "asyncio.Task[None]":
    """Shut the gate and return the task of a row whose commit stands before it."""
    book.gate.clear()
    task = asyncio.create_task(rows.record(row(request_id)))
    await asyncio.sleep(0)
    assert await asyncio.to_thread(book.entered.wait, WAIT_S)
    return task


async def queued(rows: writer.LedgerWriter, request_ids: Sequence[str]) -> "list[asyncio.Task[None]]":
    tasks = [asyncio.create_task(rows.record(row(request_id))) for request_id in request_ids]
    await asyncio.sleep(0)
    return tasks


async def test_a_row_is_committed_when_record_returns() -> None:
    book = Book()
    rows = started(book)
    await rows.record(row("one"))
    assert "one" in book.rows_by_id
    await asyncio.to_thread(rows.close)


async def test_a_row_is_not_acknowledged_before_its_commit() -> None:
    book = Book()
    rows = started(book)
    task = await held_at_first_commit(book, rows)
    assert not task.done()
    book.gate.set()
    await task
    await asyncio.to_thread(rows.close)


async def test_rows_that_gather_during_a_commit_share_the_next_up_to_the_limit() -> None:
    book = Book()
    rows = started(book, batch_rows_max=3)
    held = await held_at_first_commit(book, rows)
    tasks = await queued(rows, ["a", "b", "c", "d"])
    book.gate.set()
    await asyncio.gather(held, *tasks)
    assert book.batches == [["held"], ["a", "b", "c"], ["d"]]
    await asyncio.to_thread(rows.close)


async def test_a_full_queue_turns_rows_away_and_takes_as_many_again_later() -> None:
    book = Book()
    rows = started(book, queue_rows_max=3)
    for turn in range(3):
        book.entered.clear()
        held = await held_at_first_commit(book, rows, f"held-{turn}")
        tasks = await queued(rows, [f"a-{turn}", f"b-{turn}"])
        with pytest.raises(errors.OverloadedError, match="Try again"):
            await rows.record(row(f"c-{turn}"))
        book.gate.set()
        await asyncio.gather(held, *tasks)
    assert len(book.rows_by_id) == 9
    await asyncio.to_thread(rows.close)


async def test_every_row_of_a_failed_commit_gets_an_error_of_its_own() -> None:
    book = Book(plan=["commit", "fail"])
    rows = started(book)
    held = await held_at_first_commit(book, rows)
    tasks = await queued(rows, ["a", "b"])
    book.gate.set()
    await held
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(failure) for failure in failures] == [errors.RecordsUnavailableError] * 2
    assert failures[0] is not failures[1]
    assert all(getattr(failure, "detail", "") == "errno 28" for failure in failures)
    await rows.record(row("a"))
    await asyncio.to_thread(rows.close)


async def test_a_bug_below_does_not_end_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    rows = started(Book(plan=["bug"]))
    with pytest.raises(errors.RecordsUnavailableError, match="Report this"):
        await rows.record(row("a"))
    assert "unexpected error in a ledger commit" in caplog.messages
    await rows.record(row("b"))
    await asyncio.to_thread(rows.close)


async def test_the_row_of_a_cancelled_caller_is_written() -> None:
    book = Book()
    rows = started(book)
    held = await held_at_first_commit(book, rows)
    (task,) = await queued(rows, ["cancelled"])
    task.cancel()
    held.cancel()
    await asyncio.gather(task, held, return_exceptions=True)
    book.gate.set()
    await asyncio.to_thread(rows.close)
    assert set(book.rows_by_id) == {"held", "cancelled"}


async def test_a_commit_that_hangs_fails_its_caller_in_time_and_counts_when_it_comes() -> None:
    book = Book()
    rows = started(book, commit_s=0.05)
    task = await held_at_first_commit(book, rows)
    with pytest.raises(errors.RecordsUnavailableError, match=r"did not commit within 0\.05 s"):
        await task
    book.gate.set()
    await asyncio.to_thread(rows.close)
    assert set(book.rows_by_id) == {"held"}


async def test_closing_writes_what_was_accepted_and_refuses_what_comes_later() -> None:
    book = Book()
    rows = started(book, batch_rows_max=2)
    held = await held_at_first_commit(book, rows)
    tasks = await queued(rows, ["a", "b", "c"])
    closing = asyncio.create_task(asyncio.to_thread(rows.close))
    while not rows._closing:
        await asyncio.sleep(0)
    with pytest.raises(errors.RecordsUnavailableError, match="stopping"):
        await rows.record(row("late"))
    book.gate.set()
    await asyncio.gather(closing, held, *tasks)
    assert set(book.rows_by_id) == {"held", "a", "b", "c"}
    rows.close()


async def test_closing_is_bounded_and_tells_the_rows_that_were_left(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    rows = started(book)
    held = await held_at_first_commit(book, rows)
    tasks = await queued(rows, ["a", "b"])
    await asyncio.to_thread(rows.close, 0.05)
    failures = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(failure) for failure in failures] == [errors.RecordsUnavailableError] * 2
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["rows"] == 3
    book.gate.set()
    await held
    await asyncio.to_thread(rows.close)
    assert set(book.rows_by_id) == {"held"}
    assert not rows._thread.is_alive()


def test_a_loop_that_is_gone_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    rows = started(book)

    async def leave() -> None:
        task = await held_at_first_commit(book, rows)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def stay() -> None:
        tasks = await queued(rows, ["stays"])
        book.gate.set()
        await asyncio.gather(*tasks)

    asyncio.run(leave())
    asyncio.run(stay())
    rows.close()
    assert set(book.rows_by_id) == {"held", "stays"}
    assert "the event loop of a ledger row is gone" in caplog.messages


requests = strategies.lists(
    strategies.tuples(
        strategies.integers(0, 1 << 50),  # cost
        strategies.integers(0, 3),  # turns of the loop before it is recorded
        strategies.booleans(),  # cancelled while it waits
    ),
    max_size=25,
)
plans = strategies.lists(strategies.sampled_from(["commit", "fail", "commit, then fail", "bug"]), max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    requests=requests, plan=plans, batch_rows_max=strategies.integers(1, 6), queue_rows_max=strategies.integers(1, 8)
)
def test_the_books_add_up_whatever_the_interleaving_and_the_failures(
    requests: list[tuple[int, int, bool]], plan: list[str], batch_rows_max: int, queue_rows_max: int
) -> None:
    book = Book(plan)
    rows = writer.LedgerWriter(book, batch_rows_max, queue_rows_max)
    acknowledged: dict[str, int] = {}
    maybe: dict[str, int] = {}  # accepted, and nobody was told how it ended

    async def ask(request_id: str, cost_usd_micros: int, turns: int, cancelled: bool) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(10_000):
            recording = asyncio.create_task(rows.record(row(request_id, cost_usd_micros)))
            await asyncio.sleep(0)
            if cancelled:
                recording.cancel()
            try:
                await recording
                acknowledged[request_id] = cost_usd_micros
                return
            except asyncio.CancelledError:
                maybe[request_id] = cost_usd_micros
                return
            except errors.CouncilError:
                await asyncio.sleep(0.0005)
        raise AssertionError("neither accepted nor cancelled")

    async def run() -> None:
        rows.start()
        await asyncio.gather(*(ask(f"r{number}", *request) for number, request in enumerate(requests)))
        await asyncio.to_thread(rows.close)

    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(run())
    finally:
        logging.disable(logging.NOTSET)
    assert acknowledged.keys() <= book.rows_by_id.keys()
    assert book.rows_by_id.keys() <= acknowledged.keys() | maybe.keys()
    written = {request_id: found.cost_usd_micros for request_id, found in book.rows_by_id.items()}
    assert written == {request_id: cost for request_id, cost in (acknowledged | maybe).items() if request_id in written}
    assert book.total().cost_usd_micros == sum(written.values())
    assert book.total().requests == len(written)
    assert all(len(batch) <= batch_rows_max for batch in book.batches)


# Holds and charges


def hold(request_id: str, usd_micros: int = 5) -> ledger.Hold:
    return ledger.Hold(request_id, 0, 1, 2, "ada", "tok", "m", "p", usd_micros)


async def test_a_hold_is_there_when_its_caller_goes_on() -> None:
    book = Book()
    made = started(book)
    await made.hold(hold("a"))
    assert book.held == [hold("a")]


@pytest.mark.parametrize(
    ("scope", "whose"), [("all", "of this Council"), ("token:tok", "of this token"), ("model:m", "of this model")]
)
async def test_a_hold_without_room_says_whose_budget_how_much_is_left_and_what_to_do(scope: str, whose: str) -> None:
    book = Book()
    book.refusals["a"] = ledger.Refusal(ledger.Budget(scope, "day", 1_000_000), 250_000)
    with pytest.raises(errors.BudgetError, match="have the budget raised") as raised:
        await started(book).hold(hold("a", 1_500_000))
    assert f"The day's budget {whose} has $0.250000 left, and this call may cost $1.500000." in raised.value.message


async def test_of_a_batch_each_hold_gets_its_own_answer_and_rows_none() -> None:
    book = Book()
    made = started(book)
    book.gate.clear()
    first = asyncio.ensure_future(made.hold(hold("first")))
    await asyncio.to_thread(book.entered.wait, WAIT_S)
    book.refusals["b"] = ledger.Refusal(ledger.Budget("all", "month", 1), 0)
    charge = ledger.Charge(0, "p", "m", "d", 1, 0, 2, 3, False, "answered", hold("first"))
    waiting = [
        asyncio.ensure_future(one)
        for one in (made.hold(hold("a")), made.record(row("r"), [charge]), made.hold(hold("b")), made.hold(hold("c")))
    ]
    await asyncio.sleep(0)
    book.gate.set()
    found = await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [type(one) for one in found] == [type(None), type(None), type(None), errors.BudgetError, type(None)]
    assert book.charged == [charge]


async def test_without_a_commit_there_is_no_hold() -> None:
    with pytest.raises(errors.RecordsUnavailableError):
        await started(Book(["fail"])).hold(hold("a"))


async def test_what_arrives_in_one_turn_of_the_loop_is_one_commit_on_it() -> None:
    book = Book(at_once=True)
    rows = started(book)
    await asyncio.gather(*(rows.record(row(name)) for name in ("one", "two", "three")))
    assert book.at_once_batches == book.batches == [["one", "two", "three"]]
    await asyncio.to_thread(rows.close)


async def test_what_cannot_be_committed_on_the_loop_goes_to_the_thread() -> None:
    book = Book()
    rows = started(book)
    await rows.record(row("one"))
    assert (book.at_once_batches, book.batches) == ([], [["one"]])
    await asyncio.to_thread(rows.close)


async def test_nothing_overtakes_what_waits_for_the_thread() -> None:
    book = Book()
    rows = started(book)
    task = await held_at_first_commit(book, rows)
    book.at_once = True
    later = await queued(rows, ["later"])
    await asyncio.sleep(0)
    assert not book.at_once_batches
    book.gate.set()
    await asyncio.gather(task, *later)
    assert book.batches == [["held"], ["later"]] and not book.at_once_batches
    await rows.record(row("last"))
    assert book.at_once_batches == [["last"]]
    await asyncio.to_thread(rows.close)


async def test_a_batch_over_the_limit_goes_to_the_thread_in_parts() -> None:
    book = Book(at_once=True)
    rows = started(book, batch_rows_max=2)
    await asyncio.gather(*(rows.record(row(name)) for name in ("one", "two", "three")))
    assert book.batches == [["one", "two"], ["three"]] and not book.at_once_batches
    await asyncio.to_thread(rows.close)


async def test_a_commit_on_the_loop_that_fails_tells_each_caller() -> None:
    book = Book(["fail", "bug"], at_once=True)
    rows = started(book)
    told = await asyncio.gather(rows.record(row("one")), rows.record(row("two")), return_exceptions=True)
    assert all(isinstance(one, errors.RecordsUnavailableError) for one in told) and told[0] is not told[1]
    with pytest.raises(errors.RecordsUnavailableError, match="Report this"):
        await rows.record(row("three"))
    await rows.record(row("four"))
    assert "four" in book.rows_by_id
    await asyncio.to_thread(rows.close)


async def test_the_row_of_a_caller_that_is_cancelled_before_the_turn_ends_is_written() -> None:
    book = Book(at_once=True)
    rows = started(book)
    (task,) = await queued(rows, ["one"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await rows.record(row("two"))
    assert {"one", "two"} <= book.rows_by_id.keys()
    await asyncio.to_thread(rows.close)


async def test_closing_in_the_same_turn_writes_what_was_gathered() -> None:
    book = Book(at_once=True)
    rows = started(book)
    (task,) = await queued(rows, ["one"])
    rows.close()
    await task
    assert book.batches == [["one"]]


async def test_after_many_commits_on_the_loop_the_thread_makes_a_checkpoint() -> None:
    book = Book(at_once=True)
    rows = started(book)
    for number in range(writer.CHECKPOINT_EVERY):
        await rows.record(row(str(number)))
    assert await asyncio.to_thread(book.checkpoints.acquire, timeout=WAIT_S)
    assert not book.checkpoints.acquire(blocking=False)
    await asyncio.to_thread(rows.close)
