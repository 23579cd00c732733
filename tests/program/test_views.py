"""Views of results: what is still looked at is not written over; arrays are not written into."""

from contextlib import suppress

import numpy as np
import pytest

from tinygrad_hw import Value, capture
from tinygrad_hw.nn import SGD

M = np.arange(1.0, 7.0).reshape(2, 3)
VIEWS = {
    "element": lambda a: a[..., 0],
    "number": lambda a: a[..., 0, 1],
    "computed row": lambda a: a[np.argmax(a[:, 0])],
    "computed elements": lambda a: a[np.argsort(a[:, 0])],
    "squeeze of nothing": np.squeeze,
    "its method": lambda a: a.squeeze(),
    "real": np.real,
    "real_if_close": np.real_if_close,
    "nan_to_num": np.nan_to_num,
    "order that is the same": lambda a: np.transpose(a, (0, 1)),
    "order in an array": lambda a: np.transpose(a, np.array([1, 0])),
    "order of a method": lambda a: a.transpose(1, 0),
    "axes exchanged twice": lambda a: np.swapaxes(np.swapaxes(a, 0, 1), 1, 0),
    "axis with itself": lambda a: np.swapaxes(a, 1, -1),
    "transposes": lambda a: a.T.T[0],
    "flattened": lambda a: a.flatten(),
    "difference of order 0": lambda a: np.diff(a, n=0),
    "power 1": lambda a: np.linalg.matrix_power(a[:, :2], 1),
    "einsum": lambda a: np.einsum("ij->ji", a),
    "diagonal": lambda a: np.einsum("ii->i", a[:, :2]) + np.diag(a)[0],
    "windows": lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=1),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("jit", [False, True])
def test_a_view_beside_later_results(name, jit):
    if jit:
        pytest.importorskip("numba")
    view = VIEWS[name]

    def f(x):
        a = x * 2.0
        seen = view(a)
        later = np.exp(x * 0.1) + 100.0
        return np.sum(later) + seen * 1.0, seen, later - 1

    program = capture(f, jit=jit)
    for k in range(6):
        for x, y in zip(program(M * (1 - k)), f(M * (1 - k)), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12)
            assert np.shape(x) == np.shape(y)


def test_a_gradient_through_a_view():
    def f(x):
        x.grad = None
        a = np.sign(x) * x
        loss = a[..., 0] ** 2 + np.sum(np.maximum(x, x))
        loss.backward()

    program = capture(f)
    for k in range(6):
        v, w = Value(np.array([k - 3.0, 1.0])), Value(np.array([k - 3.0, 1.0]))
        f(v)
        program(w)
        np.testing.assert_array_equal(w.grad, v.grad)


def test_a_number_of_a_parameter_from_before_its_update():
    def run(wrap):
        w, optimizer = Value(np.array([1.0, 2.0, 3.0])), SGD(0.1)

        def step():
            w.grad = None
            before = w[..., 0]
            np.sum(w * w).backward()
            optimizer.apply([w])
            return before

        step = wrap(step)
        return [step().item() for _ in range(6)]

    assert run(capture) == run(lambda f: f)


REFUSED = {
    "np.dot writes into an array; leave out= away": lambda a: np.dot(a, a, a),
    "np.sum writes into an array": lambda a: np.sum(a, 0, None, a[0]),
    "np.clip writes into an array": lambda a: np.clip(a, 0, 1, a),
    "np.take writes into an array": lambda a: np.take(a, [0], 0, a[:1]),
    "np.add writes into an array": lambda a: np.add(a, a, a),
    "np.add.reduce writes into an array": lambda a: np.add.reduce(a, 0, None, a[0]),
    "np.nan_to_num writes into an array; leave copy=": lambda a: np.nan_to_num(a, copy=False),
    "leave overwrite_input=": lambda a: np.median(a, None, None, True),
    "np.add.at cannot be captured: it writes": lambda a: np.add.at(a, [0], 1.0),
    "np.copyto cannot be captured: it writes": lambda a: np.copyto(a, a),
    "np.fill_diagonal cannot be captured": lambda a: np.fill_diagonal(a, 0.0),
    "sort() changes an array in place": lambda a: a.sort(),
    "fill() changes an array in place": lambda a: a.fill(0.0),
    "np.linalg.svd cannot be captured: it gives several": np.linalg.svd,
    "np.modf cannot be captured: it gives several": np.modf,
    "np.array2string cannot be captured: numbers": np.array2string,
    "np.empty_like cannot be captured: its elements": np.empty_like,
    "np.trim_zeros cannot be captured": lambda a: np.trim_zeros(a[0]),
    "np.may_share_memory cannot be captured": lambda a: np.may_share_memory(a, a),
    "np.linalg.eigvals cannot be captured: its dtype": lambda a: np.linalg.eigvals(a[:, :2]),
    "np.roll takes its axis from what": lambda a: np.roll(a, 1, np.argmin(a[0])),
    "round(); np.round is recorded": lambda a: round(a[0, 0]),
    "got np.matrix": lambda a: a[:, :2] * np.matrix(np.eye(2)),
    "got a masked one": lambda a: a * np.ma.array(M, mask=M > 2),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_on_the_list_is_refused_by_name(reason):
    program = capture(lambda x: REFUSED[reason](x * 1.0))
    with suppress(Exception):
        program(M)  # as it is
    with pytest.raises(TypeError) as error:
        program(M)
    assert reason in str(error.value)
    assert "test_views.py" in str(error.value) or "got" in reason


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [np.matrix, np.ma.array])
def test_arrays_of_other_rules_are_refused_as_arguments(make):
    given = make([[1.0, 2.0]])
    program = capture(lambda a: a * 2.0)
    for _ in range(2):
        with pytest.raises(TypeError, match=r"expected an array, got np.matrix|got a masked one"):
            program(given)
