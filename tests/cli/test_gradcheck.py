"""The derivative of a function of the user's own."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
RunApart = Callable[..., subprocess.Popen[str]]


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


def test_gradcheck_of_a_file_that_imports_its_neighbor(run: Run, tmp_path: Path) -> None:
    (tmp_path / "neighbor_of_mine.py").write_text("def cube(w=2.0):\n    return w**3\n")
    path = tmp_path / "mine.py"
    path.write_text("from neighbor_of_mine import cube\n")
    before = sys.path.copy()
    status, out, _ = run("gradcheck", f"{path}:cube")
    del sys.modules["neighbor_of_mine"]
    assert status == 0
    assert "right" in out
    assert sys.path == before
