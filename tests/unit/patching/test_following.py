"""A patch is followed by its own steps to its own end."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, cast

import pytest

from council.domain import errors
from council.patching import following

MINE, OTHER = "ab" * 32, "cd" * 32


class Telling:
    """Tells of patches what it is given."""

    def __init__(self, *told: tuple[str, bool, str]) -> None:
        self.told = told

    async def follow(self) -> AsyncGenerator[Mapping[str, Any], None]:
        for digest, trial, outcome in self.told:
            yield {"digest": digest, "trial": trial, "outcome": outcome}


async def outcomes(told: Telling, *, trial: bool) -> list[str]:
    return [row["outcome"] async for row in following.rows(cast(Any, told), MINE, trial=trial)]


@pytest.mark.parametrize(("trial", "wanted"), [(True, ["", "tried"]), (False, ["", "", "applied"])])
async def test_other_patches_and_its_other_way_are_passed_over(trial: bool, wanted: list[str]) -> None:
    ways = [(MINE, False, ""), (OTHER, trial, "refused"), (MINE, True, ""), (MINE, False, ""), (MINE, True, "tried")]
    told = Telling(*ways, (MINE, False, "applied"), (MINE, trial, "rolled back"))
    assert await outcomes(told, trial=trial) == wanted
    assert (await following.end(cast(Any, told), MINE, trial=trial))["outcome"] == wanted[-1]


async def test_a_connection_that_ends_before_the_patch_does_is_an_error() -> None:
    with pytest.raises(errors.PatchServiceUnavailableError, match="patch show abababab"):
        await following.end(cast(Any, Telling((MINE, False, ""))), MINE)
