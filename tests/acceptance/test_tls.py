"""HTTPS with a certificate of one's own: the service, its token rule, the command line, and a Prometheus that reads it."""

import http.client
import json
import shutil
import ssl
import subprocess
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import servers
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


def test_a_prometheus_over_the_written_files_reads_every_service(council):
    servers.need("prometheus")
    folder = council.home / "monitoring"
    whole.wait_until((folder / "prometheus.yml").exists, 30)
    with servers.prometheus(folder, (folder / "prometheus.yml").read_text()) as server:
        services = {"gateway", "model", "recall", "sandboxd", "watcher"}
        whole.wait_until(lambda: services <= told(server.url, "up == 1").keys(), 60)
        assert told(server.url, "council_exchanges_total").keys() == {"gateway"}
        assert told(server.url, "up == 0") == {}
        # The watcher tells of itself, too.
        whole.wait_until(lambda: "gateway" in told(server.url, "sentinel_verdict"), 60)


@pytest.mark.parametrize(
    ("key", "path", "status"),
    [("metrics", "/metrics", 200), ("metrics", "/v1/models", 401), ("internal", "/metrics", 401)],
)
def test_the_key_of_the_metrics_opens_them_alone_and_no_other_does(council, key, path, status):
    secret = (council.home / "secrets" / f"{key}.key").read_text().strip()
    context = ssl.create_default_context(cafile=council.environment["COUNCIL_GATEWAY_TLS_CERT_FILE"])
    context.check_hostname = False
    connection = http.client.HTTPSConnection("127.0.0.1", council.port, context=context, timeout=30)
    connection.request("GET", path, headers={"authorization": f"Bearer {secret}"})
    assert connection.getresponse().status == status
    connection.close()


def told(url, query):
    """Return what a Prometheus says now, by service."""
    asked = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"{url}/api/v1/query?{asked}", timeout=30) as reply:
        return {one["metric"]["svc"]: one["value"][1] for one in json.load(reply)["data"]["result"]}
