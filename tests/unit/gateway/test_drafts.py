"""Who may change what, and patches of settings that a person signs: nothing is changed here."""

import json
from typing import Any

import pytest

from council import homes
from council.domain import authz, config, patches
from council.gateway.drafts import drafting, editing
from council.upkeep.patchctl.core import documents
from gateway_rig import Rig

ANN = "a" * 40
AUTHZ = f"""# Who may.
authorisation:
  signers:
    "{ANN}": {{name: Ann, kind: human, allow: ["**"], max_daily: 4}}
  revoked: ["{ANN}"]
  bots_daily: 3
  protected:
    - {{paths: [council.yaml], humans: 1}}
  windows:
    - {{days: [sunday], from: "03:00", to: "04:30"}}
""".encode()
SETTINGS = b"""# Settings.
budget:
  # Of all.
  day_usd_micros: 5 # small
  month_usd_micros: 100
learning: false
"""


def edit(*path: str, to: Any) -> editing.Edit:
    return editing.Edit(path, to)


async def get(rig: Rig, path: str) -> Any:
    told = await rig.client.get(path, headers=rig.headers())
    assert told.status_code == 200, told.text
    return told.json()


async def draft(rig: Rig, *edits: dict[str, Any], **more: Any) -> tuple[int, Any]:
    body = {"title": "More room", "reason": "It is needed.", "edits": list(edits), **more}
    told = await rig.client.post("/api/drafts", json=body, headers=rig.headers())
    return told.status_code, told.json()


def day(to: Any) -> dict[str, Any]:
    return {"file": "council.yaml", "path": ["budget", "day_usd_micros"], "value": to}


# One value of a file


def test_a_value_is_changed_where_it_stands_and_nothing_else() -> None:
    text = SETTINGS.decode()
    assert editing.edited(text, [edit("budget", "day_usd_micros", to=9)]) == text.replace("5 # small", "9 # small")
    assert editing.edited(text, [edit("learning", to=True)]) == text.replace("false", "true")


def test_a_new_key_stands_in_its_section_and_a_new_section_at_the_end() -> None:
    text = SETTINGS.decode()
    found = editing.edited(text, [edit("budget", "token_day_usd_micros", to=7)])
    assert "  token_day_usd_micros: 7\n" in found and "# Of all." in found and "5 # small" in found
    found = editing.edited(text, [edit("router", "mode", to="a: b")])
    assert found == text + "router:\n  mode: 'a: b'\n"
    assert editing.edited("# Only words.\n", [edit("learning", to=True)]) == "# Only words.\nlearning: true\n"
    assert editing.edited("", [edit("learning", to=True)]) == "learning: true\n"


def test_what_cannot_be_changed_in_place_is_written_anew_below_the_opening_comments() -> None:
    found = editing.edited("# Head.\nrecords:\n  url: |\n    x\n", [edit("records", "url", to="y")])
    assert found == "# Head.\nrecords:\n  url: y\n"
    found = editing.edited(SETTINGS.decode(), [edit("budget", "month_usd_micros", to=None)])
    assert found.startswith("# Settings.\n") and "month" not in found and "day_usd_micros: 5" in found
    models = "models:\n  big:\n    deployments:\n    - {provider: a, model: m}\n    - provider: b\n      model: m\n"
    found = editing.edited(models, [edit("models", "big", "deployments", "1", "weight", to=0)])
    assert homes.parse_yaml(found.encode(), "x")["models"]["big"]["deployments"][1]["weight"] == 0
    turned = [{"provider": "b", "model": "m"}, {"provider": "a", "model": "m"}]
    found = editing.edited(models, [edit("models", "big", "deployments", to=turned)])
    assert homes.parse_yaml(found.encode(), "x")["models"]["big"]["deployments"] == turned
    found = editing.edited(models, [edit("models", "big", "deployments", "0", to=None)])
    assert len(homes.parse_yaml(found.encode(), "x")["models"]["big"]["deployments"]) == 1


@pytest.mark.parametrize(
    "one",
    [
        edit("budget", "day_usd_micros", to=5),
        edit("budget", "nothing", to=None),
        edit("nothing", "there", to=None),
        edit("learning", "deeper", to=1),
        edit("budget", "day_usd_micros", "0", to=1),
    ],
)
def test_an_edit_that_leads_nowhere_or_changes_nothing_is_refused(one: editing.Edit) -> None:
    with pytest.raises(Exception, match=r"leads nowhere|is so already"):
        editing.edited(SETTINGS.decode(), [one])


@pytest.mark.parametrize(
    "value", ["x\nbudget: {day_usd_micros: 0}", "#", "- a", "'", "yes", "1", "", "a" * 5000, "é: {"]
)
def test_a_text_stays_a_text_whatever_stands_in_it(value: str) -> None:
    found = homes.parse_yaml(editing.edited(SETTINGS.decode(), [edit("records", "url", to=value)]).encode(), "x")
    assert found["records"] == {"url": value} and found["budget"]["day_usd_micros"] == 5


# The routes


async def test_the_policy_is_shown_with_whom_it_lists_and_what_is_used(rig: Rig) -> None:
    rig.blueprint.files["authz.yaml"] = AUTHZ
    told = await get(rig, "/api/policy")
    [ann] = told["signers"]
    assert (ann["name"], ann["kind"], ann["fingerprint"], ann["allow"], ann["max_daily"], ann["revoked"]) == (
        "Ann", "human", ANN, ["**"], 4, True,
    )  # fmt: skip
    assert told["protected"][-1] == {"paths": ["council.yaml"], "humans": 1, "of": []}
    assert told["windows"] == [{"days": ["sunday"], "begin": "03:00", "end": "04:30"}]
    assert (told["bots_daily"], told["used_today"], told["text"]) == (3, 0, AUTHZ.decode())
    assert told["rights"]["viewer"] == ["chat", "read"]
    rig.changes.away = True
    assert (await get(rig, "/api/policy"))["used_today"] is None


async def test_without_a_file_nobody_is_listed(rig: Rig) -> None:
    told = await get(rig, "/api/policy")
    assert told["signers"] == [] and "authz.yaml" in told["protected"][0]["paths"]


async def test_a_draft_is_the_patch_that_patchctl_reads_and_changes_nothing(rig: Rig) -> None:
    rig.blueprint.files |= {"council.yaml": SETTINGS, "authz.yaml": AUTHZ}
    status, told = await draft(rig, day(9))
    assert status == 200, told
    raw = told["document"].encode()
    patch = documents.parse(raw, authz.Sizes())
    assert (patch.base, patch.title, patch.author) == ("0" * 40, "More room", "someone")
    [change] = patch.changes
    assert change.content == SETTINGS.replace(b"5 #", b"9 #") and change.before == patches.digest(SETTINGS)
    assert told["cid"] == patches.cid(patches.digest(raw)) and patch.expires * 1_000_000 == told["expires_us"]
    [file] = told["files"]
    assert (file["path"], file["added"], file["removed"]) == ("council.yaml", 1, 1)
    assert "-  day_usd_micros: 5 # small\n+  day_usd_micros: 9 # small\n" in file["diff"]
    assert told["protected"] and "council.yaml is protected" in told["notes"][0]
    assert told["commands"][1] == "council patch sign patch.json"
    assert rig.blueprint.files["council.yaml"] == SETTINGS and not rig.changes.asked


async def test_a_draft_of_several_files_is_one_patch(rig: Rig) -> None:
    rig.blueprint.files |= {"council.yaml": SETTINGS, "authz.yaml": AUTHZ}
    quota = {"file": "authz.yaml", "path": ["authorisation", "bots_daily"], "value": 1}
    provider = {"file": "providers.yaml", "path": ["providers", "near"], "value": {"url": "http://127.0.0.1:9/v1"}}
    status, told = await draft(rig, day(9), quota, provider)
    assert status == 200, told
    assert [one["path"] for one in told["files"]] == ["authz.yaml", "council.yaml", "providers.yaml"]
    made = documents.parse(told["document"].encode(), authz.Sizes())
    assert [one.before for one in made.changes][-1] is None


NO_EDITS: list[list[Any]] = [
    [day(-1)],
    [day("much")],
    [day(5)],
    [{"file": "council.yaml", "path": ["budgt"], "value": 1}],
    [
        {
            "file": "providers.yaml",
            "path": ["models", "x", "deployments"],
            "value": [{"provider": "none", "model": "m"}],
        }
    ],
    [{"file": "authz.yaml", "path": ["authorisation", "bots_daily"], "value": "many"}],
    [{"file": "keys/a.asc", "path": ["x"], "value": 1}],
    [{"file": "council.yaml", "path": [], "value": 1}],
    [{"file": "council.yaml", "path": ["records", "url"], "value": "a\u202eb"}],
    [],
]


async def test_what_no_start_would_take_is_not_drafted(rig: Rig) -> None:
    rig.blueprint.files |= {"council.yaml": SETTINGS, "authz.yaml": AUTHZ}
    for edits in NO_EDITS:
        status, told = await draft(rig, *edits)
        assert (status, told["error"]["code"]) == (400, "invalid_request"), (edits, told)


def nested(depth: int) -> Any:
    made: Any = 1
    for number in range(depth):
        made = [made] if number % 2 else {"a": made}
    return made


async def test_a_value_that_is_deeper_than_any_settings_is_refused_before_anything_walks_it(rig: Rig) -> None:
    rig.blueprint.files |= {"council.yaml": SETTINGS, "authz.yaml": AUTHZ}
    for depth in (13, 100, 900):
        status, told = await draft(rig, {"file": "council.yaml", "path": ["learning"], "value": nested(depth)})
        assert status == 400 and "levels deep" in told["error"]["message"], (depth, told)
    status, told = await draft(rig, {"file": "council.yaml", "path": ["learning"], "value": nested(12)})
    assert status == 400 and "No start would take this" in told["error"]["message"]


async def test_a_file_with_a_password_is_shown_without_it_and_not_drafted(rig: Rig) -> None:
    rig.blueprint.files["council.yaml"] = b"records:\n  url: postgresql+psycopg://ann:hidden@db/council\n"
    [shown] = (await get(rig, "/api/blueprint/files"))["files"]
    assert shown["path"] == "council.yaml" and "hidden" not in shown["text"] and "ann:***@db" in shown["text"]
    status, told = await draft(rig, {"file": "council.yaml", "path": ["learning"], "value": True})
    assert status == 400 and "password" in told["error"]["message"] and "hidden" not in json.dumps(told)


def test_a_draft_lasts_no_longer_than_the_policy_lets_it() -> None:
    files = {"council.yaml": SETTINGS, "authz.yaml": b"authorisation: {lifetime_h: 1}\n"}
    wish = drafting.Wish("ann", "t", "r", {"council.yaml": [edit("learning", to=True)]})
    made = drafting.drafted("0" * 40, files, wish, 1_800_000_000)
    assert made.expires_s == 1_800_003_600 and any("Nobody is listed" in one for one in made.notes)
    assert config.build(homes.parse_yaml(made.files[0].text.encode(), "x"), {}, {}).learning is True
