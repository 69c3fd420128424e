"""Proposals kind `http`: the steward over its port on this machine."""

import base64
import http.client
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from council.domain import bots, errors, patches

_REPLY_BYTES_MAX = 4 * 1024 * 1024
_OK = 200


class HttpProposals:
    """Implements care_ports.Proposals. `key` is that of `secrets/bots.key`."""

    def __init__(self, port: int, key: str, limit_s: float = 60.0):
        self._port = port
        self._key = key
        self._limit_s = limit_s

    def base(self) -> bots.Base:
        """Return what serves, as the forge's main holds it."""
        told = self._call("GET", "/proposals")
        try:
            return bots.Base(str(told["generation"]), str(told["tree"]), str(told["forge"]), str(told["paused"]))
        except KeyError as error:
            raise _away("it answers in another form") from error

    def changes(self, limit: int) -> Sequence[Mapping[str, Any]]:
        """Return the rows of up to `limit` patches, newest first."""
        rows = self._call("GET", f"/proposals/changes?limit={limit}").get("changes")
        if not isinstance(rows, list):
            raise _away("it answers in another form")
        return rows

    def propose(self, sent: patches.Submission) -> int:
        """Open a pull request of a signed patch; return its number. Asked again, it is the same one."""
        body = {
            "patch": base64.b64encode(sent.document).decode(),
            "signature": base64.b64encode(sent.signature).decode(),
        }
        return int(self._call("POST", "/proposals", body)["number"])

    def _call(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        raw = None if body is None else orjson.dumps(body)
        headers = {"authorization": f"Bearer {self._key}", "content-type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._limit_s)
        try:
            connection.request(method, path, raw, headers)
            response = connection.getresponse()
            told = orjson.loads(response.read(_REPLY_BYTES_MAX))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _away(type(error).__name__) from error
        finally:
            connection.close()
        if not isinstance(told, dict):
            raise _away("it answers in another form")
        if response.status != _OK:
            # It speaks our errors.
            raise _refused(told)
        return told


def _refused(told: Mapping[str, Any]) -> errors.CouncilError:
    kind = errors.BY_CODE.get(str(told.get("code")), errors.UnavailableError)
    return kind(str(told.get("message", "The steward refused it.")), reason=str(told.get("reason", "")))


def _away(why: str) -> errors.UnavailableError:
    return errors.UnavailableError(
        f"The steward, which opens pull requests, cannot be reached ({why}). `council status` shows whether it runs."
    )
