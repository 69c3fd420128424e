"""The jobs of the sandbox's soak: good ones, failing ones, ones that meet a limit, bombs; and what each must come to.

Every job carries a word of its own, which makes its code's digest unique and shows that an answer belongs to its question.
"""

import dataclasses
import random
from collections.abc import Mapping
from typing import Any

_MIB = 1024 * 1024
_BIG_BYTES = 700_000

# How a job ended: status, limit, exit code, signal. None in a pattern stands for anything.
Outcome = tuple[str | None, str | None, int | None, int | None]
OK: Outcome = ("ok", None, 0, None)


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A job to draw. `code`, `prints` and what `files` holds may name {word} and {mark}, which its processes show outside.

    It comes to one of `ends`, in which "*" is anything. `prints` None leaves open what it printed.
    """

    name: str
    weight: int
    code: str
    ends: tuple[tuple[object, ...], ...] = (OK,)
    prints: str | None = "{word}\n"
    language: str = "python"
    limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    collect: tuple[str, ...] = ()


_PYTHON_LEFT = """import os
for _ in range(2):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execv("/bin/sleep", ["{mark}", "300"])
        os._exit(0)
print("{word}")
"""
_BOMB = """import os
while True:
    try:
        os.fork()
    except OSError:
        pass
"""

KINDS = (
    Kind("ok", 40, 'print("{word}")'),
    Kind("bash", 8, 'echo "{word}" | cat', language="bash"),
    Kind("numbers", 5, 'import json, statistics\nprint("{word}" if statistics.mean([1, 3]) == 2 else json.dumps(0))'),
    Kind("exit status", 6, 'print("{word}")\nraise SystemExit(3)', (("error", None, 3, None),)),
    Kind("exception", 5, "1 / 0  # {word}", (("error", None, 1, None),), ""),
    Kind("signal", 4, "import os  # {word}\nos.kill(os.getpid(), 9)", (("signal", None, None, 9),), ""),
    Kind(
        "sleep", 3, "import time  # {word}\ntime.sleep(60)",
        (("killed_limit", "wall_s", "*", "*"),), "", limits={"wall_s": 0.3},
    ),
    Kind("spin", 3, "while True: pass  # {word}", (("killed_limit", "cpu_s", "*", "*"),), "", limits={"cpu_s": 0.2}),
    Kind(
        "memory", 3, 'x = b"1" * (1 << 30)  # {word}',
        # Where each process has a share of its own the interpreter is told, and says so.
        (("killed_limit", "memory_bytes", "*", "*"), ("error", None, 1, None), ("error", "memory_bytes", 1, None)), "",
        limits={"memory_bytes": 128 * _MIB},
    ),
    Kind(
        "endless output", 3, 'while True: print("{word}")',
        (("killed_limit", "output_bytes", "*", "*"),), None, limits={"output_bytes": 50_000},
    ),
    Kind("big output", 4, f'print("{{word}}" + "x" * {_BIG_BYTES})', prints="{word}" + "x" * _BIG_BYTES + "\n"),
    Kind(
        "full disk", 3, 'open("f", "wb").write(bytes(1 << 26))  # {word}',
        (("error", "*", 1, None), ("killed_limit", "files_bytes", "*", "*")), "", limits={"files_bytes": 4 * _MIB},
    ),
    Kind(
        "fork bomb", 2, f"{_BOMB}# {{word}}",
        (("killed_limit", "*", "*", "*"),), "", limits={"wall_s": 0.4, "cpu_s": 0.5, "processes": 16},
    ),
    Kind("left children", 8, _PYTHON_LEFT),
    Kind(
        "left children, bash", 3, "(setsid bash -c 'exec -a {mark} sleep 300' &)\necho {word}",
        language="bash",
    ),
    Kind("file", 6, 'open("out", "w").write(open("in").read())\nprint("{word}")', files={"in": "{word}"}, collect=("out",)),
)  # fmt: skip

# Of a session, in turn; the second finds what the first has left.
SESSION = (
    Kind("session", 0, 'kept = "{word}"\nprint(kept)'),
    Kind("session", 0, "print(kept)  # {word}"),
)
# Somebody asks and goes away.
ABANDONED = Kind("abandoned", 0, f'{_PYTHON_LEFT}import time\ntime.sleep(60)  # "{{word}}"')
INVALID: tuple[Any, ...] = (
    {},
    {"language": "perl", "code": "print 1"},
    {"language": "python"},
    {"language": "python", "code": 7},
    {"language": "python", "code": "1", "limits": {"wall_s": -1}},
    {"language": "python", "code": "1", "limits": {"memory_bytes": 1 << 50}},
    {"language": "python", "code": "1", "files": {"../x": "1"}},
    {"language": "python", "code": "1", "collect": ["/etc/passwd"]},
    {"language": "python", "code": "1", "stdin": {"base64": "?"}},
    {"language": "python", "code": "1", "surprise": True},
)


def draw(chance: random.Random) -> Kind:
    """Return one of the kinds, each as often as its weight says."""
    return chance.choices(KINDS, [kind.weight for kind in KINDS])[0]


def body(kind: Kind, word: str, mark: str) -> dict[str, Any]:
    """Return the request."""
    made: dict[str, Any] = {"language": kind.language, "code": filled(kind.code, word, mark)}
    if kind.limits:
        made["limits"] = dict(kind.limits)
    if kind.files:
        made["files"] = {name: filled(text, word, mark) for name, text in kind.files.items()}
    if kind.collect:
        made["collect"] = list(kind.collect)
    return made


def wrong(kind: Kind, word: str, reply: Mapping[str, Any]) -> str:
    """Return what in a reply is not as it must be, nothing where all is well."""
    ended = tuple(reply[name] for name in ("status", "limit", "exit_code", "signal"))
    if not any(_fits(ended, wanted) for wanted in kind.ends):
        return f"it ended as {ended}: {str(reply['stderr'])[-300:]}{reply['reason']}"
    if kind.prints is not None and reply["stdout"] != (wanted := kind.prints.replace("{word}", word)):
        return f"it printed {str(reply['stdout'])[:80]!r}, not {wanted[:80]!r}"
    if kind.collect and reply["files"] != dict.fromkeys(kind.collect, word):
        return f"its files are {str(reply['files'])[:80]}, not collected {reply['not_collected']}"
    return ""


def filled(text: str, word: str, mark: str) -> str:
    """Return a text with the job's own word and the lane's mark."""
    return text.replace("{word}", word).replace("{mark}", mark)


def _fits(ended: tuple[object, ...], wanted: tuple[object, ...]) -> bool:
    return all(pattern in ("*", value) for value, pattern in zip(ended, wanted, strict=True))
