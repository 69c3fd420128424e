"""models: the local model's file."""

from pathlib import Path

import click

from council.backends.model_provider import packaged
from council.cli import blueprint as blueprint_command
from council.cli import options
from council.domain import errors
from council.domain import home as home_module

_GGUF_MAGIC = b"GGUF"


@click.group()
def models() -> None:
    """The local model."""


@models.command("list")
@options.home
@options.as_json
def list_models(where: home_module.Home, as_json: bool) -> None:
    """Show the packaged model and the one in use."""
    config = options.config_of(where)
    prepared = packaged.find_prepared(where.models)
    found = {
        "in_use": config.model.name,
        "file": config.model.file or (str(prepared.path) if prepared else None),
        "packaged_prepared": prepared is not None,
        "sha256": prepared.sha256 if prepared and not config.model.file else None,
    }
    if as_json:
        options.print_json(found)
        return
    click.echo(f"In use: {config.model.name} ({found['file'] or 'not prepared; `council models prepare`'})")
    if found["sha256"]:
        click.echo(f"SHA-256: {found['sha256']}")


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
    """Serve the model NAME: the packaged one, or a GGUF file given by --file. Takes effect at the next start."""
    settings = blueprint_command.settings(where)
    model, prices = settings.setdefault("model", {}), settings.setdefault("prices", {})
    model["name"] = name
    if file is None:
        if name != "smollm2-135m-instruct":
            raise errors.SetupError(f"{name!r} is not the packaged model. Give its GGUF file with --file.")
        model.pop("file", None)
    else:
        _check_gguf(file)
        model["file"] = str(file.absolute())
    prices.setdefault(name, {"input_usd_micros": 0, "output_usd_micros": 0})
    blueprint_command.save(where, settings, f"Use the model {name}")
    click.echo(f"The next start serves {name}: `council down`, then `council up`.")


def _check_gguf(file: Path) -> None:
    try:
        with file.open("rb") as opened:
            magic = opened.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise errors.SetupError(f"{file} cannot be read: {error.strerror}. Give the path of a GGUF file.") from error
    if magic != _GGUF_MAGIC:
        raise errors.SetupError(f"{file} is not a GGUF file. Give one, for example from a llama.cpp conversion.")
