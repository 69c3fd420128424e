"""The hands of the healer: each action of a playbook, carried out on the parts of this Council.

All bear being done again: an override has the repair's id, and a patch is named by its CID. None decides.
"""

import asyncio
import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from council import care_ports, kept_ports, ports
from council.domain import errors, evidence, overrides, playbooks, repairs, sandbox_wire
from council.kit import clock as clock_module

_PROVIDER_CALLS = "council_provider_calls_total"
# What is looked at to find the provider that fails, and from how many calls on it may be named.
_CALLS_S = 300.0
_CALLS_MIN = 5
_SHARE_MIN = 0.5
_MODELS_MAX = 8
# The providers of each model.
Models = Mapping[str, frozenset[str]]

# Of a caller who left the provider may have been as well as any.
_WELL = frozenset({"ok", "cancelled"})


class KillSwitch(Protocol):
    """What stops the sandbox; see ports.Sandbox."""

    async def kill(self, caller: str, request_id: str, reason: str = "") -> int:
        """Throw the kill switch; return how many jobs it ended. Raises SandboxUnavailableError."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Whom the hands reach. `models` are the providers of each model."""

    runtime: ports.Runtime
    patch_service: care_ports.PatchService
    overrides: kept_ports.Overrides
    repairs: kept_ports.Repairs
    sandbox: KillSwitch
    watch: care_ports.Watch
    clock: clock_module.Clock
    models: Callable[[], Models]


class Hands:
    """Carries out and undoes. Raises CouncilError where an action fails."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def carry_out(self, one: repairs.Repair, playbook: playbooks.Playbook) -> repairs.Repair:
        """Do what a repair's playbook says; return the repair with what was put, and what is to be said of it."""
        match playbook.action:
            case playbooks.Action.RESTART | playbooks.Action.DRAIN | playbooks.Action.REBUILD_INDEX:
                await self._parts.runtime.restart(one.component)
            case playbooks.Action.RECREATE_POOL:
                running = {row.name for row in await self._parts.runtime.status(memory=False)}
                for service in playbooks.POOL:
                    if service in running:
                        await self._parts.runtime.restart(service)
            case playbooks.Action.ROLLBACK:
                row = await self._parts.patch_service.roll_back(one.cid, one.by, one.why[: repairs.TEXT_CHARS_MAX])
                return dataclasses.replace(one, cid=str(row.get("cid", "")) or one.cid)
            case playbooks.Action.PUT_BACK:
                told = await self._parts.patch_service.put_settings_back()
                # It would come back by itself, after a pause that has grown with each try.
                try:
                    await self._parts.runtime.restart(one.component)
                except errors.CouncilError as error:
                    raise errors.UnavailableError(f"{told}; but {error.message}", detail=error.detail) from error
                return dataclasses.replace(one, told=told)
            case playbooks.Action.KILL_SWITCH:
                ended = await self._parts.sandbox.kill(one.by, one.id, one.why[: sandbox_wire.REASON_CHARS_MAX])
                return dataclasses.replace(
                    one, told=f"{ended} jobs were ended; `council sandbox lift` lets jobs in again"
                )
            case playbooks.Action.COMPACT:
                await asyncio.to_thread(self._parts.repairs.compact)
            case action if action in playbooks.KIND_BY_ACTION:
                return await self._override(one, playbook)
            case _:
                # A bot takes up what is raised: it reads the incident by itself.
                pass
        return one

    async def undo(self, one: repairs.Repair) -> bool:
        """Take away what a repair put, noted in it or not; return whether anything of it was still in force."""
        if not one.overrides and one.action not in playbooks.KIND_BY_ACTION:
            return False
        at_us = self._parts.clock.now_us()
        found = await asyncio.to_thread(self._parts.overrides.in_force, at_us)
        mine = [each.id for each in found if each.by == one.id]
        lifted = [await asyncio.to_thread(self._parts.overrides.lift, name, at_us) for name in mine]
        return any(lifted)

    async def _override(self, one: repairs.Repair, playbook: playbooks.Playbook) -> repairs.Repair:
        at_us = self._parts.clock.now_us()
        kind = playbooks.KIND_BY_ACTION[playbook.action]
        put: list[str] = []
        values = await self._values(playbook)
        for each in await asyncio.to_thread(self._parts.overrides.in_force, at_us):
            if each.by == overrides.OWNER and each.kind is kind and each.target in dict(values):
                raise errors.OverloadedError(
                    f"The owner's own override {each.id} holds there: {each.title}. `council overrides lift {each.id}` ends it."
                )
        for number, (target, value) in enumerate(values):
            wanted = overrides.Override(
                id=f"{one.id}-{number}",
                kind=kind,
                target=target,
                value=value,
                reason=overrides.reason_of(one.why),
                by=one.id,
                began_us=at_us,
                until_us=at_us + round(playbook.holds_s * 1e6),
            )
            if not await asyncio.to_thread(self._parts.overrides.put, wanted, overrides.MOST):
                await self.undo(dataclasses.replace(one, overrides=tuple(put)))
                raise errors.OverloadedError(
                    f"{overrides.MOST} overrides are in force already. Lift one: `council overrides lift ID`."
                )
            put.append(wanted.id)
        return dataclasses.replace(one, overrides=tuple(put))

    async def _values(self, playbook: playbooks.Playbook) -> Sequence[tuple[str, str]]:
        match playbook.action:
            case playbooks.Action.SCALE:
                rows = await self._parts.runtime.status(memory=False)
                running = sum(row.name.partition(":")[0] == "gateway" for row in rows)
                return [("gateway", str(running + 1))]
            case playbooks.Action.SWITCH_PROVIDER:
                since_s = self._parts.clock.now_us() / 1e6 - _CALLS_S
                name = failing(await self._parts.watch.tracks((_PROVIDER_CALLS,), since_s))
                if not name:
                    raise errors.NotFoundError(
                        "No provider fails more often than it answers. See `council providers test`."
                    )
                if not (targets := without(name, await asyncio.to_thread(self._parts.models))):
                    raise errors.NotFoundError(
                        f"No model that {name} answers has another provider. Give it one in providers.yaml."
                    )
                return [(target, f"-{name}") for target in targets]
            case _:
                return playbook.values


def without(provider: str, models: Models) -> Sequence[str]:
    """Return for which models a provider may be left out: all where each has another, else those that have."""
    its = {name for name, providers in models.items() if provider in providers}
    others = sorted(name for name in its if models[name] - {provider})
    return [overrides.ALL] if others and len(others) == len(its) else others[:_MODELS_MAX]


def failing(tracks: Sequence[evidence.Track]) -> str:
    """Return the provider of which most calls failed in these series, "" where none failed more often than not."""
    calls: dict[str, list[float]] = {}
    for track in tracks:
        labels: Mapping[str, str] = dict(track.labels)
        if not track.points or track.name != _PROVIDER_CALLS:
            continue
        # A counter that began anew rose by what it is now.
        values = [value for _, value in track.points]
        rose = sum(max(0.0, new - old) if new >= old else new for old, new in itertools.pairwise(values))
        counted = calls.setdefault(labels.get("provider", ""), [0.0, 0.0])
        counted[0] += rose
        counted[1] += 0.0 if labels.get("outcome") in _WELL else rose
    shares = {name: bad / whole for name, (whole, bad) in calls.items() if name and whole >= _CALLS_MIN}
    worst = max(shares, key=lambda name: shares[name], default="")
    return worst if shares.get(worst, 0.0) > _SHARE_MIN else ""
