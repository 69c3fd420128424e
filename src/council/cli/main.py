"""The command `council`: its nouns, its options, and the one table from error to exit status."""

import importlib
import os
import sys
from typing import Any

import click

import council
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
    (errors.ForgeUnavailableError, 5),
    (errors.ForgeForbiddenError, 6),
    (errors.ForgeError, 7),
)


# Each command's module. Only the one that is called is imported: services start through this command too.
_MODULES = {
    "init": "service",
    "up": "service",
    "down": "service",
    "status": "service",
    "doctor": "doctor",
    "ask": "ask",
    "mcp": "mcp",
    "run": "run",
    "ledger": "ledger",
    "trace": "trace",
    "budget": "budget",
    "gates": "gates",
    "soak": "soak",
    "incidents": "incidents",
    "overrides": "overrides",
    "observe": "observe",
    "report": "report",
    "notify": "notify",
    "models": "models",
    "providers": "providers",
    "config": "blueprint",
    "blueprint": "shipped",
    "tokens": "tokens",
    "login": "login",
    "logout": "login",
    "sandbox": "sandbox",
    "memory": "memory",
    "library": "library",
    "guides": "guides",
    "router": "router",
    "feedback": "feedback",
    "sentinel": "sentinel",
    "patch": "patch",
    "propose": "propose",
    "cosign": "cosign",
    "keys": "keys",
    "quota": "quota",
    "freeze": "freeze",
    "lineage": "lineage",
    "bots": "bots",
    "ci": "ci",
    "backup": "backup",
    "heal": "heal",
    "autonomy": "autonomy",
    "verify-release": "release",
    "approve-release": "release",
    "security": "security",
    "coverage": "coverage",
    "chaos": "chaos",
    "service": "unit",
}


# Where a command's name is that of a module which its own module imports.
_NAMES = {
    "providers": "group",
    "incidents": "group",
    "overrides": "group",
    "gates": "group",
    "guides": "group",
    "freeze": "group",
    "heal": "group",
    "lineage": "group",
    "backup": "group",
    "bots": "group",
    "verify-release": "verify",
    "approve-release": "approve",
    "coverage": "show",
}


class _Group(click.Group):
    """Finds commands by name, late.

    Ends quietly and well when whoever read our output has gone, as `head` does; click itself would exit with 1.
    """

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _MODULES:
            return None
        found: click.Command = getattr(importlib.import_module(f"council.cli.{_MODULES[name]}"), _NAMES.get(name, name))
        return found

    def invoke(self, context: click.Context) -> Any:
        try:
            result = super().invoke(context)
            # Here and not when the interpreter ends, where a reader that has gone could not be dealt with.
            sys.stdout.flush()
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
            context.exit(0)
        return result


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(council.__version__, prog_name="council")
def cli() -> None:
    """A self-hosted AI service that answers from your own machine first and shows its evidence.

    State lives under --home, or COUNCIL_HOME, or ~/.council. Exit status: 0 done, 1 failed, 2 wrong usage, 3 not running,
    4 config or set-up, 5 a part is away, 6 not allowed, 7 request refused.
    """


def main(arguments: list[str] | None = None) -> Any:
    """Run the command; errors of ours become one line on stderr and an exit status."""
    try:
        return cli.main(args=arguments, standalone_mode=True)
    except errors.CouncilError as error:
        click.echo(f"council: {error.message}", err=True)
        sys.exit(next((status for kind, status in _EXIT_STATUS if isinstance(error, kind)), 1))
