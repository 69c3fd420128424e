"""Faults on demand: any port, until told otherwise, raises what it is told to."""

from typing import Any

from council.domain import errors


class Switch:
    """Wraps any port. While `error` is set every call raises it instead of reaching the real thing.

    Works for plain methods, coroutines and async generators alike, since the error is raised where the call is made or first
    awaited.
    """

    def __init__(self, inner: Any):
        self._inner = inner
        self.error: errors.CouncilError | None = None

    def __getattr__(self, name: str) -> Any:
        """Return the inner attribute, guarded if it can be called."""
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def guarded(*arguments: Any, **named: Any) -> Any:
            if self.error is not None:
                raise self.error
            return found(*arguments, **named)

        return guarded
