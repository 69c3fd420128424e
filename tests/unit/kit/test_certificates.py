"""When certificates end."""

import datetime

import pytest

import made_certificate
from council.kit import certificates


@pytest.mark.parametrize("year", [2030, 2049, 2060])
def test_a_certificate_ends_when_it_says_before_and_after_2050(year: int) -> None:
    ends = datetime.datetime(year, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
    assert certificates.first_end_s(made_certificate.pem(ends)) == ends.timestamp()


def test_of_a_chain_the_first_to_end_counts() -> None:
    ends = [datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2035, 2030)]
    assert certificates.first_end_s("".join(map(made_certificate.pem, ends))) == ends[1].timestamp()


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"certificate|base64|cut off"):
        certificates.first_end_s(text)
