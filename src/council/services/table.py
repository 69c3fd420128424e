"""Which module is which process: what `council run NAME` starts."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, assert_never, get_args

from council import homes
from council.domain import home
from council.upkeep.engine import blueprint

Name = Literal["store", "model", "worker", "recall", "gateway"]
NAMES: tuple[str, ...] = get_args(Name)


def run(name: Name, where: home.Home, environment: Mapping[str, str]) -> int:
    """Run one service in this process until it is told to stop; return the exit status.

    Imports only the module of that service, so that no process carries another's libraries.
    """
    # Started by hand there is no supervisor to say which generation; then it is the live one.
    generation = environment.get("COUNCIL_GENERATION") or blueprint.current(where)
    os.environ["COUNCIL_GENERATION"] = generation
    config = homes.load_config(where, generation, environment, {})
    match name:
        case "store":
            from council.services import store

            return store.main(config, where)
        case "model":
            from council.services import model

            return model.main(config, where)
        case "worker":
            from council.services import worker

            return worker.main(config, where)
        case "recall":
            from council.services import recall

            return recall.main(config, where)
        case "gateway":
            share_metrics(where)
            from council.services import gateway

            return gateway.main(config, where)
        case _:
            assert_never(name)


def share_metrics(where: home.Home) -> None:
    """Let the gateway's workers sum their metrics; must run before telemetry is imported.

    Counters of workers that ended go on counting in the sum; their gauges are taken out.
    """
    folder = where.run / "metrics"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for gauges in folder.glob("gauge_live*_*.db"):
        pid = gauges.stem.rpartition("_")[2]
        if not Path("/proc", pid).exists():
            gauges.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
