"""The same program in JavaScript, run by an engine for it, beside our own."""

import json
import math

import numpy as np
import pytest
import quickjs

from tinygrad_hw import Value, capture
from tinygrad_hw.engine import numpy_api
from tinygrad_hw.engine.core.operation import Pointwise
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.nn import SGD
from tinygrad_hw.program import CaptureError
from tinygrad_hw.worksheet.exercises.fresh_sheet import exercise
from tinygrad_hw.worksheet.sheet.reader import parse_sheet, read_sheet
from tinygrad_hw.worksheet.solution.as_program import sheet_program
from tinygrad_hw.worksheet.solution.solve import solve


def run(program, inputs):
    """What the program's JavaScript returns, by name."""
    name = program.program.recording.name
    text = f"{program.javascript}JSON.stringify({name}({json.dumps(inputs)}))"
    return json.loads(quickjs.Context().eval(text))


@pytest.mark.parametrize("name", ["q1a", "q1b"])
@pytest.mark.parametrize("shift", [0.0, 0.75, -3.0])
def test_the_homework_moved_by_a_slider(name, shift):
    """Every number of the sheet, with one weight moved, equals a fresh solution's."""
    sheet = read_sheet(sheet_path(name))
    program = sheet_program(sheet)
    sheet.parameters["w7"] += shift
    expected = solve(sheet)
    found = run(program, sheet.given | sheet.parameters)
    for forward, value in expected.forward.items():
        assert found[forward] == pytest.approx(value, rel=1e-12)
    for partial, value in expected.partials.items():
        assert found[partial.replace("/", "_")] == pytest.approx(value, rel=1e-12, abs=1e-300)
    for parameter, value in expected.updated.items():
        assert found[f"new_{parameter}"] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_exercises(seed):
    sheet = exercise("3-2-2-1", seed, 4)
    found = run(sheet_program(sheet), sheet.given | sheet.parameters)
    for partial, value in solve(sheet).partials.items():
        assert found[partial.replace("/", "_")] == pytest.approx(value, rel=1e-12, abs=1e-300)


SCALAR = [
    record
    for record in numpy_api.TABLE.values()
    if isinstance(record, Pointwise) and 1 <= record.arity <= 2 and not record.reduces
    if record.name != "where"  # it is used above
]


@pytest.mark.parametrize("record", SCALAR, ids=lambda record: record.name)
def test_every_operation_on_numbers(record):
    points = [
        [low + (high - low) * part for low, high in record.domain[: record.arity]]
        for part in (0.13, 0.5, 0.77)
    ]
    values = [Value(x, name) for x, name in zip(points[0], "xy"[: len(points[0])], strict=True)]

    @capture
    def program():
        for value in values:
            value.grad = None
        out = record(*values)
        out.label = "out"
        out.backward()
        return out

    program.record()
    for point in points:
        for value, x in zip(values, point, strict=True):
            value.data = x
        expected = program.function()
        inputs = {value.label: value.data for value in values}
        found = run(program, inputs)
        assert found["out"] == pytest.approx(expected.data, rel=1e-12, abs=1e-15)
        for value in values:
            if value.grad:
                name = f"gradient_of_{value.label}"
                assert found[name] == pytest.approx(value.grad, rel=1e-12, abs=1e-14)


def test_nothing_arrives_through_an_infinite_derivative():
    """There is no second try in a page: 0 · inf is 0 there too."""
    x = Value(4.0, "x")

    @capture
    def program():
        out = np.sqrt(x) * np.maximum(x - 1, 0.0)
        out.label = "out"
        out.backward()
        return out

    program.record()
    assert run(program, {"x": 0.0})["gradient_of_x"] == 0.0


def test_a_sigmoid_far_out_stays_a_number():
    sheet = parse_sheet(
        '[given]\nx = 1\n[parameters]\nw = 2.0\n[forward]\na = "sigmoid(w*x)"\n'
        'E = "softplus(a) + abs(w)"\n[update]\nloss = "E"\nrate = 1\n',
        "a sheet",
    )
    program = sheet_program(sheet)
    for w in (-800.0, 800.0):
        found = run(program, {"x": 1.0, "w": w})
        assert found["a"] == (0.0 if w < 0 else 1.0)
        assert math.isfinite(found["dE_dw"])


def test_another_branch_is_an_error_in_the_page():
    @capture
    def program(x):
        return x * 2 if x > 1 else x * 3

    program.record(2.0)
    assert run(program, {"x": 5.0})["result"] == 10
    with pytest.raises(quickjs.JSException, match="another branch"):
        run(program, {"x": 0.5})


def test_every_branch_inside_an_operation_of_one_s_own_is_written():
    kink = Pointwise(
        "kink",
        lambda x: (x if x < 10 else 10.0) if x > 0 else 0.1 * x,
        "where(x > 0, where(x < 10, 1.0, 0.0), 0.1)",
    )

    @capture
    def program(x):
        return kink(Value(x)) + 1

    program.record(2.0)
    for x in (5.0, 50.0, -5.0):
        assert run(program, {"x": x})["result"] == program.function(x).data


def test_a_sum_of_exponentials_far_out():
    program = capture(lambda x, y: np.logaddexp(Value(x), Value(y)))
    program.record(1.0, 2.0)
    for x, y in [(1e3, 1e3), (-1e3, 1e3), (-1e300, -1e300)]:
        assert run(program, {"x": x, "y": y})["result"] == np.logaddexp(x, y)


def test_an_update_is_a_result():
    w, optimizer = Value(3.0, "w"), SGD(0.5)

    @capture
    def program():
        w.grad = None
        (w * w).backward()
        optimizer.apply([w])

    program()
    program.record()
    before = w.data
    found = run(program, {"w": 3.0, "learning_rate": 0.5, "momentum": 0.0, "velocity": 0.0})
    assert found["new_w"] == 0.0
    assert w.data == before


def test_labels_of_strangers_stay_names():
    x = Value(2.0, "x'); throw 1; ('")
    y = Value(3.0, "constructor")

    @capture
    def program():
        (x * y).backward()
        return x * y

    program.record()
    names = program.javascript.split("{ ", 1)[1].split(" }", 1)[0].split(", ")
    assert all(name.isidentifier() for name in names)
    assert run(program, dict(zip(names, (5.0, 7.0), strict=True)))["result"] == 35


def test_an_operation_without_a_word_is_named():
    last = Pointwise("last", lambda x: x + np.spacing(x), "1.0")
    program = capture(lambda x: last(Value(x)))
    program.record(1.0)
    with pytest.raises(CaptureError, match="spacing has no word in JavaScript"):
        _ = program.javascript
