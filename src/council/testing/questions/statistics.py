"""Lists of numbers that are built around their mean, median, mode or spread."""

import random

from council.testing.questions import amounts, families


def _written(chance: random.Random, values: list[int]) -> str:
    form = chance.choice((", ", " and ", "; ", " ", ","))
    if form == " and ":
        return ", ".join(map(str, values[:-1])) + f" and {values[-1]}" if len(values) > 1 else str(values[0])
    # Digits that a comma joins are numbers of a list only where there are three or more and none of three digits.
    if form == "," and (len(values) < 3 or any(len(str(abs(value))) == 3 for value in values)):
        form = ", "
    return form.join(map(str, values))


def _mean(chance: random.Random) -> families.Asked:
    mean, pairs = chance.randint(-50, 400), chance.randint(1, 5)
    values = [mean] if chance.random() < 0.5 else []
    for _ in range(pairs):
        off = chance.randint(0, 60)
        values += [mean - off, mean + off]
    chance.shuffle(values)
    word = chance.choice(("mean", "average", "arithmetic mean"))
    form = chance.choice(
        (
            "What is the {w} of {v}?",
            "{w} of {v}",
            "Find the {w} of the numbers {v}",
            "calculate the {w} of these numbers: {v}",
        )
    )
    return families.Asked(form.format(w=word, v=_written(chance, values)), str(mean))


def _median(chance: random.Random) -> families.Asked:
    middle, side = chance.randint(-20, 300), chance.randint(1, 5)
    low, high = (
        [middle - chance.randint(0, 50) for _ in range(side)],
        [middle + chance.randint(0, 50) for _ in range(side)],
    )
    values = [*low, middle, *high]
    if chance.random() < 0.3:
        off = chance.randint(0, 9)
        values = [*[number - off for number in low], middle - off, middle + off, *[number + off for number in high]]
    chance.shuffle(values)
    return families.Asked(f"What is the median of {_written(chance, values)}?", str(middle))


def _mode(chance: random.Random) -> families.Asked:
    values = chance.sample(range(-30, 200), chance.randint(2, 7))
    mode = values[0]
    values = [*values, mode]
    chance.shuffle(values)
    return families.Asked(f"Find the mode of {_written(chance, values)}", str(mode))


def _range(chance: random.Random) -> families.Asked:
    low, width = chance.randint(-50, 100), chance.randint(0, 300)
    values = [low, low + width, *(low + chance.randint(0, width) for _ in range(chance.randint(0, 5)))]
    chance.shuffle(values)
    return families.Asked(f"range of {_written(chance, values)}", str(width))


def _spread(chance: random.Random) -> families.Asked:
    middle, off, pairs = chance.randint(0, 100), chance.randint(1, 30), chance.randint(1, 4)
    values = [middle - off, middle + off] * pairs
    chance.shuffle(values)
    if chance.random() < 0.5:
        return families.Asked(f"What is the population variance of {_written(chance, values)}?", str(off * off))
    return families.Asked(f"population standard deviation of {_written(chance, values)}", str(off))


def _sample(chance: random.Random) -> families.Asked:
    # A number, and two at the same distance: squares 2 d^2, divided by 3 - 1.
    middle, off = chance.randint(0, 100), chance.randint(1, 40)
    values = [middle - off, middle, middle + off]
    chance.shuffle(values)
    if chance.random() < 0.5:
        return families.Asked(f"sample variance of {_written(chance, values)}", str(off * off))
    return families.Asked(f"What is the sample standard deviation of {_written(chance, values)}?", str(off))


def _weighted(chance: random.Random) -> families.Asked:
    mean, weight, off = chance.randint(10, 90), chance.randint(1, 9), chance.randint(1, 9)
    other = chance.randint(1, 9)
    values, weights = [mean - off * other, mean + off * weight], [weight, other]
    text = f"weighted mean of {values[0]} and {values[1]} with weights {weights[0]} and {weights[1]}"
    return families.Asked(text, str(mean))


_REFUSE = (
    "mean of 1,200 and 3",
    "mean of 1,5 and 2,5",
    "median of 1,5 and 2",
    "median of 1,5",
    "median of 1,234,5",
    "variance of 1,2, 3,4",
    "What is the quartile of 1, 2, 3, 4?",
    "quartiles of 1, 2, 3, 4",
    "What is the mean of the numbers from 1 to 10?",
    "What is the mean of the first 10 primes?",
    "mean of",
    "mean of 1 234 and 5",
    "sample variance of 5",
    "mean of 1, 2 and x",
    "mean of 1, 2, ...",
    "median of 1/2 and 1/3 and a",
    "weighted mean of 1, 2, 3 with weights 1, 2",
    "weighted mean of 1 and 2 with weights 1 and -1",
    "weighted mean of 1 and 2",
    "What is the average of 5 numbers?",
    "The mean of 3 numbers is 5. Two are 4 and 6. What is the third?",
    "What is the mean age in France?",
    "mean of NaN and 1",
    "mean of inf, 1",
    "mean of 1, \N{FULLWIDTH DIGIT TWO}",
    "geometric mean of 1, 2",
    "mean and median of 1, 2, 3",
    "average speed of 3, 4",
    "mode of a, b, b",
    "mean of 007 and 3",
    "mean of " + ", ".join(["1"] * 260),
)
FAMILIES = (
    amounts.family("statistics: mean", _mean, _REFUSE),
    amounts.family("statistics: median", _median),
    amounts.family("statistics: mode", _mode),
    amounts.family("statistics: range", _range),
    amounts.family("statistics: population", _spread),
    amounts.family("statistics: sample", _sample),
    amounts.family("statistics: weighted mean", _weighted),
)
