import inspect
import re

import pytest

from council.cli import main as cli_main
from council.domain import errors
from council.gateway import errors as http_errors

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.CouncilError)
]  # fmt: skip


def test_the_tree_in_the_docstring_is_the_tree_in_the_code() -> None:
    drawn: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"([│├└─ ]*)(\w+Error)\b", line):
            depth = len(match.group(1))
            above = [one for one in above if one[0] < depth]
            drawn[match.group(2)] = above[-1][1] if above else "Exception"
            above.append((depth, match.group(2)))
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in KINDS if kind.__base__}


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_docstring_a_code_and_one_http_status(kind: type[errors.CouncilError]) -> None:
    assert kind.__doc__ and re.fullmatch(r"[a-z_]+", kind.code)
    assert http_errors.status_of(kind("x")) in range(400, 600)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_the_operator_is_told_never_reaches_a_client(kind: type[errors.CouncilError]) -> None:
    raised = kind("shown", detail="hidden", parameter="p", retry_after_s=7)
    response = http_errors.response_of(raised, "the-id", "/v1/models")
    body = bytes(response.body).decode()
    assert "hidden" not in body and "the-id" in body
    assert ("shown" in body) == (response.status_code != 500)
    assert response.headers["retry-after"] == "7"


def test_an_error_reads_as_its_message() -> None:
    assert str(errors.NotFoundError("No such thing.")) == "No such thing."


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.SupervisorUnavailableError, 3),
        (errors.ConfigError, 4),
        (errors.BlueprintError, 4),
        (errors.SetupError, 4),
        (errors.RecordsUnavailableError, 5),
        (errors.ForbiddenError, 6),
        (errors.ContextTooLongError, 7),
        (errors.NotFoundError, 1),
        (errors.ForgeLimitedError, 5),
        (errors.ForgeForbiddenError, 6),
        (errors.ForgeConflictError, 7),
    ],
)
def test_each_kind_of_error_has_its_exit_status(
    kind: type[errors.CouncilError], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise kind("What went wrong.")

    monkeypatch.setattr(cli_main.cli, "main", fail)
    with pytest.raises(SystemExit) as ended:
        cli_main.main([])
    printed = capsys.readouterr()
    assert (ended.value.code, printed.out, printed.err) == (status, "", "council: What went wrong.\n")
