"""The store process: becomes the bundled Valkey server, tied to the supervisor and confined like every other."""

import logging
import os
import time
from pathlib import Path

from council.backends.store import bundled
from council.domain import config as config_module
from council.domain import home
from council.services import harness, rights

_log = logging.getLogger(__name__)

# This many starts, each within so many seconds of the last, mean that the server cannot read its own file.
_STARTS_MAX = 4
_SOON_S = 12.0
_NOTE = "starts"
_DATA = "appendonlydir"


def main(config: config_module.Config, where: home.Home) -> int:
    """Replace this process by valkey-server; confinement and the tie to the supervisor stay."""
    environment = harness.begin("store")
    harness.setup_logging(environment.name)
    command = bundled.command(where, config.store.memory_bytes)
    rights.confine_service("store", config, where)
    give_up_on_damage(where.store, time.time())
    os.execv(command[0], command)  # noqa: S606 - a fixed argument list, no shell wanted


def give_up_on_damage(folder: Path, now_s: float) -> None:
    """Count starts that follow each other closely; after too many put the data aside, so that the next one succeeds.

    What the store holds may be lost by design: rate limits count anew.
    """
    note = folder / _NOTE
    try:
        count, last_s = (float(part) for part in note.read_text().split())
    except (OSError, ValueError):
        count, last_s = 0.0, 0.0
    count = count + 1 if 0 <= now_s - last_s < _SOON_S else 1
    if count >= _STARTS_MAX and (folder / _DATA).exists():
        aside = folder / f"{_DATA}.damaged-{int(now_s)}"
        (folder / _DATA).rename(aside)
        _log.error("the store does not start, so its data was put aside", extra={"folder": aside.name})
        count = 0
    note.write_text(f"{count:g} {now_s:.3f}\n")
