"""``explain(E, w)``: what it gives, what it refuses, and how much it writes."""

import math
import random
from typing import Any

import numpy as np
import pytest

from tinygrad_hw import Value, backward_steps, no_grad
from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.explain import Chain, MatrixChain, explain
from tinygrad_hw.micrograd import MLP


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def neuron() -> dict[str, Value]:
    """E = (a - y)² / 2 with a = σ(w·x + b): the numbers of a homework."""
    v = {name: Value(x, name) for name, x in (("w", 0.5), ("x", -2.0), ("b", 0.25))}
    v["z"] = named(v["w"] * v["x"] + v["b"], "z")
    v["a"] = named(ops.sigmoid(v["z"]), "a")
    v["E"] = named((v["a"] - 1.0) ** 2 / 2, "E")
    return v


def test_a_chain_has_names_formulas_numbers_and_a_result() -> None:
    v = neuron()
    a = 1 / (1 + math.exp(0.75))
    chain = explain(v["E"], v["w"])
    assert isinstance(chain, Chain)
    [path] = chain.paths
    assert [(f.numerator, f.denominator) for f in path] == [("E", "a"), ("a", "z"), ("z", "w")]
    assert [f.value for f in path] == pytest.approx([a - 1, a * (1 - a), -2.0], rel=1e-14)
    assert [f.printed for f in path] == [f"{a - 1:.4f}", f"{a * (1 - a):.4f}", "-2"]
    assert [f.formula for f in path] == ["a - 1", "a · (1 - a)", "x"]
    assert chain.value == pytest.approx((a - 1) * a * (1 - a) * -2, rel=1e-14)
    names, formulas, numbers, result, remark = str(chain).splitlines()
    assert names == "∂E/∂w = ∂E/∂a · ∂a/∂z · ∂z/∂w"
    assert formulas == "      = (a - 1) · (a · (1 - a)) · x"
    assert numbers == f"      = ({a - 1:.4f}) × {a * (1 - a):.4f} × (-2)"
    assert result == f"      = {chain.value:.4f}"
    assert "exact" in remark.lower()


def test_printed_factors_are_multiplied_when_asked_for() -> None:
    v = neuron()
    a = 1 / (1 + math.exp(0.75))
    chain = explain(v["E"], v["w"], printed=True)
    by_hand = round(a - 1, 4) * round(a * (1 - a), 4) * -2
    assert chain.result == pytest.approx(by_hand, rel=1e-14)  # type: ignore[union-attr]
    assert chain.value != chain.result  # type: ignore[union-attr]
    assert chain.value == explain(v["E"], v["w"]).value


def test_by_an_inner_value_by_the_root_and_by_a_stranger() -> None:
    v = neuron()
    inner = explain(v["E"], v["z"])
    assert isinstance(inner, Chain)
    assert [str(f) for f in inner.paths[0]] == ["dE/da", "da/dz"]
    itself = explain(v["E"], v["E"])
    assert (itself.value, itself.text) == (1.0, "∂E/∂E = 1")
    nothing = explain(v["E"], Value(1.0, "other"))
    assert nothing.value == 0.0
    assert "∂E/∂other = 0" in nothing.text
    assert "E does not depend on other" in nothing.text


def test_a_result_is_named_while_explained_and_nothing_is_changed() -> None:
    v = neuron()
    before = [(n.label, float(n.raw), n.grad) for n in topological_order(v["E"])]
    explain(v["E"], v["w"]).text  # noqa: B018
    assert before == [(n.label, float(n.raw), n.grad) for n in topological_order(v["E"])]


def test_constants_with_a_name_stand_in_formulas_and_no_path_goes_through_them() -> None:
    w, c = Value(3.0, "w"), Value(0.5, "c", constant=True)
    chain = explain(named(named(w * c, "p") ** 2, "E"), w)
    assert isinstance(chain, Chain)
    assert [f.formula for f in chain.paths[0]] == ["2 · p", "c"]
    assert chain.value == 1.5


def test_a_small_gradient_is_never_printed_as_zero() -> None:
    w = Value(1.0, "w")
    z: Any = w
    for i in range(5):
        z = named(z * -3.18e-4, f"z{i}")
    chain = explain(named(z, "E"), w)
    assert float(chain.text.splitlines()[-2].partition("=")[2]) == pytest.approx(chain.value, 5e-4)
    assert "0.000 " not in chain.text + " "


# --- Errors: one clear line -----------------------------------------------------------------------


def one_line(error: pytest.ExceptionInfo[Exception]) -> str:
    text = str(error.value)
    assert len(text.splitlines()) == 1
    assert text.isprintable()
    return text


@pytest.mark.parametrize("label", [None, ""])
def test_what_has_no_label(label: str | None) -> None:
    v = neuron()
    with pytest.raises(ValueError, match="label") as error:
        explain(v["E"], Value(1.0, label))
    one_line(error)
    v["E"].label = label
    with pytest.raises(ValueError, match="label") as error:
        explain(v["E"], v["w"])
    one_line(error)


def test_constants_are_refused_by_name() -> None:
    v = neuron()
    with pytest.raises(ValueError, match=r"\bc is a constant") as error:
        explain(v["E"], Value(1.0, "c", constant=True))
    one_line(error)
    with no_grad():
        root = named(v["w"] * 2, "F")
    with pytest.raises(ValueError, match=r"\bF is a constant") as error:
        explain(root, v["w"])
    one_line(error)


def test_an_array_for_a_root_is_refused_with_its_shape() -> None:
    w = Value(np.ones((2, 3)), "W")
    with pytest.raises(ValueError, match=r"V is an array of shape \(2, 3\)") as error:
        explain(named(w * 2, "V"), w)
    one_line(error)
    v = named(Value(np.ones(1), "v") * 2, "V")
    with pytest.raises(ValueError, match=r"V is an array of shape \(1,\)"):
        explain(v, v.inputs[0])


def test_two_values_of_one_name_are_refused() -> None:
    v = neuron()
    v["b"].label = "w"
    with pytest.raises(ValueError, match="two Values are labelled 'w'") as error:
        explain(v["E"], v["w"])
    one_line(error)
    v["b"].label = "b"
    with pytest.raises(ValueError, match="two Values are labelled 'w'"):
        explain(v["E"], Value(1.0, "w"))  # a target from elsewhere
    arrays = [Value(np.ones(2), "W"), Value(np.ones(2), "W")]
    with pytest.raises(ValueError, match="two Values are labelled 'W'"):
        explain(named((arrays[0] * arrays[1]).sum(), "E"), arrays[0])


@pytest.mark.parametrize("label", ["a\nb", "a\x1b[2Jb", "a\r\nTraceback"])
def test_a_message_is_one_line_whatever_the_label(label: str) -> None:
    w = Value(1.0, "w")
    wrong = [
        (named(w * 2, "E"), Value(1.0, label, constant=True)),
        (named(Value(np.ones(2), "W") * 2, label), w),
        (named(w * Value(2.0, label), "E"), Value(1.0, label)),
    ]
    for root, target in wrong:
        with pytest.raises(ValueError, match=r".") as error:
            explain(root, target)
        one_line(error)


@pytest.mark.parametrize("wrong", ["w", 3.0, None, np.ones(2)])
def test_what_is_no_value_at_all_is_refused_in_one_line(wrong: Any) -> None:
    v = neuron()
    for arguments in ((v["E"], wrong), (wrong, v["w"])):
        with pytest.raises((TypeError, ValueError)) as error:
            explain(*arguments)
        assert "Value" in one_line(error)


# --- Many paths -----------------------------------------------------------------------------------


def ladder(rungs: int) -> tuple[Value, Value]:
    """A graph with 2**rungs paths; its derivative is 0.75**rungs."""
    z = w = Value(1.0, "w")
    for i in range(rungs):
        z = named(named(0.5 * z, f"l{i}") + named(0.25 * z, f"r{i}"), f"z{i}")
    return named(z * 1.0, "E"), w


def follow(chain: Chain) -> float:
    """Work a chain out from its local derivatives alone, with the totals that it explains."""
    known: dict[str, float] = {}
    for part in (*chain.totals, chain):
        result = 0.0
        for path in part.paths:
            factors = [known[f.denominator] if f.total else f.value for f in path]
            result += math.prod(factors)
        known[part.target] = result
    return known[chain.target]


def test_two_to_the_sixty_paths_are_written_in_lines_linear_in_the_graph() -> None:
    sizes = []
    for rungs in (30, 60):
        chain = explain(*ladder(rungs))
        assert isinstance(chain, Chain)
        assert chain.value == pytest.approx(0.75**rungs, rel=1e-12)
        assert follow(chain) == pytest.approx(0.75**rungs, rel=1e-12)
        assert len({part.target for part in chain.totals}) == len(chain.totals)
        sizes.append([len(shown) for shown in chain._repr_mimebundle_().values()])
    assert all(large < 3 * small for small, large in zip(*sizes, strict=True))


def test_printed_totals_are_used_as_they_are_printed() -> None:
    chain = explain(*ladder(12), printed=True)
    assert isinstance(chain, Chain)
    shown: dict[str, float] = {}
    for part in (*chain.totals, chain):
        result = 0.0
        for path in part.paths:
            for factor in path:
                if factor.total:
                    assert float(factor.printed) == shown[factor.denominator]
            result += math.prod(float(f.printed) for f in path)
        shown[part.target] = float(f"{result:.3e}")
    assert chain.result == pytest.approx(0.75**12, rel=1e-2)
    assert float(f"{chain.result:.3e}") == shown["w"]


def micrograd(labelled: bool) -> tuple[Value, list[Value]]:
    random.seed(7)
    model = MLP(2, [16, 16, 1])
    out = model([Value(1.0, "x1", constant=True), Value(-2.0, "x2", constant=True)])
    parameters = model.parameters()
    for i, parameter in enumerate(parameters):
        parameter.label = f"w{i}"
    root = named((out - 1.0) ** 2, "E")
    if labelled:
        for i, node in enumerate(topological_order(root)):
            if not node.label and not node.constant:
                node.label = f"n{i}"
    return root, parameters


@pytest.mark.parametrize("labelled", [True, False])
def test_a_network_of_micrograd(labelled: bool) -> None:
    root, parameters = micrograd(labelled)
    totals = {id(step.operand): float(step.total) for step in backward_steps(root)}
    for parameter in (*parameters[:6], parameters[60], parameters[-1]):
        for printed in (False, True):
            chain = explain(root, parameter, printed=printed)
            assert isinstance(chain, Chain)
            assert chain.value == totals[id(parameter)]
            assert follow(chain) == pytest.approx(chain.value, rel=1e-9, abs=1e-15)
            bundle = chain._repr_mimebundle_()
            assert all(len(shown) < 150_000 for shown in bundle.values())


def test_a_chain_of_a_thousand_names() -> None:
    z = w = Value(1.0, "w")
    for i in range(1000):
        z = named(z * 1.001, f"z{i}")
    chain = explain(named(z, "E"), w)
    assert chain.value == pytest.approx(1.001**1000, rel=1e-9)
    chain._repr_mimebundle_()  # type: ignore[union-attr]


def test_a_long_sum_and_a_deep_unnamed_formula() -> None:
    w = Value(0.5, "w")
    z: Any = w
    for _ in range(3000):
        z = ops.sin(z) + w
    chain = explain(named(z, "E"), w)
    gradient = [step.total for step in backward_steps(z) if step.operand is w][-1]
    assert chain.value == pytest.approx(gradient, rel=1e-12)
    assert len(chain.text) < 1000


# --- Arrays ---------------------------------------------------------------------------------------


def test_arrays_in_the_graph_give_equations_between_matrices() -> None:
    w = Value(np.ones((3, 2)), "W")
    explained = explain(named((np.ones((4, 3)) @ w).sum(), "E"), w)
    assert isinstance(explained, MatrixChain)
    assert explained.text == str(explained)
    v = neuron()
    assert isinstance(explain(v["E"], v["w"]), Chain)


def test_constant_arrays_do_not_make_matrices_of_numbers() -> None:
    x = Value(np.array([1.0, 2.0]), "data", constant=True)
    w = Value(0.5, "w")
    root = named(w * ops.sum(x), "E")
    chain = explain(root, w)
    assert chain.value == 3.0
    assert "3" in chain.text
