"""Equations between matrices: read as they are shown, they give the gradients that NumPy gives.

The reader below knows what a reader knows: the arrays that have a name, and what each equation says
its result's shape is. A word that stands for something that is not shown (``sum(…)``) it cannot
compute, and then it holds nothing against the equation.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import Value, backward_steps
from tinygrad_hw.engine import Pointwise, composites, ops
from tinygrad_hw.engine.graph import topological_order
from tinygrad_hw.explain import MatrixChain, explain
from tinygrad_hw.explain.formula import Apply, Partial

LAW = settings(max_examples=120, deadline=None, derandomize=True, database=None)


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def array(*shape: int, label: str = "", seed: int = 0) -> Value:
    data = np.random.default_rng([seed, *shape, *map(ord, label)]).uniform(-1.5, 1.5, shape)
    return Value(data, label or None, constant=not label)


class UnreadableError(Exception):
    """A word stands for something that is not shown."""


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "neg": np.negative,
    "matmul": np.matmul,
    "transpose": np.transpose,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0.0),
    "sum": np.sum,
    "mean": np.mean,
    "triu": np.triu,
    "tril": np.tril,
    "abs": np.abs,
    "sign": np.sign,
}
FUNCTIONS |= {f: getattr(np, f) for f in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh")}


def read(formula: Any, known: dict[str, Any], found: dict[str, Any]) -> Any:
    if isinstance(formula, Partial):
        return found[formula.denominator]
    if isinstance(formula, str):
        if formula not in known:
            raise UnreadableError(formula)
        return known[formula]
    if not isinstance(formula, Apply):
        return float(formula)
    name = formula.operation.name
    if name not in FUNCTIONS:
        raise UnreadableError(name)
    operands = [read(x, known, found) for x in formula.operands]
    if formula.operation is ops.matmul:
        return multiplied(formula.operands, operands)
    result = operands[0] if len(operands) > 1 else FUNCTIONS[name](operands[0])
    for operand in operands[1:]:
        result = FUNCTIONS[name](result, operand)
    return result


def multiplied(formulas: Any, operands: list[Any]) -> Any:
    """A product of two: a vector is a row on the left and a column on the right, ᵀ turns it."""
    turned = [isinstance(f, Apply) and f.operation is ops.transpose for f in formulas]
    for x, is_turned, other in zip(operands, turned, operands[::-1], strict=True):
        if is_turned and np.ndim(x) == 1 and np.ndim(other) < 2:
            return np.outer(*operands) if np.ndim(other) else x * other
    stacks = [np.ndim(x) > 2 and t for x, t in zip(operands, turned, strict=True)]
    x, y = [
        np.swapaxes(np.transpose(x), -1, -2) if is_stack else x  # each matrix of it is turned
        for x, is_stack in zip(operands, stacks, strict=True)
    ]
    return np.matmul(x, y)


def summed_to(x: Any, shape: tuple[int, ...]) -> Any:
    """What is summed over the rest has the shape of the left side."""
    x = np.sum(x, axis=tuple(range(np.ndim(x) - len(shape))))
    ones = tuple(i for i, n in enumerate(shape) if n == 1 and np.shape(x)[i] != 1)
    return np.sum(x, axis=ones, keepdims=True)


def side(terms: tuple[Any, ...], shape: tuple[int, ...], known: Any, found: Any) -> Any:
    result: Any = 0.0
    for term in terms:
        if isinstance(term, Apply) and term.operation is ops.sum:
            inside = read(term.operands[0], known, found)
            assert np.ndim(inside) >= len(shape), f"a sum of {np.shape(inside)} is no {shape}"
            read_term = summed_to(inside, shape)
        else:
            read_term = read(term, known, found)
        result = result + np.broadcast_to(read_term, shape)
    return result


def gradients(root: Value) -> dict[str, Any]:
    totals = {id(root): (root, 1.0)}
    for step in backward_steps(root):
        totals[id(step.operand)] = (step.operand, step.total)  # type: ignore[assignment]
    return {str(node.label): total for node, total in totals.values() if node.label}


def check(root: Value, target: Value) -> tuple[MatrixChain, int]:
    """Read every equation; give the chain and how many could be read."""
    explained = explain(root, target)
    assert isinstance(explained, MatrixChain)
    nodes = {str(n.label): n for n in topological_order(root) if n.label}
    known = {label: node.data for label, node in nodes.items()}
    expected = gradients(root)
    np.testing.assert_array_equal(explained.value, expected[str(target.label)])
    readable = 0
    for equation in explained.equations:
        name = equation.partial.denominator
        assert equation.partial.numerator == root.label
        shape = nodes[name].shape
        written = "×".join(map(str, shape))
        assert equation.shapes.startswith(f"({written})" if shape else "a number")
        try:
            result = side(equation.terms, shape, known, expected)
        except UnreadableError:
            result = expected[name]
        else:
            readable += 1
        np.testing.assert_allclose(result, expected[name], rtol=1e-9, atol=1e-11, err_msg=name)
        check_shapes(equation)
    assert explained.size in explained.text
    explained._repr_mimebundle_()
    assert explained.ascii.isascii()
    return explained, readable


def partials(formula: Any) -> list[str]:
    if isinstance(formula, Partial):
        return [formula.denominator]
    return [p for x in getattr(formula, "operands", ()) for p in partials(x)]


def check_shapes(equation: Any) -> None:
    """Where shapes are multiplied, the inner ones agree and the outer ones are the result's."""
    left, equals, right = equation.shapes.partition(" = ")
    if equals:
        shapes = [s.split("×") for s in re.findall(r"\(([\d×]+)\)", right)]
        assert "".join(f"({'×'.join(s)})" for s in shapes) == right
        first, last = shapes[0], shapes[-1]
        for before, after in pairwise(shapes):
            assert before[-1] == after[-2 if len(after) > 1 else 0], equation.shapes
        if len(first) < 3 and len(last) < 3:
            assert left == f"({'×'.join(first[:-1] + last[1:])})", equation.shapes
        else:
            assert left.endswith(f"×{first[-2]}×{last[-1]})"), equation.shapes


# --- What a student meets -------------------------------------------------------------------------


def network(activation: Any = ops.relu) -> dict[str, Value]:
    v = {
        "X": array(32, 784, label="X"),
        "W1": array(784, 128, label="W1"),
        "b1": array(128, label="b1"),
        "W2": array(128, 10, label="W2"),
        "b2": array(10, label="b2"),
    }
    v["z1"] = named(v["X"] @ v["W1"] + v["b1"], "z1")
    v["a1"] = named(activation(v["z1"] * 0.05), "a1")
    v["z2"] = named(v["a1"] @ v["W2"] + v["b2"], "z2")
    v["E"] = named(ops.mean(ops.square(v["z2"])), "E")
    return v


def test_the_equation_of_a_weight_matrix_and_its_shapes() -> None:
    v = network()
    explained, readable = check(v["E"], v["W1"])
    assert readable == len(explained.equations) == 4
    lines = [line.strip() for line in explained.text.splitlines()]
    assert "∂E/∂W1 = Xᵀ · ∂E/∂z1" in lines
    assert lines[lines.index("∂E/∂W1 = Xᵀ · ∂E/∂z1") + 1] == "(784×128) = (784×32)(32×128)"
    assert "∂E/∂a1 = ∂E/∂z2 · W2ᵀ" in lines
    assert lines[lines.index("∂E/∂a1 = ∂E/∂z2 · W2ᵀ") + 1] == "(32×128) = (32×10)(10×128)"
    assert "dE/dW1 = X^T * dE/dz1" in explained.ascii
    assert r"{X}^{\mathsf{T}} \cdot \frac{\partial E}{\partial z_{1}}" in explained.latex


@pytest.mark.parametrize("activation", [ops.relu, ops.tanh, ops.sigmoid, ops.abs, ops.softplus])
@pytest.mark.parametrize("target", ["X", "W1", "b1", "W2", "b2", "z1", "a1", "z2"])
def test_every_gradient_of_a_network(activation: Any, target: str) -> None:
    v = network(activation)
    explained, readable = check(v["E"], v[target])
    assert readable == len(explained.equations)


def test_the_size_is_that_of_the_largest_element() -> None:
    w = array(3, 2, label="W")
    scales = np.array([[1.0, -7.123456], [0.5, 2.0], [3e-5, 0.0]])
    explained = explain(named((w * scales).sum(), "E"), w)
    assert explained.size == "7.123"  # type: ignore[union-attr]
    assert "7.123" in explained.text


# --- One operation after another ------------------------------------------------------------------

A, B, SQUARE = (4, 3), (3, 2), (3, 3)

CASES: dict[str, Callable[..., Any]] = {
    "sum": lambda a, b, v: a.sum(),
    "mean": lambda a, b, v: a.mean(),
    "sum of a square": lambda a, b, v: (a * a).sum(),
    "product": lambda a, b, v: (a @ b).sum(),
    "product, mean": lambda a, b, v: (a @ b).mean(),
    "product, halved": lambda a, b, v: ((a @ b) * 0.5).sum(),
    "product, squared": lambda a, b, v: ((a @ b) ** 2).mean(),
    "product of three": lambda a, b, v: ((a @ b) @ b.T).mean(),
    "product of three, squared": lambda a, b, v: (((a @ b) @ b.T) ** 2).mean(),
    "product within": lambda a, b, v: (ops.tanh(a @ b) @ b.T).mean(),
    "bias": lambda a, b, v: (a + v).sum(),
    "bias, mean": lambda a, b, v: (a + v).mean(),
    "bias, squared": lambda a, b, v: ((a + v) ** 2).sum(),
    "bias times number": lambda a, b, v: ((a + v * 3.0) ** 2).sum(),
    "scaled": lambda a, b, v: (ops.tanh(a * v)).sum(),
    "scaled by what is scaled": lambda a, b, v: (ops.tanh(a * (v * v))).sum(),
    "divided": lambda a, b, v: (a / ops.exp(v)).sum(),
    "divided, multiplied": lambda a, b, v: ((a / ops.exp(v)) @ b).sum(),
    "multiplied, divided": lambda a, b, v: ((a @ b) / ops.exp(v[:2])).sum(),
    "transposed": lambda a, b, v: (a.T @ a).sum(),
    "transposed, squared": lambda a, b, v: ((b.T @ a.T) ** 2).sum(),
    "transposed product": lambda a, b, v: (((a @ b).T) ** 3).sum(),
    "sum along 0": lambda a, b, v: (a.sum(axis=0) ** 2).sum(),
    "sum along 1": lambda a, b, v: (a.sum(axis=1) ** 2).sum(),
    "sum along 1, kept": lambda a, b, v: (a.sum(axis=1, keepdims=True) ** 2).sum(),
    "mean along 0": lambda a, b, v: ((a - a.mean(axis=0)) ** 2).sum(),
    "mean along 1": lambda a, b, v: (a.mean(axis=1) ** 2).sum(),
    "mean along 1, kept": lambda a, b, v: ((a - a.mean(axis=1, keepdims=True)) ** 2).sum(),
    "sum then product": lambda a, b, v: (a.sum(axis=0) @ b).sum(),
    "largest": lambda a, b, v: (ops.max(a, axis=1, keepdims=True) * a).sum(),
    "variance": lambda a, b, v: ops.var(a),
    "length": lambda a, b, v: ops.norm(a),
    "length by ord 1": lambda a, b, v: ops.norm(a, ord=1),
    "length by ord 3": lambda a, b, v: ops.norm(a, ord=3),
    "softmax": lambda a, b, v: (composites.softmax(a, axis=-1) ** 2).sum(),
    "softmax of products": lambda a, b, v: (composites.softmax(a @ b, axis=-1) ** 2).sum(),
    "cross entropy": lambda a, b, v: -(composites.log_softmax(a, axis=-1) * 0.3).mean(),
    "softmax of a vector": lambda a, b, v: (composites.softmax(v, axis=-1) ** 2 * a).sum(),
    "logsumexp": lambda a, b, v: (ops.logsumexp(a, axis=1) ** 2).sum(),
    "cumsum": lambda a, b, v: (ops.cumsum(a, axis=0) ** 2).sum(),
    "flip": lambda a, b, v: (ops.flip(a, axis=0) * a).sum(),
    "triu": lambda a, b, v: (ops.triu(a) ** 2).sum(),
    "einsum": lambda a, b, v: (ops.einsum(a, b, subscripts="ij,jk->ik") ** 2).sum(),
    "einsum, trace": lambda a, b, v: ops.einsum(a, a, subscripts="ij,ij->"),
    "reshaped": lambda a, b, v: (a.reshape((2, 6)) ** 2).sum(),
    "picked": lambda a, b, v: (a[1:3] ** 2).sum(),
    "where": lambda a, b, v: (ops.where(np.eye(4, 3) > 0, a, a * v) ** 2).sum(),
    "vector by matrix": lambda a, b, v: ((v @ b) ** 2).sum() + a.sum() * 0.1,
    "matrix by vector": lambda a, b, v: ((a @ v) ** 2).sum(),
    "vector by vector": lambda a, b, v: (v @ v) * a.sum(),
    "maximum": lambda a, b, v: ops.maximum(a, v).sum(),
    "used twice": lambda a, b, v: (a * a).sum() + (a @ b).sum() + a.sum(),
    "a number with arrays": lambda a, b, v: (a.sum() * v).sum() + a.mean(),
    "bell": lambda a, b, v: ops.gelu(a).sum(),
}


def leaves() -> tuple[Value, Value, Value]:
    return array(*A, label="A"), array(*B, label="B"), array(3, label="v")


def targets_of(root: Value, names: tuple[Value, ...]) -> list[Value]:
    below = {id(n) for n in topological_order(root)}
    return [n for n in names if id(n) in below]


@pytest.mark.parametrize("case", CASES)
def test_an_equation_in_one_line_is_right_or_leaves_unsaid(case: str) -> None:
    names = leaves()
    root = named(CASES[case](*names), "E")
    for target in targets_of(root, names):
        check(root, target)


@pytest.mark.parametrize("case", CASES)
def test_equations_are_right_when_every_step_has_a_name(case: str) -> None:
    root, targets = named_throughout(case)
    for target in targets:
        check(root, target)


READABLE = """
sum | mean | sum of a square | product, squared | product of three, squared | product within | bias
bias, squared | scaled | divided | transposed | transposed, squared | used twice
""".replace("\n", " | ").split(" | ")


@pytest.mark.parametrize("case", [case.strip() for case in READABLE if case.strip()])
def test_common_formulas_are_said_in_full(case: str) -> None:
    names = leaves()
    root = named(CASES[case](*names), "E")
    for target in targets_of(root, names):
        explained, readable = check(root, target)
        assert readable == len(explained.equations), explained.text


# --- Random graphs --------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Value, list[Value]]:
    """Square matrices, a row and numbers, put together at random and labelled at random."""
    labels = iter(draw(st.permutations(["x", "y", "z", "out", "upstream", "W", "b1", "constant"])))
    start = [array(*s, label=next(labels)) for s in (SQUARE, SQUARE, (3,), (1, 3))]
    pool = list(start)
    more = iter([f"n{i}" for i in range(20)])
    for _ in range(draw(st.integers(1, 7))):
        a, b = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        makers: list[Callable[[Any, Any], Any]] = [
            lambda a, _: ops.tanh(a),
            lambda a, _: ops.relu(a),
            lambda a, _: ops.sigmoid(a) * 2.0,
            lambda a, _: a * -0.5,
            lambda a, _: ops.square(ops.tanh(a)),
            lambda a, b: ops.tanh(a) + b,
            lambda a, b: a - b,
            lambda a, b: ops.sigmoid(a) * b,
        ]
        if a.shape == b.shape == SQUARE:
            makers += [lambda a, b: a @ b / 3.0, lambda a, b: a @ b.T / 3.0] * 2
            makers += [lambda a, b: a.T, lambda a, b: a.sum(axis=0, keepdims=True)]
        made = draw(st.sampled_from(makers))(a, b)
        if draw(st.booleans()):
            named(made, next(more))
        pool.append(made)
    sums = [ops.mean(p) for p in pool[-3:]]
    return named(sum(sums[1:], sums[0] * 1.0), "E"), start


@LAW
@given(graphs())
def test_random_equations_are_right(graph: tuple[Value, list[Value]]) -> None:
    root, start = graph
    for target in targets_of(root, tuple(start)):
        check(root, target)


# --- What brackets say ----------------------------------------------------------------------------


def test_a_quotient_in_a_matrix_product_stands_in_brackets() -> None:
    a, b, _ = leaves()
    d = Value(np.full((4, 2), 2.0), "D")
    explained = explain(named(((a @ b) / d).sum(), "E"), b)
    assert "Aᵀ · (1 / D)" in explained.text


def mixed(line: str) -> list[str]:
    """Terms in which · and ⊙ stand side by side: which is done first, nobody can tell."""
    found = []
    inside = [line]
    while inner := re.search(r"\([^()]*\)", line):
        inside.append(inner[0].strip("()"))
        line = line.replace(inner[0], "_", 1)
    for text in [*inside[1:], line]:
        for term in re.split(r" [-+=] ", text):
            of_matrices = re.sub(r"(^|(?<= ))-?[\d.]+(e-?\d+)? ·", "", term)
            if "·" in of_matrices and ("⊙" in term or "/" in re.sub("∂\\w+/∂", "", term)):
                found.append(term)
    return found


@pytest.mark.parametrize("name", ["A", "B", "C"])
def test_products_of_matrices_and_of_elements_are_told_apart_by_brackets(name: str) -> None:
    a, b, c = array(*A, label="A"), array(*B, label="B"), array(2, 2, label="C")
    root = named(ops.mean((ops.tanh(a @ b) @ c / ops.exp(a @ b)) ** 2), "E")
    target = {"A": a, "B": b, "C": c}[name]
    text = explain(root, target).text
    assert not [term for line in text.splitlines() for term in mixed(line)], text


def test_the_two_sides_of_a_choice_differ() -> None:
    a, c = array(3, label="A"), array(3, label="C")
    chosen = named(ops.where(np.array([True, False, True]), a, c), "s")
    root = named((chosen * chosen).sum(), "E")
    one, other = [explain(root, x).equations[-1].terms for x in (a, c)]  # type: ignore[union-attr]
    assert one != other


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("roll", lambda a: ops.roll(a, shift=1, axis=0)),
        ("getitem", lambda a: a[1:3]),
        ("repeat", lambda a: ops.repeat(a, repeats=2, axis=0)),
        ("tile", lambda a: ops.tile(a, reps=2)),
        ("take", lambda a: ops.take(a, indices=[0, 0], axis=0)),
        ("broadcast_to", lambda a: ops.broadcast_to(a, (5, *A))),
        ("concatenate", lambda a: composites.concatenate([a, a])),
        ("cumsum", lambda a: ops.cumsum(a, axis=1)),
    ],
)
def test_what_a_linear_operation_sends_back_is_not_called_the_operation_itself(
    name: str, make: Any
) -> None:
    a = array(*A, label="A")
    root = named((named(make(a), "y") ** 2).sum(), "E")
    assert f"{name}(∂E/∂y)" not in explain(root, a).text


@pytest.mark.parametrize(("axes", "shape"), [((1, 2, 0), (2, 3, 4)), ((0, 2, 1), (2, 3, 4))])
def test_axes_in_another_order_than_the_reverse(axes: Any, shape: Any) -> None:
    a = array(*shape, label="A")
    root = named((named(ops.transpose(a, axes), "T") ** 2).sum(), "E")
    check(root, a)


def test_products_of_stacks_of_matrices() -> None:
    a, b = array(5, 4, 3, label="A"), array(5, 3, 2, label="B")
    root = named((named(a @ b, "P") ** 2).sum(), "E")
    for target in (a, b):
        assert "(3×4×5)" not in explain(root, target).text
        check(root, target)


def test_a_matrix_that_multiplies_a_stack() -> None:
    a, b = array(5, 4, 3, label="A"), array(3, 2, label="B")
    root = named((named(a @ b, "P") ** 2).sum(), "E")
    for target in (a, b):
        check(root, target)


# --- Operations of the user's own -----------------------------------------------------------------


@pytest.mark.parametrize(
    "operation",
    [
        Pointwise("cube", lambda x: x**3, lambda out, x: 3 * x * x),
        Pointwise("cube", lambda x: x**3, "3 * x * x"),
        Pointwise("below", lambda x: np.minimum(x, 1.0), "x < 1"),
        Pointwise("above", lambda x: np.maximum(x, 1.0), "x > 1"),
        Pointwise("outside", lambda x: x * 1.0, "1 - (x > 9)"),
    ],
    ids=["function", "text", "less", "more", "subtracted"],
)
def test_an_operation_of_the_users_own(operation: Any) -> None:
    a = array(*A, label="A")
    check(named(named(operation(a), "y").sum(), "E"), a)


# --- The ends of a chain --------------------------------------------------------------------------


def test_what_does_not_reach_the_root_is_said_to_be_zero() -> None:
    a, b, _ = leaves()
    root = named(a.sum(), "E")
    explained = explain(root, b)
    assert not np.any(explained.value)
    assert np.shape(explained.value) == B
    assert "∂E/∂B = 0" in explained.text
    assert "does not depend" in explained.text
    explained._repr_mimebundle_()


def test_the_root_by_itself_is_one() -> None:
    a, _, _ = leaves()
    root = named(a.sum(), "E")
    explained = explain(root, root)
    assert explained.value == 1.0
    assert "∂E/∂E = 1" in explained.text


def test_a_number_among_arrays() -> None:
    a, _, _ = leaves()
    s = Value(0.5, "s")
    root = named((named(a * s, "P") ** 2).sum(), "E")
    explained, readable = check(root, s)
    assert readable == 2
    assert "a number" in explained.text
    check(named((a + s).sum(), "F"), s)


def test_the_gradient_of_a_number_is_shown_with_its_sign() -> None:
    s = Value(0.5, "s")
    root = named((Value(np.full((2, 2), 1.234), "A") * s).sum() * -1.0, "E")
    assert "-4.936" in explain(root, s).text


def named_throughout(case: str) -> tuple[Value, list[Value]]:
    names = leaves()
    root = named(CASES[case](*names), "E")
    for i, node in enumerate(topological_order(root)):
        if not node.label and not (node.constant and not node.shape):
            node.label = f"n{i}"
    return root, targets_of(root, names)


@pytest.mark.parametrize("case", CASES)
def test_an_equation_comes_after_those_that_it_uses_and_the_last_is_the_one_asked_for(
    case: str,
) -> None:
    root, targets = named_throughout(case)
    for target in targets:
        above = {root.label}
        equations = explain(root, target).equations  # type: ignore[union-attr]
        for equation in equations:
            used = {name for term in equation.terms for name in partials(term)}
            assert used <= above, f"{equation.partial} uses {used - above} before it"
            above.add(equation.partial.denominator)
        assert equations[-1].partial.denominator == target.label


# --- Cost -----------------------------------------------------------------------------------------


def test_unnamed_arrays_with_very_many_paths_between_them_are_written_in_few_lines() -> None:
    lengths = []
    for depth in (5, 10):
        z = a = array(2, 2, label="A")
        for _ in range(depth):
            z = ops.tanh(z) + ops.sin(z)  # 2**depth ways
        lengths.append(len(explain(named(z.sum(), "E"), a).text))
    assert lengths[1] < 4 * lengths[0]


def test_a_deep_net_of_named_arrays_with_very_many_paths() -> None:
    z = a = array(2, 2, label="A")
    for i in range(60):
        z = named(0.5 * ops.tanh(z) + 0.25 * z, f"z{i}")
    explained, readable = check(named(z.sum(), "E"), a)
    assert readable == len(explained.equations) == 61
    assert len(explained.text) < 15_000


def test_a_long_unnamed_chain_of_arrays() -> None:
    z = a = array(2, 2, label="A")
    for _ in range(2000):
        z = z @ (np.eye(2) * 0.999)
    explained = explain(named(z.sum(), "E"), a)
    explained._repr_mimebundle_()
    np.testing.assert_allclose(explained.value, np.full((2, 2), 0.999**2000))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite(bad: float) -> None:
    a = Value(np.array([1.0, bad]), "A")
    explained = explain(named((a * a).sum(), "E"), a)
    assert ("nan" if np.isnan(bad) else "inf") in explained.text
    explained._repr_mimebundle_()


def test_an_array_without_elements() -> None:
    a = Value(np.ones((0, 3)), "A")
    explained = explain(named((a * 2.0).sum(), "E"), a)
    assert "(0×3)" in explained.text
    explained._repr_mimebundle_()
