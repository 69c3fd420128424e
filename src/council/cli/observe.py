"""observe: what was so, what happened, why, and the digest of a day."""

import click

from council.cli import digest, snapshots


@click.group()
def observe() -> None:
    """What was so, what was odd, and why."""


observe.add_command(digest.explain)
observe.add_command(digest.digest)
observe.add_command(snapshots.snapshot)
observe.add_command(snapshots.trends)
observe.add_command(snapshots.history)
