"""guides: the documents of the guidebooks as people read them: what there is, what is at fault, and loading them now."""

import asyncio
import http.client
import logging
import shutil
import textwrap
import urllib.parse
from pathlib import Path
from typing import Any

import click

from council import care_app
from council.cli import calls, options
from council.domain import config as config_module
from council.domain import errors, guides
from council.domain import home as home_module
from council.kit import clock as clock_module
from council.kit import unseen
from council.services import renderer
from council.upkeep.engine import blueprint
from council.upkeep.guides import folder, loading

_TIMEOUT_S = 30.0
_SYNC_S = 300.0
_REPLY_BYTES_MAX = 64 * 1024 * 1024
_SHOWN_CHARS = 100
# Columns of a terminal that has room for the documents too.
_WIDE = 160


@click.group("guides")
def group() -> None:
    """The guides: what the guidebooks of blueprint and library hold, made into pages.

    A guide is a Markdown document below `guidebook/` of the library; the blueprint's are Council's own documentation.
    """


@group.command()
@options.running_port
@options.home
@options.as_json
def sync(port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Read every guide again now, and say how many were read, how many are at fault, and how long it took.

    Changes are found without it. Exit status 1 where one is at fault.
    """
    found = _asked_steward(where, calls.config_of(where, port))
    if as_json:
        options.print_json(found)
    else:
        processed, wrong = int(found["processed"]), int(found["errors"])
        click.echo(f"processed {processed}, errors {wrong}, duration {float(found['duration_s']):.2f} s")
        if wrong:
            click.echo("`council guides list` names what is at fault.", err=True)
    if found["errors"]:
        raise click.exceptions.Exit(1)


@group.command("list")
@options.running_port
@options.home
@options.as_json
def list_guides(port: int | None, where: home_module.Home, as_json: bool) -> None:
    """List the guides by order and title, then the documents that are at fault."""
    found = _call(where, port, "/api/guides")
    if as_json:
        options.print_json(found)
        return
    count = 4 if shutil.get_terminal_size().columns >= _WIDE else 3
    rows = [(one["slug"], _title(one), one["root"], one["source"])[:count] for one in found["guides"]]
    head = ("SLUG", "TITLE", "ROOT", "DOCUMENT")[:count]
    options.print_table(head, [tuple(map(unseen.for_terminal, row)) for row in rows])
    _print_faults([guides.Fault(**fault) for fault in found["faults"]])


@group.command()
@click.argument("slug")
@click.option("--html", is_flag=True, help="Print the page in place of the Markdown.")
@options.running_port
@options.home
@options.as_json
def show(slug: str, html: bool, port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Print a guide."""
    if not guides.SLUG.fullmatch(slug):
        raise errors.NotFoundError(f"There is no guide {slug!r}. `council guides list` names them.")
    found = _call(where, port, f"/api/guides/{urllib.parse.quote(slug, safe='')}")
    if as_json:
        options.print_json(found)
        return
    click.echo(unseen.for_terminal(found["html" if html else "raw"].rstrip("\n")))


@group.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 100), default=10, show_default=True)
@options.running_port
@options.home
@options.as_json
def search(query: tuple[str, ...], limit: int, port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Find guides, best first: by title, description and tags, then by the words of their text."""
    if not " ".join(query).strip():
        raise errors.InvalidRequestError("There is no word in it. Say what to search for.")
    found = _call(where, port, f"/api/guides?{urllib.parse.urlencode({'q': ' '.join(query), 'limit': limit})}")
    if as_json:
        options.print_json(found["guides"])
        return
    rows = [(one["slug"], _title(one), one["place"], _shown(one["quote"])) for one in found["guides"]]
    options.print_table(("SLUG", "TITLE", "PLACE", "QUOTE"), [tuple(map(unseen.for_terminal, row)) for row in rows])


@group.command()
@click.argument(
    "place", metavar="[FOLDER]", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@options.home
@options.as_json
def check(place: Path | None, where: home_module.Home, as_json: bool) -> None:
    """Read all guides, or those below FOLDER, and say what is at fault; exit status 1 where something is.

    Works while the service is down, and changes nothing.
    """
    books = _books(where) if place is None else [folder.Guidebook("library", str(place), place)]
    settings = guides.GuidesConfig() if place is not None else options.config_of(where).guides
    result, faults = asyncio.run(_checked(books, settings))
    if as_json:
        rows = [{"document": one.source, "line": one.line, "reason": one.reason} for one in faults]
        options.print_json({"processed": result.processed, "faults": rows})
    else:
        click.echo(f"{result.processed} guides read, {len(faults)} at fault")
        _print_faults(faults)
    if faults:
        raise click.exceptions.Exit(1)


async def _checked(
    books: list[folder.Guidebook], settings: guides.GuidesConfig
) -> tuple[guides.Synced, tuple[guides.Fault, ...]]:
    # What is at fault is printed; without a handler the log would print it a second time.
    logging.getLogger(loading.__name__).addHandler(logging.NullHandler())
    pages, book = renderer.Renderers(), loading.Nowhere()
    try:
        parts = loading.Parts(book, pages.make, guides.FORM, settings, clock_module.SystemClock())
        result = await loading.Loader(parts, books).sync(anew=True)
    finally:
        pages.close()
    return result, book.faults


def _books(where: home_module.Home) -> list[folder.Guidebook]:
    return loading.books(where, blueprint.current(where))


def _asked_steward(where: home_module.Home, config: config_module.Config) -> dict[str, Any]:
    """Have the steward sync. Raises SupervisorUnavailableError where none is, and what it says."""
    key = care_app.read_secret(where.steward_key_file)
    connection = http.client.HTTPConnection("127.0.0.1", config.steward_port, timeout=_SYNC_S)
    try:
        connection.request("POST", "/guides/sync", headers=calls.headers(key))
        with connection.getresponse() as response:
            status, raw = response.status, response.read(_REPLY_BYTES_MAX)
    except ConnectionRefusedError as error:
        raise errors.SupervisorUnavailableError(
            f"No steward answers on port {config.steward_port}. Start Council with `council up`, or give its --port."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise errors.UnavailableError(f"The connection broke: {type(error).__name__}. Try again.") from error
    finally:
        connection.close()
    if status >= 400:
        raise calls.failure(calls.error_of(raw), status)
    return calls.object_of(raw)


def _call(where: home_module.Home, port: int | None, path: str) -> dict[str, Any]:
    config = calls.config_of(where, port)
    return calls.call(where, config, "GET", path, timeout_s=_TIMEOUT_S, reply_bytes_max=_REPLY_BYTES_MAX)


def _print_faults(faults: list[guides.Fault] | tuple[guides.Fault, ...]) -> None:
    for fault in faults:
        kept = " (its last good version is shown)" if fault.kept else ""
        click.echo(unseen.for_terminal(f"{fault.place}: {fault.reason}{kept}"), err=True)


def _title(one: dict[str, Any]) -> str:
    """Return what a guide is called: one without a title by its first heading."""
    return str(one["heading"] or one["title"]) if one["title"] == one["slug"] else str(one["title"])


def _shown(text: str) -> str:
    return textwrap.shorten(" ".join(text.split()), _SHOWN_CHARS, placeholder="…")
