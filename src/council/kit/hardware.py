"""What this machine has to compute with: memory, cores, vector instructions, graphics processors. Read, never changed."""

import os
from dataclasses import dataclass
from pathlib import Path

from council.kit import nvml

_ROOT = Path("/")
_FILE_BYTES_MAX = 1024 * 1024
_GPUS_MAX = 64
_AMD = "0x1002"


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics processor. `memory_bytes` 0 means that nothing says how much it has."""

    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Machine:
    """Memory as the process may use it, so that a limit of a container counts too. `vectors`: of avx2, avx512, neon."""

    memory_bytes: int
    available_bytes: int
    cores: int
    vectors: tuple[str, ...]
    gpus: tuple[Gpu, ...]


def look(root: Path = _ROOT, driver: nvml.Driver | None = None, cores: int | None = None) -> Machine:
    """Return what there is. What cannot be read counts as not there; nothing is raised."""
    total, available = _memory(root)
    return Machine(
        memory_bytes=total,
        available_bytes=available,
        cores=cores or len(os.sched_getaffinity(0)),
        vectors=_vectors(_read(root / "proc/cpuinfo")),
        gpus=(_nvidia(root, driver or nvml.here()) + _amd(root))[:_GPUS_MAX],
    )


def available_bytes(root: Path = _ROOT) -> int:
    """Return how much memory is free or can be freed at once, as this process may use it; 0 where nothing says so."""
    return _memory(root)[1]


def _memory(root: Path) -> tuple[int, int]:
    info = _read(root / "proc/meminfo")
    total, available = _meminfo(info, "MemTotal"), _meminfo(info, "MemAvailable")
    limit, used = _cgroup(root / "sys/fs/cgroup")
    return (limit, min(available, max(0, limit - used))) if 0 < limit < total else (total, available)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_FILE_BYTES_MAX).decode(errors="replace")
    except OSError:
        return ""


def _meminfo(text: str, name: str) -> int:
    for line in text.splitlines():
        key, _, rest = line.partition(":")
        if key == name:
            return _number(rest.split()[0] if rest.split() else "") * 1024
    return 0


def _cgroup(folder: Path) -> tuple[int, int]:
    """Return the memory limit of a container and what it uses, 0 where there is no limit."""
    limit = _number(_read(folder / "memory.max").strip())
    return (limit, _number(_read(folder / "memory.current").strip())) if limit else (0, 0)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _vectors(cpuinfo: str) -> tuple[str, ...]:
    for line in cpuinfo.splitlines():
        key, _, rest = line.partition(":")
        if key.strip() in ("flags", "Features"):
            flags = set(rest.split())
            named = {"avx2": "avx2" in flags, "avx512": "avx512f" in flags, "neon": bool({"asimd", "neon"} & flags)}
            return tuple(name for name, there in named.items() if there)
    return ()


def _nvidia(root: Path, driver: nvml.Driver | None) -> tuple[Gpu, ...]:
    folder = root / "proc/driver/nvidia"
    if driver is None or not folder.is_dir():
        return ()
    try:
        return tuple(Gpu(card.name, card.total_bytes) for card in driver.cards())
    except nvml.DriverError:
        pass  # its folder names the cards, too
    found = []
    for path in sorted((folder / "gpus").glob("*/information"))[:_GPUS_MAX]:
        named = [line.partition(":")[2].strip() for line in _read(path).splitlines() if line.startswith("Model:")]
        found.append(Gpu((named[0] if named else "NVIDIA")[:100], 0))
    return tuple(found)


def _amd(root: Path) -> tuple[Gpu, ...]:
    devices = [path for path in sorted((root / "sys/class/drm").glob("card*/device")) if "-" not in path.parent.name]
    return tuple(
        Gpu(_read(path / "product_name").strip()[:100] or "AMD", _number(_read(path / "mem_info_vram_total").strip()))
        for path in devices
        if _read(path / "vendor").strip() == _AMD
    )
