import hashlib

from hypothesis import given
from hypothesis import strategies as st

from council.domain import access


def test_every_role_has_rights() -> None:
    assert set(access.RIGHTS) == set(access.Role)


def test_each_human_role_includes_the_one_before_it() -> None:
    viewer, operator, admin = (
        access.RIGHTS[role] for role in (access.Role.VIEWER, access.Role.OPERATOR, access.Role.ADMIN)
    )
    assert viewer < operator < admin == frozenset(access.Right)


def test_a_bot_runs_code_and_neither_operates_nor_administers() -> None:
    assert access.RIGHTS[access.Role.BOT] == {access.Right.READ, access.Right.CHAT, access.Right.EXECUTE}


def test_a_viewer_runs_no_code() -> None:
    assert access.RIGHTS[access.Role.VIEWER] == {access.Right.READ, access.Right.CHAT}


@given(st.text())
def test_a_digest_is_the_sha256_of_the_secret(secret: str) -> None:
    assert access.digest(secret) == hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def test_a_lone_surrogate_has_a_digest_too() -> None:
    assert access.digest("\ud800") != access.digest("\ud801")
