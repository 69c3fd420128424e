"""Disk: the base environment with its model, a gateway alone, and LiteLLM's environment; all with bytecode."""

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import councils
import figures
from peers import processes

BASE_TARGET_MB = 900.0
GATEWAY_TARGET_MB = 180.0

Say = Callable[[str], None]


def run(port: int, with_peers: bool, say: Say) -> list[figures.Row]:
    """Take every figure of this part."""
    with councils.folder() as folder:
        say("size: base environment from requirements.lock")
        rows = _base(folder, port)
        say("size: gateway alone")
        rows += _gateway_only(folder)
    if with_peers:
        say("size: LiteLLM")
        rows += _litellm()
    return rows


def _base(folder: Path, port: int) -> list[figures.Row]:
    lock = figures.ROOT / "requirements.lock"
    made = folder / "base"
    python = processes.make_environment(made, ["--no-deps", "--require-hashes", "-r", str(lock)])
    compile_all(made)
    where = councils.prepare(folder / "h", port)
    environment_mb, model_mb = disk_bytes(made) / 1e6, disk_bytes(where.models) / 1e6
    note = f"environment {environment_mb:.0f} MB, prepared model {model_mb:.0f} MB"
    return [
        figures.Row(
            "base environment with model", figures.OURS, environment_mb + model_mb, "MB", BASE_TARGET_MB, note=note
        ),
        figures.Row("base environment, packages", figures.OURS, packages(python), "packages"),
    ]


def _gateway_only(folder: Path) -> list[figures.Row]:
    project = tomllib.loads((figures.ROOT / "pyproject.toml").read_text())["project"]
    pins = folder / "pins.txt"
    pins.write_text("\n".join(_pins()))
    python = processes.make_environment(folder / "gateway", project["dependencies"], pins)
    compile_all(folder / "gateway")
    size_mb = disk_bytes(folder / "gateway") / 1e6
    note = "plain dependencies of pyproject.toml"
    return [
        figures.Row("gateway alone", figures.OURS, size_mb, "MB", GATEWAY_TARGET_MB, note=note),
        figures.Row("gateway alone, packages", figures.OURS, packages(python), "packages"),
    ]


def _litellm() -> list[figures.Row]:
    try:
        made = processes.litellm_environment()
    except processes.UnavailableError as error:
        return [figures.Row("gateway alone", processes.LITELLM, None, "MB", note=str(error))]
    compile_all(made)
    count = packages(made / "bin" / "python")
    return [
        figures.Row(
            "gateway alone",
            processes.LITELLM,
            disk_bytes(made) / 1e6,
            "MB",
            note=f"litellm[proxy] {processes.LITELLM_VERSION}",
        ),
        figures.Row("gateway alone, packages", processes.LITELLM, count, "packages"),
    ]


def _pins() -> list[str]:
    """Return the lock as constraints, without its hashes: a constraint file takes none."""
    text = (figures.ROOT / "requirements.lock").read_text().replace("\\\n", " ")
    return [re.split(r"\s+--hash=", line)[0].strip() for line in text.splitlines() if re.match(r"[A-Za-z0-9]", line)]


def compile_all(environment: Path) -> None:
    """Write all bytecode, as the first start would in part; uv writes none and pip all."""
    command = [str(environment / "bin" / "python"), "-m", "compileall", "-q", "-j0", str(environment / "lib")]
    # Packages carry templates and tests in other syntax; that these do not compile is not our matter.
    subprocess.run(command, check=False, capture_output=True)


def packages(python: Path) -> int:
    """Return how many distributions an environment holds."""
    script = "import importlib.metadata as m; print(len({d.name for d in m.distributions()}))"
    return int(subprocess.run([str(python), "-c", script], check=True, capture_output=True, text=True).stdout)


def disk_bytes(folder: Path) -> int:
    """Return the disk that a folder takes as `du` counts it: blocks, each file once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in (folder, *folder.rglob("*")):
        found = path.lstat()
        if (found.st_dev, found.st_ino) not in seen:
            seen.add((found.st_dev, found.st_ino))
            total += found.st_blocks * 512
    return total
