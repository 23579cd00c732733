"""Equations between matrices: read as they are shown, they give the gradients that NumPy gives.

Two readers know what a reader knows: the arrays that have a name, and what each equation says its
result's shape is. One reads the formulas as trees, the other one the printed text, where brackets
matter. Names of ours they compute by the row that defines them; constants that have no label, a
person has in his program. What stands in words they compute by what the words mean: ``cumsumᵀ`` is
the transpose of a linear map, ``norm′`` a derivative, ``inv′ᵀ`` the transpose of a derivative.
Nothing that is shown is left unread.
"""

import math
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import Value, backward_steps
from tinygrad_hw.engine import Pointwise, numpy_api, ops
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.engine.numpy_api import matrix_functions
from tinygrad_hw.explain import MatrixChain, explain
from tinygrad_hw.explain.chains import matrix_equations
from tinygrad_hw.explain.chains.array_formulas import ArrayFormulas
from tinygrad_hw.symbolic import Apply, Literal, Partial

LAW = settings(max_examples=120, deadline=None, derandomize=True, database=None)


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def array(*shape: int, label: str = "", seed: int = 0) -> Value:
    data = np.random.default_rng([seed, *shape, *map(ord, label)]).uniform(-1.5, 1.5, shape)
    return Value(data, label or None, constant=not label)


# --- What the words mean --------------------------------------------------------------------------

OWN: dict[str, Any] = {}  # operations of the user's own, by their names
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
    "where": lambda x, y, condition: np.where(condition, x, y),
}
FUNCTIONS |= {f: getattr(np, f) for f in ("exp", "log", "sqrt", "sin", "cos", "tan", "tanh")}
STEP = 1e-6


def called(name: str, operands: list[Any], options: dict[str, Any], shape: Any) -> Any:
    """What a name with operands gives, in an equation whose left side has this shape."""
    name, _, index = name.partition("[")
    position = int(index.rstrip("]") or 1) - 1
    if name == "spread":
        [x] = operands
        return np.broadcast_to(np.expand_dims(x, options["axis"]), shape)
    if name.endswith("′ᵀ"):
        return transposed_at(function(name[:-2]), position, operands, options, shape)
    if name.endswith("ᵀ"):
        return transposed(function(name[:-1]), position, operands, options, shape)
    if name.endswith("′"):
        return derivative(function(name[:-1]), position, operands, options)
    return function(name)(*operands, **options)


def function(name: str) -> Callable[..., Any]:
    if name in OWN:
        return OWN[name].compute  # type: ignore[no-any-return]
    if name == "heaviside":
        return np.heaviside
    return FUNCTIONS.get(name) or getattr(ops, name, None) or getattr(matrix_functions, name)


def transposed(f: Any, position: int, operands: list[Any], options: Any, shape: Any) -> Any:
    """The transpose of a linear map, from what the map does to each element by itself."""
    upstream, *held = operands
    result = np.zeros(shape)
    for place in np.ndindex(*shape):
        one = np.zeros(shape)
        one[place] = 1.0
        parts = [*held[:position], one, *held[position:]]
        if starts := options.get("starts"):  # a concatenation: zeros elsewhere
            axis = options.get("axis", 0)
            sizes = [b - a for a, b in pairwise(starts)]
            parts = [np.zeros([*shape[:axis], n, *shape[axis + 1 :]]) for n in sizes]
            parts[position] = one
        moved = f(*parts, **options)
        assert np.shape(moved) == np.shape(upstream), (np.shape(moved), np.shape(upstream))
        result[place] = np.sum(moved * upstream)
    return result


def transposed_at(f: Any, position: int, operands: list[Any], options: Any, shape: Any) -> Any:
    """The transpose of the derivative at a point, by differences."""
    upstream, *point = operands
    result = np.zeros(shape)
    for place in np.ndindex(*shape):
        by = np.zeros(shape)
        by[place] = STEP
        after, before = (
            f(*point[:position], point[position] + step, *point[position + 1 :], **options)
            for step in (by, -by)
        )
        result[place] = np.sum((after - before) * upstream) / (2 * STEP)
    return result


def derivative(f: Any, position: int, operands: list[Any], options: Any) -> Any:
    """The factor that a pointwise operation multiplies with, by differences."""

    def moved(by: Any) -> Any:
        return f(*operands[:position], x + by, *operands[position + 1 :], **options)

    whole = np.broadcast_shapes(*map(np.shape, operands))
    x = np.broadcast_to(operands[position], whole)
    if np.shape(moved(0.0)) == whole:
        return (moved(STEP) - moved(-STEP)) / (2 * STEP)
    result = np.zeros(whole)
    for place in np.ndindex(*whole):
        by = np.zeros(whole)
        by[place] = STEP
        result[place] = np.sum(moved(by) - moved(-by)) / (2 * STEP)
    return result


# --- A reader of trees ----------------------------------------------------------------------------


def options_in(phrases: list[Literal], known: dict[str, Any]) -> dict[str, Any]:
    words = {"array": np.array, "Ellipsis": ..., "slice": slice, "None": None, **known}
    return {
        name: eval(text, {"__builtins__": {}}, words)
        for name, _, text in (phrase.partition("=") for phrase in phrases)
    }


def read(formula: Any, known: dict[str, Any], found: dict[str, Any], shape: Any) -> Any:
    if isinstance(formula, Partial):
        return found[formula.denominator]
    if isinstance(formula, Literal):
        ones = re.fullmatch(r"1\(([\d×]+)\)", formula)
        assert ones, formula
        return np.ones(tuple(map(int, ones[1].split("×"))))
    if isinstance(formula, str):
        return known[formula]
    if not isinstance(formula, Apply):
        return float(formula)
    phrases = [x for x in formula.operands if isinstance(x, Literal) and "=" in x]
    formulas = [x for x in formula.operands if x not in phrases]
    operands = [read(x, known, found, shape) for x in formulas]
    if formula.operation is ops.matmul:
        return multiplied(*[is_turned(x) for x in formulas], *operands)
    if formula.operation is ops.transpose:
        return turned(*operands)
    name = formula.operation.name
    if name in ("add", "mul"):  # of any number
        return sum(operands[1:], operands[0]) if name == "add" else math.prod(operands)
    return called(name, operands, options_in(phrases, known), shape)


def is_turned(formula: Any) -> bool:
    return isinstance(formula, Apply) and formula.operation is ops.transpose


def turned(x: Any) -> Any:
    """A matrix, or each of a stack, with its rows as columns."""
    return np.swapaxes(x, -1, -2) if np.ndim(x) > 1 else x


def multiplied(x_turned: bool, y_turned: bool, x: Any, y: Any) -> Any:
    """A product of two: a vector is a row on the left and a column on the right, ᵀ turns it."""
    if np.ndim(x) == np.ndim(y) == 1 and (x_turned or y_turned):
        return np.outer(x, y)
    assert not (x_turned and np.ndim(x) == 1)
    assert not (y_turned and np.ndim(y) == 1)
    return np.matmul(x, y)


def side(terms: tuple[Any, ...], shape: tuple[int, ...], known: Any, found: Any) -> Any:
    result: Any = 0.0
    for term in terms:
        part = read(term, known, found, shape)
        assert np.shape(part) == shape or term == 0.0, (np.shape(part), shape)
        result = result + np.broadcast_to(part, shape)
    return result


# --- A reader of text -----------------------------------------------------------------------------


class Array:
    """An array in a line of text, where · is @ and ⊙ is *."""

    def __init__(self, data: Any, is_turned: bool = False) -> None:
        self.data, self.is_turned = np.asarray(data), is_turned

    @property
    def T(self) -> "Array":
        return Array(turned(self.data), is_turned=True)

    def __matmul__(self, other: "Array") -> "Array":
        if not self.data.ndim or not other.data.ndim:  # a number and an array
            return self * other
        return Array(multiplied(self.is_turned, other.is_turned, self.data, other.data))

    def __add__(self, other: "Array") -> "Array":
        return Array(self.data + other.data)

    def __sub__(self, other: "Array") -> "Array":
        return Array(self.data - other.data)

    def __mul__(self, other: "Array") -> "Array":
        return Array(self.data * other.data)

    def __truediv__(self, other: "Array") -> "Array":
        return Array(self.data / other.data)

    def __pow__(self, other: "Array") -> "Array":
        return Array(self.data**other.data)

    def __neg__(self) -> "Array":
        return Array(-self.data)

    def __gt__(self, other: "Array") -> "Array":
        return Array((self.data > other.data) * 1.0)


def python_of(text: str) -> str:
    """A line as Python; the text of attributes is left as it is."""
    kept: list[str] = []

    def keep(source: str) -> str:
        kept.append(source)
        return f"«{len(kept) - 1}»"

    attribute = r"\b(\w+)=((?:array|slice)?\((?:[^()]|\([^()]*\))*\)|\[[^\]]*\]|'[^']*'|[^,()]+)"
    text = re.sub(attribute, lambda m: keep(f"{m[1]}={m[2]}"), text)
    text = re.sub(r"\b1\(([\d×]+)\)", lambda m: keep(f"ones({m[1].replace('×', ',')})"), text)
    text = re.sub(r"∂(\w+)/∂(\w+)", lambda m: keep(f"found({m[2]!r})"), text)
    call = r"(σ|[A-Za-z_]\w*′?ᵀ?(?:\[\d\])?)\("
    text = re.sub(call, lambda m: keep(f"call({m[1]!r})") + "(", text)
    text = re.sub(r"[A-Za-z_][\w]*", lambda m: keep(f"name({m[0]!r})"), text, flags=re.ASCII)
    text = re.sub(r"(?<![«\w.])\d[\d.]*(e[+-]?\d+)?", lambda m: keep(f"number({m[0]})"), text)
    for sign, python in (("·", "@"), ("⊙", "*"), ("^", "**"), ("ᵀ", ".T"), ("[", "("), ("]", ")")):
        text = text.replace(sign, python)
    while "«" in text:
        text = re.sub("«(\\d+)»", lambda m: kept[int(m[1])], text)
    return text


def read_text(text: str, known: Any, found: Any, shape: Any) -> Any:
    def call(name: str) -> Callable[..., Array]:
        def of(*operands: Array, **options: Any) -> Array:
            given = [x.data for x in operands]
            return Array(called(name.replace("σ", "sigmoid"), given, options, shape))

        return of

    words = {"array": np.array, "Ellipsis": ..., "slice": slice, **known}
    words |= {"call": call, "found": lambda x: Array(found[x]), "name": lambda x: Array(known[x])}
    words |= {"number": Array, "ones": lambda *n: Array(np.ones(n))}
    source = python_of(text)
    return eval(source, {"__builtins__": {"None": None}}, words).data


def lines_of(explained: MatrixChain) -> Iterator[tuple[str, list[str]]]:
    """What stands left of each equals sign, and the terms on the right."""
    left = ""
    terms: list[str] = []
    for line in explained.text.splitlines():
        if row := re.match(r"(\S*) *([=+]) (.*)", line):
            if row[1] and left:
                yield left, terms
            if row[1]:
                left, terms = row[1], []
            if row[2] == "+" or row[1]:
                terms.append(row[3])
    yield left, terms


# --- Reading all of it ----------------------------------------------------------------------------


def gradients(root: Value) -> dict[int, tuple[Any, Any]]:
    totals: dict[int, tuple[Any, Any]] = {id(root): (root, 1.0)}
    for step in backward_steps(root):
        totals[id(step.operand)] = (step.operand, step.total)
    return totals


def explained_with_names(root: Value, target: Value) -> tuple[MatrixChain, dict[str, Any]]:
    """The chain, and what each name of ours stands for."""
    made: list[ArrayFormulas] = []

    class Watched(ArrayFormulas):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matrix_equations, "ArrayFormulas", Watched)
        explained = explain(root, target)
    assert isinstance(explained, MatrixChain)
    return explained, made[-1].meaning


def data_of(thing: Any) -> Any:
    return thing.data if isinstance(thing, Value) else thing


def check(root: Value, target: Value) -> tuple[MatrixChain, int]:
    """Read every equation; give the chain and how many could be read: all of them."""
    explained, ours = explained_with_names(root, target)
    nodes: dict[str, Any] = {str(n.label): n for n in topological_order(root) if n.label}
    assert not set(ours) & set(nodes)
    totals = gradients(root)
    expected = {str(n.label): total for n, total in totals.values() if n.label}
    expected |= {x: totals[id(n)][1] for x, n in ours.items() if id(n) in totals}
    known = {label: node.data for label, node in nodes.items()}
    np.testing.assert_array_equal(explained.value, expected[str(target.label)])
    text = dict(lines_of(explained))
    readable = 0
    for equation in explained.equations:
        for name, formula in equation.where:
            check_definition(name, formula, text[name], ours[name], known)
        name = equation.partial.denominator
        assert equation.partial.numerator == root.label
        shape = np.shape(data_of((nodes | ours)[name]))
        written = "×".join(map(str, shape))
        assert equation.shapes.startswith(f"({written})" if shape else "a number")
        shown = text[f"∂{root.label}/∂{name}"]
        close = {"rtol": 1e-9, "atol": 1e-11, "err_msg": name}
        if any("′" in line for line in shown):
            close |= {"rtol": 1e-5, "atol": 1e-6}
        result = side(equation.terms, shape, known, expected)
        np.testing.assert_allclose(result, expected[name], **close)
        if readable_labels(nodes):
            parts = [read_text(line, known, expected, shape) for line in shown]
            result = np.broadcast_to(sum(parts), shape)
            close |= {"rtol": max(close["rtol"], 1e-8)}
            np.testing.assert_allclose(result, expected[name], **close)
            assert not [line for line in shown if mixed(line)], shown
        readable += 1
        check_shapes(equation)
    assert explained.size in explained.text
    explained._repr_mimebundle_()
    assert explained.ascii.isascii()
    return explained, readable


def readable_labels(labels: Any) -> bool:
    return all(re.fullmatch(r"[A-Za-z_]\w*", label, re.ASCII) for label in labels)


def check_definition(name: str, formula: Any, shown: list[str], thing: Any, known: Any) -> None:
    """A row says what a name of ours is: what it was given, or a formula that is true."""
    data = data_of(thing)
    if isinstance(formula, Literal):
        assert name.startswith("c") or thing.operation is None
    else:
        for read_so in (read(formula, known, {}, None), read_text(shown[0], known, {}, None)):
            assert np.shape(read_so) == np.shape(data)
            np.testing.assert_allclose(read_so, data, rtol=1e-8, atol=1e-11, err_msg=name)
    known[name] = data


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
    "softmax": lambda a, b, v: (numpy_api.softmax(a, axis=-1) ** 2).sum(),
    "softmax of products": lambda a, b, v: (numpy_api.softmax(a @ b, axis=-1) ** 2).sum(),
    "cross entropy": lambda a, b, v: -(numpy_api.log_softmax(a, axis=-1) * 0.3).mean(),
    "softmax of a vector": lambda a, b, v: (numpy_api.softmax(v, axis=-1) ** 2 * a).sum(),
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
    "inverse": lambda a, b, v: (np.linalg.inv(a.T @ a) ** 2).sum(),
    "solution": lambda a, b, v: (np.linalg.solve(a.T @ a, v) ** 2).sum(),
    "determinant": lambda a, b, v: np.log(np.linalg.det(a.T @ a)),
    "cholesky": lambda a, b, v: (np.linalg.cholesky(a.T @ a) ** 2).sum(),
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
    number = r"-?[\d.]+(e[+-]?\d+|/\d+)?"  # 2/3 without blanks is one number
    line = re.sub(rf"(?<![\w.])(\({number}\)|{number}) · ", "", line)
    inside = []
    while inner := re.search(r"[(\[][^()\[\]]*[)\]]", line):
        inside.append(inner[0][1:-1])
        line = line.replace(inner[0], "_", 1)
    for text in [*inside, line]:
        for term in re.split(r" [-+=] |, ", text):
            if "·" in term and ("⊙" in term or "/" in re.sub("∂\\w+/∂", "", term)):
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
        ("concatenate", lambda a: numpy_api.concatenate([a, a])),
        ("cumsum", lambda a: ops.cumsum(a, axis=1)),
        ("inv", lambda a: np.linalg.inv(a[:3])),
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
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OWN, operation.name, operation)
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


def test_a_share_is_a_fraction_and_the_numbers_of_a_product_are_one() -> None:
    x = array(3, 3, label="x")
    assert explain(named(np.mean(x), "E"), x).text.startswith("∂E/∂x = 1/9")
    assert explain(named(np.mean(x * x), "E"), x).text.startswith("∂E/∂x = 2/9 · x")


# --- A softmax ------------------------------------------------------------------------------------


def by_hand(z: Value) -> Value:
    return np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)


def by_hand_once(z: Value) -> Value:
    powers = np.exp(z)
    return powers / np.sum(powers, axis=-1, keepdims=True)


def of_rows(z: Value) -> Value:
    return numpy_api.softmax(z, axis=-1)


SOFTMAXES = [of_rows, by_hand, by_hand_once]


@pytest.mark.parametrize("softmax", SOFTMAXES)
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "unnamed"])
def test_softmax_with_cross_entropy_is_p_minus_y(
    softmax: Callable[[Value], Value], is_named: bool
) -> None:
    X, W = array(4, 2, label="X"), array(2, 3, label="W")
    Y = Value(np.eye(3)[[0, 2, 1, 1]], "Y", constant=True)
    Z = named(X @ W, "Z")
    P = named(softmax(Z), "P") if is_named else softmax(Z)
    L = named(-np.sum(Y * np.log(P)) / 4, "L")
    explained, readable = check(L, W)
    lines = explained.text.splitlines()
    assert f"∂L/∂Z = 0.25 · ({'P' if is_named else 't1'} - Y)" in lines
    assert "        (4×3), since Y adds up to 1 along axis 1" in lines
    assert ("∂L/∂P = -0.25 · Y / P" in lines) == is_named
    assert readable == len(explained.equations)


@pytest.mark.parametrize("softmax", SOFTMAXES)
@pytest.mark.parametrize("loss", ["squares", "no targets", "a use beside"])
def test_any_gradient_through_a_softmax(softmax: Callable[[Value], Value], loss: str) -> None:
    A, Y = array(4, 3, label="A"), Value(np.full((4, 3), 0.5), "Y", constant=True)
    P = named(softmax(A), "P")
    E = ((P - Y) ** 2).sum() if loss == "squares" else -(Y * np.log(P)).sum()
    if loss == "a use beside":
        E = E + (P * Y).sum()
    explained, _ = check(named(E, "E"), A)
    through = "∂E/∂A = P ⊙ (∂E/∂P - sum(∂E/∂P ⊙ P, axis=1, keepdims=True))"
    assert through in explained.text.splitlines()


def test_the_axis_of_a_softmax_and_a_vector() -> None:
    A, v = array(4, 3, label="A"), array(3, label="v")
    columns = named((numpy_api.softmax(A, axis=0) ** 2).sum(), "E")
    assert "axis=0, keepdims=True))" in check(columns, A)[0].text
    y = Value([0.0, 1.0, 0.0], "y", constant=True)
    p = named(numpy_api.softmax(v), "p")
    explained, _ = check(named(-(y * np.log(p)).sum(), "E"), v)
    assert "∂E/∂v = p - y" in explained.text.splitlines()
    assert "(3), since y adds up to 1 along axis 0" in explained.text


def test_what_stands_inside_a_softmax_and_has_a_name_is_shown() -> None:
    A = array(4, 3, label="A")
    e = named(np.exp(A), "e")
    E = named(((e / e.sum(axis=1, keepdims=True)) ** 2).sum(), "E")
    assert "∂E/∂e" in check(E, A)[0].text
    check(E, e)
