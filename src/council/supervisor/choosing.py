"""Which services of a generation must start for some of them to be of it: these, and those that ask them. Pure.

And who may end at once with whom: nobody ends while one that asks it may still have something to finish.
"""

from collections.abc import Collection, Iterator, Sequence

from council.domain import errors
from council.supervisor import specs

_ANEW = "Such a change takes effect by `council down` and `council up`."


def chosen(
    planned: Sequence[specs.ServiceSpec], live: Sequence[specs.ServiceSpec], names: Collection[str]
) -> tuple[specs.ServiceSpec, ...]:
    """Return which services of a generation must be started for these to be of it. Raises InvalidRequestError."""
    by_name = {spec.name: spec for spec in live}
    if by_name.keys() != {spec.name for spec in planned}:
        changed = by_name.keys() ^ {spec.name for spec in planned}
        raise errors.InvalidRequestError(
            f"This generation has other services than those that run: {', '.join(sorted(changed))}. {_ANEW}"
        )
    moved = [spec.name for spec in planned if _ports(spec) != _ports(by_name[spec.name])]
    if moved:
        raise errors.InvalidRequestError(f"In this generation {', '.join(moved)} listens elsewhere. {_ANEW}")
    if unknown := set(names) - by_name.keys():
        raise errors.InvalidRequestError(
            f"No service is named {min(unknown)[:100]!r}. There are {', '.join(by_name)}.", parameter="services"
        )
    wanted = set(names)
    while (
        more := {caller for spec in planned if spec.name in wanted for caller in callers(spec)}
        & by_name.keys() - wanted
    ):
        wanted |= more
    if single := [spec.name for spec in planned if spec.name in wanted and not spec.beside]:
        raise errors.InvalidRequestError(f"Two of {' and '.join(single)} cannot run side by side. {_ANEW}")
    return tuple(spec for spec in planned if spec.name in wanted)


def callers(spec: specs.ServiceSpec) -> frozenset[str]:
    """Return the services that ask this one."""
    return frozenset(one.caller for one in spec.sockets if one.caller)


def endings(found: Sequence[specs.ServiceSpec]) -> Iterator[list[str]]:
    """Yield the names of services that may end at once, those first whom no other asks; the store, which all ask, last."""
    left = {spec.name: spec for spec in found}
    while left:
        asked = {name for name, spec in left.items() if _askers(spec, left)}
        ending = [name for name in left if name not in asked] or list(left)
        yield ending
        for name in ending:
            del left[name]


def _askers(spec: specs.ServiceSpec, left: Collection[str]) -> set[str]:
    """Return who of those that are left asks a service: of the store, which names nobody, all of them."""
    named = (
        {*callers(spec), *spec.asked_by, *(one.also for one in spec.sockets)} if spec.ready == "notify" else set(left)
    )
    return named & set(left) - {spec.name}


def _ports(spec: specs.ServiceSpec) -> list[tuple[str, str, int]]:
    return [(one.name, one.host, one.port) for one in spec.sockets if one.kind == "tcp"]
