"""Runs a supervisor of toy services: `toy_supervisor.py HOME LIMITS NAME=MODE...`, LIMITS as JSON."""

import json
import sys
from pathlib import Path

from council import supervisor
from council.domain import config, errors, home, states
from council.supervisor import control, specs

TOY = Path(__file__).with_name("toy_service.py")


def main() -> int:
    root = Path(sys.argv[1])
    # Not by `config.build`, which would refuse a stop as short as the tests want it.
    settings = config.Config(supervisor=states.SupervisorConfig(**json.loads(sys.argv[2])))
    services = [spec(root, *entry.split("=")) for entry in sys.argv[3:]]
    rights = control.Rights(replace_allowed=frozenset({"changer"}), repair_allowed=frozenset({"steward"}))
    try:
        return supervisor.run(
            settings,
            home.Home(root),
            "g0",
            lambda line: print(line, flush=True),
            on_ready=lambda: print("READY", flush=True),
            services=services,
            rights=rights,
        )
    except errors.SetupError as error:
        print(error.message, flush=True)
        return 3


def spec(root: Path, name: str, mode: str) -> specs.ServiceSpec:
    return specs.ServiceSpec(
        name,
        (sys.executable, str(TOY), mode, str(root)),
        sockets=(specs.SocketSpec("calls", "unix", path=root / "run" / f"{name}.sock"),) if mode == "caller" else (),
        replicas_max=1 if mode == "pong" else 64,
        ready="ping" if mode == "pong" else "notify",
        ping_path=root / "run" / "pong.sock",
        traceable=mode == "leaking",
    )


if __name__ == "__main__":
    sys.exit(main())
