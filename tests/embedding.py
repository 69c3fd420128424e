"""Prepares what Councils of a run of tests share: `python tests/embedding.py`, where KEPT_OF_COUNCILS names a folder.

Otherwise the first Councils of every worker embed the same passages side by side, each of them most of a minute.
"""

import json
import urllib.request
from typing import Any

import whole
from council.domain import config

_READY_S = 600.0


def prepare() -> int:
    """Run a Council until it knows the meaning of every packaged passage, and keep them; return how many it knows."""
    with whole.anew() as council:
        whole.wait_until(lambda: _meanings(council)["state"] == "ready", _READY_S)
        return int(_meanings(council)["known"])


def _meanings(council: whole.Council) -> dict[str, Any]:
    port = config.Config(port=council.port).recall_port
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=60) as reply:
        told: dict[str, Any] = json.loads(reply.read())["meanings"]
    return told


if __name__ == "__main__":
    print(f"embedded {prepare():,} passages for all Councils of these tests")
