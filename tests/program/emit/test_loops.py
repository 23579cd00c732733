"""Compiled loops in captured functions: the numbers of NumPy, within rounding."""

import os

import numpy as np
import pytest
from captured_functions import CALLS, RECORDINGS

from tinygrad_hw import nn
from tinygrad_hw.engine import Value, ops
from tinygrad_hw.program import capture

pytestmark = pytest.mark.usefixtures("something_is_replayed", "loops_are_kept_here")


def wide_step(model, x):
    """Pointwise work on arrays that are long enough to be compiled, with views and broadcasting."""
    for p in model.parameters:
        p.grad = None
    w, b = model.parameters
    h = x @ w.T + b
    a = ops.relu(h) - 0.1 * ops.sigmoid(h) + np.tanh(h) * ops.where(h > 0.2, h, 0.0)
    t = a.T * np.exp(-np.square(a)).T + np.maximum(a, 0.3).T
    loss = np.log1p(abs(t)).mean() + np.sqrt(np.square(w) + 1e-3).sum() * 0.01
    loss.backward()
    model.optimizer.apply(model.parameters)
    return loss, a


class Wide:
    def __init__(self, kind, optimizer):
        numbers = np.random.default_rng(1)
        w = numbers.normal(size=(20, 16)).astype(kind)
        self.parameters = [Value(w, "w"), Value(numbers.normal(size=20).astype(kind), "b")]
        self.optimizer = optimizer()


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_compiled_loops_are_equal_within_rounding(kind):
    pytest.importorskip("numba")
    expected, found = Wide(kind, nn.Adam), Wide(kind, nn.Adam)
    step = capture(lambda x: wide_step(found, x), jit=True)
    bound = 1e-9 if kind is np.float64 else 2e-3
    for x in np.random.default_rng(2).normal(size=(CALLS, 32, 16)).astype(kind):
        loss, a = wide_step(expected, x)
        loss_2, a_2 = step(x)
        assert a_2.dtype == a.dtype == kind
        np.testing.assert_allclose(a_2.data, a.data, rtol=bound, atol=bound)
        np.testing.assert_allclose(float(loss_2), float(loss), rtol=bound)
        for p, q in zip(found.parameters, expected.parameters, strict=True):
            assert p.grad.dtype == kind
            np.testing.assert_allclose(p.data, q.data, rtol=bound, atol=bound)
    assert "@njit" in step.source
    assert step.captures == RECORDINGS
    assert os.listdir(os.environ["TINYGRAD_HW_CACHE"])


def test_compiled_loops_treat_nan_and_zeros_as_numpy_does():
    pytest.importorskip("numba")
    special = np.resize([np.nan, -0.0, 0.0, np.inf, -np.inf, 1.0, -2.0, 1e-310], 320)
    other = np.repeat([0.0, -0.0, np.nan, 1.0, np.inf], 64)

    def f(x, y):
        v, w = Value(x), Value(y)
        parts = [np.maximum(v, w), np.minimum(v, w), ops.relu(v), abs(v), np.sqrt(v), v * w, -v]
        parts += [ops.where(v > w, v, w), v / w, np.square(v), np.clip(v, -1, 1), (v == w) * w]
        parts += [np.sign(v), np.sign(w) * v]
        return [p * 1.0 for p in parts]

    with np.errstate(all="ignore"):
        step = capture(f, jit=True)
        for _ in range(2):
            step(other, special)
            step(special, other)
        for x, y in [(other, special), (special, other)]:
            for found, wanted in zip(step(x, y), f(x, y), strict=True):
                np.testing.assert_array_equal(found.data, wanted.data)
        assert "@njit" in step.source


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_signs_are_numpys(kind):
    numbers = [np.nan, -0.0, 0.0, np.inf, -np.inf, 1e-310, -3.0] if kind(0.5) else [-3, 0, 2]
    step = capture(lambda x: np.sign(x + 0), jit=False)
    for x in (np.array(numbers, kind), np.resize(np.array([2, -1], kind), (3, 4)), np.ones(0)):
        for _ in range(CALLS):
            found = step(x)
        assert found.dtype == np.sign(x).dtype
        np.testing.assert_array_equal(found, np.sign(x))


@pytest.mark.parametrize(("penalty", "arrays"), [("l2", 0), ("l1", 1)])
def test_the_gradient_of_a_penalty_on_weights_needs_no_array_of_its_own(penalty, arrays):
    """It is added where that of the data is, in one loop; the sizes that l1 sums need one."""
    pytest.importorskip("numba")

    def trained(jit):
        layer = nn.Dense(30, kernel_regularizer=penalty, input_shape=(40,))
        model = nn.Sequential([layer], seed=0)
        model.compile(nn.Adam(0.01), "mse", jit_compile=jit)
        numbers = np.random.default_rng(1)
        for _ in range(CALLS):
            x, y = (numbers.normal(size=(8, n)).astype(np.float32) for n in (40, 30))
            model.train_on_batch(x, y)
        return model

    compiled, plain = trained(True), trained(False)
    source = compiled.captured_train_step.source
    assert source.count("np.empty((40, 30)") == arrays
    assert source.count("np.empty((1230,)") == 1  # the gradients of all weights, end to end
    for found, wanted in zip(compiled.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_folder_that_cannot_be_written_to_is_no_error(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TINYGRAD_HW_CACHE", str(tmp_path / "file" / "below"))
    c = capture(lambda x: np.exp(x) * 3.0 + x, jit=True)
    x = np.linspace(0, 1, 300)
    for _ in range(CALLS):
        np.testing.assert_allclose(c(x), np.exp(x) * 3 + x, rtol=1e-14)


def images_step(size, strides):
    """Return windows times a kernel and maxima of windows, with the gradients of both."""

    def step(x, kernel):
        x.grad = kernel.grad = None
        windows = ops.windows(x, size, strides)
        sums = ops.reshape(windows, (-1, kernel.shape[0])) @ kernel
        maxima = ops.max_pool(ops.relu(x), size, strides)
        loss = np.square(sums).sum() + (maxima**3).sum()
        loss.backward()
        return sums, maxima, x.grad, kernel.grad

    return step


TILED = (6, 8, 8, 3), (2, 2), (2, 2)
OVERLAPPING = (6, 9, 8, 9), (2, 3), (2, 1)
WITH_GAPS = (1, 30, 20, 1), (2, 3), (3, 4)
LARGE = (6, 9, 8, 3), (5, 5), (1, 1)  # too large for a line of a loop for each place


@pytest.mark.parametrize(
    ("images", "size", "strides", "kind", "jit"),
    [
        (*TILED, np.float32, False),
        (*OVERLAPPING, np.float64, False),
        (*OVERLAPPING, np.float64, True),
        (*WITH_GAPS, np.float32, False),
        (*LARGE, np.float64, False),
    ],
)
def test_windows_on_images_are_gathered_and_added_as_by_the_engine(
    images, size, strides, kind, jit
):
    if jit:
        pytest.importorskip("numba")
    step = images_step(size, strides)
    captured = capture(step, jit=jit)
    numbers = np.random.default_rng(5)
    kernel = Value(numbers.normal(size=(np.prod(size) * images[3], 4)).astype(kind))
    x = Value(np.zeros(images, kind))
    bound = 1e-11 if kind is np.float64 else 2e-4
    for array in numbers.normal(size=(CALLS, *images)).astype(kind):
        x.data = array
        expected = [np.asarray(getattr(part, "data", part)) for part in step(x, kernel)]
        found = [np.asarray(getattr(part, "data", part)) for part in captured(x, kernel)]
        for one, wanted in zip(found, expected, strict=True):
            assert one.dtype == wanted.dtype == kind
            np.testing.assert_allclose(one, wanted, rtol=bound, atol=bound * abs(wanted).max())
    assert captured.captures == RECORDINGS
    assert ("@njit" in captured.source) == jit


@pytest.mark.parametrize("jit", [False, True])
def test_a_nan_is_the_maximum_of_its_window_and_gets_the_gradient(jit):
    if jit:
        pytest.importorskip("numba")

    def step(x):
        x.grad = None
        maxima = ops.max_pool(x, (2, 2), (2, 2))
        (maxima * np.arange(1.0, 1 + maxima.size).reshape(maxima.shape)).sum().backward()
        return maxima, x.grad

    x = Value(np.random.default_rng(6).normal(size=(20, 4, 4, 1)))
    captured = capture(step, jit=jit)
    for _ in range(CALLS):
        captured(x)
    x.data[:, 1, 1, 0] = np.nan
    maxima, gradient = captured(x)
    assert np.isnan(maxima.data[:, 0, 0]).all()
    assert np.isnan(maxima.data).sum() == 20
    np.testing.assert_array_equal(gradient[:, 1, 1, 0], np.arange(1.0, 80, 4))
    np.testing.assert_array_equal(gradient.sum((1, 2, 3)), np.arange(10.0, 330, 16))
