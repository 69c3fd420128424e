"""Spans to nobody: what the log shows of them is all there is."""

from council.kit import traces


class NoTracer:
    """Implements ports.Tracer."""

    def start(self) -> None:
        """Nothing begins."""

    def take(self, span: traces.Span) -> None:
        """Nothing is sent."""

    def close(self) -> None:
        """Nothing waits."""
