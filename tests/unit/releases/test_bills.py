"""The bill of materials against the lock."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import made_release
from council.domain import errors
from council.releases import bills, folder, locks

PINS = locks.read(made_release.LOCK.encode())


def test_a_bill_of_the_same_packages_tells_where_the_release_comes_from() -> None:
    found = bills.check(json.dumps(made_release.bill()).encode(), made_release.VERSION, PINS)
    assert found == bills.Origin(made_release.COMMIT, "3.11", "1.2.13")


def refused(raw: bytes) -> errors.ReleaseRefusedError:
    with pytest.raises(errors.ReleaseRefusedError) as caught:
        bills.check(raw, made_release.VERSION, PINS)
    return caught.value


Spoil = Callable[[Any], object]


@pytest.mark.parametrize(
    ("spoil", "reason", "words"),
    [
        (lambda bill: bill["components"].pop(), "bill_differs", "lacks numpy==2.5.5"),
        (lambda bill: bill["components"].append(made_release.component("evil", "1", "9")), "bill_differs", "evil==1"),
        (lambda bill: bill["components"].append(bill["components"][0]), "bill_differs", "twice"),
        (lambda bill: bill["components"][0]["hashes"].pop(), "bill_differs", "digests of click 8.5.1"),
        (lambda bill: bill["components"][0]["hashes"][0].update(content="9" * 64), "bill_differs", "digests of click"),
        (lambda bill: bill["components"][0]["hashes"][0].update(alg="MD5"), "bill_differs", "digests of click"),
        (lambda bill: bill["components"][0].update(purl="pkg:pypi/clack@8.5.1"), "bill_differs", "otherwise of click"),
        (lambda bill: bill["components"][1]["properties"].clear(), "bill_differs", "otherwise of numpy 2.4.6"),
        (lambda bill: bill["metadata"]["component"].update(version="1.3.0"), "version_differs", "1.3.0"),
        (lambda bill: bill["metadata"]["component"].update(name="council"), "version_differs", "of council"),
        (lambda bill: bill["metadata"]["component"]["properties"].clear(), "bill_malformed", "which commit"),
        (lambda bill: bill.update(specVersion="1.5"), "bill_malformed", "specVersion"),
        (lambda bill: bill.update(components={}), "bill_malformed", "components"),
    ],
)
def test_a_bill_that_tells_otherwise_is_refused(spoil: Spoil, reason: str, words: str) -> None:
    bill = made_release.bill()
    spoil(bill)
    told = refused(json.dumps(bill).encode())
    assert (told.reason, words in told.message) == (reason, True), told.message


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_what_is_no_bill_is_refused(raw: bytes) -> None:
    assert refused(raw).reason == folder.Reason.BILL_MALFORMED
