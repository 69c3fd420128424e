"""observe: what happened, why, and the digest of a day."""

import click

from council.cli import digest


@click.group()
def observe() -> None:
    """What was so, what was odd, and why."""


observe.add_command(digest.explain)
observe.add_command(digest.digest)
