"""The command `council`: its nouns, its options, and the one table from error to exit status."""

import sys
from typing import Any

import click

import council
from council.cli import ask, blueprint, doctor, ledger, models, run, service, tokens
from council.domain import errors

# 0 is success, 1 an error without a row, 2 click's own usage error.
_EXIT_STATUS: tuple[tuple[type[errors.CouncilError], int], ...] = (
    (errors.SupervisorUnavailableError, 3),
    (errors.ConfigError, 4),
    (errors.BlueprintError, 4),
    (errors.SetupError, 4),
    (errors.UnavailableError, 5),
    (errors.UnauthenticatedError, 6),
    (errors.ForbiddenError, 6),
    (errors.InvalidRequestError, 7),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(council.__version__, prog_name="council")
def cli() -> None:
    """A self-hosted AI service that answers from your own machine first and shows its evidence.

    State lives under --home, or COUNCIL_HOME, or ~/.council. Exit status: 0 done, 1 failed, 2 wrong usage, 3 not running,
    4 config or set-up, 5 a part is away, 6 not allowed, 7 request refused.
    """


cli.add_command(service.init)
cli.add_command(service.up)
cli.add_command(service.down)
cli.add_command(service.status)
cli.add_command(doctor.doctor)
cli.add_command(ask.ask)
cli.add_command(run.run)
cli.add_command(ledger.ledger)
cli.add_command(models.models)
cli.add_command(blueprint.config)
cli.add_command(tokens.tokens)


def main(arguments: list[str] | None = None) -> Any:
    """Run the command; errors of ours become one line on stderr and an exit status."""
    try:
        return cli.main(args=arguments, standalone_mode=True)
    except errors.CouncilError as error:
        click.echo(f"council: {error.message}", err=True)
        sys.exit(next((status for kind, status in _EXIT_STATUS if isinstance(error, kind)), 1))
    except BrokenPipeError:
        # Whoever read our output has gone, as `head` does.
        sys.stderr.close()
        sys.exit(0)
