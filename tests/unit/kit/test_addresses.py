"""Passwords in addresses are hidden, also what only looks like one."""

from council.kit import addresses


def test_passwords_in_addresses_are_not_shown() -> None:
    text = "records:\n  url: postgresql+psycopg://ann:se:cr@t@db.example/council\nstore:\n  url: redis://:pw@s/0\n"
    shown = addresses.without_passwords(text)
    assert "se:cr@t" not in shown and "pw@" not in shown
    assert "ann:***@db.example/council" in shown and "redis://:***@s/0" in shown
    for given in (
        "postgresql+psycopg://council:pa/ss@db/council",
        "postgresql://db/council?user=council&password=ss&sslmode=x",
    ):
        assert "ss@" not in (told := addresses.without_passwords(given)) and "=ss" not in told and "***" in told
        assert addresses.has_password(f"records: {{url: '{given}'}}")
    plain = "url: https://api.example/v1 # ann@example\nother: http://[::1]:9/x@y:z\n"
    assert addresses.without_passwords(plain) == plain
