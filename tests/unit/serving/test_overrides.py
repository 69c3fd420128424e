"""Overrides as one process has them: what they make of a request, and how they end."""

import random
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council import care_telemetry
from council.domain import access, answers, errors, overrides
from council.domain.overrides import Cap, Kind, Order, Override
from council.serving import overrides as in_force
from council.testing import clock

HOUR_US = 3_600_000_000
CHAT = "/v1/chat/completions"


class Kept:
    """Records that hold these overrides, or are away."""

    def __init__(self, *found: Override) -> None:
        self.found = list(found)
        self.away = False
        self.looks = 0

    def in_force(self, at_us: int) -> list[Override]:
        self.looks += 1
        if self.away:
            raise errors.RecordsUnavailableError("Away. Try again.")
        return [one for one in self.found if one.in_force(at_us)]


class Bench:
    """Overrides in force on a clock that moves when it is told."""

    def __init__(self, *found: Override) -> None:
        self.clock = clock.ManualClock()
        self.kept = Kept(*found)
        self.held = in_force.InForce(self.clock, random.Random(1))
        self.reader = in_force.Reader(self.kept, self.held, self.clock)  # type: ignore[arg-type]

    def override(self, kind: Kind, target: str, value: str, hours: float = 1) -> Override:
        now_us, number = self.clock.now_us(), len(self.kept.found)
        one = Override(f"o{number}", kind, target, value, "A flood.", "owner", now_us, now_us + round(hours * HOUR_US))
        self.kept.found.append(one)
        return one

    async def hold(self, kind: Kind, target: str, value: str, hours: float = 1) -> None:
        self.override(kind, target, value, hours)
        await self.reader.look()


@pytest.fixture
def bench() -> Bench:
    return Bench()


def caller(limit: int = 600, token: str = "tok", user: str = "ann") -> access.Principal:
    return access.Principal(user, token, frozenset(), limit)


async def test_a_rate_is_lowered_for_a_token_a_user_or_each_and_the_lowest_holds(bench: Bench) -> None:
    assert bench.held.ceiling(caller()) == 600
    await bench.hold(Kind.RATE, "*", "300")
    await bench.hold(Kind.RATE, "user:ann", "100")
    await bench.hold(Kind.RATE, "token:tok", "200")
    await bench.hold(Kind.RATE, "token:anonymous", "5")
    assert bench.held.ceiling(caller()) == 100
    assert bench.held.ceiling(caller(user="bob")) == 200
    assert bench.held.ceiling(caller(user="bob", token="t2")) == 300
    assert bench.held.ceiling(caller(50)) == 50
    assert bench.held.ceiling(caller(user="anonymous", token="")) == 5


async def test_all_are_shed_where_the_share_is_100_with_when_to_come_again_and_not_why(bench: Bench) -> None:
    await bench.hold(Kind.SHED, "*", "100")
    for path in overrides.PATHS:
        with pytest.raises(errors.ShedError, match="so that others are served") as raised:
            bench.held.check_path(path)
        assert raised.value.retry_after_s == 60 and "A flood" not in str(raised.value)
    for path in (
        "/livez",
        "/readyz",
        "/metrics",
        "/api/status",
        "/api/incidents",
        "/v1/models",
        "/v1/sandbox/kill",
        "other",
    ):
        bench.held.check_path(path)


async def test_about_its_share_of_requests_is_shed_and_counted(bench: Bench) -> None:
    await bench.hold(Kind.SHED, f"path:{CHAT}", "30")
    counter = care_telemetry.SHED.labels(f"path:{CHAT}")
    before, shed = counter._value.get(), 0
    for _ in range(2000):
        try:
            bench.held.check_path(CHAT)
        except errors.ShedError as error:
            shed += 1
            assert error.retry_after_s == 5
    assert 500 <= shed <= 700 and counter._value.get() - before == shed
    bench.held.check_path("/v1/messages")


async def test_of_a_path_and_of_all_the_larger_share_is_shed(bench: Bench) -> None:
    await bench.hold(Kind.SHED, "*", "0")
    await bench.hold(Kind.SHED, f"path:{CHAT}", "100")
    bench.held.check_path("/mcp")
    with pytest.raises(errors.ShedError):
        bench.held.check_path(CHAT)


async def test_one_specialist_can_be_shed_and_the_others_go_on(bench: Bench) -> None:
    await bench.hold(Kind.SHED, "route:general", "100")
    assert bench.held.route_refusal(answers.Route.GENERAL) is not None
    assert bench.held.route_refusal(answers.Route.MATH) is None
    bench.held.check_path(CHAT)


async def test_providers_are_ordered_for_one_model_and_for_all(bench: Bench) -> None:
    assert bench.held.order("m") is None
    await bench.hold(Kind.PROVIDERS, "*", "-three")
    await bench.hold(Kind.PROVIDERS, "m", "two,one")
    assert bench.held.order("m") == Order(("two", "one"), frozenset({"three"}))
    assert bench.held.order("other") == Order((), frozenset({"three"}))


async def test_caches_have_their_caps(bench: Bench) -> None:
    assert bench.held.cap("texts") == Cap()
    await bench.hold(Kind.CACHE, "texts", "5 entries")
    assert (bench.held.cap("texts"), bench.held.cap("answers")) == (Cap(entries=5), Cap())


async def test_an_override_ends_at_its_time_without_another_look(bench: Bench) -> None:
    await bench.hold(Kind.SHED, "*", "100")
    await bench.hold(Kind.RATE, "*", "1", hours=2)
    bench.clock.advance(3599)
    with pytest.raises(errors.ShedError, match="in 1 s"):
        bench.held.check_path(CHAT)
    bench.clock.advance(1)
    bench.held.check_path(CHAT)
    assert [one.kind for one in bench.held.all] == [Kind.RATE]
    bench.clock.advance(3600)
    assert bench.held.ceiling(caller()) == 600 and bench.held.all == ()


async def test_one_that_is_lifted_ends_at_the_next_look(bench: Bench) -> None:
    await bench.hold(Kind.SHED, "*", "100")
    bench.kept.found.clear()
    await bench.reader.look()
    bench.held.check_path(CHAT)


async def test_while_the_records_are_away_the_last_stay_in_force_and_still_end(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.hold(Kind.RATE, "*", "5")
    bench.kept.away = True
    for _ in range(3):
        await bench.reader.look()
    assert bench.held.ceiling(caller()) == 5
    assert caplog.text.count("cannot be read") == 1
    bench.clock.advance(3600)
    await bench.reader.look()
    assert bench.held.ceiling(caller()) == 600


async def test_a_clock_that_is_set_back_lengthens_none_and_brings_none_back(bench: Bench) -> None:
    await bench.hold(Kind.RATE, "*", "5")
    bench.clock.advance(1800)
    bench.clock.step(-7200)
    await bench.reader.look()
    assert bench.held.ceiling(caller()) == 5
    bench.clock.advance(1800)
    await bench.reader.look()
    assert bench.held.ceiling(caller()) == 600


async def test_one_that_holds_is_not_forgotten_however_many_shorter_ones_come_after_it(bench: Bench) -> None:
    await bench.hold(Kind.CACHE, "texts", "5 entries", hours=12)
    bench.clock.step(-3600)
    for _ in range(320):
        await bench.hold(Kind.SHED, "*", "100", hours=1 / 3600)
        bench.clock.advance(2)
        bench.held.check_path(CHAT)
    assert len(bench.held._ends_s) <= 8 * overrides.MOST
    assert bench.held.cap("texts") == Cap(entries=5)
    bench.clock.advance(12 * 3600 - 640)
    assert bench.held.cap("texts") == Cap()


async def test_what_a_look_is_followed_by_may_fail_and_the_next_look_comes(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise KeyError("long")

    reader = in_force.Reader(bench.kept, bench.held, bench.clock, fail)  # type: ignore[arg-type]
    await reader.look()
    await reader.look()
    assert bench.kept.looks == 2 and caplog.text.count("could not be carried out") == 2


async def test_a_clock_that_is_set_on_ends_them(bench: Bench) -> None:
    await bench.hold(Kind.RATE, "*", "5")
    bench.clock.step(7200)
    await bench.reader.look()
    assert bench.held.ceiling(caller()) == 600


async def test_how_many_of_each_kind_are_in_force_is_told(bench: Bench) -> None:
    await bench.hold(Kind.RATE, "*", "5")
    await bench.hold(Kind.RATE, "user:ann", "5")
    assert care_telemetry.OVERRIDES.labels("rate")._value.get() == 2
    bench.clock.advance(3600)
    assert bench.held.all == () and care_telemetry.OVERRIDES.labels("rate")._value.get() == 0


tokens, paths = (
    st.sampled_from(["tok", "t2", ""]),
    st.sampled_from([*overrides.PATHS, "/api/status", "/livez", "other"]),
)
anything = st.one_of(
    st.tuples(st.just(Kind.RATE), st.sampled_from(["*", "token:tok", "user:ann"]), st.integers(1, 2000).map(str)),
    st.tuples(st.just(Kind.SHED), st.sampled_from(["*", "route:math", f"path:{CHAT}"]), st.integers(0, 100).map(str)),
    st.tuples(st.just(Kind.WORKERS), st.just("gateway"), st.integers(1, 64).map(str)),
    st.tuples(st.just(Kind.PROVIDERS), st.sampled_from(["*", "m"]), st.sampled_from(["a", "b,a", "-a", "c,-b"])),
    st.tuples(st.just(Kind.CACHE), st.sampled_from(overrides.CACHES), st.integers(0, 9).map(lambda n: f"{n} entries")),
)


@given(st.lists(anything, max_size=8), st.integers(1, 1000), tokens, paths)
def test_no_override_of_any_kind_widens_anything(
    given_: list[tuple[Kind, str, str]], limit: int, token: str, path: str
) -> None:
    bench = Bench()
    for kind, target, value in given_:
        bench.override(kind, target, value)
    bench.held.hold([overrides.checked(one) for one in bench.kept.found])
    assert 1 <= bench.held.ceiling(caller(limit, token)) <= limit
    order = bench.held.order("m")
    assert order is None or set(overrides.arranged(["a", "b"], str, order)) <= {"a", "b"}
    for cache in overrides.CACHES:
        assert overrides.capped(7, bench.held.cap(cache).entries) <= 7
    try:
        bench.held.check_path(path)
    except errors.ShedError:
        assert path in overrides.PATHS


def test_what_a_check_costs_is_told() -> None:
    bench = Bench()
    one = caller()

    def look() -> None:
        bench.held.check_path(CHAT)
        bench.held.ceiling(one)
        bench.held.route_refusal(answers.Route.GENERAL)
        bench.held.order("m")

    def microseconds() -> float:
        return min(timeit.repeat(look, number=2_000, repeat=3)) / 2_000 * 1e6

    none = microseconds()
    for kind, target, value in ((Kind.RATE, "*", "5"), (Kind.SHED, "*", "0"), (Kind.PROVIDERS, "*", "a")):
        bench.override(kind, target, value)
    bench.held.hold(bench.kept.found)
    print(f"all four checks of a request: {none:.2f} us without an override, {microseconds():.2f} us with three")
