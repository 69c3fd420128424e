"""Which module is which process: what `council run NAME` starts."""

import fcntl
import importlib
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from council import homes
from council.domain import errors, home, inputs
from council.kit import commits
from council.upkeep.engine import blueprint

Name = Literal[
    "store", "model", "worker", "recall", "zygote", "sandboxd", "patchctl", "watcher", "steward", "gateway", "messenger",
    "installer", "migrator", "backup", "bots",
]  # fmt: skip
NAMES: tuple[str, ...] = get_args(Name)


def run(name: Name, where: home.Home, environment: Mapping[str, str]) -> int:
    """Run one service in this process until it is told to stop; return the exit status.

    Imports only the module of that service, so that no process carries another's libraries.
    """
    # Started by hand there is no supervisor to say which generation; then it is the live one.
    generation = environment.get("COUNCIL_GENERATION") or blueprint.current(where)
    # It becomes part of a path.
    if not commits.is_commit(generation):
        raise errors.ConfigError(
            "COUNCIL_GENERATION must be the 40 or 64 lower-case hex digits of a commit. Unset it for the live generation."
        )
    os.environ["COUNCIL_GENERATION"] = generation
    config = inputs.narrowed(name, homes.load_config(where, generation, environment, {}))
    where = where.among(environment)
    # One worker keeps its counts in memory: the shared files are mapped, and a full disk ends a process that touches a new
    # page of them.
    if name == "gateway" and max(config.gateway.workers, config.gateway.workers_max) > 1:
        share_metrics(where)
    status: int = importlib.import_module(f"council.services.{name}").main(config, where)
    return status


# More than can run: replicas, each with a candidate and those of older generations that still drain.
_PLACES_MAX = 512


def share_metrics(where: home.Home) -> None:
    """Let the gateway's workers sum their metrics; must run before telemetry is imported.

    Each worker takes the first place that no living one holds, and goes on counting in the files of whoever held it
    before. So there are never more files than workers ran at once, sums outlive the workers, and nothing that a scrape is
    reading is moved or removed, but for the gauges of workers that ended.
    """
    folder = where.run / "metrics"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    with (folder / "places.lock").open("w") as lock:
        # One at a time, or one that only looks whether a place is free would make it seem taken.
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = _take_place(folder)
    from prometheus_client import values

    # The library would name the files by pid.
    values.ValueClass = values.MultiProcessValue(lambda: place)  # type: ignore[no-untyped-call]


def forget_ended(where: home.Home) -> None:
    """Remove the gauges of workers that have ended, which tell of a generation that is gone. Needs no place of our own."""
    folder = where.run / "metrics"
    for lock in folder.glob("place_*.lock"):
        with lock.open("r+b") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for gauges in folder.glob(f"gauge_live*_{lock.stem.removeprefix('place_')}.db"):
                gauges.unlink(missing_ok=True)


def _take_place(folder: Path) -> int:
    mine: int | None = None
    for place in range(_PLACES_MAX):
        path = folder / f"place_{place}.lock"
        if mine is not None and not path.exists():
            break
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            continue
        for gauges in folder.glob(f"gauge_live*_{place}.db"):
            gauges.unlink(missing_ok=True)
        if mine is None:
            # Never closed: the kernel frees the place when this process ends, however it does.
            mine = place
            _remove_damaged(folder, place)
        else:
            os.close(descriptor)
    if mine is None:
        raise errors.OverloadedError(f"{_PLACES_MAX} gateway processes run already. Stop some.")
    return mine


def _remove_damaged(folder: Path, place: int) -> None:
    """Remove files of a place that cannot be read, as after a full disk: they would end every worker that takes it."""
    from prometheus_client import mmap_dict

    for path in folder.glob(f"*_{place}.db"):
        try:
            with path.open("rb") as file:
                (used_bytes,) = struct.unpack("i", file.read(4))
            list(mmap_dict.MmapedDict.read_all_values_from_file(path))  # type: ignore[no-untyped-call]
            damaged = not 0 <= used_bytes <= path.stat().st_size
        except (OSError, ValueError, RuntimeError, struct.error):
            damaged = True
        if damaged:
            path.unlink(missing_ok=True)
