"""What a factor says of itself: its formula, evaluated, is its value; paths add up to the gradient.

Oracles: the engine's own gradient, and formulas evaluated with the values of the named nodes.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tinygrad_hw import Value, backward_steps
from tinygrad_hw.engine import Linear, Pointwise, ops
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.explain import Chain, explain
from tinygrad_hw.symbolic import compute

LAW = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)

# Names that rules, sheets, LaTeX or pages have a meaning for, and names that nobody expects.
LABELS = [
    *("x", "y", "z", "out", "upstream", "position", "pi", "e", "condition", "constant", "raw"),
    *("exp", "sigmoid", "tanh(x)", "dE/dx", "1", "-1", "0.5", "x + y", "w7", "w_7", "α", "∂"),
    *(r"\frac{a}{", "$", "</math><script>", "a\nb", " ", "…", "σ′", "Ж" * 500, "lambda", "None"),
]


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def values_below(root: Value) -> dict[str, float]:
    return {str(n.label): float(n.raw) for n in topological_order(root) if n.label}


def engine_gradient(root: Value, leaf: Value) -> float:
    last = [step.total for step in backward_steps(root) if step.operand is leaf]
    return float(last[-1]) if last else 0.0


def check(chain: Chain, root: Value, gradient: float) -> int:
    """Hold every factor and every sum to what they must be; give the number of formulas seen."""
    values = values_below(root)
    given_by: dict[str, float] = {}
    formulas = 0
    for part in (*chain.totals, chain):
        products = []
        for path in part.paths:
            for factor in path:
                if factor.total:
                    assert factor.value == pytest.approx(given_by[factor.denominator], nan_ok=True)
                    assert factor.tree is None
                if factor.tree is not None:
                    formulas += 1
                    shown = compute(factor.tree, values)
                    assert shown == pytest.approx(factor.value, rel=1e-7, abs=1e-9), str(factor)
            products.append(math.prod(factor.value for factor in path))
        size = max(map(abs, products), default=0.0)
        assert math.fsum(products) == pytest.approx(part.value, rel=1e-9, abs=1e-12 * (1 + size))
        given_by[part.target] = part.value
    assert chain.value == pytest.approx(gradient, rel=1e-12, abs=1e-300)
    return formulas


UNARY: list[tuple[Callable[[Any], Any], Callable[[float], bool]]] = [
    (lambda a: -a, lambda _: True),
    (lambda a: +a, lambda _: True),
    (ops.square, lambda a: abs(a) < 20),
    (lambda a: a**3, lambda a: abs(a) < 5),
    (lambda a: a**2.0, lambda a: abs(a) < 20),
    (lambda a: a**-1.0, lambda a: abs(a) > 0.1),
    (lambda a: a**0.5, lambda a: a > 0.1),
    (lambda a: 2.0**a, lambda a: abs(a) < 5),
    (lambda a: 3 / a, lambda a: abs(a) > 0.1),
    (lambda a: a / 4, lambda _: True),
    (lambda a: a / -3, lambda _: True),
    (lambda a: 1 - a, lambda _: True),
    (lambda a: a + a, lambda a: abs(a) < 50),
    (lambda a: a * a, lambda a: abs(a) < 20),
    (lambda a: 1 / (1 + ops.exp(-a)), lambda a: abs(a) < 5),
    (ops.reciprocal, lambda a: abs(a) > 0.1),
    (ops.exp, lambda a: a < 3),
    (ops.log, lambda a: a > 0.1),
    (ops.log2, lambda a: a > 0.1),
    (ops.log10, lambda a: a > 0.1),
    (ops.log1p, lambda a: a > -0.8),
    (ops.sqrt, lambda a: a > 0.1),
    (ops.cbrt, lambda a: abs(a) > 0.1),
    (ops.sigmoid, lambda a: abs(a) < 8),
    (ops.tanh, lambda a: abs(a) < 8),
    (ops.relu, lambda a: abs(a) > 1e-3),
    (ops.abs, lambda a: abs(a) > 1e-3),
    (ops.sin, lambda _: True),
    (ops.cos, lambda _: True),
    (ops.arctan, lambda _: True),
    (ops.softplus, lambda a: abs(a) < 8),
    (ops.silu, lambda a: abs(a) < 8),
    (ops.leaky_relu, lambda a: abs(a) > 1e-3),
]
BINARY: list[tuple[Callable[[Any, Any], Any], Callable[[float, float], bool]]] = [
    (lambda a, b: a + b, lambda a, b: abs(a) + abs(b) < 100),
    (lambda a, b: a - b, lambda a, b: abs(a) + abs(b) < 100),
    (lambda a, b: a * b, lambda a, b: abs(a * b) < 100),
    (lambda a, b: a / b, lambda a, b: abs(b) > 0.1 and abs(a / b) < 100),
    (lambda a, b: a**b, lambda a, b: 0.1 < a < 5 and abs(b) < 2),
    (ops.hypot, lambda a, b: abs(a) + abs(b) > 0.1),
    (ops.arctan2, lambda a, b: abs(a) + abs(b) > 0.1),
    (ops.logaddexp, lambda a, b: abs(a) + abs(b) < 8),
    (ops.maximum, lambda a, b: abs(a - b) > 1e-3),
    (lambda a, b: ops.affine(a, b, b, a, a), lambda a, b: abs(a * b) < 50),
]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Value, list[Value]]:
    """A labelled scalar, and the labelled leaves that it may have been made from."""
    names = iter(draw(st.permutations(LABELS)))
    numbers = st.floats(-3, 3).map(lambda x: round(x, 3))
    leaves = [named(Value(draw(numbers)), next(names)) for _ in range(draw(st.integers(1, 4)))]
    pool = list(leaves)
    if draw(st.booleans()):
        pool.append(named(Value(draw(numbers), constant=True), next(names)))
    if draw(st.booleans()):
        pool.append(Value(draw(numbers), constant=True))
    for _ in range(draw(st.integers(1, 10))):
        a, b = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
        fitting = [f for f, fits in UNARY if fits(a.item())]
        results: list[Callable[[], Any]] = [partial(f, a) for f in fitting]
        pairs = [f for f, fits in BINARY if fits(a.item(), b.item())]
        results += [partial(f, a, b) for f in pairs]
        made = draw(st.sampled_from(results))()
        if abs(made.item()) > 100:
            continue
        if draw(st.booleans()):
            named(made, next(names, ""))
        pool.append(made)
    root = sum(pool[len(leaves) :], leaves[0] * 0.5)
    return named(root, "E"), leaves


@LAW
@given(graphs())
def test_formulas_evaluate_to_their_factors_and_paths_add_up_to_the_gradient(
    graph: tuple[Value, list[Value]],
) -> None:
    root, leaves = graph
    for leaf in leaves:
        explained = explain(root, leaf)
        assert isinstance(explained, Chain)
        check(explained, root, engine_gradient(root, leaf))


@LAW
@given(graphs())
def test_what_printed_factors_give_is_what_somebody_gets_who_multiplies_them(
    graph: tuple[Value, list[Value]],
) -> None:
    root, leaves = graph
    explained = explain(root, leaves[0], printed=True)
    assert isinstance(explained, Chain)
    for part in (*explained.totals, explained):
        by_hand = 0.0
        for path in part.paths:
            by_hand += math.prod(float(factor.printed) for factor in path)
        assert part.result == pytest.approx(by_hand, rel=1e-12, abs=1e-12)


def pointwise() -> list[Any]:
    return [
        op
        for op in vars(ops).values()
        if isinstance(op, Pointwise) and op.arity <= 3 and not op.reduces
    ]


@pytest.mark.parametrize("operation", pointwise(), ids=lambda op: op.name)
@pytest.mark.parametrize("names", [("a", "b", "c"), ("y", "x", "out"), ("out", "pi", "y")])
def test_the_formula_of_every_operation_of_the_table(operation: Any, names: tuple[str]) -> None:
    for i in range(5):
        numbers = [low + (high - low) * (0.13 + 0.19 * i) for low, high in operation.domain]
        leaves = [named(Value(x), n) for x, n in zip(numbers, names[: len(numbers)], strict=True)]
        leaves = leaves[: operation.arity]
        made = named(operation(*leaves), "q")
        root = named(made * made, "E")
        for leaf in leaves:
            explained = explain(root, leaf)
            assert isinstance(explained, Chain)
            check(explained, root, engine_gradient(root, leaf))


def test_most_operations_of_the_table_have_a_formula_that_can_be_read() -> None:
    without = set()
    for operation in pointwise():
        numbers = [0.6 * low + 0.4 * high for low, high in operation.domain]
        leaves = [named(Value(x), n) for x, n in zip(numbers, "abc"[: len(numbers)], strict=True)]
        leaves = leaves[: operation.arity]
        root = named(operation(*leaves), "E")
        [[factor]] = explain(root, leaves[0]).paths  # type: ignore[union-attr]
        if factor.tree is None:
            without.add(operation.name)
    assert without <= {"leaky_relu", "elu", "where", "maximum", "minimum"}


# --- A number of the rule's own, and operations of the user's own ---------------------------------


def test_pi_in_a_rule_is_the_number_even_where_a_value_is_called_pi() -> None:
    a, pi = named(Value(0.3), "a"), named(Value(0.5), "pi")
    root = named(ops.normal_cdf(a) * pi, "E")
    check(explain(root, a), root, 0.5 * math.exp(-0.045) / math.sqrt(2 * math.pi))  # type: ignore


@pytest.mark.parametrize("labels", [("a", "b", "c"), ("z", "x", "y")])
def test_an_operation_with_three_operands(labels: tuple[str, str, str]) -> None:
    mix = Pointwise("mix", lambda x, y, z: x * (1 - z) + y * z, "1 - z", "z", "y - x")
    leaves = [named(Value(v), label) for v, label in zip((0.3, 0.7, -1.3), labels, strict=True)]
    root = named(mix(*leaves), "E")
    for leaf, gradient in zip(leaves, (2.3, -1.3, 0.4), strict=True):
        check(explain(root, leaf), root, gradient)  # type: ignore[arg-type]


def test_an_operation_with_a_function_for_its_rule() -> None:
    cube = Pointwise("cube", lambda x: x**3, lambda out, x: 3 * x * x)
    a = named(Value(2.0), "a")
    chain = explain(named(cube(a), "E"), a)
    assert chain.value == 12.0
    assert "12" in chain.text


@pytest.mark.parametrize(
    ("rule", "derivative"),
    [("x < 1", 1.0), ("x > 1", 0.0), ("(x > 1) * 5", 0.0), ("not x", 0.0), ("x >= 0.5", 1.0)],
)
def test_a_rule_that_compares(rule: str, derivative: float) -> None:
    step = Pointwise("step", lambda x: np.minimum(x, 1.0), rule)
    a = named(Value(0.5), "a")
    root = named(step(a), "E")
    check(explain(root, a), root, derivative)  # type: ignore[arg-type]


def test_a_linear_operation_of_a_number() -> None:
    double = Linear("double", lambda x: 2 * x, "2 * upstream")
    a, upstream = named(Value(0.5), "a"), named(Value(3.0), "upstream")
    root = named(double(a) * upstream, "E")
    check(explain(root, a), root, 6.0)  # type: ignore[arg-type]


# --- What is simplified, and what is not read at all ----------------------------------------------


def test_a_sigmoid_is_known_however_it_is_written() -> None:
    a = named(Value(0.7), "a")
    for s in (ops.sigmoid(a), 1 / (1 + ops.exp(-a)), 1 / (ops.exp(-a) + 1)):
        root = named(s, "s")
        [[factor]] = explain(root, a).paths  # type: ignore[union-attr]
        assert factor.formula == "s · (1 - s)"


def test_a_formula_nobody_would_read_is_left_out_and_its_number_stays() -> None:
    leaves = [named(Value(0.1 * i), f"v{i}") for i in range(30)]
    product: Any = 1.0
    for leaf in leaves:
        product = product * (leaf + 1.0)
    root = named(product, "E")
    chain = explain(root, leaves[3])
    assert isinstance(chain, Chain)
    [[factor]] = chain.paths
    assert (factor.tree, factor.formula) == (None, "")
    others = math.prod(0.1 * i + 1.0 for i in range(30) if i != 3)
    assert chain.value == pytest.approx(others, rel=1e-12)
    assert factor.printed in chain.text


def test_unnamed_values_with_very_many_paths_between_them_cost_no_more_than_others() -> None:
    a = named(Value(1.0), "a")
    z: Any = a
    for _ in range(60):
        z = ops.tanh(0.5 * z) + 0.25 * z  # 2**60 ways
    chain = explain(named(z, "E"), a)
    assert chain.value == pytest.approx(engine_gradient(z, a), rel=1e-12)
    assert len(chain.text) < 2000
