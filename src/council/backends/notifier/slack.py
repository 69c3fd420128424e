"""Notices to an incoming webhook of Slack, in Slack's own layout.

Whoever has the webhook's address can write there, so nothing of it is ever in an error, a log line or a channel's name. Of what
is answered only words of Slack's own are told: anything else could be the address come back.

The protocol: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks, and for its limits
https://docs.slack.dev/apis/web-api/rate-limits.
"""

import asyncio
import ipaddress
import math
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from council.domain import errors, incidents
from council.kit import clock as clock_module

# Slack takes a message a second, and says with status 429 when it wants fewer.
_PAUSE_S = 1.0
_PAUSE_S_MAX = 300
# How long a reply that came in time may take to be told.
_JOIN_S = 0.05
_REPLY_BYTES_MAX = 256
_PLAIN_CHARS_MAX = 3000
# What Slack says where it does not like the blocks: better the bare text than nothing.
_BLOCKS_REFUSED = frozenset({"invalid_blocks", "invalid_blocks_format", "invalid_payload"})
_GONE = "Slack knows this webhook no more: make another there, and give it with `council notify add {name}`."
_CHANNEL = (
    "See in Slack whether its channel is there and may be written to, then try it with `council notify test {name}`."
)
_NEXT = {
    **dict.fromkeys(
        ("no_service", "no_service_id", "no_team", "team_disabled", "invalid_token", "no_active_hooks"), _GONE
    ),
    **dict.fromkeys(("channel_not_found", "channel_is_archived", "action_prohibited", "user_not_found"), _CHANNEL),
    "posting_to_general_channel_denied": _CHANNEL,
    **dict.fromkeys((*_BLOCKS_REFUSED, "no_text", "too_many_attachments", "rate_limited", "rollup_error"), ""),
}
_CHECK = "Check it, and try it with `council notify test {name}`."

# Makes Slack's blocks of a notice.
Layout = Callable[[incidents.Notice], Sequence[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class _Reply:
    """What was answered; `said` is "" for what is no word of Slack's."""

    status: int
    said: str
    wait_s: int


class SlackNotifier:
    """care_ports.Notifier for one webhook. `send_s` bounds a delivery, the pause that Slack wants before it included."""

    def __init__(
        self,
        name: str,
        url: str,
        send_s: float,
        layout: Layout,
        clock: clock_module.Clock,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._name = name
        self._url = url
        self._send_s = send_s
        self._layout = layout
        self._clock = clock
        self._sleep = sleep
        # From when on Slack may be written to.
        self._free_s = clock.monotonic_s()
        self._sending: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"SlackNotifier({self._name!r})"

    @property
    def channel(self) -> str:
        """Its kind and the address's name."""
        return f"slack:{self._name}"

    def send(self, notice: incidents.Notice) -> None:
        """Post a message. Raises NotifyError without the address, and with `retry_after_s` where Slack asks for a pause."""
        if _problem(self._url):
            raise self._error("is none that a notice may be sent to", _CHECK)
        until_s = self._clock.monotonic_s() + self._send_s
        plain = _plain(notice)
        reply = self._posted(plain | {"blocks": self._layout(notice)}, until_s)
        if reply.status == 400 and reply.said in _BLOCKS_REFUSED:
            reply = self._posted(plain, until_s)
        if reply.status == 429:
            raise self._error(f"wants no notice for {reply.wait_s} s", "It is tried again then.", reply.wait_s)
        if (reply.status, reply.said) != (200, "ok"):
            said = f", {reply.said}" if reply.said else ""
            raise self._error(f"refused the notice (HTTP status {reply.status}{said})", _NEXT.get(reply.said) or _CHECK)

    def _posted(self, message: dict[str, Any], until_s: float) -> _Reply:
        """Post a message once Slack takes one.

        In a thread that is waited for only so long, since nothing ends a search for a host's address.
        """
        if self._sending is not None and self._sending.is_alive():
            raise self._error("still waits for the service with an earlier notice", _CHECK)
        wait_s = max(0.0, self._free_s - self._clock.monotonic_s())
        if self._clock.monotonic_s() + wait_s >= until_s:
            after_s = math.ceil(wait_s)
            raise self._error(f"wants no notice for {after_s} s", "It is tried again then.", after_s)
        if wait_s:
            self._sleep(wait_s)
        work = _Work(self._url, orjson.dumps(message), max(0.001, until_s - self._clock.monotonic_s()))
        self._sending = threading.Thread(target=work, name=self.channel, daemon=True)
        self._sending.start()
        self._sending.join(work.limit_s + _JOIN_S)
        self._free_s = self._clock.monotonic_s() + _PAUSE_S
        reply = work.reply
        if reply is None:
            what = (
                f"cannot be reached ({work.why})" if work.why else f"did not take the notice within {self._send_s:g} s"
            )
            raise self._error(what, _CHECK)
        if reply.status == 429:
            self._free_s = self._clock.monotonic_s() + reply.wait_s
        return reply

    def _error(self, what: str, next_step: str, after_s: int | None = None) -> errors.NotifyError:
        next_step = next_step.format(name=self._name)
        return errors.NotifyError(f"The address {self._name!r} {what}. {next_step}", retry_after_s=after_s)


def check(name: str, url: str) -> None:
    """Raise InvalidRequestError where no notice may go to such a URL, without showing it."""
    if problem := _problem(url):
        raise errors.InvalidRequestError(
            f"The address that was given for {name!r} {problem}. Give it as Slack shows it, `https://hooks.slack.com/services/…`."
        )


def _problem(url: str) -> str:
    """Return why nothing is sent to a URL: it is a secret, so it goes over TLS or nowhere but this machine."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL"
    if not host or port == 0 or parts.scheme not in ("https", "http"):
        return "is no URL of a host"
    if parts.username is not None or parts.fragment:
        return "has a user or a fragment, which no webhook has"
    if parts.scheme == "http" and not _is_loopback(host):
        return "is not encrypted"
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _plain(notice: incidents.Notice) -> dict[str, Any]:
    """Return what is shown where blocks are not, as on a telephone that rings. It calls nobody and links nothing."""
    said = notice.title if notice.kind is incidents.NoticeKind.DIGEST else f"{notice.title}\n{notice.text}"
    said = said if len(said) <= _PLAIN_CHARS_MAX else said[: _PLAIN_CHARS_MAX - 1] + "…"
    said = said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {
        "text": said,
        "mrkdwn": False,
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


class _Work:
    """Posts one message. `why` says what was wrong where there is no reply, "" where none came in time."""

    def __init__(self, url: str, body: bytes, limit_s: float):
        self.limit_s = limit_s
        self.reply: _Reply | None = None
        self.why = ""
        self._url = url
        self._body = body

    def __call__(self) -> None:
        try:
            self.reply = asyncio.run(_post(self._url, self._body, self.limit_s))
        except TimeoutError:
            pass
        except Exception as error:  # noqa: BLE001 - of what a library says the kind alone: its words may hold the address
            self.why = type(error).__name__


async def _post(url: str, body: bytes, limit_s: float) -> _Reply:
    headers = {"content-type": "application/json"}
    async with (
        asyncio.timeout(limit_s),
        aiohttp.ClientSession(trust_env=False) as session,
        session.post(url, data=body, headers=headers, allow_redirects=False) as response,
    ):
        said = b""
        async for chunk in response.content.iter_any():
            said += chunk
            if len(said) > _REPLY_BYTES_MAX:
                break
        return _Reply(response.status, _word(said), _wait_s(response.headers.get("retry-after", "")))


def _word(said: bytes) -> str:
    word = said.strip().decode("ascii", "replace")
    return word if word == "ok" or word in _NEXT else ""


def _wait_s(told: str) -> int:
    return min(_PAUSE_S_MAX, max(1, int(told))) if told.isascii() and told.isdigit() and len(told) < 10 else 1
