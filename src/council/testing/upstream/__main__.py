"""`python -m council.testing.upstream`: the scripted upstream as a program, until SIGINT or SIGTERM."""

import argparse
import asyncio
import dataclasses
import signal
import sys
from pathlib import Path

import orjson
import uvloop

from council.testing.upstream import behaviours, script, server


def main() -> int:
    """Serve what was asked for."""
    options = _options()
    if options.list:
        width = max(map(len, behaviours.CATALOGUE))
        print("\n".join(f"{name:<{width}}  {behaviour.doc}" for name, behaviour in behaviours.CATALOGUE.items()))
        return 0
    try:
        read = script.from_json(orjson.loads(options.script.read_bytes())) if options.script else script.Script()
    except (OSError, orjson.JSONDecodeError, script.ScriptError) as error:
        print(f"The script cannot be used: {error}", file=sys.stderr)
        return 2
    if options.seed is not None:
        read = dataclasses.replace(read, seed=options.seed)
    uvloop.run(_serve(read, options.port, options.key))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m council.testing.upstream", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one and prints it")
    parser.add_argument("--seed", type=int, help="seed of the script's dice")
    parser.add_argument("--script", type=Path, metavar="FILE", help="JSON: models, any, seed")
    parser.add_argument("--key", default="", help="refuse every request that does not bring this key")
    parser.add_argument("--list", action="store_true", help="print every behaviour, and end")
    return parser.parse_args()


async def _serve(read: script.Script, port: int, key: str) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with server.serve(read, port=port, key=key) as serving:
        print(serving.url, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
