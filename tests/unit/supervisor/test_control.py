import os

import pytest

from council.domain import errors
from council.kit import process
from council.supervisor import control

RIGHTS = control.Rights(replace_allowed=frozenset({"patchctl"}), repair_allowed=frozenset({"steward"}))

ALLOWED = {
    control.Owner(): {"list", "status", "start", "stop", "restart", "scale", "shutdown"},
    control.Service("gateway"): {"list", "status"},
    control.Service("steward"): {"list", "status", "stop", "restart", "scale"},
    control.Service("patchctl"): {"list", "status", "replace"},
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
        control.identify(stranger, {5: "patchctl"})


def test_a_process_that_cannot_be_seen_is_refused() -> None:
    with pytest.raises(errors.ForbiddenError, match="seen"):
        control.identify(me(0), {})


def test_a_child_is_known_by_its_pid() -> None:
    assert control.identify(me(5), {5: "steward"}) == control.Service("steward")


def test_a_process_outside_our_tree_is_the_owner() -> None:
    assert control.identify(me(os.getppid()), {}) == control.Owner()
