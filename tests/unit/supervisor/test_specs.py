import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

from council.domain import config, inputs
from council.domain import home as home_module
from council.supervisor import specs

HOME = home_module.Home(Path("/h"))


def table(**flags: object) -> tuple[specs.ServiceSpec, ...]:
    return specs.specs(config.build({}, {}, flags), HOME, "g1")


def test_services_start_with_what_the_others_need() -> None:
    assert [spec.name for spec in table()] == [
        "store",
        "model",
        "worker",
        "recall",
        "zygote",
        "sandboxd",
        "patchctl",
        "watcher",
        "steward",
        "gateway",
        "bots",
    ]


def test_there_is_no_store_service_when_the_store_is_elsewhere() -> None:
    assert "store" not in [spec.name for spec in table(store={"url": "redis://elsewhere"})]


def test_every_service_runs_by_its_name_on_this_home() -> None:
    for spec in table():
        assert spec.argv == (sys.executable, "-P", "-m", "council", "run", spec.name, "--home", "/h")


def test_ports_count_from_the_base() -> None:
    ports = {
        f"{spec.name} {one.name}": one.port for spec in table(port=9000) for one in spec.sockets if one.kind == "tcp"
    }
    assert ports == {
        "model public": 9005, "recall health": 9006, "sandboxd health": 9004, "patchctl patches": 9001, "watcher health": 9002,
        "steward health": 9003,
        "gateway public": 9000,
    }  # fmt: skip


def test_the_base_port_reaches_the_services_through_the_environment() -> None:
    for spec in table(port=9000):
        assert config.build({}, spec.environment, {}).port == 9000


def test_unix_sockets_are_for_the_owner_only() -> None:
    found = {one.path.name: one.mode for spec in table() for one in spec.sockets if one.kind == "unix"}
    names = ("model.sock", "worker.sock", "recall.sock", "zygote.sock", "sandboxd.sock", "watcher.sock")
    assert found == dict.fromkeys(names, 0o600)


def test_only_the_gateway_is_to_connect_to_services_and_only_sandboxd_to_the_zygote() -> None:
    found = {one.path.name: one.caller for spec in table() for one in spec.sockets if one.kind == "unix"}
    callers = {
        "model.sock": "gateway",
        "worker.sock": "gateway",
        "recall.sock": "gateway",
        "sandboxd.sock": "gateway",
        "watcher.sock": "gateway",
    }
    assert found == {**callers, "zygote.sock": "sandboxd"}


@pytest.mark.parametrize("kind", ["firejail", "gvisor"])
def test_kinds_of_sandbox_that_are_programs_have_no_zygote(kind: str) -> None:
    assert [spec.name for spec in table(sandbox={"kind": kind})][-3:] == ["steward", "gateway", "bots"]
    assert "zygote" not in [spec.name for spec in table(sandbox={"kind": kind})]


def test_only_the_zygote_keeps_root() -> None:
    assert [spec.name for spec in table() if spec.keeps_root] == ["zygote"]
    assert specs.with_users(table()) == (
        "store",
        "model",
        "worker",
        "recall",
        "sandboxd",
        "patchctl",
        "watcher",
        "steward",
        "gateway",
        "bots",
        "installer",
    )


def test_only_the_gateway_has_replicas() -> None:
    assert {spec.name: spec.replicas for spec in table(gateway={"workers": 3}) if spec.replicas > 1} == {"gateway": 3}


def test_only_the_gateway_may_run_more_than_once_and_only_as_often_as_the_settings_allow() -> None:
    def often(**gateway: int) -> dict[str, int]:
        return {spec.name: spec.replicas_max for spec in table(gateway=gateway) if spec.replicas_max > 1}

    assert often() == {}
    assert often(workers=3) == often(workers_max=3) == often(workers=2, workers_max=3) == {"gateway": 3}


SURROUNDING = {
    "PATH": "/bin",
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": "/p",
    "SSL_CERT_FILE": "/c",
    "OPENAI_API_KEY": "k",
    "AWS_SECRET_ACCESS_KEY": "k",
    "COUNCIL_MODEL_THREADS": "2",
    "COUNCIL_TOKEN": "k",
    "COUNCIL_SOCKETS": "public:3",
    "COUNCIL_GENERATION": "g9",
    "COUNCIL_RECORDS_URL": "postgresql+psycopg://u:k@h/d",
    "COUNCIL_STORE_URL": "redis://:k@h",
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENBLAS_L2_SIZE": "512",
    "XDG_RUNTIME_DIR": "/run/user/1000",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/user/1000/bus",
}
MORE = {
    "bots": {"COUNCIL_RECORDS_URL"},
    "recall": {"COUNCIL_RECORDS_URL"},
    "watcher": {"COUNCIL_RECORDS_URL"},
    "gateway": {"COUNCIL_RECORDS_URL", "COUNCIL_STORE_URL"},
    "steward": {"COUNCIL_RECORDS_URL", "COUNCIL_STORE_URL"},
    "zygote": {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"},
}


def test_services_inherit_only_what_they_need() -> None:
    common = {"PATH", "LC_ALL", "PYTHONPATH", "SSL_CERT_FILE", "COUNCIL_MODEL_THREADS"}
    for spec in table():
        assert set(specs.inherited(spec, SURROUNDING)) == common | MORE.get(spec.name, set())


def test_every_service_has_a_valid_config_from_what_it_inherits() -> None:
    for spec in table():
        found = config.build({}, {**specs.inherited(spec, SURROUNDING), **spec.environment}, {})
        assert found.model.threads == 2
        assert bool(found.records.url) == (spec.name in ("gateway", "recall", "watcher", "steward", "bots"))
        assert bool(found.store.url) == (spec.name in ("gateway", "steward"))


def test_only_the_store_is_asked_with_ping() -> None:
    assert {spec.name: spec.ping_path for spec in table() if spec.ready == "ping"} == {
        "store": Path("/h/store/valkey.sock")
    }


def test_targets_name_an_address_that_can_be_reached() -> None:
    services = table(gateway={"host": "0.0.0.0", "behind_proxy": True})
    assert specs.targets(services, config.Config()) == [
        {"targets": ["127.0.0.1:8005"], "labels": {"svc": "model"}},
        {"targets": ["127.0.0.1:8006"], "labels": {"svc": "recall"}},
        {"targets": ["127.0.0.1:8004"], "labels": {"svc": "sandboxd"}},
        {"targets": ["127.0.0.1:8001"], "labels": {"svc": "patchctl"}},
        {"targets": ["127.0.0.1:8002"], "labels": {"svc": "watcher"}},
        {"targets": ["127.0.0.1:8003"], "labels": {"svc": "steward"}},
        {"targets": ["127.0.0.1:8000"], "labels": {"svc": "gateway"}},
    ]
    six = table(gateway={"host": "::", "behind_proxy": True})
    assert specs.targets(six, config.Config())[-1]["targets"] == ["[::1]:8000"]


def test_targets_say_that_a_gateway_with_a_certificate_speaks_https() -> None:
    settings = config.build({"gateway": {"tls_cert_file": "/c", "tls_key_file": "/k"}}, {}, {})
    schemes = {one["labels"]["svc"]: one["labels"].get("__scheme__") for one in specs.targets(table(), settings)}
    assert {name for name, scheme in schemes.items() if scheme} == {"gateway"} and schemes["gateway"] == "https"


def test_all_may_run_beside_another_of_it_but_who_owns_data_or_the_journal() -> None:
    assert {spec.name for spec in table() if not spec.beside} == {"store", "patchctl", "steward", "bots"}


def test_what_only_the_store_reads_is_refused_before_it_would_have_to_run_twice() -> None:
    # So a patch that the judge lets pass can be launched.
    single = {spec.name for spec in table() if not spec.beside}
    for name in single:
        assert not inputs.USES[name] and name not in inputs.READERS
        assert set(inputs.SETTINGS_OF[name]) <= set(inputs.AT_START)


SETTINGS: list[dict[str, Any]] = [
    {"port": 9000}, {"gateway": {"host": "::1"}}, {"store": {"url": "redis://elsewhere"}}, {"sandbox": {"kind": "gvisor"}},
]  # fmt: skip


@pytest.mark.parametrize("values", SETTINGS)
def test_what_changes_which_services_there_are_or_where_they_listen_needs_a_start(values: dict[str, Any]) -> None:
    parts = [inputs.parted(dataclasses.asdict(config.build(each, {}, {}))) for each in ({}, values)]
    assert inputs.at_start(*parts)


def test_what_one_service_was_told_is_not_inherited_by_another() -> None:
    told = {f"COUNCIL_{name}": "x" for name in ("WAITING", "PEERS", "ORDERS_FD")}
    for spec in table():
        assert not specs.inherited(spec, told)


def test_no_variable_of_our_own_is_taken_for_a_setting() -> None:
    """`council up` goes on as the pinned release with some of them, and reads its settings then."""
    assert config.build({}, dict.fromkeys(specs._KEPT_BACK, "x"), {}) == config.build({}, {}, {})
