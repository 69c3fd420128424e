"""The composition root of the care loop: settings in, wired objects out. That of the serving loop is `app.py`."""

import asyncio
import contextlib
import dataclasses
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from council import care_ports, care_records, dashboard_ports, kept_ports, ports
from council.domain import alerting, budgets, errors, gates, patches, sentinels, watching
from council.domain import config as config_module
from council.domain import forge as forge_module
from council.domain import home as home_module
from council.domain import incidents as incidents_module
from council.domain import tracing as tracing_module
from council.kit import clock as clock_module
from council.kit import nvml

if TYPE_CHECKING:
    from council.upkeep import loop as loop_module
    from council.upkeep.alerts import keeping as keeping_module
    from council.upkeep.samples import recent as recent_module

_ADDRESSES_MAX = 20
_HEADERS_BYTES_MAX = 64 * 1024
# Longest wait for one reply of the store: some megabytes of guides at once.
_GUIDES_S = 5.0

_log = logging.getLogger(__name__)


def known_metrics() -> frozenset[str]:
    """Return the names of all that a service can report, of both loops."""
    from council import care_telemetry, telemetry

    assert care_telemetry.EXPIRES is not None
    return telemetry.names()


def proposals(where: home_module.Home, port: int) -> care_ports.Proposals:
    """Return who opens pull requests for bots: the steward on a port of this machine. Raises SetupError."""
    from council.backends.proposals import http

    return http.HttpProposals(port, read_secret(where.bots_key_file))


def advisor(config: config_module.Config, where: home_module.Home) -> care_ports.Advisor:
    """Return who asks a model for a bot: the gateway of this machine."""
    from council.backends.advisor import http

    scheme = "https" if config.gateway.tls_cert_file else "http"
    token = read_secret(where.bots_token_file) if where.bots_token_file.exists() else ""
    return http.HttpAdvisor(f"{scheme}://127.0.0.1:{config.port}", token)


def kill_switch(config: config_module.Config, where: home_module.Home) -> ports.Sandbox:
    """Return what stops the sandbox: its service on this machine."""
    from council.backends.sandbox_runner import unix

    return unix.UnixSandbox(where.socket("sandboxd"), config.sandbox)


def notifiers(config: config_module.Config, where: home_module.Home) -> list[care_ports.Notifier]:
    """Return the channels that the settings name, one for each address. Read once: a new address needs a restart."""
    from council.backends.notifier import alertmanager, file, log

    made: list[care_ports.Notifier] = []
    for kind in dict.fromkeys(config.alerts.channels):
        match kind:
            case "log":
                made.append(log.LogNotifier())
            case "file":
                made.append(file.FileNotifier(where.notices, config.alerts.file_bytes_max, config.alerts.files_max))
            case "alertmanager":
                url = config.watch.alertmanager_url
                made.append(alertmanager.AlertmanagerNotifier(url, config.alerts.repeat_s, config.alerts.send_s))
            case "apprise":
                made += [_address_notifier(name, found, config.alerts) for name, found in addresses(where).items()]
            case _:
                raise AssertionError(f"the settings let no channel of kind {kind!r} pass")
    return made


def _address_notifier(name: str, address: str, settings: alerting.AlertsConfig) -> care_ports.Notifier:
    if url := alerting.slack_url(address):
        from council.backends.notifier import slack
        from council.upkeep.observer import slack_messages

        return slack.SlackNotifier(name, url, settings.send_s, slack_messages.blocks, clock_module.SystemClock())
    from council.backends.notifier import apprise

    return apprise.AppriseNotifier(name, address, settings.send_s)


def check_address(name: str, address: str) -> None:
    """Raise InvalidRequestError where no notice can go to an address, without showing it, and NotifyError without Apprise."""
    if url := alerting.slack_url(address):
        from council.backends.notifier import slack

        slack.check(name, url)
        return
    from council.backends.notifier import apprise

    apprise.check(name, address)


def addresses(where: home_module.Home) -> dict[str, str]:
    """Return the addresses that notices go to, by name. They are secrets. Raises SetupError where one cannot be read."""
    found = {}
    for file in sorted(where.notify_addresses.glob("*.url"))[:_ADDRESSES_MAX]:
        try:
            found[file.stem] = file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise errors.SetupError(
                f"The address {file.stem} cannot be read. Give it again: `council notify add {file.stem}`."
            ) from error
    return found


def tracer(config: config_module.Config, where: home_module.Home) -> ports.Tracer:
    """Return where the spans of requests go. Raises ConfigError, SetupError for its headers.

    Without the extra that it needs requests are answered all the same, and the log says so.
    """
    from council.backends.tracer import nowhere

    if not config.tracing.on or not config.tracing.endpoint:
        return nowhere.NoTracer()
    headers = _tracing_headers(where)
    if headers:
        tracing_module.check_headers(config.tracing)
    try:
        from council.backends.tracer import otlp
    except ImportError as error:
        missing = "`tracing.endpoint` needs the extra `otel`: pip install 'council-cloud[otel]', then start anew"
        _log.error("spans are sent nowhere", extra={"reason": missing, "detail": str(error)})
        return nowhere.NoTracer()
    return otlp.OtlpTracer(config.tracing, headers)


def _tracing_headers(where: home_module.Home) -> dict[str, str]:
    path = where.tracing_headers_file
    try:
        with path.open("rb") as file:
            return tracing_module.headers(file.read(_HEADERS_BYTES_MAX).decode())
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise errors.SetupError(f"The file `secrets/{path.name}` cannot be read. Mend it, or take it away.") from error


def alerts(
    config: config_module.Config,
    where: home_module.Home,
    settings: alerting.AlertsConfig | None = None,
    only: str = "",
) -> "keeping_module.Keeping":
    """Return what takes in observations, keeps incidents and tells people: of one alert `only`, if one is named.

    It waits and repeats as `settings` say, if given. Its records must have been migrated.
    """
    from council.kit import ids
    from council.upkeep.alerts import desk, keeping

    settings = settings or config.alerts
    made = desk.Desk(settings, ids.ulid)
    clock = clock_module.SystemClock()
    return keeping.Keeping(made, care_records.incidents(config, where), notifiers(config, where), settings, clock, only)


@dataclasses.dataclass(frozen=True, slots=True)
class Watcher:
    """The care loop, wired, with what others of its process reach."""

    loop: "loop_module.Loop"
    targets: Callable[[], Sequence[watching.Target]]
    gates: Sequence[gates.Gate]
    sentinels: Sequence[sentinels.Sentinel]
    alerts: "keeping_module.Keeping"
    samples: care_ports.Samples
    scraper: care_ports.Scraper
    source: care_ports.MetricsSource

    async def close(self) -> None:
        """Close what the loop leans on."""
        await self.source.close()
        await self.scraper.close()
        await asyncio.to_thread(self.samples.close)


def watcher(
    config: config_module.Config,
    where: home_module.Home,
    label: patches.Label,
    watched: Sequence[gates.Gate],
    rules: Sequence[sentinels.Sentinel],
    spending: Callable[[], Sequence[budgets.Line]],
    also: Callable[[], Sequence[incidents_module.Observation]] = tuple,
) -> Watcher:
    """Return the care loop of a generation with its gates and sentinels. Raises SetupError.

    `spending` reads every budget from the records, and raises RecordsUnavailableError; `also` is what others have found.
    """
    from council.backends.samples import sqlite
    from council.upkeep import loop
    from council.upkeep.samples import recent

    settings = config.watch
    samples = sqlite.SqliteSamples(where.watch / "samples.db")
    reads = scraper(config, where)
    seen = recent.Recent(loop.RECENT_S, settings.series_max)
    source = _metrics_source(settings, seen)
    kept_alerts = alerts(config, where)

    parts = loop.Parts(
        runtime(where),
        reads,
        source,
        samples,
        kept_alerts,
        lambda: targets(where),
        spending,
        clock_module.SystemClock(),
        also,
    )
    listed = on_this_machine(watched)
    made = loop.Loop(parts, listed, rules, seen, settings, label)
    return Watcher(made, lambda: targets(where), listed, rules, kept_alerts, samples, reads, source)


def scraper(config: config_module.Config, where: home_module.Home) -> care_ports.Scraper:
    """Return what reads the services of this home. Raises SetupError."""
    from council.backends.scraper import http

    return http.HttpScraper({"gateway": read_secret(where.metrics_key_file)}, config.watch)


def targets(where: home_module.Home) -> list[watching.Target]:
    """Return whom the supervisor lists. Raises ScrapeError."""
    try:
        return watching.read_targets(json.loads(where.targets_file.read_text()))
    except (OSError, ValueError) as error:
        raise errors.ScrapeError(f"{where.targets_file.name} cannot be read: {error}") from error


def trier(where: home_module.Home, url: str, limit_s: float) -> care_ports.Trier:
    """Return what puts marked requests to the gateway at a URL. Raises SetupError."""
    from council.backends.trier import http

    return http.HttpTrier(url, read_secret(where.trial_key_file), limit_s=limit_s)


def generations(where: home_module.Home) -> care_ports.Generations:
    """Return what has generations started and switched: the supervisor of this machine."""
    from council.backends.runtime import local

    return local.LocalRuntime(where)


def _metrics_source(settings: watching.WatchConfig, seen: "recent_module.Recent") -> care_ports.MetricsSource:
    match settings.source:
        case "embedded":
            from council.upkeep import loop

            return loop.Embedded(seen)
        case "prometheus":
            from council.backends.metrics_source import prometheus
            from council.upkeep.gates import asking

            return prometheus.PrometheusSource(
                settings.prometheus_url, settings.answer_s, asking.expression, asking.measured
            )
        case _:
            raise AssertionError(f"the settings let no source of kind {settings.source!r} pass")


def on_this_machine(found: Sequence[gates.Gate]) -> list[gates.Gate]:
    """Return the gates with those declared not applicable that ask for what this machine has not."""
    why = "" if _has_card() else "there is no NVIDIA graphics processor on this machine, or no driver for it"
    return [
        dataclasses.replace(gate, not_applicable=gate.not_applicable or why) if gate.name == "gpu_memory" else gate
        for gate in found
    ]


def _has_card() -> bool:
    driver = nvml.here()
    try:
        return driver is not None and bool(driver.cards())
    except nvml.DriverError:
        return True  # one that does not answer is unknown, which is not the same as none


def guidebook(url: str, where: home_module.Home) -> care_ports.Guidebook:
    """Return the guides in the store at `store.url`, "" for the bundled one."""
    from council.backends.store import bundled, guides

    return guides.ValkeyGuidebook(url or bundled.url(where), _GUIDES_S)


def watch(where: home_module.Home) -> care_ports.Watch:
    """Return what asks the watcher."""
    from council.backends.watch import unix

    return unix.UnixWatch(where.socket("watcher"))


def tokens(where: home_module.Home) -> care_ports.Tokens:
    """Return what knows the tokens of users: the gateway that serves."""
    from council.backends.tokens import http

    def gateway() -> str:
        return next(one.url for one in targets(where) if one.service == "gateway").removesuffix("/metrics")

    return http.HttpTokens(gateway)


def patch_service(where: home_module.Home, port: int) -> care_ports.PatchService:
    """Return what asks patchctl on a port of this machine: with the owner's key, or COUNCIL_TOKEN where that cannot be read."""
    from council.backends.patch_service import http

    try:
        key = where.patches_key_file.read_text().strip()
    except OSError:
        key = os.environ.get("COUNCIL_TOKEN", "")
    return http.HttpPatchService(f"http://127.0.0.1:{port}", key)


class Beside(TypedDict):
    """What the gateway shows, and leans on for the dashboard, beside the request loop; by the names in `gateway.parts`."""

    incidents: kept_ports.Incidents
    snapshots: kept_ports.Snapshots
    overrides: kept_ports.Overrides
    repairs: kept_ports.Repairs
    guidebook: care_ports.Guidebook
    chats: dashboard_ports.Chats
    turn_log: dashboard_ports.TurnLog
    changes: dashboard_ports.Changes
    blueprint: dashboard_ports.Blueprint


def beside(config: config_module.Config, where: home_module.Home) -> Beside:
    """Return it, each part to be closed by whoever has it."""
    return {
        "incidents": care_records.incidents(config, where),
        "snapshots": care_records.snapshots(config, where),
        "overrides": care_records.overrides(config, where),
        "repairs": care_records.repairs(config, where),
        "guidebook": guidebook(config.store.url, where),
        "chats": care_records.chats(config, where),
        "turn_log": turn_log(config, where),
        "changes": changes(where, config.patchctl_port),
        "blueprint": blueprint(where),
    }


def blueprint(where: home_module.Home) -> dashboard_ports.Blueprint:
    """Return the live generation's own files, to be read."""
    from council.backends.blueprint import folder

    return folder.FolderBlueprint(where.current)


def changes(where: home_module.Home, port: int) -> dashboard_ports.Changes:
    """Return what shows patches, with a key that is for reading alone."""
    from council.backends.patch_service import http

    return http.HttpPatchService(f"http://127.0.0.1:{port}", reader_key(where))


def key_stamps(where: home_module.Home) -> Callable[[str], int | None]:
    """Return what says when the key of a provider was put, nanoseconds, None where there is none."""

    def stamp(name: str) -> int | None:
        try:
            return where.provider_key_file(name).stat().st_mtime_ns
        except FileNotFoundError:
            return None

    return stamp


def reader_key(where: home_module.Home) -> str:
    """Return that key, "" in a home from before there was one: then nobody reads by it until `council up` has made it."""
    try:
        return where.reader_key_file.read_text().strip()
    except OSError:
        return ""


def turn_log(config: config_module.Config, where: home_module.Home) -> dashboard_ports.TurnLog:
    """Return what running turns say, in the store that the settings name."""
    from council.backends.store import bundled, turns

    return turns.ValkeyTurns(config.store.url or bundled.url(where), config.store.timeout_s)


def forge(config: forge_module.ForgeConfig, where: home_module.Home, account: str) -> care_ports.Forge | None:
    """Return the forge that the settings name, None for none. `account` is as whom the local one is asked.

    Raises SetupError where GitHub's token cannot be read.
    """
    match config.kind:
        case "local":
            from council.backends.forge import local

            return local.LocalForge(where.forge, account, time.time)
        case "github":
            return github_forge(config.repository, read_secret(where.forge_token_file), "", config.api_url)
        case _:
            return None


async def lacking(config: forge_module.ForgeConfig, where: home_module.Home) -> list[forge_module.Lack]:
    """Return what the forge's account may not do, nothing without a forge. Raises ForgeError, SetupError."""
    made = forge(config, where, "")
    if made is None:
        return []
    lacks = []
    if config.webhook and not where.forge_webhook_file.exists():
        what = f"there is no {where.forge_webhook_file.name} under secrets/, which webhooks are signed with"
        lacks.append(
            forge_module.Lack(what, "Put there what the forge has as its secret, or set `forge.webhook` to no.")
        )
    try:
        return [*lacks, *await made.lacking()]
    finally:
        await made.close()


def distant_patch_service(url: str, token: str) -> care_ports.PatchService:
    """Return what asks the patchctl of another machine's Council, or of one whose home is not ours to read."""
    from council.backends.patch_service import http

    return http.HttpPatchService(url, token)


def github_forge(repository: str, token: str, account: str, url: str = "") -> care_ports.Forge:
    """Return a repository on GitHub, as `OWNER/NAME`, asked as `account`; `url` "" is github.com. Raises ConfigError."""
    from council.backends.forge import github, github_calls

    settings = github_calls.Settings(repository, token, account)
    return github.GitHubForge(dataclasses.replace(settings, url=url) if url else settings, time.time)


@contextlib.asynccontextmanager
async def distant_sighting(url: str, token: str) -> AsyncIterator[care_ports.Sighting]:
    """Give what asks the gateway at `url` for the gates, with a token or "" for none."""
    from council.backends.sighting import http

    made = http.HttpSighting(url, token)
    try:
        yield made
    finally:
        await made.close()


def runtime(where: home_module.Home) -> ports.Runtime:
    """Return the runtime: the supervisor of this machine."""
    from council.backends.runtime import local

    return local.LocalRuntime(where)


def read_secret(path: Path) -> str:
    """Return what a key file holds. Raises SetupError."""
    try:
        return path.read_text().strip()
    except OSError as error:
        raise errors.SetupError(
            f"The key file {path.name} cannot be read: {error.strerror}. Run `council init`."
        ) from error
