"""Notices to anything that Apprise speaks: Slack, e-mail, Matrix, webhooks and more, by one address each.

An address holds its service's secret, so nothing of it is ever in an error, a log line or a channel's name. What the library
itself logs goes nowhere, since some of it quotes addresses; of that only a status code, which is all digits, is told.
"""

import logging
import re
import threading
from typing import Any

from council.domain import errors, incidents

_KINDS = {
    incidents.NoticeKind.OVER: "success",
    incidents.NoticeKind.TEST: "info",
    incidents.NoticeKind.DIGEST: "info",
}
_STATUS = re.compile(r"\berror[=: ]+(\d{3})\b")
_INSTALL = "Apprise is not installed. Install it with `pip install 'council-cloud[notify]'`."


class AppriseNotifier:
    """care_ports.Notifier for one address. The library is loaded with the first notice: 44 MB and a second."""

    def __init__(self, name: str, address: str, send_s: float):
        self._name = name
        self._address = address
        self._send_s = send_s
        self._server: Any = None
        self._sending: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"AppriseNotifier({self._name!r})"

    @property
    def channel(self) -> str:
        """Its kind and the address's name."""
        return f"apprise:{self._name}"

    def send(self, notice: incidents.Notice) -> None:
        """Deliver a notice. Raises NotifyError, without the address.

        The library bounds each wait for the network, not their sum, so it works in a thread that is waited for only so long.
        """
        if self._sending is not None and self._sending.is_alive():
            raise self._error("still waits for the service with an earlier notice")
        work = _Work(self._opened(), notice)
        self._sending = threading.Thread(target=work, name=self.channel, daemon=True)
        self._sending.start()
        self._sending.join(self._send_s)
        if self._sending.is_alive():
            raise self._error(f"did not take the notice within {self._send_s:g} s")
        if not work.taken:
            raise self._error(f"refused the notice{work.why}")

    def _error(self, what: str) -> errors.NotifyError:
        return errors.NotifyError(
            f"The address {self._name!r} {what}. Check it, and try it with `council notify test {self._name}`."
        )

    def _opened(self) -> Any:
        if self._server is None:
            library = _library()
            asset = library.AppriseAsset(async_mode=False, app_id="Council", app_desc="Council")
            server = library.Apprise.instantiate(self._address, asset=asset, suppress_exceptions=True)
            if server is None:
                raise self._error("is none that Apprise knows")
            server.socket_connect_timeout = server.socket_read_timeout = self._send_s
            self._server = server
        return self._server


def check(name: str, address: str) -> None:
    """Raise NotifyError where Apprise is missing, and InvalidRequestError where it does not know such an address."""
    if _library().Apprise.instantiate(address, suppress_exceptions=True) is None:
        raise errors.InvalidRequestError(
            f"Apprise knows no such address as was given for {name!r}. Its forms: https://github.com/caronc/apprise/wiki."
        )


class _Work:
    """Sends one notice. `why` says what the service answered, as far as that can hold no secret."""

    def __init__(self, server: Any, notice: incidents.Notice):
        self._server = server
        self._notice = notice
        self.taken = False
        self.why = ""

    def __call__(self) -> None:
        library = _library()
        urgent = self._notice.severity is incidents.Severity.PAGE
        kind = _KINDS.get(self._notice.kind, "failure" if urgent else "warning")
        _HUSH.status.code = ""
        # A page only where it is shown as one, as by e-mail: the library would make text of it for the others, a worse one.
        as_page = bool(self._notice.html) and _best(self._server.notify_format) == library.NotifyFormat.HTML
        try:
            self.taken = bool(
                self._server.notify(
                    body=self._notice.html if as_page else _calling_nobody(self._notice.text),
                    title=_calling_nobody(self._notice.title),
                    notify_type=library.NotifyType(kind),
                    body_format=library.NotifyFormat.HTML if as_page else library.NotifyFormat.TEXT,
                )
            )
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and its text may quote the address
            self.why = f" ({type(error).__name__})"
        if _HUSH.status.code:
            self.why = f" (HTTP status {_HUSH.status.code})"


def _calling_nobody(text: str) -> str:
    """Return a text in which no `@everyone` of a title rings anybody: a sign without width stands behind each @."""
    return text.replace("@", "@\u200b")


class _Hush(logging.Filter):
    """Keeps all that the library logs from every handler; of a failure it notes the status code, for the same thread."""

    def __init__(self) -> None:
        super().__init__()
        self.status = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Look for a status code, and let nothing pass."""
        found = _STATUS.search(record.getMessage())
        if found:
            self.status.code = found.group(1)
        return False


_HUSH = _Hush()


def _best(formats: Any) -> Any:
    """Return the form that a service shows best: the first where the library names several, as its newer versions do."""
    return formats[0] if isinstance(formats, tuple) else formats


def _library() -> Any:
    try:
        import apprise as library
    except ModuleNotFoundError as error:
        raise errors.NotifyError(_INSTALL) from error
    logger = logging.getLogger("apprise")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    logger.addFilter(_HUSH)
    # Its network library logs the paths that it asks for.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    return library
