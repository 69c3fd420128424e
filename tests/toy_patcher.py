"""Applies one patch to the toy of `toy_generations.py` and ends: the spike's patchctl, which may be killed at any moment.

python toy_patcher.py ROOT apply DIGEST (good|lame|bad)
python toy_patcher.py ROOT recover
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import toy_generations
from council.upkeep.patchctl import journal, steps, way


def carry_out(root: Path, action: steps.Action, state: steps.State, kind: str) -> steps.Done | steps.Failed:
    target = f"g{state.digest}"
    match action:
        case steps.Action.STAGE:
            write(root, target, kind)
            return steps.Done(target)
        case steps.Action.LAUNCH:
            return told(root, "launch", target)
        case steps.Action.PAUSE | steps.Action.YIELD:
            raise AssertionError("the toy has memory for both")
        case steps.Action.EXAMINE:
            return steps.Failed("a gate is red") if value(root, target) == "lame" else steps.Done()
        case steps.Action.CHECK:
            return steps.Done()
        case steps.Action.PROMOTE:
            return told(root, "promote", target)
        case steps.Action.BAKE:
            return steps.Failed("a gate is red") if value(root, target) == "bad" else steps.Done()
        case steps.Action.RETURN if isinstance(failed := told(root, "promote", state.base), steps.Failed):
            raise OSError(failed.reason)
    told(root, "discard", target)
    for folder in (target, f".{target}.partial"):
        shutil.rmtree(root / "generations" / folder, ignore_errors=True)
    return steps.Done()


def write(root: Path, target: str, kind: str) -> None:
    """Write a generation under another name, and give it its own when all of it is on disk."""
    folder, partial = root / "generations" / target, root / "generations" / f".{target}.partial"
    if folder.exists():
        return
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    with (partial / "value").open("w") as file:
        file.write(kind)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(folder)
    descriptor = os.open(folder.parent, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def value(root: Path, target: str) -> str:
    return (root / "generations" / target / "value").read_text()


def told(root: Path, command: str, generation: str) -> steps.Done | steps.Failed:
    problem = toy_generations.command(root, command, generation)["problem"]
    return steps.Failed(problem) if problem else steps.Done()


class Hands:
    def __init__(self, root: Path, kind: str):
        self.root, self.kind = root, kind

    async def carry_out(self, action: steps.Action, state: steps.State) -> steps.Done | steps.Failed:
        return carry_out(self.root, action, state, self.kind)


async def main() -> None:
    root, command = Path(sys.argv[1]), sys.argv[2]
    takes = way.Way(journal.Journal.open_at(root / "journal"), Hands(root, sys.argv[4] if command == "apply" else ""))
    live = toy_generations.command(root, "status")["live"]
    state = await takes.recover(live)
    if command == "apply":
        state = await takes.apply(sys.argv[3], live, {"signer": "ann"})
    print(state.last.value if state.last else "nothing")


if __name__ == "__main__":
    asyncio.run(main())
