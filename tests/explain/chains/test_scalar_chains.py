import time

import pytest
from growth import labeled, outgrowing

from tinygrad_hw import Value
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.explain import explain_all, local_derivatives
from tinygrad_hw.explain.chains.from_graph import Formulas
from tinygrad_hw.explain.chains.scalar_chains import MOST_FACTORS


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


def test_unnamed_nodes_are_multiplied_out() -> None:
    x = Value(3.0, "x")
    y = named((2 * x + 1) ** 2 / 2, "y")
    assert local_derivatives(y) == [(x, 14.0)]  # 2 (2x + 1)


def test_a_name_used_twice_in_one_formula_is_one_factor() -> None:
    x = Value(3.0, "x")
    y = named(x * x + x, "y")
    chain = explain_all(y, [x])["x"]
    assert [[str(f) for f in path] for path in chain.paths] == [["dy/dx"]]
    assert chain.value == 7.0


def test_every_path_is_listed_in_the_order_of_the_operands() -> None:
    w = Value(2.0, "w")
    p, q = named(3 * w, "p"), named(w * w, "q")
    e = named(p * q + w, "e")
    chain = explain_all(e, [w])["w"]
    assert sorted([str(f) for f in path] for path in chain.paths) == [
        ["de/dp", "dp/dw"],
        ["de/dq", "dq/dw"],
        ["de/dw"],
    ]
    assert chain.value == 9 * 2**2 + 1


def test_what_the_root_does_not_depend_on_has_no_path() -> None:
    a, b = Value(1.0, "a"), Value(1.0, "b")
    chain = explain_all(named(2 * a, "e"), [b])["b"]
    assert (chain.paths, chain.value) == ((), 0.0)


def ladder(rungs: int) -> tuple[Value, Value]:
    """A graph with 2**rungs paths from the root to w."""
    w = Value(1.0, "w")
    z = w
    for i in range(rungs):
        left, right = named(0.5 * z, f"l{i}"), named(0.25 * z, f"r{i}")
        z = named(left + right, f"z{i}")
    return named(z * 1.0, "e"), w


@pytest.mark.parametrize("rungs", [2, 5, 60])
def test_many_paths_become_totals_that_are_explained_first(rungs: int) -> None:
    root, w = ladder(rungs)
    start = time.process_time()
    explained = explain_all(root, [w])
    assert time.process_time() - start < 30  # 2**60 paths would not end at all
    assert explained["w"].value == pytest.approx(0.75**rungs, rel=1e-12)
    seen: set[str] = set()
    for name, chain in explained.items():
        assert sum(map(len, chain.paths)) <= MOST_FACTORS
        products = []
        for path in chain.paths:
            product = 1.0
            for factor in path:
                product *= factor.value
                if factor.total:
                    assert factor.denominator in seen  # explained before it is used
            products.append(product)
        assert sum(products) == pytest.approx(chain.value, rel=1e-12)
        seen.add(name)
    written_out = rungs == 2
    assert any(f.total for p in explained["w"].paths for f in p) != written_out


def test_a_long_chain_with_many_parameters_stays_linear() -> None:
    z = Value(1.0, "z")
    weights = [Value(1.0, f"w{i}") for i in range(2000)]
    for i, w in enumerate(weights):
        z = named(z * w, f"z{i}")
    explained = explain_all(z, weights)
    assert all(sum(map(len, chain.paths)) <= MOST_FACTORS for chain in explained.values())
    assert all(explained[f"w{i}"].value == 1.0 for i in range(2000))


def test_the_cost_of_all_chains_grows_with_the_graph() -> None:
    def work(root: Value) -> None:
        targets = [node for node in topological_order(root) if node.label and not node.constant]
        for chain in explain_all(root, targets).values():
            assert chain.lines

    assert not outgrowing(work, labeled([3, 6, 4, 1]), labeled([3, 24, 4, 1]))


def test_unnamed_results_are_written_out_once_for_all_that_they_are_a_part_of() -> None:
    def sums(n: int) -> Value:
        """Return a sum of sums, none of which has a name."""
        total = Value(0.0, "s")
        for i in range(n):
            total = total + Value(1.0, f"w{i}") * 2.0
        return named(total, "E")

    def work(root: Value) -> None:
        formulas = Formulas()
        for node in topological_order(root):
            formulas.of(node)

    assert not outgrowing(work, sums(50), sums(300))


def test_an_empty_label_is_no_name() -> None:
    a = Value(2.0, "a")
    middle = named(a * 3, "")
    [[factor]] = explain_all(named(middle * middle, "E"), [a])["a"].paths
    assert (str(factor), factor.value) == ("dE/da", 36.0)


def test_the_root_by_itself_is_one() -> None:
    e = named(Value(2.0, "a") * 3, "e")
    assert explain_all(e, [e])["e"].lines == ["∂e/∂e = 1"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (Value(1.0), "give each its label"),
        (Value(1.0, "e"), "two Values are labelled 'e'"),
        (Value([1.0], "v"), r"v is an array of shape \(1,\)"),
    ],
)
def test_names_must_be_there_unique_and_scalar(target: Value, message: str) -> None:
    e = named(Value(2.0, "a") * 3, "e")
    with pytest.raises(ValueError, match=message):
        explain_all(e, [target])
