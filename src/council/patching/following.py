"""A patch followed from its submission to its end by what patchctl tells of it, to show each step or to wait for the last.

One that was refused since a crash met it on its way is as good as not taken in, and may be given again; but for one that is met
so often that it may be the cause.
"""

import contextlib
from collections.abc import AsyncGenerator, Iterable, Mapping
from typing import Any

from council import care_ports
from council.domain import errors, patches
from council.upkeep.patchctl import steps

INTERRUPTED_MAX = 3


async def rows(
    service: care_ports.PatchService, digest: str, *, trial: bool = False
) -> AsyncGenerator[Mapping[str, Any], None]:
    """Yield the row of a patch at each of its steps, that with its outcome as the last; of its trial, where it is only tried.

    Raises PatchServiceUnavailableError where the connection ends before the patch does.
    """
    async with contextlib.aclosing(service.follow()) as told:
        async for row in told:
            if row["digest"] == digest and bool(row["trial"]) == trial:
                yield row
                if row["outcome"]:
                    return
    raise errors.PatchServiceUnavailableError(
        f"The connection ended before the patch did. `council patch show {patches.cid(digest)}` tells how far it is."
    )


async def end(service: care_ports.PatchService, digest: str, *, trial: bool = False) -> Mapping[str, Any]:
    """Return the row of a patch at its end. Raises PatchServiceUnavailableError."""
    async with contextlib.aclosing(rows(service, digest, trial=trial)) as steps:
        async for row in steps:
            if row["outcome"]:
                return row
    raise AssertionError("the last row has the outcome")


def was_interrupted(row: Mapping[str, Any]) -> bool:
    """Whether a row is of a patch that a crash met before it served."""
    return bool(row["outcome"] == "refused" and row["reason"] == steps.INTERRUPTED)


def may_come_again(row: Mapping[str, Any], rows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the patch of a row may be given again for having been interrupted; `rows` are all that are known."""
    if not was_interrupted(row):
        return False
    alike = ((one["digest"], bool(one["trial"])) for one in rows if was_interrupted(one))
    return sum(one == (row["digest"], bool(row["trial"])) for one in alike) < INTERRUPTED_MAX
