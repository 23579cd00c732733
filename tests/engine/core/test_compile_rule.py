"""Rules as a debugger and a traceback see them: by the line of their text."""

import ast
import gc
import inspect
import linecache
import sys
import traceback
from pathlib import Path

import numpy as np
import pytest

import tinygrad_hw
from tinygrad_hw import Value, capture
from tinygrad_hw.engine import Pointwise, numpy_api, ops
from tinygrad_hw.engine.core.compile_rule import LANGUAGE, compile_rule
from tinygrad_hw.program.record.tracer import Tracer


def rules_in_linecache():
    return {filename for filename in linecache.cache if filename.startswith("<rule of ")}


def test_traceback_shows_the_text_of_the_rule():
    odd = Pointwise("odd", lambda x: x * 1.0, "1 / len(x)")
    with pytest.raises(TypeError) as caught:
        odd.rules[0](1.0, 1.0)
    text = "".join(traceback.format_exception(caught.value))
    assert 'File "<rule of odd>", line 1' in text
    assert "    lambda out, x: 1 / len(x)\n" in text


def test_a_debugger_steps_into_a_rule_and_is_shown_its_line():
    seen = []

    def trace(frame, event, _):
        if frame.f_code.co_filename.startswith(("<rule of ", "<derivative of ")):
            filename = frame.f_code.co_filename
            line = linecache.getline(filename, frame.f_lineno, frame.f_globals)
            seen.append((event, filename, line))
        return trace

    on_array, on_float = Value([0.5]).sigmoid().sum(), Value(0.5).sigmoid()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        on_array.backward()
        on_float.backward()
    finally:
        sys.settrace(before)
    assert ("line", "<rule of sigmoid>", "lambda out, x: sigmoid(x) * sigmoid(-x)\n") in seen
    line = "        operand.total += float(upstream * (sigmoid(x) * sigmoid(-x)))\n"
    assert ("line", "<derivative of sigmoid>", line) in seen


def test_every_rule_of_the_table_can_be_looked_at():
    for operation in numpy_api.TABLE.values():
        for rule in filter(callable, operation.rules):
            source = inspect.getsource(rule)
            assert source.startswith(f"lambda {operation.first_parameter}, ")
            linecache.checkcache()  # as a traceback does
            assert inspect.getsource(rule) == source


def test_rules_of_one_name_are_files_of_their_own():
    files = [rule.__code__.co_filename for rule in ops.pow.rules]
    assert files == ["<rule of pow>", "<rule of pow, 2>"]
    assert [linecache.getline(file, 1).startswith("lambda out, x, y: ") for file in files]
    first, second = linecache.getline(files[0], 1), linecache.getline(files[1], 1)
    assert "pow(x, y - 1)" in first
    assert "log(where" in second


def test_rules_of_dropped_operations_are_forgotten():
    gc.collect()
    before = rules_in_linecache()
    for _ in range(50):
        operation = Pointwise("dropped", lambda x, y: x * y, "1 * y", "1 * x")
        assert len(rules_in_linecache()) <= len(before) + 4
    assert operation.rules[0](0.0, 2.0, 3.0) == 3.0
    del operation
    gc.collect()
    assert rules_in_linecache() == before


def test_a_broken_rule_leaves_nothing_behind():
    before = rules_in_linecache()
    for rule in ("2 *", "no_such_name"):
        with pytest.raises(ValueError, match="broken"):
            compile_rule("broken", rule, ["x"])
    assert rules_in_linecache() == before


# Python's own booleans are integers to ``~``, which Python 3.16 refuses: ``~True`` is -2. The mask
# of a scalar is such a boolean, so masks are inverted by ``np.logical_not`` alone.


def inversions(source):
    return [
        ast.unparse(part)
        for part in ast.walk(ast.parse(source))
        if isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Invert)
    ]


def test_no_file_inverts_a_mask_bit_by_bit():
    assert inversions("silent = (x == 0) & ~np.isfinite(y)") == ["~np.isfinite(y)"]
    package = Path(tinygrad_hw.__file__).parent
    found = {str(path): inversions(path.read_text("utf-8")) for path in package.rglob("*.py")}
    assert len(found) > 50
    assert not {path: lines for path, lines in found.items() if lines}


def test_no_rule_inverts_a_mask_bit_by_bit():
    rules = [rule for op in numpy_api.TABLE.values() for rule in op.rules if callable(rule)]
    assert len(rules) > 50
    assert not [rule for rule in rules if inversions(inspect.getsource(rule))]
    assert LANGUAGE["np"] is np  # so a rule has np.logical_not


@pytest.mark.parametrize("start", [0.5, np.array([0.5, 2.0])])
def test_no_captured_program_inverts_a_mask_bit_by_bit(start, monkeypatch):
    def refuse(_):
        raise AssertionError("~ was applied to what stands for a mask")

    monkeypatch.setattr(Tracer, "__invert__", refuse)
    w = Value(start, label="w")

    @capture
    def step():
        loss = w.sqrt() * w.log() + w.relu() ** 1.5 + abs(w)
        loss = loss.sum() if w.shape else loss
        w.grad = None
        loss.backward()
        return loss

    first = step()
    for _ in range(4):
        assert np.array_equal(step().data, first.data)
    assert "backward" in step.source
    assert not inversions(step.source)
    if isinstance(start, float):  # in a page nothing is assumed to be finite
        assert "times(" in step.javascript
        assert "~" not in step.javascript
