"""login, logout: browsers that are signed in to the dashboard."""

import click

from council import care_records
from council.cli import calls, options
from council.domain import access, errors, logins
from council.domain import config as config_module
from council.domain import home as home_module
from council.kit import clock as clock_module

_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]", "127.0.0.1": "127.0.0.1", "localhost": "localhost"}


@click.command()
@click.option(
    "--role", type=click.Choice([role.value for role in access.Role if role is not access.Role.BOT]), default="admin",
    show_default=True, help="What the browser may do.",
)  # fmt: skip
@click.option("--user", default=logins.OWNER, show_default=True, help="Whose conversations and memory it has.")
@options.home
@options.running_port
@options.as_json
def login(role: str, user: str, where: home_module.Home, port: int | None, as_json: bool) -> None:
    """Make a link that signs a browser on this machine in, once."""
    config = calls.config_of(where, port)
    made = link(config, where, access.Role(role), user)
    if as_json:
        options.print_json({"link": made, "role": role, "user": user, "good_for_s": config.dashboard.link_s})
        return
    click.echo(made)
    minutes = config.dashboard.link_s / 60
    click.echo(
        f"Good once, for {minutes:.3g} min, in a browser on this machine. `council logout --all` ends all sessions."
    )


@click.command()
@click.option("--all", "everybody", is_flag=True, help="Every session, and every link that nobody has used.")
@click.option("--user", help="Those of this user alone.")
@options.home
def logout(everybody: bool, user: str | None, where: home_module.Home) -> None:
    """Sign browsers out. A running service follows within seconds."""
    if not everybody and user is None:
        raise errors.InvalidRequestError("Say whom to sign out: `council logout --all`, or `--user NAME`.")
    kept = care_records.logins(options.known_config(where), where)
    try:
        ended = kept.end_all(user)
    finally:
        kept.close()
    click.echo(f"{ended} session{'' if ended == 1 else 's'} ended.")


def link(
    config: config_module.Config,
    where: home_module.Home,
    role: access.Role = access.Role.ADMIN,
    user: str = logins.OWNER,
) -> str:
    """Return a new link. Raises ConfigError where the service does not listen on loopback, RecordsUnavailableError."""
    host = _LOOPBACK.get(config.gateway.host)
    if host is None:
        raise errors.ConfigError(
            f"A link is for a browser on this machine, and the service listens on {config.gateway.host} alone. Open "
            "/login there and sign in with a token: `council tokens add`."
        )
    secret, now_us = logins.new_secret(), clock_module.SystemClock().now_us()
    until_us = now_us + round(config.dashboard.link_s * 1e6)
    kept = care_records.logins(config, where)
    try:
        kept.add_code(logins.Code(access.digest(secret), user, role, now_us, until_us))
    finally:
        kept.close()
    scheme = "https" if config.gateway.tls_cert_file else "http"
    return f"{scheme}://{host}:{config.port}/login?code={secret}"
