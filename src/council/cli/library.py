"""library: the owner's documents, what of them is read, and what is found in them."""

import urllib.parse
from typing import Any

import click

from council.cli import calls, options
from council.domain import home as home_module
from council.services import reader
from council.serving.memory import folder

_TIMEOUT_S = 30.0
_REPLY_BYTES_MAX = 16 * 1024 * 1024
_SHOWN_CHARS = 100


@click.group()
def library() -> None:
    """Your documents: which are read, which are left out and why, and what is found in them."""


@library.command("list")
@options.home
@options.as_json
def list_documents(where: home_module.Home, as_json: bool) -> None:
    """Read every document of the library now and say how it went. Works while the service is down."""
    child = reader.Reader()
    watched = folder.Folder(where.library, options.config_of(where, None).recall, child.read)
    passages: dict[str, int] = {}
    try:
        more = True
        while more:
            for change in watched.changes():
                passages[change.source] = len(change.sections or [])
            more = watched.more
    finally:
        child.close()
    names = sorted(passages.keys() | watched.left_out.keys())
    rows = [(name, passages.get(name, 0), watched.left_out.get(name, "")) for name in names]
    if as_json:
        options.print_json([{"document": name, "passages": count, "left_out": why} for name, count, why in rows])
        return
    if not rows:
        click.echo(f"The library is empty. Put documents into {where.library}.")
        return
    options.print_table(("DOCUMENT", "PASSAGES", "LEFT OUT"), [(name, str(count), why) for name, count, why in rows])


@library.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 50), default=5, show_default=True)
@options.running_port
@options.home
@options.as_json
def search(query: tuple[str, ...], limit: int, port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Find passages, best first, over the running service: of the library, the guidebook and all else that is quoted.

    By words; where no passage holds most of them, by meaning as well.
    """
    asked = urllib.parse.urlencode({"query": " ".join(query), "limit": limit})
    config = calls.config_of(where, port)
    reply = calls.call(
        where, config, "GET", f"/api/library/search?{asked}", timeout_s=_TIMEOUT_S, reply_bytes_max=_REPLY_BYTES_MAX
    )
    if reply["note"]:
        click.echo(f"council: {reply['note']}", err=True)
    if as_json:
        options.print_json(reply["found"])
        return
    options.print_table(("FOUND BY", "COVERS", "NEAR", "DOCUMENT", "PLACE", "QUOTE"), list(map(_row, reply["found"])))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    near = "" if one["cosine"] is None else f"{one['cosine']:.2f}"
    words = one["quote"] or one["text"]
    return one["found_by"], f"{one['coverage']:.2f}", near, one["source"], one["heading"], _shown(words)


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"
