"""Settings that leave more open than they need to. Pure.

What `domain/config.py` refuses never comes here, as a bind beyond loopback without TLS and without a proxy that ends it.
"""

import ipaddress
import urllib.parse
from collections.abc import Iterator

from council.domain import config as config_module
from council.domain import security

_LOOPBACK_NAMES = frozenset({"localhost", ""})
_REQUESTS_A_MINUTE_MAX = 6000
_BODY_BYTES_MAX = 16 * 1024 * 1024
_CHECK = security.Check.SETTINGS


def look(config: config_module.Config, *, has_paid: bool | None) -> security.Looked:
    """Return what is loose. `has_paid` is whether a model costs money, None where nobody could tell."""
    found = [*_open(config), *_limits(config), *_sandbox(config), *_in_the_clear(config)]
    unknown = []
    if has_paid:
        found += _budget(config)
    elif has_paid is None:
        unknown.append(security.Unknown(_CHECK, "whether a model costs money: providers.yaml cannot be read"))
    return security.Looked(tuple(found), tuple(unknown))


def _open(config: config_module.Config) -> Iterator[security.Finding]:
    gateway = config.gateway
    if config.learning:
        yield _finding(
            security.Severity.LOW,
            "learning",
            "How questions went is kept, without their text, for `learning_rows` says how long",
            "learning = true",
            "leave it, or `council config set learning=false`",
        )
    if is_loopback(gateway.host):
        return
    if not gateway.tls_cert_file:
        yield _finding(
            security.Severity.MEDIUM,
            "gateway.behind_proxy",
            "The gateway listens beyond loopback without TLS and trusts that a proxy in front ends it",
            f"gateway.host = {gateway.host!r}, gateway.behind_proxy = true",
            "let only the proxy reach the port, by a firewall, or give `gateway.tls_cert_file` and `gateway.tls_key_file`",
        )
    if gateway.anonymous_loopback and not gateway.behind_proxy:
        yield _finding(
            security.Severity.LOW,
            "gateway.anonymous_loopback",
            "Whoever is on this machine may read and chat without a token, though others come in from outside",
            "gateway.anonymous_loopback = true",
            "`council config set gateway.anonymous_loopback=false`",
            security.mend("gateway.anonymous_loopback"),
        )
    if not config.patch.needs_token:
        yield _finding(
            security.Severity.MEDIUM,
            "patch.needs_token",
            "A patch is taken in by its signature alone, though others come in from outside",
            "patch.needs_token = false",
            "`council config set patch.needs_token=true`",
            security.mend("patch.needs_token"),
        )


def _limits(config: config_module.Config) -> Iterator[security.Finding]:
    gateway = config.gateway
    if gateway.requests_per_minute > _REQUESTS_A_MINUTE_MAX:
        yield _finding(
            security.Severity.LOW,
            "gateway.requests_per_minute",
            f"One token may ask more than {_REQUESTS_A_MINUTE_MAX:,} times a minute",
            f"gateway.requests_per_minute = {gateway.requests_per_minute}",
            "set a lower one, and a higher one for the tokens that need it: `council tokens add`",
        )
    if gateway.body_bytes_max > _BODY_BYTES_MAX:
        yield _finding(
            security.Severity.LOW,
            "gateway.body_bytes_max",
            f"A request may bring more than {_BODY_BYTES_MAX >> 20} MiB",
            f"gateway.body_bytes_max = {gateway.body_bytes_max}",
            "set a lower one where nobody sends so much",
        )


def _sandbox(config: config_module.Config) -> Iterator[security.Finding]:
    if config.sandbox.allow_missing:
        yield _finding(
            security.Severity.MEDIUM,
            "sandbox.allow_missing",
            "Untrusted code runs even where layers of the sandbox are missing",
            f"sandbox.allow_missing = {', '.join(config.sandbox.allow_missing)}",
            "`council doctor` says how to get them; then take them out of the setting",
        )


def _budget(config: config_module.Config) -> Iterator[security.Finding]:
    budget = config.budget
    if not budget.day_usd_micros and not budget.month_usd_micros:
        mended = security.mend("budget.day_usd_micros")
        yield _finding(
            security.Severity.MEDIUM,
            "budget.day_usd_micros",
            "Paid models have no budget, of neither a day nor a month",
            "budget.day_usd_micros = 0, budget.month_usd_micros = 0",
            f"`council config set budget.day_usd_micros={mended.value}`, or whatever a day may cost",
            mended,
        )


def _in_the_clear(config: config_module.Config) -> Iterator[security.Finding]:
    for key, url in (
        ("records.url", config.records.url),
        ("store.url", config.store.url),
        ("tracing.endpoint", config.tracing.endpoint),
        ("watch.webhook_url", config.watch.webhook_url),
    ):
        parts = urllib.parse.urlsplit(url)
        is_clear = parts.scheme in ("http", "redis", "valkey") or (
            parts.scheme.startswith("postgresql") and "sslmode" not in parts.query
        )
        if url and is_clear and parts.hostname is not None and not is_loopback(parts.hostname):
            yield _finding(
                security.Severity.MEDIUM,
                key,
                "What goes there crosses the network in the clear, unless something below encrypts it",
                f"{key} names {parts.scheme}, host {parts.hostname}",
                "name an address with TLS: https, rediss, or `sslmode=verify-full`",
            )


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES


def _finding(
    severity: security.Severity, key: str, text: str, evidence: str, step: str, mend: security.Mend | None = None
) -> security.Finding:
    return security.Finding(_CHECK, severity, key, text, evidence, step, mend)
