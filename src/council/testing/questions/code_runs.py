"""Programs whose output is known by how they were made, asked for in many wordings. The key is computed here, not run."""

import random
from collections.abc import Callable, Sequence

from council.domain import answers
from council.testing.questions import families

_WORDINGS = (
    "What does this Python program print?\n{code}",
    "what does this code output?\n{code}",
    "What is the output of this program?\n{code}",
    "Run this:\n{code}",
    "Please run this code.\n{code}",
    "Execute the following script:\n{code}",
    "Can you tell me what this program prints?\n{code}",
    "WHAT WILL THE FOLLOWING CODE PRINT?\n{code}",
    "{code}\nWhat does it print?",
)
_REFUSE = (
    "What does this print in Python 2?\n```python\nprint(7 / 2)\n```",
    "What does this print if n is 9?\n```python\nn = 3\nprint(n)\n```",
    "Why does this print 3?\n```python\nprint(3)\n```",
    "What does this print the second time?\n```python\nprint(3)\n```",
    "What does this print?\n```javascript\nconsole.log(1)\n```",
    "What does this print?\n```python\nimport time\nprint(time.time())\n```",
    "What does this print?\n```python\nimport random\nprint(random.randint(1, 6))\n```",
    "What does this print?\n```python\nprint({'a', 'b', 'c'})\n```",
    "What does this print?\n```python\nprint(object())\n```",
    "What does this print?\n```python\nprint(hash('a'))\n```",
    "What does this print?\n```python\nimport os\nprint(os.getpid())\n```",
    "What does this print?\n```python\nimport sys\nprint(sys.version)\n```",
    "What does this print?\n```python\nprint(input())\n```",
    "What does this print?\n```python\nwhile True: pass\n```",
    "What does this print?\n```python\nprint(1 / 0)\n```",
    "Run this after replacing 3 by 4.\n```python\nprint(3)\n```",
)
_Made = tuple[str, str]


def _sum_loop(chance: random.Random) -> _Made:
    count, step, first = chance.randint(1, 12), chance.randint(1, 9), chance.randint(-9, 9)
    code = f"total = {first}\nfor number in range({count}):\n    total += number * {step}\nprint(total)"
    return code, str(first + step * count * (count - 1) // 2)


def _text(chance: random.Random) -> _Made:
    word = "".join(chance.choice("abcdeXYZ") for _ in range(chance.randint(1, 9)))
    times = chance.randint(1, 4)
    code = f"word = {word!r}\nfor number in range({times}):\n    print(word[::-1], number)"
    backwards = "".join(reversed(word))
    return code, "\n".join(f"{backwards} {number}" for number in range(times))


def _branches(chance: random.Random) -> _Made:
    limit, divisor = chance.randint(3, 15), chance.randint(2, 5)
    code = (
        f"def name(number):\n    if number % {divisor} == 0:\n        return 'fizz'\n    return str(number)\n\n"
        f"print(' '.join(name(number) for number in range(1, {limit} + 1)))"
    )
    words = []
    left = divisor
    for number in range(1, limit + 1):
        left -= 1
        words.append("fizz" if left == 0 else str(number))
        left = left or divisor
    return code, " ".join(words)


def _lists(chance: random.Random) -> _Made:
    values = [chance.randint(-20, 40) for _ in range(chance.randint(1, 8))]
    bound = chance.randint(-5, 20)
    code = f"values = {values}\nprint([value * 2 for value in values if value > {bound}])\nprint(len(values))"
    kept = [str(value + value) for value in values if value > bound]
    return code, f"[{', '.join(kept)}]\n{len(values)}"


def _counts(chance: random.Random) -> _Made:
    letters = [chance.choice("abc") for _ in range(chance.randint(1, 10))]
    code = (
        f"counts = {{}}\nfor letter in {''.join(letters)!r}:\n    counts[letter] = counts.get(letter, 0) + 1\n"
        "for letter in sorted(counts):\n    print(letter, counts[letter])"
    )
    return code, "\n".join(f"{letter} {letters.count(letter)}" for letter in "abc" if letter in letters)


def _numbers_are_ints(chance: random.Random) -> _Made:
    values = sorted({chance.randint(0, 7) for _ in range(4)})
    code = f"print(sorted({{{', '.join(map(str, values + values))}}}), {values[0]} in {{{values[0]}}})"
    return code, f"[{', '.join(map(str, values))}] True"


def _slices(chance: random.Random) -> _Made:
    letters = [chance.choice("pqrstuv") for _ in range(chance.randint(4, 12))]
    first, step = chance.randint(0, 3), chance.randint(1, 3)
    code = f"text = {''.join(letters)!r}\nprint(text[{first}::{step}], text[-{first + 1}])"
    kept = [letter for place, letter in enumerate(letters) if place >= first and (place - first) % step == 0]
    return code, f"{''.join(kept)} {letters[len(letters) - first - 1]}"


def _floors(chance: random.Random) -> _Made:
    # Made from quotient and remainder, so that nothing is divided here.
    quotient, divisor = chance.randint(-20, 20), chance.randint(2, 12)
    remainder = chance.randrange(divisor)
    code = f"number = {quotient * divisor + remainder}\nprint(number // {divisor}, number % {divisor})"
    return code, f"{quotient} {remainder}"


def _while_loops(chance: random.Random) -> _Made:
    doublings, first = chance.randint(0, 12), chance.randint(1, 9)
    bound = (first << doublings) - chance.randint(0, max(0, (first << doublings) // 2 - 1))
    code = f"number, steps = {first}, 0\nwhile number < {bound}:\n    number *= 2\n    steps += 1\nprint(number, steps)"
    return code, f"{first << doublings} {doublings}"


def _recursion(chance: random.Random) -> _Made:
    digits = [chance.randint(1, 9) for _ in range(chance.randint(1, 9))]
    code = (
        "def total(number):\n    return number if number < 10 else number % 10 + total(number // 10)\n\n"
        f"print(total({''.join(map(str, digits))}))"
    )
    return code, str(sum(digits))


def _formats(chance: random.Random) -> _Made:
    whole, hundredths, width = chance.randint(0, 999), chance.randint(0, 99), chance.randint(7, 12)
    code = f"price = {whole}.{hundredths:02}\nprint(f'[{{price:>{width}.2f}}]', f'{{{whole}:05}}')"
    return code, f"[{f'{whole}.{hundredths:02}'.rjust(width)}] {str(whole).rjust(5, '0')}"


def _exceptions(chance: random.Random) -> _Made:
    values = [chance.choice(("x", "7", "12", "", "3.5", "40")) for _ in range(chance.randint(1, 6))]
    code = (
        f"total = bad = 0\nfor text in {values}:\n    try:\n        total += int(text)\n    except ValueError:\n"
        "        bad += 1\nprint(total, bad)"
    )
    known = {"7": 7, "12": 12, "40": 40}
    return code, f"{sum(known.get(text, 0) for text in values)} {sum(text not in known for text in values)}"


def _family(name: str, make: Callable[[random.Random], _Made], refuse: Sequence[str]) -> families.Family:
    def asked(chance: random.Random) -> families.Asked:
        code, key = make(chance)
        return families.Asked(_WORDINGS[0].format(code=f"```python\n{code}\n```"), key)

    return families.Family(name, answers.Route.CODE, asked, _paraphrase, agrees, refuse)


def _paraphrase(chance: random.Random, asked: families.Asked) -> families.Asked:
    code = asked.text.split("\n", 1)[1]
    if chance.random() < 0.2:
        code = code.replace("```python", chance.choice(("```py", "```", "```python3")), 1)
    text = chance.choice(_WORDINGS).format(code=code)
    return families.Asked(text + chance.choice(("", "\n", "  ")), asked.key)


def agrees(answer: str, key: str) -> bool:
    """Say whether an answer shows the key as the whole output."""
    return f"```text\n{key}\n```" in answer


FAMILIES = tuple(
    _family(f"code runs: {name}", make, () if number else _REFUSE)
    for number, (name, make) in enumerate(
        (
            ("sum in a loop", _sum_loop),
            ("text backwards", _text),
            ("branches", _branches),
            ("lists", _lists),
            ("counts", _counts),
            ("sets of numbers", _numbers_are_ints),
            ("slices", _slices),
            ("floors", _floors),
            ("while loops", _while_loops),
            ("recursion", _recursion),
            ("formats", _formats),
            ("exceptions", _exceptions),
        )
    )
)
