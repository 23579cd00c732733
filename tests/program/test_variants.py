"""Which calls run the function as it is, which are recorded, which are replayed; what is told."""

import gc
import io
import itertools
import random
import re
import weakref
from contextvars import ContextVar
from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw import Value, capture
from tinygrad_hw.nn import SGD
from tinygrad_hw.program import CaptureError


def here(text):
    """Return the line of this file that has a text, as a warning names it."""
    lines = Path(__file__).read_text("utf-8").splitlines()
    [number] = [i for i, line in enumerate(lines, start=1) if text in line and "here(" not in line]
    return re.escape(f"{__file__}:{number}")


def repeat(function, times):
    for _ in range(times):
        function()


def test_the_first_call_and_each_recorded_one_run_the_function_once():
    calls = []

    def f(x):
        calls.append(len(calls) + 1)
        return x * 2

    pure = capture(f, pure=True, jit=False)
    assert [pure(float(i)) for i in range(40)] == [2.0 * i for i in range(40)]
    assert calls == [1, 2, 3]  # the first as it is, two that are compared; then replays alone
    assert pure.captures == 2


def test_calls_at_powers_of_two_are_recorded_again():
    counts = []

    def f(x):
        return x * 2

    c = capture(f, jit=False)
    for _ in range(40):
        c(1.0)
        counts.append(c.captures)
    grew = [i + 1 for i, (a, b) in enumerate(itertools.pairwise([0, *counts])) if b > a]
    assert grew == [2, 3, 4, 8, 16, 32]


def test_a_recorded_call_is_a_call():
    """A schedule of rates moves on once a call, recorded or not: w is 0.387136 by hand."""
    w, optimizer, runs = Value(np.zeros(2), label="w"), SGD(0.1), []

    def step():
        runs.append(1)
        w.grad = None
        optimizer.learning_rate = 0.1 / len(runs)
        loss = np.sum((w - 1) ** 2)
        loss.backward()
        optimizer.apply([w])
        return loss

    captured = capture(step, jit=False)
    with pytest.warns(UserWarning, match="captured step: it changes .* itself; it is run as it is"):
        repeat(captured, 5)
    assert len(runs) == 5
    np.testing.assert_allclose(w.data, 0.387136)


def test_batches_of_an_iterator_are_each_used_once():
    truth = np.array([1.0, -2.0, 0.5])
    numbers = np.random.default_rng(0)
    batches = iter([(x, x @ truth) for x in numbers.normal(size=(400, 2, 3))])
    w, optimizer = Value(np.zeros(3), label="w"), SGD(0.1)

    @capture
    def step():
        x, y = next(batches)
        w.grad = None
        loss = np.mean((x @ w - y) ** 2)
        loss.backward()
        optimizer.apply([w])
        return loss

    with pytest.warns(UserWarning, match="step: it reaches batches, a list_iterator, and may draw"):
        repeat(step, 400)
    np.testing.assert_allclose(w.data, truth, atol=1e-4)


@pytest.mark.parametrize(
    "advance",
    [
        itertools.count,
        lambda: itertools.cycle([0, 0, 0, 1]),
        lambda: map(float, io.StringIO("1\n2\n3\n4\n5\n" * 9)),
    ],
)
def test_an_iterator_is_advanced_in_every_call(advance):
    one, other = advance(), advance()
    c = capture(lambda x: x * next(one), jit=False)
    with pytest.warns(UserWarning, match="run as it is"):
        assert [c(1.0) for _ in range(20)] == [next(other) for _ in range(20)]


def test_a_file_is_read_in_every_call():
    one, other = [io.StringIO("1.5\n1.5\n1.5\n1.5\n1.5\n2.5\n" * 9) for _ in range(2)]
    c = capture(lambda x: x * float(one.readline()), jit=False)
    with pytest.warns(UserWarning, match="it reaches one, a StringIO, and may draw from it"):
        assert [c(1.0) for _ in range(20)] == [float(other.readline()) for _ in range(20)]


class Hidden:
    """A number that no guard can see: behind an array of bytes too large to be compared."""

    def __init__(self):
        self.table = np.zeros(100_000)

    def rate(self):
        return float(self.table.sum())


def test_a_constant_that_no_guard_sees_is_told_with_its_line_at_the_next_power_of_two():
    hidden = Hidden()
    c = capture(lambda x: x * hidden.rate(), jit=False)  # the constant's line
    for _ in range(5):
        assert c(1.0) == 0.0
    hidden.table[0] = 3.0
    assert [c(1.0), c(1.0)] == [0.0, 0.0]  # calls 6 and 7 are answered from the earlier world
    told = rf"in {here('# the constant')}.* mul\(%1, 0.0\) is .*mul\(%1, 3.0\) now"
    with pytest.warns(UserWarning, match=told):
        assert c(1.0) == 3.0  # call 8 is recorded
    assert [c(1.0) for _ in range(8)] == [3.0] * 8


def test_a_function_whose_recordings_all_differ_is_run_as_it_is_and_that_is_told():
    table = np.zeros(100_000)  # too large to be compared

    def f(x):
        table[0] += 1.0
        return x * float(table[0])

    c = capture(f, jit=False)
    with pytest.warns(UserWarning, match="captured f: ") as told:
        assert [c(1.0) for _ in range(20)] == [float(i) for i in range(1, 21)]
    assert len(told) == 2  # once that it is captured anew, once that it is no more
    assert "it is captured anew" in str(told[0].message)
    assert "it is run as it is from now on" in str(told[1].message)


def test_what_is_told_points_at_the_users_call():
    counter = [0]

    def f(x):
        counter[0] += 1
        return x * counter[0]

    c = capture(f, jit=False)
    with pytest.warns(UserWarning, match="it changes counter itself") as told:
        repeat(lambda: c(1.0), 3)
    assert told[0].filename == __file__


@pytest.mark.parametrize(
    ("empty", "change", "changed"),
    [
        (list, lambda found, y: found.append(y), [4.0]),
        (dict, lambda found, y: found.update(last=y), {"last": 4.0}),
    ],
)
def test_a_list_or_dict_that_is_given_and_changed_is_changed_in_every_call(empty, change, changed):
    c = capture(lambda x, found: (change(found, x * 2), x)[1], jit=False)

    def run():
        found = empty()
        assert c(2.0, found) == 2.0
        assert found == changed

    with pytest.warns(UserWarning, match="it changes a list or a dict that it is given"):
        repeat(run, 6)


def test_an_exception_of_the_function_leaves_what_it_leaves_without_capturing():
    def run(make):
        w = Value(np.ones(2), label="w")

        def step(x):
            w.grad = None
            (w * x).sum().backward()
            if x < 0:
                raise KeyError("negative")
            return w.grad * 1.0

        once, found = make(step), []
        for x in (1.0, -1.0, 2.0, -2.0, -3.0, 4.0, 5.0, -6.0):
            try:
                found.append(list(once(x)))
            except KeyError as error:
                found.append((str(error), list(w.grad)))
        return found

    assert run(lambda f: capture(f, jit=False)) == run(lambda f: f)


def test_a_refusal_that_the_function_catches_is_still_one():
    """Else it would go another way than it does without capturing."""

    def f(x):
        try:
            return float(x) * x
        except TypeError:
            return 0.0

    c = capture(f, jit=False)
    assert c(2.0) == 4.0
    with pytest.raises(
        CaptureError, match=r"by float\(\).*test_variants.py:\d+: return float\(x\)"
    ):
        c(2.0)


def test_a_draw_whose_number_is_not_used_is_drawn_in_every_call():
    generator, other, w = random.Random(0), random.Random(0), Value(1.0)

    def f(x):
        generator.random()
        return x * 1.0

    c = capture(f, jit=False)

    def run():
        for x in (w, w, Value(0.75), w, w, w, Value(2.0), w):
            c(x)
            other.random()
            assert generator.getstate() == other.getstate()

    with pytest.warns(UserWarning, match="it changes generator itself; it is run as it is"):
        run()


def test_what_a_recorded_call_sets_in_the_context_stays_set():
    variable = ContextVar("last", default=0.0)
    c = capture(lambda x: (variable.set(variable.get() + 1), x)[1], jit=False)
    with pytest.warns(UserWarning, match="it changes variable itself; it is run as it is"):
        repeat(lambda: c(1.0), 5)
    assert variable.get() == 5.0


def test_a_coroutine_and_a_generator_are_left_to_python():
    async def later(x):
        return x * 2

    def several(x):
        yield x
        yield x * 2

    c, d = capture(later), capture(several)

    def run():
        for x in (1.0, 2.0, 3.0):
            with pytest.raises(StopIteration) as ended:
                c(x).send(None)
            assert ended.value.value == 2 * x
            assert list(d(x)) == [x, 2 * x]

    with pytest.warns(UserWarning, match="it is a coroutine or a generator.*run as it is") as told:
        run()
    assert len(told) == 2


def test_a_captured_function_is_freed_with_all_that_it_reads():
    def made():
        class Scaled:
            def __init__(self):
                self.weights, self.k = Value(np.ones(1000)), 2.0

            def forward(self, x):
                return (self.weights * x).sum() * self.k

        scaled = Scaled()
        c = capture(scaled.forward, jit=False)
        for _ in range(6):
            c(1.0)
        return [weakref.ref(x) for x in (Scaled, scaled, scaled.weights, c)]

    references = made()
    gc.collect()
    assert [reference() for reference in references] == [None] * 4


def test_record_gives_a_program_at_once():
    w = Value(2.0, label="w")

    @capture
    def loss(x):
        w.grad = None
        squared = (w * x - 1) ** 2
        squared.backward()
        return squared

    program = loss.record(3.0)
    assert w.grad == 30.0  # the run counts
    assert "def loss(x, w):" in program.source
    assert str(program.recording).startswith("recording of loss\n")
    assert "w.grad becomes" in str(program.recording)
    assert str(program.schedule).startswith("schedule of loss\n")
    assert str(program.listing) == program.source


def test_there_is_no_program_after_the_first_call_and_that_is_said():
    c = capture(lambda x: x * 2)
    c(1.0)
    with pytest.raises(ValueError, match=r"has no program yet.*call it again, or use record\(\)"):
        _ = c.source


def test_what_python_raises_and_the_function_catches():
    def f(x):
        try:
            return 1.0 / x
        except ZeroDivisionError:
            return 7.0

    c = capture(f, jit=False)
    numbers = [0.0, 1.0, 0.0, 2.0, 4.0, 0.0, 0.0, 0.0, 5.0]
    assert [c(x) for x in numbers] == [f(x) for x in numbers]
