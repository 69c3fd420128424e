from pathlib import Path

import pytest

from council.kit import hardware, nvml
from council.testing import cards

MEMINFO = "MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def asked(library: cards.Nvml) -> nvml.Driver:
    return nvml.Driver(lambda: library)


def never() -> nvml.Driver:
    def fail() -> None:
        raise AssertionError("asked NVIDIA's driver")

    return nvml.Driver(fail)


def test_memory_cores_and_vector_instructions_are_read(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", MEMINFO)
    write(tmp_path, "proc/cpuinfo", "processor\t: 0\nflags\t\t: fma avx2 avx512f avx512bw\n")
    assert hardware.look(tmp_path, never(), cores=4) == hardware.Machine(
        16_000_000 * 1024, 8_000_000 * 1024, 4, ("avx2", "avx512"), ()
    )


def test_the_limit_of_a_container_counts_and_none_does_not(tmp_path: Path) -> None:
    write(tmp_path, "proc/meminfo", MEMINFO)
    write(tmp_path, "sys/fs/cgroup/memory.max", "4000000000\n")
    write(tmp_path, "sys/fs/cgroup/memory.current", "1000000000\n")
    found = hardware.look(tmp_path, never())
    assert (found.memory_bytes, found.available_bytes) == (4_000_000_000, 3_000_000_000)
    assert hardware.available_bytes(tmp_path) == 3_000_000_000
    write(tmp_path, "sys/fs/cgroup/memory.max", "max\n")
    assert hardware.look(tmp_path, never()).memory_bytes == 16_000_000 * 1024


def test_an_nvidia_card_is_found_by_what_its_driver_says_or_lists(tmp_path: Path) -> None:
    write(tmp_path, "proc/driver/nvidia/gpus/0000:01:00.0/information", "Model: \t\t NVIDIA RTX\nIRQ: 1\n")
    library = cards.Nvml([cards.Memory(5, 8_000_000_000)])
    assert hardware.look(tmp_path, asked(library)).gpus == (hardware.Gpu("NVIDIA T0", 8_000_000_000),)
    library.failure = "Driver/library version mismatch"
    assert hardware.look(tmp_path, asked(library)).gpus == (hardware.Gpu("NVIDIA RTX", 0),)


def test_an_amd_card_is_found_and_its_connectors_are_not_cards(tmp_path: Path) -> None:
    write(tmp_path, "sys/class/drm/card0/device/vendor", "0x1002\n")
    write(tmp_path, "sys/class/drm/card0/device/mem_info_vram_total", "8589934592\n")
    write(tmp_path, "sys/class/drm/card0-DP-1/device/vendor", "0x1002\n")
    write(tmp_path, "sys/class/drm/card1/device/vendor", "0x8086\n")
    assert hardware.look(tmp_path, never()).gpus == (hardware.Gpu("AMD", 8589934592),)


@pytest.mark.parametrize("meminfo", ["", "MemTotal\n", "MemTotal:\n", "MemTotal: many kB\n", "MemTotal: " + "9" * 400])
def test_what_cannot_be_read_counts_as_not_there(tmp_path: Path, meminfo: str) -> None:
    write(tmp_path, "proc/meminfo", meminfo)
    found = hardware.look(tmp_path, never())
    assert (found.memory_bytes, found.available_bytes, found.vectors, found.gpus) == (0, 0, (), ())
    assert found.cores >= 1
