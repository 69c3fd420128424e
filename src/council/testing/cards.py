"""NVIDIA's cards without any: a stand-in for the module `pynvml`, which can fail and hang as a driver does."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


class NvmlError(Exception):
    """What the binding raises for every status but success."""


class NotSupportedError(NvmlError):
    """What a card cannot tell."""


class NoPermissionError(NvmlError):
    """What the driver tells the administrator alone."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes of one card."""

    used: int
    total: int


@dataclass(frozen=True, slots=True)
class Process:
    """One process on a card; None where the driver does not count its memory."""

    pid: int
    usedGpuMemory: int | None  # noqa: N815 - the binding's name


@dataclass(slots=True)
class Nvml:
    """Cards as memory, and the processes that compute on each by its number. `failure` is what the driver says to everything.

    While `answers` is not set, nothing is answered. `begun` counts beginnings that were not ended.
    """

    cards: Sequence[Memory]
    computing: Mapping[int, Sequence[Process]] = field(default_factory=dict)
    drawing: Mapping[int, Sequence[Process]] = field(default_factory=dict)
    failure: str = ""
    answers: threading.Event = field(default_factory=threading.Event)
    begun: int = 0
    # What is raised to whoever asks for processes.
    unlisted: NvmlError | None = None
    NVMLError: type[Exception] = NvmlError
    NVMLError_NotSupported: type[Exception] = NotSupportedError
    NVMLError_NoPermission: type[Exception] = NoPermissionError

    def __post_init__(self) -> None:
        self.answers.set()

    def _check(self) -> None:
        self.answers.wait()
        if self.failure:
            raise NvmlError(self.failure)

    def nvmlInit(self) -> None:  # noqa: N802
        """Begin."""
        self._check()
        self.begun += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        """End what was begun."""
        self.begun -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        """Return how many cards there are."""
        self._check()
        return len(self.cards)

    def nvmlDeviceGetHandleByIndex(self, number: int) -> int:  # noqa: N802
        """Return the handle of a card: its number."""
        self._check()
        return number

    def nvmlDeviceGetName(self, number: int) -> str:  # noqa: N802
        """Return the name of a card."""
        return f"NVIDIA T{number}"

    def nvmlDeviceGetMemoryInfo(self, number: int) -> Memory:  # noqa: N802
        """Return how full a card is."""
        self._check()
        return self.cards[number]

    def nvmlDeviceGetComputeRunningProcesses(self, number: int) -> Sequence[Process]:  # noqa: N802
        """Return who computes on a card."""
        if self.unlisted is not None:
            raise self.unlisted
        return self.computing.get(number, ())

    def nvmlDeviceGetGraphicsRunningProcesses(self, number: int) -> Sequence[Process]:  # noqa: N802
        """Return who draws on a card."""
        return self.drawing.get(number, ())
