"""GitHub's published description finds what is wrong: else that nothing is found in the forge's suite would say nothing."""

import pytest

import github_description
import github_fake


@pytest.fixture
def description() -> github_description.Description:
    found = github_description.description()
    if found is None:
        pytest.skip(github_description.MISSING)
    return found


def test_the_description_finds_what_is_wrong_with_a_request(description: github_description.Description) -> None:
    asked = description.operation("PUT", f"{github_fake.AT}/pulls/7/merge")
    assert asked and asked.template.endswith("/merge")
    assert not description.problems_of_request(asked, {}, {"sha": "a", "merge_method": "squash"})
    for body in ({"sha": 7}, {"merge_method": "squish"}, {"shaa": "a"}):
        assert description.problems_of_request(asked, {}, body)
    assert description.problems_of_request(asked, {"page": "1"}, {"sha": "a"})
    listed = description.operation("GET", f"{github_fake.AT}/pulls")
    assert listed and not description.problems_of_request(listed, {"state": "all", "page": "2"}, None)
    assert description.problems_of_request(listed, {"state": "merged"}, None)
    assert description.problems_of_request(listed, {"page": "x"}, None)
    made = description.operation("POST", f"{github_fake.AT}/git/refs")
    assert made and description.problems_of_request(made, {}, None)
    assert description.problems_of_request(made, {}, {"ref": "refs/heads/x"})
    assert description.operation("DELETE", f"{github_fake.AT}/pulls/7") is None


def test_the_description_finds_what_is_wrong_with_a_reply(description: github_description.Description) -> None:
    asked = description.operation("PUT", f"{github_fake.AT}/pulls/7/merge")
    assert asked
    good = {"sha": "a", "merged": True, "message": "m"}
    assert not description.problems_of_reply(asked, 200, good)
    for body in ({"sha": "a"}, {**good, "merged": "yes"}, {**good, "more": 1}, None, []):
        assert description.problems_of_reply(asked, 200, body)
    assert description.problems_of_reply(asked, 201, good)
    assert not description.problems_of_reply(asked, 403, {"message": "no"})
