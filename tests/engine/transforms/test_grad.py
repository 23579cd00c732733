"""``grad`` and its family: right at any order, for any structure, and nobody's numbers touched."""

import functools
import gc
import itertools
import math
import threading
import weakref
from collections import namedtuple

import autograd
import autograd.misc
import autograd.numpy as hips
import mpmath
import numpy as np
import pytest

from tinygrad_hw import capture
from tinygrad_hw.engine import (
    Multilinear,
    Value,
    anomaly,
    grad,
    group,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    numpy_api,
    ops,
    value_and_grad,
    vjp,
)
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.core.trace import PLAIN, current

Layer = namedtuple("Layer", ["weights", "bias"])

# --- Helpers: trees, walked here independently of the engine --------------------------------------


def leaves(tree):
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list | tuple):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def mapped(function, tree):
    """The same structure with the function applied to every leaf."""
    if isinstance(tree, dict):
        return {key: mapped(function, part) for key, part in tree.items()}
    if isinstance(tree, list | tuple):
        parts = [mapped(function, part) for part in tree]
        return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)
    return function(tree)


def plain(x):
    return x.data if isinstance(x, Value) else x


def flat(tree):
    """All numbers of a tree in one vector."""
    return np.concatenate([np.ravel(plain(x)) for x in leaves(tree)])


def waves(tree):
    """Numbers in the same structure and shapes, all of them different."""
    start = itertools.count(1, 100)

    def wave(x):
        shape = np.shape(plain(x))
        return np.cos(next(start) + np.arange(math.prod(shape))).reshape(shape)[()]

    return mapped(wave, tree)


def outline(tree):
    """The structure, with each leaf's kind for a leaf: a tuple and a list are told apart."""
    return repr(mapped(kind, tree))


def kind(x):
    """What a leaf is: an array of a shape and dtype, or a number of a type."""
    x = plain(x)
    return f"{x.dtype}{x.shape}" if isinstance(x, np.ndarray) else type(x).__name__


def assert_trees_close(actual, expected, rtol=1e-11, atol=1e-13):
    shapes = [repr(mapped(lambda x: np.shape(plain(x)), tree)) for tree in (actual, expected)]
    assert shapes[0] == shapes[1]
    for got, wanted in zip(leaves(actual), leaves(expected), strict=True):
        np.testing.assert_allclose(plain(got), plain(wanted), rtol=rtol, atol=atol)


def modes():
    modes = current()
    return modes.recording, modes.nested, modes.trace, modes.group


@pytest.fixture(autouse=True)
def _modes_are_as_before():
    """Whatever a test does, it leaves no flag behind."""
    before = modes()
    yield
    assert modes() == before == (True, False, PLAIN, None)


# --- Any order, by nesting in any way -------------------------------------------------------------
# Each of these turns a function of one number into its derivative.

WAYS = {
    "grad": grad,
    "value_and_grad": lambda f: lambda x: value_and_grad(f)(x)[1],
    "jacobian": jacobian,
    "jvp": lambda f: lambda x: jvp(f, x, 1.0)[1],
    "vjp": lambda f: lambda x: vjp(f, x)[1](1.0)[0],
    # Linear in the vector (or the tangent), so that its derivative by that is f' again.
    "grad of vjp by v": lambda f: lambda x: grad(lambda v: vjp(f, x)[1](v)[0])(1.0),
    "grad of jvp by t": lambda f: lambda x: grad(lambda t: jvp(f, x, t)[1])(1.0),
}


def _shared(m, x):
    t = m.tanh(x)
    return t * t + t / (2 + t) - t


# Over a module ``m`` that is NumPy or mpmath, which knows the Taylor series to any digit.
SMOOTH = {
    "powers": (lambda m, x: x**5 - 3 * x**2 + 1 / x, 0.8),
    "polynomial below 0": (lambda m, x: (x - 1) * x**3 - 2 * x, -1.3),
    "exp of sin": (lambda m, x: m.exp(m.sin(x)), 0.6),
    "quotient": (lambda m, x: x / (1 + x * x), 0.4),
    "log and root": (lambda m, x: m.log(x) * m.sqrt(x), 1.7),
    "shared": (_shared, 0.3),
    "power of itself": (lambda m, x: x**x, 1.2),
    "linear": (lambda m, x: 3 * x + 1, 0.5),
}


def on_numpy(name):
    function, point = SMOOTH[name]
    return functools.partial(function, np), point


@functools.cache
def closed_form(name, order):
    """The derivatives of a smooth function up to an order, by mpmath's series."""
    function, point = SMOOTH[name]
    with mpmath.workdps(60):
        series = mpmath.taylor(functools.partial(function, mpmath), mpmath.mpf(point), order)
        return [float(mpmath.factorial(k) * c) for k, c in enumerate(series)]


@pytest.mark.parametrize("way", ["grad", "jvp", "jacobian"])
@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_of_order_one_to_five_are_the_closed_forms(name, way):
    function, point = on_numpy(name)
    for order, expected in enumerate(closed_form(name, 5)[1:], 1):
        function = WAYS[way](function)
        derivative = function(point)
        assert derivative == pytest.approx(expected, rel=1e-10, abs=1e-10), order
        assert type(derivative) is float


@pytest.mark.parametrize("inner", WAYS)
@pytest.mark.parametrize("outer", WAYS)
def test_second_derivative_in_every_pair_of_ways(outer, inner):
    for name in SMOOTH:
        function, point = on_numpy(name)
        second = WAYS[outer](WAYS[inner](function))(point)
        assert second == pytest.approx(closed_form(name, 2)[2], rel=1e-12, abs=1e-12), name
        assert type(second) is float


TRIPLES = list(itertools.product(["grad", "jvp", "jacobian", "grad of vjp by v"], repeat=3))


@pytest.mark.parametrize("ways", TRIPLES, ids=" of ".join)
def test_third_derivative_in_every_triple_of_ways(ways):
    for name in ("powers", "shared"):
        function, point = on_numpy(name)
        for way in ways:
            function = WAYS[way](function)
        assert function(point) == pytest.approx(closed_form(name, 3)[3], rel=1e-12), name


def test_value_and_derivative_come_from_one_call():
    calls = []

    def function(x):
        calls.append(x)
        return x**3

    assert value_and_grad(function)(2.0) == (8.0, 12.0)
    assert jvp(function, 2.0, 10.0) == (8.0, 120.0)
    value, pull_back = vjp(function, 2.0)
    assert (value, pull_back(10.0)) == (8.0, (120.0,))
    assert len(calls) == 3


def test_function_of_a_derivative_is_a_function_like_any_other():
    def newton(function, x):
        for _ in range(8):
            x = x - function(x) / grad(function)(x)
        return x

    # x = √a by Newton's method, differentiated through the iterations: 1 / (2 √a).
    assert grad(lambda a: newton(lambda x: x * x - a, 1.0))(2.0) == pytest.approx(0.5 / 2**0.5)


# --- Perturbation confusion -----------------------------------------------------------------------
# Which of several derivatives a number belongs to. ``outer`` and ``inner`` are any of the ways.


def _inner_result_twice(outer, inner):
    def function(x):
        g = inner(lambda y: y**3 * x)(2.0)  # 12 x
        return g * g

    return outer(function)


def _escaped(outer, inner, argument):
    """The inner variable, taken out of its function: it is a function of the outer one, or of 0."""

    def function(x):
        kept = []

        def body(y):
            kept.append(y)
            return y * x

        inner(body)(argument(x))
        return kept[0] * x

    return outer(function)


CONFUSING = {
    "classic": (lambda D, d: D(lambda x: x * d(lambda y: x + y)(1.0)), 1.0, 1.0),
    "classic product": (lambda D, d: D(lambda x: x * d(lambda y: x * y)(1.0)), 3.0, 6.0),
    "inner at the outer variable": (lambda D, d: D(lambda x: x * d(lambda y: x + y)(x)), 3.0, 1.0),
    "inner at the outer variable, product": (
        lambda D, d: D(lambda x: d(lambda y: x * y * y)(x)),  # 2 x²
        3.0,
        12.0,
    ),
    "inner at a function of the outer": (
        lambda D, d: D(lambda x: d(lambda y: x * y**2)(x**2)),  # 2 x³
        3.0,
        54.0,
    ),
    "inner independent of its own": (lambda D, d: D(lambda x: d(lambda y: x * x)(1.0)), 3.0, 0.0),
    "inner gives the outer variable": (lambda D, d: D(lambda x: d(lambda y: x)(x)), 3.0, 0.0),
    "inner gives its own": (lambda D, d: D(lambda x: x * d(lambda y: y)(x)), 3.0, 1.0),
    "inner gives a function of the outer": (
        lambda D, d: D(lambda x: x * x + d(lambda y: y * 2 + x)(x)),
        3.0,
        6.0,
    ),
    "inner result twice": (_inner_result_twice, 3.0, 864.0),
    "three levels": (
        lambda D, d: D(lambda x: d(lambda y: D(lambda z: x * y * z)(y))(x)),  # x
        2.0,
        1.0,
    ),
    "three levels, products": (
        lambda D, d: D(lambda x: x * d(lambda y: y * D(lambda z: x + y * z)(y))(x)),  # 2 x²
        3.0,
        12.0,
    ),
    "one function at both levels": (lambda D, d: D(d(lambda x: x**3)), 3.0, 18.0),
    "two inner ones": (
        lambda D, d: D(lambda x: d(lambda y: x * y * y)(2.0) * D(lambda y: y * x)(1.0)),  # 4 x²
        3.0,
        24.0,
    ),
    "inner variable escapes": (lambda D, d: _escaped(D, d, lambda x: 2.0), 3.0, 2.0),
    "inner variable escapes, made of x": (lambda D, d: _escaped(D, d, lambda x: x), 3.0, 6.0),
}


@pytest.mark.parametrize("inner", WAYS)
@pytest.mark.parametrize("outer", WAYS)
def test_no_perturbation_is_confused(outer, inner):
    for name, (make, point, expected) in CONFUSING.items():
        assert make(WAYS[outer], WAYS[inner])(point) == expected, name


def test_inner_derivative_by_an_array_closes_over_an_outer_one():
    A = np.array([[2.0, 1.0], [0.5, 3.0]])
    x0 = np.array([0.7, -0.4])

    def function(x):
        slope = grad(lambda y: (y * x) @ A @ y)(x)
        return np.sum(slope * x)

    def theirs(x):
        return hips.sum(autograd.grad(lambda y: hips.dot(hips.dot(y * x, A), y))(x) * x)

    np.testing.assert_allclose(grad(function)(x0), autograd.grad(theirs)(x0), rtol=1e-12)
    np.testing.assert_allclose(hessian(function)(x0), autograd.hessian(theirs)(x0), rtol=1e-12)


# --- Structures -----------------------------------------------------------------------------------

F32 = np.float32
TREES = {
    "float": 0.5,
    "int": 2,
    "bool": True,
    "float32": F32(0.5),
    "float64": np.float64(0.5),
    "array without dimensions": np.array(0.5),
    "vector": np.array([0.5, -1.0, 2.0]),
    "float32 matrix": np.array([[0.5, -1.0], [0.3, 2.0]], F32),
    "integers": np.array([1, 2, 3]),
    "no elements": np.zeros((0, 2)),
    "no float32 elements": np.zeros((0, 2), F32),
    "tuple": (0.5, np.ones(2)),
    "list": [0.5, F32(0.25), np.ones((2, 1), F32)],
    "dict": {"b": 0.5, "a": np.ones(3)},
    "namedtuple": Layer(np.ones((2, 2)), 0.5),
    "nested": {"layers": [Layer(np.ones((2, 3)), np.zeros(2)), Layer(1.5, F32(1))], "t": (1, (2,))},
    "empty parts": {"none": [], "some": (0.5, {}), 3: [np.ones(2)]},
}


def as_floats(tree):
    """What numbers become when they are differentiated by: floats, and scalars no arrays."""
    return mapped(_as_float, tree)


def _as_float(x):
    if isinstance(x, int):
        return float(x)
    if isinstance(x, np.ndarray):
        return (x.astype(float) if x.dtype.kind == "i" else x)[()]
    return x


def numbered(function, tree):
    """The function of each leaf and its number, which keeps leaves of one kind apart."""
    number = itertools.count(1)
    return mapped(lambda x: function(next(number), x), tree)


def sines(tree):
    return sum([k * np.sum(np.sin(x)) for k, x in enumerate(leaves(tree), 1)], 0.0)


@pytest.mark.parametrize("given", TREES.values(), ids=TREES)
def test_a_derivative_has_the_arguments_structure_and_kinds(given):
    tree = as_floats(given)
    slopes = flat(numbered(lambda k, x: k * np.cos(x), tree))
    bends = flat(numbered(lambda k, x: -k * np.sin(x), tree))
    ones = mapped(np.ones_like, tree)
    results = {
        "grad": (grad(sines)(given), slopes),
        "value_and_grad": (value_and_grad(sines)(given)[1], slopes),
        "jacobian": (jacobian(sines)(given), slopes),
        "vjp": (vjp(sines, given)[1](1.0)[0], slopes),
        "hvp": (hvp(sines, (given,), (ones,))[0], bends),
    }
    for name, (result, expected) in results.items():
        assert outline(result) == outline(tree), name
        np.testing.assert_allclose(flat(result), expected, rtol=1e-6, err_msg=name)
    value, tangent = jvp(sines, (given,), (ones,))
    assert value == pytest.approx(sines(tree), rel=1e-6)
    assert tangent == pytest.approx(np.sum(slopes), rel=1e-6)


RESULTS = {
    "number": lambda x: x[0] * 2,
    "tuple": lambda x: (x[0] * 2, x),
    "list": lambda x: [x * 2, x[1]],
    "dict": lambda x: {"twice": x * 2, "last": x[-1]},
    "namedtuple": lambda x: Layer(weights=x * x, bias=x[0]),
    "nested": lambda x: {"a": [(x, x[0]), Layer(x[1:], [x[:1]])], "none": ()},
    "one twice": lambda x: [x * x] * 2,
    "the argument, twice": lambda x: (x, x),
    "some constants": lambda x: (x * 2, 3.0, np.ones(2), Value([1.0, 2.0], constant=True)),
    "no elements": lambda x: [x[:0], x[0]],
}


@pytest.mark.parametrize("function", RESULTS.values(), ids=RESULTS)
def test_a_result_may_have_any_structure(function):
    x, u = np.array([0.5, -1.0, 2.0]), np.array([0.3, 1.0, -0.7])
    expected = mapped(lambda y: plain(y) * 1.0, function(x))
    value, tangent = jvp(function, x, u)
    again, pull_back = vjp(function, x)
    J = jacobian(function)(x)
    v = waves(expected)
    # They are linear or quadratic, so that a central difference is exact but for rounding.
    slope = (flat(function(x + u)) - flat(function(x - u))) / 2
    assert_trees_close(value, expected)
    assert_trees_close(again, expected)
    assert outline(tangent) == outline(expected)
    assert outline(J) == outline(mapped(lambda y: np.zeros((*np.shape(y), 3)), expected))
    rows = np.concatenate([np.reshape(block, (-1, 3)) for block in leaves(J)])
    np.testing.assert_allclose(flat(tangent), slope, atol=1e-14)
    np.testing.assert_allclose(rows @ u, slope, atol=1e-14)
    np.testing.assert_allclose(pull_back(v)[0], flat(v) @ rows, atol=1e-14)


def test_one_array_or_value_twice_in_a_tree_is_two_arguments():
    x = np.array([1.0, 2.0])
    expected = [3 * x**3, x**3]  # of Σ a³ b, at a = b = x

    def function(pair):
        return np.sum(pair[0] ** 3 * pair[1])

    assert_trees_close(grad(function)([x, x]), expected)
    assert_trees_close(grad(lambda a, b: function([a, b]), (0, 1))(x, x), tuple(expected))
    v = Value(x)
    slopes = grad(function)([v, v])
    assert_trees_close(slopes, expected)
    np.sum(slopes[0]).backward()  # through both: 3 a² b is 3 x³
    np.testing.assert_allclose(v.grad, 9 * x**2)


def test_leaves_that_are_not_used_have_zeros_of_their_kind():
    given = {"used": 2.0, "not": (1, F32([1.0, 2.0]), np.float64(3.0)), "none": np.zeros((0, 3))}
    slopes = grad(lambda p: p["used"] ** 2)(given)
    zeros = {"used": 4.0, "not": (0.0, F32([0, 0]), np.float64(0)), "none": np.zeros((0, 3))}
    assert outline(slopes) == outline(zeros)
    assert_trees_close(slopes, zeros)


# --- Against HIPS autograd and finite differences -------------------------------------------------

RNG = np.random.default_rng(0)
NET = {
    "layers": [
        (RNG.normal(size=(3, 4)), RNG.normal(size=4)),
        (RNG.normal(size=(4, 2)), RNG.normal(size=2)),
    ],
    "scale": 0.7,
}
X, Y = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2))


def net(m, p, x):
    for weights, bias in p["layers"]:
        x = m.tanh(m.dot(x, weights) + bias)
    return x * p["scale"]


def loss(m, p):
    return m.mean((net(m, p, X) - Y) ** 2) + 0.1 * m.log(1 + m.exp(p["scale"]))


our_loss, their_loss = functools.partial(loss, np), functools.partial(loss, hips)


def their_hvp(p, v):
    vector, rebuilt = autograd.misc.flatten(p)
    product = autograd.make_hvp(lambda t: their_loss(rebuilt(t)))(vector)[0]
    return rebuilt(product(flat(v)))


def test_gradient_of_a_net_is_that_of_hips_autograd():
    value, gradient = value_and_grad(our_loss)(NET)
    assert value == pytest.approx(their_loss(NET), rel=1e-14)
    assert_trees_close(gradient, autograd.grad(their_loss)(NET), rtol=1e-12)


def test_second_derivatives_of_a_net_are_those_of_hips_autograd_in_every_way():
    v = waves(NET)

    def slope_along(p):
        pairs = zip(leaves(grad(our_loss)(p)), leaves(v), strict=True)
        return sum([np.sum(g * u) for g, u in pairs])

    products = {
        "hvp": hvp(our_loss, NET, v),
        "jvp of grad": jvp(grad(our_loss), NET, v)[1],
        "vjp of grad": vjp(grad(our_loss), NET)[1](v)[0],  # the Hessian is symmetric
        "grad of jvp": grad(lambda p: jvp(our_loss, p, v)[1])(NET),
        "grad of grad": grad(slope_along)(NET),
    }
    expected = their_hvp(NET, v)
    for product in products.values():
        assert_trees_close(product, expected, rtol=1e-11)


def test_forward_mode_of_a_net_is_the_slope_of_a_line():
    u = waves(NET)
    _, tangent = jvp(lambda p: net(np, p, X), NET, u)

    def on_line(t):
        pairs = zip(leaves(NET), leaves(u), strict=True)
        moved = iter([x + t * y for x, y in pairs])
        return net(np, mapped(lambda x: next(moved), NET), X)

    h = 1e-3  # five points: the error is h⁴
    slope = (8 * (on_line(h) - on_line(-h)) - (on_line(2 * h) - on_line(-2 * h))) / (12 * h)
    np.testing.assert_allclose(tangent, slope, rtol=1e-7, atol=1e-9)


def test_hessian_and_jacobian_of_arrays_are_those_of_hips_autograd():
    def function(m, x):
        return m.dot(m.tanh(m.outer(x, x)), m.sin(x)) / (1 + m.sum(x * x))

    def scalar(m, x):
        return m.sum(function(m, x) ** 2)

    x = np.array([0.5, -1.2, 0.8])
    on_hips, theirs = functools.partial(function, hips), functools.partial(scalar, hips)
    ours = functools.partial(scalar, np)
    J = jacobian(functools.partial(function, np))
    np.testing.assert_allclose(J(x), autograd.jacobian(on_hips)(x), rtol=1e-12)
    np.testing.assert_allclose(hessian(ours)(x), autograd.hessian(theirs)(x), rtol=1e-11)
    third = autograd.jacobian(autograd.hessian(theirs))(x)
    for ours_third in (jacobian(hessian(ours)), jacobian(jacobian(grad(ours)))):
        np.testing.assert_allclose(ours_third(x), third, rtol=1e-10, atol=1e-12)


def test_a_gradient_penalty_trains():
    """The loss of a critic that is to have slope 1: a gradient inside, a gradient outside."""

    def penalty(m, gradient, p):
        slopes = gradient(lambda x: m.sum(net(m, p, x)))(X)
        return m.mean((m.sqrt(m.sum(slopes**2, axis=1)) - 1) ** 2)

    expected = autograd.grad(functools.partial(penalty, hips, autograd.grad))(NET)
    assert_trees_close(grad(functools.partial(penalty, np, grad))(NET), expected, rtol=1e-11)
    values = mapped(Value, NET)
    points = Value(X)  # a Value too, so that the inner gradient has a history

    def critic(x):
        return np.sum(net(np, values, x))

    slopes = grad(critic)(points)
    np.mean((np.sqrt(np.sum(slopes**2, axis=1)) - 1) ** 2).backward()
    assert_trees_close(mapped(lambda v: v.grad, values), expected, rtol=1e-11)


# --- jacobian and hessian -------------------------------------------------------------------------

A = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]])
POINT = np.array([0.5, -1.0, 2.0])
JACOBIANS = {
    "wide": (lambda x: A @ x, (POINT,), A),
    "tall": (lambda x: A.T @ x, (POINT[:2],), A.T),
    "square": (lambda x: x**3, (POINT,), np.diag(3 * POINT**2)),
    "number by number": (lambda x: x**3, (2.0,), 12.0),
    "number by array": (lambda x: np.sum(x**3), (POINT,), 3 * POINT**2),
    "array by number": (lambda x: x**2 * POINT, (3.0,), 6 * POINT),
    "number by one element": (lambda x: x[0] ** 3, (POINT[:1],), 3 * POINT[:1] ** 2),
    "one element by number": (lambda x: np.reshape(x**3, (1, 1)), (2.0,), np.array([[12.0]])),
    "matrix by matrix": (
        lambda x: x.T,
        (A,),
        np.einsum("il,jk->ijkl", np.eye(3), np.eye(2)),
    ),
    "matrix by vector": (
        lambda x: np.outer(x, x),
        (POINT,),
        np.einsum("ik,j->ijk", np.eye(3), POINT) + np.einsum("i,jk->ijk", POINT, np.eye(3)),
    ),
    "tall structure": (
        lambda p: [p["a"] * POINT, {"b": p["b"] ** 2}],
        ({"a": 2.0, "b": 3.0},),
        [{"a": POINT, "b": np.zeros(3)}, {"b": {"a": 0.0, "b": 6.0}}],
    ),
    "wide structure": (
        lambda p: (p["a"] @ p["b"], p["c"] * 2),
        ({"a": POINT, "b": 2 * POINT, "c": 1.0},),
        (
            {"a": 2 * POINT, "b": POINT, "c": 0.0},
            {"a": np.zeros(3), "b": np.zeros(3), "c": 2.0},
        ),
    ),
    "no results": (lambda x: x[:0], (POINT,), np.zeros((0, 3))),
    "no arguments": (lambda x: np.sum(x) * POINT, (np.zeros(0),), np.zeros((3, 0))),
    "no results, no arguments": (lambda x: x * 2, (np.zeros((0, 2)),), np.zeros((0, 2, 0, 2))),
    "no results, a matrix": (lambda x: np.outer(x, x), (np.zeros(0),), np.zeros((0, 0, 0))),
}


@pytest.mark.parametrize(("function", "arguments", "expected"), JACOBIANS.values(), ids=JACOBIANS)
@pytest.mark.parametrize("as_values", [False, True], ids=["numbers", "Values"])
def test_jacobian_is_the_closed_form(function, arguments, expected, as_values):
    if as_values:
        arguments = mapped(Value, arguments)
    J = jacobian(function)(*arguments)
    assert_trees_close(J, expected, rtol=1e-14)
    assert outline(J) == outline(expected)
    assert all(isinstance(block, Value) == as_values for block in leaves(J))


@pytest.mark.parametrize("name", ["net", "broadcast", "reductions"])
def test_forward_and_backward_give_one_jacobian(name):
    function = {
        "net": lambda x: net(np, NET, np.reshape(x, (2, 3))),
        "broadcast": lambda x: np.tanh(x[:3] * np.reshape(x, (6, 1))),
        "reductions": lambda x: np.stack([x.max(), x.var(), x.logsumexp(), np.linalg.norm(x)]),
    }[name]
    x = np.cos(np.arange(6.0))
    m = np.size(function(Value(x)).data)
    backward = [
        jacobian(lambda x, k=k: np.ravel(function(x))[k])(x) for k in range(m)
    ]  # a row at a time
    forward = jacobian(lambda x: np.tile(np.ravel(function(x)), 7))(x)  # more results than 6
    np.testing.assert_allclose(forward, np.tile(backward, (7, 1)), rtol=1e-12, atol=1e-15)


def test_jacobian_goes_the_cheaper_way():
    runs = []

    def half(x):
        runs.append("forward")
        return x * 0.5

    def transposed(upstream, x):
        runs.append("backward")
        return upstream * 0.5

    operation = Multilinear("half", half, transposed)
    jacobian(lambda x: np.tile(operation(x), 4))(np.ones(2))
    assert runs == ["forward"] * 3  # to record, and for each of two columns
    runs.clear()
    jacobian(lambda x: operation(x)[:2])(np.ones(8))
    assert runs == ["forward", "backward", "backward"]  # for each of two rows


def test_hessian_of_a_function_of_a_dict_is_the_closed_form():
    a, b = 1.5, np.array([0.5, -2.0])

    def function(p):
        return p["a"] * np.sum(p["b"] ** 3) + p["a"] ** 2 + np.prod(p["b"])

    mixed = 3 * b**2
    expected = {
        "a": {"a": 2.0, "b": mixed},
        "b": {"a": mixed, "b": np.diag(6 * a * b) + np.array([[0.0, 1.0], [1.0, 0.0]])},
    }
    H = hessian(function)({"a": a, "b": b})
    assert_trees_close(H, expected)
    v = {"a": 0.3, "b": np.array([1.0, -0.5])}
    product = {
        "a": 2.0 * v["a"] + mixed @ v["b"],
        "b": mixed * v["a"] + expected["b"]["b"] @ v["b"],
    }
    assert_trees_close(hvp(function, {"a": a, "b": b}, v), product)


def test_hvp_is_the_hessian_times_the_vector():
    def function(p):
        return np.sum(np.tanh(p["c"] @ p["b"]) * p["a"]) + p["a"] ** 3 * np.sum(p["c"] ** 2)

    p = {"a": 0.7, "b": np.array([0.5, -1.0]), "c": np.array([[0.3, 0.8], [-0.2, 1.1], [0.4, 0.9]])}
    v = waves(p)
    H = hessian(function)(p)
    product = {i: sum([np.tensordot(H[i][j], v[j], axes=np.ndim(v[j])) for j in p])[()] for i in p}
    assert_trees_close(hvp(function, p, v), product)
    assert_trees_close(jvp(grad(function), p, v)[1], product)
    assert_trees_close(vjp(grad(function), p)[1](v)[0], product)
    for i, j in itertools.product(p, p):  # symmetric
        n = np.ndim(p[i])
        axes = (*range(n, n + np.ndim(p[j])), *range(n))
        np.testing.assert_allclose(np.transpose(H[i][j], axes), H[j][i], rtol=1e-12, atol=1e-15)


def test_hessian_by_several_arguments_has_a_block_for_each_pair():
    H = hessian(lambda a, b, c: a**2 * b**3 * c, argnums=(0, -2))(2.0, 3.0, 1.0)
    assert H == ((54.0, 108.0), (108.0, 72.0))


# --- argnums and keyword arguments ----------------------------------------------------------------

THREE = (2.0, 3.0, 5.0)  # of a b² c: the gradient is (45, 60, 18)
ARGNUMS = {0: 45.0, 1: 60.0, 2: 18.0, -1: 18.0, -2: 60.0, -3: 45.0}
ARGNUMS |= {
    (0,): (45.0,),
    (2, 0): (18.0, 45.0),
    (-1, 1): (18.0, 60.0),
    (0, 1, 2): (45.0, 60.0, 18.0),
}


@pytest.mark.parametrize("argnums", ARGNUMS, ids=str)
def test_argnums_choose_the_arguments_and_their_order(argnums):
    def function(a, b, c):
        return a * b**2 * c

    expected = ARGNUMS[argnums]
    assert grad(function, argnums)(*THREE) == expected
    assert value_and_grad(function, argnums)(*THREE) == (90.0, expected)
    assert jacobian(function, argnums)(*THREE) == expected


@pytest.mark.parametrize("argnums", [3, -4, (0, 3), (-4, 0)], ids=str)
@pytest.mark.parametrize("make", [grad, value_and_grad, jacobian, hessian])
def test_argnums_out_of_range_are_refused(make, argnums):
    with pytest.raises(ValueError, match=r"argnums is .*, but the function was given 3 values"):
        make(lambda a, b, c: a * b * c, argnums)(*THREE)


@pytest.mark.parametrize("argnums", [(0, 0), (0, -3), (2, 1, -1)], ids=str)
def test_one_argument_named_twice_is_refused(argnums):
    with pytest.raises(ValueError, match="argnums"):
        grad(lambda a, b, c: a * b * c, argnums)(*THREE)


def test_arguments_that_are_not_differentiated_by_may_be_anything():
    def function(x, how, data, *, scale, shift=0.0):
        assert how == {"mode": "square"}
        assert data is untouched
        return np.sum(data * x**2) * scale + shift

    untouched = np.array([1, 2])
    options = {"scale": 10.0, "shift": 5.0}
    given = (3.0, {"mode": "square"}, untouched)
    assert value_and_grad(function)(*given, **options) == (275.0, 180.0)
    assert grad(grad(function))(*given, **options) == 60.0
    assert jacobian(function)(*given, **options) == 180.0
    assert hessian(function)(*given, scale=1.0) == 6.0


def test_a_method_or_a_numpy_function_can_be_differentiated():
    assert grad(np.sin)(0.0) == 1.0
    assert grad(Value.exp)(0.0) == 1.0
    np.testing.assert_array_equal(grad(np.sum)(np.ones(3)), np.ones(3))


# --- The family, for what all of them have in common ----------------------------------------------
# Each of a scalar function at x; with everything that it hands back.


def _both_of_vjp(f, x):
    value, pull_back = vjp(f, x)
    return value, pull_back(1.0)


FAMILY = {
    "grad": lambda f, x: grad(f)(x),
    "value_and_grad": lambda f, x: value_and_grad(f)(x),
    "jacobian": lambda f, x: jacobian(f)(x),
    "hessian": lambda f, x: hessian(f)(x),
    "jvp": lambda f, x: jvp(f, (x,), (waves(x),)),
    "vjp": _both_of_vjp,
    "hvp": lambda f, x: hvp(f, (x,), (waves(x),)),
}
of_the_family = pytest.mark.parametrize("member", FAMILY.values(), ids=FAMILY)
T = float(waves(2.0))  # the tangent


# --- Values in, Values out ------------------------------------------------------------------------
# Of x⁴ at 2, which is 16: the derivatives are 32, 48, 48.

WITH_HISTORY = {  # what it gives, and the derivative of that
    "grad": ([32.0], [48.0]),
    "value_and_grad": ([16.0, 32.0], [32.0, 48.0]),
    "jacobian": ([32.0], [48.0]),
    "hessian": ([48.0], [48.0]),
    "jvp": ([16.0, 32 * T], [32.0, 48 * T]),
    "vjp": ([16.0, 32.0], [32.0, 48.0]),
    "hvp": ([48 * T], [48 * T]),
}
QUARTIC = {
    "x**4": lambda x: x**4,
    "x * x * x * x": lambda x: x * x * x * x,
    "an array inside": lambda x: np.sum(np.full(4, 0.25) * x**4),
}


@pytest.mark.parametrize("function", QUARTIC.values(), ids=QUARTIC)
@pytest.mark.parametrize("name", FAMILY)
def test_a_value_gives_values_with_a_history(name, function):
    x = Value(2.0, label="x")
    results = leaves(FAMILY[name](function, x))
    assert x.grad is None
    for result, number, slope in zip(results, *WITH_HISTORY[name], strict=True):
        assert isinstance(result, Value)
        assert not result.constant
        assert result.item() == pytest.approx(number, rel=1e-14)
        x.grad = None
        result.backward()
        assert x.grad == pytest.approx(slope, rel=1e-14)


@pytest.mark.parametrize("name", FAMILY)
def test_a_constant_value_gives_values_and_is_left_alone(name):
    x, w = Value(2.0, constant=True), Value(1.0)
    results = leaves(FAMILY[name](lambda x: w * x**4, x))
    for result, number in zip(results, WITH_HISTORY[name][0], strict=True):
        assert isinstance(result, Value)
        assert result.item() == pytest.approx(number, rel=1e-14)
        w.grad = None
        result.backward()
        assert w.grad == pytest.approx(number, rel=1e-14)
        assert x.grad is None


def in_a_dict(x):
    return {"w": x}


@pytest.mark.parametrize("wrap", [lambda x: x, Value, in_a_dict], ids=["number", "Value", "dict"])
@pytest.mark.parametrize("number", [2.0, F32(2.0), np.float64(2.0)], ids=kind)
def test_a_derivative_by_a_number_is_of_its_kind(number, wrap):
    """A Python float is weak beside float32, so its derivative must be one too."""
    expected = dict.fromkeys(itertools.product(["grad", "jacobian", "hessian", "hvp"], QUARTIC))
    found = dict(expected)
    for name, text in expected:

        def function(x, quartic=QUARTIC[text]):
            return quartic(x["w"] if isinstance(x, dict) else x)

        found[name, text] = kind(leaves(FAMILY[name](function, wrap(number)))[0])
    assert found == dict.fromkeys(expected, kind(number))


def test_a_derivative_can_be_part_of_a_larger_graph():
    x, y = Value(POINT), Value(2 * POINT)
    slopes = grad(lambda a: np.sum(a**3 * y))(x * 1.0)  # 3 x² y
    total = np.sum(slopes * y) + np.sum(x)  # Σ 3 x² y² + Σ x
    total.backward()
    np.testing.assert_allclose(x.grad, 6 * POINT * (2 * POINT) ** 2 + 1)
    np.testing.assert_allclose(y.grad, 6 * POINT**2 * (2 * POINT))


@of_the_family
def test_a_value_closed_over_is_seen_and_left_alone(member):
    w = Value(3.0, label="w")
    numbers = leaves(member(lambda x: w * x**4, 2.0))
    assert all(type(number) is float for number in numbers)
    assert (w.grad, w.data) == (None, 3.0)
    for result in leaves(member(lambda x: w * x**4, Value(2.0))):
        w.grad = None
        result.backward()
        assert w.grad == pytest.approx(result.item() / 3)  # all of them are linear in w


def test_a_value_closed_over_is_not_differentiated_by():
    w = Value(2.0)
    # The derivative by w would be x² log(x), which is nan and a warning; nobody has asked for it.
    assert grad(lambda x: x**w)(-3.0) == -6.0


def test_a_value_for_another_argument_gives_values_too():
    w = Value(3.0)
    slope = grad(lambda x, w: w * x**3)
    for result in (slope(2.0, w), slope(2.0, w=w)):
        assert isinstance(result, Value)
        w.grad = None
        result.backward()
        assert w.grad == 12.0


def test_a_value_as_tangent_or_vector_has_a_history():
    t = Value(0.5)
    value, tangent = jvp(lambda x: x**3, 2.0, t)
    assert value == 8.0
    tangent.backward()
    assert t.grad == 12.0
    v = Value(POINT)
    _, pull_back = vjp(lambda x: x**3, 2 * POINT)
    np.sum(pull_back(v)[0] * POINT).backward()
    np.testing.assert_allclose(v.grad, 12 * POINT**3)


def test_the_users_own_graph_is_not_walked_or_written_to():
    a = Value(2.0)
    x = a * 3
    before = len(topological_order(x))
    assert grad(lambda x: x * a)(x).item() == 2.0
    assert jvp(lambda x: x * a, x, 1.0)[1].item() == 2.0
    assert [node.grad for node in topological_order(x)] == [None] * before


# --- Functions that do not depend on the argument -------------------------------------------------

INDEPENDENT = {"x": 2.0, "more": [np.ones(2), (F32(1.0), 3)]}


def derivatives_only(name, results):
    """Without the function's value, where the member of the family gives that too."""
    return leaves(results)[name in ("value_and_grad", "jvp", "vjp") :]


@pytest.mark.parametrize("name", FAMILY)
def test_a_plain_number_is_zeros_and_a_warning(name):
    with pytest.warns(UserWarning, match="does not depend on the argument") as told:
        results = FAMILY[name](lambda p: 7.0, INDEPENDENT)
    assert len(told) == 1
    assert all(np.all(zero == 0) for zero in derivatives_only(name, results))


@of_the_family
def test_the_warning_points_at_the_line_that_called(member):
    with pytest.warns(UserWarning, match=r"float\(\)") as told:
        member(lambda x: math.sin(x.item()), 2.0)
    assert [warning.filename for warning in told] == [__file__]


@pytest.mark.parametrize("constant", [Value(7.0), Value(7.0, constant=True)], ids=["", "constant"])
@pytest.mark.parametrize("name", FAMILY)
def test_a_constant_value_is_zeros_without_a_warning(name, constant):
    results = FAMILY[name](lambda p: constant, INDEPENDENT)
    assert not any(isinstance(x, Value) for x in leaves(results))
    assert all(np.all(zero == 0) for zero in derivatives_only(name, results))
    results = FAMILY[name](lambda p: p["x"].detach() ** 2, INDEPENDENT)
    assert all(np.all(zero == 0) for zero in derivatives_only(name, results))


def test_zeros_have_the_arguments_structure_and_kinds():
    expected = {"x": 0.0, "more": [np.zeros(2), (F32(0), 0.0)]}
    for make in (grad, jacobian):
        zeros = make(lambda p: Value(7.0))(INDEPENDENT)
        assert outline(zeros) == outline(expected)
        assert_trees_close(zeros, expected)
    assert grad(grad(lambda x: 3 * x))(2.0) == 0.0
    assert grad(lambda x: 3.0 + 0 * x)(2.0) == 0.0


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize(
    "make", [float, F32, lambda x: np.array([1.0, x])], ids=["", "32", "array"]
)
def test_zeros_are_zeros_where_the_argument_is_not_finite(make, bad):
    def function(x, y):
        return x * 2

    assert np.all(grad(function, (0, 1))(1.0, make(bad))[1] == 0)
    assert np.all(vjp(function, 1.0, make(bad))[1](1.0)[1] == 0)
    assert np.all(jacobian(function, (0, 1))(1.0, make(bad))[1] == 0)


# Where a constant is infinite, forward mode must give what backward mode gives.
BESIDE_INFINITY = {
    "concatenate": lambda x: np.concatenate([x, [np.inf, -np.inf, 1.0]]),
    "stack": lambda x: np.stack([np.array([1.0, np.inf]), x]),
    "stack nan": lambda x: np.stack([np.array([1.0, np.nan]), x]),
    "where": lambda x: np.where([True, False], x, -np.inf),
    "add": lambda x: x + np.array([0.0, -np.inf]),
    "maximum": lambda x: np.maximum(x, np.array([-np.inf, np.inf])),
    "masked softmax": lambda x: numpy_api.softmax(
        np.where([True, False, True], x[[0, 1, 1]], -np.inf)
    ),
    "logsumexp": lambda x: ops.logsumexp(x + np.array([0.0, -np.inf])),
}


@pytest.mark.parametrize("function", BESIDE_INFINITY.values(), ids=BESIDE_INFINITY)
def test_forward_and_backward_agree_beside_infinite_constants(function):
    x, u = np.array([0.5, -1.0]), np.array([0.3, 0.7])
    y, tangent = jvp(function, x, u)
    _, pull_back = vjp(function, x)
    basis = np.eye(np.size(y)).reshape(np.size(y), *np.shape(y))
    rows = np.array([pull_back(v)[0] for v in basis])
    np.testing.assert_allclose(np.ravel(tangent), rows @ u, rtol=1e-14)
    assert np.all(np.isfinite(tangent))


@pytest.mark.parametrize(
    "function",
    [
        lambda x, k: np.sum(x * k),
        lambda x, k: x @ k,
        lambda x, k: np.einsum("i,i->", x, k),
    ],
    ids=["mul", "matmul", "einsum"],
)
def test_what_does_not_move_is_not_multiplied_by_infinity(function):
    k = np.array([np.inf, 2.0])
    _, tangent = jvp(lambda x: function(x, k), np.ones(2), np.array([0.0, 1.0]))
    assert tangent == 2.0


# --- The result is the argument itself ------------------------------------------------------------


def test_identity():
    assert value_and_grad(lambda x: x)(2) == (2.0, 1.0)
    assert grad(lambda x: x)(F32(2)) == F32(1)
    assert hessian(lambda x: x)(2.0) == 0.0
    assert jvp(lambda x: x, 2.0, 3.0) == (2.0, 3.0)
    tree = {"a": 1.0, "b": [np.ones(2)]}
    v = waves(tree)
    assert_trees_close(jvp(lambda x: x, tree, v), (tree, v))
    value, pull_back = vjp(lambda x: x, tree)
    assert_trees_close(value, tree)
    assert_trees_close(pull_back(v), (v,))
    np.testing.assert_array_equal(jacobian(lambda x: x)(np.ones(3)), np.eye(3))
    x = Value(2.0)
    value, slope = value_and_grad(lambda x: x)(x)
    assert value is not x
    value.backward()
    assert (x.grad, slope.item()) == (1.0, 1.0)


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_a_result_of_one_element_is_a_scalar_too(shape):
    def function(m):
        return lambda x: m.reshape(m.sum(m.sin(x) ** 2), shape)

    x = np.array([0.3, -1.2])
    value, slope = value_and_grad(function(np))(x)
    their_value, their_slope = autograd.value_and_grad(function(hips))(x)
    np.testing.assert_array_equal(value, their_value, strict=True)
    np.testing.assert_allclose(slope, their_slope, rtol=1e-14, strict=True)
    np.testing.assert_allclose(hessian(function(np))(x), np.diag(2 * np.cos(2 * x)), atol=1e-15)
    np.testing.assert_allclose(capture(grad(function(np)))(x), slope, rtol=1e-15)
    slope = grad(function(np))(x.astype(np.float32))
    assert slope.dtype == np.float32
    w = Value(x)
    value, slope = value_and_grad(function(np))(w)
    np.sum(slope).backward()
    np.testing.assert_allclose(w.grad, 2 * np.cos(2 * x), rtol=1e-14)


# --- What is refused ------------------------------------------------------------------------------

REFUSED = {
    "grad of a matrix": (lambda: grad(lambda x: x)(np.ones((2, 3))), r"scalar.*\(2, 3\)"),
    "grad of no element": (lambda: grad(lambda x: x)(np.ones(0)), r"scalar.*\(0,\)"),
    "grad of two elements": (lambda: grad(lambda x: x)(np.ones(2)), r"scalar.*\(2,\)"),
    "grad of a list of one and none": (lambda: grad(lambda x: [x, x[:0]])(np.ones(1)), "scalar"),
    "grad of a pair": (lambda: grad(lambda x: (x, x))(1.0), r"scalar.*\[\(\), \(\)\]"),
    "value_and_grad of a vector": (lambda: value_and_grad(np.sin)(np.ones(3)), r"scalar.*\(3,\)"),
    "hessian of a vector": (lambda: hessian(np.sin)(np.ones(3)), r"scalar.*\(3,\)"),
    "hvp of a vector": (lambda: hvp(np.sin, np.ones(3), np.ones(3)), r"scalar.*\(3,\)"),
    "jvp, other shape": (
        lambda: jvp(np.sin, np.ones(3), np.ones(2)),
        r"jvp got tangents of shape \(2,\) for the primals of shape \(3,\)",
    ),
    "jvp, would broadcast": (lambda: jvp(np.sin, np.ones(3), 1.0), r"tangents.*\(\).*\(3,\)"),
    "jvp, a list for an array": (lambda: jvp(np.sin, np.ones(2), [1.0, 1.0]), "tangents"),
    "jvp, too few": (lambda: jvp(np.add, (1.0, 2.0), (1.0,)), "tangents"),
    "jvp, too many": (lambda: jvp(np.sin, (1.0,), (1.0, 2.0)), "tangents"),
    "jvp, a number for a pair": (lambda: jvp(np.add, (1.0, 2.0), 1.0), "tangents"),
    "jvp, a tuple for a list": (lambda: jvp(sines, [1.0, 2.0], ((1.0, 2.0),)), "tangents"),
    "jvp, another key": (lambda: jvp(sines, {"a": 1.0}, {"b": 1.0}), "tangents"),
    "jvp, a key less": (lambda: jvp(sines, {"a": 1.0, "b": 1.0}, {"a": 1.0}), "tangents"),
    "hvp, other shape": (lambda: hvp(np.sum, np.ones(3), np.ones(2)), "tangents"),
    "vjp, other shape": (
        lambda: vjp(np.sin, np.ones(3))[1](np.ones(2)),
        r"vjp got a vector of shape \(2,\) for the result of shape \(3,\)",
    ),
    "vjp, would broadcast": (lambda: vjp(np.sin, np.ones(3))[1](1.0), r"vector.*\(\).*\(3,\)"),
    "vjp, other structure": (lambda: vjp(lambda x: [x, x], 1.0)[1]((1.0, 1.0)), "vector"),
    "vjp, one for two": (lambda: vjp(lambda x: [x, x], 1.0)[1](1.0), "vector"),
}


@pytest.mark.parametrize(("call", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_shapes_and_structures_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "given", ["text", 1j, None, {"a": 1.0, "name": "n"}, np.array("t")], ids=str
)
def test_arguments_that_are_no_numbers_are_refused(given):
    with pytest.raises(TypeError, match="expected real numbers"):
        grad(lambda x: 1.0)(given)


@of_the_family
def test_a_forgotten_return_is_refused(member):
    with pytest.raises(TypeError, match="the function gave None: is a return missing"):
        member(lambda x: None, 2.0)


# --- Vectors and tangents by structure ------------------------------------------------------------


def test_keys_tell_the_parts_of_a_dict_apart_and_not_their_order():
    tree, other_order = {"a": 1.0, "b": 2.0}, {"b": 1.0, "a": 0.0}

    def function(d):
        return {"x": d["a"] ** 2 * 10, "y": d["b"] ** 2}

    assert jvp(function, tree, other_order)[1] == {"x": 0.0, "y": 4.0}
    assert hvp(lambda d: sum(function(d).values()), tree, other_order) == {"a": 0.0, "b": 2.0}
    _, pull_back = vjp(function, tree)
    assert pull_back({"y": 1.0, "x": 0.0}) == ({"a": 0.0, "b": 4.0},)


def test_a_namedtuple_is_one_argument():
    """Its fields are parts of a whole, as the entries of a dict are; not arguments in a row."""

    def function(layer):
        return layer.weights**2 * layer.bias

    layer, v = Layer(2.0, 3.0), Layer(1.0, 0.0)
    assert hvp(function, (layer,), (v,)) == (Layer(6.0, 4.0),)
    assert jvp(function, layer, v) == (12.0, 12.0)
    assert hvp(function, layer, v) == Layer(6.0, 4.0)


def test_a_single_argument_needs_no_tuple():
    def function(x, y=1.0):
        return np.sum(x**2) * y

    x, v = np.array([1.0, 2.0]), np.array([0.5, -1.0])
    assert jvp(function, x, v) == jvp(function, (x,), (v,)) == (5.0, -3.0)
    np.testing.assert_array_equal(hvp(function, x, v), 2 * v)
    np.testing.assert_array_equal(hvp(function, (x,), (v,))[0], 2 * v)
    by_x, by_y = hvp(function, (x, 3.0), (v, 0.5))
    np.testing.assert_array_equal(by_x, 6 * v + 2 * x * 0.5)
    assert by_y == 2 * x @ v
    tree = [x, 3.0]  # a list is one argument
    assert_trees_close(hvp(lambda p: function(*p), tree, [v, 0.5]), [by_x, by_y])


def test_a_pullback_may_be_called_many_times():
    x, y = np.array([0.5, -1.0]), 2.0
    value, pull_back = vjp(lambda a, b: {"p": np.sin(a) * b, "s": np.sum(a * a)}, x, y)
    vectors = [{"p": np.array([1.0, 0.0]), "s": 0.0}, {"p": np.zeros(2), "s": 1}, waves(value)]
    for v in [*vectors, *vectors]:
        expected = (np.cos(x) * y * v["p"] + 2 * x * v["s"], np.sin(x) @ v["p"])
        assert_trees_close(pull_back(v), expected)
    with pytest.raises(ValueError, match="vector"):
        pull_back({"p": np.zeros(3), "s": 1.0})
    assert_trees_close(pull_back(vectors[0]), (np.array([np.cos(0.5) * 2, 0.0]), np.sin(0.5)))


def test_a_pullback_is_of_the_numbers_at_its_call():
    x = Value(POINT)
    array = POINT.copy()
    pulls = [vjp(lambda a: a**3, x)[1], vjp(lambda a: a**3, array)[1]]
    x.data = POINT * 100
    array *= 100
    for pull_back in pulls:
        np.testing.assert_allclose(plain(pull_back(np.ones(3))[0]), 3 * POINT**2)


# --- Nobody's numbers are touched -----------------------------------------------------------------
# Of x, y, v (vectors): the functions pass arrays on as they are, or as views, wherever they can.

CAPTURED = np.array([5.0, 6.0, 7.0])
HANDED_BACK = {
    "grad of a sum": lambda x, y, v: grad(lambda a, b: np.sum(a + b), (0, 1))(x, y),
    "grad of a sum of numbers": lambda x, y, v: grad(lambda a, b: a + b, (0, 1))(x[0], y[0]),
    "grad of the argument": lambda x, y, v: value_and_grad(lambda a: a)(x[0]),
    "grad of a dot product": lambda x, y, v: grad(lambda a, b: a @ b, (0, 1))(x, y),
    "grad of a constant": lambda x, y, v: grad(lambda a: Value(1.0))([x, y]),
    "vjp of the argument": lambda x, y, v: _vjp(lambda a: a, v, x),
    "vjp of a sum": lambda x, y, v: _vjp(lambda a, b: a + b, v, x, y),
    "vjp of a view": lambda x, y, v: _vjp(lambda a: a[::-1], v, x),
    "vjp of a shape": lambda x, y, v: _vjp(lambda a: a.reshape(3, 1), v.reshape(3, 1), x),
    "vjp of one thing twice": lambda x, y, v: _vjp(lambda a: (a, a), (v, v), x),
    "vjp, a captured array": lambda x, y, v: _vjp(lambda a: (a, CAPTURED), (v, v), x),
    "jvp of the argument": lambda x, y, v: jvp(lambda a: a, x, v),
    "jvp of a view": lambda x, y, v: jvp(lambda a: a[::-1], x, v),
    "jvp of views of one": lambda x, y, v: jvp(lambda a: [a[:2], a[1:], a.reshape(1, 3)], x, v),
    "jvp of one thing twice": lambda x, y, v: jvp(lambda a: (a, a), x, v),
    "jvp, one vector for both": lambda x, y, v: jvp(lambda a, b: (a, b), (x, x), (v, v)),
    "jvp, a captured array": lambda x, y, v: jvp(lambda a: (a, CAPTURED), x, v),
    "jacobian, one row": lambda x, y, v: jacobian(lambda a, b: np.sum(a + b), (0, 1))(x, y),
    "jacobian, one column": lambda x, y, v: jacobian(lambda a: a * y)(x[0]),
    "jacobian of one thing twice": lambda x, y, v: jacobian(lambda a: (a, a))(x),
    "hessian": lambda x, y, v: hessian(lambda a, b: np.sum(a * b), (0, 1))(x, y),
    "hvp": lambda x, y, v: hvp(lambda a, b: np.sum(a * b), (x, y), (v, v)),
}


def _vjp(function, vector, *primals):
    value, pull_back = vjp(function, *primals)
    return value, pull_back(vector), pull_back(vector)


def overwrite(leaf):
    """Write into a result in every way that it allows."""
    if isinstance(leaf, np.ndarray):
        leaf[...] = 99.0
    elif isinstance(leaf, Value) and leaf.operation is None:
        leaf.data = np.full(leaf.shape, 99.0) if leaf.shape else 99.0
    if isinstance(leaf, Value) and leaf.shape:
        array = leaf.data  # a result's is read-only, a leaf's is not
        if array.flags.writeable:
            array[...] = 99.0


@pytest.mark.parametrize(
    "wrap",
    [lambda x: x, Value, functools.partial(Value, constant=True)],
    ids=["numbers", "Values", "constants"],
)
@pytest.mark.parametrize("call", HANDED_BACK.values(), ids=HANDED_BACK)
def test_what_is_handed_back_is_the_callers_own(call, wrap):
    def numbers(tree):
        return [np.array(plain(leaf)) for leaf in leaves(tree)]

    given = [wrap(array.copy()) for array in (POINT, 2 * POINT, 3 * POINT)]
    untouched = numbers([*given, CAPTURED])
    first = leaves(call(*given))
    expected = numbers(first)
    for k, leaf in enumerate(first):
        overwrite(leaf)
        for other, number in zip(first[k + 1 :], expected[k + 1 :], strict=True):
            np.testing.assert_array_equal(plain(other), number)
    np.testing.assert_array_equal(numbers([*given, CAPTURED]), untouched)
    for again, number in zip(leaves(call(*given)), expected, strict=True):
        np.testing.assert_array_equal(plain(again), number)


def test_a_pullback_is_not_changed_by_writing_into_what_it_gave():
    x, v = POINT.copy(), np.ones(3)
    value, pull_back = vjp(lambda a: np.exp(a) + a, x)
    first = pull_back(v)[0]
    expected = first.copy()
    for array in (value, first, x):
        array[...] = 99.0
    np.testing.assert_array_equal(v, np.ones(3))
    np.testing.assert_array_equal(pull_back(v)[0], expected)


@pytest.mark.parametrize("name", ["grad", "jvp", "vjp"])
def test_a_function_cannot_write_into_the_arguments(name):
    x = POINT.copy()

    def function(a):
        total = np.sum(a * a)
        a.data[...] = 99.0
        return total

    FAMILY[name](function, x)
    np.testing.assert_array_equal(x, POINT)


# --- float32 --------------------------------------------------------------------------------------
# Masks and branches among them: what a rule makes of comparisons must not turn it into float64.

SINGLE = {
    "power": lambda x: x**3,
    "tanh": np.tanh,
    "sigmoid": ops.sigmoid,
    "gelu": ops.gelu,
    "silu": ops.silu,
    "softplus": ops.softplus,
    "relu": lambda x: ops.relu(x**3),
    "leaky_relu": lambda x: ops.leaky_relu(x**3),
    "elu": lambda x: ops.elu(x * x),
    "abs": lambda x: abs(x**3),
    "maximum": lambda x: np.maximum(x**3, 0.1),
    "minimum": lambda x: np.minimum(x**3, 0.1),
    "clip": lambda x: np.clip(x**3, -0.5, 0.5),
    "where": lambda x: np.where(np.greater(x, 0), x**3, 0.0),
    "hypot": lambda x: np.hypot(x, 1.0),
    "arctan2": lambda x: np.arctan2(x, x * x + 1),
    "max": lambda x: np.max(x**3),
    "var": np.var,
    "std": np.std,
    "prod": np.prod,
    "norm": np.linalg.norm,
    "norm of order 3": lambda x: np.linalg.norm(x, 3),
    "logsumexp": ops.logsumexp,
    "log_softmax": numpy_api.log_softmax,
    "sort": lambda x: np.sort(x) ** 3,
    "cumsum": lambda x: np.cumsum(x) ** 3,
    "pad": lambda x: np.pad(x, 1) ** 3,
    "take": lambda x: np.take(x, [0, 0, 2]) ** 3,
    "getitem": lambda x: x[[True, False, True]] ** 3,
    "einsum": lambda x: np.einsum("i,i,j->j", x, x, x),
    "diagonal": lambda x: np.diagonal(np.outer(x, x)) * x,
    "matmul": lambda x: x @ np.outer(x, x),
    "mean": lambda x: np.mean(x * x),
}


@pytest.mark.parametrize("name", SINGLE)
def test_float32_stays_float32_at_every_order(name):
    def function(x):
        return np.sum(SINGLE[name](x))

    x = F32([0.3, -0.7, 1.2])
    derivatives = {
        "grad": grad(function)(x),
        "grad of a Value": grad(function)(Value(x)).data,
        "jvp": jvp(function, x, x)[1],
        "jvp, float64 tangent": jvp(function, x, np.ones(3))[1],
        "vjp": vjp(function, x)[1](1.0)[0],
        "hvp": hvp(function, x, x),
        "hessian": hessian(function)(x),
        "jvp of jvp": jvp(lambda y: jvp(function, y, x)[1], x, x)[1],
        "grad of grad": grad(lambda y: np.sum(grad(function)(y)))(x),
        "jacobian, forward": jacobian(lambda y: np.tile(SINGLE[name](y), 4))(x),
    }
    assert {key: np.result_type(d).name for key, d in derivatives.items()} == dict.fromkeys(
        derivatives, "float32"
    )


# --- Modes: no flag is left behind, none is in the way --------------------------------------------


class StopHereError(Exception):
    pass


def stop_here(x):
    raise StopHereError


def assert_as_before():
    """Plain numbers in, plain numbers out; operations record, into no group."""
    assert modes() == (True, False, PLAIN, None)
    assert type(grad(lambda x: x * x)(2.0)) is float
    assert not (Value(1.0) * 2).constant


@of_the_family
def test_an_exception_in_the_function_leaves_no_flag(member):
    for function in (stop_here, grad(stop_here), lambda x: jvp(stop_here, x, 1.0)[1]):
        with pytest.raises(StopHereError):
            member(function, 2.0)
        assert_as_before()
    with pytest.raises(TypeError):
        member(lambda x: "text", 2.0)
    assert_as_before()


def test_an_exception_that_the_function_catches_does_not_end_its_recording():
    def function(x):
        try:
            grad(stop_here)(x)
        except StopHereError:
            slope = grad(lambda y: x * y * y)(x)  # 2 x²
        return slope * x

    assert grad(function)(3.0) == 54.0


@of_the_family
def test_an_exception_in_the_modes_around_restores_them(member):
    with pytest.raises(StopHereError), no_grad(), anomaly(), group("g"):
        member(stop_here, 2.0)
    assert_as_before()


@of_the_family
def test_no_grad_does_not_keep_from_differentiating_by_numbers(member):
    expected = member(lambda x: x**4, 2.0)
    with no_grad():
        assert member(lambda x: x**4, 2.0) == expected
        assert grad(grad(grad(lambda x: x**4)))(2.0) == 48.0


@pytest.mark.parametrize("function", [lambda x: x**4, lambda x: x], ids=["x**4", "x"])
@of_the_family
def test_under_no_grad_values_come_without_a_history(member, function):
    x = Value(2.0)
    with no_grad():
        results = leaves(member(function, x))
    for result in results:
        assert isinstance(result, Value)
        assert result.constant
        assert result.operation is None


FROZEN = {  # under no_grad: a number, as far as the function around it is concerned
    "operation": lambda x: x**3,
    "grad": grad(lambda y: y**3),
    "value": lambda x: value_and_grad(lambda y: y**3)(x)[0],
    "jvp value": lambda x: jvp(lambda y: y**3, x, 1.0)[0],
    "jvp tangent": lambda x: jvp(lambda y: y**3, x, 1.0)[1],
    "jvp, along x": lambda x: jvp(lambda y: y * 3, 1.0, x)[1],
    "vjp value": lambda x: vjp(lambda y: y**3, x)[0],
    "vjp": lambda x: vjp(lambda y: y**3, x)[1](1.0)[0],
    "hvp": lambda x: hvp(lambda y: y**3, x, 1.0),
}


@pytest.mark.parametrize("inner", FROZEN.values(), ids=FROZEN)
def test_no_grad_inside_a_function_makes_constants(inner):
    def function(x):
        with no_grad():
            frozen = inner(x)
        return frozen * x

    expected = float(inner(2.0))
    assert {name: way(function)(2.0) for name, way in WAYS.items()} == dict.fromkeys(WAYS, expected)


def test_each_thread_differentiates_for_itself():
    inside, checked = threading.Event(), threading.Event()

    def waits(x):
        inside.set()
        assert checked.wait(10)
        return x**3

    found = []
    thread = threading.Thread(target=lambda: found.append(grad(grad(waits))(2.0)))
    thread.start()
    assert inside.wait(10)
    assert_as_before()
    checked.set()
    thread.join(10)
    assert found == [12.0]


def test_many_threads_give_what_one_gives():
    v = waves(NET)
    expected = hvp(our_loss, NET, v)
    barrier, found = threading.Barrier(4), []

    def work():
        barrier.wait(10)
        found.extend([hvp(our_loss, NET, v) for _ in range(5)])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 20
    for product in found:
        assert_trees_close(product, expected, rtol=0, atol=0)


# --- Size and memory ------------------------------------------------------------------------------


def long_chain(x, length):
    for _ in range(length):
        x = x * 0.99999
    return x


def test_chains_of_a_hundred_thousand_operations():
    n = 100_000
    expected = pytest.approx(0.99999**n, rel=1e-11)
    assert grad(long_chain)(1.0, n) == expected
    assert jvp(lambda x: long_chain(x, n), 1.0, 1.0)[1] == expected


def test_long_chains_at_second_order():
    n = 5_000
    expected = pytest.approx(2 * 0.99999 ** (2 * n), rel=1e-11)
    assert grad(grad(lambda x: long_chain(x, n) ** 2))(1.0) == expected
    assert hvp(lambda x: long_chain(x, n) ** 2, 1.0, 1.0) == expected


def test_time_is_linear_in_a_graph_with_very_many_paths():
    def function(x):
        for _ in range(200):  # 2**200 paths
            x = (x + x) * 0.5
        return x * x

    assert grad(function)(3.0) == 6.0
    assert jvp(function, 3.0, 1.0)[1] == 6.0
    assert hvp(function, 3.0, 1.0) == 2.0


@of_the_family
def test_memory_does_not_wait_for_the_collector(member):
    made = []

    def function(x):
        y = x**4
        made.append(weakref.ref(y))
        return y + 1.0

    gc.collect()
    gc.disable()
    try:
        member(function, 2.0)
        assert made
        assert not any(node() for node in made)
    finally:
        gc.enable()


TAKEN_OUT = {
    "math": lambda x: x * math.exp(x),
    "float": lambda x: x * float(x),
    "np.float64": lambda x: x * np.float64(x),
    "format of an array": lambda x: np.sum(x * [float(x)]),
}


@pytest.mark.parametrize("name", TAKEN_OUT)
@pytest.mark.parametrize("member", [grad, jacobian, hessian], ids=lambda f: f.__name__)
def test_a_number_taken_out_on_the_way_is_refused(name, member):
    """The derivative would miss all that is computed with it: x exp(x) would have exp(x)."""
    with pytest.raises(TypeError, match=r"float\(\), or a function of math.*v\.item\(\)|v\.data"):
        member(TAKEN_OUT[name])(1.0)
    assert grad(lambda x: x * x.item())(3.0) == 3.0  # said aloud, it is a constant
    assert float(Value(3.0) * 2) == math.sqrt(Value(36.0)) == 6.0  # and outside, a number
