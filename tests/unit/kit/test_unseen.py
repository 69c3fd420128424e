from hypothesis import given
from hypothesis import strategies as st

from council.kit import unseen


def test_what_steers_a_terminal_is_written_out() -> None:
    assert unseen.for_terminal("a\x1b]0;x\x07b\u202ec\rd\n\te") == "a\\x1b]0;x\\x07b\\u202ec\\rd\n\te"


@given(st.text())
def test_nothing_is_left_to_steer_with(text: str) -> None:
    shown = unseen.for_terminal(text)
    assert shown == unseen.for_terminal(shown)
    assert not any(ord(char) < 32 and char not in "\t\n\x0b\x0c\x1c\x1d\x1e\x1f" for char in shown)


def test_the_joiners_of_scripts_stay() -> None:
    assert unseen.removed("\u0646\u200c\u0645 \u200bx") == "\u0646\u200c\u0645 x"
