"""Interest: simple, or compounded a stated number of times a year. Checked period by period."""

from fractions import Fraction

from council.serving.compute import results
from council.serving.compute.quantities import frames, money, numbers, stops, working

_PERIODS = {
    "yearly": 1, "annually": 1, "every year": 1, "once a year": 1, "semiannually": 2, "semi-annually": 2,
    "half-yearly": 2, "quarterly": 4, "monthly": 12, "daily": 365,
}  # fmt: skip
_ONCE = ("yearly", "annually", "every year", "once a year")
_PERIODS_MAX = 480
_CHECK = "added up period by period"


def _given(match: frames.Match) -> tuple[money.Amount, Fraction, Fraction]:
    rate = numbers.read(match["p"].rstrip("%").lower().removesuffix("percent").removesuffix("per cent").strip()) / 100
    span = numbers.read(match["n"])
    months = match["unit"].lower().startswith("month")
    if not match.groupdict().get("yearly") and (
        months or (match.groupdict().get("often") or "yearly").lower() not in _ONCE
    ):
        raise stops.PassOnError("it is not said whether the rate is that of a year")
    span = span / 12 if months else span
    return money.read(match["w"]), rate, span


def _years(years: Fraction) -> str:
    return f"{numbers.text(years)} year{'' if years == 1 else 's'}"


def _simple(match: frames.Match) -> results.Solved:
    start, rate, years = _given(match)
    value = start.value * rate * years
    again = sum((start.value * rate / 12 for _ in range(int(years * 12))), Fraction(0)) if years <= 40 else value
    stops.require((years * 12).denominator != 1 or again == value, "the interest of all months together")
    reading = f"simple interest on {start} at {numbers.text(rate * 100)}% a year for {_years(years)}"
    steps = working.formula(f"{working.amount(start.value)}*{working.percent(rate)}*{working.amount(years)}", value)
    return frames.solved(f"{reading} = {start.of(value)}", reading, _CHECK, value, *steps)


def _compound(match: frames.Match) -> results.Solved:
    start, rate, years = _given(match)
    said = (match.groupdict().get("often") or "annually").lower()
    often = _PERIODS[said]
    periods = years * often
    if periods.denominator != 1:
        raise stops.PassOnError("interest for part of a period follows several conventions")
    if periods > _PERIODS_MAX:
        raise stops.RefusedError(f"That is {periods} periods; I add up at most {_PERIODS_MAX}. Ask for a shorter time.")
    growth = 1 + rate / often
    end = start.value * growth ** int(periods)
    balance = start.value
    for _ in range(int(periods)):
        balance += balance * rate / often
    stops.require(balance == end, "the balance after the last period")
    wanted = end if match.groupdict().get("end") else end - start.value
    what = "the balance with" if match.groupdict().get("end") else "the"
    reading = (
        f"{what} interest on {start} at {numbers.text(rate * 100)}% a year for {_years(years)}, "
        f"compounded {({1: 'once', 2: 'twice'}).get(often, f'{often} times')} a year"
    )
    shown = (
        start.of(wanted)
        if len(str(wanted.denominator)) < 11
        else f"{start.currency}{numbers.cents(wanted).removeprefix('about ')} (about)"
    )
    return frames.solved(f"{reading} = {shown}", reading, _CHECK, wanted)


_YEARLY = r"(?P<yearly>per year|a year|per annum|annually|yearly|p\.a\.|annual interest)"
_FOR = r"(for|over|after) <n:count> (?P<unit>years?|months?)"
_OFTEN = "(?P<often>" + "|".join(sorted(_PERIODS, key=len, reverse=True)) + ")"
_RATE = (
    rf"at (an )?(annual interest rate of |interest rate of )?<p:percent>( interest)?( {_YEARLY})?,? compounded {_OFTEN}"
)
_END_OF = r"<ask>(?P<end>(the )?(final |total )?(value|balance|amount|worth) of )"
_HOW_MUCH = (
    r"what is (the |its )(final |total |end )?(value|balance|amount)|how much is (it|there|that)( worth)?( at the end)?|"
    r"what is it worth( at the end)?"
)

FRAMES = [
    *frames.frames(_simple, rf"<ask>(the )?simple interest (on|of) <w:amount> at <p:percent>( {_YEARLY})? {_FOR}"),
    *frames.frames(
        _compound,
        rf"<ask>(the )?compound interest (on|of) <w:amount> at <p:percent> (interest )?{_FOR}",
        rf"{_END_OF}<w:amount> (invested |deposited )?at <p:percent>( interest)?( {_YEARLY})?,? compounded {_OFTEN},? {_FOR}",
        rf"(?P<end>what) (will|would) <w:amount> (grow to|become|be worth) {_RATE},? {_FOR}",
        rf"(?P<end>what) (will|would|is) <w:amount> (grow to|become|be worth|worth) {_FOR} {_RATE}",
        rf"<w:amount> (is|was) (invested|deposited) {_RATE},? {_FOR}[.,;]? (?P<end>{_HOW_MUCH})",
        rf"<w:amount> (is|was) (invested|deposited) {_FOR} {_RATE}[.,;]? (?P<end>{_HOW_MUCH})",
        rf"(if )?i (invest|deposit|put) <w:amount> {_RATE}[.,;]? (?P<end>how much (will|do|would) i have) {_FOR}",
        rf"(if )?i (invest|deposit|put) <w:amount> {_RATE},? {_FOR}[.,;]? (?P<end>how much (will|do|would) i have)",
        rf"<ask>(the )?compound interest (on|of) <w:amount> at <p:percent> {_YEARLY} {_FOR}",
        rf"<ask>(the )?compound interest (on|of) <w:amount> at <p:percent>( {_YEARLY})?,? compounded {_OFTEN},? {_FOR}",
        rf"<ask>(the )?compound interest (on|of) <w:amount> at <p:percent>( {_YEARLY})? {_FOR},? compounded {_OFTEN}",
        (
            rf"how much (?P<end>will|would|is) <w:amount> (grow to|be worth|worth) at <p:percent>( {_YEARLY})?,? "
            rf"compounded {_OFTEN},? {_FOR}"
        ),
        (
            rf"how much (?P<end>will|would|is) <w:amount> (grow to|be worth|worth) {_FOR} at <p:percent>( "
            rf"{_YEARLY})?,? compounded {_OFTEN}"
        ),
    ),
]
