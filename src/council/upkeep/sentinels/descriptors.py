"""Open descriptors against the soft limit: amber from 60 %, red from 80 %, said at the first sample, a page after five
minutes of red."""

from council.upkeep.sentinels import findings

AMBER_SHARE = 0.60
RED_SHARE = 0.80


class DescriptorWatch:
    """Judges one service's descriptors."""

    def __init__(self, service: str):
        self._since = findings.Since(
            "descriptors", service, "%", "List them with ls -l /proc/PID/fd and see which target repeats."
        )

    def judge(self, time_s: float, open_fds: int | None, soft_limit: int | None, unknown: str = "") -> findings.Finding:
        """Return the finding; None for what could not be read, with the reason in `unknown`."""
        if open_fds is None or not soft_limit:
            return self._since.say(time_s, "unknown", None, unknown or "No figure for descriptors or their limit.")
        share = open_fds / soft_limit
        verdict: findings.Verdict = "red" if share >= RED_SHARE else "amber" if share >= AMBER_SHARE else "green"
        return self._since.say(time_s, verdict, 100 * share, f"{open_fds} of {soft_limit} descriptors are open.")
