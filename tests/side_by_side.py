"""In which order whole files of tests run side by side: the longest first, so that no worker is left with one at the end."""

from collections.abc import Iterable
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

# Those of more than half a minute. Two that change generations under load do not begin together.
LONGEST = (
    "tests/acceptance/test_docs_examples.py",
    "tests/acceptance/test_patches.py",
    "tests/integration/test_users.py",
    "tests/clients/test_clients.py",
    "tests/clients/test_open_webui.py",
    "tests/sandbox/test_attacks.py",
    "tests/integration/test_patch_faults.py",
    "tests/integration/test_generations.py",
    "tests/browser/test_dashboard.py",
    "tests/contract/test_monitoring.py",
    "tests/acceptance/test_autonomous_deploy.py",
    "tests/acceptance/test_proposals.py",
    "tests/acceptance/test_chaos.py",
    "tests/acceptance/test_faults.py",
    "tests/acceptance/test_pauses.py",
    "tests/contract/test_vault.py",
    "tests/acceptance/test_api_fuzz.py",
    "tests/acceptance/test_bots.py",
    "tests/acceptance/test_gateway_soak.py",
    "tests/sandbox/test_benign.py",
    "tests/acceptance/test_soak_command.py",
    "tests/acceptance/test_guard.py",
    "tests/acceptance/test_soak.py",
    "tests/acceptance/test_sandbox_soak.py",
    "tests/acceptance/test_healing.py",
    "tests/integration/test_memory.py",
    "tests/integration/test_release.py",
    "tests/acceptance/test_prometheus.py",
    "tests/acceptance/test_watch.py",
    "tests/acceptance/test_trial.py",
    "tests/acceptance/test_signals.py",
    "tests/acceptance/test_money.py",
    "tests/acceptance/test_tls.py",
    "tests/acceptance/test_mcp.py",
    "tests/acceptance/test_whole.py",
    "tests/acceptance/test_outside.py",
    "tests/sim/test_patch_killed.py",
    "tests/integration/test_supervisor.py",
    "tests/integration/test_alerts_killed.py",
    "tests/integration/test_quota_rush.py",
    "tests/integration/test_zygote.py",
    "tests/integration/test_zygote_degraded.py",
    "tests/integration/test_rights.py",
)
# Their files share one Council, so one worker runs them all.
_TOGETHER = ("tests/clients/",)


class Scheduling(LoadFileScheduling):
    """Hand out files in the order in which they come, and not those with the most tests first."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return scope(nodeid)


def scope(nodeid: str) -> str:
    """Return what one worker runs as a whole: the file of a test, or its folder where that shares a Council."""
    return next((folder for folder in _TOGETHER if nodeid.startswith(folder)), nodeid.split("::", 1)[0])


def in_order(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return the tests of the longest files first, and the others as they came."""
    places = {name: place for place, name in enumerate(LONGEST)}
    return sorted(items, key=lambda item: places.get(item.nodeid.split("::", 1)[0], len(LONGEST)))
