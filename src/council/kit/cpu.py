"""What the processor can do."""

import platform
from pathlib import Path


def runs_local_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether llama.cpp's wheels run here: x86-64 with AVX2 and FMA, or aarch64."""
    machine = platform.machine()
    if machine == "aarch64":
        return True
    if machine != "x86_64":
        return False
    flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), "")
    return {"avx2", "fma"} <= set(flags.split())
