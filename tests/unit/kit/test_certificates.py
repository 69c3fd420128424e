"""When certificates end."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from council.kit import certificates


def pem(ends: datetime.datetime) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "council.example")])
    begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(7).not_valid_before(begins).not_valid_after(ends)
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize("year", [2030, 2049, 2060])
def test_a_certificate_ends_when_it_says_before_and_after_2050(year: int) -> None:
    ends = datetime.datetime(year, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)
    assert certificates.first_end_s(pem(ends)) == ends.timestamp()


def test_of_a_chain_the_first_to_end_counts() -> None:
    ends = [datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2035, 2030)]
    assert certificates.first_end_s("".join(map(pem, ends))) == ends[1].timestamp()


@pytest.mark.parametrize(
    "text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"certificate|base64|cut off"):
        certificates.first_end_s(text)
