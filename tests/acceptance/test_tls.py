"""HTTPS with a certificate of one's own: the service, its token rule and the command line."""

import http.client
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import whole


@pytest.fixture(scope="module")
def council() -> Iterator[whole.Council]:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with; install openssl")
    with tempfile.TemporaryDirectory(prefix="council") as name:
        folder = Path(name)
        subject = ["-subj", "/CN=council.test", "-addext", "subjectAltName=DNS:council.test"]
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files]
        subprocess.run(command, check=True, capture_output=True)
        settings = {
            "COUNCIL_GATEWAY_TLS_CERT_FILE": str(folder / "cert.pem"),
            "COUNCIL_GATEWAY_TLS_KEY_FILE": str(folder / "key.pem"),
            "COUNCIL_GATEWAY_ANONYMOUS_LOOPBACK": "false",
        }
        with whole.running(folder / "h", whole.free_port(), settings) as running:
            yield running


def test_the_service_speaks_https_and_wants_a_token(council):
    context = ssl.create_default_context(cafile=council.environment["COUNCIL_GATEWAY_TLS_CERT_FILE"])
    context.check_hostname = False
    for headers, status in (({}, 401), ({"authorization": f"Bearer {council.token}"}, 200)):
        connection = http.client.HTTPSConnection("127.0.0.1", council.port, context=context, timeout=30)
        connection.request("GET", "/v1/models", headers=headers)
        assert connection.getresponse().status == status
        connection.close()


def test_ask_finds_its_way_over_https(council):
    asked = council.command("ask", "What is 2+2?")
    assert asked.returncode == 0 and "4" in asked.stdout, asked.stderr


def test_plain_http_is_not_answered(council):
    connection = http.client.HTTPConnection("127.0.0.1", council.port, timeout=30)
    with pytest.raises((http.client.HTTPException, OSError)):
        connection.request("GET", "/livez")
        connection.getresponse()
    connection.close()
