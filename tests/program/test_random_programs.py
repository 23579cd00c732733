"""Random programs of the engine's operations, captured and run as they are, to the last bit."""

import numpy as np
import pytest
from captured_functions import assert_same, same
from hypothesis import Phase, given, settings
from random_programs import LINES, TABLE, composed

from tinygrad_hw import nn
from tinygrad_hw.engine import Value
from tinygrad_hw.program import capture

pytestmark = pytest.mark.usefixtures("something_is_replayed", "no_mode_is_left_on")


class Model:
    """Parameters and a step of training on them; two of one seed are equal."""

    def __init__(self, lines, kind, optimizer, clears, seed=0):
        numbers = np.random.default_rng(seed)
        make = kind if kind is not float else np.float64
        self.lines, self.clears = lines, clears
        self.s = Value(float(numbers.normal()) if kind is float else kind(0.7), label="s")
        self.v = Value(numbers.normal(size=3).astype(make), label="v")
        self.m = Value(numbers.normal(size=(2, 3)).astype(make), label="m")
        self.parameters = [self.s, self.v, self.m]
        self.optimizer = optimizer()

    def step(self, x, y, z):
        if self.clears:
            for p in self.parameters:
                p.grad = None
        given = [Value(data, constant=True) for data in (x, y, z)]
        last, loss = composed(self.lines, [*given, *self.parameters])
        loss.backward()
        if self.clears:
            self.optimizer.apply(self.parameters)
        return loss, {"last": last, "gradients": [p.grad for p in self.parameters]}

    def numbers(self):
        kept = [x.raw for x in self.optimizer.variables]
        return [p.raw for p in self.parameters] + [p.grad for p in self.parameters] + kept


def batches(kind, n):
    numbers = np.random.default_rng(5)
    make = np.float64 if kind is float else kind
    for _ in range(n):
        x = float(numbers.normal()) if kind is float else kind(numbers.normal())
        yield x, numbers.normal(size=3).astype(make), numbers.normal(size=(2, 3)).astype(make)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("kind", [float, np.float32])
@pytest.mark.parametrize(
    ("optimizer", "clears"),
    [(nn.Adam, True), (lambda: nn.SGD(0.1, momentum=0.9), True), (nn.SGD, False)],
    ids=["Adam", "SGD", "accumulating"],
)
@settings(  # no shrinking, which takes minutes
    deadline=None, derandomize=True, database=None, max_examples=12, phases=[Phase.generate]
)
@given(lines=LINES)
def test_random_programs_are_the_same_to_the_last_bit(kind, optimizer, clears, lines):
    expected, found = (Model(lines, kind, optimizer, clears) for _ in range(2))
    step = capture(found.step, jit=False, pure=True)  # no guards, two recordings
    for i, batch in enumerate(batches(kind, 6)):
        loss, parts = expected.step(*batch)
        loss_2, parts_2 = step(*batch)
        assert same(loss_2, loss), (i, loss_2, loss)
        assert same(parts_2["last"], parts["last"]), i
        for a, b in zip(parts_2["gradients"], parts["gradients"], strict=True):
            assert same(a, b), (i, step.source)
        for a, b in zip(found.numbers(), expected.numbers(), strict=True):
            assert same(a, b), (i, step.source)
    assert step.captures <= 3  # the third for other branches, or gradients that were None


@pytest.mark.parametrize("kind", [float, np.float32])
@pytest.mark.parametrize("first", range(0, len(TABLE), 4))
def test_every_pointwise_operation_of_the_table_on_numbers_and_on_arrays(first, kind):
    """Those that Hypothesis did not draw as well; four in a program."""
    lines = [
        line
        for i in range(first, min(first + 4, len(TABLE)))
        for line in [(i, 0, 1, 0), (i, 3, 3, 1), (i, 4, 2, 2), (i, 7, 5, 3)]
    ]
    expected, found = (Model(lines, kind, nn.SGD, clears=True) for _ in range(2))
    step = capture(found.step, jit=False, pure=True)
    for batch in batches(kind, 5):
        assert_same(step(*batch)[0], expected.step(*batch)[0])
        assert_same(found.numbers(), expected.numbers())
