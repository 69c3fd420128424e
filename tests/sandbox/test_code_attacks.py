"""Candidates that try to forge a pass in the harness, in real sandboxes: none passes, and an honest one does."""

import dataclasses
from collections.abc import AsyncIterator

import pytest

import code_rig
from council.serving.compute.code import candidates, examples
from council.serving.specialists import code_runs
from council.testing import local

pytestmark = pytest.mark.alone

TEXT = "assert f(3) == 9\nassert f(4) == 16"
TESTS = [dataclasses.asdict(test) for test in examples.read(TEXT).tests]

ATTACKS = {
    "leaves with success": "import sys\ndef f(n):\n    sys.exit(0)",
    "leaves at once": "import os\nos._exit(0)",
    "leaves from a call": "import os\ndef f(n):\n    os._exit(0)",
    "prints a verdict": "def f(n):\n    print('{\"passed\": [true, true]}')\nprint('passed')",
    "equals everything": "class E:\n    def __eq__(self, other): return True\ndef f(n):\n    return E()",
    "is a number that equals everything": "class E(int):\n    def __eq__(self, other): return True\ndef f(n):\n    return E(1)",
    "is a list that equals everything": "class E(list):\n    def __eq__(self, other): return True\ndef f(n):\n    return E()",
    "changes builtins": "import builtins\nbuiltins.hex = lambda v: '0x9'\ndef f(n):\n    return 1",
    "writes a report at exit": (
        "import atexit, json\ndef w():\n    open('council-results.json', 'w').write(json.dumps("
        "{'nonce': '', 'results': [{'value': ['whole', '0x9']}, {'value': ['whole', '0x10']}]}))\natexit.register(w)\n"
        "def f(n):\n    return 0"
    ),
    "writes a report and leaves": (
        "import os\nopen('council-results.json', 'w').write('{\"passed\": true}')\nos._exit(0)"
    ),
    "writes from a thread": (
        "import threading, time\ndef w():\n    while True:\n        open('council-results.json', 'w').write('true')\n"
        "threading.Thread(target=w, daemon=True).start()\ndef f(n):\n    return 0"
    ),
    "looks for what is expected": "import glob\ndef f(n):\n    return [open(p).read() for p in glob.glob('*')]",
    "floods": "def f(n):\n    return 'x' * 50_000_000\n",
    "never ends": "def f(n):\n    while True: pass",
    "nests": "def f(n):\n    x = []\n    for _ in range(10000): x = [x]\n    return x",
    "raises what is no error": "def f(n):\n    raise KeyboardInterrupt",
}


@pytest.fixture(name="runs")
async def made_runs() -> AsyncIterator[code_runs.Runs]:
    async with code_rig.sandboxes() as made:
        limits = dataclasses.replace(code_rig.LIMITS, wall_s=2.0)
        yield code_runs.Runs(local.InlineCompute(), made, limits)  # type: ignore[arg-type]


async def test_no_attack_passes_and_an_honest_candidate_does(runs: code_runs.Runs) -> None:
    passed = [name for name, attack in ATTACKS.items() if any((await runs.judge(attack, TESTS, "r")).passed)]
    assert passed == []
    assert (await runs.judge("def f(n):\n    return n * n", TESTS, "r")).all_passed


async def test_a_candidate_never_sees_what_is_expected(runs: code_runs.Runs) -> None:
    tests = [dataclasses.asdict(test) for test in examples.read("assert f(3) == 'a-secret-word'").tests]
    spy = "import gc\ndef f(n):\n    return [s for s in gc.get_objects() if isinstance(s, str)] + [repr(gc.get_objects())]"
    look = (
        "import os\ndef f(n):\n    os.lseek(0, 0, 0)\n    return os.read(0, 100000).decode() + open('main.py').read()"
    )
    for code in (spy, look):
        judged = await runs.judge(code, tests, "r")
        assert "a-secret" not in "".join(judged.gave)


def test_a_candidate_that_could_reach_the_harness_or_holds_the_results_is_not_verified() -> None:
    for code in (
        *ATTACKS.values(),
        "def f(n):\n    return {3: 9, 4: 16}[n]",
        "def f(n):\n    if n == 3: return 9\n    return 16",
    ):
        made = candidates.extract({"text": f"```python\n{code}\n```", "name": "f", "tests": TESTS})
        if "def f" in code and any(word in code for word in ("import", "n == 3")):
            assert made["against"], code
