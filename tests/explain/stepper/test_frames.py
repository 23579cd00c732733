"""Steps: what is told, in which order, and that every number in it is the engine's."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygrad_hw import Value, backward_steps, group, steps
from tinygrad_hw.formatting.numbers import number
from tinygrad_hw.homework import sheet_path
from tinygrad_hw.worksheet import read_sheet


def named(value: Value, label: str) -> Value:
    value.label = label
    return value


@pytest.fixture(params=["q1a", "q1b"])
def loss(request: pytest.FixtureRequest) -> Value:
    sheet = read_sheet(sheet_path(request.param))
    return sheet.evaluate()[sheet.loss]


def graphs() -> st.SearchStrategy[Value]:
    """A computation on a few named numbers; some results are named, some used twice."""

    @st.composite
    def build(draw: st.DrawFn) -> Value:
        numbers = st.floats(-2, 2).filter(lambda x: x == 0 or abs(x) > 1e-3)
        values = [Value(draw(numbers), f"w{i}") for i in range(3)]
        values.append(Value(draw(numbers), "x", constant=True))
        for i in range(draw(st.integers(1, 8))):
            x, y = draw(st.sampled_from(values)), draw(st.sampled_from(values))
            made = draw(st.sampled_from("add mul sub tanh sigmoid relu".split()))
            z = {
                "add": lambda x=x, y=y: x + y,
                "mul": lambda x=x, y=y: x * y,
                "sub": lambda x=x, y=y: x - 2 * y,
            }.get(made, lambda x=x, made=made: getattr(x, made)())()
            values.append(named(z, f"z{i}") if draw(st.booleans()) else z)
        return named(values[-1] * values[0] + values[-2], "E")

    return build()


@given(graphs(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_the_last_step_knows_what_backward_computes(root: Value, unfolded: bool) -> None:
    told = steps(root, unfolded=unfolded)
    root.backward()
    known = told[-1].known
    for node in told.nodes:
        value, gradient = known[told.name(node)]
        assert value == node.data
        assert gradient == node.grad or (gradient is None and (node.constant or node.grad == 0))


@given(graphs())
@settings(max_examples=50, deadline=None)
def test_unfolded_each_backward_step_is_one_of_the_engines(root: Value) -> None:
    told = [frame for frame in steps(root, unfolded=True) if frame.edge is not None]
    expected = {(id(s.node), s.position): s for s in backward_steps(root)}
    assert len(told) == len(expected)
    for frame in told:
        edge = frame.edge
        assert edge is not None
        same = [
            s
            for (node, _), s in expected.items()
            if node == id(edge.node) and s.operand is edge.operand
        ]
        assert edge.contribution in [s.contribution for s in same]
        assert edge.local in [s.local for s in same]


def test_forward_first_and_only_what_is_known_is_used(loss: Value) -> None:
    told = steps(loss)
    phases = [frame.phase for frame in told]
    assert phases == sorted(phases, reverse=True)  # forward, then backward
    for frame in told:
        for name in frame.highlighted:
            assert name in frame.known
        if frame.edge is not None:  # what it hands on has all arrived
            arrived = frame.known[told.name(frame.edge.node)][1]
            assert arrived == told.layout.gradients[id(frame.edge.node)]


def test_a_sentence_says_upstream_times_local() -> None:
    sheet = read_sheet(sheet_path("q1a"))
    [frame] = [f for f in steps(sheet.evaluate()["E"]) if f.highlighted == ("z4", "a4")]
    assert str(frame) == ("z4 receives -0.0003183 from a4: upstream -0.01800 × local 0.01768")


def test_every_number_of_a_sentence_multiplies_out(loss: Value) -> None:
    said = re.compile(r"receives (\S+) from .*: upstream (\S+) × local (\S+?)(?:;|$)")
    for frame in steps(loss):
        if frame.edge is None:
            continue
        contribution, upstream, local = map(float, said.search(frame.sentence).groups())  # type: ignore[union-attr]
        assert contribution == pytest.approx(upstream * local, rel=2e-3)


def test_back_is_an_index_and_nothing_can_be_changed(loss: Value) -> None:
    told = steps(loss)
    assert told[3] is told[3]
    assert [frame.index for frame in told] == list(range(len(told)))
    assert told[-1].index == len(told) - 1
    with pytest.raises(AttributeError):
        told[0].index = 5  # type: ignore[misc]
    with pytest.raises(TypeError):
        told[0] = told[1]  # type: ignore[index]
    assert all(node.grad is None for node in told.nodes)


def test_what_comes_from_several_is_summed_in_words() -> None:
    w = Value(3.0, "w")
    p, q = named(2 * w, "p"), named(w * w, "q")
    told = [str(frame) for frame in steps(named(p * q, "E"))]
    assert told[-2:] == [
        "w receives 36 from q: upstream 6 × local 6",
        "w receives 18 from p: upstream 9 × local 2; with what came before 54",
    ]


def test_a_group_is_told_as_one_step() -> None:
    w = Value(0.5)
    with group("n1"):
        h = (w * 2 + 1).tanh()
    told = steps(named(h * h, "E"))
    assert "n1" in {told.name(node) for node in told.nodes}
    assert str(told[0]).startswith("n1 = ")


def test_arrays_are_told_by_shape_and_largest_element() -> None:
    x, w = Value(np.ones((4, 3)), "X", constant=True), Value(np.full((3, 2), 0.5), "W")
    told = [str(frame) for frame in steps(named((x @ w).sum(), "E"))]
    assert told[0] == "X · W, an array of shape (4, 2)"
    assert told[-1].startswith("W receives max 4 from (X · W): upstream max 1, Xᵀ @ upstream")


def test_a_constant_has_a_forward_phase_only() -> None:
    x = Value(2.0, "x", constant=True)
    assert [frame.phase for frame in steps(named(x * x, "y"))] == ["forward"]


def test_a_label_is_one_clean_line() -> None:
    w = Value(2.0, "w\n\x1b[2J")
    for frame in steps(named(w * 3, "E")):
        assert frame.sentence.isprintable()


@pytest.mark.parametrize("wrong", [3.0, "E", None, [1.0]])
def test_what_is_no_value_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="steps are of a Value, such as model"):
        steps(wrong)


def test_a_notebook_gets_the_page_and_a_large_graph_the_text(loss: Value) -> None:
    shown = steps(loss)._repr_mimebundle_()
    assert shown["text/plain"].splitlines()[0].split()[:2] == ["1", "z1"]
    assert shown["text/html"].count("<iframe srcdoc=") == 1
    array = named((Value(np.ones(3), "v") ** 2).sum(), "E")
    assert set(steps(array)._repr_mimebundle_()) == {"text/plain"}


def test_numbers_are_printed_as_everywhere(loss: Value) -> None:
    told = steps(loss)
    for frame in told:
        if frame.phase == "forward":
            assert frame.sentence.endswith(f"= {number(frame.node.data)}")


def test_a_frame_shows_itself_as_its_sentence(loss: Value) -> None:
    last = steps(loss)[-1]
    assert repr(last) == f"<step {len(steps(loss))} of {len(steps(loss))}, backward: {last}>"
