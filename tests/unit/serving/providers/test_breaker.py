import dataclasses

from hypothesis import given, strategies

from council.domain import config
from council.serving.providers import breaker

SETTINGS = config.CallsConfig(failures_max=3, open_s=10, open_s_max=35)


def test_failures_in_a_row_open_it_and_a_success_between_does_not() -> None:
    made = breaker.Breaker(SETTINGS)
    made.failed(0, 0)
    made.failed(0, 0)
    made.succeeded()
    made.failed(0, 0)
    made.failed(0, 0)
    assert made.state(0) is breaker.State.CLOSED
    made.failed(0, 0)
    assert made.state(9.9) is breaker.State.OPEN and made.left_s(4) == 6 and not made.allows(9.9)


def test_one_probe_at_a_time_and_one_that_succeeds_closes_it() -> None:
    made = breaker.Breaker(SETTINGS, failures=2)
    made.failed(0, 0)
    assert made.state(10) is breaker.State.HALF_OPEN and made.allows(10)
    made.begin(10)
    assert not made.allows(10)
    made.succeeded()
    assert made.state(10) is breaker.State.CLOSED and made.allows(10)


def test_each_probe_that_fails_doubles_the_time_up_to_the_longest() -> None:
    made, now_s, waits = breaker.Breaker(SETTINGS, failures=2), 0.0, []
    probe = 0
    for _ in range(4):
        made.failed(now_s, probe)
        waits.append(made.left_s(now_s))
        now_s += waits[-1]
        probe = made.begin(now_s)
    assert waits == [10, 20, 35, 35]


def test_calls_that_were_under_way_when_it_opened_do_not_lengthen_the_time() -> None:
    made = breaker.Breaker(SETTINGS, failures=2)
    for _ in range(20):
        made.failed(0, 0)
    assert made.left_s(0) == 10


def test_a_wish_to_be_left_alone_is_no_failure() -> None:
    made = breaker.Breaker(SETTINGS)
    made.leave_alone(0, 5)
    assert made.state(4) is breaker.State.OPEN and made.failures == 0
    assert made.state(5) is breaker.State.CLOSED
    made.leave_alone(0, 3)
    assert made.left_s(0) == 5


def test_a_probe_that_tells_nothing_lets_the_next_one_in() -> None:
    made = breaker.Breaker(SETTINGS, failures=2)
    made.failed(0, 0)
    made.let_go(made.begin(10))
    assert made.allows(10)


def test_only_the_probe_itself_lets_the_next_one_in() -> None:
    made = breaker.Breaker(SETTINGS, failures=2)
    earlier = made.begin(0)
    made.failed(0, 0)
    probe = made.begin(10)
    made.let_go(earlier)
    made.failed(10, earlier)
    assert not made.allows(10) and made.left_s(10) == 20
    made.succeeded()
    made.failed(10, 0)
    made.failed(10, 0)
    made.failed(10, 0)
    later = made.begin(20)
    # The probe of an earlier time comes to its end only now.
    made.let_go(probe)
    assert later and not made.allows(20)
    made.let_go(later)
    assert made.allows(20)


@dataclasses.dataclass
class Model:
    """The plainest breaker: what is known, in words. `probe` is the call that probes."""

    failures: int = 0
    opened: int = 0
    until_s: float = 0.0
    probe: int | None = None

    def do(self, what: str, call: int, now_s: float, wait_s: float) -> None:
        half_open = self.opened > 0 and now_s >= self.until_s
        if what == "begin":
            self.probe = call if half_open and self.probe is None else self.probe
            return
        if what == "succeeded":
            self.failures, self.opened, self.until_s, self.probe = 0, 0, 0.0, None
            return
        if what == "leave_alone":
            self.until_s = max(self.until_s, now_s + wait_s)
        elif what == "failed":
            self.failures += 1
            if (self.opened == 0 and self.failures >= 3) or half_open:
                self.until_s = max(self.until_s, now_s + min(35, 10 * 2**self.opened))
                self.opened += 1
        self.probe = None if self.probe == call else self.probe

    def allows(self, now_s: float) -> bool:
        return now_s >= self.until_s and not (self.opened and self.probe is not None)


@given(
    strategies.lists(
        strategies.tuples(
            strategies.sampled_from(["begin", "failed", "succeeded", "leave_alone", "let_go"]),
            strategies.integers(0, 5),
            strategies.integers(0, 20),
            strategies.integers(0, 40),
        )
    )
)
def test_it_does_what_the_plainest_breaker_does(steps: list[tuple[str, int, int, int]]) -> None:
    made, plain, now_s = breaker.Breaker(SETTINGS), Model(), 0.0
    # By the name that the test has for it: the call's number in the plain one, its probe in the real one.
    calls: dict[int, tuple[int, int]] = {}
    for number, (what, name, passes_s, wait_s) in enumerate(steps):
        now_s += passes_s
        if what == "begin":
            calls[name] = number, made.begin(now_s)
        call, probe = calls.get(name, (-1, 0))
        plain.do(what, call, now_s, wait_s)
        match what:
            case "failed":
                made.failed(now_s, probe)
            case "leave_alone":
                made.leave_alone(now_s, wait_s)
                made.let_go(probe)
            case "let_go":
                made.let_go(probe)
            case "succeeded":
                made.succeeded()
        assert made.allows(now_s) == plain.allows(now_s)
        assert made.left_s(now_s) == max(0.0, plain.until_s - now_s)
