"""What an override may say, and that none of them widens anything."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from council.domain import errors, overrides
from council.domain.overrides import Cap, Kind, Order, Override

T0 = 1_790_000_000_000_000
HOUR_US = 3_600_000_000

numbers = st.integers(1, 10_000_000)
names = st.from_regex(r"[a-z0-9_][a-z0-9_-]{0,9}", fullmatch=True)


def override(kind: Kind, target: str, value: str, **more: object) -> Override:
    usual = Override("1", kind, target, value, "A flood.", "owner", T0, T0 + HOUR_US)
    return dataclasses.replace(usual, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "target", "value", "meant"),
    [
        (Kind.RATE, "*", "30", 30),
        (Kind.RATE, "token:tok-1", "1", 1),
        (Kind.RATE, "user:ann", "600", 600),
        (Kind.SHED, "*", "100", 100),
        (Kind.SHED, "route:general", "0", 0),
        (Kind.SHED, "path:/v1/embeddings", "50", 50),
        (Kind.WORKERS, "gateway", "2", 2),
        (Kind.PROVIDERS, "*", "-openai", Order((), frozenset({"openai"}))),
        (Kind.PROVIDERS, "smollm2-135m-instruct", "two,one,-three", Order(("two", "one"), frozenset({"three"}))),
        (Kind.CACHE, "answers", "0 entries", Cap(entries=0)),
        (Kind.CACHE, "texts", "1048576 bytes", Cap(bytes=1_048_576)),
    ],
)
def test_each_kind_has_its_own_targets_and_values(kind: Kind, target: str, value: str, meant: object) -> None:
    assert overrides.checked(override(kind, target, value)).title
    assert overrides.parse(kind, value) == meant


@pytest.mark.parametrize(
    ("kind", "target", "value"),
    [
        *((Kind.RATE, target, "30") for target in ("", "token:", "tok-1", "user:", "token:a\nb", "token:" + "x" * 300)),
        *((Kind.RATE, "*", value) for value in ("", "0", "-1", "+1", "1.5", "1e3", "030", " 30", "٣", "9" * 9)),
        *((Kind.SHED, target, "50") for target in ("path:/api/status", "path:", "route:admin", "general", "/mcp")),
        *((Kind.SHED, "*", value) for value in ("101", "-1", "50 %", "half")),
        *((Kind.WORKERS, target, "2") for target in ("*", "worker", "model", "")),
        *((Kind.WORKERS, "gateway", value) for value in ("0", "65")),
        *((Kind.PROVIDERS, "m", value) for value in ("", "a,", "a,a", "a,-a", "A", "--a", ",".join("abcdefghijklmnopq"))),
        *((Kind.PROVIDERS, target, "a") for target in ("", " m")),
        *((Kind.CACHE, target, "5 entries") for target in ("", "*", "prompts")),
        *((Kind.CACHE, "answers", value) for value in ("5", "5 kB", "-1 bytes", "5  entries", "5 entries ", "1.5 bytes")),
    ],
)  # fmt: skip
def test_what_is_of_no_form_is_refused_with_the_forms_there_are(kind: Kind, target: str, value: str) -> None:
    with pytest.raises(errors.InvalidRequestError, match="takes"):
        overrides.checked(override(kind, target, value))


@pytest.mark.parametrize(
    "wrong",
    [
        {"until_us": T0},
        {"until_us": T0 - 1},
        {"until_us": T0 + 24 * HOUR_US + 1},
        {"reason": ""},
        {"reason": " "},
        {"reason": "two\nlines"},
        {"reason": "x" * 301},
        {"reason": "\ud800"},
        {"id": ""},
        {"id": "x" * 65},
        {"by": ""},
        {"by": "x" * 65},
    ],
)
def test_an_override_has_a_reason_an_author_and_an_end_within_a_day(wrong: dict[str, object]) -> None:
    assert overrides.checked(override(Kind.RATE, "*", "1", until_us=T0 + 24 * HOUR_US))
    with pytest.raises(errors.InvalidRequestError):
        overrides.checked(override(Kind.RATE, "*", "1", **wrong))


@given(st.text())
def test_of_any_text_a_reason_can_be_made(text: str) -> None:
    assert overrides.checked(override(Kind.RATE, "*", "1", reason=overrides.reason_of(text)))


def test_a_reason_is_one_line_of_what_can_be_seen() -> None:
    assert overrides.reason_of(" two\nlines\x1b[31m ") == "two lines [31m"
    assert len(overrides.reason_of("x " * 900)) <= overrides.REASON_CHARS_MAX
    assert overrides.reason_of("\n") == "No reason was given."


def test_it_is_in_force_until_its_end_or_until_it_is_lifted() -> None:
    one = override(Kind.RATE, "*", "1")
    assert one.in_force(T0) and one.in_force(T0 + HOUR_US - 1) and not one.in_force(T0 + HOUR_US)
    # A clock that was set back a little still finds it, one that was set back by days does not.
    assert one.in_force(T0 - HOUR_US) and not one.in_force(T0 - 24 * HOUR_US)
    assert not dataclasses.replace(one, lifted_us=T0).in_force(T0)


def test_titles_say_what_is_changed() -> None:
    assert override(Kind.RATE, "token:tok-1", "30").title == "at most 30 requests a minute for token tok-1"
    assert override(Kind.RATE, "*", "30").title == "at most 30 requests a minute for each token"
    assert override(Kind.SHED, "*", "50").title == "refuse 50 % of new requests"
    assert override(Kind.SHED, "route:general", "50").title == "refuse 50 % of new requests of route general"
    assert override(Kind.SHED, "path:/mcp", "50").title == "refuse 50 % of new requests to path /mcp"
    assert override(Kind.WORKERS, "gateway", "2").title == "run 2 of gateway"
    assert override(Kind.PROVIDERS, "*", "b,-a").title == "ask b first and leave out a for every model"
    assert override(Kind.CACHE, "texts", "9 entries").title == "keep at most 9 entries in the cache of texts"


@given(numbers, st.lists(numbers))
def test_a_rate_is_never_above_the_configured_one(configured: int, ceilings: list[int]) -> None:
    assert 1 <= overrides.ceiling(configured, ceilings) <= configured


@given(st.integers(0, 10**6), st.none() | st.integers(0, 10**6))
def test_a_cache_never_holds_more_than_is_configured(configured: int, most: int | None) -> None:
    assert 0 <= overrides.capped(configured, most) <= configured


@given(st.integers(1, 64), st.integers(0, 64), st.none() | st.integers(1, 64))
def test_workers_stay_within_the_configured_bounds(configured: int, most: int, wanted: int | None) -> None:
    found = overrides.workers(configured, most, wanted)
    assert 1 <= found <= max(configured, most)
    assert wanted is not None or found == configured


@given(st.lists(names, max_size=8), st.lists(names, max_size=4), st.frozensets(names, max_size=4))
def test_providers_are_reordered_or_left_out_and_none_comes_in(
    found: list[str], first: list[str], without: frozenset[str]
) -> None:
    numbered = list(enumerate(found))
    arranged = overrides.arranged(numbered, lambda one: one[1], Order(tuple(first), without))
    assert sorted(arranged) == [one for one in numbered if one[1] not in without]
    # Of one provider, and of those that nobody named, the order is as it was.
    for name in set(found):
        assert [one for one in arranged if one[1] == name] == [
            one for one in numbered if one[1] == name and name not in without
        ]
    ranks = [first.index(name) if name in first else len(first) for _, name in arranged]
    assert len(set(first)) < len(first) or ranks == sorted(ranks)


@given(st.lists(names, unique=True), st.lists(names, unique=True), st.frozensets(names), st.frozensets(names))
def test_a_models_own_order_goes_before_that_of_all_and_either_leaves_out(
    own: list[str], of_all: list[str], out: frozenset[str], out_of_all: frozenset[str]
) -> None:
    found = overrides.joined(Order(tuple(own), out), Order(tuple(of_all), out_of_all))
    assert found is not None and found.first[: len(own)] == tuple(own) and set(found.first) == {*own, *of_all}
    assert found.without == out | out_of_all
    assert (
        overrides.joined(None, None) is None and overrides.joined(found, None) == overrides.joined(None, found) == found
    )
