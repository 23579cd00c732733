"""What one thread or task does while another records is no part of the recording."""

import asyncio
import os
import signal
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from tinygrad_hw import nn
from tinygrad_hw.engine import Value, no_grad
from tinygrad_hw.engine.core.trace import PLAIN, current
from tinygrad_hw.nn import Adam
from tinygrad_hw.program import capture

X = np.random.default_rng(0).normal(size=(50, 3))
Y = X @ [1.0, 2.0, 3.0]


@pytest.fixture(autouse=True)
def threads_take_turns_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def captured(function):
    return capture(function, jit=False)


def together(*works, over=None):
    """Run each in a thread of its own, all at once; raise what one of them raises.

    ``over`` is set when one of them has failed.
    """
    errors = []

    def guarded(work):
        try:
            work()
        except BaseException as error:
            errors.append(error)
            if over is not None:
                over.set()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


def test_an_update_in_another_thread_is_no_part_of_a_recording():
    w, programs, over = Value(0.0, "w"), [], threading.Event()

    def record():
        for k in range(40):
            program = captured(lambda x, k=k: np.tanh(w * x) * float(k))
            for _ in range(4):
                program(1.0)
            programs.append((k, program))
        over.set()

    updates = 0

    def update():
        nonlocal updates
        while not over.is_set():
            w.data = w.data + 1.0
            updates += 1

    together(record, update, over=over)
    assert type(w.raw) is float
    assert w.raw == updates
    w.data = 0.5
    for k, program in programs:
        assert program(2.0).raw == np.tanh(0.5 * 2.0) * float(k)
    assert w.raw == 0.5


# Another thread may move the array of a Value between two recordings, which is told.
@pytest.mark.filterwarnings("ignore:captured .* is captured anew")
def test_training_in_one_thread_beside_evaluation_in_another():
    class Training:
        def __init__(self):
            self.w, self.b, self.optimizer = Value(np.zeros(3)), Value(np.zeros(1)), Adam(0.01)

        def step(self, x, y):
            self.w.grad = self.b.grad = None
            loss = np.mean((x @ self.w + self.b - y) ** 2)
            loss.backward()
            self.optimizer.apply([self.w, self.b])
            return loss

    plain, one = Training(), Training()
    step, over, steps = captured(one.step), threading.Event(), 0

    def train():
        nonlocal steps
        while steps < 20 or not (over.is_set() or steps == 200):
            step(X, Y)
            steps += 1

    def evaluate():
        for k in range(30):
            program = captured(lambda x, k=k: np.mean(x @ one.w + one.b) * float(k))
            for _ in range(4):
                assert np.isfinite(program(X).raw)
        over.set()

    together(train, evaluate, over=over)
    for _ in range(steps):
        plain.step(X, Y)
    np.testing.assert_array_equal(one.w.raw, plain.w.raw)
    np.testing.assert_array_equal(one.b.raw, plain.b.raw)


@pytest.mark.filterwarnings("ignore:captured .* is captured anew")
def test_fit_beside_predict_and_evaluate():
    classes = (Y > 0).astype(int)

    def classifier():
        model = nn.Sequential(
            [nn.Dense(4, "tanh", input_shape=(3,)), nn.Dense(2, "softmax")], seed=0
        )
        model.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    alone, model, over = classifier(), classifier(), threading.Event()

    def fit(model):
        model.fit(X, classes, epochs=10, batch_size=10, verbose=0)
        over.set()

    def predict():
        while not over.is_set():
            assert np.isfinite(model.predict(X)).all()
            assert np.isfinite(model.evaluate(X, classes, verbose=0)).all()

    together(lambda: fit(model), predict, over=over)
    fit(alone)
    for found, wanted in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_one_captured_function_in_several_threads():
    w = Value(0.5)
    c = captured(lambda x: np.sum(np.tanh(x * w)) * 2.0)

    def call(seed):
        numbers = np.random.default_rng(seed)
        for n in (1, 2, 3, 3, 2, 1, 3, 3, 3, 2, 2, 2):
            x = numbers.normal(size=n)
            assert c(x).raw == np.sum(np.tanh(x * 0.5)) * 2.0

    together(*[lambda k=k: call(k) for k in range(6)])


def test_functions_that_share_a_value_are_recorded_in_several_threads():
    w = Value(0.5)

    def work(k):
        for n in range(8):
            c = captured(lambda x, n=n: (w * x + float(n)) * float(k))
            for x in (1.0, 2.0, 3.0, 4.0, 5.0):
                assert c(x).raw == (0.5 * x + n) * k

    together(*[lambda k=k: work(k) for k in range(4)])
    assert w.raw == 0.5
    assert w.grad is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
def test_a_process_that_is_forked_while_another_thread_records():
    w, over = Value(0.5), threading.Event()

    def slow(x):
        y = w * x
        time.sleep(0.01)  # a fork falls into the recording
        return y * 2.0

    shared = captured(slow)

    def record():
        while not over.is_set():
            captured(slow)(1.0)
            shared(1.0)

    def fork():
        try:
            for _ in range(10):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)
                    child = os.fork()
                if child == 0:
                    os._exit(answer())
                assert os.waitpid(child, 0)[1] == 0
        finally:
            over.set()

    def answer():
        """What a child tells: 0 if its calls give what they should, in time."""
        signal.alarm(10)
        try:
            own = captured(lambda x: w * x + 1.0)
            right = all(own(x).raw == 0.5 * x + 1.0 for x in (1.0, 2.0, 3.0, 4.0, 5.0))
            right &= all(shared(x).raw == x for x in (1.0, 2.0, 3.0, 4.0, 5.0))
            return 0 if right and current().trace is PLAIN else 1
        except BaseException:
            return 2

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    thread = threading.Thread(target=record)
    thread.start()
    fork()
    thread.join()


def test_modes_of_tasks_that_overlap():
    w, found = Value(0.5), []
    c = captured(lambda x: w * x)

    async def quiet(before, inside):
        await asyncio.sleep(before)
        with no_grad():
            await asyncio.sleep(inside)
            found.append((Value(2.0) * 3).constant)

    async def call():
        for k in range(10):
            assert c(float(k)).raw == 0.5 * k
            assert not (Value(2.0) * 3).constant
            await asyncio.sleep(0.002)

    async def main():
        await asyncio.gather(quiet(0, 0.01), quiet(0.005, 0.02), call(), call())

    asyncio.run(main())
    assert found == [True, True]
    assert not (Value(2.0) * 3).constant
