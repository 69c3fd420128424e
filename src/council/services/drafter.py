"""The drafter: a child for one run of a bot, which reads and drafts, with limits and nearly without rights.

What it reads quotes logs, and a model's answer may be anything, so it has no file of the home, no socket but that to whoever
started it, and no key. Where a bot asks a model, the question goes up that socket and the answer comes down it: who is asked,
and who pays, is the starter's to say.
"""

import signal
import socket
import sys
from collections.abc import Mapping
from typing import Any

from council.domain import bots, errors
from council.kit import frames, process
from council.services import rightless

MEMORY_BYTES = 512 * 1024 * 1024
_FRAME_BYTES_MAX = 8 * 1024 * 1024


class DraftError(Exception):
    """No draft came of it, and the child is gone. The message says why."""


class Drafter:
    """Starts a child for each draft and ends it with it. For one thread at a time."""

    def draft(self, bot: str, evidence: Mapping[str, Any], ask: bots.Ask, limit_s: float) -> bots.Draft | bots.Nothing:
        """Return what a bot drafts. `limit_s` bounds its thinking, and `ask` itself each question.

        Raises DraftError, InvalidRequestError for a draft in another form, and what `ask` raises.
        """
        child = rightless.Child("council.services.drafter")
        try:
            connection = child.connection()
            connection.settimeout(limit_s)
            connection.sendall(frames.encode({"bot": bot, "evidence": evidence}))
            reply = frames.receive(connection, _FRAME_BYTES_MAX)
            if reply is not None and reply.keys() == {"ask"}:
                # Once: a bot that asks on and on costs money.
                connection.sendall(frames.encode({"answer": ask(str(reply["ask"]))}))
                reply = frames.receive(connection, _FRAME_BYTES_MAX)
        except TimeoutError:
            raise DraftError(f"it took longer than {limit_s:g} s") from None
        except (OSError, frames.FrameError) as error:
            raise DraftError(f"its child failed ({error})") from error
        finally:
            child.close()
        return _understood(reply)


def _understood(reply: dict[str, Any] | None) -> bots.Draft | bots.Nothing:
    if reply is None:
        raise DraftError(f"its child ended, or took more than {MEMORY_BYTES >> 20} MiB")
    match reply:
        case {"draft": draft}:
            return bots.decode(draft)
        case {"nothing": str(why), "subject": str(subject), "report": str(report), "is_refused": bool(is_refused)}:
            cut = "".join(letter if letter.isprintable() else " " for letter in why[: bots.WHY_CHARS_MAX])
            return bots.Nothing(cut, subject[: bots.SUBJECT_CHARS_MAX], report[: bots.REPORT_CHARS_MAX], is_refused)
        case {"refused": str(message)}:
            raise errors.InvalidRequestError(message[: bots.WHY_CHARS_MAX], reason="draft_invalid")
        case {"failed": str(kind)}:
            raise DraftError(f"its child failed ({kind[:80]})")
    raise DraftError("its child answers in another form")


def main() -> int:
    """Serve the socket that is standard input until it is closed."""
    process.set_parent_death_signal(signal.SIGKILL)
    from council.upkeep.bots import registry

    return rightless.serve(MEMORY_BYTES, lambda connection, request: _reply(connection, request, registry.named))


def _reply(connection: socket.socket, request: dict[str, Any], named: Any) -> dict[str, Any]:
    def ask(prompt: str) -> str:
        connection.sendall(frames.encode({"ask": prompt}))
        told = frames.receive(connection, _FRAME_BYTES_MAX)
        if told is None:
            raise SystemExit(0)
        return str(told["answer"])

    try:
        found = named(request["bot"]).draft(request["evidence"], ask)
    except errors.InvalidRequestError as error:
        return {"refused": error.message}
    except MemoryError:
        return {"failed": "MemoryError"}
    except Exception as error:  # noqa: BLE001 - whatever untrusted text leads to; the run ends as failed
        return {"failed": type(error).__name__}
    if isinstance(found, bots.Nothing):
        return {"nothing": found.why, "subject": found.subject, "report": found.report, "is_refused": found.is_refused}
    return {"draft": bots.encode(found)}


if __name__ == "__main__":
    sys.exit(main())
