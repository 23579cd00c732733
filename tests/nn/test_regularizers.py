"""The regularizers: closed forms, derivatives, names, and what they do to a model."""

import json

import numpy as np
import pytest

from tinygrad_hw.engine import Value, gradcheck
from tinygrad_hw.nn import Dense, regularizers
from tinygrad_hw.nn.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer

W = np.array([[1.0, -2, 3], [0.5, 0, -4]])
ONE, TWO = np.sum(abs(W)), np.sum(W**2)


def mean_cosine(rows):
    units = [row / np.sqrt(row @ row) for row in rows]
    pairs = [(i, j) for i in range(len(rows)) for j in range(i)]
    return np.mean([abs(units[i] @ units[j]) for i, j in pairs])


CASES = {
    "L1": (L1(), 0.01 * ONE),
    "L1(0.3)": (L1(0.3), 0.3 * ONE),
    "L2": (L2(), 0.01 * TWO),
    "L2(0.3)": (L2(0.3), 0.3 * TWO),
    "L1L2": (L1L2(), 0.0),
    "L1L2(0.1, 0.2)": (L1L2(0.1, 0.2), 0.1 * ONE + 0.2 * TWO),
    "rows": (OrthogonalRegularizer(2.0), 2 * mean_cosine(W)),
    "columns": (OrthogonalRegularizer(2.0, "columns"), 2 * mean_cosine(W.T)),
}
of_every_case = pytest.mark.parametrize(
    ("regularizer", "expected"), CASES.values(), ids=CASES.keys()
)


@of_every_case
def test_has_the_closed_form(regularizer, expected):
    assert regularizer(W) == pytest.approx(expected, rel=1e-12)
    small = regularizer(Value(np.float32(W)))
    assert small.item() == pytest.approx(expected, rel=1e-5)
    assert small.dtype == np.float32


@of_every_case
def test_gradients_are_the_slopes(regularizer, expected):
    gradcheck(regularizer, np.where(W == 0, 0.3, W))


@of_every_case
def test_a_configuration_makes_an_equal_one(regularizer, expected):
    config = json.loads(json.dumps(regularizers.serialize(regularizer)))
    for again in (
        regularizers.get(config),
        regularizers.deserialize(config),
        eval(repr(regularizer)),
        type(regularizer).from_config(regularizer.get_config()),
    ):
        assert (type(again), vars(again)) == (type(regularizer), vars(regularizer))


def test_names():
    for name, kind in {
        **{"l1": L1, "L1": L1, "l2": L2, "L2": L2, "l1l2": L1L2, "L1L2": L1L2},
        "orthogonal_regularizer": OrthogonalRegularizer,
    }.items():
        assert type(regularizers.get(name)) is type(regularizers.get(kind)) is kind
    assert regularizers.get(None) is None
    own = L2(0.5)
    assert regularizers.get(own) is own
    assert regularizers.get(np.sum) is np.sum


def test_a_layer_takes_a_name_an_object_or_a_function():
    class Last(Regularizer):
        def __call__(self, x):
            return x[-1, -1] ** 2

    for regularizer, expected in (
        *(("l2", 0.01 * TWO), (L1(0.5), 0.5 * ONE), (Last(), 16), (lambda x: np.sum(x) ** 2, 2.25)),
    ):
        layer = Dense(3, kernel_regularizer=regularizer)
        layer.build((None, 2))
        layer.set_weights([W, np.zeros(3)])
        assert sum(x.item() for x in layer.losses) == pytest.approx(expected, rel=1e-5)


REFUSED = (
    (lambda: regularizers.get("l3"), "unknown regularizer 'l3'; known are l1, l1l2, l2, orth"),
    (lambda: regularizers.get(0.01), "regularizer should be a name, an object of Regularizer or"),
    (lambda: L2(-1), "a regularizer's l2 should be finite and at least 0, got -1"),
    (lambda: L1(np.inf), "a regularizer's l1 should be finite and at least 0, got inf"),
    (lambda: L1L2(l2="x"), "a regularizer's l2 should be a number, got 'x'"),
    (lambda: OrthogonalRegularizer(mode="row"), "got mode='row'; give 'rows' or 'columns'"),
    (lambda: OrthogonalRegularizer()(np.ones(3)), r"is of matrices, got shape \(3,\)"),
)


@pytest.mark.parametrize(("call", "words"), REFUSED)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
    with pytest.raises(NotImplementedError, match="Regularizer is to define __call__"):
        Regularizer()(W)
