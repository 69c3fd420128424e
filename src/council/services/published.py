"""Writes the monitoring files of a generation into `<home>/monitoring`, and has the programs that read them read them anew.

What is new is checked first, by promtool and amtool where they are installed, so that a file that Prometheus would refuse
never takes the place of one that it reads.
"""

import base64
import http.client
import logging
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path

_log = logging.getLogger(__name__)

_NEXT = ".next"
_CHECK_S = 30.0
_RELOAD_S = 3.0
_SAID_CHARS_MAX = 2000

# What checks what. The paths of the second are not looked up, since beside the files to be checked there is no home.
_CHECKS = (
    ("promtool", "check", "rules", "rules/gates.yml", "rules/services.yml"),
    ("promtool", "check", "config", "--syntax-only", "prometheus.yml"),
    ("amtool", "check-config", "alertmanager.yml"),
)


def publish(folder: Path, files: Mapping[str, str], urls: Mapping[str, str]) -> bool:
    """Bring the folder up to these files, by path; return whether any was new. `urls` are of the programs to tell, by name.

    Blocks for as long as the checks take. Raises nothing: without these files the watch goes on. What is wrong is logged.
    """
    try:
        if all(_holds(folder / path, text) for path, text in files.items()):
            return False
        waiting = folder / _NEXT
        shutil.rmtree(waiting, ignore_errors=True)
        for path, text in files.items():
            file = waiting / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        if not _is_sound(waiting):
            return False
        for path in files:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (waiting / path).replace(folder / path)
        shutil.rmtree(waiting, ignore_errors=True)
    except OSError as error:
        _log.warning("the monitoring files cannot be written", extra={"folder": folder.name, "reason": str(error)})
        return False
    _log.info("the monitoring files are new", extra={"files": len(files)})
    for name, url in urls.items():
        _reload(name, url)
    return True


def _holds(file: Path, text: str) -> bool:
    try:
        return file.read_text() == text
    except (OSError, UnicodeDecodeError):
        return False


def _is_sound(waiting: Path) -> bool:
    for command in _CHECKS:
        program = shutil.which(command[0])
        if program is None:
            _log.info("not checked, since the program is not installed", extra={"program": command[0]})
            continue
        try:
            done = subprocess.run(
                [program, *command[1:]], cwd=waiting, capture_output=True, text=True, timeout=_CHECK_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            _log.warning("not checked", extra={"program": command[0], "reason": str(error)})
            continue
        if done.returncode != 0:
            said = (done.stdout + done.stderr)[-_SAID_CHARS_MAX:]
            _log.error(
                "the new monitoring files are refused, and the old ones stay",
                extra={"program": command[0], "said": said},
            )
            return False
    return True


def _reload(name: str, url: str) -> None:
    """Ask a program to read its files anew; where it does not run there is nobody to ask."""
    try:
        request = _request(f"{url.rstrip('/')}/-/reload")
        with urllib.request.urlopen(request, timeout=_RELOAD_S):  # noqa: S310
            _log.info("it reads its files anew", extra={"program": name})
    except urllib.error.HTTPError as error:
        error.close()
        _log.warning(
            "it does not read its files anew; start it with --web.enable-lifecycle, or again",
            extra={"program": name, "status": error.code},
        )
    except (OSError, ValueError, http.client.HTTPException):
        # Not the error itself: it may quote the address, and that may hold a password.
        _log.info("it does not run, so nobody was told to read the files anew", extra={"program": name})


def _request(url: str) -> urllib.request.Request:
    """Return a request whose user and password, if the address holds them, are sent as such and not taken for a host."""
    parts = urllib.parse.urlsplit(url)
    told, _, place = parts.netloc.rpartition("@")
    headers = {}
    if told:
        plain = urllib.parse.unquote_to_bytes(told)
        headers["authorization"] = f"Basic {base64.b64encode(plain).decode()}"
    address = parts._replace(netloc=place).geturl()
    return urllib.request.Request(address, data=b"", method="POST", headers=headers)  # noqa: S310 - from the settings
