"""providers: the servers of models that this Council asks, their keys, and the names that callers use."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from council import app, care_app, homes, ports
from council.cli import options, provider_models
from council.domain import errors, providers
from council.domain import home as home_module
from council.kit import durable
from council.upkeep.engine import blueprint

_T = TypeVar("_T")

_KEY_CHARS_MAX = 4096
_SHOWN_MAX = 5


@dataclass(frozen=True, slots=True)
class Preset:
    """How a known kind of server is usually reached. `hint` is said when it is added."""

    kind: str
    url: str
    needs_key: bool
    forms: tuple[str, ...] = ()
    omit: tuple[str, ...] = ()
    hint: str = ""


PRESETS = {
    "openai": Preset("openai", "https://api.openai.com/v1", True, ("responses",)),
    "anthropic": Preset("anthropic", "https://api.anthropic.com/v1", True),
    # It refuses fields that it does not know, and tells the usage of streams without being asked.
    "mistral": Preset(
        "openai", "https://api.mistral.ai/v1", True, omit=("stream_options", "max_completion_tokens", "logprobs")
    ),
    "openrouter": Preset("openai", "https://openrouter.ai/api/v1", True),
    "ollama": Preset("openai", "http://127.0.0.1:11434/v1", False),
    # Its usual port is Council's own.
    "vllm": Preset(
        "openai", "http://127.0.0.1:8100/v1", False, hint="Start it with `--port 8100`: its usual 8000 is ours."
    ),
    "llama-server": Preset("openai", "http://127.0.0.1:8080/v1", False),
    "lmstudio": Preset("openai", "http://127.0.0.1:1234/v1", False),
}


@click.group("providers")
def group() -> None:
    """Servers of models beside the packaged one: add them, give them keys, name their models."""


group.add_command(provider_models.model)


@group.command()
@click.argument("name")
@click.option("--preset", type=click.Choice(list(PRESETS)), help="What it is like; NAME itself where that is one.")
@click.option("--kind", type=click.Choice(providers.KINDS), help="The wire form that it speaks.")
@click.option("--url", help="Its address up to and including the version, as http://127.0.0.1:11434/v1.")
@click.option("--key-none", is_flag=True, help="It needs no key.")
@options.home
def add(
    name: str, preset: str | None, kind: str | None, url: str | None, key_none: bool, where: home_module.Home
) -> None:
    """Add the provider NAME, or change it. Known by name: openai, anthropic, mistral, openrouter, ollama, vllm, ...

    What is not given comes from the preset. Its models are named with `council providers model add`.
    """
    file = provider_models.read(where)
    known = PRESETS.get(preset or name)
    held = provider_models.part(file, "providers").setdefault(name, {})
    usual: dict[str, Any] = {}
    if known is not None:
        usual = {"kind": known.kind, "url": known.url, "key": "file" if known.needs_key else "none"}
        usual |= {key: list(one) for key, one in (("forms", known.forms), ("omit", known.omit)) if one}
    given: dict[str, Any] = {"kind": kind, "url": url, "key": "none" if key_none else None}
    made = usual | held | {key: value for key, value in given.items() if value is not None}
    if not made.get("url"):
        raise errors.ConfigError(
            f"{name!r} is not known by name, so give its address with --url, or --preset. Known: {', '.join(PRESETS)}."
        )
    moved = held.get("url") is not None and held["url"] != made["url"]
    file["providers"][name] = made
    found = provider_models.save(where, file, f"Add the provider {name}")
    if moved and where.provider_key_file(name).exists():
        # Whoever is at the new address must not be sent the key of the old one.
        _remove_key(where, name)
        click.echo(f"Its key is removed, since it was for {held['url']}.")
    click.echo(f"The provider {name} is at {made['url']}.")
    if known is not None and known.hint and not url:
        click.echo(known.hint)
    if found.providers[name].key == "file" and not where.provider_key_file(name).exists():
        click.echo(f"It is off until it has a key: `council providers key {name}`.")
    click.echo(f"Name its models: `council providers models {name}`, then `council providers model add`.")
    options.say_when()


@group.command()
@click.argument("name")
@click.option("--forget", is_flag=True, help="Remove the key; the provider is off then.")
@click.option("--now", is_flag=True, help="Restart the gateway, which sees the key by itself some seconds later.")
@options.home
def key(name: str, forget: bool, now: bool, where: home_module.Home) -> None:
    """Give the provider NAME its key: from standard input, or typed without being shown. Never as an argument."""
    if name not in catalogue(where).providers:
        raise _unknown(name, catalogue(where))
    if forget:
        _remove_key(where, name)
        click.echo(f"The key of {name} is removed.")
    else:
        homes.write_provider_key(where, name, _read_key(name))
        click.echo(f"The key of {name} is kept in {where.provider_key_file(name)}, readable by its owner only.")
    if not now:
        click.echo(f"A gateway that knows {name} goes by that within seconds. A new provider comes {_AT_NEXT_START}.")
        return
    running = asyncio.run(_restart_gateway(where))
    click.echo("The gateway has started again.")
    if running != blueprint.current(where):
        click.echo(f"It runs the settings of its start. A provider added since then comes {_AT_NEXT_START}.")


_AT_NEXT_START = "with the next start: `council down`, then `council up`"


async def _restart_gateway(where: home_module.Home) -> str:
    """Restart the gateway; return the generation that it runs. Raises SupervisorUnavailableError."""
    runtime = care_app.runtime(where)
    await runtime.restart("gateway")
    return next(one.generation for one in await runtime.status() if one.name.partition(":")[0] == "gateway")


def _remove_key(where: home_module.Home, name: str) -> None:
    """Remove the key of a provider, if there is one; it does not come back after a power cut."""
    with contextlib.suppress(FileNotFoundError):
        durable.remove(where.provider_key_file(name))


def _read_key(name: str) -> str:
    if sys.stdin.isatty():
        secret = str(click.prompt(f"Key of {name}", hide_input=True, err=True))
    else:
        secret = sys.stdin.read(_KEY_CHARS_MAX + 2)
    secret = secret.strip()
    if not secret or len(secret) > _KEY_CHARS_MAX or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise errors.InvalidRequestError(
            f"That is no key: one line of up to {_KEY_CHARS_MAX} ASCII characters without blanks. Send it to standard input."
        )
    return secret


@group.command("list")
@options.home
@options.as_json
def list_providers(where: home_module.Home, as_json: bool) -> None:
    """Show every provider: whether it is on, and the models that stand on it with their prices."""
    config = options.known_config(where)
    found = homes.load_catalogue(where, None, config)
    off = app.servers(found, config, where)[1]
    rows = [_row(provider, found, off.get(provider.name)) for provider in found.providers.values()]
    if as_json:
        options.print_json(rows)
        return
    if not rows:
        click.echo("There is none beside the model of this machine. `council providers add NAME` adds one.")
        return
    cells = [(row["name"], row["kind"], "on" if row["on"] else "off", row["url"], _models(row)) for row in rows]
    options.print_table(("PROVIDER", "KIND", "STATE", "ADDRESS", "MODELS"), cells)
    for row in rows:
        if not row["on"]:
            click.echo(f"{row['name']} is off: {row['reason']}")


def _row(provider: providers.Provider, found: providers.Catalogue, why_off: str | None) -> dict[str, Any]:
    models = [
        {"name": model.name, **provider_models.deployment_row(one)}
        for model in found.models.values()
        for one in model.deployments
        if one.provider == provider.name
    ]
    return {
        "name": provider.name,
        "kind": provider.kind,
        "url": provider.url,
        "key": provider.key,
        "on": why_off is None,
        "reason": why_off or "",
        "models": models,
    }


def _models(row: dict[str, Any]) -> str:
    shown = [f"{one['name']} ({provider_models.price_text(one)})" for one in row["models"][:_SHOWN_MAX]]
    more = len(row["models"]) - len(shown)
    return (", ".join(shown) + (f" and {more} more" if more else "")) or "none named yet"


@group.command()
@click.argument("name")
@click.option("--with-models", is_flag=True, help="Remove what stands on it as well.")
@options.home
def remove(name: str, with_models: bool, where: home_module.Home) -> None:
    """Remove the provider NAME and its key. Refused while models stand on it, unless --with-models."""
    file = provider_models.read(where)
    found = catalogue(where)
    if name not in found.providers:
        raise _unknown(name, found)
    standing = [model.name for model in found.models.values() if any(d.provider == name for d in model.deployments)]
    if standing and not with_models:
        raise errors.ConfigError(
            f"These models stand on {name}: {', '.join(standing[:20])}. Remove them first, or add --with-models."
        )
    for model in standing:
        provider_models.drop_deployments(file, model, lambda one: one.get("provider") == name)
    del file["providers"][name]
    provider_models.save(where, file, f"Remove the provider {name}")
    _remove_key(where, name)
    click.echo(f"The provider {name} and its key are removed.")
    options.say_when()


@group.command("models")
@click.argument("name")
@options.home
@options.as_json
def list_models(name: str, where: home_module.Home, as_json: bool) -> None:
    """Show the models that the provider NAME itself lists, by the names that it knows them by."""
    listed = _asked(where, name, lambda server: server.models())
    if listed is None:
        raise errors.NotFoundError(f"{name} has no list of models. See its own documentation for their names.")
    if as_json:
        options.print_json(listed)
        return
    for one in listed:
        click.echo(one)


@group.command()
@click.argument("name")
@options.home
def test(name: str, where: home_module.Home) -> None:
    """Ask the provider NAME for its list of models, which costs nothing, and say what comes back."""
    found = catalogue(where)
    began_s = time.monotonic()
    listed = _asked(where, name, lambda server: server.models())
    took_ms = round((time.monotonic() - began_s) * 1000)
    url = found.providers[name].url
    if listed is None:
        click.echo(f"{name} answers at {url} after {took_ms} ms, but has no list of models; no model was asked.")
        return
    click.echo(f"{name} answers: GET {url.rstrip('/')}/models lists {len(listed)} models, after {took_ms} ms.")
    wanted = [(model.name, one) for model in found.models.values() for one in model.deployments if one.provider == name]
    for public, one in wanted:
        there = "is listed" if one.model in listed else "is NOT in that list; look for its name there"
        click.echo(f"{public}: {one.model} {there}. Price: {provider_models.price_text(_priced(one))}.")


def _priced(deployment: providers.Deployment) -> dict[str, Any]:
    return provider_models.deployment_row(deployment)


def _asked(where: home_module.Home, name: str, ask: Callable[[ports.ModelProvider], Coroutine[Any, Any, _T]]) -> _T:
    """Return what a provider says. Raises NotFoundError, ProviderError with what the server said."""
    found = catalogue(where)
    if name not in found.providers:
        raise _unknown(name, found)
    servers, off = app.servers(found, options.config_of(where), where)
    if name in off:
        raise errors.SetupError(f"The provider {name} is off: {off[name]}")

    async def run() -> _T:
        try:
            return await ask(servers[name])
        finally:
            await servers[name].close()

    try:
        return asyncio.run(run())
    except errors.ModelUnavailableError as error:
        said = f" ({error.detail})" if error.detail else ""
        raise errors.ProviderError(f"{error.message}{said}") from error


def catalogue(where: home_module.Home) -> providers.Catalogue:
    """Return the providers and models of the live generation."""
    return homes.load_catalogue(where, None, options.config_of(where))


def _unknown(name: str, found: providers.Catalogue) -> errors.NotFoundError:
    known = ", ".join(found.providers) or "none yet"
    return errors.NotFoundError(
        f"There is no provider {name[:100]!r}. There are: {known}. `council providers add` adds one."
    )
