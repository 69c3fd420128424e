"""run: one service in this process, as the supervisor starts it."""

import os
import sys
from typing import cast

import click

from council.cli import options
from council.domain import home as home_module
from council.services import table


@click.command()
@click.argument("service", type=click.Choice(table.NAMES))
@options.home
def run(service: str, where: home_module.Home) -> None:
    """Run one SERVICE in the foreground; the supervisor uses this."""
    sys.exit(table.run(cast("table.Name", service), where, os.environ))
