"""doctor: looks at everything Council leans on, and says how to mend what is missing."""

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass

import click

from council import app
from council.backends.model_provider import packaged
from council.cli import options
from council.domain import config as config_module
from council.domain import errors
from council.domain import home as home_module
from council.kit import confine, cpu
from council.services import table
from council.supervisor import ownership, users
from council.upkeep.engine import blueprint

_DISK_BYTES_MIN = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `needed` findings that are not `good` make doctor fail."""

    name: str
    good: bool
    text: str
    needed: bool = True


@click.command()
@options.home
@options.as_json
def doctor(where: home_module.Home, as_json: bool) -> None:
    """Look at everything Council leans on, and say how to mend what is missing."""
    findings = [*_machine(), *_home(where)]
    if as_json:
        options.print_json(findings)
    else:
        for finding in findings:
            mark = "ok  " if finding.good else ("FAIL" if finding.needed else "note")
            click.echo(f"{mark}  {finding.name:<12}{finding.text}")
    if any(finding.needed and not finding.good for finding in findings):
        sys.exit(1)


def _machine() -> list[Finding]:
    abi = confine.landlock_abi()
    git = shutil.which("git")
    return [
        Finding("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} (3.11 or newer is needed)"),
        Finding("git", git is not None, git or "missing; install it, for example with `apt-get install git`"),
        _full_text_search(),
        Finding(
            "processor",
            cpu.runs_local_model(),
            "runs the local model"
            if cpu.runs_local_model()
            else "lacks AVX2: no local model; specialists still answer",
            needed=False,
        ),
        Finding(
            "confinement",
            abi > 0,
            f"Landlock version {abi}; each process confines itself to its own folders"
            if abi
            else "this kernel has no Landlock, so only file modes keep the processes apart",
            needed=False,
        ),
    ]


def _full_text_search() -> Finding:
    database = sqlite3.connect(":memory:")
    try:
        database.execute("CREATE VIRTUAL TABLE probe USING fts5 (text)")
    except sqlite3.OperationalError:
        return Finding("sqlite", False, f"{sqlite3.sqlite_version} lacks FTS5; use a Python whose SQLite has it")
    finally:
        database.close()
    return Finding("sqlite", True, f"{sqlite3.sqlite_version} with FTS5")


def _home(where: home_module.Home) -> list[Finding]:
    try:
        generation = blueprint.current(where)
        config = options.config_of(where)
    except errors.CouncilError as error:
        return [Finding("blueprint", False, error.message)]
    free_bytes = shutil.disk_usage(where.root).free
    return [
        Finding("blueprint", True, f"generation {generation[:8]} under {where.root}"),
        Finding("disk", free_bytes >= _DISK_BYTES_MIN, f"{free_bytes / 2**30:.1f} GB free (0.5 GB is needed)"),
        _private(where),
        _regime(config, where),
        _asked("records", lambda: _records(config, where)),
        _model(config, where),
        _store(config, where),
        *_services(where),
    ]


def _regime(config: config_module.Config, where: home_module.Home) -> Finding:
    running = ownership.noted_regime(where)
    found = running or users.decide(config, where, table.NAMES)
    when = "" if running else "at the next start: "
    return Finding("users", found.name == "users", when + users.describe(found), needed=False)


def _private(where: home_module.Home) -> Finding:
    places = (where.token_file, where.secrets, where.internal_key_file)
    ours = users.noted_ids(where).values()
    loose = [path.name for path in places if path.exists() and _is_loose(path.stat(), ours)]
    if loose:
        return Finding("secrets", False, f"readable by others: {', '.join(loose)}; `chmod go-rwx` them")
    return Finding("secrets", True, "readable by their owner only, and the internal key by the services that need it")


def _is_loose(status: os.stat_result, ours: Collection[int]) -> bool:
    # A group of our own has no members but services.
    return bool(status.st_mode & (0o007 if status.st_gid in ours else 0o077))


def _asked(name: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, ask())
    except errors.CouncilError as error:
        return Finding(name, False, error.message)


def _records(config: config_module.Config, where: home_module.Home) -> str:
    records = app.records(config, where)
    try:
        records.ping()
    finally:
        records.close()
    kind = config.records.url.partition(":")[0] or "SQLite"
    return f"{kind} answers"


def _model(config: config_module.Config, where: home_module.Home) -> Finding:
    if config.model.file:
        there = os.path.isfile(config.model.file)  # noqa: PTH113 - a plain question about a configured text
        return Finding(
            "model", there, f"{config.model.file}{'' if there else ' is missing; `council models use` another'}"
        )
    prepared = packaged.find_prepared(where.models)
    if prepared is None:
        return Finding("model", False, "not prepared; `council models prepare`", needed=cpu.runs_local_model())

    def check() -> str:
        packaged.check(prepared)
        return f"{prepared.path.name}, digest as prepared"

    return _asked("model", check)


def _store(config: config_module.Config, where: home_module.Home) -> Finding:
    async def ping() -> None:
        store = app.store(config, where)
        try:
            await store.ping()
        finally:
            await store.close()

    try:
        asyncio.run(ping())
    except errors.CouncilError as error:
        if not isinstance(error, errors.StoreUnavailableError):
            return Finding("store", False, error.message)
        running = where.socket("supervisor").exists()
        return Finding("store", False, error.message if running else "not running", needed=bool(config.store.url))
    return Finding("store", True, "answers")


def _services(where: home_module.Home) -> list[Finding]:
    try:
        services = asyncio.run(app.runtime(where).status())
    except errors.SupervisorUnavailableError:
        return [Finding("services", False, "not running; `council up` starts them", needed=False)]
    except errors.CouncilError as error:
        return [Finding("services", False, error.message)]
    return [
        Finding(one.name, one.state == "ready", f"{one.state} {one.reason}".strip(), needed=True) for one in services
    ]
