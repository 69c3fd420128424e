"""The reader: a child that takes untrusted documents apart for whoever starts it, with limits and nearly without rights.

HTML, PDF and tables are read by libraries that a document may lead astray, so they run in a process of their own: no file of
the home, no socket, no more memory than `MEMORY_BYTES`, no longer than `READ_S` a document. A child that fails is replaced,
and the document that it failed on is named.
"""

import signal
import socket
import sys
from typing import Any

from council.kit import frames, process
from council.services import rightless
from council.serving.memory import documents

READ_S = 20.0
MEMORY_BYTES = 768 * 1024 * 1024
_TOO_MUCH = f"reading it took more than {MEMORY_BYTES >> 20} MiB"
_MEND = "split it, or save it as text"


class Reader:
    """Starts the child with the first document and keeps it. For one thread at a time."""

    def __init__(self) -> None:
        self._child = rightless.Child("council.services.reader")

    def read(self, suffix: str, raw: bytes, chars_max: int) -> documents.Document:
        """Return the passages of a document. Raises UnreadableError, whatever became of the child."""
        try:
            connection = self._child.connection()
            connection.settimeout(READ_S)
            connection.sendall(frames.encode({"suffix": suffix, "size_bytes": len(raw), "chars_max": chars_max}) + raw)
            reply = frames.receive(connection, rightless.FRAME_BYTES_MAX)
        except TimeoutError:
            self._child.close()
            raise documents.UnreadableError(f"reading it took longer than {READ_S:g} s; {_MEND}") from None
        except (OSError, frames.FrameError, ValueError) as error:
            self._child.close()
            raise documents.UnreadableError(f"the reader failed ({error})") from error
        if reply is None:
            self._child.close()
            raise documents.UnreadableError(f"{_TOO_MUCH}, or ended the reader; {_MEND}")
        if "unreadable" in reply:
            raise documents.UnreadableError(str(reply["unreadable"]))
        sections = [documents.Section(str(heading), str(text)) for heading, text in reply["sections"]]
        return documents.Document(sections, str(reply["note"]))

    def close(self) -> None:
        """End the child; a later document starts another."""
        self._child.close()


def main() -> int:
    """Serve the socket that is standard input until it is closed."""
    process.set_parent_death_signal(signal.SIGKILL)
    from council.serving.memory import reading

    return rightless.serve(MEMORY_BYTES, lambda connection, request: _reply(connection, request, reading.read))


def _reply(connection: socket.socket, request: dict[str, Any], read: Any) -> dict[str, Any]:
    raw = bytearray()
    while len(raw) < request["size_bytes"]:
        part = connection.recv(min(1 << 20, request["size_bytes"] - len(raw)))
        if not part:
            raise SystemExit(0)
        raw += part
    try:
        found = read(request["suffix"], bytes(raw), request["chars_max"])
    except documents.UnreadableError as error:
        return {"unreadable": str(error)}
    except MemoryError:
        return {"unreadable": f"{_TOO_MUCH}; {_MEND}"}
    except Exception as error:  # noqa: BLE001 - a library may raise anything on such bytes; the child goes on
        return {"unreadable": f"broken, or of another kind ({type(error).__name__})"}
    return {"sections": [[one.heading, one.text] for one in found.sections], "note": found.note}


if __name__ == "__main__":
    sys.exit(main())
