"""Real processes: patches are applied under load while the one who applies them is killed at its system calls.

Nothing that is asked fails, no answer is of two generations, and the next start ends what was begun. `make test` kills at a
sample of the calls; `PATCH_KILLS=all` kills at every one, and `make soak ARGS="--only patch-kills"` does so in parts.
"""

import asyncio
import collections
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import toy_killed

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[toy_killed.Toy]:
    made = toy_killed.Toy(tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("kind", ["good", "lame", "bad"])
async def test_a_patch_killed_at_its_calls_is_ended_by_the_next_start(toy: toy_killed.Toy, kind: str) -> None:
    places = await asyncio.to_thread(toy_killed.calls_of, toy, kind)
    assert len(places) > 20
    chosen = places if os.environ.get("PATCH_KILLS") == "all" else random.Random(7).sample(places, 6)
    outcomes: collections.Counter[str] = collections.Counter()

    def work() -> None:
        for inject in chosen:
            outcomes[toy.apply(kind, inject)] += 1

    await toy.under_load(asyncio.ensure_future(asyncio.to_thread(work)))
    assert not toy.failures, toy.failures[:3]
    assert toy.killed == len(chosen)
    print(f"{kind}: ended at {len(chosen)} of {len(places)} places, {dict(outcomes)}; asked {dict(toy.asked)}")


async def test_whoever_is_killed_at_any_moment_leaves_one_generation_to_the_next_start(toy: toy_killed.Toy) -> None:
    took_s = await toy_killed.kill_some(toy, 4, random.Random(11))
    assert max(took_s) < 30
