"""Settings: pinned defaults, layers, bounds, conversions, combinations, and errors that name the nearest key."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import alerting, answering, config, errors, money, sandbox, watching

MIB = 1024 * 1024

DEFAULTS: dict[str, Any] = {
    "port": 8000,
    "learning": False,
    "gateway.host": "127.0.0.1",
    "gateway.workers": 1,
    "gateway.allowed_hosts": (),
    "gateway.allowed_origins": (),
    "gateway.tls_cert_file": "",
    "gateway.tls_key_file": "",
    "gateway.behind_proxy": False,
    "gateway.anonymous_loopback": True,
    "gateway.mcp": True,
    "gateway.body_bytes_max": MIB,
    "gateway.messages_max": 512,
    "gateway.requests_per_minute": 600,
    "gateway.concurrent_max": 200,
    "gateway.body_timeout_s": 20.0,
    "gateway.drain_s": 20.0,
    "gateway.tokens_refresh_s": 2.0,
    "model.name": "smollm2-135m-instruct",
    "model.file": "",
    "model.threads": 0,
    "model.context_tokens": 8192,
    "model.slots": 2,
    "model.queue_max": 32,
    "model.tokens_max_default": 512,
    "model.temperature": 0.2,
    "model.top_p": 0.9,
    "model.repeat_penalty": 1.1,
    "model.stall_s": 60.0,
    "general.tools": False,
    "general.tools_rounds_max": 2,
    "general.tools_tokens_max": 256,
    "general.tools_s": 20.0,
    "worker.processes": 1,
    "worker.wall_s": 5.0,
    "worker.memory_bytes": 1024 * MIB,
    "worker.jobs_per_child": 500,
    "worker.queue_max": 32,
    "worker.message_bytes_max": MIB,
    "code.textbook": True,
    "code.search": True,
    "code.samples_max": 2,
    "code.repairs_max": 1,
    "code.self_tests": True,
    "code.self_test_tokens_max": 160,
    "programs.samples": 0,
    "programs.agree_min": 0.6,
    "programs.tokens_max": 300,
    "programs.wall_s": 30.0,
    "logic.translate_tokens_max": 0,
    "logic.translate_s": 20.0,
    "recall.files_max": 10_000,
    "recall.file_bytes_max": 8 * MIB,
    "recall.passages_max": 100_000,
    "recall.passage_chars": 900,
    "recall.poll_s": 2.0,
    "knowledge.corpora": ("countries", "elements", "python", "dictionary"),
    "recall.coverage_min": 1.0,
    "recall.timeout_s": 2.0,
    "recall.meanings": True,
    "recall.meanings_max": 20_000,
    "recall.meanings_s": 0.3,
    "router.try_from": 0.03,
    "router.code_from": 0.35,
    "router.split": True,
    "router.unsure_below": 0.6,
    "router.vector_wait_s": 0.015,
    "learning_rows.days": 7.0,
    "learning_rows.rows_user_max": 1_000,
    "learning_rows.rows_max": 10_000,
    "memory.memories_max": 200_000,
    "memory.text_chars_max": 2000,
    "memory.found_max": 5,
    "memory.score_min": 0.4,
    "memory.session_turns": 6,
    "memory.texts_max": 256,
    "memory.cache_texts": 4096,
    "memory.users_loaded": 256,
    "memory.lists_from": 50_000,
    "memory.queue_max": 64,
    "memory.timeout_s": 10.0,
    "memory.recall_s": 1.0,
    "cache.kind": "off",
    "cache.ttl_s": 86_400.0,
    "cache.questions_max": 5000,
    "cache.wordings_max": 8,
    "cache.answer_bytes_max": 32 * 1024,
    "cache.cosine_min": 0.9,
    "cache.timeout_s": 0.5,
    "records.url": "",
    "records.batch_rows_max": 256,
    "records.queue_rows_max": 10_000,
    "records.busy_s": 5.0,
    "store.url": "",
    "store.memory_bytes": 64 * MIB,
    "store.timeout_s": 0.5,
    "sandbox.kind": "namespaces",
    "sandbox.allow_missing": (),
    "sandbox.packages": ("numpy",),
    "sandbox.pool": 8,
    "sandbox.concurrent_max": 16,
    "sandbox.queue_max": 64,
    "sandbox.queue_wait_s": 30.0,
    "sandbox.cpu_s": 5.0,
    "sandbox.cpu_s_max": 60.0,
    "sandbox.wall_s": 10.0,
    "sandbox.wall_s_max": 120.0,
    "sandbox.memory_bytes": 1024 * MIB,
    "sandbox.memory_bytes_max": 4096 * MIB,
    "sandbox.output_bytes": MIB,
    "sandbox.output_bytes_max": 16 * MIB,
    "sandbox.files_bytes": 32 * MIB,
    "sandbox.files_bytes_max": 256 * MIB,
    "sandbox.processes": 32,
    "sandbox.processes_max": 256,
    "sandbox.job_bytes_max": 16 * MIB,
    "sandbox.sessions_max": 8,
    "sandbox.sessions_caller_max": 4,
    "sandbox.session_idle_s": 300.0,
    "sandbox.session_life_s": 3600.0,
    "sandbox.audit_file_bytes_max": 64 * MIB,
    "sandbox.audit_files_max": 16,
    "supervisor.backoff_first_s": 0.5,
    "supervisor.backoff_ceiling_s": 30.0,
    "supervisor.backoff_forgive_s": 60.0,
    "supervisor.ready_s": 60.0,
    "supervisor.silent_s": 15.0,
    "supervisor.stop_s": 40.0,
    "supervisor.log_bytes_max": 10 * MIB,
    "watch.interval_s": 5.0,
    "watch.crashes_per_hour": 3,
    "watch.keep_days": 8.0,
    "watch.read_bytes_max": 4 * 1024 * 1024,
    "watch.read_s": 2.0,
    "watch.series_max": 20_000,
    "bake.answer_s": 10.0,
    "bake.answered_points": 2.0,
    "bake.cost_ratio": 1.1,
    "bake.duration_s": 20.0,
    "bake.interval_s": 1.0,
    "bake.latency_ratio": 1.5,
    "bake.latency_s": 0.1,
    "bake.pause_s": 120.0,
    "bake.questions_at_once": 4,
    "bake.right_points": 2.0,
    "patch.kept_generations": 10,
    "patch.needs_token": False,
    "alerts.channels": ("log", "file", "apprise"),
    "alerts.hold_up_s": 5.0,
    "alerts.page_after_s": 300.0,
    "alerts.hold_down_s": 60.0,
    "alerts.watcher_away_s": 30.0,
    "alerts.flap_s": 21_600.0,
    "alerts.group_s": 5.0,
    "alerts.join_s": 120.0,
    "alerts.repeat_s": 14_400.0,
    "alerts.tracked_max": 1000,
    "alerts.incidents_max": 10_000,
    "alerts.notices_max": 1000,
    "alerts.silences_max": 100,
    "alerts.tries_max": 8,
    "alerts.send_s": 10.0,
    "alerts.file_bytes_max": MIB,
    "alerts.files_max": 4,
    "prices": {"smollm2-135m-instruct": money.Price(0, 0)},
    "calls.hops_max": 3,
    "calls.retry_share": 0.2,
    "calls.retries_spare": 10,
    "calls.backoff_first_s": 0.1,
    "calls.retry_after_s_max": 5.0,
    "calls.call_s": 600.0,
    "calls.settle_s": 20.0,
    "calls.failures_max": 5,
    "calls.open_s": 5.0,
    "calls.open_s_max": 60.0,
    "calls.event_bytes_max": 1024 * 1024,
    "calls.reply_bytes_max": 16 * 1024 * 1024,
    "calls.stream_bytes_max": 64 * 1024 * 1024,
    "budget.day_usd_micros": 1_000_000,
    "budget.month_usd_micros": 10_000_000,
    "budget.token_day_usd_micros": 0,
    "budget.token_month_usd_micros": 0,
    "watch.prometheus_url": "http://127.0.0.1:9090",
    "watch.alertmanager_url": "http://127.0.0.1:9093",
    "watch.loki_url": "http://127.0.0.1:3100",
    "watch.source": "embedded",
    "watch.answer_s": 4.0,
    "watch.webhook_url": "",
}


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
    assert _flat(config.build({}, {}, {})) == DEFAULTS


def test_every_default_has_the_declared_type() -> None:
    wrong = [key for key, item in OPTIONS.items() if type(DEFAULTS[key]) not in (item.type, tuple)]
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
        "cache.kind": draw(st.sampled_from(config.CACHE_KINDS)),
        "watch.source": draw(st.sampled_from(watching.SOURCES)),
        **{f"watch.{name}_url": f"http://{name}:9/x" for name in ("prometheus", "alertmanager", "loki", "webhook")},
        "alerts.channels": draw(st.lists(st.sampled_from(alerting.CHANNELS), max_size=3).map(tuple)),
        "knowledge.corpora": draw(st.lists(st.sampled_from(answering.CORPORA), max_size=4).map(tuple)),
    }


PRICED = {"prices": {"mine": {"input_usd_micros": 3, "output_usd_micros": 5}}}


@given(_settings())
def test_a_file_comes_back_as_it_was_written(chosen: dict[str, Any]) -> None:
    made = _flat(config.build({**_nested(chosen), **PRICED}, {}, {}))
    assert {key: made[key] for key in chosen} == chosen
    assert {key: made[key] for key in DEFAULTS if key not in chosen and key != "prices"} == {
        key: value for key, value in DEFAULTS.items() if key not in chosen and key != "prices"
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
    default = DEFAULTS[f"{key}_max"]
    assert f"`{key}` is above its ceiling" in _message(file=_nested({key: default + 1}))


@pytest.mark.parametrize("section", KINDS := {"sandbox": "firejail, gvisor", "cache": "off, exact, semantic"})
@pytest.mark.parametrize("kind", ["", "absent", "Firejail", "Semantic"])
def test_a_kind_that_there_is_not_is_refused_with_those_that_there_are(section: str, kind: str) -> None:
    assert KINDS[section] in _message(file={section: {"kind": kind}})
