"""Ctrl-C at any moment: a captured call has happened, or it has not."""

import random
import signal
import time

import numpy as np
import pytest

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.nn import SGD, Adam
from tinygrad_hw.program import capture

X = np.random.default_rng(0).normal(size=(20, 3))
Y = X @ [1.0, -2.0, 0.5]


class Training:
    """A step of training; its state is all that a call changes."""

    def __init__(self, optimizer, wrap=lambda step: step):
        self.w, self.b = Value([0.1, 0.2, 0.3], "w"), Value(0.5, "b")
        self.optimizer = optimizer()
        self.step = wrap(self.step)

    def step(self, x, y):
        self.w.grad = self.b.grad = None
        loss = np.mean((x @ self.w + self.b - y) ** 2) + self.b * self.b * 0.1
        loss.backward()
        self.optimizer.apply([self.w, self.b])
        return loss

    @property
    def state(self):
        values = [self.w, self.b, *self.optimizer.variables]
        gradients = [self.w.grad, self.b.grad]
        return [np.array(x).tolist() for x in (*gradients, *(value.raw for value in values))]


def interrupted_at(step, delay):
    """Call a step and press Ctrl-C after a while; return whether it was interrupted."""

    def press(*_):
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGALRM, press)
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        step(X, Y)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return False
    except KeyboardInterrupt:
        return True
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def duration_of(training, call):
    """The time that a call takes which is not interrupted."""
    for _ in range(call - 1):
        training.step(X, Y)
    start = time.perf_counter()
    training.step(X, Y)
    return time.perf_counter() - start


def play(optimizer, numbers, trainings, calls, first):
    """Interrupt calls at random moments, from the first one that is to be on.

    Return how many were interrupted, and how many of these had happened.
    """
    handler, interrupted, happened = signal.getsignal(signal.SIGINT), 0, 0
    longest = 1.3 * duration_of(Training(optimizer, lambda step: capture(step, jit=False)), first)
    for _ in range(trainings):
        found = Training(optimizer, lambda step: capture(step, jit=False))
        wanted = Training(optimizer)
        for k in range(calls):
            if k < first - 1:
                found.step(X, Y)
                wanted.step(X, Y)
                continue
            was_interrupted = interrupted_at(found.step, numbers.uniform(1e-6, longest))
            assert current().trace is PLAIN
            assert signal.getsignal(signal.SIGINT) is handler
            if was_interrupted:
                interrupted += 1
                if found.state == wanted.state:
                    continue
                happened += 1
            wanted.step(X, Y)
            assert found.state == wanted.state, (k, was_interrupted)
    return interrupted, happened


# Python itself passes over an interrupt in the callback of a weak reference.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
OPTIMIZERS = [Adam, lambda: SGD(0.1, momentum=0.9)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["Adam", "SGD"])
def test_ctrl_c_in_a_recording(optimizer):
    interrupted, _ = play(optimizer, random.Random(1), trainings=12, calls=5, first=2)
    assert interrupted


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["Adam", "SGD"])
def test_ctrl_c_in_a_replay(optimizer):
    interrupted, _ = play(optimizer, random.Random(2), trainings=1, calls=500, first=5)
    assert interrupted
