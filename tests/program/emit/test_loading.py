"""A captured program has lines, for tracebacks and debuggers, for as long as it can run."""

import gc
import linecache
import sys
import traceback

import numpy as np
import pytest

from tinygrad_hw import Value, capture
from tinygrad_hw.nn import SGD
from tinygrad_hw.program.emit.loading import compile_function


def program_files():
    return {name for name in linecache.cache if name.startswith(("<program of ", "<batch of "))}


def lines_run(function, *arguments):
    """The lines of programs that a debugger would step through, as it would show them."""
    found = []

    def trace(frame, event, _):
        file = frame.f_code.co_filename
        if not file.startswith(("<program of ", "<batch of ")):
            return None
        if event == "line":
            found.append((file, frame.f_lineno, linecache.getline(file, frame.f_lineno)))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return found


@pytest.mark.parametrize("jit", [False, True])
def test_a_traceback_shows_the_line_of_a_program(jit):
    if jit:
        pytest.importorskip("numba")

    @capture(jit=jit)
    def row(x, i):
        return np.take(x * 2.0 + 1.0, i, axis=0)

    x = np.ones((30, 40))
    program = row.record(x, np.array([0, 1]))
    with pytest.raises(IndexError) as caught:
        program.replay.run([x, np.array([0, 30])])
    frames = traceback.extract_tb(caught.value.__traceback__)
    [frame] = [frame for frame in frames if frame.filename.startswith("<program of row ")]
    assert frame.name == "row"
    assert "np.take(" in frame.line
    assert frame.line in row.source
    assert f'File "{frame.filename}", line {frame.lineno}' in "".join(
        traceback.format_exception(caught.value)
    )


def test_an_error_in_the_function_shows_the_program_it_came_from():
    @capture
    def power(x):
        return np.exp(x)

    for _ in range(4):
        power(1.0)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError) as caught:
        power(1000.0)
    text = "".join(traceback.format_exception(caught.value))
    assert "<program of power " in text
    assert "np.exp(x)" in text


def test_a_debugger_steps_through_every_line_of_a_step():
    w, optimizer = Value(np.array([1.0, 2.0]), label="w"), SGD(0.1, momentum=0.9)

    @capture(jit=False)
    def step(x):
        w.grad = None
        loss = np.mean((x @ w - 1.0) ** 2)
        loss.label = "loss"
        loss.backward()
        optimizer.apply([w])
        return loss

    x = np.arange(6.0).reshape(3, 2)
    for _ in range(4):
        step(x)
    found = lines_run(step, x)
    body = step.source[step.source.index("def step(") :].splitlines()[1:]
    shown = [line.rstrip("\n") for _, _, line in found]
    assert len(found) > 10
    assert all(file == found[0][0] for file, _, _ in found)
    code = [line for line in body if line.strip() and not line.strip().startswith("#")]
    assert shown == [line for line in code if line != "        raise NotFinite"]


def test_a_debugger_steps_through_a_batch():
    c = capture(lambda x: x * x + 1.0)
    c.batch(np.arange(3.0))
    found = lines_run(c.batch, np.arange(3.0))
    assert found
    assert "x" in found[0][2]


def test_programs_of_one_name_are_told_apart():
    def made(a):
        @capture
        def f(x):
            return x + a

        for _ in range(4):
            f(1.0)
        return f

    first, second = made(1.0), made(2.0)
    a, b = lines_run(first, 3.0)[0], lines_run(second, 3.0)[0]
    assert a[0] != b[0]
    assert "1.0" in a[2]
    assert "2.0" in b[2]


def test_the_lines_go_when_the_program_does():
    gc.collect()
    before = program_files()
    kept = []
    for i in range(200):
        c = capture(lambda x, i=i: np.tanh(x) * float(i))
        for _ in range(3):
            c(1.0)
        c.batch(np.arange(2.0))
        if i == 100:
            kept.append(c)
    assert program_files() > before
    del c
    gc.collect()
    assert len(program_files() - before) == 3  # the program, the batch's, and its first point's
    kept.clear()
    gc.collect()
    assert program_files() == before


def test_the_lines_stay_while_a_frame_or_the_function_does():
    def failing():
        namespace = {}
        exec(compile_function("def f(x):\n    return 1 / x\n", "program of f"), namespace)
        return namespace["f"]

    f = failing()
    gc.collect()
    linecache.checkcache()
    with pytest.raises(ZeroDivisionError) as caught:
        f(0)
    del f
    gc.collect()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].line == "return 1 / x"
