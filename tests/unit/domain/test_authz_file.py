"""`authz.yaml`: what Council ships, and what is refused by name."""

from typing import Any

import pytest

from council import homes
from council.domain import authz, authz_file, errors
from council.kit import globs

ONE, TWO, BOT = "1" * 40, "2" * 40, "3" * 40
SIGNERS = {
    ONE: {"name": "Ann", "kind": "human", "allow": ["**"]},
    TWO: {"name": "Bob", "kind": "human", "allow": ["**"], "deny": ["prompts/**"], "revoked": True},
    BOT: {"name": "tuner", "kind": "bot", "allow": ["prompts/**"], "max_daily": 2},
}


def built(journal_key: str = "", **given: Any) -> authz.Policy:
    return authz_file.build({"authorisation": {"signers": SIGNERS, **given}}, journal_key)


def shipped() -> authz.Policy:
    return authz_file.build(homes.parse_yaml(homes.default_files()[authz.FILE], authz.FILE))


def test_the_shipped_file_lists_nobody_and_states_the_defaults() -> None:
    policy = shipped()
    default = authz.Policy()
    assert policy.signers == {} and policy.revoked == frozenset()
    assert (policy.bots_daily, policy.sizes, policy.lifetime_s_max, policy.freeze_label, policy.windows) == (
        default.bots_daily, default.sizes, default.lifetime_s_max, default.freeze_label, default.windows,
    )  # fmt: skip
    assert policy.bots_daily == 3


@pytest.mark.parametrize(
    "path",
    ["authz.yaml", "keys/x.asc", "gates.yaml", "sentinels.yaml", "trial.yaml", "council.yaml", "providers.yaml", "models.yaml",
     "specialists/a/main.py", "pins.yaml", "pins/a"],
)  # fmt: skip
def test_the_shipped_file_protects_what_a_patch_could_take_over_with(path: str) -> None:
    assert any(globs.any_matches(rule.paths, path) for rule in shipped().protected)


@pytest.mark.parametrize("path", ["prompts/general.md", "knowledge/about.md", "guidebook/howto/x.md"])
def test_the_shipped_file_leaves_words_to_bots(path: str) -> None:
    assert shipped().lacking(path, ()) is None


def test_every_file_of_the_default_blueprint_that_is_no_text_for_people_is_protected() -> None:
    words = ("prompts/", "knowledge/", "guidebook/")
    files = [path for path in homes.default_files() if not path.startswith(words)]
    assert not [path for path in files if shipped().lacking(path, ()) is None]


def test_the_file_and_the_keys_are_protected_whatever_the_file_says() -> None:
    policy = built(protected=[])
    for path in ("authz.yaml", "keys/a.asc", "release.yaml", "playbooks.yaml", "sentinels.yaml", "trial.yaml"):
        assert policy.lacking(path, [BOT]) is authz.ALWAYS_PROTECTED
        assert policy.lacking(path, [ONE]) is None


def test_what_is_written_is_what_is_meant() -> None:
    policy = built(
        revoked=["4" * 40],
        protected=[{"paths": ["a/*"], "humans": 2, "of": [ONE, TWO]}],
        bots_daily=5,
        sizes={"files": 7},
        lifetime_h=2,
        windows=[{"days": ["sunday"], "from": "23:30", "to": "01:00"}],
    )
    assert policy.revoked == {TWO, "4" * 40}
    assert policy.signers[BOT] == authz.Signer(BOT, "tuner", authz.Kind.BOT, ("prompts/**",), (), 2)
    assert policy.signers[ONE].daily_max is None
    assert policy.protected[1] == authz.Protected(("a/*",), 2, frozenset({ONE, TWO}))
    assert (policy.bots_daily, policy.sizes.files, policy.lifetime_s_max) == (5, 7, 7200)
    assert policy.windows == (authz.Window(frozenset({6}), 1410, 60),)


def test_a_fingerprint_in_capitals_is_the_same_and_may_not_stand_twice() -> None:
    policy = authz_file.build({"authorisation": {"signers": {"A" * 40: SIGNERS[ONE]}}})
    assert list(policy.signers) == ["a" * 40]
    with pytest.raises(errors.ConfigError, match="twice"):
        authz_file.build({"authorisation": {"signers": {"A" * 40: SIGNERS[ONE], "a" * 40: SIGNERS[ONE]}}})


def test_deny_wins_over_allow() -> None:
    bob = built().signers[TWO]
    assert bob.may_change("gates.yaml") and not bob.may_change("prompts/a.md")


def test_a_person_who_was_revoked_does_not_count() -> None:
    policy = built(protected=[{"paths": ["gates.yaml"]}])
    assert policy.lacking("gates.yaml", [TWO]) is not None
    assert policy.lacking("gates.yaml", [TWO, ONE]) is None


def test_one_person_with_two_keys_is_one_person() -> None:
    keys = {ONE: SIGNERS[ONE], "9" * 40: SIGNERS[ONE]}
    rules = {"authorisation": {"signers": keys, "protected": [{"paths": ["gates.yaml"], "humans": 2}]}}
    assert authz_file.build(rules).lacking("gates.yaml", keys) is not None


def test_a_person_who_may_not_change_the_path_does_not_count_for_it() -> None:
    signers = {**SIGNERS, TWO: {**SIGNERS[TWO], "revoked": False}}
    policy = built(signers=signers, protected=[{"paths": ["prompts/**"]}, {"paths": ["gates.yaml"]}])
    assert policy.lacking("prompts/a.md", [TWO]) is not None
    assert policy.lacking("gates.yaml", [TWO]) is None


def test_the_journal_key_may_never_be_listed() -> None:
    with pytest.raises(errors.ConfigError, match="seals the journal"):
        built(journal_key=BOT)
    built(journal_key="9" * 40)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"signerz": {}}, "Unknown key `authorisation.signerz`"),
        ({"signers": []}, "`authorisation.signers` in authz.yaml must be a section"),
        ({"signers": {"1234": SIGNERS[ONE]}}, "write the full fingerprint of the primary key, 40 hex digits"),
        ({"signers": {"1" * 40 + "\n": SIGNERS[ONE]}}, "write the full fingerprint"),
        ({"signers": {ONE: {**SIGNERS[ONE], "kind": ["bot"]}}}, "kind` must be human or bot"),
        ({"signers": {ONE: {**SIGNERS[ONE], "kind": "robot"}}}, f"`authorisation.signers.{ONE}.kind` must be human or bot"),
        ({"signers": {ONE: {**SIGNERS[ONE], "name": ""}}}, "must be a name"),
        ({"signers": {ONE: {**SIGNERS[ONE], "name": "Ann\n"}}}, "must be a name"),
        ({"signers": {ONE: {**SIGNERS[ONE], "allow": []}}}, "list the paths that it may change"),
        ({"signers": {ONE: {**SIGNERS[ONE], "allow": ["../x"]}}}, "begins at the root"),
        ({"signers": {ONE: {**SIGNERS[ONE], "alow": ["x"]}}}, "Unknown key"),
        ({"signers": {ONE: {**SIGNERS[ONE], "max_daily": -1}}}, "must be a whole number from 0"),
        ({"signers": {ONE: {**SIGNERS[ONE], "max_daily": True}}}, "must be a whole number from 0"),
        ({"signers": {ONE: {**SIGNERS[ONE], "account": "a b"}}}, "must be an account's name on the forge"),
        ({"signers": {ONE: {**SIGNERS[ONE], "account": 3}}}, "must be an account's name on the forge"),
        ({"signers": {ONE: {**SIGNERS[ONE], "account": "a"}, BOT: {**SIGNERS[BOT], "account": "A"}}}, "'a' twice"),
        ({"signers": {ONE: {**SIGNERS[ONE], "revoked": "yes"}}}, "must be true or false"),
        ({"revoked": ["x"]}, "write the full fingerprint"),
        ({"revoked": "x"}, "must be a list"),
        ({"bots_daily": 1.5}, "must be a whole number"),
        ({"protected": [{"humans": 1}]}, "list the paths that the rule is about"),
        ({"protected": [{"paths": ["a"], "humans": 0}]}, "must be a whole number from 1"),
        ({"protected": [{"paths": ["a"], "humans": 2, "of": [ONE]}]}, "needs 2 of 1 people"),
        ({"protected": [{"paths": ["a"], "of": [BOT]}]}, "is no person among the signers"),
        ({"sizes": {"patch_bytes": 10**9}}, "must be a whole number from 1024 to 4194304"),
        ({"sizes": {"folders": 1}}, "Unknown key `authorisation.sizes.folders`"),
        ({"lifetime_h": 0}, "must be a whole number from 1"),
        ({"freeze_label": ""}, "must be a label"),
        ({"windows": [{"from": "3:00", "to": "04:00"}]}, "must be a time of the day"),
        ({"windows": [{"from": 180, "to": "04:00"}]}, "must be a time of the day"),
        ({"windows": [{"days": ["funday"], "from": "03:00", "to": "04:00"}]}, "not 'funday'"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_and_the_key_is_named(given: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.ConfigError) as raised:
        built(**given)
    assert told in raised.value.message


def test_another_key_beside_it_is_refused() -> None:
    with pytest.raises(errors.ConfigError, match="It holds `authorisation`"):
        authz_file.build({"authorisation": {}, "gates": {}})


# 1750000000 is Sunday, 15 June 2025, 15:06:40 UTC.
@pytest.mark.parametrize(
    ("days", "begin", "end", "inside"),
    [
        ({6}, "15:00", "16:00", True),
        ({6}, "15:07", "16:00", False),
        ({6}, "14:00", "15:06", False),
        ({5}, "15:00", "16:00", False),
        ({5}, "20:00", "16:00", True),
        ({5}, "20:00", "15:00", False),
        ({6}, "15:00", "15:00", True),
    ],
)
def test_a_window_may_go_over_midnight(days: set[int], begin: str, end: str, inside: bool) -> None:
    names = [authz.DAYS[day] for day in days]
    policy = built(windows=[{"days": names, "from": begin, "to": end}])
    assert authz.in_window(policy.windows, 1_750_000_000) is inside
