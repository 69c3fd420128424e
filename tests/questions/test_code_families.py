"""Made questions: what is read of programs, and what the search claims of functions, is never wrong."""

from council.domain import answers
from council.serving.compute import results
from council.serving.compute.code import judging, reading, search, textbook_asks
from council.testing.questions import campaign, catalog, code_examples, code_runs, code_textbook


def by_search(text: str) -> results.Result:
    """Answer as the specialist does without a model, less the sandbox."""
    given = reading.read(text).to_json()["given"]
    payload = {"tests": given["tests"], "parameters": [], "name": given["name"]}
    found = search.search(payload)
    telling = judging.telling({"tests": given["tests"]})
    if not found["found"] or given["unread"] or not telling["telling"]:
        return results.PassedOn(found.get("reason", "not telling"))
    level = answers.Level.USER_TESTED if found["sure"] else answers.Level.SELF_TESTED
    return results.Solved(f"```python\n{found['code']}```", "", level, "")


def test_programs_of_every_family_are_read_as_runs_that_come_out_the_same_everywhere() -> None:
    for family in code_runs.FAMILIES:
        for asked in campaign.draw(family, 200, seed=5):
            read = reading.read(asked.text)
            assert (read.task, read.impure) == ("run", ""), asked.text


def test_what_a_run_must_refuse_is_not_read_as_one_that_comes_out_the_same_everywhere() -> None:
    for text in code_runs.FAMILIES[0].refuse[:13]:
        read = reading.read(text)
        assert read.task != "run" or read.impure, text


def test_no_function_that_the_search_is_sure_of_is_another_than_was_meant() -> None:
    tallies = campaign.run(code_examples.FAMILIES, by_search, 3, seed=5)
    assert {name: tally.wrong for name, tally in tallies.items() if tally.wrong_count} == {}
    assert sum(tally.right for tally in tallies.values()) > 2
    assert campaign.answered_though_refusable(code_examples.FAMILIES[:1], by_search) == []


def test_a_function_of_the_textbook_gives_what_another_way_gives() -> None:
    [family] = code_textbook.FAMILIES
    found = [(asked, textbook_asks.read(asked.text)) for asked in campaign.draw(family, 600, seed=5)]
    wrong = [asked for asked, read in found if read and not family.agrees(f"```python\n{read.code}\n```", asked.key)]
    assert wrong == [] and sum(read is not None for _, read in found) > 500


def test_what_asks_for_more_than_the_textbook_has_is_not_read_as_a_wish_for_it() -> None:
    assert [text for text in code_textbook.FAMILIES[0].refuse if textbook_asks.read(text)] == []


def test_a_function_that_is_another_than_was_meant_does_not_agree() -> None:
    [family] = code_textbook.FAMILIES
    asked = next(campaign.draw(family, 1, seed=5))
    assert not family.agrees("```python\ndef work(*given):\n    return 'something else'\n```", asked.key)


def test_every_family_has_a_name_of_its_own_and_the_same_seed_finds_the_same() -> None:
    found = catalog.found(3)
    assert {"code textbook", "knowledge: capitals", "knowledge documents: opens"} <= found.keys()
    assert catalog.found(3, of_this_machine=False).keys() == found.keys() - {"knowledge: words"}
