"""What the clients' programs share: scenarios by name, and their results as one line of JSON."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any

URL = os.environ["COUNCIL_URL"]
TOKEN = os.environ["COUNCIL_TOKEN"]
LIMITED = os.environ["COUNCIL_TOKEN_LIMITED"]
BURST = os.environ["COUNCIL_TOKEN_BURST"]

_found: dict[str, Callable[[], Any]] = {}


def scenario(run: Callable[[], Any]) -> Callable[[], Any]:
    """Note a scenario by the name of its function."""
    _found[run.__name__] = run
    return run


def main() -> None:
    """Run all of them; what one raises is its result."""
    results: dict[str, Any] = {}
    for name, run in _found.items():
        try:
            results[name] = run()
        except Exception as error:
            results[name] = raised(error)
    sys.stdout.write("\n" + json.dumps(results, default=str) + "\n")


def raised(error: Exception) -> dict[str, Any]:
    """Return what a client makes of an error."""
    told = {"raised": type(error).__name__, "text": str(error)[:500]}
    for name in ("status_code", "code", "type", "request_id", "param"):
        value = getattr(error, name, None)
        if isinstance(value, str | int):
            told[name] = value
    return told


def attempt(run: Callable[[], Any]) -> dict[str, Any]:
    """Return what a call raises."""
    try:
        return {"returned": str(run())[:500]}
    except Exception as error:
        return raised(error)
