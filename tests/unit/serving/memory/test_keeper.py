"""What the keeper keeps, finds and forgets; and that no user ever meets another's memories."""

import string
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from council.domain import config, errors, memory
from council.serving.memory import keeper as keeper_module
from council.serving.memory import operations, shelf
from council.testing import clock as fake_clock
from council.testing import memory as fake


class Made:
    """A keeper over fakes, which tests can restart."""

    def __init__(self, **values: object) -> None:
        self.records = fake.PlainRecords()
        self.embedder = fake.WordEmbedder()
        self.clock = fake_clock.ManualClock()
        self.settings = config.MemoryConfig(**values)  # type: ignore[arg-type]
        self.restart()

    def restart(self) -> None:
        self.keeper = keeper_module.Keeper(
            self.records, self.embedder, fake.PlainIndex, self.settings, self.clock
        )  # fmt: skip

    def say(self, text: str, user: str = "ada", session: str = "s") -> list[memory.Memory]:
        self.clock.advance(1.0)
        return self.keeper.remember(user, session, text, "request-1")

    def values(self, question: str, user: str = "ada") -> list[str]:
        return [fact.value for fact in self.keeper.recall(user, "", question, 5).facts]

    def texts(self, query: str, user: str = "ada") -> list[str]:
        return [one.memory.text for one in self.keeper.search(user, query, 50)]


@pytest.fixture
def made() -> Made:
    return Made()


def test_a_turn_and_its_facts_are_kept_with_source_time_and_confidence(made: Made) -> None:
    turn, fact = made.say("My name is Ada.")
    assert (turn.kind, turn.text, turn.session_id) == (memory.Kind.TURN, "My name is Ada.", "s")
    assert (fact.kind, fact.subject, fact.attribute, fact.value) == (memory.Kind.FACT, "user", "name", "Ada")
    for one in (turn, fact):
        assert one.source == "request-1" and one.at_us == made.clock.now_us() and one.user_id == "ada"
    assert 0.9 <= fact.confidence < 1
    assert set(made.records.rows) == {turn.id, fact.id}


def test_a_move_supersedes_the_old_home(made: Made) -> None:
    [_, paris] = made.say("I live in Paris.")
    [_, lyon] = made.say("I moved to Lyon.")
    assert made.values("Where do I live?") == ["Lyon"]
    old = made.records.rows[paris.id][0]
    assert (old.superseded_by, old.superseded_us) == (lyon.id, lyon.at_us)


def test_the_last_word_of_one_breath_counts(made: Made) -> None:
    made.say("I live in Rome.")
    made.say("I live in Paris. I moved to Lyon.")
    assert made.values("Where do I live?") == ["Lyon"]
    facts = made.keeper.entries("ada", memory.Selection(kind=memory.Kind.FACT), 9)
    assert sorted(fact.value for fact in facts) == ["Lyon", "Rome"]


def test_what_is_known_already_is_not_kept_twice(made: Made) -> None:
    made.say("I live in Lyon.")
    assert [one.kind for one in made.say("I live in LYON.")] == [memory.Kind.TURN]


def test_what_may_have_several_values_keeps_them(made: Made) -> None:
    made.say("I like tea. I like chess.")
    made.say("I like jazz.")
    assert sorted(made.values("What do I like?")) == ["chess", "jazz", "tea"]


def test_everything_known_leaves_out_what_is_superseded(made: Made) -> None:
    made.say("I live in Paris. My name is Ada.")
    made.say("I moved to Lyon.")
    assert sorted(made.values("What do you know about me?")) == ["Ada", "Lyon"]


def test_memories_outlive_a_restart(made: Made) -> None:
    made.say("My dog is called Rex.")
    made.restart()
    assert "My dog is called Rex" in made.texts("dog")
    assert made.values("What is my dog's name?") == ["Rex"]


def test_recall_gives_the_last_turns_of_its_session_in_order(made: Made) -> None:
    for number in range(9):
        made.say(f"note {number}", session="s" if number % 2 else "t")
    recalled = made.keeper.recall("ada", "s", "anything", 5)
    assert [turn.text for turn in recalled.session] == ["note 1", "note 3", "note 5", "note 7"]
    assert made.keeper.recall("ada", "", "anything", 5).session == ()


def test_a_superseded_fact_is_found_by_a_search_and_not_used(made: Made) -> None:
    made.say("I live in Paris.")
    made.say("I moved to Lyon.")
    assert "I live in Paris" in made.texts("Paris")
    used = made.keeper.recall("ada", "", "Paris", 5).found
    assert [one.memory.kind for one in used if "Paris" in one.memory.text] == [memory.Kind.TURN]


def test_forgetting_one_session_leaves_the_others(made: Made) -> None:
    made.say("My dog is called Rex.", session="a")
    made.say("My cat is called Tom.", session="b")
    assert made.keeper.forget("ada", memory.Selection(session_id="a")) == 2
    assert made.values("What is my dog's name?") == []
    assert made.texts("dog Rex cat Tom") and not any("Rex" in text for text in made.texts("dog Rex cat Tom"))
    assert made.embedder.forgotten == 1


def test_forgetting_an_id_that_is_not_ones_own_is_an_error(made: Made) -> None:
    [turn] = made.say("a secret", user="bob")
    with pytest.raises(errors.NotFoundError, match="no memory of that id"):
        made.keeper.forget("ada", memory.Selection(ids=(turn.id,)))
    assert made.texts("secret", "bob") == ["a secret"]


def test_a_repeated_search_is_not_embedded_again_until_something_changes(made: Made) -> None:
    made.say("the zebra stands there")
    made.texts("zebra")
    before = made.embedder.texts
    made.texts("zebra")
    assert made.embedder.texts == before
    made.say("another zebra")
    assert len(made.texts("zebra")) == 2


def test_text_is_cut_and_empty_text_is_not_kept() -> None:
    made = Made(text_chars_max=100)
    [turn] = made.say("x" * 500)
    assert len(turn.text) == 100
    assert made.say("  \n ") == []


def test_a_full_memory_says_so_and_takes_again_after_forgetting() -> None:
    made = Made(memories_max=3)
    kept = [made.say(f"note {number}")[0] for number in range(3)]
    with pytest.raises(errors.InvalidRequestError, match="memories_max"):
        made.say("one more")
    made.keeper.forget("ada", memory.Selection(ids=(kept[0].id,)))
    assert len(made.say("one more")) == 1


def test_vectors_of_another_model_are_made_anew(made: Made) -> None:
    made.say("My dog is called Rex.")
    made.embedder = fake.WordEmbedder("another model")
    made.restart()
    made.keeper.warm()
    assert {digest for _, _, digest in made.records.rows.values()} == {"another model"}
    assert "My dog is called Rex" in made.texts("dog")


def test_a_shelf_is_filled_page_by_page_and_says_when_it_is_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    for number in range(20):
        made.say(f"note {number}")
    monkeypatch.setattr(keeper_module, "_FIRST_PAGE", 4)
    monkeypatch.setattr(keeper_module, "_PAGE", 5)
    monkeypatch.setattr(keeper_module.Keeper, "_complete_later", lambda *_: None)
    made.restart()
    recalled = made.keeper.recall("ada", "", "note", 50)
    assert not recalled.complete
    assert sorted(one.memory.text for one in recalled.found) == ["note 16", "note 17", "note 18", "note 19"]
    # What comes and goes meanwhile is right as well.
    made.say("note 20")
    made.keeper.forget("ada", memory.Selection(ids=(min(made.records.rows),)))
    made.keeper.complete("ada")
    recalled = made.keeper.recall("ada", "", "note", 50)
    assert recalled.complete
    assert sorted(one.memory.text for one in recalled.found) == sorted(f"note {number}" for number in range(1, 21))


def test_only_so_many_users_are_kept_ready_and_the_others_come_back() -> None:
    made = Made(users_loaded=2)
    for user in "abcdef":
        made.say(f"my note {user}", user=user)
    assert len(made.keeper._users) == 2
    for user in "abcdef":
        assert made.texts("note", user) == [f"my note {user}"]
    assert len(made.keeper._users) == 2


def test_an_index_that_has_grown_is_arranged_anew(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    settled = threading.Event()
    monkeypatch.setattr(keeper_module, "_SETTLE_EVERY", 3)
    monkeypatch.setattr(fake.PlainIndex, "settle", lambda _: settled.set())
    made.say("one")
    made.say("two")
    assert not settled.is_set()
    made.say("three")
    assert settled.wait(30)


def export(made: Made, user: str = "ada") -> list[memory.Memory]:
    return made.keeper.entries(user, memory.Selection(), 1_000)


def test_an_import_brings_everything_back_once(made: Made) -> None:
    made.say("I live in Paris.")
    made.say("I moved to Lyon. I like tea.")
    kept = export(made)
    assert made.keeper.take_in("ada", kept) == 0
    made.keeper.forget("ada", memory.Selection())
    assert made.keeper.take_in("ada", kept) == len(kept)
    assert made.keeper.take_in("ada", kept) == 0
    assert made.values("Where do I live?") == ["Lyon"]
    assert sorted((one.text, bool(one.superseded_by)) for one in export(made)) == sorted(
        (one.text, bool(one.superseded_by)) for one in kept
    )


def test_what_one_user_imports_of_another_is_a_copy_of_their_own(made: Made) -> None:
    made.say("I live in Paris.", user="bob")
    assert made.keeper.take_in("ada", export(made, "bob")) == 2
    assert made.values("Where do I live?") == ["Paris"]
    made.keeper.forget("ada", memory.Selection())
    assert made.values("Where do I live?", "bob") == ["Paris"]


USERS = st.sampled_from([f"user-{letter}" for letter in string.ascii_lowercase[:8]])
ACTIONS = st.one_of(
    st.tuples(st.just("say"), USERS, st.integers(0, 3)),
    st.tuples(st.just("forget"), USERS, st.integers(0, 3)),
    st.tuples(st.just("forget all"), USERS, st.just(0)),
    st.tuples(st.just("steal"), USERS, st.integers(0, 30)),
    st.tuples(st.just("restart"), USERS, st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(actions=st.lists(ACTIONS, max_size=40), loaded=st.integers(1, 9))
def test_no_user_ever_sees_or_loses_anything_through_another(actions: list, loaded: int) -> None:
    made = Made(users_loaded=loaded)
    expected: dict[str, dict[str, str]] = {}
    ids: list[tuple[str, str]] = []
    for number, (action, user, value) in enumerate(actions):
        mine = expected.setdefault(user, {})
        session = f"session-{value}"
        match action:
            case "say":
                [turn] = made.say(f"the shared words of {user} number {number}", user, session)
                mine[turn.id] = session
                ids.append((user, turn.id))
            case "forget":
                made.keeper.forget(user, memory.Selection(session_id=session))
                expected[user] = {one: where for one, where in mine.items() if where != session}
            case "forget all":
                made.keeper.forget(user, memory.Selection())
                expected[user] = {}
            case "steal":
                others = [one for owner, one in ids if owner != user]
                if others:
                    with pytest.raises(errors.NotFoundError):
                        made.keeper.forget(user, memory.Selection(ids=(others[value % len(others)],)))
            case _:
                made.restart()
    for user, mine in expected.items():
        found = made.keeper.search(user, "the shared words of anybody", 1_000)
        assert {one.memory.id for one in found} == set(mine)
        assert all(one.memory.user_id == user for one in found)
        assert {one.id for one in made.keeper.entries(user, memory.Selection(), 1_000)} == set(mine)
        for session in {f"session-{value}" for value in range(4)}:
            turns = made.keeper.recall(user, session, "shared words", 50).session
            assert {turn.id for turn in turns} <= {one for one, where in mine.items() if where == session}


def test_even_an_index_that_mixed_users_up_would_show_nobody_anothers_memories(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    [theirs] = made.say("a secret of bob", user="bob")
    made.say("mine", user="ada")
    monkeypatch.setattr(shelf.Shelf, "search", lambda *_: [(theirs.id, 1.0, 1.0)])
    assert made.keeper.search("ada", "secret", 5) == []


@pytest.mark.parametrize("user", ["", None, 7, "x" * 300])
@pytest.mark.parametrize("operation", ["remember", "recall", "search", "entries", "forget", "import"])
def test_an_operation_without_a_user_is_refused(made: Made, operation: str, user: object) -> None:
    reply = operations.run(made.keeper, {"operation": operation, "user": user, "text": "x", "query": "x"})
    assert reply["error"]["code"] == "invalid_request"


def test_an_unknown_operation_is_refused(made: Made) -> None:
    assert operations.run(made.keeper, {"operation": "drop", "user": "ada"})["error"]["code"] == "invalid_request"


def test_too_many_texts_in_one_call_are_refused() -> None:
    made = Made(texts_max=2)
    with pytest.raises(errors.InvalidRequestError, match="the limit is 2"):
        made.keeper.embed(["a", "b", "c"])


def test_a_shelf_that_is_dropped_while_it_is_filled_is_filled_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Made()
    for number in range(10):
        made.say(f"note {number}")
    monkeypatch.setattr(keeper_module, "_FIRST_PAGE", 3)
    monkeypatch.setattr(keeper_module, "_PAGE", 3)
    made.restart()
    vectors, asked = made.records.vectors, 0

    def vectors_and_drop(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked == 2:
            made.keeper._users.clear()
        return vectors(*arguments)

    monkeypatch.setattr(made.records, "vectors", vectors_and_drop)
    made.keeper.complete("ada")
    assert len(made.texts("note")) == 10


# Corrections


def test_a_corrected_turn_says_something_else_under_its_id(made: Made) -> None:
    [turn] = made.say("The boat is painted green every spring.")
    before = made.embedder.forgotten
    now = made.keeper.correct("ada", turn.id, " The boat is painted red every spring. ", "request-2")
    assert (now.id, now.at_us, now.session_id) == (turn.id, turn.at_us, turn.session_id)
    assert (now.text, now.source) == ("The boat is painted red every spring.", "request-2")
    assert made.texts("Which colour is the boat?") == [now.text] and made.embedder.forgotten == before + 1
    assert not any("green" in one.text for one, _, _ in made.records.rows.values())
    assert [(one.did, one.count, one.source) for one in made.records.changes(2)] == [
        (memory.Did.KEPT, 1, "request-2"),
        (memory.Did.FORGOT, 1, "request-2"),
    ]
    made.restart()
    assert made.texts("Which colour is the boat?") == [now.text]


def test_a_corrected_fact_is_what_its_new_words_state(made: Made) -> None:
    [_, fact] = made.say("I live in Paris.")
    now = made.keeper.correct("ada", fact.id, "I live in Lyon.", "r")
    assert (now.id, now.attribute, now.value) == (fact.id, "home", "Lyon")
    assert made.values("Where do I live?") == ["Lyon"]


@pytest.mark.parametrize(
    "text", ["", "  ", "My name is Ada.", "Perhaps.", "I live in Lyon. My name is Ada.", "x" * 3000]
)
def test_words_that_state_no_such_fact_correct_none(made: Made, text: str) -> None:
    [_, fact] = made.say("I live in Paris.")
    with pytest.raises(errors.InvalidRequestError) as caught:
        made.keeper.correct("ada", fact.id, text, "r")
    assert caught.value.parameter == "text" and made.values("Where do I live?") == ["Paris"]


def test_what_no_longer_holds_is_not_corrected_nor_what_is_anothers(made: Made) -> None:
    [turn, paris] = made.say("I live in Paris.")
    made.say("I moved to Lyon.")
    with pytest.raises(errors.ConflictError):
        made.keeper.correct("ada", paris.id, "I live in Rome.", "r")
    for user, identifier in (("bob", turn.id), ("ada", "nothing")):
        with pytest.raises(errors.NotFoundError):
            made.keeper.correct(user, identifier, "Something else.", "r")
    assert made.records.rows[turn.id][0] == turn
