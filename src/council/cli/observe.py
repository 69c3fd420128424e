"""observe: what was so, what was odd, and why."""

import click

from council.cli import snapshots


@click.group()
def observe() -> None:
    """What was so, what was odd, and why."""


observe.add_command(snapshots.snapshot)
observe.add_command(snapshots.trends)
observe.add_command(snapshots.history)
