"""The store process: becomes the bundled Valkey server, tied to the supervisor and confined like every other."""

import os

from council.backends.store import bundled
from council.domain import config as config_module
from council.domain import home
from council.services import harness, rights


def main(config: config_module.Config, where: home.Home) -> int:
    """Replace this process by valkey-server; confinement and the tie to the supervisor stay."""
    environment = harness.begin("store")
    harness.setup_logging(environment.name)
    command = bundled.command(where, config.store.memory_bytes)
    rights.confine_service("store", config, where)
    os.execv(command[0], command)  # noqa: S606 - a fixed argument list, no shell wanted
