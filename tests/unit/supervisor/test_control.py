import asyncio
import os
import socket
from pathlib import Path

import pytest

from council.domain import errors
from council.kit import frames, process
from council.supervisor import control

RIGHTS = control.Rights(frozenset({"patchctl"}), frozenset({"steward"}), frozenset({"watcher"}))

ALLOWED = {
    control.Owner(): {"list", "status", "start", "stop", "restart", "scale", "shutdown", "trace"},
    control.Service("gateway"): {"list", "status"},
    control.Service("steward"): {"list", "status", "stop", "restart", "scale"},
    control.Service("patchctl"): {
        *("list", "status", "replace", "launch", "promote", "discard", "install", "renew"),
    },
    control.Service("watcher"): {"list", "status", "trace"},
    control.Descendant(): {"list", "status"},
}


@pytest.mark.parametrize("caller", ALLOWED)
@pytest.mark.parametrize("command", [*sorted(control.COMMANDS), "no such command"])
def test_each_caller_has_exactly_its_rights(caller: control.Caller, command: str) -> None:
    if command in ALLOWED[caller]:
        control.authorise(caller, command, RIGHTS)
    else:
        with pytest.raises(errors.ForbiddenError):
            control.authorise(caller, command, RIGHTS)


def me(pid: int) -> process.Peer:
    return process.Peer(pid, os.geteuid(), os.getegid())


def test_another_user_is_refused_even_with_a_known_pid() -> None:
    stranger = process.Peer(5, os.geteuid() + 4711, 0)
    with pytest.raises(errors.ForbiddenError, match="user"):
        control.identify(stranger, {5: "patchctl"}, {})


def test_a_process_that_cannot_be_seen_is_refused() -> None:
    with pytest.raises(errors.ForbiddenError, match="seen"):
        control.identify(me(0), {}, {})


def test_a_child_is_known_by_its_pid() -> None:
    assert control.identify(me(5), {5: "steward"}, {}) == control.Service("steward")


def test_a_process_outside_our_tree_is_the_owner() -> None:
    assert control.identify(me(os.getppid()), {}, {}) == control.Owner()


async def test_one_connection_too_many_is_told_so_however_late_it_sends(tmp_path: Path) -> None:
    async def nothing(_: object) -> dict[str, object]:
        return {}

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        server = control.ControlServer(nothing, dict, control.Rights(frozenset(), frozenset()), {})
        await server.open(listener)
        opened = [await asyncio.open_unix_connection(tmp_path / "s") for _ in range(control.CONNECTIONS_MAX + 1)]
        async with asyncio.timeout(30):
            while len(server._tasks) < len(opened):
                await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        reader, writer = opened[-1]
        writer.write(frames.encode({"command": "status"}))
        await writer.drain()
        reply = await frames.read(reader, control.FRAME_BYTES_MAX)
        assert reply is not None and reply["code"] == errors.OverloadedError.code
        for _, one in opened:
            one.close()
        await server.close()
