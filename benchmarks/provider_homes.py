"""A home whose blueprint names the scripted upstream as a provider, with prices, budgets and a key."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import councils
from council.domain import home as home_module
from council.upkeep.engine import blueprint

PROVIDER = "fake"
KEY = "sk-upstream-2b90c1"
INPUT_USD_MICROS = 150_000
OUTPUT_USD_MICROS = 600_000
# High enough never to refuse, and checked all the same.
_BUDGET_USD_MICROS = 10**14
_BUDGETS = ("day_usd_micros", "month_usd_micros", "token_day_usd_micros", "token_month_usd_micros")


def model(behaviour: str, provider: str = PROVIDER, spare: str = "", **more: Any) -> dict[str, Any]:
    """Return a model with one deployment, and a `spare` one with the first provider for when that fails."""
    price = {"input_usd_micros": INPUT_USD_MICROS, "output_usd_micros": OUTPUT_USD_MICROS}
    deployments = [{"provider": provider, "model": behaviour, "weight": 1, **price}]
    deployments += [{"provider": PROVIDER, "model": spare, "weight": 0, **price}] if spare else []
    budgets = {"day_usd_micros": _BUDGET_USD_MICROS, "month_usd_micros": _BUDGET_USD_MICROS}
    return {"deployments": deployments, "context_tokens": 128_000, "output_tokens_max": 4096, **budgets, **more}


def prepare(
    root: Path,
    port: int,
    upstream_port: int,
    models: Mapping[str, Mapping[str, Any]],
    *,
    providers: Mapping[str, Mapping[str, Any]] | None = None,
    settings: Mapping[str, Any] | None = None,
    escalation: Mapping[str, Any] | None = None,
) -> home_module.Home:
    """Make a home without the packaged model.

    `providers` are more settings by the name of each provider, all of them the upstream; `settings` add to council.yaml,
    `escalation` is that of providers.yaml.
    """
    subprocess.run(
        [*councils.COMMAND, "init", "--home", str(root)],
        check=True,
        stdout=subprocess.DEVNULL,
        env=councils.environment(COUNCIL_PORT=str(port)),
    )
    where = home_module.Home(root)
    server = {"kind": "openai", "url": f"http://127.0.0.1:{upstream_port}/v1"}
    servers = {name: server | dict(more) for name, more in (providers or {PROVIDER: {}}).items()}
    budget = dict.fromkeys(_BUDGETS, _BUDGET_USD_MICROS)
    changes = {
        "providers.yaml": {"providers": servers, "models": dict(models)}
        | ({"escalation": dict(escalation)} if escalation else {}),
        "council.yaml": {"budget": budget, **(settings or {})},
    }
    blueprint.commit(
        where,
        {name: yaml.safe_dump(content, sort_keys=False).encode() for name, content in changes.items()},
        "Name the upstream of a benchmark",
    )
    where.provider_keys.mkdir(mode=0o700, exist_ok=True)
    for name in servers:
        where.provider_key_file(name).write_text(KEY)
        where.provider_key_file(name).chmod(0o600)
    return where
