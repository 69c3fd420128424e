"""The signer: a child for one run of a bot, which gets the finished draft alone, checks it, and signs with that bot's key.

The process that starts bots reads incidents and calls models, so it may not read keys, and what it starts may not either. So a
second process parts from it before it has read anything: it keeps the right to the keys, reads one frame a run, and forks the
child that does the work, with a time and a memory limit, no socket, and one key. What goes back is a signed patch, or why there
is none.
"""

import base64
import contextlib
import gc
import os
import resource
import secrets
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from council.domain import bots, errors, home, patches
from council.kit import commits, frames, process

SIGN_S = 30.0
MEMORY_BYTES = 512 * 1024 * 1024
_CPU_S = 20
_FRAME_BYTES_MAX = 8 * 1024 * 1024
_SPARE_S = 10.0


class SignError(Exception):
    """Nobody knows whether it was signed; nothing came back. The message says why."""


class Signer:
    """The way to the process that keeps the keys. Made before any thread and any confinement.

    What a late answer belongs to nobody can tell for sure, so one that fails to come, or is another's, closes it for good.
    """

    def __init__(self, where: home.Home, confine: Callable[[], None] = lambda: None) -> None:
        """`confine` takes from the process all but the keys and the generations; it is called in there."""
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _keep(theirs, where, confine)
        theirs.close()
        ours.settimeout(SIGN_S + _SPARE_S)
        self._connection = ours
        self._one = threading.Lock()

    def sign(
        self, draft: bots.Draft, bot: str, base: bots.Base, *, model: str = "", prompt: str = "", dry: bool = False
    ) -> tuple[patches.Submission, str]:
        """Return the signed patch and its account on the forge; `dry` leaves the signature empty.

        Raises PatchRefusedError with its reason, SignError.
        """
        nonce = secrets.token_hex(16)
        request = {
            "nonce": nonce,
            "draft": bots.encode(draft),
            "bot": bot,
            "generation": base.generation,
            "tree": base.tree,
            "model": model,
            "prompt": prompt,
            "dry": dry,
        }
        with self._one:
            reply = self._answer(request)
        match reply:
            case {"document": str(document), "signature": str(signature), "account": str(account)}:
                return patches.Submission(base64.b64decode(document), base64.b64decode(signature)), account
            case {"refused": str(reason), "message": str(message)}:
                raise errors.PatchRefusedError(message, reason=reason)
            case {"failed": str(why)}:
                raise SignError(why)
        raise SignError("what keeps the keys answers in another form")

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        reply = None
        try:
            self._connection.sendall(frames.encode(request))
            reply = frames.receive(self._connection, _FRAME_BYTES_MAX)
        except (OSError, frames.FrameError) as error:
            raise SignError(f"what keeps the keys does not answer ({error})") from error
        finally:
            is_its = reply is not None and reply.get("nonce") == request["nonce"]
            if not is_its:
                self.close()
        if reply is None or not is_its:
            raise SignError("what keeps the keys has ended, or answers another request")
        return reply

    @property
    def is_alive(self) -> bool:
        """Whether the process is there still."""
        with contextlib.suppress(ChildProcessError):
            return os.waitpid(self._pid, os.WNOHANG) == (0, 0)
        return False

    def close(self) -> None:
        """End the process. Idempotent."""
        self._connection.close()
        if not self.is_alive:
            return
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _keep(connection: socket.socket, where: home.Home, confine: Callable[[], None]) -> NoReturn:
    """Be the process that keeps the keys, until its starter is gone."""
    status = 1
    try:
        process.set_parent_death_signal(signal.SIGKILL)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _close_others(connection.fileno())
        gc.freeze()
        confine()
        connection.setblocking(True)
        while (request := frames.receive(connection, _FRAME_BYTES_MAX)) is not None:
            connection.sendall(_of_child(request, where))
        status = 0
    except (OSError, frames.FrameError):
        status = 1
    finally:
        os._exit(status)


def _close_others(kept: int) -> None:
    for descriptor in [int(one.name) for one in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2 and descriptor != kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _of_child(request: dict[str, Any], where: home.Home) -> bytes:
    """Fork the child for one draft; return its frame, or ours that says how it ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _work(writing, request, where)
    os.close(writing)
    raw, ends_s = bytearray(), time.monotonic() + SIGN_S
    try:
        while len(raw) <= _FRAME_BYTES_MAX:
            ready, _, _ = select.select([reading], [], [], max(0.0, ends_s - time.monotonic()))
            if not ready or not (part := os.read(reading, 65_536)):
                break
            raw += part
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
    if not raw or len(raw) > _FRAME_BYTES_MAX:
        why = f"the child that signs ended with {os.waitstatus_to_exitcode(status)}"
        return frames.encode({"failed": why, "nonce": request["nonce"]})
    return bytes(raw)


def _work(writing: int, request: dict[str, Any], where: home.Home) -> NoReturn:
    try:
        sys.dont_write_bytecode = True
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        raw = frames.encode({**_reply(request, where), "nonce": request["nonce"]})
        while raw:
            raw = raw[os.write(writing, raw) :]
    finally:
        os._exit(0)


def _reply(request: dict[str, Any], where: home.Home) -> dict[str, Any]:
    try:
        return _signed(request, where)
    except errors.PatchRefusedError as error:
        return {"refused": error.reason, "message": error.message}
    except errors.CouncilError as error:
        return {"refused": error.reason or error.code, "message": error.message}
    except Exception as error:  # noqa: BLE001 - a draft may lead to anything; it ends unsigned
        return {"failed": type(error).__name__}


def _signed(request: dict[str, Any], where: home.Home) -> dict[str, Any]:
    from council.patching import bot_keys, vouching
    from council.services import rights
    from council.upkeep.bots import registry

    bot, live = registry.named(str(request["bot"])), where.current.resolve()
    if bot is None:
        raise errors.InvalidRequestError(f"There is no bot {request['bot']!a}. `council bots list` names all.")
    key = where.bot_key_file(bot.name)
    rights.confine_signing(where, key)
    generation = str(request["generation"])
    if live.name != generation or not commits.is_commit(str(request["tree"])):
        raise errors.PatchRefusedError(
            "Another generation serves than the draft was made from. The next run drafts anew.",
            reason=patches.Reason.STALE_BASE,
        )
    name = bot_keys.fingerprint(key, bot.name)
    if not name:
        raise errors.PatchRefusedError(
            f"The bot {bot.name} has no key. `council bots enable {bot.name}` makes one.",
            reason=patches.Reason.SIGNATURE_UNLISTED,
        )
    now = int(time.time())
    origin = vouching.provenance(bot.name, request["model"], request["prompt"])
    draft = bots.decode(request["draft"])
    made = vouching.document(draft, origin, bot.touches, live, str(request["tree"]), name, now)
    signature = b""
    if not request["dry"]:
        signature = bot_keys.sign(key, bot.name, made.document)
        vouching.check(patches.Submission(made.document, signature), live, str(request["tree"]), now, bot.name)
    return {
        "document": base64.b64encode(made.document).decode(),
        "signature": base64.b64encode(signature).decode(),
        "account": made.account,
    }
