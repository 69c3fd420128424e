"""Notices as alerts of an Alertmanager: an incident is one alert, which fires until its last notice.

Alertmanager forgets an alert whose end it is not told, so each notice carries one: when the next is due, and a little later. An
incident that became a page is another alert to it, since urgency is a label; the warning then ends.
"""

import asyncio
import datetime
from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson
import yarl
from aiohttp import http_exceptions

from council.domain import errors, incidents

_FAULTS = (aiohttp.ClientError, http_exceptions.HttpProcessingError, OSError)
_NAMES = {incidents.NoticeKind.TEST: "council_test", incidents.NoticeKind.ESCALATED: "council_escalated"}
_GRACE_S = 600.0
_TRIAL_S = 60.0


class AlertmanagerNotifier:
    """care_ports.Notifier for one Alertmanager. `repeat_s` is how often an incident that lasts is told again."""

    def __init__(self, url: str, repeat_s: float, send_s: float):
        self._url = yarl.URL(url)
        self._repeat_s = repeat_s
        self._send_s = send_s

    @property
    def channel(self) -> str:
        """The name of its kind."""
        return "alertmanager"

    def send(self, notice: incidents.Notice) -> None:
        """Post the alerts that a notice makes and ends. Raises NotifyError, without a password of the address."""
        if notice.kind is incidents.NoticeKind.DIGEST:
            # A report is no alert, and there is nowhere to put it.
            return
        try:
            status = asyncio.run(self._posted(orjson.dumps(self._alerts(notice))))
        except TimeoutError:
            raise self._error(f"did not take the notice within {self._send_s:g} s") from None
        except (*_FAULTS, ValueError) as error:
            raise self._error(f"cannot be reached ({type(error).__name__})") from error
        if status != 200:
            raise self._error(f"refused the notice (HTTP status {status})")

    async def _posted(self, body: bytes) -> int:
        headers = {"content-type": "application/json"}
        async with (
            asyncio.timeout(self._send_s),
            aiohttp.ClientSession(trust_env=False) as session,
            session.post(self._url / "api/v2/alerts", data=body, headers=headers, allow_redirects=False) as response,
        ):
            return response.status

    def _alerts(self, notice: incidents.Notice) -> Sequence[dict[str, Any]]:
        at_s = notice.at_us / 1e6
        if notice.kind is incidents.NoticeKind.ESCALATED:
            # Nobody tells when it is over: the incident's own alert does that.
            return [_alert(notice, notice.severity, at_s + self._repeat_s)]
        if notice.kind is incidents.NoticeKind.TEST:
            return [_alert(notice, notice.severity, at_s + _TRIAL_S)]
        if notice.kind is incidents.NoticeKind.OVER:
            return [_alert(notice, severity, at_s) for severity in incidents.Severity]
        fires = _alert(notice, notice.severity, at_s + self._repeat_s + _GRACE_S)
        if notice.severity is incidents.Severity.WARNING:
            return [fires]
        return [fires, _alert(notice, incidents.Severity.WARNING, at_s)]

    def _error(self, what: str) -> errors.NotifyError:
        shown = self._url.with_user(None) if self._url.user else self._url
        return errors.NotifyError(
            f"The Alertmanager at {shown} {what}. See whether it runs, and `watch.alertmanager_url`."
        )


def _alert(notice: incidents.Notice, severity: incidents.Severity, ends_s: float) -> dict[str, Any]:
    return {
        "labels": {
            "alertname": _NAMES.get(notice.kind, "council_incident"),
            "incident": notice.incident_id,
            "severity": str(severity),
        },
        "annotations": {"summary": notice.title, "description": notice.text},
        "startsAt": _stamp(notice.at_us / 1e6),
        "endsAt": _stamp(ends_s),
    }


def _stamp(at_s: float) -> str:
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC).isoformat(timespec="milliseconds")
