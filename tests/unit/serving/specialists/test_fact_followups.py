"""Which question a follow-up of a fact stands for, and what is said of how it was read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import answering, answers
from council.serving.memory import corpora
from council.serving.specialists import fact_followups, knowledge


class Packaged:
    """A retriever over the packaged sources alone; remembers what it was asked."""

    def __init__(self) -> None:
        self._corpora = corpora.Corpora(answering.CORPORA)
        self.asked: list[str] = []

    async def search(self, query: str, limit: int, _request_id: str) -> list[answers.Passage]:
        self.asked.append(query)
        found = self._corpora.find(query)
        return [found] if found else []

    async def find(self, query: str, limit: int, request_id: str) -> answers.Searched:
        return answers.Searched(await self.search(query, limit, request_id), answers.Meanings("off"), "")

    async def passage(self, identifier: str, _request_id: str) -> answers.Passage | None:
        return None

    async def ping(self) -> None:
        pass


def talk(*turns: str) -> list[answers.Message]:
    return [answers.Message("assistant" if place % 2 else "user", turn) for place, turn in enumerate(turns)]


async def ask(*turns: str) -> answers.Event:
    question = answers.Question("r", talk(*turns), "council", answers.Sampling(10))
    [event] = [event async for event in knowledge.KnowledgeSpecialist(Packaged(), 1.0).attempt(question)]
    return event


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("What is the capital of Peru?", "and of Chile?", "What is the capital of Chile?"),
        ("Hi, what is the capital of Peru?", "What about Chile, please?", "what is the capital of Chile?"),
        ("what is Peru's capital", "and Chile", "what is Chile's capital?"),
        ("What is the capital of Peru?", "and its ISO code?", "What is the ISO code of Peru?"),
        ("What is the atomic number of gold?", "And the symbol?", "What is the chemical symbol of gold?"),
        ("Which element has the atomic number 79?", "and what about 80?", "Which element has the atomic number 80?"),
        ("Which element has the symbol Fe?", "and Au?", "Which element has the symbol Au?"),
        ("Which country has the capital Lima?", "and Quito?", "Which country has the capital Quito?"),
    ],
)
def test_the_new_name_or_property_takes_the_place_of_the_old_one(before: str, after: str, whole: str) -> None:
    found = fact_followups.whole(talk(before, "So it is.", after))
    assert found is not None and found.text == whole


@pytest.mark.parametrize(
    ("before", "answered", "after"),
    [
        ("What is the capital of Peru?", "Lima. Or did you mean Peru, Indiana?", "and of Chile?"),
        ("What is the capital of Peru?", "Lima; Chile is its neighbour.", "and of Chile?"),
        ("What is the capital of Peru?", "Lima", "and its capital?"),
        ("What is the capital of Peru?", "Lima", "and 5?"),
        ("Which element has the symbol Fe?", "Iron", "and no?"),
        ("Which element has the atomic number 79?", "Gold", "and of 80?"),
        ("What is the capital of Peru? And of Brazil?", "Lima and Brasília", "and of Chile?"),
        ("Who wrote Emma?", "Jane Austen", "and Persuasion?"),
    ],
)
def test_what_may_be_meant_otherwise_is_left_as_it_was_said(before: str, answered: str, after: str) -> None:
    assert fact_followups.whole(talk(before, answered, after)) is None


async def test_a_follow_up_is_quoted_with_the_question_that_was_read() -> None:
    found = await ask("What is the capital of Peru?", "Lima", "and Chile?", "Santiago", "And its two-letter code?")
    assert isinstance(found, answers.Finding) and found.evidence.level is answers.Level.QUOTED
    assert found.text.startswith("> The two-letter ISO 3166 code of Chile is CL.")
    assert found.evidence.detail["reading"] == 'I read: "What is the two-letter code of Chile?"'
    assert found.evidence.summary.startswith('I read: "What is the two-letter code of Chile?" Quoted from countries')


async def test_what_the_source_tells_of_no_capital_is_told_of_a_follow_up_too() -> None:
    found = await ask("What is the capital of Peru?", "Lima", "and Bolivia?")
    assert isinstance(found, answers.Finding) and found.refused
    assert found.evidence.detail["reading"] == 'I read: "What is the capital of Bolivia?"'


async def test_what_another_source_reads_is_not_taken_for_a_follow_up() -> None:
    found = await ask("What is the symbol of gold?", "Au", "and water?")
    assert isinstance(found, answers.PassOn) and found.reason.startswith('Read as "What is the symbol of water?"')


async def test_the_few_words_of_a_follow_up_are_not_looked_up_by_themselves() -> None:
    asked, retriever = "and the capital?", Packaged()
    question = answers.Question("r", talk("Tell me of trade.", "Gladly.", asked), "council", answers.Sampling(10))
    [event] = [event async for event in knowledge.KnowledgeSpecialist(retriever, 1.0).attempt(question)]
    assert isinstance(event, answers.PassOn) and retriever.asked == []


@given(st.lists(st.text(max_size=60), min_size=1, max_size=7))
def test_any_conversation_is_one_question_or_none(turns: list[str]) -> None:
    found = fact_followups.whole(talk(*turns))
    assert found is None or found.text.endswith("?")
