"""Pay by the hour, for so many hours a day over several days or weeks."""

from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, money, numbers, stops
from council.serving.compute.quantities.stories import words

_HOURS_MAX, _DAYS_MAX, _DAYS_OF_WEEK = 24, 1_000, 7


def _earned(match: frames.Match) -> results.Solved:
    given = match.groupdict()
    words.check_same(given["a"], given.get("b"), given["c"])
    rate, hours = money.read(given["p"]), words.count(given["h"])
    days = words.count(given["d"])
    weeks = words.count(given["w"]) if given.get("w") else Fraction(1)
    per_week = bool(given.get("weekly"))
    if hours > _HOURS_MAX or days > (_DAYS_OF_WEEK if per_week else _DAYS_MAX) or weeks > _DAYS_MAX:
        raise stops.PassOnError("no day has so many hours, or no week so many days")
    if days.denominator != 1 or weeks.denominator != 1:
        raise stops.PassOnError("a part of a day may have other hours")
    total = rate.value * hours * days * weeks
    one_by_one = sum((rate.value * hours for _ in range(int(days * weeks))), Fraction(0))
    stops.require(one_by_one == total, "day by day")
    parts = [str(rate), f"{numbers.text(hours)} hours", f"{numbers.text(days)} days"]
    parts += [f"{numbers.text(weeks)} weeks"] if per_week and weeks != 1 else []
    reading = " x ".join(parts)
    return frames.solved(f"{reading} = {rate.of(total)}", reading, "added up day by day", total)


def _n(name: str) -> str:
    return f"(?P<{name}>{words.COUNT})"


_A = r"(an|a|per|each|every)"
_EARNS = rf"(?P<a>{words.NAME}) (earns|makes|gets|is paid) <p:price> {_A} hour"
_WORKS = rf"(?P<b>{words.NAME}|he|she) works"
_HOURS = rf"{_n('h')} hours? {_A} day"
_SHE = rf"(?P<c>{words.NAME}|he|she)"
_ENDS = r"( (in total|altogether|in all))?"

FRAMES = [
    *frames.frames(
        _earned,
        rf"{_EARNS}[.;] {_WORKS} {_HOURS} for {_n('d')} days?[.,;]? how much does {_SHE} (earn|make){_ENDS}",
        rf"{_EARNS}(\.? {_WORKS}| and works) {_HOURS}[.,;]? how much does {_SHE} (earn|make) in {_n('d')} days?",
        rf"{_EARNS} and works {_HOURS} for {_n('d')} days?[.,;]? how much does {_SHE} (earn|make){_ENDS}",
        (
            rf"{_EARNS}(\.? {_WORKS}| and works) {_HOURS},?( and)? (?P<weekly>{_n('d')} days? {_A} week)[.,;]? how much "
            rf"does {_SHE} (earn|make) (in )?({_A}|one|{_n('w')}) weeks?"
        ),
    ),
]
