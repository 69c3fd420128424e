"""Advisories: which versions they are about, and that nothing is taken for safe of which nobody tells."""

import hypothesis
import pytest
from hypothesis import strategies

from council.domain import security
from council.upkeep.security import advisories, cvss

NOW_S = 1_790_000_000.0
NAMES = frozenset({"aiohttp", "pyyaml"})
INSTALLED = advisories.Package("aiohttp", "3.9.1")


def document(**values: object) -> dict[str, object]:
    affected = {
        "package": {"ecosystem": "PyPI", "name": "AIOHTTP"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "1.0.5"}, {"fixed": "3.9.2"}]}],
    }
    usual: dict[str, object] = {
        "id": "GHSA-1",
        "aliases": ["CVE-2024-1"],
        "summary": "It leads outside",
        "modified": "2026-09-01T00:00:00Z",
        "affected": [affected],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N"}],
    }
    return usual | values


def source(*documents: object, is_whole: bool = True, as_of_s: float | None = NOW_S) -> advisories.Source:
    found = [one for each in documents for one in advisories.read(each, NAMES)]
    return advisories.Source(security.Data("all.zip", 2000, is_whole, as_of_s), tuple(found))


def test_an_installed_version_in_an_advisorys_range_is_a_finding_with_the_version_that_mends_it() -> None:
    looked = advisories.look([INSTALLED], [source(document())], NOW_S)
    (found,) = looked.findings
    assert not looked.unknown
    assert found.severity is security.Severity.HIGH
    assert (found.subject, found.evidence) == ("aiohttp 3.9.1", "CVE-2024-1, GHSA-1")
    assert found.mend == security.Upgrade("aiohttp", "3.9.1", ("3.9.2",))
    assert found.next_step == "run a release with aiohttp 3.9.2 or later"


@pytest.mark.parametrize(
    ("version", "is_bad"),
    [("1.0.4", False), ("1.0.5", True), ("3.9.2a1", True), ("3.9.2", False), ("3.10", False), ("3.9.1.post1", True)],
)
def test_a_range_begins_with_what_introduced_it_and_ends_before_what_fixed_it(version: str, is_bad: bool) -> None:
    (one,) = advisories.read(document(), NAMES)
    assert advisories.affects(one, version) == is_bad


def test_the_last_affected_version_is_affected_and_the_next_is_not() -> None:
    events = [{"introduced": "0"}, {"last_affected": "2.0"}]
    affected = {
        "package": {"ecosystem": "PyPI", "name": "aiohttp"},
        "ranges": [{"type": "ECOSYSTEM", "events": events}],
    }
    (one,) = advisories.read(document(affected=[affected]), NAMES)
    assert [advisories.affects(one, at) for at in ("0.1", "2.0", "2.0.1")] == [True, True, False]


def test_a_version_that_is_named_counts_however_it_is_written() -> None:
    affected = {"package": {"ecosystem": "PyPI", "name": "aiohttp"}, "versions": ["v3.9.01"]}
    (one,) = advisories.read(document(affected=[affected]), NAMES)
    assert advisories.affects(one, "3.9.1")


@pytest.mark.parametrize(
    "values",
    [
        {"withdrawn": "2026-09-02T00:00:00Z"},
        {"affected": [{"package": {"ecosystem": "npm", "name": "aiohttp"}, "versions": ["3.9.1"]}]},
        {"affected": [{"package": {"ecosystem": "PyPI", "name": "other"}, "versions": ["3.9.1"]}]},
    ],
)
def test_what_was_withdrawn_or_is_of_another_package_says_nothing(values: dict[str, object]) -> None:
    assert not list(advisories.read(document(**values), NAMES))


def test_two_databases_that_know_each_others_names_tell_of_one_thing() -> None:
    other = document(id="PYSEC-2024-1", aliases=["GHSA-1"], severity=[])
    (found,) = advisories.look([INSTALLED], [source(document()), source(other)], NOW_S).findings
    assert found.evidence == "CVE-2024-1, GHSA-1, PYSEC-2024-1"
    assert found.severity is security.Severity.HIGH


def test_how_bad_something_is_that_says_nothing_of_it_counts_as_high() -> None:
    (found,) = advisories.look([INSTALLED], [source(document(severity=[]))], NOW_S).findings
    assert found.severity is security.Severity.HIGH
    assert "nobody says" in found.text


def test_without_advisories_every_package_is_unknown_and_none_is_safe() -> None:
    looked = advisories.look([INSTALLED], [], NOW_S)
    assert not looked.findings
    assert "of 1 of 1 packages no advisories are here: aiohttp" in looked.unknown[0].why


def test_single_advisories_find_and_leave_all_else_unknown() -> None:
    looked = advisories.look([INSTALLED], [source(document(), is_whole=False)], NOW_S)
    assert len(looked.findings) == 1
    assert "no advisories are here" in looked.unknown[0].why


def test_an_index_that_was_asked_about_a_version_leaves_it_known_and_another_version_unknown() -> None:
    reply = {"vulnerabilities": [{"id": "PYSEC-2", "aliases": [], "summary": "s", "fixed_in": ["3.9.2"]}]}
    told = tuple(advisories.of_index(INSTALLED, reply))
    asked = advisories.Source(
        security.Data("the index", 1, is_whole=False, as_of_s=NOW_S), told, frozenset({INSTALLED})
    )
    looked = advisories.look([INSTALLED], [asked], NOW_S)
    assert (len(looked.findings), looked.unknown) == (1, ())
    later = advisories.look([advisories.Package("aiohttp", "3.9.2")], [asked], NOW_S)
    assert (later.findings, len(later.unknown)) == ((), 1)


def test_advisories_that_are_old_say_that_what_came_since_is_not_known() -> None:
    old = source(document(), as_of_s=NOW_S - 45 * security.DAY_S)
    assert "45 days old" in advisories.look([INSTALLED], [old], NOW_S).unknown[0].why


@pytest.mark.parametrize("end", ["fixed", "last_affected"])
def test_an_end_that_is_no_version_ends_nothing(end: str) -> None:
    events = [{"introduced": "1.0"}, {end: "when it is done"}]
    package = {"ecosystem": "PyPI", "name": "aiohttp"}
    affected = [{"package": package, "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    (one,) = advisories.read(document(affected=affected), NAMES)
    assert [advisories.affects(one, at) for at in ("0.9", "1.0", "3.9.1")] == [False, True, True]


def test_a_whole_source_that_is_old_is_told_whatever_is_fresh_beside_it() -> None:
    old = source(document(), as_of_s=NOW_S - 800 * security.DAY_S)
    fresh = source(document(), is_whole=False)
    later = source(document(), as_of_s=NOW_S + 800 * security.DAY_S)
    whys = [one.why for one in advisories.look([INSTALLED], [old, fresh, later], NOW_S).unknown]
    assert len(whys) == 2 and "800 days old" in whys[0] and "cannot be told" in whys[1]


def test_nothing_that_steers_a_terminal_leaves_an_advisory() -> None:
    bad = "x\x1b]0;owned\x07\x1b[2J"
    package = {"ecosystem": "PyPI", "name": "aiohttp"}
    events = [{"introduced": "0"}, {"fixed": f"4.0{bad}"}, {f"fixed{bad}": "5"}]
    affected = [{"package": package, "versions": [bad, "3.9.1"], "ranges": [{"type": "ECOSYSTEM", "events": events}]}]
    told = document(id=f"A{bad}", aliases=[f"B{bad}"], summary=bad, affected=affected)
    reply = {"vulnerabilities": [{"id": bad, "aliases": [bad], "summary": bad, "fixed_in": [f"4{bad}"]}]}
    found = [*advisories.read(told, NAMES), *advisories.of_index(INSTALLED, reply)]
    finding = advisories.look([INSTALLED], [source(told)], NOW_S).findings
    assert len(found) == 2 and len(finding) == 1
    assert "\\x1b" not in repr(found) + repr(finding) and "\\x07" not in repr(found) + repr(finding)


def test_packages_that_cannot_be_listed_are_unknown() -> None:
    assert advisories.look(None, [source()], NOW_S).unknown


@hypothesis.given(strategies.recursive(
    strategies.none() | strategies.text() | strategies.integers(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(
        strategies.sampled_from(["id", "affected", "package", "ranges", "events", "severity", "versions", "name"]), inner
    ),
))  # fmt: skip
def test_a_document_of_any_form_is_read_or_refused(value: object) -> None:
    try:
        list(advisories.read(value, NAMES))
    except ValueError:
        pass


# Scores that FIRST publishes with the specification's examples.
@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
        ("CVSS:3.0/AV:L/AC:L/PR:N/UI:R/S:U/C:H/I:H/A:H", 7.8),
        ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("high", None),
    ],
)
def test_a_vector_has_the_score_that_its_specification_gives_it(vector: str, score: float | None) -> None:
    assert cvss.base_score(vector) == score
