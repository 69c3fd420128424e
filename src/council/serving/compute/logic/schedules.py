"""Tasks with durations: the earliest end under what must come first and how many may be done at once.

A search over all orders finds the end, and clingo must find a schedule for it and none that ends one step sooner.
"""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import clingo

from council.domain import answers, ways
from council.serving.compute import results
from council.serving.compute.logic import findings, problems, script, words
from council.serving.wording import number_words

TASKS_MAX = 8
TIME_MAX = 120
DURATION_MAX = 10_000
_COUNTS = {**number_words.cardinals(1, 4), "a single": 1, **{str(count): count for count in range(1, 5)}}
_COUNT = f"(?:{'|'.join(_COUNTS)})"
_NAME = r"[a-z][a-z0-9]*(?: [a-z][a-z0-9]*){0,3}"
_MANY_COUNTS = number_words.cardinals(2, TASKS_MAX)
_MANY = rf"(?:{'|'.join(_MANY_COUNTS)}|[2-8])"
_KIND = r"(?:tasks?|jobs?|steps?|activities|activity)"
_UNIT = r"(?:minutes?|hours?|days?|weeks?|months?)"
_LIST = re.compile(rf"(?:there are|we have|i have) (?P<many>{_MANY}) {_KIND}: (?P<list>.+)")
_LISTED = re.compile(rf"(?P<name>{_NAME}) \((?P<n>\d{{1,5}}) (?P<unit>{_UNIT})\)")
_TAKES = re.compile(rf"(?P<name>{_NAME}) (?:takes|lasts) (?P<n>\d{{1,5}}) (?P<unit>{_UNIT})")
_OVER = r"(?: (?:is|are|has been|have been) (?:finished|done|completed?)| (?:ends?|finish(?:es)?))"
_MUST = r"(?:must|has to|have to|needs to|need to|should)"
_START = r"(?:start|begin|be started)"
_LATER = [
    re.compile(
        rf"(?P<later>.+) can (?:only )?(?:{_START}|be done)(?: only)? (?:after|once|when) (?P<first>.+?){_OVER}"
    ),
    re.compile(rf"(?P<later>.+) can (?:only )?(?:{_START}|be done)(?: only)? after (?P<first>.+)"),
    re.compile(rf"(?P<later>.+) {_MUST} (?:{_START}|be done|come) after (?P<first>.+?){_OVER}?"),
    re.compile(rf"(?P<later>.+) cannot {_START} (?:until|before) (?P<first>.+?){_OVER}"),
    re.compile(
        rf"(?P<first>.+) {_MUST} (?:be (?:finished|done|completed)|end|finish) before (?P<later>.+?)"
        r"(?: (?:can )?(?:starts?|begins?))?"
    ),
    re.compile(r"(?P<later>.+) depends? on (?P<first>.+)"),
    re.compile(rf"(?P<first>.+) {_MUST} precede (?P<later>.+)"),
]
_APART = re.compile(
    r"(?P<one>.+) and (?P<two>.+) (?:(?:cannot|must not|may not) (?:overlap|(?:be done|run) (?:at the same time|in parallel))"
    r"|(?:need|use|share) the same (?:machine|room|person|tool|worker))"
)
_WORKERS = rf"(?P<n>{_COUNT}) (?:workers?|machines?|teams?)"
_PEOPLE = rf"(?P<n>{_COUNT}) (?:people|persons?)"
_EACH = (
    rf"(?:,? (?:and )?(?:who |which |each |each of (?:them|whom) )?(?:can |does |do )+(?:only )?one {_KIND} at a time)"
)
_CAPACITY = [
    re.compile(rf"(?:there (?:is|are) |we have )?(?:only )?{_WORKERS}(?: (?:is|are) available)?{_EACH}?"),
    re.compile(rf"(?:there (?:is|are) |we have )?(?:only )?{_PEOPLE}(?: (?:is|are) available|{_EACH})"),
    re.compile(
        rf"(?:at most|no more than|up to) (?P<n>{_COUNT}) {_KIND} (?:can|may) (?:be done|run) at (?:the same time|once)"
    ),
    re.compile(rf"only (?P<n>one) {_KIND} can be (?:done|worked on) at (?:a time|the same time|once)"),
    re.compile(
        rf"(?:the )?{_KIND} (?:can|may|must) (?:only )?be done (?P<n>one) (?:at a time|after (?:the other|another))"
    ),
    re.compile(rf"(?P<n>one) (?:person|worker|machine) does (?:all (?:of )?(?:them|the {_KIND})|everything)"),
]
_UNLIMITED = re.compile(
    rf"(?:(?:all|any number of|the|independent) )*{_KIND} (?:can|may) (?:all )?(?:be done|run)"
    r" (?:in parallel|at the same time|at once|simultaneously)"
    r"|there are enough (?:people|workers|machines)(?: for (?:all|everything))?"
)
_ALL = (
    rf"(?:all(?: of)? (?:the |these )?(?:(?P<all>{_MANY}) )?(?:{_KIND}|of them)|all of it|everything|they all|them all"
    r"|the (?:project|work))"
)
_DONE = r"(?:be )?(?:finished|done|completed?)"
_TO_DO = rf"(?: (?:to|in which to) (?:finish|do|complete) {_ALL})"
_SHORTEST = r"what is the (?:earliest|shortest|least|minimum|smallest)(?: possible)?(?: total)?"
_EARLIEST = [
    re.compile(rf"{_SHORTEST} (?:time|duration)(?: (?:needed|required))?{_TO_DO}?"),
    re.compile(rf"{_SHORTEST} time (?:in which|by which|at which|after which|when) {_ALL} can {_DONE}"),
    re.compile(rf"how (?:soon|early|quickly|fast) can {_ALL} {_DONE}"),
    re.compile(rf"(?:how (?:long|many {_UNIT}) does it take at least|at least how long does it take){_TO_DO}"),
    re.compile(rf"how long does it take at least until {_ALL} (?:is|are) (?:finished|done)"),
    re.compile(rf"when can {_ALL} {_DONE} at the earliest"),
]
_WITHIN = re.compile(
    rf"can {_ALL} {_DONE} (?:in|within)(?: (?:at most|no more than))? (?P<n>\d{{1,5}}) (?P<unit>{_UNIT})"
)
_GATE = re.compile(rf"(?:takes|lasts) \d{{1,5}} {_UNIT}\b|\(\d{{1,5}} {_UNIT}\)", re.IGNORECASE)


@dataclass(slots=True)
class _Plan:
    """`first` holds pairs (earlier, later), `apart` pairs that may not overlap; `capacity` 0 means that nothing was said.

    Durations in hours or minutes are held in minutes; `units` are those that the text tells.
    """

    durations: dict[str, int] = field(default_factory=dict)
    first: list[tuple[str, str]] = field(default_factory=list)
    apart: list[tuple[str, str]] = field(default_factory=list)
    capacity: int = 0
    units: set[str] = field(default_factory=set)

    def told(self, number: int, unit: str) -> int:
        """Return a time in the unit of the plan. A day may be one of work, so only hours and minutes go together."""
        self.same_unit(unit)
        return number * 60 if unit.rstrip("s") == "hour" else number

    def same_unit(self, unit: str) -> None:
        """Note a unit; pass on where it is not clear how many of one are in another."""
        self.units.add(unit.rstrip("s"))
        if len(self.units) > 1 and self.units != {"hour", "minute"}:
            raise problems.NotUnderstoodError(
                "its times are in units of which only hours and minutes are read together"
            )

    def said(self, time: int) -> str:
        """Return a time in words."""
        if "hour" not in self.units:
            return _plural(time, min(self.units))
        hours, minutes = divmod(time, 60)
        if not minutes:
            return _plural(hours, "hour")
        return f"{_plural(hours, 'hour')} {_plural(minutes, 'minute')}" if hours else _plural(minutes, "minute")

    def at(self, time: int) -> str:
        """Return a time, without its unit where all times are in one."""
        return self.said(time) if len(self.units) > 1 else self.said(time).partition(" ")[0]


def solve(text: str) -> results.Result | None:
    """Answer when a set of tasks can be finished; None where the text tells no durations. Raises NotUnderstoodError."""
    if not _GATE.search(text[: problems.TEXT_CHARS_MAX]):
        return None
    parts = script.cut(text)
    plan, later = _Plan(), []
    for position, sentence in enumerate(parts.premises):
        with problems.located(position):
            if not _durations(plan, sentence.lower()):
                later.append((position, sentence.lower()))
    for position, sentence in later:
        with problems.located(position):
            _constraint(plan, sentence)
    with problems.located(len(parts.premises)):
        if parts.options:
            raise problems.NotUnderstoodError("I do not read its lettered options")
        within = _asked(plan, parts.question.lower())
        if len(plan.durations) < 2:
            raise problems.NotUnderstoodError("it needs two tasks at least")
        if not plan.capacity and not _circular(plan) and not _one_by_one(plan):
            raise problems.NotUnderstoodError("it does not say how many tasks can be done at once")
    return _answered(plan, within, parts)


def _one_by_one(plan: _Plan) -> bool:
    """Say whether any two tasks have to come one after the other, so that it is no matter how many can be done at once."""
    after = {name: {later for one, later in plan.first if one == name} for name in plan.durations}
    for _ in plan.durations:
        after = {name: set.union(later, *(after[one] for one in later)) for name, later in after.items()}
    return all(two in after[one] or one in after[two] for one, two in itertools.combinations(plan.durations, 2))


def _durations(plan: _Plan, sentence: str) -> bool:
    """Take in a sentence that tells durations; False where it tells none."""
    listed = _LIST.fullmatch(sentence)
    form = _LISTED if listed else _TAKES
    pieces = re.split(r",? and |, |; ", listed["list"] if listed else sentence)
    matches = [form.fullmatch(re.sub(rf"^(?:the )?(?:{_KIND} )?", "", piece.strip())) for piece in pieces]
    if not all(matches):
        return False
    if listed and _many(listed["many"]) != len(matches):
        raise problems.NotUnderstoodError("it says another number of tasks than it lists")
    for match in filter(None, matches):
        name = match["name"]
        if name in plan.durations or (" " in name and (words.FUNCTION_WORDS - {"the"}).intersection(name.split())):
            raise problems.NotUnderstoodError(f"I do not read {sentence[:80]!r}")
        if name in words.FUNCTION_WORDS - {"a", "i"} or not 1 <= int(match["n"]) <= DURATION_MAX:
            raise problems.NotUnderstoodError(f"I do not read {sentence[:80]!r}")
        plan.durations[name] = plan.told(int(match["n"]), match["unit"])
    return True


def _constraint(plan: _Plan, sentence: str) -> None:
    for form in _CAPACITY:
        if match := form.fullmatch(sentence):
            _set_capacity(plan, _COUNTS[match["n"]])
            return
    if _UNLIMITED.fullmatch(sentence):
        _set_capacity(plan, TASKS_MAX)
        return
    for form in _LATER:
        if (match := form.fullmatch(sentence)) and (pairs := _pairs(plan, match["first"], match["later"])):
            plan.first += pairs
            return
    if match := _APART.fullmatch(sentence):
        one, two = _tasks(plan, match["one"]), _tasks(plan, match["two"])
        if len(one) == len(two) == 1 and one != two:
            plan.apart.append((one[0], two[0]))
            return
    raise problems.NotUnderstoodError(f"I do not read {sentence[:80]!r}")


def _set_capacity(plan: _Plan, capacity: int) -> None:
    if plan.capacity:
        raise problems.NotUnderstoodError("it says twice how many tasks can be done at once")
    plan.capacity = capacity


def _pairs(plan: _Plan, first: str, later: str) -> list[tuple[str, str]]:
    return [(one, other) for one in _tasks(plan, first) for other in _tasks(plan, later)]


def _tasks(plan: _Plan, text: str) -> list[str]:
    """Return the tasks that are named, or nothing unless all are tasks."""
    pieces = re.split(r",? and |, ", re.sub(r"^both ", "", text.strip()))
    names = [re.sub(rf"^(?:the )?(?:{_KIND} )?", "", piece) for piece in pieces]
    return names if all(name in plan.durations for name in names) else []


def _asked(plan: _Plan, question: str) -> int | None:
    """Return the time in question, or None where the earliest end is asked for."""
    within = _WITHIN.fullmatch(question)
    match = within or next(filter(None, (form.fullmatch(question) for form in _EARLIEST)), None)
    if not match:
        raise problems.NotUnderstoodError(f"I do not read the question {question[:80]!r}")
    if (many := match.groupdict().get("all")) and _many(many) != len(plan.durations):
        raise problems.NotUnderstoodError("it asks about another number of tasks than it tells")
    if within:
        return plan.told(int(within["n"]), within["unit"])
    if unit := re.match(rf"how many ({_UNIT})", question):
        plan.same_unit(unit[1])
    return None


def _many(word: str) -> int:
    return _MANY_COUNTS[word] if word in _MANY_COUNTS else int(word)


def _answered(plan: _Plan, within: int | None, parts: script.Script) -> results.Result:
    reading = _reading(plan, parts)
    step = math.gcd(*plan.durations.values())
    if len(plan.durations) > TASKS_MAX or sum(plan.durations.values()) // step > TIME_MAX:
        most = f"At most {TASKS_MAX} tasks and {TIME_MAX} steps of time are tried."
        return results.Refused(f"{most} Join tasks, or round their times.", reading)
    if _circular(plan):
        return results.Refused(
            "Some of the tasks would each have to come before the other, so there is no schedule. Leave out one of the orders.",
            reading,
        )
    plan.capacity = plan.capacity or 1
    starts = _Search(plan).best()
    end = max(starts[name] + plan.durations[name] for name in starts)
    if not _fits(plan, starts) or not _settled(plan, end // step, step):
        return results.PassedOn("two independent solutions disagree", ways.Why.UNDECIDED)
    steps = tuple(
        f"{_shown(name, parts)}: from {plan.at(begun)} to {plan.at(begun + plan.durations[name])}"
        for name, begun in sorted(starts.items(), key=lambda pair: pair[1])
    )
    if within is None:
        head = f"{plan.said(end)}. Nothing sooner is possible."
    else:
        head = f"{'Yes' if end <= within else 'No'}. The earliest end is after {plan.said(end)}."
    check = "a solver finds a schedule that ends then and none that ends sooner"
    detail = {"family": "schedule", "starts": starts, "end": end}
    return results.Solved("\n".join([head, *steps]), reading, answers.Level.PROVED, check, steps, detail)


def _plural(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _circular(plan: _Plan) -> bool:
    left = set(plan.durations)
    while free := {name for name in left if not any(later == name and one in left for one, later in plan.first)}:
        left -= free
    return bool(left)


class _Search:
    """Puts tasks one after the other as early as they fit, in every order that keeps what must come first.

    Some such order is always among the best, because nothing is gained by starting later than possible.
    """

    def __init__(self, plan: _Plan):
        self._plan = plan
        self._best: dict[str, int] = {}
        self._end = sum(plan.durations.values()) + 1

    def best(self) -> dict[str, int]:
        """Return starts with the earliest end."""
        self._put({})
        return self._best

    def _put(self, starts: dict[str, int]) -> None:
        plan = self._plan
        end = max((starts[name] + plan.durations[name] for name in starts), default=0)
        if end >= self._end:
            return
        if len(starts) == len(plan.durations):
            self._best, self._end = starts, end
            return
        for name in plan.durations:
            if name not in starts and all(one in starts for one, later in plan.first if later == name):
                begun = next(at for at in self._times(name, starts) if _fits(plan, {**starts, name: at}))
                self._put({**starts, name: begun})

    def _times(self, name: str, starts: dict[str, int]) -> Iterator[int]:
        """Yield the times at which the task may start: nothing changes but when another one ends."""
        ends = {one: begun + self._plan.durations[one] for one, begun in starts.items()}
        least = max((ends[one] for one, later in self._plan.first if later == name), default=0)
        yield from sorted({least, *(end for end in ends.values() if end > least)})


def _fits(plan: _Plan, starts: dict[str, int]) -> bool:
    """Say whether the starts, also of some tasks only, keep all that was said."""
    spans = {name: (begun, begun + plan.durations[name]) for name, begun in starts.items()}
    for one, later in plan.first:
        if one in spans and later in spans and spans[later][0] < spans[one][1]:
            return False
    for one, two in plan.apart:
        if one in spans and two in spans and spans[one][0] < spans[two][1] and spans[two][0] < spans[one][1]:
            return False
    return all(sum(a <= at < b for a, b in spans.values()) <= plan.capacity for at, _ in spans.values())


def _settled(plan: _Plan, end: int, step: int) -> bool:
    """Say whether clingo finds a schedule that ends at `end`, in units of `step`, and none that ends before."""
    return _schedulable(plan, end, step) is True and _schedulable(plan, end - 1, step) is False


def _schedulable(plan: _Plan, end: int, step: int) -> bool | None:
    number = {name: i for i, name in enumerate(plan.durations)}
    facts = [f"task({number[name]},{duration // step})." for name, duration in plan.durations.items()]
    facts += [f"first({number[one]},{number[later]})." for one, later in plan.first]
    facts += [f"apart({number[one]},{number[two]})." for one, two in plan.apart]
    rules = f"""
        1 {{ start(I,T) : T = 0..{end}-D }} 1 :- task(I,D).
        busy(I,T..T+D-1) :- start(I,T), task(I,D).
        :- first(I,J), start(I,T), task(I,D), start(J,U), U < T+D.
        :- apart(I,J), busy(I,T), busy(J,T).
        :- T = 0..{end}, {plan.capacity + 1} {{ busy(I,T) }}.
    """
    limit = f"--solve-limit={findings.CONFLICTS_PER_QUERY_MAX},{findings.RESTARTS_PER_QUERY_MAX}"
    control = clingo.Control(["--warn=none", limit], logger=lambda *_: None)
    control.add("base", [], "\n".join([*facts, rules]))
    control.ground([("base", [])])
    result = control.solve()
    return None if result.unknown else bool(result.satisfiable)


def _shown(name: str, parts: script.Script) -> str:
    """Return the name as written; single letters as capitals, since "a" is also a word."""
    return name.upper() if len(name) == 1 else " ".join(parts.casing.get(word, word) for word in name.split())


def _reading(plan: _Plan, parts: script.Script) -> str:
    name = {one: _shown(one, parts) for one in plan.durations}
    lines = [f"{name[one]} takes {plan.said(duration)}" for one, duration in plan.durations.items()]
    lines += [f"{name[one]} ends before {name[later]} starts" for one, later in plan.first]
    lines += [f"{name[one]} and {name[two]} do not overlap" for one, two in plan.apart]
    most = {0: "not said, and no matter", TASKS_MAX: "any number"}.get(plan.capacity, str(plan.capacity))
    note = "Assumed: a task that has begun is not interrupted, and one worker does it."
    return "\n".join(["I read:", *lines, f"at once: {most}", f"Question: {parts.question}?", note])
