"""Made questions to the packaged corpora: never a wrong entry, and none where the question is another."""

from pathlib import Path

import pytest

from council.domain import answering, answers
from council.serving.memory import corpora
from council.serving.memory.corpora import countries, wordnet
from council.testing.questions import campaign, knowledge

ALL = corpora.Corpora(answering.CORPORA)
FAMILIES = knowledge.made()


def answer(text: str) -> answers.Passage | None:
    found = ALL.find(text)
    return found if found and found.quote else None


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_no_made_question_gets_a_wrong_entry_and_most_get_one(family) -> None:
    found = [(asked, answer(asked.text)) for asked in campaign.draw(family, 600, 7)]
    wrong = [(asked, entry.text) for asked, entry in found if entry and not family.agrees(entry.quote, asked.key)]
    assert not wrong
    assert sum(entry is not None for _, entry in found) > 0.8 * len(found)


@pytest.mark.parametrize("text", sorted({text for family in FAMILIES for text in family.refuse}))
def test_what_is_near_a_family_gets_no_answer(text: str) -> None:
    assert answer(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("What is the capital of Benin?", "Of Benin no single capital can be told: there are several"),
        ("capital of south africa", "Of South Africa no single capital can be told"),
        (
            "Which element has the atomic number 120?",
            "No element with the atomic number 120 has a name; the table ends at 118",
        ),
    ],
)
def test_a_question_for_a_corpus_that_it_cannot_answer_is_kept_from_a_guess(text: str, why: str) -> None:
    found = ALL.find(text)
    assert found and found.text.startswith(why) and not found.quote


@pytest.mark.parametrize(
    ("text", "quote", "source"),
    [
        ("What is the capital of Peru?", "The capital of Peru is Lima.", "countries (countryinfo "),
        ("which country has the capital oslo", "Oslo is the capital of Norway.", "countries"),
        ("whats the capital of australia", "The capital of Australia is Canberra.", "countries"),
        ("capital of the UK", "The capital of the United Kingdom is London.", "countries"),
        ("what is the capital of the philippines", "The capital of the Philippines is Manila.", "countries"),
        ("What is the ISO code of Germany?", "The ISO 3166 codes of Germany are DE and DEU.", "countries"),
        ("What is the two-letter code of Germany?", "The two-letter ISO 3166 code of Germany is DE.", "countries"),
        ("What is the symbol for gold?", "The chemical symbol of gold is Au.", "elements"),
        ("atomic number of aluminum", "The atomic number of aluminium is 13.", "elements"),
    ],
)
def test_an_entry_says_it_in_a_sentence_and_where_it_is_from(text: str, quote: str, source: str) -> None:
    found = ALL.find(text)
    assert found and found.quote == quote and found.source.startswith(source) and found.root == "packaged"


def test_pythons_words_come_with_the_signature() -> None:
    found = ALL.find("What does str.split do?")
    assert found and found.quote.startswith("str.split(self, /, sep=None, maxsplit=-1)\n\nReturn a list of the")


def test_a_corpus_that_is_off_answers_nothing() -> None:
    assert corpora.Corpora([]).find("capital of Peru") is None
    assert corpora.Corpora(["elements"]).find("capital of Peru") is None


def test_names_and_capitals_that_two_countries_share_are_not_answered_for() -> None:
    one, two = countries.Country("Aria", "Same", "AA", "AAA"), countries.Country("Beria", "Same", "BB", "BBB")
    read = countries.Countries([one, two, countries.Country("ARIA", "Other", "CC", "CCC")], "test").read
    assert read("capital of Aria") is None and read("which country has the capital Same") is None
    assert read("capital of Beria")


NOUNS = [
    "  1 This is a licence that stands first.  ",
    "  2 It has two lines.  ",
    "abacus n 1 2 @ ~ 1 0 {abacus}  ",
    "harbour n 2 1 @ 2 1 {first} {second}  ",
    "zoo_keeper n 1 0 1 0 {abacus}  ",
]


@pytest.fixture
def dictionary(tmp_path: Path) -> wordnet.Dictionary:
    senses = {
        "abacus": "1 x | a tablet placed on top of a column",
        "first": "2 x | a sheltered port",
        "second": '3 x | a place of refuge; "a safe harbour"',
    }
    data, places = "", {}
    for name, line in senses.items():
        places[name] = f"{len(data):08d}"
        data += line + "  \n"
    (tmp_path / "data.noun").write_text(data)
    (tmp_path / "index.noun").write_text("".join(line.format(**places) + "\n" for line in NOUNS))
    return wordnet.Dictionary(tmp_path)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("define harbour", 'harbour (noun): a sheltered port\nharbour (noun): a place of refuge; "a safe harbour"'),
        ("what does abacus mean", "abacus (noun): a tablet placed on top of a column"),
        ('what is the definition of "Zoo keeper"', "zoo keeper (noun): a tablet placed on top of a column"),
    ],
)
def test_the_dictionary_gives_the_senses_in_order(dictionary: wordnet.Dictionary, asked: str, text: str) -> None:
    found = dictionary.read(asked)
    assert found and found.text == text


@pytest.mark.parametrize(
    "asked", ["define aaa", "define harbou", "define harbours", "define zzz", "define 1", "harbour"]
)
def test_a_word_that_is_not_there_has_no_definition(dictionary: wordnet.Dictionary, asked: str) -> None:
    assert dictionary.read(asked) is None


@pytest.mark.skipif(not wordnet.FOLDER.is_dir(), reason="Debian's wordnet-base is not installed")
@pytest.mark.parametrize(
    ("asked", "begins"),
    [
        ("define serendipity", "serendipity (noun): good luck in making unexpected and fortunate discoveries"),
        ("What does gregarious mean?", "gregarious (adjective): "),
        ("what is the meaning of zymurgy", "zymurgy (noun): "),
        ("define aardvark", "aardvark (noun): "),
    ],
)
def test_the_installed_dictionary_is_read(asked: str, begins: str) -> None:
    found = ALL.find(asked)
    assert found and found.text.startswith(begins) and found.source == "dictionary (WordNet 3.0)"


def test_every_word_of_the_installed_dictionary_is_found() -> None:
    path = wordnet.FOLDER / "index.noun"
    if not path.exists():
        pytest.skip("Debian's wordnet-base is not installed")
    lines = [line for line in path.read_text("utf-8", "replace").splitlines() if not line.startswith("  ")]
    words = [word for word in (line.split(" ", 1)[0] for line in lines[::2000]) if word.replace("_", "").isalpha()]
    read = wordnet.Dictionary.installed().read
    assert len(words) > 40 and all(read(f"define {word.replace('_', ' ')}") for word in words if len(word) > 2)


def test_without_wordnet_there_is_no_definition(tmp_path: Path) -> None:
    assert wordnet.Dictionary(tmp_path).read("define harbour") is None


@pytest.mark.parametrize("piece", ["what is the capital of ", "a's ", "' ", "what does ", "element has ", "python's "])
def test_a_long_question_costs_no_time(piece: str) -> None:
    assert ALL.find(piece * 50_000) is None
    assert ALL.find((piece * 160)[:160]) is None
