"""config: the settings in the blueprint, shown, checked and changed."""

import asyncio
import contextlib
import dataclasses
import os
import re
from pathlib import Path
from typing import Any

import click
import yaml

from council import care_app, homes
from council.cli import intervening, options
from council.domain import config as config_module
from council.domain import errors, money, playbooks, repairs
from council.domain import home as home_module
from council.patching import recorded
from council.upkeep.engine import blueprint

_PASSWORD_PARAMETER = re.compile(r"(?i)([?&]password=)[^&#]*")


@click.group()
def config() -> None:
    """The settings in the blueprint."""


@config.command()
@options.home
@options.as_json
def show(where: home_module.Home, as_json: bool) -> None:
    """Show every setting in force; the environment and defaults included."""
    flat = flatten(options.config_of(where))
    if as_json:
        options.print_json(flat)
        return
    for key, value in flat.items():
        click.echo(f"{key} = {value!r}" if isinstance(value, str) else f"{key} = {value}")


@config.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@options.home
def check(file: Path | None, where: home_module.Home) -> None:
    """Check FILE, or the live settings, and say what is wrong."""
    if file is None:
        options.config_of(where)
    else:
        config_module.build(homes.read_yaml(file), os.environ, {})
    click.echo("The settings are valid.")


@config.command()
@options.home
def restore(where: home_module.Home) -> None:
    """Put a `council.yaml` that cannot be read back as the generation that serves was made with it.

    What lay there is kept under HOME/lineage/damaged. Settings that can be read are left alone. The lineage keeps it as a
    repair, once Council runs.
    """
    told, left = dict[str, str](), None
    for made in sorted({blueprint.current(where), *_serving(where)}):
        wrong = recorded.fault(where, made, os.environ)
        try:
            told |= {done: wrong} if (done := recorded.put_back(where, os.environ, made)) else {}
        except errors.InvalidRequestError as error:
            left = error
    for done, wrong in told.items():
        click.echo(f"{done}.")
        why = f"the settings that serve cannot be read: {wrong}"
        repair = intervening.done_by_hand(playbooks.Action.PUT_BACK, why, done)
        intervening.note(where, repairs.InterventionKind.OVERRIDE, done, repair=repair)
    if left is not None and not told:
        raise left
    if not told:
        click.echo("The settings are as the generation was made with them, and are left as they are.")


def _serving(where: home_module.Home) -> set[str]:
    """Return by which generations services run: not the live one where that waits for the next start."""
    with contextlib.suppress(errors.CouncilError):
        return {row.generation for row in asyncio.run(care_app.runtime(where).status(memory=False)) if row.generation}
    return set()


@config.command("set")
@click.argument("assignments", nargs=-1, required=True, metavar="SECTION.KEY=VALUE...")
@options.home
def set_values(assignments: tuple[str, ...], where: home_module.Home) -> None:
    """Change settings as a new generation of the blueprint. Takes effect at the next start."""
    found = settings(where)
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals:
            raise errors.ConfigError(f"{assignment!r} is not of the form SECTION.KEY=VALUE.")
        target = found
        *parents, leaf = path.strip().split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise errors.ConfigError(f"`{parent}` in {assignment!r} is not a section.")
        target[leaf] = _value(text)
    save(where, found, f"Set {', '.join(assignment.partition('=')[0] for assignment in assignments)}")
    click.echo("Changed. It takes effect at the next start: `council down`, then `council up`.")


def _value(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise errors.ConfigError(f"{text[:100]!r} is not a value: {error}.") from error


def settings(where: home_module.Home) -> dict[str, Any]:
    """Return what the live council.yaml holds."""
    return homes.read_yaml(where.current / homes.CONFIG_FILE)


def save(where: home_module.Home, found: dict[str, Any], reason: str) -> str:
    """Check settings and write them as a new generation; return its commit. Raises ConfigError, BlueprintError."""
    # With the models of providers.yaml: a name that both use would keep the gateway from starting.
    homes.load_catalogue(where, None, config_module.build(found, {}, {}))
    head = "# Settings of this Council; `council config set section.key=value` changes them.\n"
    content = head + yaml.safe_dump(found, sort_keys=True, allow_unicode=True)
    return blueprint.commit(where, {homes.CONFIG_FILE: content.encode()}, reason)


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Return settings as `section.key` to value. The password in a URL is left out."""
    flat: dict[str, Any] = {}
    for item in dataclasses.fields(value):
        inner = getattr(value, item.name)
        if dataclasses.is_dataclass(inner):
            flat.update(flatten(inner, f"{prefix}{item.name}."))
        elif item.name == "prices":
            flat.update({f"prices.{name}": _price(price) for name, price in inner.items()})
        else:
            flat[prefix + item.name] = _without_password(inner) if item.name == "url" else inner
    return flat


def _price(price: money.Price) -> dict[str, int]:
    return {name: value for name, value in dataclasses.asdict(price).items() if value is not None}


def _without_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    user, at, place = rest.rpartition("@")
    without = _PASSWORD_PARAMETER.sub(r"\1", place)
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{without}"
