"""Each specialist asks the model that the settings name for it, and the one of this machine where they name none."""

from pathlib import Path

import pytest

from council import app
from council.domain import answering, answers, config
from council.serving.specialists import general
from council.testing import local, model
from fake_sandbox import FakeSandbox

PUZZLE = "Ann has been old longer than Bob is old, and Bob longer than Cem is old. Who is the oldest of them?"
STORY = "A gardener waters 7 rows, and of the odd ones 3 again. How many times does the gardener water?"
ASKED = {
    "general": (answers.Route.GENERAL, "What do you make of the sea?"),
    "code": (answers.Route.CODE, "Write a Python function f(a) that returns the text in an odd order of its letters."),
    "logic": (answers.Route.LOGIC, PUZZLE),
    "programs": (answers.Route.MATH, STORY),
}


def _settings(**names: str) -> config.Config:
    return config.Config(
        general=answering.GeneralConfig(model=names.get("general", "")),
        code=answering.CodeConfig(model=names.get("code", "")),
        logic=answering.LogicConfig(model=names.get("logic", ""), translate_tokens_max=200),
        programs=answering.ProgramsConfig(model=names.get("programs", ""), samples=2),
    )


async def _asked(settings: config.Config, folder: Path, role: str) -> list[str]:
    """Return the models that were asked when a question came to a specialist."""
    for name in ("general.md", "code.md"):
        (folder / name).write_text("Be brief.")
    made = {name: model.ScriptedModel(["Words."], model=name) for name in ("here", "big", "bigger")}
    others = {name: made[name] for name in ("big", "bigger")}
    wired = app.specialists(made["here"], local.InlineCompute(), None, FakeSandbox(), folder, settings, others)
    route, text = ASKED[role]
    [specialist] = [one for one in wired if one.route is route]
    question = answers.Question("r", [answers.Message("user", text)], "council", answers.Sampling(50))
    assert [event async for event in specialist.attempt(question)]
    return [name for name, one in made.items() if one.asked]


@pytest.mark.parametrize("role", ASKED)
async def test_a_role_asks_its_own_model_and_no_other(role: str, tmp_path: Path) -> None:
    others = {name: "bigger" for name in ASKED if name != role}
    assert await _asked(_settings(**{role: "big"}, **others), tmp_path, role) == ["big"]


@pytest.mark.parametrize("role", ASKED)
async def test_a_role_without_a_model_asks_that_of_this_machine(role: str, tmp_path: Path) -> None:
    others = {name: "bigger" for name in ASKED if name != role}
    assert await _asked(_settings(**others), tmp_path, role) == ["here"]


@pytest.mark.parametrize(
    ("named", "said"), [("", "The local model's own words; nothing"), ("big", "The words of the model big; nothing")]
)
async def test_the_evidence_of_a_general_answer_says_whose_words_it_has(named: str, said: str) -> None:
    specialist = general.GeneralSpecialist(model.ScriptedModel(["Words."]), "", named)
    question = answers.Question("r", [answers.Message("user", "Hi")], "council", answers.Sampling(5))
    *_, found = [event async for event in specialist.attempt(question)]
    assert isinstance(found, answers.Finding) and found.evidence.summary.startswith(said)
