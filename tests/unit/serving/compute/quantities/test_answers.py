"""Single questions: what is answered, how it was read, and what is said instead of an answer."""

import datetime

import pytest

from council.domain import answers
from council.serving.compute import operations, quantities, results

TODAY = datetime.date(2026, 11, 29)

ANSWERED = {
    "What is 17% of 200?": "17% x 200 = 34",
    "half of a third of 90": "1/2 x 1/3 x 90 = 15",
    "What is $17\\% \\text{ of } 200$?": "17% x 200 = 34",
    "two fifths of 35": "2/5 x 35 = 14",
    "a third of 100": "1/3 x 100 = 100/3 (about 33.3333)",
    "after 20 % off it costs 80, what was the price": "the price of which price - 20% of it is 80 = 100",
    "15% tip on $43.27": "15% x $43.27 = $6.4905 (about $6.49)",
    "Split a $90 bill with a 20% tip among 4 people": "$90 + 20% tip, divided by 4 = $27 each",
    "divide 60 in the ratio 2:3": "60 divided in the ratio 2 : 3 = 24 and 36",
    "5 ft 3 in in cm": "5 ft 3 in = 160.02 cm",
    "5'11\" in cm": "5 ft 11 in = 180.34 cm",
    "How many MB are in a GB?": "1 GB = 1000 MB",
    "1 MiB in kB": "1 MiB = 1048.576 kB",
    "100 KM IN MILES": "100 km = about 62.1371 mi",
    "Convert 2 gallons to pints": "2 US gallons = 16 US pints\n2 imperial gallons = 16 imperial pints",
    "-40 C in F": "-40 \N{DEGREE SIGN}C = -40 \N{DEGREE SIGN}F",
    "which is longer, 1 mile or 1600 m?": "1 mi is longer: 1600 m = about 0.994194 mi",
    "How long does it take to drive 150 km at 60 km/h?": "150 km / 60 km/h = 2 h 30 min",
    "area of a circle with radius 5 cm": "the area of a circle of radius 5 cm = 25 pi cm\N{SUPERSCRIPT TWO}, "
    "about 78.5398 cm\N{SUPERSCRIPT TWO}",
    "median of 3, 1, 2": "the median of 3, 1, 2 = 2",
    "mode of 1, 2, 3": "the mode of 1, 2, 3 = none: every number stands there once",
    "How many ways can the letters of MISSISSIPPI be arranged?": "different orders of the 11 letters of MISSISSIPPI = 34650",
    "arrangements of the letters of noon": "different orders of the 4 letters of NOON = 6",
    "What is the probability of at least 1 six in 4 rolls?": "the probability that at least 1 of 4 throws of a fair "
    "6-sided die shows 6 = 671/1296 (about 51.77%)",
    "Is 1900 a leap year?": "No, 1900 is not a leap year.",
    "What day of the week was July 4, 1776?": "the day of the week of 4 July 1776 = Thursday",
    "What day of the week was 13 September 1752?": "the day of the week of 13 September 1752 (Gregorian calendar) = Wednesday",
    "What day of the week was 14 September 1752?": "the day of the week of 14 September 1752 = Thursday",
    "How many days until 2026-12-25?": "days between 29 November 2026 (today, UTC) and 25 December 2026 = 26 days",
    "what day is tomorrow": "the date of tomorrow, in UTC = 30 November 2026, a Monday",
    "What date is 2 weeks from tomorrow?": "30 November 2026 (tomorrow, UTC) + 2 weeks = 14 December 2026, a Monday",
    "14:35 plus 3 h 50 min": "14:35 + 3 h 50 min = 18:25",
    "23:30 plus 45 minutes": "23:30 + 45 min = 00:15 the next day",
    "How long is it from 22:00 to 06:00?": "from 22:00 to 06:00 the next day = 8 h",
    "14:30 UTC+2 in UTC-5": "14:30 at UTC+2 in UTC-5 = 07:30",
    "What is 5% of 10%?": "5% x 10% = 0.5%",
    "60 is 20% less than what number?": "which number - 20% of it is 60 = 75",
    "5/12 as a decimal": "5/12 as a decimal = 0.41(6), the digits in parentheses repeating",
    "5 ft 3 1/2 in in cm": "5 ft 3.5 in = 161.29 cm",
    "area of a triangle with base 3 cm and height 4 cm": "the area of a triangle of base 3 cm and height 4 cm = 6 "
    "cm\N{SUPERSCRIPT TWO}",
    "area of a triangle with sides 2, 3 and 4": "the area of a triangle of sides 2, 3 and 4 = sqrt(135/16), about 2.90474",
    "In how many ways can 2 men and 1 woman be chosen from 5 men and 4 women?": "ways to choose 2 of 5 men x ways to "
    "choose 1 of 4 women = 40",
    "How many days until Christmas?": "days between 29 November 2026 (today, UTC) and 25 December 2026 = 26 days",
    "How old is someone born on 1990-11-30?": "completed years from 30 November 1990 to 29 November 2026 (today, UTC) = 35",
    "How many Mondays are in March 2024?": "how many Mondays March 2024 has = 4",
    "What is the ISO week of 2027-01-01?": "the ISO 8601 week of 1 January 2027 = week 53 of 2026",
    "how many hours from 9 pm to 5 am": "from 21:00 to 05:00 the next day = 8 hours",
    "Tom has 5 apples. He buys 3 more and eats 2. How many apples does Tom have now?": "apples of Tom = 6",
    "two and a half hours in minutes": "2.5 h = 150 min",
    "convert a mile to metres": "1 mi = 1609.344 m",
    "180 cm in feet and inches": "180 cm = 5 ft and about 10.8661 in",
    "100 days in weeks and days": "100 days = 14 weeks and 2 days",
    "20% of 3 hours": "20% of 3 h = 0.6 h (36 min)",
    "How many ways can 5 people sit in a row?": "orders of 5 different things = 120",
    "How many 4-digit PINs are there?": "codes of 4 places with 10 choices each, repeats allowed = 10000",
    "probability of a red king": "the probability of drawing a red king from a deck of 52 = 1/26",
    "If yesterday was Monday, what day is tomorrow?": "the day of the week of tomorrow, where yesterday is a "
    "Monday = Wednesday",
    "last Friday in Feb. 2024": "the last Friday of February 2024 = 23 February 2024",
    "what day of the year is today": "the number of 29 November 2026 (today, UTC) in its year, 1 January being 1 = 333",
    "the 60th day of 2024": "the 60th day of 2024 = 29 February 2024",
    "24 pens in 4 boxes. How many in each?": "24 pens in 4 boxes, as many in each = 6",
    "Ann is twice as old as Bob. Bob is 10. How old is Ann?": "the age of Ann = 20",
}


@pytest.mark.parametrize("question", ANSWERED)
def test_it_is_answered_with_its_reading(question: str) -> None:
    result = quantities.solve(question, TODAY)
    assert isinstance(result, results.Solved), result
    assert result.answer == ANSWERED[question] or result.answer.startswith(ANSWERED[question] + " (about ")
    assert result.level is answers.Level.COMPUTED and result.reading and result.check
    assert result.steps[0] == f"I read: {result.reading}"


REFUSED = {
    "Convert 5 dollars to euros": "exchange rates",
    "Convert 5 kg to meters": "5 kg is a mass",
    "What day of the week was 03/04/2025?": "3 April 2025 or 4 March 2025",
    "What date is 30 days after 2025-02-30?": "no day 30",
    "What day of the week was 4 July 1066?": "1583",
    "What date is 1 month after 2025-01-31?": "no day 31",
    "What percent of 0 is 5?": "undefined",
    "probability of rolling a sum of 7 with 1000000000 dice": "at most 60",
    "1000 choose 5": "at most 500",
    "3 choose 5": "cannot be chosen",
    "25:00 plus 1 h": "no time",
    "14:00 UTC+99 in UTC": "UTC+14",
    "quartiles of 1, 2, 3, 4": "inclusive or exclusive",
    "1 MB in KB": "Write kB for 1000",
    "area of a triangle with sides 1, 2 and 9": "No triangle",
    "week number of 2026-11-29": "ISO week",
    "How many days from 1 February to 5 March?": "Name the year",
    "How long does it take to drive 100 km at 0 km/h?": "above zero",
    "A bag contains 3 red balls and 2 blue balls. What is the probability of drawing two red balls?": "replacement",
    "Tom buys 3 books for $12 each and pays with a $20 note. How much change does he get?": "not enough",
    "fifth Monday of February 2025": "only 4 Mondays",
    "the 366th day of 2023": "no day 366",
    "100 kg in feet and inches": "is a mass",
}


@pytest.mark.parametrize("question", REFUSED)
def test_it_is_refused_with_a_reason_that_says_what_to_do(question: str) -> None:
    result = quantities.solve(question, TODAY)
    assert isinstance(result, results.Refused), result
    assert REFUSED[question] in result.reason and result.reason.endswith(".")


def test_population_and_sample_are_both_given_where_neither_is_said() -> None:
    result = quantities.solve("variance of 1, 2, 3")
    assert isinstance(result, results.Solved)
    assert result.answer == "population variance of 1, 2, 3 = 2/3 (about 0.666667)\nsample variance of 1, 2, 3 = 1"


def test_days_are_given_both_ways_of_counting() -> None:
    result = quantities.solve("How many days are there between 2024-03-01 and 2025-03-01?")
    assert isinstance(result, results.Solved)
    assert result.answer == "from 1 March 2024 to 1 March 2025 = 365 days (366 if both days are counted)"


def test_what_day_today_is_comes_from_the_caller_alone() -> None:
    assert isinstance(quantities.solve("What is today's date?"), results.PassedOn)
    reply = operations.OPERATIONS["math.solve"]({"text": "What is today's date?", "today": "2024-02-29"})
    assert reply["answer"] == "the date of today, in UTC = 29 February 2024, a Thursday"


def test_two_grammars_that_differ_pass_on(monkeypatch: pytest.MonkeyPatch) -> None:
    ask = operations.OPERATIONS["math.solve"]
    assert ask({"text": "What is 17% of 200?"})["detail"]["exact"] == "34"
    other = quantities.solve("What is 18% of 200?")
    monkeypatch.setattr(quantities, "solve", lambda text, today: other)
    assert ask({"text": "What is 17% of 200?"})["kind"] == "passed_on"


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("1.500 m in km", "the point in 1.500 may be of thousands or of decimals"),
        ("median of 1,234,5", "a comma may separate two numbers or the thousands of one"),
        ("How many hours from 9 to 5?", "one of the times does not say whether it is in the morning or the evening"),
        ("How many hours from 9 am", quantities.NOT_READ),
        ("what is a gizmo of 5", "The word 'gizmo' is not in the grammar."),
    ],
)
def test_a_question_passed_on_says_why_in_the_words_of_the_grammar_that_came_nearest(
    question: str, reason: str
) -> None:
    reply = operations.OPERATIONS["math.solve"]({"text": question})
    assert (reply["kind"], reply["reason"]) == ("passed_on", reason)


def test_a_share_of_a_percentage_is_told_in_percent_beside_the_symbolic_grammar() -> None:
    assert operations.OPERATIONS["math.solve"]({"text": "What is 5% of 10%?"})["answer"] == "5% x 10% = 0.5%"
