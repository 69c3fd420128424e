"""The messenger: says in the watcher's place that the watcher is down, over every channel, and ends. ADR 0022.

The supervisor starts it, with the watcher's rights, and gives it on standard input what it saw. It goes on with the incident
that an earlier messenger has begun, so people hear of it once, and again after `alerts.repeat_s`. What it cannot deliver stays
in the records, for the watcher to deliver once it is back.
"""

import dataclasses
import json
import sys
import time

from council import care_app
from council.domain import alerting, gates, home
from council.domain import config as config_module
from council.kit import clock as clock_module
from council.services import harness, rights
from council.upkeep.alerts import sources

# Within these a channel that fails is tried five times.
_DELIVER_S = 40.0
_LOOK_S = 0.5
_GIVEN_BYTES_MAX = 16 * 1024
# One messenger starts faster than another.
_EARLY_S = 60.0


def main(config: config_module.Config, where: home.Home) -> int:
    """Tell people; return 1 if a notice is left to be delivered."""
    environment = harness.begin("messenger")
    harness.setup_logging(environment.name)
    given = json.loads(sys.stdin.buffer.read(_GIVEN_BYTES_MAX))
    # Made first: addresses of notices are read before the confinement.
    alerts = care_app.alerts(config, where, at_once(config.alerts), only=alerting.WATCHER_DOWN)
    rights.confine_service("messenger", config, where)
    at_us = clock_module.SystemClock().now_us() - round(float(given["for_s"]) * 1e6)
    alerts.observe([sources.of_watcher(gates.Verdict.RED, str(given["reason"]), at_us)])
    deadline_s = time.monotonic() + _DELIVER_S
    alerts.deliver()
    while alerts.waiting and time.monotonic() < deadline_s:
        time.sleep(_LOOK_S)
        alerts.deliver()
    return 1 if alerts.waiting else 0


def at_once(settings: alerting.AlertsConfig) -> alerting.AlertsConfig:
    """Return settings by which whoever is sent tells: how long it has been bad the supervisor has seen.

    And nothing comes after that could be told together with it.
    """
    return dataclasses.replace(settings, hold_up_s=0.0, group_s=0.0, repeat_s=max(0.0, settings.repeat_s - _EARLY_S))
