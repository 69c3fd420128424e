"""What must hold once the campaign of the pipeline is over: one story in forge and lineage, and nothing left over."""

import asyncio
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import councils
import pipeline_authors
import soak_checks
from council.domain import home as home_module
from council.kit import listeners
from council.upkeep.engine import repository

_STEP_S = 60.0
_GENERATIONS_MAX = 10 + 3
_COMMAND_S = 120.0
_PORTS = 30


async def one_story(where: home_module.Home, crew: pipeline_authors.Crew) -> list[str]:
    """Return what forge, lineage and what serves disagree about."""
    wrong = []
    if not await _in_step(where, crew):
        wrong.append(f"main does not hold what serves after {_STEP_S:.0f} s")
    told_of = json.loads(await _told(where, "patch", "history", "--json", "--limit", "1000"))
    rows = {one["cid"]: one for one in told_of if not one["trial"]}
    merged = await crew.merged()
    for pull in merged:
        cid = pull.body.rpartition("cid:")[2][:16]
        row = rows.get(cid)
        if row is None or row["outcome"] not in ("applied", "rolled back", "refused"):
            wrong.append(f"pull request {pull.number} was merged, and the lineage says of {cid}: {row}")
    served = {cid for cid, row in rows.items() if row["outcome"] == "applied"}
    told = {pull.body.rpartition("cid:")[2][:16] for pull in merged}
    wrong += [f"patch {cid} serves, and no merged pull request proposed it" for cid in sorted(served - told)]
    wrong += [f"pull request {pull.number} was left open" for pull in await crew.open()]
    verified = await _told(where, "lineage", "verify", "--json", check=False)
    if problems := json.loads(verified)["problems"]:
        wrong.append(f"the lineage does not verify: {problems}")
    return wrong


async def _in_step(where: home_module.Home, crew: pipeline_authors.Crew) -> bool:
    deadline_s = asyncio.get_running_loop().time() + _STEP_S
    while asyncio.get_running_loop().time() < deadline_s:
        tree = await asyncio.to_thread(repository.tree_of, where, where.current.readlink().name)
        if (await crew.head()).tree == tree:
            return True
        await asyncio.sleep(0.5)
    return False


def left_over(where: home_module.Home, port: int) -> list[str]:
    """Return what is still there once Council has stopped."""
    return [*soak_checks.left_behind(where), *_left(where, port)]


def _left(where: home_module.Home, port: int) -> Iterator[str]:
    kept = [one for one in where.generations.iterdir() if one.is_dir()]
    if len(kept) > _GENERATIONS_MAX:
        yield f"{len(kept)} generations were left"
    yield from (
        f"{one.name} was left in generations/" for one in where.generations.iterdir() if one.name.startswith(".")
    )
    if where.releases.is_dir() and (found := sorted(one.name for one in where.releases.iterdir())):
        yield f"environments were left: {found}"
    command = [
        "git",
        "-c",
        "safe.directory=*",
        "-C",
        str(where.forge),
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads",
    ]
    branches = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if strange := [
        one for one in branches if one not in ("main", "observer-archive") and not one.startswith("observer-logs")
    ]:
        yield f"branches were left: {strange[:5]}"
    for offset in range(_PORTS):
        # The scripted upstream of the campaign is not Council's.
        if offset != 10 and not _is_free(port + offset):
            yield f"port +{offset} is still open"


def _is_free(port: int) -> bool:
    try:
        listeners.tcp("127.0.0.1", port).close()
    except OSError:
        return False
    return True


async def _told(where: home_module.Home, *arguments: str, check: bool = True) -> str:
    """Return what a command prints. Raises subprocess.CalledProcessError."""
    command: list[Any] = [*councils.COMMAND, *arguments, "--home", str(where.root)]

    def run() -> str:
        done = subprocess.run(
            command, env=councils.environment(), capture_output=True, text=True, timeout=_COMMAND_S, check=check
        )
        return done.stdout

    return await asyncio.to_thread(run)
