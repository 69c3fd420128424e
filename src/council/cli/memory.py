"""memory: what Council remembers of the owner of this home, over the running service."""

import dataclasses
import datetime
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import orjson

from council import care_records
from council.cli import calls, options
from council.domain import config as config_module
from council.domain import errors, memory_wire
from council.domain import home as home_module
from council.domain import memory as memory_module
from council.kit import shown

_TIMEOUT_S = 120.0
_REPLY_BYTES_MAX = 64 * 1024 * 1024
_PAGE = 200
_BATCH = 100
_LINE_BYTES_MAX = 1024 * 1024
_TEXT_SHOWN_CHARS = 70


@click.group()
def memory() -> None:
    """What Council remembers of you. Its owner is the user of this home's first token."""


@memory.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True)
@options.port
@options.home
@options.as_json
def search(query: tuple[str, ...], limit: int, port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Find memories by meaning and by words, best first."""
    asked = urllib.parse.urlencode({"query": " ".join(query), "limit": limit})
    reply = _call(where, options.known_config(where, port), "GET", f"/search?{asked}")
    if as_json:
        options.print_json(reply["found"])
        return
    rows = [(f"{one['score']:.2f}", *_cells(one["memory"])) for one in reply["found"]]
    options.print_table(("SCORE", "ID", "DAY", "KIND", "WHAT"), rows)


@memory.command("list")
@click.option("--session", help="Of this session only.")
@click.option("--kind", type=click.Choice([kind.value for kind in memory_module.Kind]), help="Of this kind only.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
@options.port
@options.home
@options.as_json
def list_memories(
    session: str | None, kind: str | None, limit: int, port: int | None, where: home_module.Home, as_json: bool
) -> None:
    """Show memories, oldest first."""
    chosen = {name: value for name, value in (("session", session), ("kind", kind)) if value}
    found = []
    for one in _entries(where, options.known_config(where, port), chosen):
        found.append(one)
        if len(found) == limit:
            break
    if as_json:
        options.print_json(found)
        return
    options.print_table(("ID", "DAY", "KIND", "WHAT"), [_cells(one) for one in found])


@memory.command()
@click.argument("identifiers", nargs=-1, metavar="[ID]...")
@click.option("--session", help="Everything of this session.")
@click.option("--all", "everything", is_flag=True, help="Everything there is of you.")
@options.port
@options.home
@options.as_json
def forget(
    identifiers: tuple[str, ...],
    session: str | None,
    everything: bool,
    port: int | None,
    where: home_module.Home,
    as_json: bool,
) -> None:
    """Delete memories for good: by ID, of a session, or all.

    Nothing of them is left in the database, the index or a cache. Copies that you made, such as backups and exports, keep
    them as long as you keep those.
    """
    if sum(bool(one) for one in (identifiers, session, everything)) != 1:
        raise click.UsageError("Give ids, or --session, or --all.")
    config = options.config_of(where, port)
    if identifiers:
        paths = [f"/{urllib.parse.quote(one, safe='')}" for one in identifiers]
    else:
        paths = [f"/sessions/{urllib.parse.quote(session, safe='')}" if session else "?all=true"]
    forgotten = sum(int(_call(where, config, "DELETE", path)["forgotten"]) for path in paths)
    if as_json:
        options.print_json({"forgotten": forgotten})
        return
    click.echo(f"Forgot {forgotten:,}. Backups and exports that you made still hold them.")


@memory.command()
@options.port
@options.home
def export(port: int | None, where: home_module.Home) -> None:
    """Write every memory to standard output as JSON lines, oldest first."""
    for one in _entries(where, options.config_of(where, port), {}):
        sys.stdout.write(orjson.dumps(one).decode() + "\n")


@memory.command("import")
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@options.port
@options.home
@options.as_json
def take_in(file: Path, port: int | None, where: home_module.Home, as_json: bool) -> None:
    """Take in memories from FILE, or `-`, as `export` writes them. What came in before is left as it is.

    Every line is checked before the first is sent.
    """
    lines = _checked_lines(file)
    config = options.config_of(where, port)
    imported = 0
    for start in range(0, len(lines), _BATCH):
        body = b"\n".join(lines[start : start + _BATCH])
        imported += int(_call(where, config, "POST", "/import", body)["imported"])
        if sys.stderr.isatty():
            click.echo(f"\r{min(start + _BATCH, len(lines)):,} of {len(lines):,}", nl=False, err=True)
    if sys.stderr.isatty():
        click.echo("", err=True)
    if as_json:
        options.print_json({"read": len(lines), "imported": imported})
        return
    click.echo(f"Read {len(lines):,}, of which {imported:,} were new.")


@memory.command()
@click.option("--limit", type=click.IntRange(1, memory_module.CHANGES_MAX), default=50, show_default=True)
@options.home
@options.as_json
def log(limit: int, where: home_module.Home, as_json: bool) -> None:
    """Show what was done to memories, newest first: kept, imported, forgotten, and indexes filled anew.

    Of all users, from the records, so that it works while the service is down. How many is told, and never what they say.
    """
    kept = care_records.memory_log(options.known_config(where), where)
    try:
        changes = kept.changes(limit)
    finally:
        kept.close()
    if as_json:
        options.print_json([dataclasses.asdict(one) for one in changes])
        return
    rows = [
        (shown.clock(one.at_us), one.did.value, f"{one.count:,}", one.user_id or "all", one.source) for one in changes
    ]
    options.print_table(("AT", "DID", "MEMORIES", "USER", "SOURCE"), rows, right=frozenset({2}))


def _checked_lines(file: Path) -> list[bytes]:
    lines = []
    for number, line in enumerate(_lines_of(file), 1):
        if not line.strip():
            continue
        if len(line) > _LINE_BYTES_MAX:
            raise errors.InvalidRequestError(f"Line {number} is over {_LINE_BYTES_MAX} bytes. Cut it and try again.")
        try:
            memory_wire.memory_of(orjson.loads(line), "")
        except orjson.JSONDecodeError as error:
            raise errors.InvalidRequestError(f"Line {number} is not JSON: {error}. Nothing was imported.") from error
        except errors.InvalidRequestError as error:
            raise errors.InvalidRequestError(f"Line {number}: {error.message} Nothing was imported.") from error
        lines.append(line.strip())
    return lines


def _lines_of(file: Path) -> Iterator[bytes]:
    try:
        with click.open_file(str(file), "rb") as source:
            yield from iter(lambda: source.readline(_LINE_BYTES_MAX + 1), b"")
    except OSError as error:
        raise errors.InvalidRequestError(f"{file} cannot be read: {error.strerror}. Give a file, or `-`.") from error


def _entries(where: home_module.Home, config: config_module.Config, chosen: dict[str, str]) -> Iterator[dict[str, Any]]:
    after = ""
    while True:
        asked = urllib.parse.urlencode({**chosen, "after": after, "limit": _PAGE})
        reply = _call(where, config, "GET", f"?{asked}")
        yield from reply["memories"]
        if not reply["next_after"]:
            return
        after = reply["next_after"]


def _call(
    where: home_module.Home, config: config_module.Config, method: str, rest: str, body: bytes | None = None
) -> dict[str, Any]:
    path = f"/api/memory{rest}"
    return calls.call(where, config, method, path, body, timeout_s=_TIMEOUT_S, reply_bytes_max=_REPLY_BYTES_MAX)


def _cells(one: dict[str, Any]) -> tuple[str, str, str, str]:
    day = datetime.datetime.fromtimestamp(one["at_us"] / 1e6, datetime.UTC).date().isoformat()
    what = " ".join(one["text"].split())
    shown = what if len(what) <= _TEXT_SHOWN_CHARS else what[: _TEXT_SHOWN_CHARS - 1] + "…"
    kind = f"{one['kind']} (superseded)" if one["superseded_by"] else str(one["kind"])
    return str(one["id"]), day, kind, shown
