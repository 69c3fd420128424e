import pytest

from council.serving.specialists import apt


@pytest.mark.parametrize(
    ("question", "quote", "right"),
    [
        ("Why was the mill built?", "The mill was built in 1811.", False),
        ("Why was the mill built?", "The mill was built because corn was far.", True),
        ("When was the mill built?", "The mill was built by Agnes.", False),
        ("When was the mill built?", "The mill was built in 1811.", True),
        ("When does the office close?", "The office closes at noon.", True),
        ("When does the office close?", "The office is small.", False),
        ("How long is a kill switch?", "It ends every job.", False),
        ("How long are backups kept?", "For ninety days.", True),
        ("How many days are there?", "There are none that count.", False),
        ("Where do visitors park?", "Behind the mill.", True),
        ("Who knows why?", "Because nobody told.", True),
        ("Who fires the kiln?", "Firing takes eleven hours.", False),
        ("Who fires the kiln?", "It is fired by Petra.", True),
    ],
)
def test_a_quote_must_hold_what_is_asked_for(question: str, quote: str, right: bool) -> None:
    assert apt.holds(question, quote) is right
