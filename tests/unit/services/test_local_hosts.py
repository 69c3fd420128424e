import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message

from council.services import local_hosts


async def status(*hosts: str, **more: str) -> int:
    async def hello(_: Request) -> Response:
        return PlainTextResponse("hello")

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", host.encode("latin-1")) for host in hosts]
    headers += [(name.replace("_", "-").encode(), text.encode()) for name, text in more.items()]
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers}
    await local_hosts.only(Starlette(routes=[Route("/", hello)]))(scope, receive, send)
    found: int = sent[0]["status"]
    return found


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8006", "127.0.0.1", "127.0.0.1:8006", "[::1]", "[::1]:8006"])
async def test_who_names_this_machine_is_answered(host: str) -> None:
    assert await status(host) == 200


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "evil.example:8006", "localhost.evil.example", "127.0.0.1.evil.example", "evil:127.0.0.1",
     "localhost:", "localhost:80:80", "[::1", "[evil]:1", "10.0.0.1", "local\xe9"],
)  # fmt: skip
async def test_any_other_name_is_refused(host: str) -> None:
    assert await status(host) == 403


@pytest.mark.parametrize("hosts", [(), ("localhost", "evil.example"), ("localhost", "localhost")])
async def test_no_name_or_several_are_refused(hosts: tuple[str, ...]) -> None:
    assert await status(*hosts) == 403


@pytest.mark.parametrize("more", [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://127.0.0.1:8006"},
                                  {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}])  # fmt: skip
async def test_what_a_web_page_sends_is_refused(more: dict[str, str]) -> None:
    assert await status("127.0.0.1:8006", **more) == 403


async def test_who_types_the_address_is_answered() -> None:
    assert await status("127.0.0.1:8006", sec_fetch_site="none") == 200
