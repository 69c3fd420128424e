"""Whether there is memory for what is started beside what runs. Looked at before a set starts, since too much ends others.

Main memory by what a service declares, and that of NVIDIA's cards by what the one that runs holds there: a model that computes
on a card will want as much of it once more. Where no driver tells who holds what, cards are not asked: a model that finds its
card full does not get ready, and nothing is lost but the try.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from council.domain import errors
from council.kit import hardware, nvml
from council.supervisor import specs

_MIB = 1024 * 1024
_ROOT = Path("/")


@dataclass(frozen=True, slots=True)
class Running:
    """A service that serves, and the processes that do."""

    spec: specs.ServiceSpec
    pids: Collection[int]


@dataclass(frozen=True, slots=True)
class _Place:
    """What is needed somewhere and what there is, bytes."""

    name: str
    needed: int
    there: int


def check(
    wanted: Sequence[specs.ServiceSpec],
    live: Sequence[Running] = (),
    *,
    stopping: bool = False,
    root: Path = _ROOT,
    driver: nvml.Driver | None = None,
) -> None:
    """Return if the memory that these need is available beside the live ones; with `stopping` in their place.

    Blocking, for 3 s where the driver of the cards hangs. Raises NoRoomError, NoRoomAtAllError.
    """
    dear = [spec for spec in wanted if spec.beside_bytes]
    if not dear:
        return
    names = {spec.name for spec in dear}
    serving = {one.spec.name: one for one in live if one.spec.name in names and one.pids}
    for place in (_main(dear, serving, stopping, root), *_cards(dear, serving, stopping, driver or nvml.here())):
        if place.there < place.needed:
            raise (errors.NoRoomAtAllError if stopping else errors.NoRoomError)(
                f"{_who(dear, stopping)} needs {place.needed // _MIB} MiB of {place.name}, and {place.there // _MIB} MiB "
                f"{'would be' if stopping else 'are'} available. Free some and try again, or set it with `council config set`, "
                "then `council down` and `council up`."
            )


def needed_bytes(spec: specs.ServiceSpec) -> int:
    """Return what a service needs beside another of it. A file that is not there counts as none: it fails by itself."""
    try:
        loaded = spec.loads.stat().st_size if spec.loads is not None else 0
    except OSError:
        loaded = 0
    return spec.beside_bytes + loaded


def _who(dear: Sequence[specs.ServiceSpec], stopping: bool) -> str:
    names = " and ".join(spec.name for spec in dear)
    return f"Even alone, {names} of this generation" if stopping else f"To run {names} of both generations"


def _main(dear: Sequence[specs.ServiceSpec], serving: Mapping[str, Running], stopping: bool, root: Path) -> _Place:
    given_back = sum(needed_bytes(one.spec) for one in serving.values()) if stopping else 0
    return _Place("memory", sum(map(needed_bytes, dear)), hardware.available_bytes(root) + given_back)


def _cards(
    dear: Sequence[specs.ServiceSpec], serving: Mapping[str, Running], stopping: bool, driver: nvml.Driver | None
) -> list[_Place]:
    try:
        cards = () if driver is None else driver.cards()
    except nvml.DriverError:
        return []
    growth = {
        spec.name: max(0, needed_bytes(spec) - needed_bytes(serving[spec.name].spec))
        for spec in dear
        if spec.name in serving
    }
    places = []
    for card in cards:
        held = {name: sum((card.processes or {}).get(pid) or 0 for pid in serving[name].pids) for name in growth}
        on_it = {name: size for name, size in held.items() if size}
        given_back = sum(on_it.values()) if stopping else 0
        needed = sum(size + growth[name] for name, size in on_it.items())
        places.append(_Place(f"the memory of {card.name}", needed, card.total_bytes - card.used_bytes + given_back))
    return places
