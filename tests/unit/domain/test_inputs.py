import pytest
from hypothesis import given
from hypothesis import strategies as st

from council import homes
from council.domain import inputs
from council.services import table

SERVICES = [*inputs.USES, "later"]
SAMPLE = {
    "council.yaml": "1", "prompts/general.md": "2", "providers.yaml": "3", "gates.yaml": "4", "sentinels.yaml": "5",
    "knowledge/a/b.md": "6", "guidebook/c.md": "7", "models.yaml": "8", ".council/patch.json": "9", "authz.yaml": "10",
}  # fmt: skip


def changed(*paths: str) -> set[str]:
    """Return the known services that have to start anew when these paths change."""
    return set(inputs.touched(inputs.USES, SAMPLE, {**SAMPLE, **dict.fromkeys(paths, "other")}))


def test_every_service_has_a_row() -> None:
    assert inputs.USES.keys() == set(table.NAMES)


def test_every_file_of_the_default_blueprint_is_in_the_table() -> None:
    known = {*inputs.EVERYBODY, *inputs.NOBODY, *(place for places in inputs.USES.values() for place in places)}
    unknown = {path for path in homes.default_files() if not inputs._lies(path, known)}
    assert not unknown, "say in `domain/inputs.py` which service reads them"


@pytest.mark.parametrize(
    ("path", "services"),
    [
        ("prompts/general.md", {"gateway"}),
        ("prompts/new.md", {"gateway"}),
        ("providers.yaml", {"gateway", "watcher"}),
        ("gates.yaml", {"watcher"}),
        ("sentinels.yaml", {"watcher"}),
        ("knowledge/a/b.md", {"recall"}),
        ("guidebook/c.md", {"recall"}),
        ("models.yaml", set()),
        ("authz.yaml", set()),
        (".council/patch.json", set()),
        ("council.yaml", set(inputs.USES)),
        ("dashboards/new.json", set(inputs.USES)),
        ("prompts", set(inputs.USES)),
        ("promptsx/a", set(inputs.USES)),
        ("gates.yaml/x", set(inputs.USES)),
    ],
)
def test_a_file_concerns_those_who_read_it_and_one_that_is_not_known_everybody(path: str, services: set[str]) -> None:
    assert changed(path) == services


def test_a_service_that_is_not_known_uses_all_but_what_nobody_does() -> None:
    assert {path for path in SAMPLE if not inputs.uses("later", path)} == {
        "models.yaml", ".council/patch.json", "authz.yaml",
    }  # fmt: skip


def test_a_file_that_goes_or_moves_changes_the_digest() -> None:
    without = {path: content for path, content in SAMPLE.items() if path != "prompts/general.md"}
    moved = {**without, "prompts/other.md": "2"}
    assert len({inputs.digest("gateway", each) for each in (SAMPLE, without, moved)}) == 3
    assert inputs.touched(inputs.USES, SAMPLE, moved) == {"gateway"}


files = st.dictionaries(
    st.sampled_from(sorted(SAMPLE)) | st.text("ab/.", min_size=1, max_size=5), st.text("01", max_size=2)
)


@given(before=files, after=files)
def test_a_digest_differs_just_where_a_file_that_is_used_differs(before: dict[str, str], after: dict[str, str]) -> None:
    for service in SERVICES:
        used = [{path: each[path] for path in each if inputs.uses(service, path)} for each in (before, after)]
        assert (service in inputs.touched([service], before, after)) == (used[0] != used[1])
