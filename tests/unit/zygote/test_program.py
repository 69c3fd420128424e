"""How a job's code is run: as the interpreter itself would run a file. In a process of its own, without a sandbox."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import council

_DRIVER = """
import sys
folder = sys.argv[1]
from council.zygote import program
program.WORK = folder
program.note_own_modules()
main = program._new_main()
program._leave(program._run_python(main, folder + "/main.py"))
"""
# Addresses, and how deep it went.
_NUMBERS = re.compile(r"0x[0-9a-f]+|\d+ more times")
SOURCE = str(Path(council.__file__).parent.parent)


def run(folder: Path, code: str | bytes, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    """Run code as a job's."""
    raw = code if isinstance(code, bytes) else textwrap.dedent(code).encode()
    (folder / "main.py").write_bytes(raw)
    return subprocess.run(
        [sys.executable, "-c", _DRIVER, str(folder)],
        input=stdin, capture_output=True, check=False, cwd=folder, timeout=60,
        env={"PYTHONPATH": SOURCE, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


def plain(folder: Path) -> "subprocess.CompletedProcess[bytes]":
    """Run the same file by the interpreter alone."""
    return subprocess.run(
        [sys.executable, str(folder / "main.py")], capture_output=True, check=False, cwd=folder, timeout=60,
        env={"LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip


ENDINGS = {
    "the end": "x = 1",
    "exit": "exit()",
    "zero": "import sys; sys.exit(0)",
    "a number": "import sys; sys.exit(7)",
    "a large number": "import sys; sys.exit(300)",
    "below zero": "import sys; sys.exit(-1)",
    "true": "import sys; sys.exit(True)",
    "none": "import sys; sys.exit(None)",
    "a text": "import sys; sys.exit('no such file')",
    "a list": "import sys; sys.exit([1])",
    "raised": "raise SystemExit(9)",
    "at once": "import os; os._exit(11)",
    "an error": "1 / 0",
    "interrupted": "raise KeyError('k')",
    "an exception of its own": "class Sad(Exception): pass\nraise Sad('é')",
    "an error at the end": "import atexit; atexit.register(lambda: 1 / 0)",
    "no code": "",
    "a syntax error": "def f(:\n  pass",
    "bad indentation": "if 1:\nx = 1",
    "a closed stdout": "import sys; print('x'); sys.stdout.close()",
    "a chain": "try:\n  {}['a']\nexcept KeyError as error:\n  raise ValueError('b') from error",
    "a group": "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])",
    "too deep": "def f(): f()\nf()",
}


@pytest.mark.long
@pytest.mark.parametrize("code", ENDINGS.values(), ids=ENDINGS.keys())
def test_a_program_ends_and_says_what_it_would_under_the_interpreter(code: str, tmp_path: Path) -> None:
    here = run(tmp_path, code)
    bare = plain(tmp_path)
    assert (here.returncode, here.stdout) == (bare.returncode, bare.stdout)
    assert _NUMBERS.sub("N", here.stderr.decode()) == _NUMBERS.sub("N", bare.stderr.decode())


def test_a_traceback_names_the_job_alone(tmp_path: Path) -> None:
    ended = run(tmp_path, "def f():\n    return 1 / 0\nf()\n")
    assert b"main.py" in ended.stderr
    assert b"council" not in ended.stderr
    assert ended.stderr.count(b"File ") == 2
    assert ended.stderr.endswith(b"ZeroDivisionError: division by zero\n")


def test_the_job_is_the_main_module(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        import pickle, sys
        class Thing:
            def __init__(self): self.value = 3
        assert __name__ == "__main__" and sys.modules["__main__"].Thing is Thing
        assert pickle.loads(pickle.dumps(Thing())).value == 3
        assert __file__.endswith("/main.py") and sys.argv == ["main.py"]
        assert sys.path[0] == __file__.rpartition("/")[0]
        if __name__ == "__main__":
            print("main")
        """,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"main\n", b"")


def test_names_and_modules_of_ours_are_not_among_the_jobs(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        import sys
        print(sorted(name for name in sys.modules if name.startswith("council")))
        print(sorted(name for name in globals() if not name.startswith("__")))
        """,
    )
    assert ended.stdout == b"[]\n['sys']\n"


def test_flags_of_our_modules_do_not_reach_the_jobs_code(tmp_path: Path) -> None:
    ended = run(tmp_path, "def f(a: undefined_name): pass\n")
    assert b"NameError" in ended.stderr


def test_a_module_beside_the_job_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("value = 5\n")
    assert run(tmp_path, "import helper; print(helper.value)").stdout == b"5\n"


def test_stdin_is_read_as_text_and_as_bytes(tmp_path: Path) -> None:
    ended = run(tmp_path, "import sys; print(ascii(input())); print(sys.stdin.read())", b"gr\xfc\n\xc3\xa9")
    assert ended.stdout == "'gr\\udcfc'\né\n".encode()
    assert run(tmp_path, "import sys; print(sys.stdin.buffer.read())", b"\xff\0").stdout == b"b'\\xff\\x00'\n"


def test_what_cannot_be_encoded_ends_as_bytes_or_as_escapes(tmp_path: Path) -> None:
    ended = run(tmp_path, r"import sys; print('\udcff'); print('\ud800', file=sys.stderr)")
    assert ended.stdout == b"\xff\n"
    assert ended.stderr == b"\\ud800\n"


def test_threads_and_exit_functions_are_waited_for_and_output_is_flushed(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        """
        import atexit, sys, threading, time
        def later():
            time.sleep(0.05)
            sys.stdout.write("thread,")
        atexit.register(sys.stdout.write, "exit function")
        threading.Thread(target=later).start()
        sys.stdout.write("main,")
        """,
    )
    assert ended.stdout == b"main,thread,exit function"


def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    ended = run(tmp_path, "import os, sys; sys.stdout.write('x'); os.close(1)")
    assert ended.returncode == 120


def test_a_job_that_breaks_its_streams_still_ends(tmp_path: Path) -> None:
    ended = run(tmp_path, "import sys; sys.stdout = sys.stderr = None; raise ValueError")
    assert ended.returncode == 1
    ended = run(tmp_path, "import sys; sys.excepthook = lambda *_: 1 / 0; raise ValueError")
    assert ended.returncode == 1


def test_an_exception_hook_of_the_job_is_called(tmp_path: Path) -> None:
    ended = run(
        tmp_path, "import sys; sys.excepthook = lambda kind, *_: print('hook', kind.__name__); raise ValueError"
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, b"hook ValueError\n", b"")


def test_code_in_another_encoding_runs(tmp_path: Path) -> None:
    ended = run(tmp_path, "# -*- coding: latin-1 -*-\nprint('\xe9')\n".encode("latin-1"))
    assert ended.stdout == "é\n".encode()


def test_a_null_byte_in_the_code_is_an_error_of_the_job(tmp_path: Path) -> None:
    ended = run(tmp_path, b"print(1)\0")
    assert ended.returncode == 1
    assert ended.stdout == b""
    assert b"Error" in ended.stderr


def test_collection_of_cycles_is_on_for_the_job(tmp_path: Path) -> None:
    assert run(tmp_path, "import gc; print(gc.isenabled())").stdout == b"True\n"
