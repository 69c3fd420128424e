import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

import generations_rig
from council.domain import config, errors, orders
from council.domain import home as home_module
from council.supervisor import choosing, generations, service, specs
from generations_rig import BAD, LIVE, A, B, C, Rig, table


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    # Other tests run beside these.
    monkeypatch.setattr(generations, "OBEYED_S", 60.0)
    async with generations_rig.running() as made:
        yield made


async def test_a_set_starts_beside_the_live_one_with_those_that_ask_it(rig: Rig) -> None:
    assert await rig.do("launch", B, "recall") == {"services": ["recall", "gateway"]}
    assert await rig.rows() == LIVE | {("recall", "b", "beside"), ("gateway", "b", "beside")}
    assert rig.live == A
    # Asked again it is there already.
    assert await rig.do("launch", B, "recall") == {"services": ["recall", "gateway"]}
    # Commands and the list of those who may give them are of the live ones alone.
    assert {row.place for row in await rig.supervisor.status(memory=False)} == {"live"}
    assert set(rig.supervisor._services_by_pid().values()) == {"store", "recall", "gateway"}
    assert len(rig.supervisor.pids()) == 5


async def test_the_files_of_a_generation_are_readable_before_any_of_it_starts(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[tuple[str, set[tuple[str, str, str]]]] = []

    async def prepare(generation: str) -> None:
        prepared.append((generation, await rig.rows()))

    monkeypatch.setattr(rig.supervisor._generations, "_prepare", prepare)
    await rig.do("launch", B, "recall")
    assert prepared == [(B, LIVE)]


async def test_a_generation_that_cannot_be_made_readable_is_not_started(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare(_: str) -> None:
        raise errors.SetupError("No.")

    monkeypatch.setattr(rig.supervisor._generations, "_prepare", prepare)
    with pytest.raises(errors.SetupError):
        await rig.do("launch", B, "recall")
    assert await rig.rows() == LIVE and rig.live == A


async def test_the_new_ones_find_each_other_and_wait_with_the_public_socket(rig: Rig) -> None:
    live = await rig.logged("gateway", f"started gateway {A}")
    public = rig.supervisor.services["gateway"].sockets["public"].getsockname()
    await rig.do("launch", B, "recall")
    line = await rig.logged("gateway", f"started gateway {B}")
    assert f"{{'public': {public}}}" in line and f"{{'public': {public}}} {{}}" in live
    assert f"recall-{B[:12]}-1.sock" in line and f"recall-{A[:12]}-0.sock" in live
    assert str(rig.home.socket("recall").resolve()).endswith(f"recall-{A[:12]}-0.sock")


async def test_promote_moves_the_link_and_tells_everybody_and_the_old_ones_end(rig: Rig) -> None:
    await rig.do("launch", B, "recall")
    assert await rig.do("promote", B) == {"unheard": []}
    assert rig.live == B
    assert await rig.settled() == {("store", "b", "live"), ("recall", "b", "live"), ("gateway", "b", "live")}
    assert await rig.logged("store", f"told store {A} live {B}")
    assert await rig.logged("recall", f"told recall {B} live {B}")
    assert await rig.logged("recall", f"told recall {A} leave")
    assert await rig.logged("recall", f"told recall {B} alone")
    assert rig.home.socket("recall").resolve().name == f"recall-{B[:12]}-1.sock"
    assert not list(rig.home.run.glob(f"*{A[:12]}*"))
    # Again, nothing happens.
    assert await rig.do("promote", B) == {"unheard": []}
    assert await rig.do("launch", B, "recall") == {"services": []}


async def test_who_has_heard_of_the_switch_and_was_told_the_next_thing_since_has_heard_of_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = service.RunningService.until_obeyed

    async def told_again(one: service.RunningService) -> None:
        await heard(one)
        one.tell(orders.Order(orders.ALONE))

    await rig.do("launch", B, "recall")
    monkeypatch.setattr(service.RunningService, "until_obeyed", told_again)
    assert await rig.do("promote", B) == {"unheard": []}


async def test_one_that_starts_again_after_the_change_serves_the_public_socket_at_once(rig: Rig) -> None:
    public = rig.supervisor.services["gateway"].sockets["public"].getsockname()
    await rig.do("launch", B, "gateway")
    await rig.do("promote", B)
    await rig.supervisor.services["gateway"].restart()
    assert await rig.logged("gateway", f"started gateway {B} {{'public': {public}}} {{}}")


async def test_to_return_is_to_launch_and_promote_the_one_before_while_those_who_leave_go_on(rig: Rig) -> None:
    for target in (B, A, B):
        await rig.do("launch", target, "recall")
        assert await rig.do("promote", target) == {"unheard": []}
        assert rig.live == target
    assert await rig.settled() == {("store", "b", "live"), ("recall", "b", "live"), ("gateway", "b", "live")}
    # Whoever drains is met by nobody new: each set had paths of its own.
    assert [path.name for path in rig.home.run.glob("recall-*")] == [f"recall-{B[:12]}-3.sock"]


async def test_discard_ends_the_set_beside_and_bears_being_done_again(rig: Rig) -> None:
    await rig.do("launch", B, "recall")
    for _ in range(2):
        await rig.do("discard", B)
        assert await rig.rows() == LIVE
    assert not list(rig.home.run.glob(f"*{B[:12]}*"))
    with pytest.raises(errors.InvalidRequestError, match="is live"):
        await rig.do("discard", A)


async def test_it_tells_which_generations_somebody_reads(rig: Rig) -> None:
    async def used() -> str:
        return "".join(str(one)[0] for one in (await rig.do("list", A))["generations"])  # type: ignore[attr-defined]

    assert await used() == "a"
    await rig.do("launch", B, "gateway")
    assert await used() == "ab"
    await rig.do("promote", B)
    await rig.do("launch", C, "gateway")
    await rig.do("promote", C)
    await rig.settled()
    # B is what a return goes to; store and recall are said to be of C, and still read what they began with.
    assert await used() == "abc"
    await rig.do("launch", BAD[:39] + "e", "recall")
    await rig.do("promote", BAD[:39] + "e")
    await rig.settled()
    await rig.supervisor.services["store"].restart()
    assert await used() == "cd"


async def test_discard_waits_until_a_generation_that_leaves_is_gone(rig: Rig) -> None:
    await rig.do("launch", B, "recall")
    await rig.do("promote", B)
    await rig.do("discard", A)
    assert {place for _, _, place in await rig.rows()} == {"live"}


async def test_a_set_of_which_one_does_not_get_ready_is_ended_and_says_why(rig: Rig) -> None:
    with pytest.raises(errors.UnavailableError, match=r"recall did not get ready: ended with status 7.*recall\.log"):
        await rig.do("launch", BAD, "recall")
    assert (await rig.rows(), rig.live) == (LIVE, A)
    assert not list(rig.home.run.glob(f"*{BAD[:12]}*"))
    await rig.do("launch", B, "recall")


async def test_what_there_is_no_memory_for_is_not_begun(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(wanted: Sequence[specs.ServiceSpec], *_: object, **__: object) -> None:
        assert [spec.name for spec in wanted] == ["recall", "gateway"]
        raise errors.NoRoomError("There is no memory. Free some.")

    with monkeypatch.context() as patched:
        patched.setattr(generations.room, "check", full)
        with pytest.raises(errors.NoRoomError, match="no memory"):
            await rig.do("launch", B, "recall")
        assert (await rig.rows(), rig.live) == (LIVE, A)
    await rig.do("launch", B, "recall")
    assert (await rig.rows(), rig.live) == (LIVE | {("recall", "b", "beside"), ("gateway", "b", "beside")}, A)


async def test_a_launch_that_is_discarded_meanwhile_says_so(rig: Rig) -> None:
    launching = asyncio.create_task(rig.do("launch", B, "recall"))
    while len(rig.supervisor.pids()) == len(LIVE):
        await asyncio.sleep(0)
    await rig.do("discard", B)
    with pytest.raises(errors.UnavailableError):
        await launching
    assert await rig.rows() == LIVE


class Slow:
    """A look at the memory that lasts until it may end, as a launch is planned."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.begun, self.may_end = threading.Event(), threading.Event()
        monkeypatch.setattr(generations.room, "check", self._check)

    def _check(self, *_: object, **__: object) -> None:
        self.begun.set()
        assert self.may_end.wait(30)


@pytest.mark.parametrize("called_off", ["discard", "close"])
async def test_a_launch_that_is_called_off_while_it_is_planned_begins_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, called_off: str
) -> None:
    slow, before = Slow(monkeypatch), rig.supervisor.pids()
    launching = asyncio.create_task(rig.do("launch", B, "recall"))
    await asyncio.to_thread(slow.begun.wait, 30)
    ending = asyncio.create_task(rig.do("discard", B) if called_off == "discard" else rig.supervisor.close())
    # What is of another generation does not matter to it.
    await rig.do("discard", C) if called_off == "discard" else await asyncio.sleep(0)
    assert not ending.done()
    slow.may_end.set()
    with pytest.raises(errors.UnavailableError, match="was discarded meanwhile"):
        await launching
    await ending
    assert rig.supervisor.pids() == (before if called_off == "discard" else set())
    if called_off == "discard":
        assert await rig.do("launch", B, "recall") == {"services": ["recall", "gateway"]}


@pytest.mark.parametrize(("command", "generation"), [("promote", B), ("promote", C), ("launch", C)])
async def test_only_what_is_launched_alone_and_ready_is_promoted(rig: Rig, command: str, generation: str) -> None:
    launching = asyncio.create_task(rig.do("launch", B, "recall"))
    while len(rig.supervisor.pids()) == len(LIVE):
        await asyncio.sleep(0)
    with pytest.raises(errors.UnavailableError, match=r"Launch it first|not all is ready|Discard it first"):
        await rig.do(command, generation, *(["recall"] if command == "launch" else []))
    assert rig.live == A
    await launching


async def test_a_link_that_cannot_be_moved_changes_nothing(rig: Rig) -> None:
    await rig.do("launch", B, "recall")
    (rig.home.root / ".current.partial").mkdir()
    with pytest.raises(errors.UnavailableError, match="nothing has changed"):
        await rig.do("promote", B)
    assert await rig.rows() == LIVE | {("recall", "b", "beside"), ("gateway", "b", "beside")}
    (rig.home.root / ".current.partial").rmdir()
    assert await rig.do("promote", B) == {"unheard": []}


async def test_no_service_at_all_may_be_touched(rig: Rig) -> None:
    before = rig.supervisor.pids()
    assert await rig.do("launch", B) == {"services": []}
    assert await rig.do("promote", B) == {"unheard": []}
    assert (rig.live, rig.supervisor.pids()) == (B, before)


@pytest.mark.parametrize("generation", ["../x", "a" * 39, "A" * 40])
@pytest.mark.parametrize("command", ["launch", "promote", "discard"])
async def test_only_a_commit_is_a_generation(rig: Rig, command: str, generation: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match="40 or 64"):
        await rig.do(command, generation)


HOME = home_module.Home(Path("h"))
Changed = Callable[[list[specs.ServiceSpec]], Sequence[specs.ServiceSpec]]


def names_of(*names: str, changed: Changed = lambda found: found) -> list[str]:
    return [one.name for one in choosing.chosen(changed(table(HOME)), table(HOME), names)]


def test_those_that_ask_a_service_are_started_with_it() -> None:
    assert names_of("recall") == ["recall", "gateway"]
    assert names_of("gateway") == ["gateway"]
    assert names_of() == []


def test_each_service_ends_after_those_that_ask_it_and_the_store_after_all() -> None:
    found = specs.specs(config.Config(), HOME, "g")
    *others, zygote, store = choosing.endings(found)
    assert others == [
        ["bots"],
        ["steward", "gateway"],
        ["model", "worker", "recall", "sandboxd", "patchctl", "watcher"],
    ]
    assert (zygote, store) == (["zygote"], ["store"])
    circle = [
        specs.ServiceSpec(name, (), sockets=(specs.SocketSpec("x", "unix", caller=other),))
        for name, other in ("ab", "ba")
    ]
    assert list(choosing.endings(circle)) == [["a", "b"]]


@pytest.mark.parametrize(
    ("names", "changed", "why"),
    [
        (("store",), lambda found: found, "side by side"),
        (("nobody",), lambda found: found, "No service is named 'nobody'"),
        (("gateway",), lambda found: found[1:], "other services than those that run: store"),
        (
            ("gateway",),
            lambda found: [
                *found[:2],
                specs.ServiceSpec("gateway", (), sockets=(specs.SocketSpec("public", "tcp", port=9),)),
            ],
            "gateway listens elsewhere",
        ),
    ],
)
def test_what_cannot_run_beside_the_live_ones_is_refused(names: tuple[str, ...], changed: Changed, why: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match=why):
        names_of(*names, changed=changed)
