"""models: the local model's file, and where better ones come from."""

from pathlib import Path
from typing import Any

import click

from council import homes
from council.backends.model_provider import detect, download, packaged
from council.cli import blueprint as blueprint_command
from council.cli import model_files, options
from council.domain import errors, model_catalogue
from council.domain import home as home_module

_GGUF_MAGIC = b"GGUF"


@click.group()
def models() -> None:
    """The local model."""


models.add_command(model_files.recommend)
models.add_command(model_files.pull)
models.add_command(model_files.remove)


@models.command("list")
@options.home
@options.as_json
def list_models(where: home_module.Home, as_json: bool) -> None:
    """Show the model in use, the packaged one, those pulled, and servers of models on this machine."""
    config = options.config_of(where)
    prepared = packaged.find_prepared(where.models)
    catalogue = homes.load_model_catalogue(where).values()
    partial = {entry.name: download.partial_bytes(where.models, entry) for entry in catalogue}
    servers = detect.find()
    pulled = [entry.name for entry in catalogue if download.is_here(where.models, entry)]
    found: dict[str, Any] = {
        "in_use": config.model.name,
        "file": config.model.file or (str(prepared.path) if prepared else None),
        "packaged_prepared": prepared is not None,
        "sha256": prepared.sha256 if prepared and not config.model.file else None,
        "pulled": pulled,
        "partial_bytes": {name: have for name, have in partial.items() if have},
        "servers": [model_files.told(server) for server in servers],
    }
    if as_json:
        options.print_json(found)
        return
    click.echo(f"In use: {config.model.name} ({found['file'] or 'not prepared; `council models prepare`'})")
    if found["sha256"]:
        click.echo(f"SHA-256: {found['sha256']}")
    for entry in catalogue:
        if entry.name in pulled:
            click.echo(f"Pulled: {entry.name} ({download.file_of(where.models, entry)})")
        elif partial[entry.name]:
            share = f"{partial[entry.name]:,} of {entry.bytes:,} bytes"
            click.echo(f"Unfinished: {entry.name}, {share}; `council models pull {entry.name}` goes on")
    for line in model_files.server_lines(servers):
        click.echo(line)


@models.command()
@click.option("--again", is_flag=True, help="Make it anew even if it is there.")
@options.home
def prepare(again: bool, where: home_module.Home) -> None:
    """Convert the packaged model for this machine, once."""
    if packaged.find_prepared(where.models) is not None and not again:
        click.echo("The packaged model is prepared already.")
        return
    with click.progressbar(length=100, label="model     preparing, once", width=30, show_eta=False) as bar:
        done_percent = 0

        def progress(done: int, total: int) -> None:
            nonlocal done_percent
            percent = done * 100 // total
            bar.update(percent - done_percent)
            done_percent = percent

        packaged.prepare(where.models, progress)


@models.command()
@click.argument("name")
@click.option("--file", type=click.Path(path_type=Path), help="A GGUF file of your own.")
@options.home
def use(name: str, file: Path | None, where: home_module.Home) -> None:
    """Serve the model NAME: the packaged one, one that was pulled, or a GGUF file given by --file.

    Takes effect at the next start: generations do not change while the service runs.
    """
    settings = blueprint_command.settings(where)
    model, prices = settings.setdefault("model", {}), settings.setdefault("prices", {})
    model["name"] = name
    if file is not None:
        _check_gguf(file)
        model["file"] = str(file.absolute())
    elif name == packaged.NAME:
        model.pop("file", None)
    else:
        entry = _pulled(name, where)
        model["file"] = str(download.file_of(where.models, entry))
        if options.config_of(where).model.context_tokens > entry.context_tokens:
            model["context_tokens"] = entry.context_tokens
    prices.setdefault(name, {"input_usd_micros": 0, "output_usd_micros": 0})
    blueprint_command.save(where, settings, f"Use the model {name}")
    click.echo(f"The next start serves {name}: `council down`, then `council up`.")


def _pulled(name: str, where: home_module.Home) -> model_catalogue.Entry:
    """Return a model of the catalogue whose file is here. Raises SetupError."""
    catalogue = homes.load_model_catalogue(where)
    if name not in catalogue:
        raise errors.SetupError(
            f"{name[:100]!r} is neither the packaged model nor one of the catalogue. Give its GGUF file with --file, or see "
            "`council models recommend --all`."
        )
    entry = catalogue[name]
    if entry.role == "embedding":
        raise errors.SetupError(
            f"{name} makes embeddings and does not chat. Serve it with llama-server --embedding, and add that with "
            "`council providers add llama-server`."
        )
    if not download.is_here(where.models, entry):
        raise errors.SetupError(f"{name} is not here yet. Fetch it with `council models pull {name}`.")
    return entry


def _check_gguf(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise errors.SetupError(f"{file} cannot be read: {error.strerror}. Give the path of a GGUF file.") from error
    if magic != _GGUF_MAGIC:
        raise errors.SetupError(f"{file} is not a GGUF file. Give one, for example from a llama.cpp conversion.")
