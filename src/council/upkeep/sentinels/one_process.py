"""All sentinels of one process: a reading in, findings and gauges out."""

from collections.abc import Mapping

from council.kit import reading
from council.upkeep.sentinels import counts, descriptors, findings, leak

_LEAK_LOOK = "See what it was asked since then; in Python, tracemalloc for a minute names the lines."


class ProcessWatch:
    """Takes readings of one process in order and returns what every sentinel says."""

    def __init__(self, service: str, age_s: float):
        """`age_s`: how long the process had run at the first reading."""
        self._leak = leak.LeakWatch(age_s)
        self._leak_since = findings.Since("memory", service, "MB/h", _LEAK_LOOK)
        self._descriptors = descriptors.DescriptorWatch(service)
        self._zombies = counts.ZombieWatch(service)
        self._threads = counts.GrowthWatch("threads", service, "Name them: ps -L -o lwp,comm PID.")
        self._children = counts.GrowthWatch("children", service, "List them: ps --ppid PID.")
        self._sockets = counts.GrowthWatch("sockets", service, "See to whom: ss -tpn.")

    def take(self, time_s: float, seen: reading.Reading) -> list[findings.Finding]:
        """Return one finding for each sentinel."""
        return [
            self._judge_memory(time_s, seen.heap_bytes),
            self._descriptors.judge(
                time_s,
                _known(seen.open_fds),
                _known(seen.fd_soft_limit),
                _because(seen.open_fds) or _because(seen.fd_soft_limit),
            ),
            self._zombies.judge(time_s, _known(seen.zombies), _because(seen.zombies)),
            self._threads.judge(time_s, _known(seen.threads), _because(seen.threads)),
            self._children.judge(time_s, _known(seen.children), _because(seen.children)),
            self._sockets.judge(time_s, _known(seen.sockets), _because(seen.sockets)),
        ]

    def _judge_memory(self, time_s: float, heap: int | reading.Unknown) -> findings.Finding:
        if isinstance(heap, reading.Unknown):
            return self._leak_since.say(time_s, "unknown", None, _because(heap))
        self._leak.add(time_s, heap)
        judged = self._leak.judge()
        verdict = _VERDICTS[judged.verdict]
        # Three minutes of growth were seen before the word is said, so a fast leak need not wait for five more.
        return self._leak_since.say(time_s, verdict, judged.rate_mb_per_hour, judged.reason, page_after_s=0.0)


_VERDICTS: Mapping[leak.Verdict, findings.Verdict] = {
    "unknown": "unknown",
    "steady": "green",
    "leak": "amber",
    "fast leak": "red",
}


def _known(figure: int | reading.Unknown) -> int | None:
    return None if isinstance(figure, reading.Unknown) else figure


def _because(figure: int | reading.Unknown) -> str:
    return f"Unknown: {figure.reason}." if isinstance(figure, reading.Unknown) else ""
