"""Settings: pinned defaults, layers, bounds, conversions, combinations, and errors that name the nearest key."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pinned_settings
from council.domain import alerting, answering, caching, config, errors, forge, money, sandbox, watching

MIB = 1024 * 1024


def _flat(value: config.Config) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for item in dataclasses.fields(value):
        part = getattr(value, item.name)
        if dataclasses.is_dataclass(part):
            flat |= {f"{item.name}.{inner.name}": getattr(part, inner.name) for inner in dataclasses.fields(part)}
        else:
            flat[item.name] = part
    return flat


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in flat.items():
        section, _, name = key.rpartition(".")
        (nested.setdefault(section, {}) if section else nested)[name] = value
    return nested


def _options() -> dict[str, Any]:
    """Map each dotted key but `prices` to its dataclass field."""
    options: dict[str, Any] = {}
    for item in dataclasses.fields(config.Config):
        if isinstance(item.type, type) and dataclasses.is_dataclass(item.type):
            options |= {f"{item.name}.{inner.name}": inner for inner in dataclasses.fields(item.type)}
        elif item.name != "prices":
            options[item.name] = item
    return options


OPTIONS = _options()
NUMBERS = {key: item for key, item in OPTIONS.items() if item.type in (int, float)}
LIMITS = [f"sandbox.{name}" for name in sandbox.LIMIT_NAMES]
# What may not be set to any value without its partner.
IN_PAIRS = {"supervisor.stop_s", "gateway.drain_s", *LIMITS, *(f"{key}_max" for key in LIMITS)}


def _variable(key: str) -> str:
    return "COUNCIL_" + key.replace(".", "_").upper()


def _message(**layers: Any) -> str:
    with pytest.raises(errors.ConfigError) as caught:
        config.build(layers.get("file", {}), layers.get("environment", {}), layers.get("flags", {}))
    return caught.value.message


# Defaults and declarations


def test_every_default_is_as_pinned() -> None:
    assert _flat(config.build({}, {}, {})) == pinned_settings.DEFAULTS


def test_every_default_has_the_declared_type() -> None:
    wrong = [key for key, item in OPTIONS.items() if type(pinned_settings.DEFAULTS[key]) not in (item.type, tuple)]
    assert not wrong


def test_every_number_has_bounds_that_hold_its_default() -> None:
    for key, item in NUMBERS.items():
        low, high = item.metadata["low"], item.metadata["high"]
        assert low is not None, key
        assert low <= item.default <= (math.inf if high is None else high), key


def test_every_setting_says_what_it_is() -> None:
    assert not [key for key, item in OPTIONS.items() if not item.metadata["doc"].rstrip().endswith(".")]


def test_no_two_settings_share_a_variable() -> None:
    assert len({_variable(key) for key in OPTIONS}) == len(OPTIONS)


def test_the_config_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.build({}, {}, {}).port = 1  # type: ignore[misc]


# Layers


def test_the_environment_wins_over_the_file() -> None:
    made = config.build({"port": 9000, "gateway": {"workers": 2}}, {"COUNCIL_PORT": "9001"}, {})
    assert (made.port, made.gateway.workers) == (9001, 2)


def test_flags_win_over_the_environment() -> None:
    assert config.build({"port": 9000}, {"COUNCIL_PORT": "9001"}, {"port": 9002}).port == 9002


def test_layers_mix_within_a_section() -> None:
    made = config.build({"model": {"slots": 3, "threads": 3}}, {"COUNCIL_MODEL_SLOTS": "4"}, {"model": {"stall_s": 9}})
    assert (made.model.slots, made.model.threads, made.model.stall_s) == (4, 3, 9.0)


def test_building_leaves_its_layers_as_they_were() -> None:
    file = {"gateway": {"workers": 2}, "prices": {"mine": {"input_usd_micros": 1}}}
    config.build(file, {"COUNCIL_GATEWAY_WORKERS": "3"}, {"gateway": {"host": "::1"}, "model": {"name": "mine"}})
    assert file == {"gateway": {"workers": 2}, "prices": {"mine": {"input_usd_micros": 1}}}


def test_variables_of_others_and_reserved_ones_are_no_settings() -> None:
    environment = {"PATH": "x", "COUNCILLOR": "x", "COUNCIL_HOME": "x", "COUNCIL_TOKEN": "x", "COUNCIL_READY_FD": "3"}
    assert config.build({}, environment, {}) == config.build({}, {}, {})


@given(st.data())
def test_each_setting_takes_flag_over_environment_over_file(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(set(NUMBERS) - IN_PAIRS)))
    values = [data.draw(_values(NUMBERS[key])) for _ in range(3)]
    layers = [_nested({key: values[0]}), {_variable(key): _text(values[1])}, _nested({key: values[2]})]
    assert _flat(config.build(layers[0], {}, {}))[key] == values[0]
    assert _flat(config.build(layers[0], layers[1], {}))[key] == values[1]
    assert _flat(config.build(*layers))[key] == values[2]


# Round trips


def _values(item: Any) -> st.SearchStrategy[Any]:
    low, high = item.metadata["low"], item.metadata["high"]
    if item.type is int:
        return st.integers(math.ceil(low), 1 << 50 if high is None else math.floor(high))
    if item.type is float:
        return st.floats(low, 1e9 if high is None else high)
    if item.type is bool:
        return st.booleans()
    text = st.text("abcdefghijklmnopqrstuvwxyz0123456789.:/-", min_size=1, max_size=20)
    return st.lists(text, max_size=4).map(tuple) if item.type == tuple[str, ...] else text


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(value)
    return repr(value) if isinstance(value, float) else str(value)


@st.composite
def _settings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw values for some settings such that all combinations are allowed."""
    keys = draw(st.sets(st.sampled_from(sorted(OPTIONS))))
    chosen = {key: draw(_values(OPTIONS[key])) for key in sorted(keys)}
    chosen |= {"gateway.tls_cert_file": "cert.pem", "gateway.tls_key_file": "key.pem"}
    chosen |= {"gateway.drain_s": draw(st.floats(0, 100)), "supervisor.stop_s": draw(st.floats(116, 3600))}
    for key in LIMITS:
        chosen[key], chosen[f"{key}_max"] = sorted(draw(_values(OPTIONS[key])) for _ in range(2))
    return {
        **chosen,
        "model.name": "mine",
        "sandbox.kind": draw(st.sampled_from(config.SANDBOX_KINDS)),
        "cache.kind": draw(st.sampled_from(caching.KINDS)),
        "forge.kind": (kind := draw(st.sampled_from(forge.KINDS))),
        "forge.webhook": kind == "github" and draw(st.booleans()),
        **{"forge.repository": "ann/blueprint", "forge.api_url": "https://forge.example.org/api/v3"},
        "watch.source": draw(st.sampled_from(watching.SOURCES)),
        "tracing.endpoint": "http://collector:4318",
        **{"observe.digest_at": "23:59", "observe.digest_zone": "UTC"},
        **{"backup.target": "/mnt/snapshots", "backup.at": "23:59", "backup.zone": "UTC"},
        **{f"watch.{name}_url": f"http://{name}:9/x" for name in ("prometheus", "alertmanager", "loki", "webhook")},
        "watch.advisories_url": "https://index.example/{name}/{version}/json",
        "alerts.channels": draw(st.lists(st.sampled_from(alerting.CHANNELS), max_size=3).map(tuple)),
        "knowledge.corpora": draw(st.lists(st.sampled_from(answering.CORPORA), max_size=4).map(tuple)),
    }


PRICED = {"prices": {"mine": {"input_usd_micros": 3, "output_usd_micros": 5}}}


@given(_settings())
def test_a_file_comes_back_as_it_was_written(chosen: dict[str, Any]) -> None:
    made = _flat(config.build({**_nested(chosen), **PRICED}, {}, {}))
    assert {key: made[key] for key in chosen} == chosen
    assert {key: made[key] for key in pinned_settings.DEFAULTS if key not in chosen and key != "prices"} == {
        key: value for key, value in pinned_settings.DEFAULTS.items() if key not in chosen and key != "prices"
    }


@given(_settings())
def test_the_environment_says_the_same_as_a_file(chosen: dict[str, Any]) -> None:
    environment = {_variable(key): _text(value) for key, value in chosen.items()}
    assert config.build(PRICED, environment, {}) == config.build({**_nested(chosen), **PRICED}, {}, {})


@given(_settings())
def test_a_built_config_written_out_builds_the_same(chosen: dict[str, Any]) -> None:
    made = config.build({**_nested(chosen), **PRICED}, {}, {})
    assert config.build({**dataclasses.asdict(made), **PRICED}, {}, {}) == made


# Unknown keys


@pytest.mark.parametrize(
    ("file", "named", "nearest"),
    [
        ({"prot": 1}, "`prot`", "`port`"),
        ({"gatway": {}}, "`gatway`", "`gateway`"),
        ({"gateway": {"worker": 2}}, "`gateway.worker`", "`gateway.workers`"),
        ({"supervisor": {"stop": 2}}, "`supervisor.stop`", "`supervisor.stop_s`"),
        ({"prices": {"m": {"input_usd": 2}}}, "`prices.m.input_usd`", "`prices.m.input_usd_micros`"),
    ],
)
def test_an_unknown_key_names_the_nearest(file: dict[str, Any], named: str, nearest: str) -> None:
    for layer in ("file", "flags"):
        message = _message(**{layer: file})
        assert named in message
        assert f"Did you mean {nearest}?" in message


def test_an_unknown_variable_names_the_nearest() -> None:
    message = _message(environment={"COUNCIL_GATEWAY_WORKER": "2"})
    assert "COUNCIL_GATEWAY_WORKER " in message
    assert "Did you mean `COUNCIL_GATEWAY_WORKERS`?" in message


def test_a_key_unlike_any_other_points_to_the_list() -> None:
    assert "`council config show`" in _message(file={"zzzzzz": 1})


@given(st.sampled_from(sorted(OPTIONS)), st.integers(0, 100))
def test_one_slip_in_a_key_is_traced_to_it_or_to_another_key(key: str, place: int) -> None:
    section, _, name = key.rpartition(".")
    slipped = name[: place % len(name)] + "Q" + name[place % len(name) + 1 :]
    message = _message(file=_nested({f"{section}.{slipped}".lstrip("."): 1}))
    assert slipped in message
    assert message.endswith(("?", "every key."))


# Bounds


@pytest.mark.parametrize("key", sorted(NUMBERS))
def test_a_number_beyond_its_bounds_is_refused_by_name(key: str) -> None:
    low, high = NUMBERS[key].metadata["low"], NUMBERS[key].metadata["high"]
    step = 1 if NUMBERS[key].type is int else 0.001
    below = _message(file=_nested({key: NUMBERS[key].type(low) - step}))
    assert f"`{key}`" in below
    assert "below its least value" in below
    if high is not None:
        above = _message(file=_nested({key: NUMBERS[key].type(high) + step}))
        assert f"`{key}`" in above
        assert "above its greatest value" in above


@pytest.mark.parametrize("key", sorted(set(NUMBERS) - IN_PAIRS))
def test_the_bounds_themselves_are_allowed(key: str) -> None:
    for bound in (NUMBERS[key].metadata["low"], NUMBERS[key].metadata["high"]):
        if bound is not None:
            made = config.build(_nested({key: NUMBERS[key].type(bound)}), {}, {})
            assert _flat(made)[key] == bound


# Types


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("port", "eight", "a whole number"),
        ("port", 8000.0, "a whole number"),
        ("port", True, "a whole number"),
        ("port", None, "a whole number"),
        ("port", [8000], "a whole number"),
        ("port", "9" * 5000, "a whole number"),
        ("gateway.drain_s", "soon", "a number"),
        ("gateway.drain_s", "nan", "a number"),
        ("gateway.drain_s", math.nan, "a number"),
        ("gateway.drain_s", math.inf, "a number"),
        ("gateway.drain_s", 10**400, "a number"),
        ("gateway.drain_s", False, "a number"),
        ("gateway.behind_proxy", "maybe", "true or false"),
        ("gateway.behind_proxy", 1, "true or false"),
        ("gateway.behind_proxy", None, "true or false"),
        ("gateway.host", 127, "a text"),
        ("gateway.host", None, "a text"),
        ("gateway.allowed_hosts", 5, "a list of texts"),
        ("gateway.allowed_hosts", [5], "a list of texts"),
        ("gateway.allowed_hosts", {"a": 1}, "a list of texts"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(key: str, value: Any, wanted: str) -> None:
    message = _message(file=_nested({key: value}))
    assert f"`{key}` must be {wanted}" in message


@pytest.mark.parametrize("value", [None, 3, "text", [1]])
def test_a_section_must_hold_keys(value: Any) -> None:
    assert "`gateway` must be a section" in _message(file={"gateway": value})


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("true", True),
        ("YES", True),
        ("on", True),
        ("1", True),
        ("false", False),
        ("No", False),
        ("off", False),
        ("0", False),
    ],
)
def test_a_variable_says_yes_or_no_in_several_words(word: str, meant: bool) -> None:
    made = config.build({}, {"COUNCIL_GATEWAY_ANONYMOUS_LOOPBACK": word}, {})
    assert made.gateway.anonymous_loopback is meant


@pytest.mark.parametrize(("text", "meant"), [("", ()), ("a", ("a",)), ("a,b", ("a", "b")), (" a , b,, ", ("a", "b"))])
def test_a_variable_gives_a_list_with_commas(text: str, meant: tuple[str, ...]) -> None:
    made = config.build({}, {"COUNCIL_GATEWAY_ALLOWED_HOSTS": text}, {})
    assert made.gateway.allowed_hosts == meant


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda part: st.lists(part), max_leaves=5
    )
)
def test_any_value_builds_or_is_a_config_error(value: Any) -> None:
    for key in ("port", "gateway", "gateway.drain_s", "gateway.host", "gateway.allowed_hosts", "prices"):
        try:
            config.build(_nested({key: value}), {}, {})
        except errors.ConfigError as problem:
            assert key in problem.message


# Prices


def test_a_price_is_read_and_what_it_leaves_out_is_nothing() -> None:
    file = {
        "prices": {"a": {"input_usd_micros": 150_000}, "b": {"output_usd_micros": "600000"}},
        "model": {"name": "a"},
    }
    made = config.build(file, {}, {})
    assert made.prices == {"a": money.Price(150_000, 0), "b": money.Price(0, 600_000)}


@pytest.mark.parametrize(
    "prices", [5, {"a": 5}, {"a": {"input_usd_micros": -1}}, {"a": {"input_usd_micros": 0.5}}, {"a": {"x": 1}}]
)
def test_a_price_that_cannot_be_charged_is_refused(prices: Any) -> None:
    assert "`prices" in _message(file={"prices": prices})


def test_a_model_without_a_price_is_refused() -> None:
    assert "`prices.mine`" in _message(file={"model": {"name": "mine"}})


def test_a_key_that_no_variable_may_give_is_no_setting_there() -> None:
    assert "COUNCIL_PRICES is not a setting." in _message(environment={"COUNCIL_PRICES": "x"})


# Combinations


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "council.example", "127.0.0.1.example", ""])
def test_a_bind_beyond_loopback_needs_tls_or_a_proxy(host: str) -> None:
    message = _message(file={"gateway": {"host": host}})
    assert "`gateway.tls_cert_file`" in message
    assert "`gateway.behind_proxy`" in message


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_neither(host: str) -> None:
    assert config.build({"gateway": {"host": host}}, {}, {}).gateway.host == host


@pytest.mark.parametrize("more", [{"behind_proxy": True}, {"tls_cert_file": "c.pem", "tls_key_file": "k.pem"}])
def test_tls_or_a_proxy_allows_a_bind_beyond_loopback(more: dict[str, Any]) -> None:
    assert config.build({"gateway": {"host": "0.0.0.0", **more}}, {}, {}).gateway.host == "0.0.0.0"


@pytest.mark.parametrize("one", ["tls_cert_file", "tls_key_file"])
def test_half_of_tls_is_refused(one: str) -> None:
    assert "go together" in _message(file={"gateway": {one: "x.pem"}})
    assert "go together" in _message(file={"gateway": {one: "x.pem", "host": "0.0.0.0", "behind_proxy": True}})


@pytest.mark.parametrize(("stop_s", "drain_s"), [(20, 20), (10, 20), (34.9, 20)])
def test_a_stop_shorter_than_the_drain_is_refused(stop_s: float, drain_s: float) -> None:
    assert "`supervisor.stop_s`" in _message(file={"gateway": {"drain_s": drain_s}, "supervisor": {"stop_s": stop_s}})


@pytest.mark.parametrize("key", LIMITS)
def test_a_limit_of_jobs_may_be_its_ceiling_and_no_more(key: str) -> None:
    ceiling = OPTIONS[f"{key}_max"].metadata
    for bound in (ceiling["low"], ceiling["high"]):
        value = OPTIONS[key].type(bound)
        assert _flat(config.build(_nested({key: value, f"{key}_max": value}), {}, {}))[key] == value
    default = pinned_settings.DEFAULTS[f"{key}_max"]
    assert f"`{key}` is above its ceiling" in _message(file=_nested({key: default + 1}))


@pytest.mark.parametrize("section", KINDS := {"sandbox": "firejail, gvisor", "cache": "off, exact, semantic"})
@pytest.mark.parametrize("kind", ["", "absent", "Firejail", "Semantic"])
def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(section: str, kind: str) -> None:
    assert KINDS[section] in _message(file={section: {"kind": kind}})
