"""Applies one patch to the toy of `toy_generations.py` and ends: the spike's patchctl, which may be killed at any moment.

python toy_patcher.py ROOT apply DIGEST (good|lame|bad)
python toy_patcher.py ROOT recover
"""

import os
import shutil
import sys
from pathlib import Path

import toy_generations
from council.upkeep.patchctl import journal, steps


def carry_out(root: Path, action: steps.Action, state: steps.State, kind: str) -> steps.Event:
    target = f"g{state.digest}"
    match action:
        case steps.Action.STAGE:
            write(root, target, kind)
            return steps.Done(target)
        case steps.Action.LAUNCH:
            return told(root, "launch", target)
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


def told(root: Path, command: str, generation: str) -> steps.Event:
    problem = toy_generations.command(root, command, generation)["problem"]
    return steps.Failed(problem) if problem else steps.Done()


def main() -> None:
    root = Path(sys.argv[1])
    book = journal.Journal.open_at(root / "journal")
    state = steps.replay(book.records)
    event: steps.Event | None = None
    kind = ""
    if state.phase is not steps.Phase.IDLE:
        event = steps.Restarted(toy_generations.command(root, "status")["live"])
    elif sys.argv[2] == "apply":
        kind = sys.argv[4]
        event = steps.Submitted(sys.argv[3], toy_generations.command(root, "status")["live"])
    while event is not None:
        after, record, action = steps.step(state, event)
        if after != state:
            book.append(record)
        state = after
        event = carry_out(root, action, state, kind) if action else None
    print(state.last.value if state.last else "nothing")


if __name__ == "__main__":
    main()
