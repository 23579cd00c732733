"""Kinds of numbers: a replay gives the types, dtypes and exceptions of the plain function."""

import operator
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import Value, capture

NUMBERS = [0.0, 1.0, -2.0, 0.5, 3.0, -0.0, 1e200, 2.5, 7.0, -4.0]
KINDS = {
    "float": float,
    "np.float64": np.float64,
    "np.float32": lambda x: np.float32(x % 1e30),
    "array": lambda x: np.array([x, 1.5, -x]),
    "array of float32": lambda x: np.array([x % 1e30, 0.25, 2], np.float32),
    "array of whole numbers": lambda x: np.array([int(x) % 5, 2, 3]),
    "array of truths": lambda x: np.array([x > 0, True, False]),
    "matrix": lambda x: np.array([[x, 2.0, 0.0], [1.0, x, 4.0]]),
}
CONSTANTS = [2.0, 0.5, -1.0, 3, 2, True, np.float64(0.1), np.float32(1 / 3), np.sqrt(2.0)]
CONSTANTS += [np.int64(3), np.arange(3), np.float32([0.5, 2, 4]), np.array([True, False, True])]
BINARY = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv]
BINARY += [operator.mod, operator.pow, operator.lt, operator.ge, operator.eq, np.add, np.multiply]
BINARY += [np.divide, np.power, np.maximum, np.hypot, np.less, np.arctan2, np.fmod, np.remainder]
UNARY = [operator.neg, operator.abs, np.exp, np.log, np.sqrt, np.absolute, np.negative, np.square]
UNARY += [np.reciprocal, np.sign, np.isnan, np.logical_not, np.tanh, np.floor, np.sum, np.max]
UNARY += [np.squeeze, np.round, np.positive, np.mean, lambda x: np.where(x, x, 0.5)]
UNARY += [lambda x: np.where(x > 1, np.float32(2), x), lambda x: x**2, lambda x: x**0.5]


def drawn_function(draw):
    """Return a random function of two arguments: a few calls, each of what there is so far."""
    steps = [
        (draw.choice(BINARY + UNARY), [draw.randrange(12) for _ in range(2)], draw.random())
        for _ in range(draw.randint(1, 6))
    ]

    def f(*arguments):
        known = [*arguments, draw_constants[0], draw_constants[1]]
        for function, places, _ in steps:
            operands = [known[-1 - place % len(known)] for place in places]
            if function in UNARY:
                known.append(function(operands[0]))
            else:
                known.append(function(*operands))
        return known[-1], known[-2]

    draw_constants = [draw.choice(CONSTANTS) for _ in range(2)]
    return f


def outcome(function, *arguments):
    """Return what a call gives, with types, dtypes and shapes; or what it raises."""
    with np.errstate(all="ignore"):
        try:
            results = function(*arguments)
        except Exception as error:
            return [f"{type(error).__name__}: {error}"], []
    kinds = [
        (x.dtype.name, x.shape) if isinstance(x, np.ndarray | np.generic) else type(x).__name__
        for x in results
    ]
    return kinds, results


def assert_same(found, right):
    """Compare two outcomes; np.power and ``**`` of NumPy's scalars differ in their last bit."""
    assert found[0] == right[0]
    for x, y in zip(found[1], right[1], strict=True):
        rounding = 1e-6 if getattr(x, "dtype", None) == np.float32 else 1e-14
        np.testing.assert_allclose(x, y, rtol=rounding)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_a_captured_function_of_numbers_of_all_kinds(seed):
    draw = random.Random(seed)
    f = drawn_function(draw)
    kinds = [KINDS[draw.choice(list(KINDS))] for _ in range(2)]
    program = capture(f, pure=True, jit=False)
    for _ in range(6):
        arguments = [kind(draw.choice(NUMBERS)) for kind in kinds]
        assert_same(outcome(program, *arguments), outcome(f, *arguments))


SMOOTH = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.mod]
SMOOTH += [np.add, np.multiply, np.maximum, np.hypot, np.arctan2]
OF_ONE = [operator.neg, operator.abs, np.exp, np.sqrt, np.log, np.square, np.tanh, np.sum, np.max]
OF_ONE += [np.squeeze, np.mean, lambda x: np.where(x > 0.5, x, 0.5), lambda x: x**2]
OF_ONE += [lambda x: x**0.5, lambda x: (x > 1) * x, lambda x: np.maximum(x, 0.1 * x)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_gradients_keep_the_kinds_of_their_values(seed):
    draw = random.Random(seed)
    steps = [
        (draw.choice(SMOOTH + OF_ONE), [draw.randrange(12) for _ in range(2)])
        for _ in range(draw.randint(1, 6))
    ]
    constants = [draw.choice(CONSTANTS) for _ in range(2)]
    kinds = [KINDS[draw.choice(list(KINDS))] for _ in range(2)]
    is_value = True, draw.random() < 0.7

    def f(u, v):
        known = [*constants, u, v]
        for function, places in steps:
            operands = [known[-1 - place % len(known)] for place in places]
            known.append(function(*operands[: 1 if function in OF_ONE else 2]))
        loss = np.sum(known[-1] * u)
        loss.backward()
        values = [x for x in (u, v) if isinstance(x, Value)]
        return [*[x.grad for x in values if x.grad is not None], loss, known[-1]]

    def with_values(function):
        def called(*data):
            given = [Value(x) if wrap else x for x, wrap in zip(data, is_value, strict=True)]
            return [x.data if isinstance(x, Value) else x for x in function(*given)]

        return called

    program = capture(f, pure=True, jit=False)
    for _ in range(5):
        arguments = [kind(draw.choice(NUMBERS)) for kind in kinds]
        found, right = [outcome(with_values(g), *arguments) for g in (program, f)]
        assert_same(found, right)


def caught(x):
    try:
        return 1.0 / x
    except ZeroDivisionError:
        return 7.0


def caught_and_unused(x):
    try:
        1.0 / x
    except ZeroDivisionError:
        return 7.0
    return x


W32 = np.float32([1 / 3, 2 / 3])
FUNCTIONS = {
    "division": (lambda x: 1.0 / x, 0.0),
    "floor division": (lambda x: 1.0 // x, 0.0),
    "remainder": (lambda x: 1.0 % x, 0.0),
    "power that is complex": (lambda x: x**0.5, -4.0),
    "power that overflows": (lambda x: x**200.0, 1e10),
    "power of zero": (lambda x: x**-1.0, 0.0),
    "error that is caught": (caught, 0.0),
    "error that is caught, of a result that nothing needs": (caught_and_unused, 0.0),
    "logarithm outside its domain": (np.log, -1.0),
    "exponential that overflows": (np.exp, 1000.0),
    "a number of NumPy's makes float64": (lambda x: np.sqrt(2) * x * W32, 0.5),
    "so does a function of NumPy's": (lambda x: np.exp(x) * W32, 0.5),
    "float32 and float64": (lambda x: np.float32(1 / 3) + np.float64(0.1) * x, 0.5),
    "absolute value": (lambda x: np.abs(np.float64(1.5) * x), 0.5),
    "negative base": (lambda x: (-2.0) ** np.floor(x), 3.0),
    "two absolute values": (lambda x: (np.abs(-x) * W32, abs(-x) * W32), -0.5),
    "Value": (lambda x: 1 / Value(x), 0.0),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_and_errors_are_those_of_the_plain_function(name):
    """In whatever call the number comes: the plain one, a recorded one, a replay."""
    f, special = FUNCTIONS[name]
    for place in range(6):
        program = capture(f, jit=False)
        for call in range(7):
            x = special if call == place else 2.0 + call
            found, right = outcome(one(program), x), outcome(one(f), x)
            assert_same(found, right)


def one(f):
    """Return a function that gives a tuple of plain data."""

    def g(x):
        result = f(x)
        results = result if isinstance(result, tuple) else (result,)
        return [r.data if isinstance(r, Value) else r for r in results]

    return g


def test_conditions_are_any_numbers():
    for condition in (np.array([0, 1, 2]), np.array([0.0, np.nan, -1.0]), [0, 1, 2]):
        f = lambda x, c=condition: np.where(c, x, 0.5)  # noqa: E731
        program = capture(f)
        for k in range(5):
            x = np.arange(3.0) + k
            np.testing.assert_array_equal(program(x), f(x))


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("dtype", [">f8", ">f4", ">i4", ">f2"])
def test_numbers_of_the_other_byte_order(dtype, jit):
    if jit:
        pytest.importorskip("numba")
    x = np.linspace(0, 3, 300).astype(dtype)
    of_argument = lambda x: np.sum(np.exp(-x) * x + x)  # noqa: E731
    of_closure = lambda y: np.sum(np.exp(-y) * x + x)  # noqa: E731
    of_value = lambda w: np.sum(np.tanh(w) * 2 + w)  # noqa: E731
    for f, argument in ((of_argument, x), (of_closure, np.ones(300)), (of_value, Value(x * 1.0))):
        program = capture(f, jit=jit)
        for _ in range(5):
            found, right = program(argument), f(argument)
            found, right = [x.data if isinstance(x, Value) else x for x in (found, right)]
            assert np.result_type(found) == np.result_type(right)
            np.testing.assert_allclose(found, right, rtol=1e-2 if "2" in dtype else 1e-6)


@pytest.mark.parametrize("x", [np.arange(3.0).astype(">f8"), np.array(0.5), np.float64(0.5), 0.5])
@pytest.mark.parametrize("function", [lambda x: x * 1.0, lambda x: np.multiply(1, x) ** 1])
def test_what_is_the_same_number_is_of_the_kind_that_numpy_gives(function, x):
    program = capture(function, jit=False)
    wanted = function(x)
    for _ in range(5):
        found = program(x)
        assert type(found) is type(wanted)
        assert getattr(found, "dtype", None) == getattr(wanted, "dtype", None)


def test_a_mask_that_is_one_number_of_numpys():
    pytest.importorskip("numba")

    def f(x):
        v = Value(x)
        np.sum(np.arctan2(np.float64(0.1), v) / v).backward()  # (0.1 == 0) & (v == 0), in its rule
        return v.grad

    program = capture(f, jit=True)
    for k in range(5):
        x = np.linspace(1.0, 2.0, 300) + k
        np.testing.assert_allclose(program(x), f(x), rtol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        np.nan_to_num,
        lambda w: np.where(np.isnan(w), 0.0, w),
        lambda w: np.where(w > 0.2, w * 2, 0.5),
        lambda w: np.minimum(w, 0.5),
        lambda w: np.clip(w, -1, 1),
    ],
)
@pytest.mark.parametrize("data", [0.5, np.float32(0.5), np.float64(0.5)])
def test_a_choice_between_numbers_keeps_their_kind(function, data):
    w = Value(data, "w")
    c = capture(lambda: function(w), jit=False)
    wanted = function(w).raw
    for _ in range(6):
        found = c().raw
        assert (type(found), found) == (type(wanted), wanted)
    assert c.captures == 3


OF_NO_DIMENSIONS = {
    "where": lambda x: np.where(x > 0, x * 2, 0.5),
    "squeeze": lambda x: np.squeeze(np.array([1.0, 2.0])[:1] * x),
    "a view": lambda x: (np.ones(3) * x)[..., 0],
    "reshape": lambda x: np.reshape(np.ones(1) * x, ()),
    "broadcast_to": lambda x: np.broadcast_to(x, ()),
    "copy": lambda x: np.copy(x * 1),
    "transpose": lambda x: np.transpose(x * 1),
    "T": lambda x: np.where(x > 0, x, 0.0).T,
    "astype": lambda x: np.where(x > 0, x, 0.0).astype(np.float32),
    "all of it": lambda x: np.where(x > 0, x, 0.0)[...],
    "the number in it": lambda x: np.where(x > 0, x, 0.0)[()],
    "a sum with it": lambda x: np.where(x > 0, x, x) + 1,
    "its negative": lambda x: -np.where(x > 0, x, 0.0),
    "an element": lambda x: (np.ones(3) * x)[0],
    "both": lambda x: (np.squeeze(x), x * 1.0, np.squeeze(x * 1.0)),
}


@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", OF_NO_DIMENSIONS)
def test_an_array_of_no_dimensions_is_one_in_a_replay_too(name, jit):
    def parts(result):
        parts = result if isinstance(result, tuple) else (result,)
        return [(type(x), np.result_type(x), float(x)) for x in parts]

    f = OF_NO_DIMENSIONS[name]
    for x in (1.5, np.float32(1.5), np.array(1.5)):
        c = capture(f, jit=jit)
        for _ in range(6):
            assert parts(c(x)) == parts(f(x))
