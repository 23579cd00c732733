"""What is wrong is one line and status 2, for any verb; and how the program ends."""

import os
import subprocess
import sys
import time
import weakref
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "the following arguments are required: VERB"),
        (["dance"], "invalid choice: 'dance'"),
        (["solve"], "the following arguments are required: SHEET"),
        (["solve", "no.toml"], "no.toml: No such file or directory; give the path of a sheet"),
        (["draw", "q1a"], "required: -o"),
        (["draw", "q1a", "-o", "g.jpeg"], "g.jpeg"),
        (["draw", "q1a", "-o", "nowhere/g.svg"], "nowhere/g.svg"),
        (["homework", "--digits", "3,3"], "--digits is '3,3'; give two different digits"),
        (["homework", "--digits", "3"], "--digits is '3'; give two digits, such as 3,6"),
        (["homework", "--digits", "3,66"], "--digits is '3,66'"),
        (["homework", "--epochs", "0"], "--epochs is 0; give at least 1"),
        (["homework", "--epochs", "two"], "invalid int value: 'two'"),
        (["homework", "--seed", "-1"], "--seed is -1; give 0 or more"),
        (["homework", "--data", "no"], "no"),
        (["homework", "--out", "file"], "cannot write to file"),
        (["homework", "--out", "/proc/no"], "cannot write to /proc/no"),
        (["exercise"], "required: --net"),
        (["sheet", "no.toml"], "no.toml: No such file or directory; give the path of a sheet (q1a"),
        (["blank", "q1a", "-o", "s", "--key", "s"], "--out and --key are the same file"),
        (["blank", "q1a", "-o", "file"], "file is there already"),
        (["exercise", "--net", "2-x-1"], "the network is '2-x-1'; give the units of two to nine"),
        (["exercise", "--net", "9-9-9"], "a 9-9-9 network has 180 parameters; the most is 40"),
        (["exercise", "--net", "2-1", "--seed", "-1"], "--seed is -1; give 0 or more"),
        (["exercise", "--net", "2-1", "--figures", "0"], "--figures is 0; give 1 to 12"),
        (["exercise", "--net", "2-1", "--steps", "21"], "--steps is 21; give 1 to 20"),
        (["exercise", "--net", "2-1", "--count", "2"], "--count is given without a folder"),
        (["exercise", "--net", "2-1", "--count", "0", "-o", "d"], "--count is 0; give 1 to 10,000"),
        (
            ["exercise", "--net", "2-1", "-o", "s", "--key", "s"],
            "--out and --key are the same file",
        ),
        (
            ["exercise", "--net", "2-1", "-o", "file"],
            "file is there already; give another name, or",
        ),
        (["exercise", "--net", "2-1", "-o", "new", "--key", "file"], "file is there already"),
        (["exercise", "--net", "2-1", "-o", ".", "--force"], ". is not a file; give the name of"),
        (["exercise", "--net", "2-1", "-o", "file/s", "--force"], "cannot write file/s: not a dir"),
        (["exercise", "--net", "2-1", "-o", "/proc/s"], "cannot write /proc/s"),
        (["exercise", "--net", "2-1", "-o", "file", "--count", "2"], "cannot write file/sheet-001"),
        (["exercise", "--net", "2-1", "--dask", "x:1"], "--dask is given without --count"),
        (["fill"], "the following arguments are required: FILE"),
        (["fill", "no.toml"], "no.toml: No such file or directory"),
        (["fill", "q1a"], "q1a is shipped, and stays as it is; give a file of yours"),
        (["fill", "file"], "file: there is no [forward] section"),
    ],
)
def test_bad_arguments_are_one_line(run: Run, arguments: list[str], reason: str) -> None:
    Path("file").write_text("")
    before = sorted(Path().iterdir())
    status, out, error = run(*arguments)
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: ")
    assert reason in error
    assert error.count("\n") == 1
    assert sorted(Path().iterdir()) == before


def test_a_plain_terminal_gets_plain_signs(run_apart: RunApart) -> None:
    with run_apart("solve", "q1a", env={**os.environ, "PYTHONIOENCODING": "ascii"}) as process:
        out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert "dE/dw7 = dE/da4 * da4/dz4 * dz4/dw7" in out


def test_a_reader_that_leaves_early_is_no_error(run_apart: RunApart) -> None:
    with run_apart("solve", "q1a") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""


def test_a_full_disk_is_one_line(run_apart: RunApart) -> None:
    with open("/dev/full", "w") as full, run_apart("solve", "q1a", stdout=full) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error == "tinygrad-hw: cannot write: No space left on device\n"


def test_ctrl_c_stops_where_python_cannot_raise_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Something:
        pass

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    def work(_: Namespace) -> None:
        thing = Something()
        reference = weakref.ref(thing, interrupt)
        del thing
        assert reference() is None
        time.sleep(60)

    parser = SimpleNamespace(parse_args=lambda _: Namespace(verb=work))
    monkeypatch.setattr(sys.modules["tinygrad_hw.cli.main"], "_parser", lambda: parser)
    before = sys.unraisablehook
    assert run() == (130, "", "\ntinygrad-hw: stopped\n")
    assert sys.unraisablehook is before
