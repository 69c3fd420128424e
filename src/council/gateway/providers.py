"""The /api/providers routes: who serves models, how they do, and their keys, which are put and never shown.

The gateway may not write a key. It hands one on with what proves whose word it is, and patchctl, which has the gateway look
that up, writes it; from then on the gateway goes by what lies there. Record 0043.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import fastapi
import pydantic
from starlette.requests import Request

from council.domain import access, errors, money, providers, uses
from council.gateway import changing, exchange, guests, parts

_KEY_CHARS_MAX = 4096
_BODY_BYTES_MAX = 16 * 1024


class ProviderRow(pydantic.BaseModel):
    """A server of models. `state` is up, unasked, off (`reason` says why) or open: left alone for a while, since it failed."""

    name: str
    kind: str
    url: str
    local: bool
    key: str
    has_key: bool
    key_set_us: int | None
    state: Literal["up", "unasked", "off", "open"]
    reason: str
    answered_us: int | None
    failed_us: int | None
    failed: str


class DeploymentRow(pydantic.BaseModel):
    """A provider's model that stands behind a name; prices in micro-dollars per million tokens, null where nobody said."""

    provider: str
    model: str
    weight: int
    input_usd_micros: int | None
    output_usd_micros: int | None
    cached_usd_micros: int | None


class ModelRow(pydantic.BaseModel):
    """A name that callers use; budgets in micro-dollars, null for none of its own."""

    name: str
    context_tokens: int
    output_tokens_max: int
    abilities: list[str]
    fallbacks: list[str]
    day_usd_micros: int | None
    month_usd_micros: int | None
    usable: bool
    deployments: list[DeploymentRow]


class EscalationRow(pydantic.BaseModel):
    """Which model helps out, and when; an empty name is none."""

    model: str
    confidence_min: float
    share_max: float


class Providers(pydantic.BaseModel):
    """Who serves models beside this machine, the names that callers use, and which of them helps out."""

    providers: list[ProviderRow]
    models: list[ModelRow]
    escalation: EscalationRow


class KeyForm(pydantic.BaseModel):
    """A key: it goes in, and never comes out."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    key: Annotated[str, pydantic.Field(min_length=1, max_length=_KEY_CHARS_MAX, pattern=r"^[!-~]+$")]


class KeyState(pydantic.BaseModel):
    """Whether a provider has a key now; `replaced` says whether it had one before."""

    name: str
    has_key: bool
    replaced: bool
    key_set_us: int | None


_Name = Annotated[str, fastapi.Path(min_length=1, max_length=64)]


class ProviderRoutes:
    """Handlers."""

    def __init__(self, made: parts.Parts):
        self._parts = made

    async def every(self) -> dict[str, Any]:
        """Return providers, models and escalation. Raises RecordsUnavailableError."""
        calls, used = self._parts.calls, await self._parts.used.all()
        escalation = self._parts.catalogue.escalation
        return {
            "providers": [self._row(one, used) for one in self._parts.catalogue.providers.values()],
            "models": [_model(one, usable=calls.usable(one.name)) for one in calls.models.values()],
            "escalation": {name: getattr(escalation, name) for name in EscalationRow.model_fields},
        }

    async def put_key(self, request: Request, name: str) -> dict[str, Any]:
        """Have a provider's key kept. Raises NotFoundError, InvalidRequestError, PatchServiceUnavailableError."""
        await changing.admit(self._parts, request, access.Right.ADMINISTER)
        timeout_s = self._parts.config.gateway.body_timeout_s
        try:
            wanted = await exchange.form(request, timeout_s, _BODY_BYTES_MAX, KeyForm)
        except errors.InvalidRequestError as error:
            if error.parameter != "key":
                raise
            raise errors.InvalidRequestError(
                f"`key` must be 1 to {_KEY_CHARS_MAX} ASCII characters without blanks. Copy it again.", parameter="key"
            ) from None
        self._check(name)
        replaced = await self._parts.changes.put_key(name, wanted.key, guests.proof(request))
        return await self._state(name, replaced)

    async def remove_key(self, request: Request, name: str) -> dict[str, Any]:
        """Have a provider's key removed; it is off then. Raises as `put_key`."""
        await changing.admit(self._parts, request, access.Right.ADMINISTER)
        self._check(name)
        return await self._state(name, await self._parts.changes.remove_key(name, guests.proof(request)))

    async def _state(self, name: str, replaced: bool) -> dict[str, Any]:
        await self._parts.keys.look()
        set_us = self._parts.keys.set_us(name)
        return {"name": name, "has_key": set_us is not None, "replaced": replaced, "key_set_us": set_us}

    def _check(self, name: str) -> None:
        found = self._parts.catalogue.providers.get(name)
        if found is None:
            raise errors.NotFoundError("There is no provider of that name. `council providers add` adds one.")
        if found.key != "file":
            raise errors.InvalidRequestError(f"{name} needs no key, as providers.yaml says.", parameter="key")

    def _row(self, one: providers.Provider, used: Mapping[tuple[uses.Kind, str], uses.Use]) -> dict[str, Any]:
        calls, set_us = self._parts.calls, self._parts.keys.set_us(one.name)
        answered, failed = (used.get((kind, one.name)) for kind in (uses.Kind.ANSWERED, uses.Kind.FAILED))
        return {
            **{name: getattr(one, name) for name in ("name", "kind", "url", "key")},
            "local": one.loopback,
            "has_key": set_us is not None,
            "key_set_us": set_us,
            "state": calls.states().get(one.name, "off"),
            "reason": calls.why_off(one.name),
            "answered_us": answered.at_us if answered else None,
            "failed_us": failed.at_us if failed else None,
            "failed": failed.told if failed else "",
        }


def _model(one: providers.Model, *, usable: bool) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("name", "context_tokens", "output_tokens_max")},
        "abilities": sorted(one.abilities),
        "fallbacks": list(one.fallbacks),
        "day_usd_micros": one.day_usd_micros or None,
        "month_usd_micros": one.month_usd_micros or None,
        "usable": usable,
        "deployments": [
            {"provider": each.provider, "model": each.model, "weight": each.weight, **_price(each.price)}
            for each in one.deployments
        ],
    }


def _price(price: money.Price | None) -> dict[str, int | None]:
    names = ("input_usd_micros", "output_usd_micros", "cached_usd_micros")
    return {name: None if price is None else getattr(price, name) for name in names}


def router(made: parts.Parts) -> fastapi.APIRouter:
    """Return the routes."""
    routes = fastapi.APIRouter(prefix="/api/providers", tags=["dashboard"])
    handlers = ProviderRoutes(made)

    @routes.get("", response_model=Providers)
    async def every(request: Request) -> Any:
        """Show who serves models, which names callers use, and which of them helps out; never a key."""
        made.doorkeeper.admit(request, access.Right.OPERATE)
        return await handlers.every()

    @routes.put("/{name}/key", response_model=KeyState, openapi_extra=exchange.documented(KeyForm))
    async def put_key(request: Request, name: _Name) -> Any:
        """Give a provider its key, or another one; it counts at once, without a new start."""
        return await handlers.put_key(request, name)

    @routes.delete("/{name}/key", response_model=KeyState)
    async def remove_key(request: Request, name: _Name) -> Any:
        """Remove a provider's key; the provider is off then."""
        return await handlers.remove_key(request, name)

    return routes
