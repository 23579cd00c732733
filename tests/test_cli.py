"""The command line as a user meets it: one line and status 2 for whatever is wrong."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tinygrad_hw.cli import main

Run = Callable[..., tuple[int, str, str]]

SHEET = """
[given]
x = 2
[parameters]
w = 0.5
[forward]
z = "{}"
[update]
loss = "z"
rate = 0.1
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        status = main(arguments)
        out, error = capsys.readouterr()
        return status, out, error

    return call


def test_solve_prints_and_gives_json(run: Run) -> None:
    status, out, error = run("solve", "q1a")
    assert (status, error) == (0, "")
    assert "dE/dw7 = dE/da4 · da4/dz4 · dz4/dw7" in out
    status, out, _ = run("solve", "q1b", "--json")
    solved = json.loads(out)
    assert solved["updated"]["w1"] == 0.5
    assert solved["partials"].keys() == {f"dE/d{p}" for p in solved["updated"]}


def test_a_file_goes_before_a_shipped_sheet_of_that_name(run: Run) -> None:
    Path("q1a").write_text(SHEET.format("w*x"))
    assert json.loads(run("solve", "q1a", "--json")[1])["forward"] == {"z": 1.0}


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        ("w*v", "line 7: z uses 'v', which is nowhere defined"),
        ("z + w", "line 7: z is defined by itself: a loop"),
        ("w/(x - 2)", "line 7: z = 'w/(x - 2)' is inf: a division by zero"),
        ("(x - 2)/(x - 2)", "is nan: a division by zero"),
        ("(" * 10**5 + "w" + ")" * 10**5, "line 7: z is 200,001 characters long"),
        ("__import__('os').system('ls')", "line 7: z uses"),
        ("9**9**9*w", "is inf: a division by zero"),
    ],
)
@pytest.mark.parametrize("verb", [["solve"], ["draw", "-o", "g.svg"]])
def test_a_bad_sheet_is_one_line(run: Run, verb: list[str], formula: str, reason: str) -> None:
    Path("s.toml").write_text(SHEET.format(formula))
    status, out, error = run(*verb, "s.toml")
    assert (status, out) == (2, "")
    assert error.startswith("tinygrad-hw: s.toml")
    assert reason in error
    assert error.count("\n") == 1
    assert not Path("g.svg").exists()


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


def test_a_cut_off_data_set_is_named_and_leaves_nothing(run: Run) -> None:
    Path("data").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        kind = 3 if "idx3" in name else 1
        Path(f"data/{name}-ubyte").write_bytes(bytes([0, 0, 8, kind, 0, 0, 0, 9]) + b"\0\0")
    status, _, error = run("homework", "--data", "data", "--out", "out")
    assert status == 2
    assert error.count("\n") == 1
    assert "idx" in error
    assert not Path("out").exists()


def test_draw_writes_an_svg(run: Run) -> None:
    for extra in ([], ["--scalar"]):
        status, out, error = run("draw", "q1a", "-o", "g.svg", *extra)
        assert (status, out, error) == (0, "", "")
        assert ElementTree.parse("g.svg").getroot().tag.endswith("svg")


def run_apart(*arguments: str, **options: Any) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "tinygrad_hw", *arguments]
    return subprocess.Popen(command, text=True, **{**pipes, **options})


def test_a_plain_terminal_gets_plain_signs() -> None:
    with run_apart("solve", "q1a", env={**os.environ, "PYTHONIOENCODING": "ascii"}) as process:
        out, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (0, "")
    assert "dE/dw7 = dE/da4 * da4/dz4 * dz4/dw7" in out


def test_a_reader_that_leaves_early_is_no_error() -> None:
    with run_apart("solve", "q1a") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""


def hear_ctrl_c() -> None:
    """Undo what a shell does to a job in the background: it is deaf to Ctrl-C, its children too."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["at once", "while training"])
def test_ctrl_c_and_kill_leave_nothing(tmp_path: Path, moment: str, number: signal.Signals) -> None:
    out = tmp_path / "out"
    arguments = "homework", "--out", str(out)
    with run_apart(*arguments, start_new_session=True, preexec_fn=hear_ctrl_c) as process:
        if moment == "while training":
            assert process.stdout is not None
            assert "Training" in process.stdout.readline()
            assert "test accuracy" in process.stdout.readline()  # the first network is done
        while not out.exists():
            assert process.poll() is None
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: to every process of the job
        else:
            process.terminate()
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert error.split() == (["tinygrad-hw:", "stopped"] if number == signal.SIGINT else [])
    assert not out.exists()


def test_a_full_disk_is_one_line() -> None:
    with open("/dev/full", "w") as full, run_apart("solve", "q1a", stdout=full) as process:
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert error == "tinygrad-hw: cannot write: No space left on device\n"


# --- gradcheck ------------------------------------------------------------------------------------

OWN = """
import numpy as np
from tinygrad_hw.engine import Pointwise

cube = Pointwise("cube", lambda x: x**3, "3 * x**2")
wrong = Pointwise("wrong", lambda x: x**3, "2 * x**2")


def loss(w, x=[1.0, 2.0], b=0.1):
    return np.sum(cube(w * x + b))

def bad(w):
    return wrong(w) * 2

def detached(w):
    return w.detach() * 2

def square(x):
    return x * x

def kink(x=0.0):
    return np.abs(x)

def product(w):
    return w @ w

def spread(*w):
    return w[0]

def nothing():
    return 1.0

number = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


def test_gradcheck_of_ones_own_function(run: Run, own: str) -> None:
    status, out, error = run("gradcheck", f"{own}:loss", "--at", "w=[0.5, 1.5]")
    assert (status, error) == (0, "")
    assert out.splitlines()[:3] == [
        "argument 0: w = [0.5 1.5]",
        "argument 1: x = [1.0, 2.0]",
        "argument 2: b = 0.1",
    ]
    assert "right: first and second derivatives, backward and forward" in out
    status, out, _ = run("gradcheck", f"{own}:cube", "--at", "x=[[1, 2], [3, 4]]")
    assert (status, out.splitlines()[0]) == (0, "argument 0: x = [[1. 2.] [3. 4.]]")
    drawn = [run("gradcheck", f"{own}:loss", "--seed", seed)[1] for seed in "001"]
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (
            "bad",
            r"WRONG, or a kink or jump.*: w: backward\(\) gives 4, central differences give 6",
        ),
        ("kink --at x=0", r"WRONG, or a kink.*: x: second derivative: backward\(\) gives 0"),
        (
            "detached",
            "WRONG.*: the function's result does not depend on its arguments: was a number",
        ),
    ],
)
def test_gradcheck_says_what_is_wrong(run: Run, own: str, function: str, text: str) -> None:
    function, *points = function.split()
    status, out, error = run("gradcheck", f"{own}:{function}", *(points or ("--at", "w=1")))
    assert (status, error) == (1, "")
    assert re.search(text, out)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["{}"], "names no function; write FILE.py:function"),
        (["nowhere.py:loss"], "there is no file 'nowhere.py'"),
        (["{}:loose"], "has no function 'loose'"),
        (["{}:number"], "has no function 'number'"),
        (["{}:nothing"], "nothing takes no argument"),
        (["{}:spread"], "spread takes *w"),
        (["{}:product"], "product fails at these arguments: ValueError: matmul("),
        (["{}:loss", "--at", "q=1"], "loss has no argument 'q'; it has w, x, b"),
        (["{}:cube", "--at", "w=1"], "cube has no argument 'w'; it has x"),
        (["{}:loss", "--at", "w=one"], "--at 'w=one' is not NAME=VALUE"),
        (["{}:loss", "--at", "w=[[1], 2]"], "is not NAME=VALUE"),
        (["{}:loss", "--seed", "-1"], "--seed is -1; give 0 or more"),
    ],
)
def test_gradcheck_refuses_in_one_line(run: Run, own: str, arguments: list[str], text: str) -> None:
    status, _, error = run("gradcheck", *[part.format(own) for part in arguments])
    assert status == 2
    assert text in error
    assert error.count("\n") == 1


def test_gradcheck_of_a_file_that_cannot_be_run(run: Run, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(x):\n  return (\n")
    status, _, error = run("gradcheck", "broken.py:f")
    assert status == 2
    assert "broken.py cannot be run: SyntaxError" in error
    assert error.count("\n") == 1
