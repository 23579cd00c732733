"""The losses: as numbers for Keras's names, and as operations that are differentiated."""

import mpmath
import numpy as np
import pytest

from tinygrad_hw.engine import Value, grad, gradcheck, hvp, jvp, numpy_api, ops
from tinygrad_hw.engine.core.graph import topological_order
from tinygrad_hw.nn import Dense, Input, Layer, Model, Sequential, activations
from tinygrad_hw.nn.losses import SparseCategoricalCrossentropy, get
from tinygrad_hw.nn.losses import on_logits as losses
from tinygrad_hw.nn.metrics import BinaryAccuracy, SparseCategoricalAccuracy

BINARY = get("binary_crossentropy")
SPARSE = get("sparse_categorical_crossentropy")


# --- Numbers --------------------------------------------------------------------------------------


def minus_log_sigmoid(z):
    return float(mpmath.log1p(mpmath.exp(-mpmath.mpf(float(z)))))


@pytest.mark.parametrize("z", [-1000.0, -30.0, -1.0, 0.0, 1e-3, 17.0, 90.0, 1000.0])
@pytest.mark.parametrize("y", [0, 1, 0.25])
def test_binary_crossentropy_is_minus_log_of_the_probability(z, y):
    with mpmath.workdps(600):
        expected = y * minus_log_sigmoid(z) + (1 - y) * minus_log_sigmoid(-z)
    found = BINARY.on_logits(BINARY.check([y], (None, 1)), np.array([[z]], np.float32))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-38)
    assert found.dtype == np.float32


@pytest.mark.parametrize("logits", [[1.0, 2, 3], [-1000, 0, 1000], [88, 89, 90], [0, 0, 0]])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_sparse_categorical_crossentropy_is_minus_log_of_the_labels_probability(logits, label):
    with mpmath.workdps(1000):
        terms = [mpmath.exp(mpmath.mpf(z) - logits[label]) for z in logits]
        expected = float(mpmath.log(mpmath.fsum(terms)))
    found = SPARSE.on_logits(SPARSE.check([label], (None, 3)), np.array([logits], np.float32))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-5)
    assert found.dtype == np.float32


def test_losses_are_means_over_the_rows():
    z = np.array([[1.0], [2.0], [-4.0]], np.float32)
    each = [BINARY.on_logits([[1]], z[i : i + 1]) for i in range(3)]
    assert BINARY.on_logits([[1]] * 3, z) == pytest.approx(np.mean(each))
    rows = np.array([[1.0, 2], [0, 5], [3, 3]], np.float32)
    each = [SPARSE.on_logits([1], rows[i : i + 1]) for i in range(3)]
    assert SPARSE.on_logits([1, 1, 1], rows) == pytest.approx(np.mean(each))


def test_classes_are_keras():
    """Above a probability of one half, and not at it; the first of the most probable."""
    z = np.array([[-0.1], [0.0], [0.1]], np.float32)
    np.testing.assert_array_equal(BinaryAccuracy().sums_on_logits([0, 0, 1], z), [True] * 3)
    rows = np.array([[0.0, 1, 1], [5, 1, 1], [0, 0, 0]], np.float32)
    right = SparseCategoricalAccuracy().sums_on_logits([1, 0, 0], rows)
    np.testing.assert_array_equal(right, [True] * 3)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float32])
def test_binary_labels_of_any_kind_become_float32_columns(dtype):
    targets = BINARY.check(np.array([0, 1, 1], dtype), (None, 1))
    assert (targets.tolist(), targets.dtype) == ([[0], [1], [1]], np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_classes_of_any_integer_kind_are_labels(dtype):
    targets = SPARSE.check(np.array([0, 9, 1], dtype), (None, 10))
    assert targets.tolist() == [0, 9, 1]
    assert targets.dtype.kind == "i"


def test_a_class_is_not_a_fraction():
    with pytest.raises(ValueError, match="float64; give one whole number for each"):
        SPARSE.check([0.5, 1.0], (None, 3))


# --- Derivatives ----------------------------------------------------------------------------------


def sparse(labels):
    return lambda logits: losses.sparse_categorical_crossentropy(logits, labels=labels)


def binary_closed_form(z, y):
    z, y = np.ravel(z), np.ravel(y)
    return np.mean(-y * np.log(1 / (1 + np.exp(-z))) - (1 - y) * np.log(1 / (1 + np.exp(z))))


def sparse_closed_form(z, labels):
    odds = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return np.mean([-np.log(row[label]) for row, label in zip(odds, labels, strict=True)])


def operands(*shapes):
    """Logits between -2 and 2; targets, where there are any, between 0 and 1."""
    random = np.random.default_rng(len(str(shapes)))
    return [
        random.uniform(*interval, shape)[()]
        for interval, shape in zip([(-2, 2), (0, 1)][: len(shapes)], shapes, strict=True)
    ]


CALLS = {  # shapes of the operands; the loss; its closed form
    **{
        f"binary {shapes}": (shapes, losses.binary_crossentropy, binary_closed_form)
        for shapes in [
            *[((), ()), ((4,), (4,)), ((2, 3), (2, 3)), ((4, 1), (4,)), ((4,), (4, 1))],
            *[((4, 1, 1), (4,)), ((1, 1), ())],
        ]
    },
    **{
        f"sparse {labels}": (
            ((len(labels), 3),),
            sparse(labels),
            lambda z, labels=labels: sparse_closed_form(z, labels),
        )
        for labels in ([0, 2], [1, 1], [2], np.uint8([0, 1, 2, 2]))
    },
}
of_every_call = pytest.mark.parametrize(
    ("shapes", "loss", "closed_form"), CALLS.values(), ids=CALLS
)


@of_every_call
def test_loss_is_the_closed_form(shapes, loss, closed_form):
    given = operands(*shapes)
    expected = closed_form(*given)
    for result in (loss(*given), loss(*map(Value, given)).data):
        assert np.shape(result) == ()
        assert result == pytest.approx(expected, rel=1e-14)


@of_every_call
def test_derivatives_of_both_orders_are_the_slopes(shapes, loss, closed_form):
    given = operands(*shapes)
    gradcheck(loss, *given, order=2)
    gradcheck(
        lambda *x: loss(*[v[..., ::2].T if v.shape else v for v in x]),
        *[np.repeat(x.T, 2, axis=-1) if np.ndim(x) else x for x in given],
    )


@of_every_call
def test_forward_mode_is_the_transpose_of_reverse_mode(shapes, loss, closed_form):
    given = tuple(operands(*shapes))
    moves = tuple(np.ones(shape)[()] for shape in shapes)
    every = tuple(range(len(given)))
    moved = jvp(loss, given, moves)[1]
    assert moved == pytest.approx(sum(np.sum(g) for g in grad(loss, every)(*given)), rel=1e-12)
    mixed = grad(lambda *x: jvp(loss, x, moves)[1], every)(*given)
    for found, expected in zip(mixed, hvp(loss, given, moves), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@of_every_call
def test_float32_is_kept(shapes, loss, closed_form):
    given = tuple(map(np.float32, operands(*shapes)))
    leaves = [Value(x) for x in given]
    result = loss(*leaves)
    result.backward()
    for node in topological_order(result):
        assert node.grad is None or np.result_type(node.grad) == np.float32
    assert all(leaf.grad is not None for leaf in leaves)
    assert [np.result_type(x) for x in jvp(loss, given, given)] == [np.float32, np.float32]


@pytest.mark.parametrize("targets", [[0, 1, 1], np.array([0, 1, 1]), np.array([0.0, 1.0, 1.0])])
def test_targets_are_of_the_logits_kind(targets):
    x = Value(np.float32([1, 2, 3]))
    loss = losses.binary_crossentropy(x, targets)
    loss.backward()
    assert (loss.dtype, x.grad.dtype) == (np.float32, np.float32)


# --- Far out --------------------------------------------------------------------------------------

KINDS = {
    "python": float,
    "float64": np.float64,
    "float32": np.float32,
    "array": lambda x: np.array([x]),
    "float32 array": lambda x: np.array([x], np.float32),
}


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    ("logit", "target", "loss", "slope"),
    [(1000, 1, 0, 0), (1000, 0, 1000, 1), (-1000, 1, 1000, -1), (-1000, 0, 0, 0)],
)
def test_a_sure_answer_is_stable(make, logit, target, loss, slope):
    x = Value(make(logit))
    result = losses.binary_crossentropy(x, x.data * 0 + target)
    result.backward()
    assert result.item() == loss
    assert float(np.squeeze(x.grad)) == slope


def test_classes_far_apart_are_stable():
    logits = [[1000.0, 1001.0, -1000.0], [-1000.0, -1000.0, -1000.0]]
    e = 1 / (1 + np.exp(1.0))
    odds = np.array([[e, 1 - e, 0], [1 / 3, 1 / 3, 1 / 3]])
    sums = [1001 + np.log1p(np.exp(-1.0)), np.log(3.0) - 1000]
    x = Value(logits)
    loss = sparse([2, 0])(x)
    loss.backward()
    assert loss.item() == pytest.approx((sums[0] + 1000 + np.log(3)) / 2, rel=1e-14)
    np.testing.assert_allclose(x.grad, (odds - [[0, 0, 1], [1, 0, 0]]) / 2, rtol=1e-12)


def test_masked_logits_get_no_gradient():
    x = Value([[0.5, -np.inf, 1.5]])
    loss = sparse([2])(x)
    loss.backward()
    share = 1 / (1 + np.exp(1.0))
    assert loss.item() == pytest.approx(np.log1p(np.exp(-1.0)), rel=1e-14)
    np.testing.assert_allclose(x.grad, [[share, 0, -share]], rtol=1e-14)
    np.testing.assert_allclose(numpy_api.softmax(x).data, [[share, 0, 1 - share]], rtol=1e-14)


def test_gradients_have_the_textbooks_form():
    """σ(z) - y and softmax(z) - one-hot, by the number of rows."""
    z, y = operands((4,), (4,))
    gradient = grad(losses.binary_crossentropy)(z, y)
    np.testing.assert_allclose(gradient, (ops.sigmoid(z) - y) / 4, rtol=1e-14)
    [rows] = operands((2, 3))
    gradient = grad(sparse([2, 0]))(rows)
    expected = (numpy_api.softmax(rows) - [[0, 0, 1], [1, 0, 0]]) / 2
    np.testing.assert_allclose(gradient, expected, rtol=1e-13)


# --- What is refused, and in which words ----------------------------------------------------------

X = Value(np.ones((2, 3)), label="X")
REFUSED = {
    "targets": (
        lambda: losses.binary_crossentropy(X, np.ones(3)),
        r"logits \(2, 3\) and targets \(3,\)",
    ),
    "targets transposed": (
        lambda: losses.binary_crossentropy(X, np.ones((3, 2))),
        r"logits \(2, 3\) and targets \(3, 2\)",
    ),
    "too few labels": (lambda: sparse([1])(X), r"logits \(2, 3\) and labels \(1,\)"),
    "labels as floats": (lambda: sparse([1.0, 2.0])(X), "float64.*integer"),
    "label too large": (lambda: sparse([0, 3])(X), "labels 0 to 3 for 3 classes.*0 to 2"),
    "label below zero": (lambda: sparse([-1, 0])(X), "labels -1 to 0"),
    "one row of logits": (lambda: sparse([0])(X[0]), r"logits \(3,\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusal_says_what_was_given(name):
    call, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        call()


# --- Which last layers a model has logits of ------------------------------------------------------


class OwnDense(Layer):
    """A user's own layer with an activation, as in Keras's guides."""

    def __init__(self, units, activation=None, **options):
        super().__init__(**options)
        self.units, self.activation = units, activations.get(activation)

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], self.units), name="kernel")

    def call(self, inputs):
        return self.activation(inputs @ self.kernel)


class Halved(Dense):
    """A layer that does more than its base class."""

    def call(self, inputs):
        return super().call(inputs) * 0.5


@pytest.mark.parametrize("make", [OwnDense, Halved, Dense])
@pytest.mark.parametrize("functional", [False, True])
def test_a_loss_is_of_logits_where_the_outputs_are_their_activation(make, functional):
    """Otherwise of the outputs: -log of the label's, which halves add up to 1/2."""
    x, y = np.random.default_rng(0).normal(size=(8, 4)), np.arange(8) % 3
    layer, inputs = make(3, "softmax"), Input((4,))
    model = Model(inputs, layer(inputs)) if functional else Sequential([inputs, layer])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert model.objective.on_logits == (make is Dense)
    p = model.predict(x).astype(np.float64)
    p /= p.sum(axis=1, keepdims=True)  # as Keras does with probabilities
    expected = [-np.log(p[np.arange(8), y]).mean(), np.mean(p.argmax(axis=1) == y)]
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), expected, rtol=1e-5)
    np.testing.assert_allclose(model.train_on_batch(x, y), expected, rtol=1e-5)


@pytest.mark.parametrize("last", ["softmax", "linear"])
def test_what_the_last_layer_adds_to_the_loss_is_added_to_that_of_logits(last):
    """0.01 · Σ|outputs| / n: of probabilities 0.01."""
    x, y = np.random.default_rng(0).normal(size=(8, 4)), np.arange(8) % 3
    loss = SparseCategoricalCrossentropy(from_logits=last == "linear")
    found = []
    for regularizer in (None, "l1"):
        model = Sequential([Input((4,)), Dense(3, last, activity_regularizer=regularizer)], seed=0)
        model.compile("sgd", loss)
        added = 0.01 * np.abs(model.predict(x)).sum() / 8 if regularizer else 0.0
        found.append([model.evaluate(x, y, verbose=0) - added, model.train_on_batch(x, y) - added])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
    assert last == "linear" or added == pytest.approx(0.01)
