"""providers model: names that callers use, each standing on a provider's model with a price; and the file they are kept in."""

from collections.abc import Callable
from typing import Any

import click
import yaml

from council import homes
from council.cli import options
from council.domain import errors, money, providers
from council.domain import home as home_module
from council.upkeep.engine import blueprint

_HEAD = (
    "# Models beside the packaged one, who serves them, and what they cost; `council providers` changes this file.\n"
)


@click.group()
def model() -> None:
    """The names that callers use for providers' models."""


@model.command()
@click.argument("public")
@click.option("--provider", required=True, help="Who serves it.")
@click.option("--model", "deployed", help="What the provider calls it; PUBLIC if not given.")
@click.option("--input-usd", type=options.DOLLARS, help="Dollars per million tokens of a prompt.")
@click.option("--output-usd", type=options.DOLLARS, help="Dollars per million tokens of an answer.")
@click.option("--cached-usd", type=options.DOLLARS, help="Dollars per million tokens read from the provider's cache.")
@click.option("--cache-write-usd", type=options.DOLLARS, help="Dollars per million tokens written into that cache.")
@click.option("--context", type=click.IntRange(min=16), help="Tokens that its context holds.")
@click.option(
    "--output-max", type=click.IntRange(min=1), help="Most tokens of an answer; bounds what is held for a call."
)
@click.option(
    "--weight", type=click.IntRange(0, 1000), help="Share of its calls among several; 0: only when others fail."
)
@click.option("--fallback", "fallbacks", multiple=True, help="A model to ask when this one fails; may be given again.")
@click.option(
    "--ability", "abilities", multiple=True, type=click.Choice(providers.ABILITIES), help="May be given again."
)
@click.option("--budget-day-usd", type=options.DOLLARS, help="What this model may cost in a day.")
@click.option("--budget-month-usd", type=options.DOLLARS, help="What this model may cost in a month.")
@options.home
def add(
    public: str,
    provider: str,
    deployed: str | None,
    input_usd: int | None,
    output_usd: int | None,
    cached_usd: int | None,
    cache_write_usd: int | None,
    context: int | None,
    output_max: int | None,
    weight: int | None,
    fallbacks: tuple[str, ...],
    abilities: tuple[str, ...],
    budget_day_usd: int | None,
    budget_month_usd: int | None,
    where: home_module.Home,
) -> None:
    """Let callers use the name PUBLIC for a model of a provider, or change it.

    Where PUBLIC stands on another provider's model already, it stands on both then.
    """
    file = read(where)
    held = part(file, "models").setdefault(public, {})
    deployment = {
        "provider": provider,
        "model": deployed or public,
        "weight": weight,
        "input_usd_micros": input_usd,
        "output_usd_micros": output_usd,
        "cached_usd_micros": cached_usd,
        "cache_write_usd_micros": cache_write_usd,
    }
    _put(held.setdefault("deployments", []), _given(deployment))
    held |= _given(
        {
            "context_tokens": context,
            "output_tokens_max": output_max,
            "fallbacks": list(fallbacks) or None,
            "abilities": list(abilities) or None,
            "day_usd_micros": budget_day_usd,
            "month_usd_micros": budget_month_usd,
        }
    )
    found = save(where, file, f"Name the model {public}")
    for one in found.models[public].deployments:
        click.echo(f"{public} stands on {one.provider}'s {one.model}: {price_text(deployment_row(one))}.")
    options.say_when()


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _put(deployments: list[Any], made: dict[str, Any]) -> None:
    """Change the deployment of the same provider and model, or add one."""
    for one in deployments:
        if (one.get("provider"), one.get("model")) == (made["provider"], made["model"]):
            one.update(made)
            return
    deployments.append(made)


@model.command()
@click.argument("public")
@click.option("--provider", help="Only what stands on this provider.")
@options.home
def remove(public: str, provider: str | None, where: home_module.Home) -> None:
    """Take the name PUBLIC away, from the fallbacks of other models too."""
    file = read(where)
    if public not in part(file, "models"):
        known = ", ".join(list(part(file, "models"))[:20]) or "none yet"
        raise errors.NotFoundError(f"There is no model {public[:100]!r} of a provider. There are: {known}.")
    drop_deployments(file, public, lambda one: provider is None or one.get("provider") == provider)
    save(where, file, f"Remove the model {public}")
    click.echo("Removed.")
    options.say_when()


def drop_deployments(file: dict[str, Any], public: str, drops: Callable[[dict[str, Any]], bool]) -> None:
    """Take deployments from a model in the parsed file; a model without any goes, and so do fallbacks to it."""
    models = file["models"]
    left = [one for one in models[public]["deployments"] if not drops(one)]
    if left:
        models[public]["deployments"] = left
        return
    del models[public]
    for other in models.values():
        if public in other.get("fallbacks", ()):
            other["fallbacks"] = [name for name in other["fallbacks"] if name != public]


@model.command("list")
@options.home
@options.as_json
def list_models(where: home_module.Home, as_json: bool) -> None:
    """Show every model by the name that callers use, and what it stands on."""
    found = homes.load_catalogue(where, None, options.config_of(where))
    rows = [_row(one) for one in found.models.values()]
    if as_json:
        options.print_json(rows)
        return
    cells = [
        (
            row["name"] if not place else "",
            one["provider"],
            one["model"],
            price_text(one),
            f"{row['context_tokens']:,}" if not place else "",
            ", ".join(row["fallbacks"]) if not place else "",
        )
        for row in rows
        for place, one in enumerate(row["deployments"])
    ]
    options.print_table(
        ("MODEL", "PROVIDER", "ITS NAME THERE", "USD PER MILLION TOKENS", "CONTEXT", "FALLBACKS"), cells
    )


def _row(one: providers.Model) -> dict[str, Any]:
    return {
        "name": one.name,
        "context_tokens": one.context_tokens,
        "output_tokens_max": one.output_tokens_max,
        "abilities": sorted(one.abilities),
        "fallbacks": list(one.fallbacks),
        "day_usd_micros": one.day_usd_micros,
        "month_usd_micros": one.month_usd_micros,
        "deployments": [deployment_row(deployment) for deployment in one.deployments],
    }


def deployment_row(one: providers.Deployment) -> dict[str, Any]:
    """Return a deployment as it is printed as JSON."""
    price = one.price
    return {
        "provider": one.provider,
        "model": one.model,
        "weight": one.weight,
        "input_usd_micros": price.input_usd_micros if price else None,
        "output_usd_micros": price.output_usd_micros if price else None,
        "cached_usd_micros": price.cached_usd_micros if price else None,
        "cache_write_usd_micros": price.cache_write_usd_micros if price else None,
    }


def price_text(row: dict[str, Any]) -> str:
    """Return the price of a deployment in words."""
    if row["input_usd_micros"] is None:
        return "NO PRICE, so refused"
    if not any(row[name] for name in row if name.endswith("_usd_micros")):
        return "free"
    text = f"${_short(row['input_usd_micros'])} in, ${_short(row['output_usd_micros'])} out"
    return text if row["cached_usd_micros"] is None else f"{text}, ${_short(row['cached_usd_micros'])} cached"


def _short(usd_micros: int) -> str:
    """Return dollars without the zeros that say nothing."""
    whole, _, part_ = money.dollars(usd_micros).partition(".")
    return f"{whole}.{part_[:2]}{part_[2:].rstrip('0')}"


# The file


def read(where: home_module.Home) -> dict[str, Any]:
    """Return what the live providers.yaml holds; {} for a blueprint from before there was one."""
    path = where.current / providers.FILE
    return homes.read_yaml(path) if path.exists() else {}


def part(file: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a part of the file, to be changed in place. Raises ConfigError where it is no mapping."""
    found = file.get(name)
    if found is None:
        found = file[name] = {}
    if not isinstance(found, dict) or not all(isinstance(one, dict | None) for one in found.values()):
        raise errors.ConfigError(f"`{name}` in providers.yaml must map names to sections. Correct it first.")
    for key, value in found.items():
        found[key] = {} if value is None else value
    return found


def save(where: home_module.Home, file: dict[str, Any], reason: str) -> providers.Catalogue:
    """Check the file and write it as a new generation; return what it means. Raises ConfigError, BlueprintError."""
    config = options.config_of(where)
    found = providers.build(file, config)
    for one in found.providers.values():
        if one.loopback and one.port == config.port:
            raise errors.ConfigError(
                f"Port {config.port} is this Council's own, so {one.name} would ask itself. Give another with --url."
            )
    content = _HEAD + yaml.safe_dump(file, sort_keys=False, allow_unicode=True)
    blueprint.commit(where, {providers.FILE: content.encode()}, reason)
    return found
