"""A patch followed from its submission to its end by what patchctl tells of it, to show each step or to wait for the last."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from council import care_ports
from council.domain import errors, patches


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
