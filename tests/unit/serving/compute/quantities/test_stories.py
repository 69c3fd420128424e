"""Word problems with something changed: the answer changes with it, or there is none."""

import random
import re

import pytest

from council.serving.compute import quantities, results
from council.testing.questions import campaign, stories

BY_NAME = {family.name.removeprefix("stories: "): family for family in stories.FAMILIES}
TOLD = [asked.text for family in stories.FAMILIES for asked in campaign.draw(family, 6, seed=31)]
# In these every number has a part in the answer; elsewhere there are other things and other people.
ALL_USED = ("start, change, result", "unknown start or change", "equal shares", "prices", "rates")
TURNS = (
    "not never almost about half twice double some any every no hundred dozen except without least most nearly only unless "
    "but or if than before after instead again another none zero"
).split()


def exact(text: str) -> str | None:
    result = quantities.solve(text)
    return result.detail["exact"] if isinstance(result, results.Solved) else None


@pytest.mark.parametrize("name", ALL_USED)
def test_every_number_has_a_part_in_the_answer(name: str) -> None:
    for asked in campaign.draw(BY_NAME[name], 40, seed=32):
        before = exact(asked.text)
        for number in re.finditer(r"\d+", asked.text):
            changed = asked.text[: number.start()] + str(int(number[0]) + 1) + asked.text[number.end() :]
            assert before is None or exact(changed) != before, changed


def test_a_sentence_left_out_is_missed() -> None:
    for asked in list(campaign.draw(BY_NAME["start, change, result"], 120, seed=33))[
        ::2
    ]:  # every second is in other words
        first, *rest = re.split(r"(?<=[.?!])\s+(?=\S)", asked.text)
        assert exact(" ".join(rest)) is None, rest
        assert exact(first) is None


@pytest.mark.long
@pytest.mark.parametrize("word", TURNS)
def test_a_word_that_turns_the_meaning_is_never_read_over(word: str) -> None:
    chance = random.Random(word)
    for text in TOLD:
        words = text.split(" ")
        for place in chance.sample(range(1, len(words)), min(5, len(words) - 1)):
            changed = " ".join([*words[:place], word, *words[place:]])
            assert exact(changed) is None or (word == "if" and words[place - 1].endswith(".")), changed


def test_who_is_not_told_of_has_no_answer() -> None:
    for name in ("start, change, result", "gifts", "comparisons", "unknown start or change", "rates", "ages"):
        for asked in campaign.draw(BY_NAME[name], 40, seed=34):
            told, question = asked.text[: asked.text.rfind("ow ")], asked.text[asked.text.rfind("ow ") :]
            for person in ("Tom", "Ann", "Farid", "Chandra", "Mirko", "Ines", "Kofi", "Lena", "Bruno", "Aiko"):
                swapped = re.sub(rf"(?i)\b{person}\b", "Zacharias", question)
                if swapped != question:
                    assert exact(told + swapped) is None, told + swapped
