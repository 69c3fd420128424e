"""Runs the supervisor with real services and one that may change generations: `generations_supervisor.py HOME PORT NAME...`.

`changer` carries out what it is told on its socket, as patchctl does; see `toy_service.py`. There is no model and no sandbox.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from council import homes, supervisor
from council.domain import home
from council.supervisor import control, specs, users

TOY = Path(__file__).with_name("toy_service.py")


def main() -> int:
    where, port, names = home.Home(Path(sys.argv[1])), int(sys.argv[2]), sys.argv[3:]
    generation = homes.prepare(where, os.environ).generation

    def planned(of: str) -> Sequence[specs.ServiceSpec]:
        settings = homes.load_config(where, of, os.environ, {"port": port})
        calls = specs.SocketSpec("calls", "unix", path=where.socket("changer"))
        argv = (sys.executable, str(TOY), "caller", str(where.root))
        # Root, where services have users: the toy's one could not reach the supervisor's socket.
        changer = specs.ServiceSpec("changer", argv, sockets=(calls,), keeps_root=True)
        return [*(spec for spec in specs.specs(settings, where, of) if spec.name in names), changer]

    config = homes.load_config(where, generation, os.environ, {"port": port})
    return supervisor.run(
        config,
        where,
        generation,
        lambda line: print(line, flush=True),
        on_ready=lambda: print("READY", flush=True),
        services=planned(generation),
        rights=control.Rights(frozenset({"changer"}), frozenset(), frozenset({"watcher"})),
        regime=users.decide(config, where, specs.with_users(planned(generation))),
        plan=planned,
    )


if __name__ == "__main__":
    sys.exit(main())
