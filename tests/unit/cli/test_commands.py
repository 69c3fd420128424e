"""Commands in this process; what only a process of its own shows is in tests/integration/test_command_line.py."""

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from council import app, homes
from council.cli import blueprint as config_command
from council.cli import main
from council.domain import config, errors, home, ledger, money
from council.kit import clock

BEGAN_US = clock.SystemClock().now_us() - 1_000_000


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new home to copy: making one starts git some eighty times."""
    root = tmp_path_factory.mktemp("prepared") / "home"
    homes.prepare(home.Home(root), {})
    return root


@pytest.fixture
def where(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> home.Home:
    made = home.Home(shutil.copytree(prepared, tmp_path / "home", symlinks=True))
    monkeypatch.setenv("COUNCIL_HOME", str(made.root))
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main.cli, arguments, catch_exceptions=False)


def good(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def read(*arguments: str) -> Any:
    return json.loads(good(*arguments, "--json"))


def row(number: int, **more: Any) -> ledger.LedgerRow:
    fields: dict[str, Any] = {
        "request_id": f"r{number}", "at_us": BEGAN_US + number, "user_id": "owner",
        "token_id": "t", "route": "math", "specialist": "math", "model": "", "outcome": ledger.Outcome.ANSWERED,
        "level": "computed", "verified": True, "escalated": False, "prompt_tokens": 1, "completion_tokens": 2,
        "cost_usd_micros": 1_500_000, "first_us": 3, "total_us": 4, "generation": "g",
    }  # fmt: skip
    return ledger.LedgerRow(**{**fields, **more})


def fill(where: home.Home, *rows: ledger.LedgerRow) -> None:
    records = app.records(config.Config(), where)
    records.append(rows)
    records.close()


def test_init_twice_says_that_all_is_there(where: home.Home) -> None:
    assert "complete already" in good("init")
    assert read("init") == {"home": str(where.root), "generation": where.current.readlink().name, "new": False}


def test_init_in_a_new_place_names_the_token_file(tmp_path: Path) -> None:
    said = good("init", "--home", str(tmp_path / "new"))
    assert "is made" in said and str(tmp_path / "new" / "token") in said


def test_config_show_lists_every_setting_with_the_environment_on_top(
    where: home.Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNCIL_PORT", "18300")
    shown = read("config", "show")
    assert shown["port"] == 18300 and shown["gateway.workers"] == 1
    assert "port = 18300" in good("config", "show").splitlines()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:pw@host/db", "postgresql://ann@host/db"),
        ("redis://:p@w@host", "redis://@host"),
        ("unix:///s?password=pw&db=1", "unix:///s?password=&db=1"),
        ("sqlite:////path", "sqlite:////path"),
        ("", ""),
    ],
)
def test_a_password_in_a_url_is_not_shown(url: str, shown: str) -> None:
    built = config.build({"records": {"url": url}, "store": {"url": url}}, {}, {})
    flat = config_command.flatten(built)
    assert flat["records.url"] == shown == flat["store.url"]


def test_config_set_makes_a_new_generation_that_holds_the_value(where: home.Home) -> None:
    before = where.current.readlink()
    good(
        "config",
        "set",
        "gateway.workers=2",
        "worker.wall_s=1.5",
        "gateway.allowed_hosts=[a, b]",
        "model.name=smollm2-135m-instruct",
    )
    assert where.current.readlink() != before
    shown = read("config", "show")
    assert (shown["gateway.workers"], shown["worker.wall_s"], shown["gateway.allowed_hosts"]) == (2, 1.5, ["a", "b"])
    good("config", "set", "gateway.workers=3")
    assert read("config", "show")["worker.wall_s"] == 1.5


@pytest.mark.parametrize(
    "assignment",
    [
        "port", "prot=1", "port=x", "port=", "gateway=3", "gateway.workers=0", "port.x=1", "=1", "port=[1",
        "model.name=2020-13-45",
        "gateway.workers.x=1", "port=" + "[" * 1000, "model.name=unpriced", "gateway.host=0.0.0.0",
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_and_nothing_changes(where: home.Home, assignment: str) -> None:
    before = where.current.readlink()
    with pytest.raises(errors.ConfigError):
        run("config", "set", "worker.wall_s=2", assignment)
    assert where.current.readlink() == before


def test_config_check_names_what_is_wrong_in_a_file(where: home.Home, tmp_path: Path) -> None:
    assert "valid" in good("config", "check")
    file = tmp_path / "mine.yaml"
    file.write_text("gateway:\n  wrokers: 1\n")
    with pytest.raises(errors.ConfigError, match=r"Did you mean `gateway\.workers`"):
        run("config", "check", str(file))
    file.write_text("gateway:\n  workers: 1\n")
    assert "valid" in good("config", "check", str(file))
    with pytest.raises(errors.ConfigError, match="cannot be read"):
        run("config", "check", str(tmp_path / "never.yaml"))


def test_a_token_is_shown_once_listed_without_its_secret_and_revoked(where: home.Home) -> None:
    secret = good("tokens", "add", "--role", "operator", "--user", "ann", "--label", "laptop").strip()
    assert secret.startswith("cncl_")
    listed = read("tokens", "list")
    [mine] = [token for token in listed if token["user"] == "ann"]
    assert (mine["role"], mine["label"], mine["revoked_us"]) == ("operator", "laptop", None)
    assert secret not in good("tokens", "list") and secret not in json.dumps(listed)
    assert "Revoked" in good("tokens", "revoke", mine["id"])
    assert next(token for token in read("tokens", "list") if token["id"] == mine["id"])["revoked_us"] is not None
    for unknown in (mine["id"], "never"):
        with pytest.raises(errors.NotFoundError, match="in force"):
            run("tokens", "revoke", unknown)


def test_a_token_may_be_limited_to_staging(where: home.Home) -> None:
    good("tokens", "add", "--role", "operator", "--user", "ci", "--staging")
    [mine] = [token for token in read("tokens", "list") if token["user"] == "ci"]
    assert mine["staging"] is True and "operator, staging" in good("tokens", "list")


@pytest.mark.parametrize(
    "arguments", [["--role", "king"], ["--requests-per-minute", "0"], ["--requests-per-minute", "x"]]
)
def test_a_token_that_cannot_be_is_wrong_usage(where: home.Home, arguments: list[str]) -> None:
    assert run("tokens", "add", *arguments).exit_code == 2


def test_a_report_sums_rows_and_ends_with_the_total(where: home.Home) -> None:
    fill(where, row(1), row(2, route="logic", outcome=ledger.Outcome.FAILED, verified=False), row(3))
    found = {line["key"]: line for line in read("ledger", "report", "--by", "route")}
    assert (found["math"]["requests"], found["logic"]["answered"], found["math"]["cost_usd_micros"]) == (
        2,
        0,
        3_000_000,
    )
    table = good("ledger", "report", "--by", "route").splitlines()
    assert table[0].split()[:2] == ["ROUTE", "REQUESTS"] and table[-1].split()[:2] == ["total", "3"]
    assert table[-1].endswith("4.500000")


@pytest.mark.parametrize("by", list(ledger.GroupBy))
def test_an_empty_ledger_reports_nothing_by_anything(where: home.Home, by: ledger.GroupBy) -> None:
    assert read("ledger", "report", "--by", by.value) == []
    assert good("ledger", "report", "--by", by.value).splitlines()[-1].split()[:2] == ["total", "0"]


def test_an_export_is_one_json_object_a_line_oldest_first(where: home.Home) -> None:
    fill(where, row(2), row(1), row(3, model='with "quotes", commas\nand lines'))
    rows = [json.loads(line) for line in good("ledger", "export").splitlines()]
    assert [one["request_id"] for one in rows] == ["r1", "r2", "r3"]
    assert set(rows[0]) == set(ledger.LedgerRow.__dataclass_fields__)


def test_an_export_as_csv_says_the_same(where: home.Home) -> None:
    fill(where, row(1), row(2, model='with "quotes", commas\nand lines'))
    table = list(csv.DictReader(io.StringIO(good("ledger", "export", "--format", "csv"), newline="")))
    rows = [json.loads(line) for line in good("ledger", "export").splitlines()]
    assert [{key: str(value) for key, value in one.items()} for one in rows] == table


@pytest.mark.parametrize(
    ("usd_micros", "shown"), [(0, "0.000000"), (1, "0.000001"), (-1, "-0.000001"), (10**15 + 1, "1000000000.000001")]
)
def test_money_is_shown_exactly(usd_micros: int, shown: str) -> None:
    assert money.dollars(usd_micros) == shown


def test_models_list_says_what_is_in_use_and_whether_it_is_prepared(where: home.Home) -> None:
    found = read("models", "list")
    assert {key: found[key] for key in ("in_use", "file", "packaged_prepared", "sha256")} == {
        "in_use": "smollm2-135m-instruct", "file": None, "packaged_prepared": False, "sha256": None,
    }  # fmt: skip
    assert "council models prepare" in good("models", "list")


def test_models_use_serves_a_file_and_goes_back_to_the_packaged_model(where: home.Home, tmp_path: Path) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"GGUF and more")
    good("models", "use", "mine", "--file", str(file))
    found = read("models", "list")
    assert (found["in_use"], found["file"]) == ("mine", str(file))
    assert yaml.safe_load((where.current / "council.yaml").read_text())["prices"]["mine"]["input_usd_micros"] == 0
    good("models", "use", "smollm2-135m-instruct")
    assert read("models", "list")["file"] is None


def test_models_use_refuses_what_is_no_model(where: home.Home, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no model")
    for arguments in (
        ["other"],
        ["x", "--file", str(tmp_path / "text")],
        ["x", "--file", str(tmp_path)],
        ["x", "--file", "never"],
    ):
        with pytest.raises(errors.SetupError):
            run("models", "use", *arguments)
    assert read("models", "list")["in_use"] == "smollm2-135m-instruct"


def test_doctor_finds_a_model_that_is_not_prepared_and_nothing_running(where: home.Home) -> None:
    result = run("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 1 and not found["model"]["good"] and "models prepare" in found["model"]["text"]
    assert all(found[name]["good"] for name in ("python", "git", "sqlite", "blueprint", "secrets", "records"))
    assert not found["services"]["good"] and not found["services"]["needed"]


def test_doctor_finds_secrets_that_others_can_read(where: home.Home) -> None:
    where.token_file.chmod(0o644)
    found = {finding["name"]: finding for finding in json.loads(run("doctor", "--json").stdout)}
    assert not found["secrets"]["good"] and "token" in found["secrets"]["text"]


@pytest.mark.parametrize("variable", ["COUNCIL_RECORDS_URL", "COUNCIL_STORE_URL"])
@pytest.mark.parametrize(
    "url", ["nonsense", "what://host/x", "redis://127.0.0.1:1", "postgresql+psycopg://127.0.0.1:1/x"]
)
def test_doctor_names_a_back_end_that_cannot_be_reached(
    where: home.Home, monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)
    result = run("doctor", "--json")
    found = {finding["name"]: finding for finding in json.loads(result.stdout)}
    name = "records" if "RECORDS" in variable else "store"
    assert result.exit_code == 1 and not found[name]["good"] and found[name]["needed"] and found[name]["text"]


def test_doctor_in_a_place_without_a_home_says_what_to_run(tmp_path: Path) -> None:
    result = run("doctor", "--home", str(tmp_path))
    assert result.exit_code == 1 and "council init" in result.stdout


@pytest.mark.parametrize("command", [["status"], ["down"], ["status", "--json"]])
def test_what_needs_the_service_says_that_it_is_not_running(where: home.Home, command: list[str]) -> None:
    with pytest.raises(errors.SupervisorUnavailableError):
        run(*command)


def test_a_local_model_may_not_take_the_name_of_a_providers_model(where: home.Home) -> None:
    good("providers", "add", "ollama")
    good(
        "providers", "model", "add", "theirs", "--provider", "ollama", "--model", "x", "--input-usd", "0",
        "--output-usd", "0",
    )  # fmt: skip
    before = where.current.readlink()
    with pytest.raises(errors.ConfigError, match="'theirs'"):
        run("config", "set", "model.name=theirs", "prices.theirs={input_usd_micros: 0, output_usd_micros: 0}")
    assert where.current.readlink() == before


def test_prices_are_shown_as_they_may_be_written(where: home.Home) -> None:
    shown = read("config", "show")
    assert shown["prices.smollm2-135m-instruct"] == {"input_usd_micros": 0, "output_usd_micros": 0}
