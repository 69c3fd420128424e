"""doctor: looks at everything Council leans on, and says how to mend what is missing."""

import asyncio
import contextlib
import http.client
import importlib.util
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import click

from council import app, care_app, care_records, homes, ports
from council.backends.model_provider import detect, packaged
from council.cli import building, calls, model_files, options
from council.cli import sandbox as sandbox_command
from council.delivery import workflow
from council.domain import alerting, answers, errors, gates, incidents, sentinels
from council.domain import config as config_module
from council.domain import home as home_module
from council.domain import sandbox as sandbox_domain
from council.kit import clock as clock_module
from council.kit import confine, cpu
from council.patching import recorded
from council.services import rights
from council.supervisor import ownership, specs, users
from council.upkeep.chaos import mark
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
    git, gpgv = shutil.which("git"), shutil.which("gpgv")
    return [
        Finding("python", sys.version_info >= (3, 11), f"{sys.version.split()[0]} (3.11 or newer is needed)"),
        Finding("git", git is not None, git or "missing; install it, for example with `apt-get install git`"),
        Finding(
            "gpgv",
            gpgv is not None,
            gpgv or "missing, and no patch is taken without it; install it, for example with `apt-get install gpgv`",
            needed=False,
        ),
        _full_text_search(),
        Finding("dashboard", *building.look(), needed=False),
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


def _settings(where: home_module.Home, generation: str) -> list[Finding]:
    wrong = recorded.fault(where, generation, os.environ)
    return [Finding("settings", False, f"{wrong} `council config restore` mends it.")] if wrong else []


def _home(where: home_module.Home) -> list[Finding]:
    try:
        generation = blueprint.current(where)
        config = calls.config_of(where, None)
    except errors.CouncilError as error:
        return [Finding("blueprint", False, error.message)]
    free_bytes = shutil.disk_usage(where.root).free
    return [
        Finding("blueprint", True, f"generation {generation[:8]} under {where.root}"),
        *_settings(where, generation),
        *_shipped(where),
        Finding("disk", free_bytes >= _DISK_BYTES_MIN, f"{free_bytes / 2**30:.1f} GB free (0.5 GB is needed)"),
        _private(where),
        *([Finding("chaos", False, told, needed=False)] if (told := mark.told(where.chaos)) else []),
        *_regime(config, where, generation),
        _asked("records", lambda: _records(config, where)),
        _model(config, where),
        _store(config, where),
        *_providers(config, where),
        *(Finding("found", True, line, needed=False) for line in _unused_servers(config, where)),
        *_sandbox(config, where),
        *_audit(where),
        *_library(config, where),
        *_incidents(config, where),
        *_watched(where, generation),
        *_gates(where),
        *_forge(config, where),
        *_services(where),
    ]


def _regime(config: config_module.Config, where: home_module.Home, generation: str) -> list[Finding]:
    running = ownership.noted_regime(where)
    found = running or users.decide(config, where, specs.with_users(specs.specs(config, where, generation)))
    when = "" if running else "at the next start: "
    finding = Finding("users", found.name == "users", when + users.describe(found), needed=False)
    if found.name == "users" and config.sandbox.kind == "firejail":
        text = "firejail runs only for users with names, and sandboxd's has none; start Council as an ordinary user"
        return [finding, Finding("sandbox", False, text)]
    return [finding]


def _private(where: home_module.Home) -> Finding:
    places = (where.token_file, where.secrets, *sorted(where.secrets.glob("*.key")))
    places = (*places, *sorted(where.provider_keys.glob("*.key")), *sorted(where.notify_addresses.glob("*.url")))
    ours = users.noted_ids(where).values()
    loose = [path.name for path in places if path.exists() and _is_loose(path.stat(), ours)]
    if loose:
        return Finding("secrets", False, f"readable by others: {', '.join(loose)}; `chmod go-rwx` them")
    return Finding("secrets", True, "readable by their owner only, and keys by the services that need them")


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
    return f"{config.records.url.partition(':')[0] or 'SQLite'} answers"


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


def _unused_servers(config: config_module.Config, where: home_module.Home) -> list[str]:
    """Return a line for each server of models on this machine that is no provider yet."""
    try:
        used = {one.url.rstrip("/") for one in homes.load_catalogue(where, None, config).providers.values()}
    except errors.CouncilError:
        return []
    local = {url.replace("//localhost", "//127.0.0.1") for url in used}
    return model_files.server_lines([one for one in detect.find() if one.url not in local])


# For all providers together: they are asked at once.
_PROVIDERS_S = 5.0


def _providers(config: config_module.Config, where: home_module.Home) -> list[Finding]:
    """Return a finding for each provider; none is needed, since Council answers without."""
    try:
        found = homes.load_catalogue(where, None, config)
        if not found.providers:
            return []
        servers, off = app.servers(found, config, where)
    except errors.CouncilError as error:
        return [Finding("providers", False, error.message)]
    said = asyncio.run(_reached({name: servers[name] for name in found.providers if name in servers}))
    said |= {name: f"off: {reason}" for name, reason in off.items()}
    return [
        Finding("provider", not said[name], f"{name} {said[name] or 'answers at ' + one.url}", needed=False)
        for name, one in found.providers.items()
    ]


async def _reached(servers: Mapping[str, ports.ModelProvider]) -> dict[str, str]:
    """Return what is wrong with each server, nothing where it answers."""

    async def reach(server: ports.ModelProvider) -> str:
        try:
            async with asyncio.timeout(_PROVIDERS_S):
                await server.models()
        except TimeoutError:
            return f"did not answer within {_PROVIDERS_S:g} s"
        except errors.CouncilError as error:
            return f"does not answer: {error.detail or error.message}"
        finally:
            await server.close()
        return ""

    return dict(zip(servers, await asyncio.gather(*map(reach, servers.values())), strict=True))


# How to get a layer that is missing; the others are namespaces.
_MENDS = {
    "memory: cgroup": "start Council as root, or with `systemd-run --user --scope -p Delegate=yes council up`",
    "own uid": "start Council as root",
    "landlock": "needs Linux 5.13 or newer, booted with `landlock` among the kernel's `lsm=`",
    "seccomp": "needs a kernel with CONFIG_SECCOMP_FILTER, on x86-64 or aarch64",
    "user namespace": (
        "`sysctl -w user.max_user_namespaces=15000`; on Debian also `kernel.unprivileged_userns_clone=1`, on Ubuntu "
        "`kernel.apparmor_restrict_unprivileged_userns=0`"
    ),
}
_MENDS["processes: cgroup"] = _MENDS["memory: cgroup"]
_MEND_OTHERS = "in a container, run it so that `unshare` and `mount` are allowed in it"

_PROGRAMS = {
    "firejail": ("firejail", "install it, for example with `apt-get install firejail`"),
    "gvisor": ("runsc", "install gVisor, see https://gvisor.dev/docs/user_guide/install"),
}
_AUDIT_FILES = 2
_AUDIT_MEND = (
    "where it is not for want of rights, keep a copy of the folder `sandbox` in the home, then stop Council, move the folder "
    "away and start again"
)
_STATUS_S = 10.0
_SHOWN_MAX = 5
_FAILED_US = 7 * 86_400_000_000
_STATUS_BYTES_MAX = 1024 * 1024


def _sandbox(config: config_module.Config, where: home_module.Home) -> list[Finding]:
    kind = config.sandbox.kind
    program, how = _PROGRAMS.get(kind, ("", ""))
    if program and shutil.which(program) is None:
        return [Finding("sandbox", False, f"`sandbox.kind` is {kind}, and {program} is missing; {how}")]
    found = []
    bare = rights.why_not_confined("sandboxd", config)
    if bare:
        found.append(Finding("sandbox", False, f"its service does not confine itself: {bare}", needed=False))
    try:
        state = _sandbox_state(config, where)
    except errors.CouncilError as error:
        return [*found, Finding("sandbox", False, error.message)]
    if state is None:
        return [*found, Finding("sandbox", False, f"{kind}; its layers are looked at while Council runs", needed=False)]
    return [*found, *_of_state(state)]


def _audit(where: home_module.Home) -> list[Finding]:
    """Verify the newest part of the audit trail; the whole may take a while."""
    from council.serving.sandbox import audit

    with contextlib.suppress(OSError):
        if not where.sandbox.exists() or not any(where.sandbox.iterdir()):
            return []  # nothing has run yet
    verdict = audit.verify(where.sandbox, _AUDIT_FILES)
    if verdict.problem:
        return [Finding("audit", False, f"{verdict.problem}; {_AUDIT_MEND}")]
    text = f"the chain is whole from record {verdict.first_seq} on; `council sandbox audit` verifies all files"
    return [Finding("audit", True, text)]


def _sandbox_state(config: config_module.Config, where: home_module.Home) -> sandbox_domain.State | None:
    """Return the sandbox's state, None where Council does not run."""
    if calls.token(where, config) is None:
        return None
    path = sandbox_command.STATUS_PATH
    reply = calls.call(where, config, "GET", path, timeout_s=_STATUS_S, reply_bytes_max=_STATUS_BYTES_MAX)
    return sandbox_command.state_of(reply)


def _of_state(state: sandbox_domain.State) -> list[Finding]:
    if state.refuses:
        first = Finding("sandbox", False, f"{state.kind}, refuses jobs: {state.refuses}")
    elif state.stopped:
        text = f"{state.kind}, the kill switch was thrown by {state.stopped_by}; `council sandbox lift`"
        first = Finding("sandbox", False, text, needed=False)
    else:
        first = Finding("sandbox", True, f"{state.kind}, {len(state.layers)} layers")
    # What another kind lacks, no command mends.
    ours = state.kind == "namespaces"
    missing = [
        f"without {layer}: {reason}" + (f"; {_MENDS.get(layer, _MEND_OTHERS)}" if ours else "")
        for layer, reason in state.layers_missing.items()
    ]
    return [first, *(Finding("sandbox", False, text, needed=False) for text in missing)]


def _library(config: config_module.Config, where: home_module.Home) -> list[Finding]:
    """Tell how many documents recall has left out, and of how many it knows the meaning; it says so to anyone here."""
    if calls.token(where, config) is None:
        text = "its documents are looked at while Council runs; `council library list` reads them now"
        return [Finding("library", False, text, needed=False)]
    connection = http.client.HTTPConnection("127.0.0.1", config.recall_port, timeout=_STATUS_S)
    try:
        connection.request("GET", "/livez")
        reply = calls.object_of(connection.getresponse().read(_STATUS_BYTES_MAX))
        count = sum(int(of_folder) for of_folder in reply["left_out"].values())
        meanings = _meanings(reply["meanings"])
    except (errors.CouncilError, OSError, http.client.HTTPException, KeyError, AttributeError, ValueError, TypeError):
        return [Finding("library", False, "recall does not say what it has read; see `council status`", needed=False)]
    finally:
        connection.close()
    if count:
        text = f"documents left out, or read in part: {count:,}; `council library list` names them and what helps"
        return [Finding("library", False, text, needed=False), meanings]
    return [Finding("library", True, "every document is read", needed=False), meanings]


def _meanings(reply: dict[str, Any]) -> Finding:
    found = answers.Meanings(**reply)
    of_all = f"of {found.passages:,} passages"
    why = f": {found.reason}" if found.reason else ""
    match found.state:
        case "off":
            return Finding("meanings", True, "searches go by words: `recall.meanings` is off", needed=False)
        case "waiting":
            return Finding("meanings", False, f"searches go by words so far{why}", needed=False)
        case "filling":
            return Finding("meanings", False, f"{found.known:,} {of_all} are known so far{why}", needed=False)
        case "ready":
            return Finding("meanings", not why, f"{found.known:,} {of_all} are known{why}", needed=False)
    raise ValueError(found.state)


def _incidents(config: config_module.Config, where: home_module.Home) -> list[Finding]:
    """Tell what goes on, which notices nobody got, and what keeps the next ones from arriving."""
    found = []
    try:
        if alerting.needs_apprise(care_app.addresses(where).values()) and importlib.util.find_spec("apprise") is None:
            text = "there are addresses and Apprise is not installed; `pip install 'council-cloud[notify]'`"
            found.append(Finding("notices", False, text, needed=False))
    except errors.SetupError as error:
        found.append(Finding("notices", False, error.message, needed=False))
    try:
        with contextlib.closing(care_records.incidents(config, where)) as kept:
            going_on = kept.newest(_SHOWN_MAX, standing=incidents.Standing.OPEN)
            failed = kept.parcels(incidents.Delivery.FAILED, config.alerts.notices_max)
            waiting = kept.counts()[incidents.Delivery.WAITING]
    except errors.CouncilError:
        return found  # the records have a line of their own
    for one in going_on:
        text = f"{one.title} ({one.severity}); `council incidents show {one.id}`"
        found.append(Finding("incident", False, text, needed=False))
    since_us = clock_module.SystemClock().now_us() - _FAILED_US
    if lately := [one for one in failed if one.notice.at_us >= since_us]:
        newest = f"the newest over {lately[0].channel}: {lately[0].reason}"
        text = f"{len(lately):,} could not be delivered this week, {newest}; `council notify failed` shows them"
        found.append(Finding("notices", False, text, needed=False))
    if waiting:
        text = f"{waiting:,} wait to be delivered; a channel that was away is tried again"
        found.append(Finding("notices", False, text, needed=False))
    return found or [Finding("incidents", True, "none goes on, and every notice was delivered", needed=False)]


_OF_THE_WATCHER = frozenset({gates.FILE, sentinels.FILE})


def _outdated(where: home_module.Home) -> Collection[str]:
    """Return the files that an earlier version shipped and nobody changed, none where that cannot be told."""
    try:
        return homes.update_of(where, workflow.present(where)).changes.keys()
    except errors.CouncilError:
        return ()


def _shipped(where: home_module.Home) -> list[Finding]:
    if not (found := _outdated(where)):
        return []
    text = f"{len(found):,} of its files are another version's; `council blueprint update` brings them up to date"
    return [Finding("blueprint", False, text, needed=False)]


def _watched(where: home_module.Home, generation: str) -> list[Finding]:
    """Tell what keeps the watcher from starting, and which gates and sentinels read what no service reports."""
    mend = f"`git clone {where.blueprint}`, mend it there and `git push`, then start Council again"
    if not _OF_THE_WATCHER.isdisjoint(_outdated(where)):
        mend = "`council blueprint update` brings it up to date; then start Council again"
    try:
        judged = care_app.on_this_machine(homes.load_gates(where, generation))
        rules = homes.load_sentinels(where, generation)
    except errors.ConfigError as error:
        return [Finding("watcher", False, f"{error.message} {mend[0].upper()}{mend[1:]}")]
    try:
        homes.load_book(where, generation)
    except errors.ConfigError as error:
        return [Finding("healer", False, f"Nothing is repaired: {error.message} {mend[0].upper()}{mend[1:]}")]
    reading = {f"the gate {one.name}": gates.metrics(one) for one in judged if not one.not_applicable}
    # An optional one is about whoever reports its signal.
    reading |= {f"the sentinel {one.name}": sentinels.signals(one) for one in rules if not one.optional}
    known = care_app.known_metrics()
    return [
        Finding("watcher", False, f"{who} reads {', '.join(lacking)}, which no service reports; {mend}", needed=False)
        for who, wanted in reading.items()
        if (lacking := sorted(wanted - known))
    ]


def _gates(where: home_module.Home) -> list[Finding]:
    """Tell which gates are red, and that somebody watches at all."""
    try:
        sight = asyncio.run(care_app.watch(where).sight())
    except errors.WatcherUnavailableError:
        return [Finding("gates", False, "nobody watches; `council status` shows whether it runs", needed=False)]
    count = {verdict: sum(one.verdict is verdict for one in sight.gates) for verdict in gates.Verdict}
    told = ", ".join(f"{number} {verdict}" for verdict, number in count.items() if number) or "none judged yet"
    red = [one for one in sight.gates if one.verdict is gates.Verdict.RED]
    return [
        Finding("gates", not red, f"{told}; `council gates` says why", needed=False),
        *(Finding("gate", False, f"{one.name} is red: {one.reason}", needed=False) for one in red),
    ]


def _forge(config: config_module.Config, where: home_module.Home) -> list[Finding]:
    """Return what the token lacks for a forge elsewhere; the local one needs none."""
    if config.forge.kind != "github":
        return []
    try:
        lacks = asyncio.run(care_app.lacking(config.forge, where))
    except errors.CouncilError as error:
        return [Finding("forge", False, error.message, needed=False)]
    found = [Finding("forge", False, f"{one.what}; {one.remedy}", needed=False) for one in lacks]
    return found or [Finding("forge", True, f"github, {config.forge.repository}")]


def _services(where: home_module.Home) -> list[Finding]:
    try:
        services = asyncio.run(care_app.runtime(where).status())
    except errors.SupervisorUnavailableError:
        return [Finding("services", False, "not running; `council up` starts them", needed=False)]
    except errors.CouncilError as error:
        return [Finding("services", False, error.message)]
    return [Finding(one.name, one.state == "ready", f"{one.state} {one.reason}".strip()) for one in services]
