"""models recommend, pull, remove: models that are fetched by name, and what of them fits this machine."""

import contextlib
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from council import homes
from council.backends.model_provider import detect, download
from council.cli import options
from council.domain import config as config_module
from council.domain import errors, model_catalogue
from council.domain import home as home_module
from council.kit import hardware

_BLOCK_BYTES = 1000 * 1000
_FITTING_SHOWN_MAX = 3


@click.command()
@click.option("--role", type=click.Choice(model_catalogue.ROLES), help="Only models for this.")
@click.option("--all", "show_all", is_flag=True, help="Also those that do not fit, and why.")
@options.home
@options.as_json
def recommend(role: str | None, show_all: bool, where: home_module.Home, as_json: bool) -> None:
    """Look at this machine, and name open models that fit it, with the next command. Downloads nothing."""
    catalogue = homes.load_model_catalogue(where)
    machine = hardware.look()
    free_bytes = shutil.disk_usage(_existing(where.models)).free
    advice = model_catalogue.advise(
        {name: entry for name, entry in catalogue.items() if role in (None, entry.role)},
        available_bytes=machine.available_bytes,
        disk_free_bytes=free_bytes,
        cores=machine.cores,
        context_tokens=context_of(where),
        held=frozenset(name for name, entry in catalogue.items() if download.is_here(where.models, entry)),
    )
    servers = detect.find()
    if as_json:
        rows = [_row(one, where) for one in advice]
        options.print_json(
            {"machine": machine, "disk_free_bytes": free_bytes, "models": rows, "servers": [told(s) for s in servers]}
        )
        return
    click.echo(_machine_line(machine, free_bytes))
    for name in model_catalogue.ROLES if role is None else (role,):
        _print_role(name, [one for one in advice if one.entry.role == name], show_all, where)
    for line in server_lines(servers):
        click.echo(f"\n{line}")


def context_of(where: home_module.Home) -> int:
    """Return the context that is set, the usual one where there is no home yet. Raises ConfigError."""
    try:
        return options.config_of(where).model.context_tokens
    except errors.BlueprintError:
        return config_module.ModelConfig().context_tokens


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _machine_line(machine: hardware.Machine, free_bytes: int) -> str:
    vectors = (
        ", ".join(name.upper().replace("AVX512", "AVX-512") for name in machine.vectors) or "no vector instructions"
    )
    graphics = ", ".join(
        gpu.name + (f" with {model_catalogue.gigabytes(gpu.memory_bytes)}" if gpu.memory_bytes else "")
        for gpu in machine.gpus
    )
    line = (
        f"This machine: {model_catalogue.gigabytes(machine.available_bytes)} of "
        f"{model_catalogue.gigabytes(machine.memory_bytes)} memory free, {machine.cores} cores, {vectors}, "
        f"{model_catalogue.gigabytes(free_bytes)} disk free, {graphics or 'no GPU, which is fine'}."
    )
    if graphics:
        line += "\nCouncil's own model computes on the processor. To use the GPU, run Ollama, llama-server or vLLM beside it."
    return line


def _print_role(name: str, advice: list[model_catalogue.Advice], show_all: bool, where: home_module.Home) -> None:
    click.echo(f"\nFor {name}:")
    fitting = [one for one in advice if not one.why_not]
    # From the best one on; larger ones that fit would be very slow here.
    first = next((index for index, one in enumerate(fitting) if one.best), 0)
    shown = advice if show_all else fitting[first : first + _FITTING_SHOWN_MAX]
    if not shown:
        click.echo("  None of the catalogue fits; `--all` says why.")
        return
    options.print_table(
        ("  MODEL", "SIZE", "MEMORY", "LICENCE", "SPEED", "STATE"),
        [_cells(one, where) for one in shown],
        right=frozenset({1, 2}),
    )
    best = next((one for one in advice if one.best), None)
    if best is not None:
        click.echo(f"  Next: {_next(best.entry, where)}")


def _cells(one: model_catalogue.Advice, where: home_module.Home) -> tuple[str, ...]:
    entry = one.entry
    state = "pulled" if download.is_here(where.models, entry) else one.why_not
    return (
        f"  {entry.name}",
        model_catalogue.gigabytes(entry.bytes),
        model_catalogue.gigabytes(one.memory_bytes),
        entry.licence,
        one.speed,
        "best" + (f", {state}" if state else "") if one.best else state,
    )


def _next(entry: model_catalogue.Entry, where: home_module.Home) -> str:
    """Return the exact command that comes next."""
    pull_it = "" if download.is_here(where.models, entry) else f"council models pull {entry.name}"
    if entry.role == "embedding":
        return pull_it or f"llama-server --embedding -m {download.file_of(where.models, entry)}"
    use_it = f"council models use {entry.name}"
    return f"{pull_it} && {use_it}" if pull_it else use_it


def _row(one: model_catalogue.Advice, where: home_module.Home) -> dict[str, Any]:
    entry = one.entry
    return {
        "name": entry.name,
        "role": entry.role,
        "parameters_millions": entry.parameters_millions,
        "quantisation": entry.quantisation,
        "bytes": entry.bytes,
        "memory_bytes": one.memory_bytes,
        "licence": entry.licence,
        "context_tokens": entry.context_tokens,
        "speed": one.speed,
        "fits": not one.why_not,
        "why_not": one.why_not,
        "best": one.best,
        "pulled": download.is_here(where.models, entry),
        "notes": entry.notes,
        "next": _next(entry, where),
    }


def server_lines(servers: list[detect.Server]) -> list[str]:
    """Return a line for each server that was found, with the command that makes Council use it."""
    return [f"{server_text(server)}: `{next_command(server)}` uses it." for server in servers]


_TITLES = {"ollama": "Ollama", "llama-server": "llama-server", "vllm": "vLLM", "lmstudio": "LM Studio"}
USUAL_PORTS = {"ollama": 11434, "llama-server": 8080, "vllm": 8100, "lmstudio": 1234}


def server_text(server: detect.Server) -> str:
    """Return what was found, in a few words."""
    count = len(server.models)
    place = server.url.removeprefix("http://").removesuffix("/v1")
    return f"{_TITLES[server.kind]} runs on {place} with {count} model{'' if count == 1 else 's'}"


def next_command(server: detect.Server) -> str:
    """Return the command that adds a found server."""
    usual = server.url == f"http://127.0.0.1:{USUAL_PORTS[server.kind]}/v1"
    return f"council providers add {server.kind}" + ("" if usual else f" --url {server.url}")


def told(server: detect.Server) -> dict[str, Any]:
    """Return a found server as JSON shows it."""
    return {"kind": server.kind, "url": server.url, "models": list(server.models), "next": next_command(server)}


@click.command()
@click.argument("name")
@click.option("--from", "url", metavar="URL", help="Fetch it from here; it must be the same file.")
@options.home
def pull(name: str, url: str | None, where: home_module.Home) -> None:
    """Fetch the model NAME of the catalogue. What was fetched before is kept and gone on with."""
    entry = model_catalogue.named(homes.load_model_catalogue(where), name)
    if not where.models.is_dir():
        raise errors.SetupError(f"There is no home at {where.root} yet. Run `council init` first.")
    if download.is_here(where.models, entry):
        click.echo(f"{name} is here already: {download.file_of(where.models, entry)}")
        return
    urls = (url,) if url else entry.urls
    click.echo(
        f"{name}: {model_catalogue.gigabytes(entry.bytes)}, licence {entry.licence}, from {download.host_of(urls[0])}"
    )
    try:
        with _bar(entry) as progress:
            path = download.pull(where.models, entry, urls, download.Conditions(wait=time.sleep), progress)
    except KeyboardInterrupt:
        have = download.partial_bytes(where.models, entry)
        click.echo(
            f"\nStopped; {model_catalogue.gigabytes(have)} are kept. `council models pull {name}` goes on.", err=True
        )
        sys.exit(130)
    click.echo(f"The file has its digest: {path}")
    click.echo(f"Next: {_next(entry, where)}")


@contextlib.contextmanager
def _bar(entry: model_catalogue.Entry) -> Iterator[Callable[[int], None]]:
    """Yield what shows progress: a bar on a terminal, nothing elsewhere."""
    if not sys.stdout.isatty():
        yield lambda _: None
        return
    # In millions of bytes: click counts the time left from few steps.
    with click.progressbar(
        length=max(1, entry.bytes // _BLOCK_BYTES), label=entry.name, width=30, show_pos=True
    ) as bar:

        def progress(have: int) -> None:
            bar.update(have // _BLOCK_BYTES - bar.pos)

        yield progress


@click.command()
@click.argument("name")
@options.home
def remove(name: str, where: home_module.Home) -> None:
    """Remove the file of the pulled model NAME, and what is left of fetching it."""
    entry = model_catalogue.named(homes.load_model_catalogue(where), name)
    if options.config_of(where).model.file == str(download.file_of(where.models, entry)):
        raise errors.SetupError(
            f"{name} is in use. Choose another first, as `council models use smollm2-135m-instruct`."
        )
    if not download.remove(where.models, entry):
        raise errors.NotFoundError(
            f"{name} was not pulled, so there is nothing to remove. `council models list` shows what is."
        )
    click.echo(f"{name} is removed.")
