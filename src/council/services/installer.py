"""The installer: puts one pinned release into an environment of its own, and ends. ADR 0030.

The supervisor starts it, makes the folder that it fills, and says by a stamp that it is whole; what to install comes on
standard input. It may write into that folder alone, and reaches the network, as pip must: no service is given both.
"""

import json
import os
import sys
from pathlib import Path

from council.domain import config as config_module
from council.domain import home, release_pin
from council.kit import clock as clock_module
from council.releases import environments, installing
from council.services import harness, rights

_GIVEN_BYTES_MAX = 16 * 1024


def main(_: config_module.Config, where: home.Home) -> int:
    """Install; return 0 once all of it is there. Raises ReleaseRefusedError, SetupError."""
    environment = harness.begin("installer")
    harness.setup_logging(environment.name)
    pin = release_pin.Pin(**json.loads(sys.stdin.buffer.read(_GIVEN_BYTES_MAX)))
    target = environments.folder(where, pin.digest)
    # What is installed is for every user that a service has.
    os.umask(0o022)
    rights.confine_installer(where, Path(pin.folder), target, os.environ)
    installing.check_room(target)
    installing.install(installing.check(pin, clock_module.SystemClock().now_us() / 1e6), target)
    return 0
