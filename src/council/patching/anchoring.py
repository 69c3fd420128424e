"""The head of the journal, told to two others: git and the store. What they know of must be in the journal for good.

An end that was taken off the journal leaves a chain that holds; it shows only by a record that somebody else has heard of. So
after each patch, and whenever a checkpoint is due, `seal` signs the head and tells it: to a ref of the blueprint's repository,
which is on disk when it returns, and to the store, which may be away. A crash in between leaves a keeper that knows an earlier
record, which is as good as it was before.

What a keeper knows and the journal does not is never written over: it is what tells of the loss.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from council import ports
from council.domain import errors, home
from council.kit import chain
from council.upkeep.engine import repository
from council.upkeep.patchctl import journal, journal_key, lineage

STORE_KEY = "patchctl:anchor"
GIT, STORE = "git", "the store"


@dataclass(frozen=True, slots=True)
class Anchors:
    """Which point each keeper knows. `away` says who could not be asked and why, `problems` whose word is none."""

    points: Mapping[str, chain.Point]
    away: Sequence[str] = ()
    problems: Sequence[str] = ()


async def read(where: home.Home, store: ports.Store | None) -> Anchors:
    """Return what git and the store know; neither need be there. None where not even the settings say which store."""
    points: dict[str, chain.Point] = {}
    away, problems = [], []
    told: dict[str, bytes | None] = {}
    try:
        told[GIT] = await asyncio.to_thread(repository.anchored, where)
    except errors.BlueprintError as error:
        problems.append(f"What {GIT} knows of the journal cannot be read: {error.message}")
    try:
        told[STORE] = None if store is None else await store.get(STORE_KEY)
    except errors.StoreUnavailableError as error:
        away.append(f"What {STORE} knows of the journal could not be asked: {error.message}")
    if store is None:
        away.append(f"What {STORE} knows of the journal was not asked: there are no settings. Run `council init`.")
    for keeper, statement in told.items():
        if statement is None:
            continue
        try:
            points[keeper] = lineage.point_of(statement)
        except ValueError:
            problems.append(f"What {keeper} knows of the journal is no record of it. Find out who wrote it.")
    return Anchors(points, away, problems)


def look(entries: Sequence[journal.Entry], check: lineage.Check, anchors: Anchors) -> lineage.Found:
    """Return what is found in a journal whose chain holds, the keepers' word included."""
    found = lineage.look(entries, check, anchors.points)
    return lineage.Found(
        found.records, found.head, found.checkpoints, found.unsigned, [*found.problems, *anchors.problems]
    )


async def check(where: home.Home, entries: Sequence[journal.Entry], store: ports.Store) -> None:
    """Return if the journal is what was written, as far as anybody can tell; before anything is applied.

    Raises JournalError with the first problem, SetupError.
    """
    by_key = journal_key.checker(where.journal_certificate_file, where.journal_key_file)
    _refuse(look(entries, by_key, await read(where, store)).problems)


async def seal(where: home.Home, book: journal.Journal, store: ports.Store) -> Sequence[str]:
    """Sign the head of the journal, if that is no checkpoint, and tell it to both; return who could not be told, and why.

    Bears being done again, as after a crash. Raises JournalError where a keeper knows of what the journal lacks, and then
    nothing has changed; BlueprintError, SetupError; OSError, after which the journal must be opened anew.
    """
    if not book.entries:
        return []
    known = await read(where, store)
    _refuse(look(book.entries, lambda _, __: True, known).problems)
    if not lineage.is_checkpoint(book.entries[-1]):
        signature = journal_key.sign(where.journal_key_file, lineage.statement(book.head))
        book.append(lineage.checkpoint(book.head, signature))
    statement = lineage.statement(book.head)
    if known.points.get(GIT) != book.head:
        await asyncio.to_thread(repository.anchor, where, statement)
    try:
        await store.put(STORE_KEY, statement)
    except errors.StoreUnavailableError as error:
        return [f"{STORE} was not told of record {book.head.seq}: {error.message}"]
    return []


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        raise errors.JournalError(
            f"The journal of patches is not what was written. {problems[0]} Nothing is applied until a person has looked: "
            "`council lineage verify` says all that was found; put a copy from before in its place."
        )
