"""Whether there is memory for what is started beside what runs. Looked at before a set starts, since too much ends others."""

from collections.abc import Sequence
from pathlib import Path

from council.domain import errors
from council.kit import hardware
from council.supervisor import specs

_MIB = 1024 * 1024
_ROOT = Path("/")


def check(wanted: Sequence[specs.ServiceSpec], root: Path = _ROOT) -> None:
    """Return if the memory that these declare to need is available. Blocking. Raises UnavailableError."""
    needs = {spec.name: needed_bytes(spec) for spec in wanted if spec.beside_bytes}
    if not needs:
        return
    available = hardware.available_bytes(root)
    if available < sum(needs.values()):
        raise errors.UnavailableError(
            f"To run {' and '.join(needs)} of both generations needs {sum(needs.values()) // _MIB} MiB of memory, and "
            f"{available // _MIB} MiB are available. Free some and try again, or set it with `council config set`, then "
            "`council down` and `council up`."
        )


def needed_bytes(spec: specs.ServiceSpec) -> int:
    """Return what a service needs beside another of it. A file that is not there counts as none: it fails by itself."""
    try:
        loaded = spec.loads.stat().st_size if spec.loads is not None else 0
    except OSError:
        loaded = 0
    return spec.beside_bytes + loaded
