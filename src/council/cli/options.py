"""Options that several commands share."""

import getpass
import os
import shutil
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from council import homes
from council.domain import authz, errors, money
from council.domain import config as config_module
from council.domain import home as home_module
from council.patching import recorded
from council.upkeep.engine import blueprint

_Command = Callable[..., Any]
_NAME_CHARS_MAX = 64
# Under which a command keeps what it has said of the settings.
_SAID = "council.said"
# Of a paragraph beside what stands before it, however narrow the terminal is.
_TEXT_CHARS_MIN = 20


def home(command: _Command) -> _Command:
    """Add `--home`; the command gets the argument `where`."""

    def located(_: click.Context, __: click.Parameter, value: str | None) -> home_module.Home:
        return homes.locate(value, os.environ)

    return click.option(
        "--home", "where", metavar="FOLDER", callback=located, help="Council's home [COUNCIL_HOME, ~/.council]."
    )(command)


def port(command: _Command) -> _Command:
    """Add `--port`."""
    return click.option("--port", type=int, default=None, help="Base port [COUNCIL_PORT, config, 8000].")(command)


def running_port(command: _Command) -> _Command:
    """Add `--port` to a command that asks the running service; see `calls.config_of`."""
    return click.option(
        "--port", type=int, default=None, help="Base port [COUNCIL_PORT, where this home's service runs, config, 8000]."
    )(command)


def as_json(command: _Command) -> _Command:
    """Add `--json`; the command gets the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def config_of(where: home_module.Home, port: int | None = None, generation: str | None = None) -> config_module.Config:
    """Return the settings in force for a generation, the live one if None, for a command that starts or changes something."""
    try:
        return homes.load_config(where, generation, os.environ, {} if port is None else {"port": port})
    except errors.ConfigError as error:
        if recorded.fault(where, generation or blueprint.current(where), {}):
            raise errors.ConfigError(f"{error.message} `council config restore` mends it.") from error
        raise


def known_config(
    where: home_module.Home, port: int | None = None, generation: str | None = None
) -> config_module.Config:
    """Return the settings as `config_of` does, for a command that only looks, or that takes back.

    Where the file of the generation that serves is damaged it goes by those that the generation was made with, or by the
    default ones, and says so once.
    """
    flags = {} if port is None else {"port": port}
    found, wrong = recorded.config_of(where, generation, os.environ, flags)
    context = click.get_current_context(silent=True)
    said = set() if context is None else context.find_root().meta.setdefault(_SAID, set())
    if wrong and wrong not in said:
        said.add(wrong)
        click.echo(f"council: {wrong} `council config restore` mends it.", err=True)
    return found


class Dollars(click.ParamType[int]):
    """An amount of dollars such as 0.15; the command gets micro-dollars."""

    name = "usd"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the micro-dollars."""
        if isinstance(value, int):
            return value
        try:
            return money.usd_micros_of(str(value))
        except errors.InvalidRequestError as error:
            self.fail(error.message, param, ctx)


DOLLARS = Dollars()


OUTPUT = click.Path(path_type=Path, dir_okay=False)


def user_name() -> str:
    """Return who runs this command, as the system calls them."""
    try:
        return getpass.getuser()[:_NAME_CHARS_MAX]
    except (OSError, KeyError):
        return "owner"


def check_reason(reason: str, chars_max: int) -> None:
    """Return for a reason that people can read in one line. Raises InvalidRequestError."""
    if not reason.strip() or len(reason) > chars_max or not reason.isprintable():
        raise errors.InvalidRequestError(
            f"The reason must be a line of 1 to {chars_max} characters that can be seen. Say it shorter."
        )


def fingerprint(key: str) -> str:
    """Return the fingerprint that `--key` names, "" for none. Raises click.UsageError."""
    found = key.replace(" ", "").lower().removeprefix("0x")
    if found and not authz.FINGERPRINT.match(found):
        raise click.UsageError("--key takes a full fingerprint, 40 hex digits: `gpg --list-secret-keys` shows it.")
    return found


def say_when() -> None:
    """Say when a change of the blueprint takes effect: generations do not change while the service runs."""
    click.echo("It takes effect at the next start: `council down`, then `council up`.")


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())


def print_table(
    head: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: frozenset[int] = frozenset(), wraps: bool = False
) -> None:
    """Print aligned columns; those in `right` are aligned right. The last one wraps at the terminal's width if it `wraps`."""
    # Colours take no room.
    widths = [max(len(click.unstyle(row[column])) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        cells = [
            _padding(cell, width) + cell if column in right else cell + _padding(cell, width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        if wraps:
            print_text(
                row[-1], head="".join(f"{cell}  " for cell in cells[:-1]), indent=sum(widths[:-1]) + 2 * len(widths) - 2
            )
        else:
            click.echo("  ".join(cells).rstrip())


def _padding(cell: str, width: int) -> str:
    return " " * (width - len(click.unstyle(cell)))


def columns() -> int:
    """Return how wide text may be: COLUMNS, or the terminal to which it goes, or what any terminal has."""
    return shutil.get_terminal_size().columns


def print_text(text: str, *, head: str = "", indent: int = 0) -> None:
    """Print a paragraph after `head`, its other lines below `indent`, as wide as may be."""
    # A command or a path is copied whole, so it is not cut, however long it is.
    lines = textwrap.wrap(
        text, max(columns() - indent, _TEXT_CHARS_MIN), break_long_words=False, break_on_hyphens=False
    ) or [""]
    for number, line in enumerate(lines):
        before = head + " " * (indent - len(click.unstyle(head))) if number == 0 else " " * indent
        click.echo((before + line).rstrip())


def print_rows(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with their texts, each text below its own beginning where it has several lines."""
    width = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        head, *rest = text.split("\n")
        click.echo(f"{name:<{width}}{head}")
        for line in rest:
            click.echo(f"{'':<{width}}{line}")


def print_paragraphs(rows: Sequence[tuple[str, str]]) -> None:
    """Print names with their texts as `print_rows` does, each line of a text as wide as may be."""
    width = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        for number, line in enumerate(text.split("\n")):
            print_text(line, head="" if number else name, indent=width)
