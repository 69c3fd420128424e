"""Traces of requests: their settings."""

import re
import urllib.parse
from dataclasses import dataclass

from council.domain import errors
from council.domain.options import option

# Where a receiver of OTLP over HTTP takes spans (opentelemetry.io/docs/specs/otlp).
PATH = "/v1/traces"
_ADDRESS = re.compile(r"https?://[^\s/?#@\"'\\]+(/[^\s?#\"'\\]*)?")
_MAY_HAVE_HEADERS = re.compile(r"https://.*|http://(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?(/.*)?")
_HEADER = re.compile(r"([A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}):[ \t]*([\x21-\x7e](?:[\x20-\x7e]{0,4000}[\x21-\x7e])?)")
HEADERS_MAX = 20


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """Traces of requests: OpenTelemetry's spans of what was done for each."""

    on: bool = option(False, "Follow requests from the gateway to specialist, model, sandbox and memory.")
    endpoint: str = option(
        "",
        "Where spans go by OTLP over HTTP, as `http://127.0.0.1:4318`; needs the extra `otel`. Empty: into the log alone.",
    )
    ca_file: str = option("", "PEM certificates by which an endpoint with https is known; empty for the public ones.")
    sample_ratio: float = option(
        1.0, "Share of requests whose spans are kept, where their caller has not decided.", low=0, high=1
    )
    queue_max: int = option(
        4096, "Spans that may wait to be sent; what comes beyond is dropped and counted.", low=1, high=1_000_000
    )
    batch_max: int = option(64, "Most spans in one sending.", low=1, high=10_000)
    wait_s: float = option(1.0, "Longest a span waits for others to be sent with, seconds.", low=0.01, high=60)
    send_s: float = option(10.0, "Longest one sending may take, tries included, seconds.", low=0.1, high=60)


def check(config: TracingConfig) -> None:
    """Raise ConfigError for an endpoint that is no address of HTTP."""
    if config.endpoint and not (_ADDRESS.fullmatch(config.endpoint) and _port(config.endpoint)):
        raise errors.ConfigError(
            f"`tracing.endpoint` must be an address such as http://127.0.0.1:4318, not {config.endpoint!r}."
        )


def check_headers(config: TracingConfig) -> None:
    """Raise ConfigError where headers, which may be secret, would go in the clear to another machine."""
    if not _MAY_HAVE_HEADERS.fullmatch(config.endpoint):
        raise errors.ConfigError(
            f"`tracing.endpoint` {config.endpoint!r} would get the headers of `secrets/tracing.headers` in the clear. Name it "
            "with https, or remove that file."
        )


def url(config: TracingConfig) -> str:
    """Return the whole address that spans are sent to."""
    base = config.endpoint.rstrip("/")
    return base if base.endswith(PATH) else base + PATH


def ports(config: TracingConfig) -> tuple[int, ...]:
    """Return the ports that the gateway connects to for them."""
    port = _port(config.endpoint) if config.on and config.endpoint else None
    return () if port is None else (port,)


def _port(address: str) -> int | None:
    parts = urllib.parse.urlsplit(address)
    try:
        return parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None


def headers(text: str) -> dict[str, str]:
    """Return the headers in a file of `name: value` lines; `#` begins a comment.

    Raises ConfigError, which names the line and never what stands there.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        header = _HEADER.fullmatch(line.strip())
        if header is None or len(found) == HEADERS_MAX:
            raise errors.ConfigError(
                f"Line {number} of `secrets/tracing.headers` is no header. Write `name: value`, {HEADERS_MAX} lines at most."
            )
        found[header[1].lower()] = header[2]
    return found
