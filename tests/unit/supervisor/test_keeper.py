"""When the steward, which restarts what hangs, is started anew itself."""

from typing import Any, cast

from council.domain import errors, states
from council.supervisor import keeper


def restarted(*seen: tuple[str, int]) -> list[int]:
    """Return at which seconds it is started anew, of states that each hold for so many seconds."""
    known, found, now_s = keeper.Seen(), [], 0
    for state, for_s in seen:
        for _ in range(for_s):
            known, restart = keeper.step(known, state, now_s)
            found += [now_s] if restart else []
            now_s += 1
    return found


def test_one_that_hangs_for_a_while_is_started_anew() -> None:
    assert restarted(("ready", 5), ("hung", 30)) == [15]


def test_one_that_stirs_again_is_left_alone() -> None:
    assert restarted(*[("hung", 9), ("ready", 1)] * 10) == []
    assert restarted(("starting", 100), ("backoff", 100), ("stopped", 100)) == []


def test_one_that_hangs_again_and_again_is_not_started_without_end() -> None:
    assert restarted(("hung", 11), ("starting", 2), ("hung", 200)) == [10, 130]


class Steward:
    def __init__(self) -> None:
        self.state, self.restarts = "hung", 0

    def status(self, _: object) -> list[states.ServiceStatus]:
        return [states.ServiceStatus("steward", self.state, 1, "g", 5.0, 0, 0)]

    async def restart(self) -> None:
        self.restarts += 1
        if self.restarts == 1:
            raise errors.UnavailableError("steward did not get ready. See its log.")
        self.state = "ready"


async def test_it_is_looked_at_again_after_a_start_that_failed() -> None:
    one, said = Steward(), list[str]()
    made = keeper.Keeper(lambda: cast(Any, one), lambda name, text: said.append(f"{name} {text}"))
    for now_s in range(0, 300):
        try:
            await made.look(float(now_s))
        except errors.UnavailableError:
            continue
    assert one.restarts == 2 and one.state == "ready" and said == ["steward hangs, and is started anew"] * 2


async def test_without_a_steward_nothing_is_done() -> None:
    await keeper.Keeper(lambda: None, lambda *_: None).look(0.0)
