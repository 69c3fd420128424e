"""The migrator: brings the records to the form of its release before that is launched, and ends. ADR 0030.

It is of the release that is to serve, and only adds: the one that serves works on the same records meanwhile. The supervisor
starts it with the gateway's user.
"""

from council import app
from council.domain import config as config_module
from council.domain import home
from council.services import harness, rights


def main(config: config_module.Config, where: home.Home) -> int:
    """Add what is missing; return 0. Raises RecordsUnavailableError."""
    environment = harness.begin("migrator")
    harness.setup_logging(environment.name)
    rights.confine_service("migrator", config, where)
    records = app.records(config, where)
    try:
        records.migrate()
    finally:
        records.close()
    return 0
