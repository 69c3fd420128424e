"""Notices in the log of the process that sends them."""

import logging

from council.domain import incidents

_log = logging.getLogger(__name__)


class LogNotifier:
    """care_ports.Notifier: one line a notice; a page is logged as an error."""

    @property
    def channel(self) -> str:
        """The name of its kind."""
        return "log"

    def send(self, notice: incidents.Notice) -> None:
        """Log a notice."""
        quiet = notice.kind in (incidents.NoticeKind.OVER, incidents.NoticeKind.TEST, incidents.NoticeKind.DIGEST)
        urgent = notice.severity is incidents.Severity.PAGE
        level = logging.INFO if quiet else logging.ERROR if urgent else logging.WARNING
        fields = {"kind": str(notice.kind), "incident": notice.incident_id, "title": notice.title, "text": notice.text}
        _log.log(level, "notice", extra=fields)
