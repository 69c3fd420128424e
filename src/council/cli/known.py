"""What is known of a stretch of time, for the commands that say what happened: of the Council that runs for this home."""

from council.cli import calls
from council.domain import evidence, home
from council.services import observer


def gather(where: home.Home, port: int | None, span: evidence.Span, since_s: float | None = None) -> evidence.Evidence:
    """Return the evidence of a span. Who else listens on the port is neither asked nor shown the owner's key."""
    config = calls.config_of(where, port)
    is_ours = calls.is_ours(where, config.port, "patchctl")
    return observer.gather(config, where, span, since_s, ask_patches=is_ours)
