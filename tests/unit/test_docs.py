"""The docs say what the code says: tables, settings, commands and words.

Tables between `<!-- table: NAME -->` and `<!-- end -->` are made here from the code. `.venv/bin/python tests/unit/test_docs.py`
writes them anew; the tests only compare. Links are checked by test_tidy, running examples by the acceptance tests.
"""

import dataclasses
import itertools
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import prometheus_client
import pytest

from council import care_telemetry, homes, telemetry
from council.cli import main as cli_main
from council.domain import access, answers, config, errors, gates, gates_file, home, ledger, patches, sandbox, ways
from council.gateway import errors as http_errors
from council.homes import parse_yaml
from council.patching import checking
from council.services import patchctl, records_rights, rights
from council.serving.sandbox import recorder
from council.supervisor import specs
from council.upkeep.patchctl import steps
from council.zygote import layers

ROOT = Path(__file__).resolve().parents[2]
HOME = home.Home(Path("/HOME"))


def pages() -> list[Path]:
    top = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "AGENTS.md", "CONTRIBUTING.md", "SECURITY.md")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "config").rglob("*.md"))]


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


# Tables made from the code


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def errors_table() -> str:
    explained = {kind.code: kind.__doc__ or "" for kind in _kinds(errors.CouncilError)}
    rows = [
        (f"`{code}`", str(status), f"`{kind}`", explained[code])
        for code, (status, kind) in [*http_errors._TABLE.items(), ("internal_error", http_errors._INTERNAL)]
    ]
    return table(("code", "HTTP status", "type", "when"), rows)


def _kinds(root: type[errors.CouncilError]) -> Iterator[type[errors.CouncilError]]:
    # The root's own text says where it stands, not when it is met.
    yield root if root is not errors.CouncilError else type("_", (), {"code": root.code, "__doc__": "Not foreseen."})  # type: ignore[misc]
    for kind in root.__subclasses__():
        yield from _kinds(kind)


def patch_reasons_table() -> str:
    rows = [
        (
            f"`{reason}`",
            checking.step_of(reason, proven=False).value,
            str(patchctl._STATUS.get(reason, patchctl._REFUSED)),
        )
        for reason in patches.Reason
        if reason not in patches.ON_THE_WAY
    ]
    phases = {patches.Reason.NOT_INSTALLED: steps.Phase.INSTALLING}
    on_the_way = [
        (f"`{one}`", phases.get(one, steps.Phase.LAUNCHING).value, "none, it is on its way")
        for one in sorted(patches.ON_THE_WAY)
    ]
    return table(("reason", "step", "HTTP status"), rows + on_the_way)


def metrics_table() -> str:
    found = [
        value
        for module in (telemetry, care_telemetry)
        for value in vars(module).values()
        if isinstance(value, prometheus_client.metrics.MetricWrapperBase)
    ]
    rows = []
    for metric in found:
        total = "_total" if metric._type == "counter" else ""
        labels = ", ".join(f"`{name}`" for name in metric._labelnames)
        rows.append((f"`{metric._name}{total}`", metric._type, labels, metric._documentation))
    return table(("name", "kind", "labels", "meaning"), rows)


def processes_table() -> str:
    settings = config.build({}, {}, {})
    rows = []
    for service in specs.specs(settings, HOME, ""):
        tcp = [
            f"{one.host}:{one.port} (base +{one.port - settings.port})" for one in service.sockets if one.kind == "tcp"
        ]
        unix = [_placed(one.path) for one in service.sockets if one.kind == "unix"]
        unix += [_placed(service.ping_path)] if service.ready == "ping" else []
        rows.append((f"`{service.name}`", ", ".join(tcp) or "none", ", ".join(unix) or "none"))
    return table(("process", "TCP, with base port 8000", "Unix socket"), rows)


def rights_table() -> str:
    settings = config.build({}, {}, {})
    worker = rights.confinement_of("worker", settings, HOME)
    common = {*worker.read, *worker.write}
    rows = []
    for service in specs.specs(settings, HOME, ""):
        if rights.why_not_confined(service.name, settings):
            rows.append((f"`{service.name}`", "any", "any", "any", "any", "all"))
            continue
        found = rights.confinement_of(service.name, settings, HOME)
        # Device files are those of this machine, and the default blueprint lies where Council is installed.
        away = common.union(homes.default_folders().values())
        read, write = (
            [_placed(path) for path in paths if path not in away and path.parts[1] != "dev"]
            for paths in (found.read, found.write)
        )
        write += [f"{_placed(path)} (puts, and reads none)" for path in found.put]
        connect, bind = (_ports(each) for each in (found.connect_ports, found.bind_ports))
        sockets = "Unix" if service.name in rights.UNIX_ONLY else "all"
        rows.append(
            (f"`{service.name}`", ", ".join(read) or "none", ", ".join(write) or "none", connect, bind, sockets)
        )
    head = ("process", "reads in the home", "writes in the home", "connects to TCP", "opens TCP ports", "makes sockets")
    return table(head, rows)


def tables_table() -> str:
    rows = []
    for name, row in sorted(records_rights.ROWS.items()):
        if row is not None:
            only = sorted(set(row.reads) - row.writes)
            reads = [f"`{one}`" + (f" ({', '.join(sorted(row.reads[one]))})" if row.reads[one] else "") for one in only]
            rows.append((f"`{name}`", ", ".join(reads) or "none", ", ".join(f"`{one}`" for one in sorted(row.writes))))
    return table(("process", "reads", "reads and writes"), rows)


def _placed(path: Path) -> str:
    return f"`{path}`".replace(str(HOME.root), "HOME")


def _ports(allowed: Any) -> str:
    return "any" if allowed is None else ", ".join(map(str, allowed)) or "none"


def roles_table() -> str:
    rows = [(f"`{role}`", ", ".join(f"`{right}`" for right in access.Right if right in held)) for role, held in _RIGHTS]
    return table(("role", "rights"), rows)


def whys_table() -> str:
    return table(("why", "words"), [(f"`{why}`", words) for why, words in ways.WHY.items()])


def escalating_table() -> str:
    return table(("why", "words"), [(f"`{why}`", words) for why, words in ways.ESCALATING.items()])


_RIGHTS = access.RIGHTS.items()
_SHIPPED = parse_yaml((ROOT / "config" / gates.FILE).read_bytes(), gates.FILE)
_GATES = gates_file.build(_SHIPPED, _SHIPPED)


def gates_table() -> str:
    rows = [
        (
            f"`{gate.name}`",
            f"{gate.comparator} {_of_unit(gate.threshold, gate.unit)}",
            _of_unit(gate.amber, gate.unit),
            ", then ".join(map(_duration, gate.windows_s)),
            f"{gate.samples_min:g}",
            gate.protects,
        )
        for gate in _GATES
    ]
    return table(("gate", "must be", "amber from", "window", "samples at least", "protects"), rows)


def gate_formulas_table() -> str:
    rows = [(f"`{gate.name}`", _formula(gate.form), ", ".join(gate.services) or "all", gate.no_data) for gate in _GATES]
    return table(("gate", "its number", "of", "no data"), rows)


def gate_bakes_table() -> str:
    rows = [
        (
            f"`{gate.name}`",
            gate.bake.formula,
            f"{gate.bake.samples_min:g} in {_duration(gate.bake.window_s)}",
            ", ".join(gate.playbooks) or "none",
        )
        for gate in _GATES
    ]
    return table(("gate", "judged in a bake by", "samples at least", "playbooks"), rows)


def _formula(form: gates.Form) -> str:
    match form:
        case gates.Gauge():
            over = f" over {_selected(form.by)}" if form.by else ""
            return f"the {'highest' if form.most else 'newest'} {_selected(form.of)}{over}, the worst of them"
        case gates.Ratio():
            part, whole = (" and ".join(map(_selected, side)) for side in (form.part, form.whole))
            return f"rise of {part}, over rise of {whole}"
        case gates.Quantile():
            return f"{form.share * 100:g} of a hundred in {_selected(form.of)} are below it"
        case gates.Slope():
            minima = f"the lowest of each {_duration(form.bucket_s)}"
            return f"steepest rise of {_selected(form.of)}, by least squares over {minima}"
        case gates.Count():
            return f"the most at once of {_selected(form.of)}, summed"


def _selected(selector: gates.Selector) -> str:
    labels = "; ".join(f"{name} {' or '.join(values)}" for name, values in selector.where.items())
    return f"`{selector.metric}`" + (f" ({labels})" if labels else "")


def _of_unit(number: float, unit: str) -> str:
    return f"${number:.2f}" if unit == "USD" else f"{number:g} {unit}".strip()


def _duration(seconds: float) -> str:
    for length_s, name in ((3600, "h"), (60, "min")):
        if seconds % length_s == 0:
            return f"{seconds / length_s:g} {name}"
    return f"{seconds:g} s"


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "errors": ("docs/reference/http-api.md", errors_table),
    "roles": ("docs/reference/http-api.md", roles_table),
    "whys": ("docs/reference/http-api.md", whys_table),
    "escalating": ("docs/reference/http-api.md", escalating_table),
    "patch reasons": ("docs/reference/patchctl.md", patch_reasons_table),
    "metrics": ("docs/reference/metrics.md", metrics_table),
    "gates": ("docs/reference/gates.md", gates_table),
    "gate formulas": ("docs/reference/gates.md", gate_formulas_table),
    "gate bakes": ("docs/reference/gates.md", gate_bakes_table),
    "processes": ("docs/reference/processes.md", processes_table),
    "rights": ("docs/reference/processes.md", rights_table),
    "tables": ("docs/reference/processes.md", tables_table),
}


def place(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- table: {name} -->\n)((?:(?!<!--).)*?)(\n<!-- end -->)", re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_says_what_the_code_says(name: str) -> None:
    page, made = TABLES[name]
    found = place(name).search((ROOT / page).read_text())
    assert found, f"{page} has no place for the table {name}"
    assert found.group(2).strip() == made(), "write it with: .venv/bin/python tests/unit/test_docs.py"


def test_every_error_that_reaches_clients_has_a_row() -> None:
    held_back = {
        "config_invalid",
        "blueprint_invalid",
        "journal_damaged",
        "staging_failed",
        "setup_incomplete",
        "not_running",
        "no_room",
        "no_room_at_all",
        "not_installed",
        "notify_failed",
        "scrape_failed",
        "patchctl_unavailable",
        "samples_unavailable",
        *(kind.code for kind in _kinds(errors.ForgeError)),
        "release_refused",
        "backup_failed",
        "backup_target_unavailable",
    }
    codes = {kind.code for kind in _kinds(errors.CouncilError)} - held_back
    assert codes <= {*http_errors._TABLE, "internal_error"}


# Settings, commands, words


def fenced(text: str, *languages: str) -> list[str]:
    found = re.findall(r"^```([\w-]*)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [body for language, body in found if language in languages]


def test_every_setting_that_the_docs_name_exists() -> None:
    paths = {".".join(path) for path in config._paths().values()}
    sections = {path.partition(".")[0] for path in paths if "." in path}
    unknown = {}
    for page in pages():
        if page.is_relative_to(ROOT / "docs" / "reference") and page.name in ("config.md", "providers.md", "cli.md"):
            continue
        words = re.findall(rf"`((?:{'|'.join(sections)})\.[a-z_]+)(?:=[^`]*)?`", page.read_text())
        if wrong := {word for word in words if word not in paths} - _FILE_NAMES:
            unknown[named(page)] = wrong
    assert not unknown


# Files, and a key that is wrong on purpose.
_FILE_NAMES = {"gateway.workerz", "store.sock", "recall.sock", "worker.sock", "supervisor.sock", "supervisor.lock"}
_FILE_NAMES |= {"backup.log"}
_FILE_NAMES |= {f"{name}.log" for name in ("store", "model", "worker", "recall", "gateway", "supervisor")}


def test_every_variable_that_the_docs_name_exists() -> None:
    known = {f"COUNCIL_{name.upper()}" for name in config._paths()} | {"COUNCIL_HOME", "COUNCIL_TOKEN"}
    found = {word for page in pages() for word in re.findall(r"\bCOUNCIL_[A-Z_]+[A-Z]\b", page.read_text())}
    internal = {f"COUNCIL_{name}" for name in config._RESERVED}
    # The variables of a repository, and of a workflow's steps.
    workflow = set(re.findall(r"\bCOUNCIL_[A-Z0-9_]+\b", (ROOT / "deploy/github/autonomous-deploy.yml").read_text()))
    assert found <= known | internal | workflow


@pytest.mark.parametrize("page", pages(), ids=named)
def test_settings_files_in_the_docs_are_valid(page: Path) -> None:
    for body in fenced(page.read_text(), "yaml"):
        if body.startswith("# council.yaml"):
            config.build(parse_yaml(body.encode(), page.name), {}, {})
        if body.startswith("# gates.yaml"):
            gates_file.build(parse_yaml(body.encode(), page.name), _SHIPPED)


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_command_in_the_docs_parses(page: Path) -> None:
    for line in commands(page.read_text()):
        words = itertools.takewhile(lambda word: not set(word) <= set("|>&;"), _words(line))
        _parse(cli_main.cli, list(words)[1:], "council")


def _words(line: str) -> list[str]:
    split = shlex.shlex(line, posix=True, punctuation_chars="|>&;")
    split.whitespace_split = True
    split.commenters = "#"
    return list(split)


def commands(text: str) -> Iterator[str]:
    """Yield the lines of shell blocks that begin with the command `council`."""
    for body in fenced(text, "sh", "console"):
        for line in body.replace("\\\n", " ").splitlines():
            bare = re.sub(r"^(?:[A-Z_]+=\S* )*", "", line.removeprefix("$ "))
            if bare.startswith(("council ", ".venv/bin/council ")):
                yield bare.replace(".venv/bin/", "")


def _parse(command: click.Command, words: list[str], name: str, parent: click.Context | None = None) -> None:
    context = command.make_context(name, list(words), parent=parent, resilient_parsing=False)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if command.invoke_without_command and not rest:
            return
        found, inner, more = command.resolve_command(context, rest)
        assert inner is not None and found is not None
        _parse(inner, more, found, context)


def test_a_command_that_does_not_exist_is_found() -> None:
    (line,) = commands("```sh\ncouncil tokens add --rolle admin | cat\n```\n")
    with pytest.raises(click.UsageError, match="rolle"):
        _parse(cli_main.cli, _words(line.partition(" |")[0])[1:], "council")


WORDS = """blueprint, generation, specialist, route, cascade, evidence, level, verified, confidence, escalation, degraded,
library, guidebook, knowledge, passage, ledger, micro-dollar, token, role, right, home, service, supervisor, worker, recall,
store, records, request id, lineage, patch, gate, sandbox, job, layer, session, kill switch, audit trail, zygote, sandboxd,
provider, deployment, hold, charge, budget, alert, incident, notice, silence"""


def headings(page: Path) -> list[str]:
    return [line.lstrip("#").strip() for line in page.read_text().splitlines() if re.match(r"#{2,} ", line)]


def test_the_glossary_explains_every_word() -> None:
    found = {heading.lower() for heading in headings(ROOT / "docs" / "reference" / "glossary.md")}
    assert {word.strip() for word in WORDS.replace("\n", " ").split(",")} <= found


def test_the_levels_are_all_explained() -> None:
    text = (ROOT / "docs" / "explanation" / "why-answers-can-be-trusted.md").read_text()
    assert not [level for level in answers.Level if f"`{level}`" not in text]


def test_the_layers_and_classes_of_the_sandbox_are_all_explained() -> None:
    text = (ROOT / "docs" / "explanation" / "the-sandbox.md").read_text()
    instead = {layers.MEMORY_CGROUP: "", layers.PROCESSES_CGROUP: ""}
    named = {*layers.present({}, root=True), *layers.present(instead, root=False), *recorder.BLOCKED_CLASSES, "other"}
    assert not [name for name in named if f"`{name}`" not in text]


def test_what_a_job_is_told_is_all_explained() -> None:
    text = (ROOT / "docs" / "reference" / "http-api.md").read_text()
    fields = [item.name for kind in (sandbox.Job, sandbox.Result, sandbox.State) for item in dataclasses.fields(kind)]
    assert not [name for name in (*fields, *sandbox.Status, *sandbox.LIMIT_NAMES) if f"`{name}`" not in text]


def test_the_outcomes_of_the_ledger_are_all_explained() -> None:
    text = (ROOT / "docs" / "explanation" / "money-and-the-ledger.md").read_text()
    assert not [outcome for outcome in ledger.Outcome if f"`{outcome}`" not in text]


def test_decision_records_are_numbered_without_gaps_and_fit_a_page() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [record.name[:4] for record in records] == [f"{number:04d}" for number in range(1, len(records) + 1)]
    assert not [record.name for record in records if len(record.read_text().splitlines()) > 60]


def write_tables() -> None:
    for name, (page, made) in TABLES.items():
        text = (ROOT / page).read_text()
        found = place(name).search(text)
        assert found, f"{page} has no place for the table {name}"
        (ROOT / page).write_text(f"{text[: found.start(2)]}\n{made()}\n{text[found.end(2) :]}")


if __name__ == "__main__":
    write_tables()
