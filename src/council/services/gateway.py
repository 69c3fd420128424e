"""The gateway process: one of `gateway.workers` that share the public socket."""

from typing import Any

from council import app, homes
from council.domain import config as config_module
from council.domain import home
from council.services import harness, rights


def main(config: config_module.Config, where: home.Home) -> int:
    """Serve until told to stop, then finish running answers."""
    environment = harness.begin("gateway")
    harness.setup_logging(environment.name)
    # Wired first: confined, Python could not keep what it compiled, and every start would compile again.
    catalogue = homes.load_catalogue(where, environment.generation, config)
    application = app.gateway(config, catalogue, where, environment.generation)
    listener = environment.tcp_socket("public", config.gateway.host, config.port)
    on = [
        one for one in catalogue.providers.values() if one.key == "none" or where.provider_key_file(one.name).exists()
    ]
    reached = tuple(sorted({provider.port for provider in on}))
    rights.confine_service("gateway", config, where, reached)
    options: dict[str, Any] = {}
    if config.gateway.tls_cert_file:
        options |= {"ssl_certfile": config.gateway.tls_cert_file, "ssl_keyfile": config.gateway.tls_key_file}
    if config.gateway.behind_proxy:
        options |= {"proxy_headers": True, "forwarded_allow_ips": "127.0.0.1"}
    harness.serve(application, listener, environment, drain_s=config.gateway.drain_s, **options)
    return 0
