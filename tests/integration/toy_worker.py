"""The real worker with operations beside its own that misbehave."""

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from council.domain import config, home
from council.services import worker
from council.serving.compute import operations


def _sleep(payload: Mapping[str, Any]) -> dict[str, Any]:
    time.sleep(float(payload["seconds"]))
    return {"slept": True}


def _spin(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"digits": len(str((9**9) ** (9**8)))}


def _bomb(_: Mapping[str, Any]) -> dict[str, Any]:
    return {"bytes": len(bytearray(64 << 30))}


def _crash(_: Mapping[str, Any]) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def _fail(_: Mapping[str, Any]) -> dict[str, Any]:
    raise KeyError("a secret")


def _recurse(payload: Mapping[str, Any]) -> dict[str, Any]:
    return _recurse(payload)


operations.OPERATIONS = {  # type: ignore[misc]
    **operations.OPERATIONS,
    "sleep": _sleep,
    "spin": _spin,
    "bomb": _bomb,
    "crash": _crash,
    "fail": _fail,
    "recurse": _recurse,
    "large": lambda _: {"text": "x" * 100_000},
    "full": lambda payload: {"text": "x" * payload["chars"]},
    "beyond_json": lambda _: {"number": 10**40},
    "pid": lambda _: {"pid": os.getpid()},
    "read": lambda payload: {"text": Path(payload["path"]).read_text()},
}

if __name__ == "__main__":
    sys.exit(worker.main(config.build({}, os.environ, {}), home.Home(Path(sys.argv[1]))))
