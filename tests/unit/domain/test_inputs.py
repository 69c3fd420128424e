import ast
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import council
from council import homes
from council.domain import config, home, inputs
from council.services import rights, table

SERVICES = [*inputs.USES, "later"]
SAMPLE = {
    "prompts/general.md": "2", "providers.yaml": "3", "gates.yaml": "4", "sentinels.yaml": "5",
    "knowledge/a/b.md": "6", "guidebook/c.md": "7", "models.yaml": "8", ".council/patch.json": "9", "authz.yaml": "10",
    **inputs.parted(dataclasses.asdict(config.Config())),
}  # fmt: skip
SETTINGS = [
    f"{item.name}.{inner.name}" if inner else item.name
    for item in dataclasses.fields(config.Config)
    for inner in (dataclasses.fields(item.type) if dataclasses.is_dataclass(item.type) else [None])
]

SECTIONS = {item.name for item in dataclasses.fields(config.Config)}


def changed(*paths: str) -> set[str]:
    """Return the known services that have to start anew when these paths change."""
    return set(inputs.touched(inputs.USES, SAMPLE, {**SAMPLE, **dict.fromkeys(paths, "other")}))


def asked(*names: str, by: str) -> list[str]:
    """Return what narrowing leaves of these settings for a service."""
    left = []
    for name in names:
        found: Any = inputs.narrowed(by, config.Config())
        try:
            for part in name.split("."):
                found = getattr(found, part)
        except AttributeError:
            continue
        left.append(name)
    return left


def test_every_service_has_a_row() -> None:
    assert inputs.USES.keys() == inputs.SETTINGS_OF.keys() == set(table.NAMES)


def test_every_file_of_the_default_blueprint_is_in_the_table() -> None:
    known = {inputs.SETTINGS, *inputs.NOBODY, *(place for places in inputs.USES.values() for place in places)}
    unknown = {path for path in homes.default_files() if not inputs._lies(path, known)}
    assert not unknown, "say in `domain/inputs.py` which service reads them"


def test_every_setting_is_in_the_table_and_every_row_names_settings() -> None:
    rows = {*inputs.AT_START, *inputs.READ_ANEW, *(name for names in inputs.SETTINGS_OF.values() for name in names)}
    assert rows <= {*SETTINGS, *SECTIONS}
    assert not {name for name in SETTINGS if name not in rows and name.partition(".")[0] not in rows}


def test_who_may_look_into_its_generation_is_who_rights_let(tmp_path: Path) -> None:
    where = home.Home(tmp_path)
    confined = [name for name in table.NAMES if not rights.why_not_confined(name, config.Config())]
    can = {name for name in confined if where.generations in rights.confinement_of(name, config.Config(), where).read}
    # The steward reads the files of each for the forge, a backup those of the live one, bots what serves, anew for each run.
    assert can - {"steward", "backup", "bots"} == inputs.READERS


EVERY_READER = {"gateway", "recall", "watcher"}


@pytest.mark.parametrize(
    ("path", "services"),
    [
        ("prompts/general.md", {"gateway"}),
        ("prompts/new.md", {"gateway"}),
        ("providers.yaml", {"gateway", "watcher"}),
        ("gates.yaml", {"watcher"}),
        ("sentinels.yaml", {"watcher"}),
        ("knowledge/a/b.md", {"recall"}),
        ("guidebook/c.md", {"recall"}),
        ("models.yaml", set()),
        ("authz.yaml", set()),
        ("release.yaml", {"model", "worker", "recall", "zygote", "sandboxd", "watcher", "messenger", "gateway"}),
        (".council/patch.json", set()),
        ("dashboards/new.json", EVERY_READER),
        ("prompts", EVERY_READER),
        ("promptsx/a", EVERY_READER),
        ("gates.yaml/x", EVERY_READER),
        ("council.yaml", set(inputs.USES)),
        ("council.yaml/gateway", {"gateway", "model", "sandboxd", "steward"}),
        ("council.yaml/gateway/drain_s", {"gateway", "model", "sandboxd"}),
        ("council.yaml/gateway/messages_max", {"gateway"}),
        ("council.yaml/model/temperature", {"gateway", "model"}),
        ("council.yaml/model/stall_s", {"gateway"}),
        ("council.yaml/prices/smollm2-135m-instruct", {"gateway", "watcher"}),
        ("council.yaml/sandbox/packages", {"gateway", "sandboxd", "zygote"}),
        ("council.yaml/sandbox/cpu_s", {"gateway", "sandboxd"}),
        ("council.yaml/store/memory_bytes", {"store"}),
        ("council.yaml/store/timeout_s", {"gateway", "watcher"}),
        ("council.yaml/supervisor/stop_s", set()),
        ("council.yaml/watch/interval_s", {"watcher"}),
        ("council.yaml/new/key", set(inputs.USES)),
        ("council.yaml/gateway/new", {"gateway"}),
    ],
)
def test_what_changes_concerns_those_who_read_it_and_what_is_not_known_everybody(path: str, services: set[str]) -> None:
    assert changed(path) == services


def test_a_service_that_is_not_known_uses_all_but_what_nobody_does() -> None:
    assert {path for path in SAMPLE if not inputs.uses("later", path)} == {
        "models.yaml", ".council/patch.json", "authz.yaml",
    }  # fmt: skip


def test_a_file_that_goes_or_moves_changes_the_digest() -> None:
    without = {path: content for path, content in SAMPLE.items() if path != "prompts/general.md"}
    moved = {**without, "prompts/other.md": "2"}
    assert len({inputs.digest("gateway", each) for each in (SAMPLE, without, moved)}) == 3
    assert inputs.touched(inputs.USES, SAMPLE, moved) == {"gateway"}


files = st.dictionaries(
    st.sampled_from(sorted(SAMPLE)) | st.text("ab/.", min_size=1, max_size=5), st.text("01", max_size=2)
)


@given(before=files, after=files)
def test_a_digest_differs_just_where_what_is_used_differs(before: dict[str, str], after: dict[str, str]) -> None:
    for service in SERVICES:
        used = [{path: each[path] for path in each if inputs.uses(service, path)} for each in (before, after)]
        assert (service in inputs.touched([service], before, after)) == (used[0] != used[1])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.sampled_from(["port", "gateway", "prices"]) | st.text(max_size=4), values, max_size=4)


@given(found=mappings)
def test_whatever_stands_in_the_settings_has_a_digest_for_everybody(found: dict[str, Any]) -> None:
    parts = inputs.parted(found)
    assert parts == inputs.parted(dict(reversed(found.items())))
    assert all(path.startswith("council.yaml/") for path in parts)
    assert all(len(inputs.digest(service, parts)) == 64 for service in SERVICES)


def test_settings_that_differ_in_more_than_their_order_have_other_parts() -> None:
    told = [
        {"a": {"b": 1}}, {"a/b": 1}, {"a": {"b": 2}}, {"a": {"b": "1"}}, {"a": {"b": None}}, {"a": {"b": [1]}}, {"a": 1},
        {"a": {"b": {"c": 1}}}, {"a": {"b": 1, "c": 1}}, {"a": {"c": 1}}, {},
    ]  # fmt: skip
    assert len({tuple(sorted(inputs.parted(each).items())) for each in told}) == len(told)
    assert inputs.parted({"a": {}}) == {}


def test_what_only_a_start_of_everything_puts_into_force_is_named() -> None:
    before = config.build({}, {}, {})
    after = config.build(
        {"port": 9000, "supervisor": {"stop_s": 60}, "store": {"memory_bytes": 2**28, "timeout_s": 1.5}}, {}, {}
    )
    parts = [inputs.parted(dataclasses.asdict(each)) for each in (before, after)]
    assert inputs.at_start(*parts) == ["port", "store.memory_bytes", "supervisor.stop_s"]
    assert inputs.at_start(parts[0], parts[0]) == []


@pytest.mark.parametrize("service", table.NAMES)
def test_a_service_gets_the_settings_of_its_row_and_no_others(service: str) -> None:
    given = set(asked(*SETTINGS, by=service))
    row = inputs.SETTINGS_OF[service]
    assert given == {name for name in SETTINGS if name in row or name.partition(".")[0] in row}
    assert given == {name for name in SETTINGS if inputs.uses(service, f"council.yaml/{name.replace('.', '/')}")}


def test_what_a_service_gets_is_what_was_set() -> None:
    settings = config.build({"model": {"slots": 7}, "gateway": {"drain_s": 3}}, {}, {})
    narrowed = inputs.narrowed("model", settings)
    assert (narrowed.model.slots, narrowed.gateway.drain_s, narrowed.model_port) == (7, 3.0, settings.model_port)
    with pytest.raises(AttributeError):
        narrowed.gateway.host  # noqa: B018 - reading is what fails


def read_by(*places: str) -> dict[str, str]:
    """Return each `config.section.key`, or `config.section` that is used whole, in the source of these, with where."""
    package, found = Path(council.__file__).parent, dict[str, str]()
    for path in (
        path for name in places for path in [package / name, *(package / name).rglob("*.py")] if path.is_file()
    ):
        keys: set[ast.expr] = set()
        # An attribute is met before what it is an attribute of.
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node not in keys:
                parts = _attributes(node)
                begins = next((index for index, part in enumerate(parts) if part.lstrip("_") == "config"), None)
                name = ".".join(parts[begins + 1 : begins + 3]) if begins is not None else ""
                if name in SETTINGS or name in SECTIONS:
                    found[name] = f"{path.name}:{node.lineno}"
                    keys.add(node.value)
    return found


def _attributes(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        return [*_attributes(node.value), node.attr]
    return [node.id] if isinstance(node, ast.Name) else [""]


def not_in_row(service: str, read: dict[str, str]) -> dict[str, str]:
    # A part of a section may be handed on as the section that it is; what is not in it nobody can read then.
    row = {*inputs.SETTINGS_OF[service], *(name.partition(".")[0] for name in inputs.SETTINGS_OF[service])}
    whole = set(inputs.SETTINGS_OF[service]) & SECTIONS
    return {name: where for name, where in read.items() if name not in row and name.partition(".")[0] not in whole}


def test_what_the_gateway_reads_in_mid_request_is_in_its_row() -> None:
    read = read_by("gateway", "serving", "services/gateway.py")
    assert {"gateway.messages_max", "model.tokens_max_default", "sandbox", "budget"} <= read.keys()
    assert not not_in_row("gateway", read)


@pytest.mark.parametrize("service", sorted(table.NAMES))
def test_what_a_service_reads_by_its_own_module_is_in_its_row(service: str) -> None:
    assert not not_in_row(service, read_by(f"services/{service}.py"))


def test_reads_are_found_in_the_source() -> None:
    assert read_by("services/model.py").keys() == {"gateway.drain_s", "model"}
    assert read_by("services/store.py").keys() == {"store.memory_bytes"}
    assert read_by("services/sandboxd.py").keys() == {"gateway.drain_s", "sandbox"}


def test_of_its_own_section_the_model_reads_what_is_in_its_row() -> None:
    source = ast.parse((Path(council.__file__).parent / "services/model.py").read_text())
    held = [node for node in ast.walk(source) if isinstance(node, ast.Attribute) and _attributes(node)[0] == "model"]
    read = {f"model.{node.attr}" for node in held} & set(SETTINGS)
    assert read == {name for name in inputs.SETTINGS_OF["model"] if name.startswith("model.")}
