"""init, up, down, status: the service as a whole."""

import asyncio
import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import click

from council import care_app, homes
from council.backends.model_provider import packaged
from council.cli import calls, options, pinned
from council.delivery import workflow
from council.domain import config as config_module
from council.domain import errors, states
from council.domain import home as home_module
from council.kit import cpu
from council.releases import environments
from council.upkeep.chaos import mark
from council.upkeep.engine import blueprint

_DETACH_S = 120.0


@click.command()
@click.option(
    "--forge", type=click.Choice(["github"]),
    help="Put the workflow into the blueprint that merges signed pull requests there.",
)  # fmt: skip
@options.home
@options.as_json
def init(forge: str | None, where: home_module.Home, as_json: bool) -> None:
    """Make the home: folders, keys, default blueprint, records, first token. Adds only what is missing."""
    made = homes.prepare(where, os.environ)
    added: list[str] = []
    if forge is not None:
        added = workflow.add(where)
        made = dataclasses.replace(made, generation=blueprint.current(where))
    if as_json:
        options.print_json({"home": str(where.root), "generation": made.generation, "new": made.new_blueprint})
        return
    state = "made" if made.new_blueprint else "complete already"
    click.echo(f"Home {where.root} is {state}; generation {made.generation[:8]}.")
    if forge is not None:
        click.echo(f"Added for {forge}: {', '.join(added)}." if added else f"What {forge} needs is there already.")
    if made.new_token:
        click.echo(f"The first token, with role admin, is in {where.token_file}.")


@click.command()
@options.home
@options.port
@click.option("--detach", is_flag=True, help="Go on in the background once everything is ready.")
def up(where: home_module.Home, port: int | None, detach: bool) -> None:
    """Start everything, in the foreground until Ctrl-C, or in the background with --detach.

    With --detach a Council that runs already is left as it is, and the command says where it serves.
    """
    _undo_chaos(where)
    # First, since it may be another's records by now: what prepares them is to be of the release that serves.
    pinned.take_over(where, os.environ)
    # Before what it serves by is looked after: it may be another release.
    if detach and where.current.is_symlink() and _runs_already(where, options.config_of(where, port)):
        return
    with pinned.kept_alone(where) as is_alone:
        made = homes.prepare(where, os.environ, is_alone=is_alone)
    if made.new_blueprint:
        click.echo(f"council   made the home {where.root}")
    config = options.config_of(where, port)
    if detach and _runs_already(where, config):
        return
    without = _prepare_model(config, where)
    if detach:
        _detach(where, config)
    else:
        sys.exit(_run(config, where, made.generation, without, port))


def _undo_chaos(where: home_module.Home) -> None:
    """Take out a fault that was left in on purpose, with everything else that was killed; the files of most homes say none."""
    if not os.path.lexists(where.chaos):
        return
    from council.breaking import undo

    if undo.is_minded(where):
        return
    left = undo.left(where, starts=False)
    if left.fault and not left.failed:
        click.echo(f"council   took out a fault that was left in: {left.fault}")
    for failed in left.failed:
        click.echo(f"council   a fault that was left in, {left.fault}, is not out: {failed}. Try: council chaos undo")
    if left.unbelieved:
        click.echo(f"council   a note of a fault was not carried out: {left.unbelieved}")


def _prepare_model(config: config_module.Config, where: home_module.Home) -> frozenset[str]:
    """Make the packaged model ready; return the services to leave out."""
    if not cpu.runs_local_model():
        click.echo("council   this processor lacks AVX2, so there is no local model; specialists answer what they can")
        return frozenset({"model"})
    if not config.model.file and not _is_prepared(where):
        # In a process of its own: the conversion takes memory that the supervisor should not keep.
        command = [sys.executable, "-P", "-m", "council", "models", "prepare", "--again", "--home", str(where.root)]
        if subprocess.run(command, check=False).returncode != 0:
            raise errors.SetupError("The packaged model could not be prepared; see above. `council doctor` shows more.")
    return frozenset()


def _is_prepared(where: home_module.Home) -> bool:
    prepared = packaged.find_prepared(where.models)
    if prepared is None:
        return False
    try:
        packaged.check(prepared)
    except errors.SetupError:
        click.echo("model     the prepared file is damaged, so it is made anew")
        return False
    return True


def _run(
    config: config_module.Config, where: home_module.Home, generation: str, without: frozenset[str], port: int | None
) -> int:
    from council.supervisor import main, specs, users

    def planned(of: str) -> list[specs.ServiceSpec]:
        settings = options.config_of(where, port, of)
        python = environments.interpreter(where, of, environments.own_python(os.environ))
        return [spec for spec in specs.specs(settings, where, of, python) if spec.name not in without]

    services = planned(generation)
    return main.run(
        config,
        where,
        generation,
        click.echo,
        on_ready=lambda: _welcome(config, where, without),
        services=services,
        regime=users.decide(config, where, specs.with_users(services)),
        plan=planned,
    )


def _welcome(config: config_module.Config, where: home_module.Home, without: frozenset[str]) -> None:
    from council.gateway import questions

    model = "none" if "model" in without else f"{config.model.name} on this machine"
    click.echo(f"\nModel: {model}. Token: {where.token_file}. Logs: {where.logs}. Library: {where.library}")
    click.echo("Five questions to try, like this or with any OpenAI client:")
    for kind, text in questions.QUESTIONS:
        click.echo(f'  {kind:<10} {_command_name()} ask "{text}"')
    click.echo(f"Is all well? {_command_name()} gates")
    # A link opens the dashboard to whoever reads it, so it is shown to a person and stands in no log.
    if sys.stdout.isatty():
        _offer_link(config, where)
    click.echo(f"ready {_url(config, config.port)}")
    sys.stdout.flush()


def _offer_link(config: config_module.Config, where: home_module.Home) -> None:
    from council.cli import login

    try:
        click.echo(f"The dashboard, by a link that is good once: {login.link(config, where)}")
    except errors.CouncilError as error:
        click.echo(f"The dashboard: {_url(config, config.port)}/login. {error.message}")


def _url(config: config_module.Config, port: int) -> str:
    scheme = "https" if config.gateway.tls_cert_file else "http"
    return f"{scheme}://{_shown(config.gateway.host)}:{port}"


def _command_name() -> str:
    """Return how this person can call this command: by name where the PATH leads to it, else by its path."""
    own = Path(sys.prefix, "bin", "council")
    found = shutil.which("council")
    if found is not None and Path(found).resolve() == own.resolve():
        return "council"
    return str(own.relative_to(Path.cwd())) if own.is_relative_to(Path.cwd()) else str(own)


def _shown(host: str) -> str:
    """Return a host as it stands in a URL that can be opened on this machine."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{local}]" if ":" in local else local


def _runs_already(where: home_module.Home, config: config_module.Config) -> bool:
    """Say where the Council of this home serves, if one runs.

    Raises UnavailableError where it serves nobody yet, SetupError where it does on another port than it should.
    """
    try:
        services = asyncio.run(care_app.runtime(where).status(memory=False))
    except errors.CouncilError:
        return False
    if not any(one.name.partition(":")[0] == "gateway" and one.state == "ready" for one in services):
        raise errors.UnavailableError(
            "Council runs already, but answers nobody yet. `council status` shows how far it is."
        )
    port = min(calls.noted_ports(where), default=config.port)
    if port != config.port:
        raise errors.SetupError(
            f"Council runs already at {_url(config, port)}, and not on port {config.port}. Stop it first: `council down`."
        )
    away = [one.name for one in services if one.state not in ("ready", "stopped")]
    click.echo(f"council   runs already{', without ' + ', '.join(away) if away else ''}; `council status` shows more")
    if sys.stdout.isatty():
        click.echo("council   `council login` makes a link to the dashboard")
    click.echo(f"ready {_url(config, port)}")
    return True


def _detach(where: home_module.Home, config: config_module.Config) -> None:
    """Start the supervisor in a session of its own, and wait until it says ready or ends."""
    from council.supervisor import logs

    log = logs.own(where)
    # Now rather than by the supervisor, so that it does not cut away what is followed here.
    logs.turn_over(log, config.supervisor.log_bytes_max)
    command = [sys.executable, "-P", "-m", "council", "up", "--home", str(where.root), "--port", str(config.port)]
    with log.open("ab") as output:
        begins_at = output.tell()
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    if _follow(log, begins_at, child):
        if sys.stdout.isatty():
            _offer_link(config, where)
        return
    if child.poll() is None:
        raise errors.UnavailableError(f"Council is still starting; `council status` shows how far. Its log is {log}.")
    # Another start may have been faster.
    if _runs_already(where, config):
        return
    raise errors.SetupError(f"Council did not start; {log} says why.")


def _follow(log: Path, begins_at: int, child: "subprocess.Popen[bytes]") -> bool:
    """Print what the supervisor prints until it is ready; False if it ends or takes too long."""
    deadline_s = time.monotonic() + _DETACH_S
    with log.open() as lines:
        lines.seek(begins_at)
        while time.monotonic() < deadline_s:
            line = lines.readline()
            if line:
                click.echo(line, nl=False)
                if line.startswith("ready "):
                    return True
            elif log.stat().st_size < lines.tell():
                # The supervisor has turned it over.
                lines.seek(0)
            elif child.poll() is not None:
                return False
            else:
                time.sleep(0.05)
    return False


@click.command()
@options.home
def down(where: home_module.Home) -> None:
    """Stop everything; running answers are finished first. Where systemd runs Council, systemd stops it."""
    from council.breaking import managers
    from council.supervisor import unit

    scope = managers.systemd_scope(where)
    if not scope:
        asyncio.run(care_app.runtime(where).shut_down())
        click.echo("Stopped.")
        return
    systemctl = " ".join(["systemctl", *([scope] if scope == "--user" else [])])
    if subprocess.run(["systemctl", scope, "stop", unit.NAME], check=False).returncode:
        raise errors.SetupError(f"systemd did not stop it. Try it yourself: `{systemctl} stop {unit.NAME}`.")
    click.echo(f"Stopped. systemd starts it again: `{systemctl} start {unit.NAME}`.")


@click.command()
@click.option(
    "--coast",
    "asks_to_coast",
    is_flag=True,
    help="Say instead whether it may be left to itself for a while; exit 1 if not.",
)
@options.home
@options.as_json
def status(asks_to_coast: bool, where: home_module.Home, as_json: bool) -> None:
    """Show every process: state, generation, uptime, restarts, memory. What made the generation, the regime of users, and
    what is changed for a while.
    """
    from council.cli import overrides, patch_rows
    from council.supervisor import ownership, users

    if asks_to_coast:
        from council.cli import coast

        sys.exit(0 if coast.show(where, as_json=as_json) else 1)
    services = asyncio.run(care_app.runtime(where).status(everywhere=True))
    regime, made_by = ownership.noted_regime(where), patch_rows.maker(where)
    if as_json:
        options.print_json(
            {
                "generation": made_by.generation,
                "cid": made_by.patch and made_by.patch.cid,
                "PATCHCTL_LAST_APPLY_TS": made_by.applied_s,
                "regime": regime and regime.name,
                "regime_reason": regime and regime.reason,
                "services": [dataclasses.asdict(one) for one in services],
                "overrides": overrides.told(where),
            }
        )
        return
    rows = [
        (
            one.name,
            _state(one),
            str(one.pid or "-"),
            one.generation[:8],
            _duration(one.uptime_s),
            str(one.restarts),
            f"{one.memory_bytes / 2**20:,.0f} MB",
        )
        for one in services
    ]
    head = ("SERVICE", "STATE", "PID", "GENERATION", "UPTIME", "RESTARTS", "MEMORY")
    options.print_table(head, rows, right=frozenset({2, 4, 5, 6}))
    click.echo(f"\n{made_by.line}")
    if regime is not None:
        click.echo(users.describe(regime))
    for line in overrides.lines(where):
        click.echo(line)
    if may_be_broken := mark.told(where.chaos):
        click.echo(f"chaos: this home {may_be_broken}")


def _state(one: states.ServiceStatus) -> str:
    place = "" if one.place == "live" else f", {one.place}"
    return one.state + place + (f" ({one.reason})" if one.reason else "")


def _duration(seconds: float) -> str:
    minutes, rest_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"
