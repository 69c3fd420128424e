"""Council's own words: which questions mean them, and that each is quoted."""

import re
from pathlib import Path

import pytest

from council.domain import answers, config
from council.serving.memory import documents, glossary, lexical
from council.serving.specialists import knowledge

ROOT = Path(__file__).resolve().parents[4]
PAGE = ROOT / "docs/reference/glossary.md"
WORDS = re.findall(r"^## (.+)$", PAGE.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def index() -> lexical.LexicalIndex:
    made = lexical.LexicalIndex()
    made.put("blueprint", lexical.GLOSSARY, documents.split(PAGE.read_bytes(), config.RecallConfig().passage_chars))
    made.put("library", "library/a.md", documents.split(b"# Glossary\n\n## escrow\n\nNot Council's.", 900))
    return made


@pytest.mark.parametrize("word", WORDS)
async def test_every_word_is_quoted_where_its_meaning_is_asked(index: lexical.LexicalIndex, word: str) -> None:
    class One:
        async def search(self, query: str, _limit: int, _request_id: str) -> list[answers.Passage]:
            found = glossary.meant(index, query)
            return [found] if found else []

    specialist = knowledge.KnowledgeSpecialist(One(), 1.0)  # type: ignore[arg-type]
    text = f"What does {word} mean?"
    asked = answers.Question("r", [answers.Message("user", text)], "council", answers.Sampling(10))
    [event] = [event async for event in specialist.attempt(asked)]
    assert isinstance(event, answers.Finding) and event.evidence.level is answers.Level.QUOTED
    assert f"guidebook/reference/glossary.md (Glossary > {word})" in event.text


@pytest.mark.parametrize(
    "text",
    [
        "What does verified mean?",
        "what does Verified mean in Council",
        'What does "verified" mean?',
        "Hi, could you please tell me what's meant by verified?",
        "What is the meaning of verified?",
        "meaning of ‘verified’ in Council",
        "define verified in Council",
        "What is the definition of verified in Council?",
    ],
)
def test_a_word_that_can_be_councils_means_the_glossary(index: lexical.LexicalIndex, text: str) -> None:
    found = glossary.meant(index, text)
    assert found is not None and found.heading == "Glossary > verified"
    assert found.quote.startswith("An answer is verified only if") and (found.held, found.coverage) == (1.0, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        "What does the word verified mean?",
        "What does verified mean in law?",
        "What does verified mean, and what does level mean?",
        "What does it mean to be verified?",
        "What does love mean?",
        "What does % mean?",
        "What does escrow mean?",
        "What is the dictionary definition of token?",
        "Define token",
        "What do tokens mean?",
        "Was bedeutet verified?",
        "",
    ],
)
def test_other_words_and_questions_are_not_the_glossarys(index: lexical.LexicalIndex, text: str) -> None:
    assert glossary.meant(index, text) is None


def test_a_definition_is_the_glossarys_only_for_want_of_a_dictionary(index: lexical.LexicalIndex) -> None:
    found = glossary.defined(index, "Define the circuit breaker")
    assert found is not None and found.heading == "Glossary > circuit breaker"
    for text in ("define the word token", "define love", "What does token mean?"):
        assert glossary.defined(index, text) is None
