"""Tracing on demand: at the supervisor's signal a service finds out which of its lines keep memory, and logs them.

    environment = harness.begin("recall", traceable=True)  # holds the signal back, before there is any thread
    rights.confine_service(...)
    tracing.listen()  # after the confinement, which a thread from before would not share

One thread waits for the signal, traces for half a minute, logs, and waits again. Signals that come meanwhile are one. So there
is never more than one trace, and none that stays on; nothing of it can be asked for over a port.
"""

import logging
import signal
import threading
import time

from council.kit import memory_trace

_log = logging.getLogger(__name__)

TRACE_S = 30.0
# Every line of one trace goes out before its end, so that who reads the log up to the end has them all.
LINE, END = "a line keeps memory", "memory was traced"


def hold_back() -> None:
    """Keep the signal from ending this process. Call it in the main thread, before there is any other."""
    signal.signal(memory_trace.SIGNAL, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {memory_trace.SIGNAL})


def listen(trace_s: float = TRACE_S) -> None:
    """Trace at each signal from now on, on a thread of its own."""
    threading.Thread(target=_serve, args=(trace_s,), name="tracing", daemon=True).start()


def _serve(trace_s: float) -> None:
    while True:
        signal.sigwait({memory_trace.SIGNAL})
        try:
            _trace(trace_s)
        except Exception:  # noqa: BLE001 - a trace that failed must not end those to come
            _log.exception("memory could not be traced")


def _trace(trace_s: float) -> None:
    found = memory_trace.trace(trace_s, time.monotonic, time.sleep)
    if found is None:
        _log.warning(END, extra={"refused": "somebody else traces this process"})
        return
    for line in found.lines:
        _log.warning(
            LINE,
            extra={
                "path": line.path,
                "line": line.number,
                "kept_bytes": line.kept_bytes,
                "kept_blocks": line.kept_blocks,
            },
        )
    extra = {"lines": len(found.lines), "kept_bytes": found.kept_bytes, "took_s": round(found.took_s, 1)}
    _log.warning(END, extra={**extra, "is_short": found.is_short})
