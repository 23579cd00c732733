"""MultiHeadAttention beside its formula, written with NumPy's einsum, one head after the other."""

import copy
import pickle

import numpy as np
import pytest

from tinygrad_hw import Value
from tinygrad_hw.nn import SGD, Adam, Dense, Input, Layer, Model
from tinygrad_hw.nn.layers import Embedding, MultiHeadAttention, add
from tinygrad_hw.nn.models import load_model, model_from_json
from tinygrad_hw.nn.utils import set_random_seed

RANDOM = np.random.default_rng(0)
QUERY, VALUE, KEY = [RANDOM.normal(size=shape) for shape in ((4, 5, 6), (4, 3, 2), (4, 3, 7))]
MASK = RANDOM.random((4, 5, 3)) > 0.5
SPARSE = "sparse_categorical_crossentropy"


def attention_of(weights, query, value, key, mask=True, dropped=1.0):
    """Softmax(query · key / sqrt(width)) of each head, over places that are not masked."""
    (wq, bq), (wk, bk), (wv, bv), (wo, bo) = zip(weights[::2], weights[1::2], strict=True)
    outputs, scores = 0.0, []
    mask = np.broadcast_to(mask, (len(query), query.shape[1], value.shape[1]))
    for head in range(wq.shape[1]):
        q = query @ wq[:, head] + bq[head]
        k = key @ wk[:, head] + bk[head]
        powers = np.exp(np.einsum("nth,nsh->nts", q, k) / np.sqrt(q.shape[-1])) * mask
        sums = powers.sum(axis=-1, keepdims=True)
        scores.append(powers / np.where(sums == 0, 1, sums))
        outputs = outputs + scores[-1] * dropped @ (value @ wv[:, head] + bv[head]) @ wo[head]
    return outputs + bo, np.stack(scores, axis=1)


def layer_of(*inputs, **settings):
    """A layer in float64 with two heads, and weights of which none is 0."""
    layer = MultiHeadAttention(2, 3, dtype="float64", **settings)
    layer(*inputs)
    layer.set_weights([RANDOM.normal(size=w.shape, scale=0.5) for w in layer.get_weights()])
    return layer


@pytest.mark.parametrize("inputs", [(QUERY, QUERY), (QUERY, VALUE), (QUERY, VALUE, KEY)])
@pytest.mark.parametrize("settings", [{}, {"value_dim": 4}, {"output_shape": 2}])
def test_it_is_the_formula(inputs, settings):
    layer = layer_of(*inputs, **settings)
    expected = attention_of(layer.get_weights(), inputs[0], inputs[1], inputs[-1])
    found = layer(*inputs, return_attention_scores=True)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.data, other, rtol=1e-12, atol=1e-12)
    named = dict(zip(("query", "value", "key")[: len(inputs)], inputs, strict=True))
    np.testing.assert_array_equal(layer(**named).data, found[0].data)
    assert layer.output_shape == (None, *expected[0].shape[1:])


def test_weights_are_kerass():
    layer = layer_of(QUERY, VALUE, KEY, value_dim=4, output_shape=(2, 5))
    assert [(w.label.partition("/")[2], w.shape) for w in layer.weights] == [
        ("query/kernel", (6, 2, 3)),
        ("query/bias", (2, 3)),
        ("key/kernel", (7, 2, 3)),
        ("key/bias", (2, 3)),
        ("value/kernel", (2, 2, 4)),
        ("value/bias", (2, 4)),
        ("attention_output/kernel", (2, 4, 2, 5)),
        ("attention_output/bias", (2, 5)),
    ]
    assert layer(QUERY, VALUE, KEY).shape == (4, 5, 2, 5)
    assert len(layer_of(QUERY, VALUE, use_bias=False).weights) == 4


MASKS = {
    "attention": ({"attention_mask": MASK}, MASK),
    "numbers": ({"attention_mask": 2 * MASK}, MASK),
    "list": ({"attention_mask": MASK.tolist()}, MASK),
    "one for all": ({"attention_mask": MASK[:1]}, MASK[:1]),
    "query": ({"query_mask": MASK[:, :, 0]}, MASK[:, :, :1]),
    "value": ({"value_mask": MASK[:, 0]}, MASK[:, :1]),
    "key": ({"key_mask": MASK[:, 0]}, MASK[:, :1]),
    "causal": ({"use_causal_mask": True}, np.arange(5)[:, None] >= np.arange(3)),
    "all": (
        {
            "query_mask": MASK[:, :, 0],
            "value_mask": MASK[:, 0],
            "key_mask": MASK[:, 1],
            "attention_mask": MASK,
            "use_causal_mask": True,
        },
        MASK & MASK[:, :, :1] & MASK[:, :1] & MASK[:, 1:2] & np.tri(5, 3, dtype=bool),
    ),
}


@pytest.mark.parametrize("name", MASKS)
def test_nothing_is_seen_behind_a_mask(name):
    """Rows that see nothing included: their scores are 0."""
    options, mask = MASKS[name]
    layer = layer_of(QUERY, VALUE)
    expected = attention_of(layer.get_weights(), QUERY, VALUE, VALUE, mask)
    found = layer(QUERY, VALUE, **options, return_attention_scores=True)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.data, other, rtol=1e-12, atol=1e-12)


def test_each_head_may_have_a_mask():
    layer = layer_of(QUERY, VALUE)
    both = np.stack([MASK, ~MASK], axis=1)
    _, scores = layer(QUERY, VALUE, attention_mask=both, return_attention_scores=True)
    for head in range(2):
        _, wanted = attention_of(layer.get_weights(), QUERY, VALUE, VALUE, both[:, head])
        np.testing.assert_allclose(scores.data[:, head], wanted[:, head], rtol=1e-12)


@pytest.mark.parametrize("axes", [1, 2, (1, 2), None])
def test_further_axes_are_attended_or_apart(axes):
    """Of images: over columns, over rows, or over all places."""
    images = RANDOM.normal(size=(4, 3, 2, 6))
    layer = layer_of(images, images, attention_axes=axes)
    weights = layer.get_weights()
    outputs, scores = layer(images, images, return_attention_scores=True)
    if axes == 1:
        moved = images.transpose(0, 2, 1, 3).reshape(8, 3, 6)
        expected, of_scores = attention_of(weights, moved, moved, moved)
        expected = expected.reshape(4, 2, 3, 6).transpose(0, 2, 1, 3)
        of_scores = of_scores.reshape(4, 2, 2, 3, 3)
    elif axes == 2:
        rows = images.reshape(12, 2, 6)
        expected, of_scores = attention_of(weights, rows, rows, rows)
        expected, of_scores = expected.reshape(images.shape), of_scores.reshape(4, 3, 2, 2, 2)
    else:
        places = images.reshape(4, 6, 6)
        expected, of_scores = attention_of(weights, places, places, places)
        expected, of_scores = expected.reshape(images.shape), of_scores.reshape(4, 2, 3, 2, 3, 2)
    np.testing.assert_allclose(outputs.data, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(scores.data, of_scores, rtol=1e-12)


def test_gradients_are_slopes():
    """Central differences of the formula, of every weight and of the inputs, with a mask."""
    layer = layer_of(QUERY, VALUE, KEY)
    factors = RANDOM.normal(size=(4, 5, 6))
    inputs = [Value(x) for x in (QUERY, VALUE, KEY)]
    (layer(*inputs, attention_mask=MASK) * factors).sum().backward()
    arrays = [*layer.get_weights(), QUERY.copy(), VALUE.copy(), KEY.copy()]

    def total():
        return (attention_of(arrays[:8], *arrays[8:], MASK)[0] * factors).sum()

    for value, array in zip([*layer.weights, *inputs], arrays, strict=True):
        for index in list(np.ndindex(array.shape))[::7]:
            before, sides = array[index], []
            for h in (1e-5, -1e-5):
                array[index] = before + h
                sides.append(total())
            array[index] = before
            assert value.grad[index] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-7)


def test_scores_are_dropped_in_training_alone():
    layer = layer_of(QUERY, VALUE, dropout=0.5, seed=3)
    weights = layer.get_weights()
    calm = attention_of(weights, QUERY, VALUE, VALUE)[0]
    np.testing.assert_allclose(layer(QUERY, VALUE).data, calm, rtol=1e-12, atol=1e-12)
    noisy, scores = layer(QUERY, VALUE, training=True, return_attention_scores=True)
    assert not np.allclose(noisy.data, calm)
    np.testing.assert_allclose(scores.data.sum(axis=-1), 1.0)  # those before, as in Keras


# --- In models ------------------------------------------------------------------------------------


def transformer(dropout=0.0):
    """Words, of any number, and a layer of attention around which they pass."""
    words = Input((None,), dtype="int32")
    x = Embedding(7, 6)(words)
    attended, scores = MultiHeadAttention(2, 3, dropout=dropout, name="attention")(
        x, x, use_causal_mask=True, return_attention_scores=True
    )
    outputs = Dense(7, "softmax")(add([x, attended]))
    return Model(words, outputs, name="net", seed=0), Model(words, scores)


def test_lengths_may_be_unknown():
    model, scores = transformer()
    assert (model.output_shape, scores.output_shape) == ((None, None, 7), (None, 2, None, None))
    for n in (2, 5):
        words = RANDOM.integers(0, 7, (3, n))
        assert model.predict(words).shape == (3, n, 7)
        found = scores.predict(words)
        np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=1e-6)
        assert not np.triu(found, 1).any()


class Last(Layer):
    """The last place, after positions were added to all and one was seen by the other."""

    def __init__(self, attention, **options):
        super().__init__(**options)
        self.attention = attention

    def build(self, input_shape):
        self.position = self.add_weight(input_shape[1:], "random_normal")

    def call(self, inputs):
        hidden = inputs + self.position
        return self.attention(hidden[:, -1:], hidden)[:, 0]


def test_it_learns_where_to_look():
    """At the word before the last but one: by chance, 1 in 7 is right."""
    words = np.random.default_rng(0).integers(0, 7, (512, 4))
    set_random_seed(0)
    x = Input((4,), dtype="int32")
    model = Model(x, Dense(7, "softmax")(Last(MultiHeadAttention(2, 8))(Embedding(7, 6)(x))))
    model.compile(Adam(0.01), SPARSE, metrics=["accuracy"], jit_compile=False)
    model.fit(words, words[:, 1], epochs=30, verbose=0)
    assert model.evaluate(words, words[:, 1], verbose=0)[1] > 0.95


class Padded(Layer):
    """A layer of the user's: places with word 0 are not looked at."""

    def __init__(self, **options):
        super().__init__(**options)
        self.embedding = Embedding(7, 6)
        self.attention = MultiHeadAttention(2, 3)

    def call(self, words):
        x = self.embedding(words)
        return self.attention(x, x, value_mask=words > 0.5)


def test_a_mask_may_be_computed_from_the_inputs():
    """In a captured model, for every batch anew."""
    x = Input((4,))
    padded = Padded()
    model = Model(x, padded(x))
    for _ in range(6):
        words = RANDOM.integers(0, 7, (5, 4)).astype(np.float32)
        words[:, 0] = 1
        table, *weights = [w.astype(np.float64) for w in model.get_weights()]
        embedded = table[words.astype(int)]
        expected, _ = attention_of(weights, embedded, embedded, embedded, words[:, None] > 0.5)
        np.testing.assert_allclose(model.predict(words), expected, atol=1e-6)


@pytest.mark.parametrize("way", ["file", "pickle", "deepcopy", "text"])
def test_it_is_saved_and_copied(way, tmp_path):
    """Beside a model of the same layers, which has no part in the training.

    By gradient descent: the biases of keys have no gradient, and Adam makes steps of its rounding.
    """
    model, _ = transformer(dropout=0.3)
    words = RANDOM.integers(0, 7, (8, 5))
    model.compile(SGD(0.1, momentum=0.9), SPARSE, jit_compile=False)
    model.fit(words, words, epochs=2, verbose=0)
    if way == "file":
        model.save(tmp_path / "m.safetensors")
        other = load_model(tmp_path / "m.safetensors")
    elif way == "text":
        other = model_from_json(model.to_json())
        other.set_weights(model.get_weights())
        assert other.to_json() == model.to_json()
    else:
        other = pickle.loads(pickle.dumps(model)) if way == "pickle" else copy.deepcopy(model)
    np.testing.assert_array_equal(other.predict(words), model.predict(words))
    if way != "text":
        for each in (model, other):
            each.fit(words, words, epochs=3, verbose=0)
        np.testing.assert_array_equal(other.predict(words), model.predict(words))


def test_what_it_adds_to_the_loss_is_of_its_four_projections():
    """0.01 · Σ w² of every kernel; and 0.01 · Σ a² / n of what each projection gives."""
    x = QUERY.astype(np.float32)
    settings = {"kernel_regularizer": "l2", "activity_regularizer": "l2"}
    inputs = Input((5, 6))
    layer = MultiHeadAttention(2, 3, **settings)
    model = Model(inputs, layer(inputs, inputs))
    model.compile("sgd", "mse", jit_compile=False)
    kernels = model.get_weights()[::2]
    projected = [np.tensordot(x.astype(np.float64), kernel, 1) for kernel in kernels[:3]]
    squares = [(part**2).sum() / 4 for part in (*projected, model.predict(x).astype(np.float64))]
    added = 0.01 * (sum((w.astype(np.float64) ** 2).sum() for w in kernels) + sum(squares))
    found = model.evaluate(x, x, verbose=0)
    assert found == pytest.approx(((model.predict(x) - x) ** 2).mean() + added, rel=1e-5)


@pytest.mark.parametrize(
    ("attempt", "error", "message"),
    [
        (lambda: MultiHeadAttention(0, 3), ValueError, "got num_heads=0; a layer needs at least 1"),
        (lambda: MultiHeadAttention(2, 1.5), ValueError, "got key_dim=1.5; a layer needs"),
        (lambda: MultiHeadAttention(2, 3, 0), ValueError, "got value_dim=0; a layer needs"),
        (
            lambda: MultiHeadAttention(2, 3, 3, 0.0, True, None, None, 4),
            TypeError,
            "takes from 3 to 8 positional arguments but 9 were given",
        ),
        (lambda: MultiHeadAttention(2, 3, use_gate=True), TypeError, "argument 'use_gate'"),
        (lambda: MultiHeadAttention(2, 3)(QUERY), TypeError, "required argument: 'value'"),
        (
            lambda: MultiHeadAttention(2, 3, name="a")(QUERY, VALUE, KEY[:, :2]),
            ValueError,
            r"a got a query of shape \(None, 5, 6\), a value of \(None, 3, 2\) and a key of \(None",
        ),
        (
            lambda: MultiHeadAttention(2, 3)(QUERY[None], QUERY[None], use_causal_mask=True),
            ValueError,
            r"masks other than attention_mask are for shapes \(n, length, width\)",
        ),
        (
            lambda: MultiHeadAttention(2, 3)(QUERY, VALUE, attention_mask=MASK[:, 0, 0]),
            ValueError,
            r"a mask has the shape \(4,\); scores have 4 axes",
        ),
    ],
)  # fmt: skip
def test_errors(attempt, error, message):
    with pytest.raises(error, match=message):
        attempt()
