"""Each service is put together from the settings of its row alone, in every kind that the settings can choose."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from council import app, care_app, homes
from council.domain import config, home, inputs
from council.services import gateway, messenger, rights, table
from council.upkeep.engine import blueprint

PROVIDERS = {
    "providers": {"near": {"url": "http://127.0.0.1:9/v1", "key": "none"}, "far": {"url": "https://x/v1", "kind": "anthropic"}},
    "models": {"m": {"deployments": [{"provider": "near", "model": "m", "input_usd_micros": 0, "output_usd_micros": 0}]}},
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "everything elsewhere": {
        "store": {"url": "valkey://x:1"},
        "sandbox": {"kind": "gvisor"},
        "watch": {
            "source": "prometheus",
            "prometheus_url": "http://127.0.0.1:1",
            "alertmanager_url": "http://127.0.0.1:2",
        },
        "alerts": {"channels": ["log", "file", "alertmanager", "apprise"]},
        "gateway": {"tls_cert_file": "/c", "tls_key_file": "/k", "workers": 2, "behind_proxy": True},
        "model": {"file": "/own.gguf"},
    },
    "more of it": {
        "learning": True,
        "cache": {"kind": "semantic"},
        "general": {"tools": False},
        "programs": {"samples": 0},
    },
}


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[home.Home]:
    made = home.Home(tmp_path_factory.mktemp("narrowed") / "home")
    homes.prepare(made, {})
    blueprint.commit(made, {"providers.yaml": yaml.safe_dump(PROVIDERS).encode()}, "Others")
    yield made


Wire = Callable[[config.Config, home.Home, str], object]


def _gateway(settings: config.Config, where: home.Home, generation: str) -> object:
    gateway.server_options(settings.gateway)
    label = homes.label_of(where, generation)
    return app.gateway(settings, homes.load_catalogue(where, generation, settings), where, label)


def _watcher(settings: config.Config, where: home.Home, generation: str) -> object:
    homes.load_catalogue(where, generation, settings)
    found = homes.load_gates(where, generation), homes.load_sentinels(where, generation)
    app.store(settings, where), app.records(settings, where)
    return care_app.watcher(settings, where, homes.label_of(where, generation), *found, lambda: [])


def _messenger(settings: config.Config, where: home.Home, _: str) -> object:
    return care_app.alerts(settings, where, messenger.at_once(settings.alerts))


WIRED: dict[str, Wire] = {
    "gateway": _gateway,
    "watcher": _watcher,
    "messenger": _messenger,
    "sandboxd": lambda settings, where, _: app.sandbox_front(settings, where),
    "recall": lambda settings, where, _: [
        app.embedder(settings), app.keeper(settings, where, app.embedder(settings)), app.vector_index(settings, 8)
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("service", table.NAMES)
def test_a_service_is_put_together_from_the_settings_of_its_row_alone(
    where: home.Home, service: str, kind: str
) -> None:
    settings = inputs.narrowed(service, config.build(KINDS[kind], {}, {}))
    if not rights.why_not_confined(service, settings):
        rights.confinement_of(service, settings, where)
    if service in WIRED:
        WIRED[service](settings, where, blueprint.current(where))


@pytest.mark.parametrize("service", WIRED)
def test_a_setting_that_is_missing_from_a_row_ends_the_service_that_reads_it(
    where: home.Home, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_out = {
        "gateway": "cache",
        "watcher": "alerts",
        "messenger": "alerts",
        "sandboxd": "sandbox",
        "recall": "memory",
    }
    row = tuple(name for name in inputs.SETTINGS_OF[service] if name != left_out[service])
    monkeypatch.setattr(inputs, "SETTINGS_OF", {**inputs.SETTINGS_OF, service: row})
    settings = inputs.narrowed(service, config.Config())
    with pytest.raises(AttributeError, match=left_out[service]):
        WIRED[service](settings, where, blueprint.current(where))
