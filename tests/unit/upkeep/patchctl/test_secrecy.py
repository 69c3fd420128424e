"""What looks like a secret is found, and what people write about secrets is not."""

import random
import string
import time
from pathlib import Path

import pytest

from council import homes
from council.upkeep.patchctl.core import secrecy

ROOT = Path(__file__).parents[4]


def made(length: int, letters: str = string.ascii_letters + string.digits) -> str:
    return "".join(random.Random(length).choices(letters, k=length))


# Put together here, so that no file holds one.
SECRETS = {
    "a key of ours": "cncl" + "_" + made(43),
    "PEM": "-----BEGIN " + "PRIVATE KEY-----\nMC4CAQ",
    "an RSA key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "an SSH key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "an OpenPGP key": "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----",
    "OpenAI": "key is sk-" + "proj-" + made(48),
    "Anthropic": "sk-ant-" + "api03-" + made(60),
    "GitHub": "ghp" + "_" + made(36),
    "GitHub, fine-grained": "github" + "_pat_" + made(60),
    "GitLab": "glpat" + "-" + made(20),
    "AWS": "AKIA" + made(16, string.ascii_uppercase + string.digits),
    "Google": "AIza" + made(35),
    "Slack": "xoxb" + "-123456789012-" + made(24),
    "Slack's hook": "https://hooks.slack" + ".com/services/T00000000/B00000000/" + made(24),
    "Hugging Face": "hf" + "_" + made(34),
    "a web token": "eyJ" + made(20) + ".eyJ" + made(40) + "." + made(43),
    "an address": "postgresql://ann:" + "hunter2secret@db/x",
    "an address without a user": "redis://:" + "hunter2secret@store/0",
    "an address with a slash": "postgresql+psycopg://council:" + "pa/ss@wo@db/council",
    "an address with a number": "postgresql://ann:" + "80801234@db/x",
    "an address with a short number": "postgresql://ann:" + "8080@db/x",
    "an address with a word for a port": "postgresql://ann:" + "portable-radio@db/x",
    "an address with a query": "postgresql://db/council?user=council&pass" + "word=hunter2&sslmode=require",
    "assigned": "password: " + made(24),
    "assigned in JSON": '{"api_key": "' + made(32) + '"}',
    "assigned in code": "ACCESS_KEY = '" + made(40) + "'",
}
HARMLESS = [
    "Never write a password into a prompt. The token stands in the home.",
    "api_key: file",
    "token: ${COUNCIL_TOKEN}",
    "secret: null",
    "password = os.environ['PASSWORD_OF_THE_DATABASE']",
    "max_tokens: 4096",
    "https://example.org/a:b@c",
    "postgresql://user@host/db",
    "postgresql://db/council?user=council&password=secret",
    "postgresql://db/council?user=council&password=***",
    "https://example.org:8000/users/ann@example.org and http://[::1]:9/x@y:z",
    "https://example.org:8000?next=/users/ann@example.org and https://example.org:8000#ann@example.org",
    "[x](http://h:8000](mailto:a@b.org) and `http://h:8000`,ann@example.org",
    "file://C:/Users/ann@corp/x",
    "http://HOST:PORT/x@y and http://host:port/users/ann@example.org",
    "https://example.org/find?keywords=cats&page_token=2",
    "postgresql://council:secret@db.example:5432/council",
    "sha256: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "-----BEGIN PGP PUBLIC KEY BLOCK-----",
    "sk-learn is a library",
    "tokens: the-number-of-tokens-that-an-answer-has",
]


@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_is_found_wherever_it_stands(case: str) -> None:
    content = SECRETS[case].encode()
    assert secrecy.find(content)
    assert secrecy.find(b"some text\n" * 50 + b" " + content + b"\nmore")
    assert secrecy.find(b"\xff\xfe\0 " + content)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_written_about_secrets_is_none(text: str) -> None:
    assert secrecy.find(text.encode()) is None


def test_nothing_in_the_default_blueprint_is_taken_for_one() -> None:
    found = {path: what for path, content in homes.default_files().items() if (what := secrecy.find(content))}
    assert not found


SLOW = [
    "-----BEGIN " * 40_000, "eyJ" + "a" * 400_000, "token=" * 60_000, "a://" * 100_000, "a://b:" * 80_000,
    "token" + " " * 400_000, "a" * 400_000, "sk-" * 150_000,
]  # fmt: skip


@pytest.mark.parametrize("text", SLOW, ids=lambda text: text[:12])
def test_half_a_megabyte_that_is_made_to_be_slow_is_not(text: str) -> None:
    began = time.process_time()
    secrecy.find(text.encode())
    assert time.process_time() - began < 5
