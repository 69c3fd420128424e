"""When an X.509 certificate ends, read from its PEM text. Only that: nothing here says that a certificate is good.

The way through DER is that of RFC 5280, section 4.1: certificate, its signed part, past version, serial number, algorithm and
issuer, to the validity.
"""

import datetime
import ssl

_SEQUENCE, _VERSION, _UTC, _GENERAL = 0x30, 0xA0, 0x17, 0x18
_BEGIN, _END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_BYTES_MAX = 1024 * 1024


def first_end_s(pem: str) -> float:
    """Return when the first certificate of a chain to end does so, Unix seconds. Raises ValueError."""
    if len(pem) > _BYTES_MAX:
        raise ValueError(f"it is over {_BYTES_MAX} bytes")
    blocks = [part.partition(_END)[0] for part in pem.split(_BEGIN)[1:]]
    if not blocks:
        raise ValueError("it holds no PEM certificate")
    return min(_end_s(ssl.PEM_cert_to_DER_cert(f"{_BEGIN}{block}{_END}\n")) for block in blocks)


def _end_s(raw: bytes) -> float:
    try:
        certificate, _ = _value(raw, 0, _SEQUENCE)
        signed, _ = _value(certificate, 0, _SEQUENCE)
        at = 0
        if signed[0] == _VERSION:
            _, at = _value(signed, at, _VERSION)
        for _ in range(3):
            _, at = _value(signed, at, None)
        validity, _ = _value(signed, at, _SEQUENCE)
        _, after = _value(validity, 0, None)
        kind = validity[after]
        text, _ = _value(validity, after, None)
        return _moment_s(kind, text.decode("ascii"))
    except (IndexError, UnicodeDecodeError) as error:
        raise ValueError("it is no certificate of X.509") from error


def _value(raw: bytes, at: int, kind: int | None) -> tuple[bytes, int]:
    """Return what lies at a place, and the place behind it."""
    if kind is not None and raw[at] != kind:
        raise ValueError("it is no certificate of X.509")
    length, begin = raw[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4:
            raise ValueError("it is no certificate of X.509")
        length, begin = int.from_bytes(raw[begin : begin + count]), begin + count
    if begin + length > len(raw):
        raise ValueError("it is cut off")
    return raw[begin : begin + length], begin + length


def _moment_s(kind: int, text: str) -> float:
    if kind == _UTC:
        # Two digits of a year: from 50 on they are of the last century.
        text = ("19" if text[:2] >= "50" else "20") + text
    elif kind != _GENERAL:
        raise ValueError("its validity is no time")
    moment = datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ")
    return moment.replace(tzinfo=datetime.UTC).timestamp()
