"""Runs a Council whose model never has the memory to run beside another: `crowded_council.py HOME PORT`.

All of it is as `council up` starts it, but for what the table of services says that a second model needs.
"""

import dataclasses
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from council import homes, supervisor
from council.domain import home
from council.supervisor import specs, users

# More than there is anywhere; what the one that stops gives back is as much.
HUGE_BYTES = 1 << 60


def main() -> int:
    where, port = home.Home(Path(sys.argv[1])), int(sys.argv[2])
    generation = homes.prepare(where, os.environ).generation

    def planned(of: str) -> Sequence[specs.ServiceSpec]:
        settings = homes.load_config(where, of, os.environ, {"port": port})
        return [
            dataclasses.replace(one, beside_bytes=HUGE_BYTES) if one.name == "model" else one
            for one in specs.specs(settings, where, of)
        ]

    config = homes.load_config(where, generation, os.environ, {"port": port})
    return supervisor.run(
        config,
        where,
        generation,
        lambda line: print(line, flush=True),
        on_ready=lambda: print("READY", flush=True),
        services=planned(generation),
        regime=users.decide(config, where, specs.with_users(planned(generation))),
        plan=planned,
    )


if __name__ == "__main__":
    sys.exit(main())
