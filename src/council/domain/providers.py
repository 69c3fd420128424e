"""Which language models there are beside the packaged one, who serves them, and what they cost: `providers.yaml`.

A *provider* is a server with an address and a key; a *model* is a name that callers use; a *deployment* is one provider's
model that stands behind it, with the price of that provider. Keys are never here: they are files of the home.
"""

import dataclasses
import ipaddress
import operator
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from council.domain import config, errors, money

FILE = "providers.yaml"
# The name of the model process of this machine among the providers.
LOCAL = "local"
# The name by which callers reach the embedding model of this machine.
EMBEDDER = "all-minilm-l6-v2"
KINDS = ("openai", "anthropic")
ABILITIES = ("tools", "json_schema", "images", "logprobs", "embeddings")
# Names that callers reach Council's own specialists by.
_CASCADE = "council"
_NAME_CHARS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")
_NAME_LENGTH_MAX = 64
_MODELS_MAX = 500
_PRICE: dict[str, Any] = {"low": 0, "high": 10**12}


@dataclass(frozen=True, slots=True)
class Provider:
    """A server that speaks one or more wire forms. Its `name` is its key in the file."""

    name: str = ""
    kind: str = config.option("openai", "`openai` for whatever speaks OpenAI's API, or `anthropic`.")
    url: str = config.option("", "Address up to and including the version, as `https://api.openai.com/v1`.")
    key: str = config.option(
        "file", "`file`: the key is in the home, by `council providers key`; `none`: no key needed."
    )
    forms: tuple[str, ...] = config.option(
        (), "Wire forms beyond the kind's own that pass through as they are: `responses`, `completions`, `embeddings`."
    )
    omit: tuple[str, ...] = config.option(
        (),
        "Fields that this server refuses, left out of what it is asked; `max_completion_tokens` becomes `max_tokens`.",
    )
    concurrent_max: int = config.option(64, "Calls at once from one gateway process.", low=1, high=10_000)
    queue_max: int = config.option(256, "Calls that may wait for their turn.", low=0, high=100_000)
    connect_s: float = config.option(3.0, "Longest wait for a connection, seconds.", low=0.05, high=60)
    first_byte_s: float = config.option(60.0, "Longest wait for a stream to begin, seconds.", low=0.05, high=3600)
    whole_s: float = config.option(
        300.0, "Longest wait for an answer that is not streamed, seconds.", low=0.05, high=3600
    )
    stall_s: float = config.option(30.0, "Longest silence within an answer, seconds.", low=0.05, high=3600)

    @property
    def loopback(self) -> bool:
        """Whether it runs on this machine: nothing leaves it, and what it serves is free unless priced."""
        host = urllib.parse.urlsplit(self.url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def port(self) -> int:
        """The TCP port that it listens on."""
        parts = urllib.parse.urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One provider's model. `price` None means that nobody said what it costs."""

    provider: str
    model: str
    price: money.Price | None
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Model:
    """A name that callers use. Tried in order of weight, then the models that `fallbacks` names."""

    name: str
    deployments: tuple[Deployment, ...]
    context_tokens: int
    output_tokens_max: int
    image_tokens_max: int
    abilities: frozenset[str]
    fallbacks: tuple[str, ...] = ()
    day_usd_micros: int = 0
    month_usd_micros: int = 0


@dataclass(frozen=True, slots=True)
class Escalation:
    """When a question that was answered here is sent to a paid model. `model` empty means never."""

    model: str = config.option("", "The model that is asked when local confidence is too low; empty: none.")
    confidence_min: float = config.option(
        0.6, "Local answers less likely to be right than this may be escalated.", low=0, high=1
    )
    share_max: float = config.option(
        0.06, "At most this share of the questions is escalated, those in most doubt first; 1: no bound.", low=0, high=1
    )
    wait_s: float = config.option(
        10.0, "Longest wait for its first words, seconds; then the local model answers.", low=0.1, high=600
    )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All of `providers.yaml`."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    escalation: Escalation = field(default_factory=Escalation)


@dataclass(frozen=True, slots=True)
class DeploymentForm:
    """A deployment as it stands in the file: an entry of a model's `deployments`."""

    provider: str = config.option("", "The provider that serves it, one of `providers`.")
    model: str = config.option("", "The name by which the provider knows the model.")
    weight: int = config.option(
        1, "How often it is the first one asked, beside the others; 0: only when they failed.", low=0, high=1000
    )
    input_usd_micros: int = config.option(
        -1, "Micro-dollars per million tokens of prompt. Unpriced, a server beyond this machine is not asked.", **_PRICE
    )
    output_usd_micros: int = config.option(-1, "Micro-dollars per million tokens of answer.", **_PRICE)
    cached_usd_micros: int = config.option(
        -1, "Of tokens read from the provider's prompt cache; not given: what others cost.", **_PRICE
    )
    cache_write_usd_micros: int = config.option(
        -1, "Of tokens written to the provider's prompt cache; not given: what others cost.", **_PRICE
    )


@dataclass(frozen=True, slots=True)
class ModelForm:
    """A model as it stands in the file, beside its `deployments`."""

    context_tokens: int = config.option(
        8192, "Tokens of prompt and answer together; no call is charged more.", low=16, high=100_000_000
    )
    output_tokens_max: int = config.option(
        4096, "Longest answer where the caller sets no limit, tokens.", low=1, high=100_000_000
    )
    image_tokens_max: int = config.option(3000, "The most that a picture may cost, tokens.", low=0, high=10_000_000)
    abilities: tuple[str, ...] = config.option(
        ("tools", "json_schema", "logprobs"), f"What it can do: {', '.join(ABILITIES)}."
    )
    fallbacks: tuple[str, ...] = config.option((), "Models that are asked when it cannot answer, in this order.")
    day_usd_micros: int = config.option(
        0, "Budget of a day, UTC, micro-dollars; 0: none of its own.", low=0, high=10**15
    )
    month_usd_micros: int = config.option(
        0, "Budget of a month, UTC, micro-dollars; 0: none of its own.", low=0, high=10**15
    )


def build(file: Mapping[str, Any], settings: config.Config) -> Catalogue:
    """Return the catalogue in a parsed `providers.yaml`, the model of this machine among its models.

    Raises ConfigError, naming the key.
    """
    reserved = frozenset({settings.model.name, EMBEDDER})
    for key in file:
        if key not in ("providers", "models", "escalation"):
            raise errors.ConfigError(
                f"Unknown key `{key}` in providers.yaml. It holds `providers`, `models`, `escalation`."
            )
    providers = {str(name): _provider(str(name), value) for name, value in _section(file, "providers").items()}
    for provider in providers.values():
        if provider.whole_s > settings.calls.call_s:
            raise errors.ConfigError(
                f"`providers.{provider.name}.whole_s` is longer than `calls.call_s`, which bounds every call. Raise that too."
            )
    models = {str(name): _model(str(name), value, providers) for name, value in _section(file, "models").items()}
    if len(models) > _MODELS_MAX:
        raise errors.ConfigError(f"providers.yaml names {len(models)} models; the limit is {_MODELS_MAX}.")
    for model in models.values():
        _check_name(model.name, reserved)
        if model.name in model.fallbacks:
            raise errors.ConfigError(f"`models.{model.name}.fallbacks` names the model itself. Name others.")
        for fallback in model.fallbacks:
            if fallback not in models and fallback not in reserved:
                raise errors.ConfigError(f"`models.{model.name}.fallbacks` names {fallback!r}, which is no model here.")
    escalation: Escalation = config.section(Escalation, file.get("escalation") or {}, "escalation.")
    if escalation.model and escalation.model not in models:
        raise errors.ConfigError(
            f"`escalation.model` {escalation.model!r} is no model of providers.yaml. Add it there."
        )
    every = {settings.model.name: _local(settings), **models}
    for key in ROLES:
        _check_role(key, operator.attrgetter(key)(settings), every, settings.model.name)
    return Catalogue(providers, every, escalation)


# The settings that name a specialist's own model; empty: the one of this machine.
ROLES = ("general.model", "code.model", "logic.model", "programs.model")


def of_roles(settings: config.Config) -> frozenset[str]:
    """Return the models beside the one of this machine that specialists have of their own."""
    return frozenset(operator.attrgetter(key)(settings) for key in ROLES) - {"", settings.model.name}


def _check_role(key: str, name: str, models: Mapping[str, Model], local: str) -> None:
    if name in ("", local):
        return
    if name not in models:
        known = ", ".join(models)
        raise errors.ConfigError(
            f"`{key}` {name[:100]!r} is no model here ({known}). Name one of them, or add it by `council providers model add`."
        )
    for one in (name, *models[name].fallbacks):
        # Embeddings have no entry, and are never asked for words.
        deployments = models[one].deployments if one in models else ()
        if any(each.price is None or not each.price.free for each in deployments):
            raise errors.ConfigError(
                f"`{key}` names {name!r}, of which {one!r} is paid or has no price. A specialist's own model costs nothing; a "
                "paid one helps out by `escalation.model` of providers.yaml."
            )


def _local(settings: config.Config) -> Model:
    name = settings.model.name
    return Model(
        name=name,
        deployments=(Deployment(LOCAL, name, settings.prices[name]),),
        context_tokens=settings.model.context_tokens,
        output_tokens_max=settings.model.context_tokens,
        image_tokens_max=0,
        abilities=frozenset({"tools", "json_schema", "logprobs"}),
    )


def _section(file: Mapping[str, Any], name: str) -> Mapping[Any, Any]:
    found = file.get(name) or {}
    if not isinstance(found, Mapping):
        raise errors.ConfigError(f"`{name}` in providers.yaml must be a section with keys, not {found!r}.")
    return found


def _provider(name: str, value: Any) -> Provider:
    where = f"providers.{name}."
    if name == LOCAL:
        raise errors.ConfigError("A provider may not be named `local`: that is the model of this machine.")
    if not name or len(name) > _NAME_LENGTH_MAX or not set(name) <= _NAME_CHARS:
        raise errors.ConfigError(f"The provider's name {name[:80]!r} may hold a-z, 0-9, `-` and `_` only.")
    given = value or {}
    if isinstance(given, Mapping) and "name" in given:
        raise errors.ConfigError(f"Unknown key `{where}name`. A provider's name is the key of its section.")
    made: Provider = dataclasses.replace(config.section(Provider, given, where), name=name)
    wrong = errors.ConfigError(f"`{where}url` must be an address such as `https://api.openai.com/v1`.")
    try:
        parts = urllib.parse.urlsplit(made.url)
        port = parts.port
    except ValueError:
        raise wrong from None
    blank = any(char.isspace() or not char.isprintable() for char in made.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or blank:
        raise wrong
    if {"model", "messages", "input", "prompt"} & set(made.omit):
        raise errors.ConfigError(f"`{where}omit` may not leave out what is asked.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise errors.ConfigError(f"`{where}url` may hold no user, password or query. Keys go into the home.")
    if parts.scheme == "http" and not made.loopback:
        raise errors.ConfigError(
            f"`{where}url` would send the key in the clear. Use https, or an address of this machine."
        )
    if made.kind not in KINDS:
        raise errors.ConfigError(f"`{where}kind` must be one of {', '.join(KINDS)}, not {made.kind!r}.")
    if made.key not in ("file", "none"):
        raise errors.ConfigError(
            f"`{where}key` must be `file` or `none`; the key itself is given by `council providers key {name}`."
        )
    for form_name in made.forms:
        if form_name not in ("responses", "completions", "embeddings"):
            raise errors.ConfigError(
                f"`{where}forms` may name responses, completions and embeddings, not {form_name!r}."
            )
    return made


def _model(name: str, value: Any, providers: Mapping[str, Provider]) -> Model:
    where = f"models.{name}."
    if not isinstance(value, Mapping):
        raise errors.ConfigError(f"`{where.rstrip('.')}` must be a section with `deployments`.")
    form: ModelForm = config.section(ModelForm, {k: v for k, v in value.items() if k != "deployments"}, where)
    listed = value.get("deployments")
    if not isinstance(listed, list) or not listed:
        raise errors.ConfigError(f"`{where}deployments` must list at least one `{{provider, model}}`.")
    for ability in form.abilities:
        if ability not in ABILITIES:
            raise errors.ConfigError(f"`{where}abilities` may name {', '.join(ABILITIES)}, not {ability!r}.")
    return Model(
        name=name,
        deployments=tuple(
            _deployment(one, f"{where}deployments.{place}.", providers) for place, one in enumerate(listed)
        ),
        context_tokens=form.context_tokens,
        output_tokens_max=min(form.output_tokens_max, form.context_tokens),
        image_tokens_max=form.image_tokens_max,
        abilities=frozenset(form.abilities),
        fallbacks=form.fallbacks,
        day_usd_micros=form.day_usd_micros,
        month_usd_micros=form.month_usd_micros,
    )


def _deployment(value: Any, where: str, providers: Mapping[str, Provider]) -> Deployment:
    form: DeploymentForm = config.section(DeploymentForm, value, where)
    if form.provider not in providers:
        known = ", ".join(providers) or "none"
        raise errors.ConfigError(f"`{where}provider` {form.provider!r} is not among the providers ({known}).")
    if not form.model:
        raise errors.ConfigError(f"`{where}model` is missing: the name by which {form.provider} knows the model.")
    return Deployment(form.provider, form.model, _price(form, where, providers[form.provider]), form.weight)


def _price(form: DeploymentForm, where: str, provider: Provider) -> money.Price | None:
    given = (form.input_usd_micros, form.output_usd_micros)
    if min(given) < 0 <= max(*given, form.cached_usd_micros, form.cache_write_usd_micros):
        raise errors.ConfigError(f"`{where}` needs both `input_usd_micros` and `output_usd_micros`.")
    if min(given) < 0:
        # A machine of one's own is free. What others serve and nobody priced is refused when it is asked.
        return money.Price(0, 0) if provider.loopback else None
    cached = form.cached_usd_micros if form.cached_usd_micros >= 0 else None
    write = form.cache_write_usd_micros if form.cache_write_usd_micros >= 0 else None
    return money.Price(*given, cached_usd_micros=cached, cache_write_usd_micros=write)


def _check_name(name: str, reserved: frozenset[str]) -> None:
    if name in reserved or name.partition("/")[0] == _CASCADE:
        raise errors.ConfigError(f"A model may not be named {name!r}: that name is Council's own. Choose another.")
    if not name or len(name) > 200 or not name.isprintable():
        raise errors.ConfigError(f"{name[:80]!r} is no name for a model: up to 200 printable characters.")
