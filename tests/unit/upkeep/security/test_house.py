"""Settings, files, ports, keys, signers and confinement: what is found, and what is told as unknown."""

from pathlib import PurePosixPath
from typing import Any

import pytest

from council.domain import authz, config, security
from council.upkeep.security import configuration, house

NOW_S = 1_790_000_000.0
DAY_S = security.DAY_S
ANN, BOB = "a" * 40, "b" * 40


def settings(**sections: Any) -> config.Config:
    return config.build(sections, {}, {})


def subjects(looked: security.Looked) -> set[str]:
    return {one.subject for one in looked.findings}


def held(mode: int, *, is_secret: bool = False, others: int = 0o077, uid: int = 0) -> house.Held:
    return house.Held(PurePosixPath("/h/secrets/internal.key"), is_secret, mode, others, uid)


def test_the_default_settings_are_sound() -> None:
    assert configuration.look(settings(), has_paid=False) == security.Looked()


def test_a_bind_beyond_loopback_behind_a_proxy_is_told_with_what_it_leaves_open() -> None:
    open_to_all = settings(gateway={"host": "0.0.0.0", "behind_proxy": True})
    assert subjects(configuration.look(open_to_all, has_paid=False)) == {"gateway.behind_proxy", "patch.needs_token"}
    with_tls = settings(
        gateway={"host": "::", "tls_cert_file": "/c", "tls_key_file": "/k"}, patch={"needs_token": True}
    )
    assert subjects(configuration.look(with_tls, has_paid=False)) == {"gateway.anonymous_loopback"}


def test_learning_weak_limits_and_missing_layers_are_told() -> None:
    loose = settings(
        learning=True,
        gateway={"requests_per_minute": 100_000, "body_bytes_max": 64 << 20},
        sandbox={"allow_missing": ["seccomp"]},
    )
    assert subjects(configuration.look(loose, has_paid=False)) == {
        "learning",
        "gateway.requests_per_minute",
        "gateway.body_bytes_max",
        "sandbox.allow_missing",
    }


def test_no_budget_is_a_finding_where_a_model_costs_money_and_unknown_where_nobody_knows() -> None:
    endless = settings(budget={"day_usd_micros": 0, "month_usd_micros": 0})
    assert subjects(configuration.look(endless, has_paid=True)) == {"budget.day_usd_micros"}
    assert configuration.look(endless, has_paid=False) == security.Looked()
    assert configuration.look(endless, has_paid=None).unknown


@pytest.mark.parametrize(
    ("url", "is_clear"),
    [
        ("redis://:word@db.example:6379", True),
        ("rediss://db.example", False),
        ("redis://127.0.0.1", False),
        ("unix:///run/valkey.sock", False),
    ],
)
def test_a_server_elsewhere_without_tls_is_told_and_its_password_is_not(url: str, is_clear: bool) -> None:
    found = configuration.look(settings(store={"url": url}), has_paid=False).findings
    assert bool(found) == is_clear
    assert not any("word" in one.evidence for one in found)


@pytest.mark.parametrize(
    ("mode", "is_secret", "others", "severity"),
    [
        (0o600, True, 0o077, None),
        (0o640, True, 0o077, security.Severity.HIGH),
        (0o640, True, 0o007, None),
        (0o602, True, 0o007, security.Severity.CRITICAL),
        (0o755, False, 0o077, None),
        (0o775, False, 0o077, security.Severity.HIGH),
        (0o775, False, 0o007, None),
    ],
)
def test_a_mode_is_told_by_what_others_may_do(mode: int, is_secret: bool, others: int, severity: Any) -> None:
    looked = house.files([held(mode, is_secret=is_secret, others=others)], {0}, ())
    assert [one.severity for one in looked.findings] == ([severity] if severity else [])


def test_a_file_of_a_stranger_is_told_and_what_could_not_be_looked_at_is_unknown() -> None:
    looked = house.files([held(0o600, uid=4711)], {0, 1000}, [("/h/secrets/providers", "closed")])
    assert looked.findings[0].evidence == "user 4711"
    assert looked.unknown[0].why == "/h/secrets/providers: closed"


def test_a_port_for_this_machine_that_is_open_to_others_is_told_and_so_is_one_of_ours_that_should_not_be() -> None:
    wanted = {("127.0.0.1", 8000), ("127.0.0.1", 8001)}
    looked = house.ports(
        [
            house.Listening("127.0.0.1", 8000, "gateway", is_ours=True),
            house.Listening("0.0.0.0", 8001, "", is_ours=False),
            house.Listening("0.0.0.0", 9999, "worker", is_ours=True),
            house.Listening("127.0.0.1", 40123, "model", is_ours=True),
            house.Listening("0.0.0.0", 22, "", is_ours=False),
        ],
        wanted,
        ["watcher"],
    )
    assert [(one.subject, one.severity) for one in looked.findings] == [
        ("port 8001", security.Severity.HIGH),
        ("port 9999", security.Severity.CRITICAL),
    ]
    assert "watcher" in looked.unknown[0].why


def test_sockets_that_cannot_be_listed_are_unknown() -> None:
    assert house.ports(None, (), ()).unknown


@pytest.mark.parametrize(("days", "severity"), [(31, None), (20, "medium"), (3, "high"), (-1, "high"), (None, None)])
def test_a_key_is_told_a_month_before_it_ends(days: float | None, severity: str | None) -> None:
    key = house.Key("tls", "the certificate", None if days is None else NOW_S + days * DAY_S, "renew it")
    assert [one.severity for one in house.keys([key], (), NOW_S).findings] == ([severity] if severity else [])


def test_the_first_key_of_each_kind_to_end_is_what_is_foretold() -> None:
    ends = [("signer", 30.0), ("signer", 20.0), ("tls", 40.0), ("journal", None)]
    assert house.expiries([house.Key(kind, "k", at_s, "") for kind, at_s in ends]) == (("signer", 20.0), ("tls", 40.0))


def test_signers_that_are_revoked_unreadable_or_all_powerful_are_told() -> None:
    policy = authz.Policy(
        signers={
            ANN: authz.Signer(ANN, "Ann", authz.Kind.HUMAN, ("**",)),
            BOB: authz.Signer(BOB, "Bob", authz.Kind.HUMAN, ("**",)),
            "c" * 40: authz.Signer("c" * 40, "tuner", authz.Kind.BOT, ("**",)),
        },
        revoked=frozenset({BOB}),
    )
    found = house.signers(policy, {ANN}).findings
    assert [(one.subject, one.severity) for one in found] == [("Bob", "low"), ("tuner", "medium"), ("tuner", "medium")]


def test_confinement_is_told_as_it_holds() -> None:
    assert house.confinement("users", "", 4, ()) == security.Looked()
    assert subjects(house.confinement("landlock", "no root", 0, [("sandboxd", "why")])) == {
        "Landlock",
        "users",
        "sandboxd",
    }
    assert house.confinement("", "", 4, ()).unknown


def test_a_secret_in_the_blueprint_is_told_by_its_file() -> None:
    looked = house.secrets([("prompts/x.md", "a token of GitHub")], [("big", "too large")])
    assert looked.findings[0].subject == "prompts/x.md"
    assert looked.unknown[0].why == "big: too large"
