"""What comes near to an array: ``np.matrix`` and masked arrays are refused, others are arrays."""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tinygrad_hw.engine import (
    Value,
    grad,
    gradcheck,
    hessian,
    hvp,
    jacobian,
    jvp,
    numpy_api,
    ops,
    value_and_grad,
    vjp,
)
from tinygrad_hw.nn import Dense, Sequential, losses
from tinygrad_hw.nn.metrics import classification_report, confusion_matrix
from tinygrad_hw.nn.metrics.reports import report_of_matrix
from tinygrad_hw.nn.optimizers import SGD
from tinygrad_hw.program import capture

ONES = np.ones((2, 2))
OTHERS = {
    "matrix": np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix),
    "masked": np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=[[False, True], [False, False]]),
}
WORDS = {"matrix": r"np\.matrix.*np\.asarray\(m\)", "masked": r"masked.*m\.filled\(number\)"}
OF_MA = (
    r"np\.ma and np\.matrix compute by rules of their own.*m\.filled\(number\), np\.asarray\(m\)"
)


def v() -> Value:
    return Value(ONES)


def square(x: Value) -> Value:
    return x * x


def total(x: Value) -> Value:
    return np.sum(x * x)


def whole(m: np.ndarray) -> np.ndarray:
    return m.astype(int) % 2


def model() -> Sequential:
    layers = Sequential([Dense(1, "sigmoid", input_shape=(2,))], seed=0)
    layers.compile(SGD(), "binary_crossentropy")
    return layers


SPARSE = losses.get("sparse_categorical_crossentropy")
WAYS_IN = {
    "Value": Value,
    "in a list": lambda m: Value([m, m]),
    "in lists": lambda m: Value([([m],), [[ONES]]]),
    "the other operand": lambda m: v() * m,
    "an operand": lambda m: m * v(),
    "a sum": lambda m: m + v(),
    "a difference": lambda m: v() - m,
    "a quotient": lambda m: m / v(),
    "a power": lambda m: v() ** m,
    "a product": lambda m: m @ v(),
    "np.add": lambda m: np.add(m, v()),
    "np.multiply": lambda m: np.multiply(v(), m),
    "np.matmul": lambda m: np.matmul(m, v()),
    "np.maximum": lambda m: np.maximum(m, v()),
    "ops.mul": lambda m: ops.mul(m, v()),
    "np.dot": lambda m: np.dot(m, v()),
    "np.outer": lambda m: np.outer(m, v()),
    "np.tensordot": lambda m: np.tensordot(v(), m, 1),
    "np.einsum": lambda m: np.einsum("ij,jk", v(), m),
    "np.concatenate": lambda m: np.concatenate([v(), m]),
    "np.stack": lambda m: np.stack([m, v()]),
    "np.clip": lambda m: np.clip(v(), m, 9.0),
    "what is clipped": lambda m: np.clip(m, v(), 9.0),
    "a condition": lambda m: np.where(m > 2, v(), 0.0),
    "a choice": lambda m: np.where(True, v(), m),
    "ops.where": lambda m: ops.where(m > 2, v(), 0.0),
    "ops.select": lambda m: ops.select(v(), v(), condition=m > 2),
    "a mask": lambda m: v()[m > 1],
    "an index": lambda m: v()[whole(m)],
    "an index in a tuple": lambda m: v()[0, whole(m)],
    "np.take": lambda m: np.take(v(), whole(m)),
    "np.take_along_axis": lambda m: np.take_along_axis(v(), whole(m), 0),
    "np.repeat": lambda m: np.repeat(v(), whole(m)),
    "where=": lambda m: np.sum(v(), where=m > 1),
    "np.compress": lambda m: np.compress((m > 1)[0], v()),
    "np.extract": lambda m: np.extract(m > 1, v()),
    "np.quantile": lambda m: np.quantile(v(), m / 9),
    "np.cov": lambda m: np.cov(v(), aweights=m[0]),
    "np.float_power": lambda m: np.float_power(v(), m),
    "np.trapezoid": lambda m: np.trapezoid(v(), x=m),
    "np.pad": lambda m: np.pad(v(), 1, constant_values=m),
    "a method": lambda m: v().clip(m),
    "a seed": (v() * 2).backward,
    "new data": lambda m: setattr(v(), "data", m),
    "grad": grad(total),
    "another argument": lambda m: grad(lambda x, y: np.sum(x * y))(ONES, m),
    "value_and_grad": value_and_grad(total),
    "jacobian": jacobian(square),
    "hessian": hessian(total),
    "jvp": lambda m: jvp(square, m, ONES),
    "a tangent": lambda m: jvp(square, ONES, m),
    "hvp": lambda m: hvp(total, ONES, m),
    "vjp": lambda m: vjp(square, m),
    "a vector": vjp(square, ONES)[1],
    "a result": lambda m: vjp(lambda x: (x, m), 1.0),
    "gradcheck": lambda m: gradcheck(square, m),
    "a captured argument": capture(total),
    "a captured constant": lambda m: capture(lambda x: np.sum(x * m))(v()),
    "==": lambda m: v() == m,
    "<": lambda m: v() < m,
    "np.less": lambda m: np.less(m, v()),
    "fit": lambda m: model().fit(m, [0, 1], verbose=0),
    "labels": lambda m: model().fit(ONES, m[:, 0] / 9, verbose=0),
    "predict": lambda m: model().predict(m),
    "evaluate": lambda m: model().evaluate(m, [0, 1]),
    "weights": lambda m: model().set_weights([m[:, :1], np.zeros(1)]),
    "binary cross-entropy": lambda m: losses.get("bce").on_logits(m / 9, v()),
    "cross-entropy": lambda m: SPARSE.on_logits(whole(m), v()),
    "classes": lambda m: SPARSE.check(whole(m), (None, 2)),
    "confusion_matrix": lambda m: confusion_matrix(whole(m), [0, 1]),
    "classification_report": lambda m: classification_report(whole(m), [0, 1]),
    "report_of_matrix": report_of_matrix,
}


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("way", WAYS_IN)
def test_arrays_with_rules_of_their_own_are_refused(way: str, kind: str) -> None:
    with pytest.raises(TypeError, match=f"{WORDS[kind]}|{OF_MA}"):
        WAYS_IN[way](OTHERS[kind].copy())


@pytest.mark.parametrize(
    "call",
    [
        lambda: np.ma.sqrt(v()),
        lambda: np.ma.sum(v()),
        lambda: np.ma.array(v()),
        lambda: OTHERS["masked"] == v(),
    ],
)
def test_their_functions_of_a_value_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match=OF_MA):
        call()


class Sub(np.ndarray):
    """Array of a user's own class."""


class Frame:
    """Table of another library: NumPy asks it for an array, and its operators defer to ours."""

    __array_ufunc__ = None

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array


def memmap(path: Path) -> np.ndarray:
    array = np.memmap(path / "numbers", np.float64, "w+", shape=(2, 2))
    array[...] = [[1.0, 2.0], [3.0, 4.0]]
    return array


LIKE_ARRAYS = {
    "a subclass": lambda _: np.array([[1.0, 2.0], [3.0, 4.0]]).view(Sub),
    "a memmap": memmap,
    "__array__": lambda _: Frame(np.array([[1.0, 2.0], [3.0, 4.0]])),
    "a memoryview": lambda _: memoryview(np.array([[1.0, 2.0], [3.0, 4.0]])),
    "integers": lambda _: np.array([[1, 2], [3, 4]], np.uint8),
    "big-endian": lambda _: np.array([[1.0, 2.0], [3.0, 4.0]], ">f8"),
    "not contiguous": lambda _: np.array([[1.0, 3.0], [2.0, 4.0]]).T,
    "range in a list": lambda _: [range(1, 3), range(3, 5)],
}


@pytest.mark.parametrize("kind", LIKE_ARRAYS)
def test_what_is_like_an_array_is_one(kind: str, tmp_path: Path) -> None:
    given = LIKE_ARRAYS[kind](tmp_path)
    expected = np.array([[1.0, 2.0], [3.0, 4.0]])
    w = Value(ONES)
    product = given * w if kind not in ("range in a list",) else w * given
    product.sum().backward()
    (given @ v()).sum().backward() if kind in ("a subclass", "a memmap") else None
    np.testing.assert_array_equal(w.grad, expected)
    assert type(product.data) is type(Value(given).data) is type(w.grad) is np.ndarray
    np.testing.assert_array_equal(Value(given).data, expected)


class Series:
    """Column of a table, as pandas has it: its operators defer to a class of higher priority."""

    __pandas_priority__ = 4000  # the highest of pandas' own, that of its DataFrame

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __mul__(self, other: object) -> object:
        if getattr(other, "__pandas_priority__", 0) > self.__pandas_priority__:
            return NotImplemented
        raise AssertionError("a Value is taken for one of many objects")

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return self.array


def test_pandas_leaves_its_operators_to_a_value() -> None:
    np.testing.assert_array_equal((Series(ONES) * v()).data, ONES)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (np.rec.array([(1.0, 2.0)], names="a, b"), r"record128 data"),
        (np.zeros(2, [("a", float)]), r"void64 data"),
        (np.array([1.0, None]), "ndarray"),
        (np.array([Fraction(1, 2)]), "ndarray"),
        (Decimal("0.5"), "Decimal"),
        (np.array(["2026-11-29"], "datetime64[D]"), r"datetime64\[D\] data"),
        (np.timedelta64(1, "s"), r"timedelta64\[s\] data"),
        (np.array(["1.0"]), "str96 data"),
        (np.zeros(2, complex), "complex128 data"),
        ({"a": 1.0}, "dict"),
        ({1.0}, "set"),
        (iter([1.0]), "list_iterator"),
        (None, "NoneType"),
        (abs, "builtin_function_or_method"),
    ],
)
def test_what_has_no_derivative_is_refused_by_its_kind(data: object, what: str) -> None:
    message = rf"expected real numbers \(floats or integers\), got {what}; pass real floats"
    for call in (Value, lambda x: setattr(Value([1.0, 2.0]), "data", x)):
        with pytest.raises(TypeError, match=message):
            call(data)
    with pytest.raises(TypeError, match=message):
        Value([1.0, 2.0]) * data


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what NumPy 2.5 will refuse itself
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("function", numpy_api.NUMPY, ids=lambda function: function.__name__)
def test_no_function_takes_one_beside_a_value(function: Callable[..., object], kind: str) -> None:
    if function is np.real_if_close:
        return  # its second argument is a tolerance
    for form in (lambda m: m, whole, lambda m: m > 1):
        given = form(OTHERS[kind].copy())  # NumPy writes into what a mask hides
        for arguments in ([v(), given], [given, v()], [[v(), given]]):
            with pytest.raises((TypeError, ValueError, AttributeError, UserWarning)):
                function(*arguments)
