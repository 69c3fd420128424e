"""NVIDIA's cards as their driver counts them: the memory of each, and of each process on them.

Asked through NVML, a library of the driver, in this process; no program is started. A driver that hangs, as one does whose card
fell off its bus, holds up the one thread that asks it and nobody else. Cards of others have no part in this.
"""

import contextlib
import functools
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_CARDS_MAX = 64
_NAME_CHARS_MAX = 100
_ANSWER_S = 3.0
# What Linux calls the processes of the whole machine (PROC_PID_INIT_INO of include/linux/proc_ns.h).
_ALL_PROCESSES = "pid:[4026531836]"


class DriverError(Exception):
    """The driver does not say; the text is why, without an end."""


@dataclass(frozen=True, slots=True)
class Card:
    """One card. `processes` holds bytes by pid, None for one whose memory is not counted; None where nobody lists them."""

    name: str
    used_bytes: int
    total_bytes: int
    processes: Mapping[int, int | None] | None


@functools.lru_cache(maxsize=1)
def here() -> "Driver | None":
    """Return this machine's driver, None where none is loaded: its library would then only look for what is not there."""
    return Driver(_library) if (_PROC / "driver/nvidia").is_dir() else None


def _library() -> Any:
    import pynvml

    return pynvml


class Driver:
    """Asks the driver. `load` returns the module `pynvml` or one like it, and is called on the thread that asks."""

    def __init__(self, load: Callable[[], Any], answer_s: float = _ANSWER_S):
        self._load = load
        self._answer_s = answer_s
        self._turn = threading.Lock()
        self._asking: threading.Thread | None = None
        self._begun = False

    def cards(self) -> tuple[Card, ...]:
        """Return what each card holds now, by its number. Blocks for 3 s at most. Raises DriverError."""
        with self._turn:
            if self._asking is not None and self._asking.is_alive():
                raise DriverError("the NVIDIA driver has not answered yet what it was asked before")
            told: list[tuple[Card, ...] | DriverError] = []
            self._asking = threading.Thread(target=lambda: told.append(self._told()), name="nvml", daemon=True)
            self._asking.start()
            self._asking.join(self._answer_s)
            if not told:
                raise DriverError(f"the NVIDIA driver did not answer within {self._answer_s:g} s")
        if isinstance(told[0], DriverError):
            raise told[0]
        return told[0]

    def process_bytes(self, pid: int) -> int:
        """Return what a process holds on all cards, 0 for one that is on none. Raises DriverError."""
        lists = [card.processes for card in self.cards()]
        held = [None if listed is None else listed[pid] for listed in lists if listed is None or pid in listed]
        counted = [one for one in held if one is not None]
        if len(counted) < len(held):
            raise DriverError("the NVIDIA driver does not count the memory of single processes")
        if not held and not _sees_all_processes():
            raise DriverError("the NVIDIA driver may know the process by a number that this container does not see")
        return sum(counted)

    def _told(self) -> tuple[Card, ...] | DriverError:
        try:
            library = self._load()
        except ImportError:
            return DriverError("there is an NVIDIA driver, and nvidia-ml-py, which asks it, is not installed")
        try:
            # Once: where nothing else uses the card, the driver starts it anew with each beginning.
            if not self._begun:
                library.nvmlInit()
                self._begun = True
            handles = map(library.nvmlDeviceGetHandleByIndex, range(min(library.nvmlDeviceGetCount(), _CARDS_MAX)))
            return tuple(_card(library, handle) for handle in handles)
        except library.NVMLError as error:
            if self._begun:
                self._begun = False
                # A driver that was replaced, or a card that came back, is found by a new beginning.
                with contextlib.suppress(library.NVMLError):
                    library.nvmlShutdown()
            return DriverError(f"the NVIDIA driver says: {str(error).rstrip('.')}")


def _card(library: Any, handle: Any) -> Card:
    memory = library.nvmlDeviceGetMemoryInfo(handle)
    name = str(library.nvmlDeviceGetName(handle))[:_NAME_CHARS_MAX]
    return Card(name, int(memory.used), int(memory.total), _processes(library, handle))


def _processes(library: Any, handle: Any) -> dict[int, int | None] | None:
    listed: dict[int, int | None] = {}
    # One that both computes and draws is in both lists, with all of its memory in each.
    for ask in (library.nvmlDeviceGetComputeRunningProcesses, library.nvmlDeviceGetGraphicsRunningProcesses):
        try:
            listed |= {one.pid: one.usedGpuMemory for one in ask(handle)}
        except (library.NVMLError_NotSupported, library.NVMLError_NoPermission):
            # A card that does not list who is on it, as one shared by virtual machines, still says how full it is.
            return None
    return listed


def _sees_all_processes() -> bool:
    try:
        return str((_PROC / "self/ns/pid").readlink()) == _ALL_PROCESSES
    except OSError:
        return False
