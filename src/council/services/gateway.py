"""The gateway process: one of `gateway.workers` that share the public socket."""

import gc
import importlib.util
from typing import Any

from council import app, homes, observing
from council.domain import config as config_module
from council.domain import home, orders
from council.domain import tracing as tracing_module
from council.services import harness, rights, table, tracing

# With Python's own thresholds, looking for cycles that are hardly ever there is about a tenth of what a request costs.
_COLLECT_AFTER = (20_000, 20, 20)
# The longest message of a WebSocket.
_MESSAGE_BYTES_MAX = 16 * 1024


def main(config: config_module.Config, where: home.Home) -> int:
    """Serve until told to stop, then finish running answers."""
    environment = harness.begin("gateway", traceable=True)
    harness.setup_logging(environment.name)
    # Wired first: confined, Python could not keep what it compiled, and every start would compile again.
    catalogue = homes.load_catalogue(where, environment.generation, config)
    label = homes.label_of(where, environment.generation)
    application = app.gateway(config, catalogue, where, label)
    listener = environment.tcp_socket("public", config.gateway.host, config.port)
    # Of those without a key as well, which may get one at any time.
    asked = catalogue.providers.values()
    reached = tuple(sorted({*(provider.port for provider in asked), *tracing_module.ports(config.tracing)}))
    observing.tell_inputs(environment.name, homes.inputs_digest(where, environment.generation, environment.name))
    rights.confine_service("gateway", config, where, reached)
    tracing.listen()
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)

    def obey(order: orders.Order) -> None:
        nonlocal label
        if order.word == orders.AWAY:
            if order.service == "model":
                application.model_away(order.away_s)
            return
        if environment.generation != label.generation:
            label = homes.label_of(where, environment.generation)
            application.relabel(label)
        if order.word == orders.ALONE and max(config.gateway.workers, config.gateway.workers_max) > 1:
            table.forget_ended(where)

    options = server_options(config.gateway)
    harness.serve(
        application,
        listener,
        environment,
        drain_s=config.gateway.drain_s,
        on_drain=application.drain,
        on_order=obey,
        **options,
    )
    return 0


def server_options(gateway: config_module.GatewayConfig) -> dict[str, Any]:
    """Return what uvicorn is told. Left to itself it believes what any caller on loopback says of where it comes from."""
    options: dict[str, Any] = {"proxy_headers": gateway.behind_proxy}
    # An environment from before it was pinned lacks it; there the chat has server-sent events alone.
    if importlib.util.find_spec("websockets") is not None:
        # Messages are small, and packing each connection's would take memory for all of them.
        options |= {"ws": "websockets-sansio", "ws_max_size": _MESSAGE_BYTES_MAX, "ws_per_message_deflate": False}
    if gateway.tls_cert_file:
        options |= {"ssl_certfile": gateway.tls_cert_file, "ssl_keyfile": gateway.tls_key_file}
    if gateway.behind_proxy:
        options |= {"forwarded_allow_ips": "127.0.0.1"}
    return options
