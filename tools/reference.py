"""Writes the reference pages from the code that they describe; `--check` fails, with a diff, if one is stale.

Settings come from `council.domain.config` and `council.domain.providers`, commands from the click group of
`council.cli.main`. The pages hold nothing of the machine that wrote them.
"""

import argparse
import dataclasses
import difflib
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from council.cli import main as cli_main
from council.domain import config, coverage, coverage_table, providers

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "reference"
_WRITTEN = "<!-- Written by tools/reference.py. To change it, change the code that it describes and run `make fmt`. -->"


def main() -> int:
    """Write or check the pages; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the reference pages from the code.")
    parser.add_argument("--check", action="store_true", help="only compare; status 1 and a diff if a page is stale")
    check = parser.parse_args().check
    stale = False
    for name, text in pages().items():
        file = FOLDER / name
        written = file.read_text() if file.exists() else ""
        if written == text:
            continue
        stale = True
        if check:
            sys.stdout.writelines(_difference(file, written, text))
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            print(f"wrote {file.relative_to(ROOT)}")
    if check and stale:
        print("\nStale reference pages. Run: make fmt", file=sys.stderr)
    return int(check and stale)


def pages() -> dict[str, str]:
    """Return every page's text by its file name."""
    made = {"config.md": config_page(), "providers.md": providers_page(), "cli.md": cli_page(cli_main.cli)}
    return made | {"coverage.md": coverage_page()}


def _difference(file: Path, written: str, text: str) -> Iterator[str]:
    name = str(file.relative_to(ROOT))
    return difflib.unified_diff(written.splitlines(True), text.splitlines(True), name, f"{name} (from the code)")


# Settings


def config_page() -> str:
    """Return the page of all settings, a table a section."""
    top = [item for item in dataclasses.fields(config.Config) if not dataclasses.is_dataclass(item.type)]
    blocks = [
        "# Settings",
        _WRITTEN,
        "Order: default, then the blueprint's `council.yaml`, then the environment, then flags; the later one wins. A key that "
        "is not here is an error that names the nearest one. Bounds are inclusive. A list is given in the environment as "
        "texts with commas between.",
        "## At the top of the file",
        _table(top, ""),
    ]
    for item in dataclasses.fields(config.Config):
        if isinstance(item.type, type) and dataclasses.is_dataclass(item.type):
            blocks += [f"## `{item.name}`", item.type.__doc__ or "", _table(dataclasses.fields(item.type), item.name)]
    return "\n\n".join(blocks) + "\n"


def providers_page() -> str:
    """Return the page of `providers.yaml`, a table a kind of entry."""
    blocks = [
        f"# {providers.FILE}",
        _WRITTEN,
        "A file of the blueprint: which language models there are beside the packaged one, who serves them, what they cost. "
        "It holds `providers`, `models` and `escalation`; a key that is not here is an error that names the nearest one. Keys "
        "of providers are never in it: `council providers key NAME` puts one into the home. Money is in micro-dollars.",
    ]
    for title, kind in (
        ("`providers.NAME`", providers.Provider),
        ("`models.NAME`", providers.ModelForm),
        ("`models.NAME.deployments`, a list", providers.DeploymentForm),
        ("`escalation`", providers.Escalation),
    ):
        known = [item for item in dataclasses.fields(kind) if "doc" in item.metadata]
        blocks += [f"## {title}", kind.__doc__ or "", _table(known, "", variables=False)]
    return "\n\n".join(blocks) + "\n"


def _table(fields: Any, section: str, *, variables: bool = True) -> str:
    names = ["key", "default", "bounds", *(["variable"] if variables else []), "meaning"]
    rows = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for item in fields:
        key = f"{section}.{item.name}".lstrip(".")
        variable = "" if item.type not in _SCALARS else f"`{config.ENVIRONMENT_PREFIX}{key.replace('.', '_').upper()}`"
        cells = [f"`{key}`", _default(item), _bounds(item.metadata)]
        cells += [*([variable] if variables else []), item.metadata["doc"]]
        rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(rows)


_SCALARS = (bool, int, float, str, tuple[str, ...])


def _default(item: Any) -> str:
    value = item.default if item.default is not dataclasses.MISSING else item.default_factory()
    if isinstance(value, Mapping):
        return ", ".join(f"`{key}`: {_plain(dataclasses.asdict(entry))}" for key, entry in value.items())
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple) and value:
        return ", ".join(f"`{entry}`" for entry in value)
    if item.metadata.get("low") is not None and value < item.metadata["low"]:
        return "none"
    return f"`{value}`" if value not in ("", ()) else "empty"


def _plain(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _bounds(metadata: Mapping[str, Any]) -> str:
    low, high = (None if metadata.get(name) is None else f"{metadata[name]:,}" for name in ("low", "high"))
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return f"at most {high}" if high is not None else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


# The coverage matrix


def coverage_page() -> str:
    """Return the page of the matrix: what keeps each cell, and what would prove it; whether it is proven a page cannot say."""
    blocks = [
        "# The coverage matrix",
        _WRITTEN,
        "Six components by four columns. Each cell names what keeps it, the metric that shows it, and the automatic tests that "
        "break it and watch it recover. A cell is proven by a run and by nothing else: `council coverage` tells which are, "
        "when, and by which run; `council coverage --run` runs the tests, in a checkout. A fault of a chaos campaign on a home "
        "counts there, too. What ran on other code than is there now is stale, and proves nothing.",
    ]
    for component in coverage.Component:
        rows = ["| column | what | mechanism | metric | document | proven by |", "|---|---|---|---|---|---|"]
        for one in coverage_table.CELLS:
            if one.component is component:
                proofs = [" and ".join(f"`{test}`" for test in one.tests)] if one.tests else []
                proofs += [f"the fault `{one.fault}`"] if one.fault else []
                page = f"[{Path(one.document).name}]({_from_reference(one.document)})"
                cells = [
                    one.column,
                    one.title,
                    one.mechanism,
                    f"`{one.metric}`",
                    page,
                    " or ".join(proofs) or "nothing yet",
                ]
                rows.append("| " + " | ".join(_cell(str(cell)) for cell in cells) + " |")
        blocks += [f"## {component.value.capitalize()}", "\n".join(rows)]
    return "\n\n".join(blocks) + "\n"


def _from_reference(document: str) -> str:
    folder, name = document.removeprefix("docs/").split("/")
    return name if folder == "reference" else f"../{folder}/{name}"


# Commands


def cli_page(main: click.Command) -> str:
    """Return the page of all commands, groups before what they hold."""
    blocks = ["# Commands", _WRITTEN]
    for context in _walk(click.Context(main, info_name="council")):
        blocks += _command(context)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _walk(context: click.Context) -> Iterator[click.Context]:
    yield context
    command = context.command
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            yield from _walk(click.Context(inner, info_name=name, parent=context))


def _command(context: click.Context) -> list[str]:
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    blocks = [f"## `{context.command_path}`", _prose(command.help), f"```\n{usage}\n```"]
    records = [param.get_help_record(context) for param in command.get_params(context)]
    # Without a text it is an argument, which the usage line shows.
    kept = [(name, text) for name, text in filter(None, records) if text and "--help" not in name]
    rows = [f"| `{_cell(name)}` | {_cell(_no_place(text))} |" for name, text in kept]
    if rows:
        blocks.append("\n".join(["| option | meaning |", "|---|---|", *rows]))
    blocks.append(_prose(command.epilog))
    return blocks


def _prose(text: str | None) -> str:
    """Return help text as Markdown: paragraphs on one line each, click's marker for "leave the lines alone" as code."""
    made = []
    shown, _, _ = inspect.cleandoc(text or "").partition("\f")  # click, too, ends the help at a form feed
    for block in _no_place(shown).strip().split("\n\n"):
        if block.startswith("\b"):
            made.append("```\n" + block.removeprefix("\b").strip("\n") + "\n```")
        else:
            made.append(" ".join(block.split()))
    return "\n\n".join(made)


def _no_place(text: str) -> str:
    return text.replace(str(Path.home()), "~")


if __name__ == "__main__":
    sys.exit(main())
