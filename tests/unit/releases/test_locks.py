"""What a lock may hold, and whether it gives what a wheel requires."""

import pytest

import made_release
from council.domain import errors
from council.releases import folder, locks

PINS = locks.read(made_release.LOCK.encode())
HASH = "    --hash=sha256:" + "1" * 64


def refused(lock: str) -> errors.ReleaseRefusedError:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        locks.read(lock.encode())
    return caught.value


def test_each_version_comes_with_its_marker_and_digests() -> None:
    assert [(one.name, one.version, one.marker, len(one.digests)) for one in PINS] == [
        ("click", "8.5.1", "", 2),
        ("numpy", "2.4.6", "python_full_version < '3.12'", 1),
        ("numpy", "2.5.5", "python_full_version >= '3.12'", 1),
    ]


@pytest.mark.parametrize(
    "lock",
    [
        "",
        "click==8.5.1\n",
        "click==8.5.1 \\\n",
        f"click>=8.5 \\\n{HASH}\n",
        f"click==8.* \\\n{HASH}\n",
        f"click==8.5.1 \\\n{HASH} \\\n",
        "click==8.5.1 \\\n    --hash=md5:11\n",
        f"click==8.5.1 \\\n{HASH}\n{HASH}\n",
        f"--index-url x\nclick==8.5.1 \\\n{HASH}\n",
        f"click @ file:///tmp/x \\\n{HASH}\n",
        f"-e .\nclick==8.5.1 \\\n{HASH}\n",
        f"click==8.5.1 ; nonsense \\\n{HASH}\n",
        f"click==8.5.1 \\\n{HASH}\nClick==8.5.1 \\\n{HASH}\n",
    ],
)
def test_nothing_but_packages_with_digests_may_be_in_it(lock: str) -> None:
    assert refused(lock).reason == folder.Reason.LOCK_MALFORMED


def unmet(*requires: str) -> str:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        locks.check_satisfies(PINS, requires, ("local",))
    assert caught.value.reason in (folder.Reason.DEPENDENCY_DIFFERS, folder.Reason.PACKAGE_MALFORMED)
    return caught.value.message


def test_a_lock_that_gives_each_requirement_one_version_that_fits_is_good() -> None:
    locks.check_satisfies(PINS, made_release.REQUIRES, ("local",))
    locks.check_satisfies(PINS, ["Click", "tomli>=2; python_version < '3.11'", "winreg; sys_platform == 'win32'"], ())


def test_what_it_lacks_is_named_with_the_machine() -> None:
    assert "The wheel requires orjson, of which the lock has no version for Python 3.11 on x86_64." in unmet("orjson")
    assert "no version for Python 3.14 on aarch64" in unmet(
        "orjson; python_version >= '3.14' and platform_machine == 'aarch64'"
    )


def test_a_version_that_does_not_fit_is_named() -> None:
    assert "requires click>=9, and the lock pins 8.5.1" in unmet("click>=9")
    assert "requires numpy>=2.5, and the lock pins 2.4.6 for Python 3.11" in unmet('numpy>=2.5; extra == "local"')


def test_an_address_instead_of_a_version_is_refused() -> None:
    assert "from an address" in unmet("click @ https://example.org/click.whl")


def test_a_requirement_that_cannot_be_read_is_refused() -> None:
    assert "cannot be read" in unmet("click >=> 8")


def test_an_extra_that_the_lock_does_not_cover_is_not_asked_for() -> None:
    locks.check_satisfies(PINS, ['psycopg>=3; extra == "postgres"'], ("local",))
    assert "psycopg" in unmet('psycopg>=3; extra == "local"')


def test_two_versions_for_one_machine_are_refused() -> None:
    both = (*PINS, locks.Pin("click", "8.6", "python_version >= '3.13'", frozenset("5")))
    with pytest.raises(errors.ReleaseRefusedError, match=r"2 versions for Python 3\.13"):
        locks.check_satisfies(both, ["click"], ())
