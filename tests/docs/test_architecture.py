"""The page on the architecture is true: its journeys are walked, its tables are evaluated."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import re
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import tinygrad_hw
from tinygrad_hw import Value, capture, grad, hessian, jvp
from tinygrad_hw.cli import main
from tinygrad_hw.explain import explain
from tinygrad_hw.nn import SGD
from tinygrad_hw.worksheet import SheetError, parse_sheet, read_number

PACKAGE = Path(tinygrad_hw.__file__).parent
PAGE = (Path(__file__).parents[2] / "docs/architecture.md").read_text("utf-8")


# --- Journeys -------------------------------------------------------------------------------------


def neuron() -> tuple[Value, Value]:
    w7, a1 = Value(0.5, label="w7"), Value(2.0, label="a1", constant=True)
    a4 = (w7 * a1 - 0.3).sigmoid()
    a4.label = "a4"
    E = (1.0 - a4) ** 2 / 2
    E.label = "E"
    return E, w7


def backward_pass() -> None:
    loss = np.mean((Value([1.0, 2.0]) * np.array([3.0, 4.0])).tanh() ** 2)
    loss.backward()


def backward_pass_of_floats() -> None:
    E, _ = neuron()
    E.backward()


def captured_step() -> None:
    w, optimizer = Value(np.ones(3), label="w"), SGD(0.1)

    @capture(jit=False)
    def step(x: Any) -> Value:
        w.grad = None
        loss = np.sum((w * x) ** 2)
        loss.backward()
        optimizer.apply([w])
        return loss

    for _ in range(5):  # as it is, recorded three times, replayed
        step(np.arange(3.0))


def checked_sheet() -> None:
    read_number.cache_clear()  # other tests read the same numbers
    with contextlib.redirect_stdout(io.StringIO()):
        main(["check", "q1a"])


JOURNEYS: dict[str, Callable[[], Any]] = {
    "`loss.backward()` of arrays": backward_pass,
    "`E.backward()` of Python's floats": backward_pass_of_floats,
    "`capture(step)`": captured_step,
    "`explain(E, w7)`": lambda: str(explain(*neuron())),
    "`check` of a sheet": checked_sheet,
}


def functions_called(call: Callable[[], Any]) -> list[tuple[str, str]]:
    """Return file and name of every function of the package, in the order of their first calls."""
    found: dict[tuple[str, str], None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            found[str(path.relative_to(PACKAGE)), frame.f_code.co_qualname] = None

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return list(found)


@pytest.mark.parametrize("title", JOURNEYS)
def test_a_journey_passes_its_functions_in_order(title: str) -> None:
    text = PAGE.partition(f"### {title}\n")[2].partition("\n#")[0]
    steps = re.findall(r"^\d+\. `([\w/]+\.py)` `([\w.]+)`", text, re.M)
    assert len(steps) > 3
    run = subprocess.run(  # a process of its own, in which nothing is in a cache yet
        [sys.executable, __file__, title], capture_output=True, text=True, check=True, timeout=300
    )
    called = [tuple(function) for function in json.loads(run.stdout)]
    assert [step for step in steps if step not in called] == []
    assert steps == sorted(steps, key=called.index)


def test_every_journey_of_the_page_is_walked() -> None:
    journeys = PAGE.partition("## Five journeys")[2].partition("\n## ")[0]
    assert re.findall(r"^### (.*)$", journeys, re.M) == list(JOURNEYS)


# --- Tables: what the expressions in their last column may name -----------------------------------


def raises(kind: type[Exception], call: Callable[[], Any]) -> bool:
    with pytest.raises(kind):
        call()
    return True


def message(call: Callable[[], Any]) -> str:
    with pytest.raises(TypeError) as error:
        call()
    return str(error.value)


def same(x: Any, expected: list[float]) -> bool:
    return bool(np.array_equal(x, expected))


def gradients(function: Callable[[Value, Value], Value], times: int = 1) -> list[Any]:
    """Return the gradients of two leaves after so many backward passes from one root."""
    x, y = Value(1.0), Value(1.0)
    root = function(x, y)
    for _ in range(times):
        root.backward()
    return [x.grad, y.grad]


def rebinds(value: Value) -> bool:
    before = value
    value += 1.0
    return value is not before


def gradient_of_squares(array: Any, then: Callable[[Any], Any]) -> Any:
    """Return the gradient of the sum of squares; ``then`` happens between forward and backward."""
    x = Value(array)
    root = np.sum(x * x)
    then(array)
    root.backward()
    return x.grad


def is_moved_in_place(value: Value) -> bool:
    """Return whether a step changes an array that was handed out, until there are new data."""
    array, optimizer = value.data, SGD(0.5)
    for expected in ([0.5, 1.5], [0.0, 1.0]):
        value.grad = np.ones(2)
        optimizer.apply([value])
        assert same(array, expected)
    value.data = np.zeros(2)
    optimizer.apply([value])
    return same(array, [0.0, 1.0]) and same(value.data, [-0.5, -0.5])


def is_freed_with_its_root() -> bool:
    root = Value(1.0) * 2.0 + 1.0
    inner = weakref.ref(root.inputs[0])
    del root
    return inner() is None


def gradient_of_chain(length: int) -> Any:
    x = value = Value(1.0)
    for _ in range(length):
        value = value * 1.0
    value.backward()
    return x.grad


def replays(function: Callable[[Any], Any]) -> bool:
    captured = capture(function)
    return all(captured(x) == function(x) for x in (0.1, 0.2, 0.3))


NAMES = {
    "Value": Value,
    "grad": grad,
    "hessian": hessian,
    "jvp": jvp,
    "np": np,
    "copied": copy.deepcopy,
    "parse_sheet": parse_sheet,
    "SheetError": SheetError,
    **{
        function.__name__: function
        for function in (
            raises,
            message,
            same,
            gradients,
            rebinds,
            gradient_of_squares,
            is_moved_in_place,
            is_freed_with_its_root,
            gradient_of_chain,
            replays,
        )
    },
}


def rows(heading: str) -> list[tuple[str, str]]:
    """Return the first cell of each row of the table under a heading, and its expression."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| (.+?) \|.*?`([^|]+)` \|$", section, re.M)


@pytest.mark.parametrize(
    ("says", "expression"), [*rows("Contracts"), *rows("Awkward points")], ids=lambda text: text
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_line_of_the_tables_is_true(says: str, expression: str) -> None:
    assert eval(expression, dict(NAMES)), says  # our own page


def test_no_row_is_without_its_expression() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    headings = 2
    assert len(rows("Contracts")) + len(rows("Awkward points")) == len(lines) - headings


if __name__ == "__main__":
    print(json.dumps(functions_called(JOURNEYS[sys.argv[1]])))
