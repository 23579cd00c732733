"""The losses by Keras's names: closed forms, reductions, weights, targets, and what is refused."""

import copy
import json
import pickle

import numpy as np
import pytest

from tinygrad_hw.engine import Value, gradcheck, ops
from tinygrad_hw.engine.numpy_api import softmax
from tinygrad_hw.nn import losses
from tinygrad_hw.program import capture

RANDOM = np.random.default_rng(0)
SHARES = RANDOM.dirichlet(np.full(3, 6.0), 4)  # four rows of probabilities that sum to 1
OTHERS = RANDOM.dirichlet(np.full(3, 6.0), 4)
NUMBERS, WANTED = RANDOM.uniform(0.2, 2.5, (2, 4, 3))
LABELS = np.array([2, 0, 1, 1])
ONE_HOT = np.eye(3)[LABELS]
SIGNS = np.where(RANDOM.random((4, 3)) > 0.5, 1.0, -1.0)


def cosine(t, p):
    return [-(a @ b) / np.sqrt((a @ a) * (b @ b)) for a, b in zip(t, p, strict=True)]


def hinge_of_classes(t, p):
    return [
        max(0, 1 + max(row[i] for i in range(3) if i != label) - row[label])
        for label, row in zip(np.argmax(t, 1), p, strict=True)
    ]


FORMS = {  # the class: targets, outputs, and the loss of each example in the textbook's form
    "MeanSquaredError": (WANTED, NUMBERS, lambda t, p: np.mean((t - p) ** 2, 1)),
    "MeanAbsoluteError": (WANTED, NUMBERS, lambda t, p: np.mean(abs(t - p), 1)),
    "MeanAbsolutePercentageError": (
        *(WANTED, NUMBERS),
        lambda t, p: np.mean(100 * abs(t - p) / abs(t), 1),
    ),
    "MeanSquaredLogarithmicError": (
        *(WANTED, NUMBERS),
        lambda t, p: np.mean((np.log1p(t) - np.log1p(p)) ** 2, 1),
    ),
    "Huber": (
        *(3 * WANTED, NUMBERS),
        lambda t, p: np.mean(np.where(abs(t - p) < 1, (t - p) ** 2 / 2, abs(t - p) - 0.5), 1),
    ),
    "LogCosh": (WANTED, NUMBERS, lambda t, p: np.mean(np.log(np.cosh(t - p)), 1)),
    "CosineSimilarity": (WANTED, NUMBERS, cosine),
    "KLDivergence": (OTHERS, SHARES, lambda t, p: np.sum(t * np.log(t / p), 1)),
    "Poisson": (WANTED, NUMBERS, lambda t, p: np.mean(p - t * np.log(p + 1e-7), 1)),
    "BinaryCrossentropy": (
        *(OTHERS, SHARES),
        lambda t, p: -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p), 1),
    ),
    "CategoricalCrossentropy": (OTHERS, SHARES, lambda t, p: -np.sum(t * np.log(p), 1)),
    "SparseCategoricalCrossentropy": (LABELS, SHARES, lambda t, p: -np.log(p[range(4), t])),
    "Hinge": (SIGNS, NUMBERS, lambda t, p: np.mean(np.maximum(0, 1 - t * p), 1)),
    "SquaredHinge": (SIGNS, NUMBERS, lambda t, p: np.mean(np.maximum(0, 1 - t * p) ** 2, 1)),
    "CategoricalHinge": (ONE_HOT, NUMBERS, hinge_of_classes),
}
of_every_loss = pytest.mark.parametrize(
    ("name", "targets", "outputs", "form"), [(n, *x) for n, x in FORMS.items()], ids=FORMS
)
SAMPLE = losses.MeanSquaredError
REFUSED = {  # the loss, targets, the shape of the outputs, and words of the message
    "strings": ("mse", ["a"], (None, 1), "mean_squared_error got targets of str32; give num"),
    "too wide": (
        *("mse", np.ones((4, 3)), (None, 1)),
        r"targets of shape \(4, 3\) for outputs of shape \(None, 1\); give one target for each",
    ),
    "one class too many": (
        *("sparse_categorical_crossentropy", [0, 3], (None, 3)),
        "labels 0 to 3 for 3 classes; number the classes 0 to 2",
    ),
    "below zero": ("sparse_categorical_crossentropy", [-1, 0], (None, 3), "labels -1 to 0"),
    "a fraction": (
        *("sparse_categorical_crossentropy", [0.5, 1], (None, 3)),
        "float64; give one whole number for each example",
    ),
    "one-hot in place of classes": (
        *("sparse_categorical_crossentropy", ONE_HOT, (None, 3)),
        "give one class number for each example, or take categorical_crossentropy",
    ),
    "classes in place of one-hot": (
        *("categorical_crossentropy", LABELS, (None, 3)),
        r"np\.eye\(classes\)\[y\] does, or take sparse_categorical_crossentropy",
    ),
    "a column in place of one-hot": (
        *("categorical_crossentropy", LABELS[:, None], (None, 3)),
        r"targets of shape \(4, 1\) for outputs of shape \(None, 3\); give a row",
    ),
    "classes beyond two": (
        *("binary_crossentropy", [0, 2], (None, 1)),
        "labels 0 to 2; number the two classes 0 and 1",
    ),
    "nan": ("binary_crossentropy", [0, np.nan], (None, 1), "labels nan to nan"),
}


def names(known):
    """A class's names: its own, and that of the function."""
    return known.__name__, known.function.__name__


def test_every_class_has_its_closed_form_here():
    given_out = {name for name in losses.__all__ if name[0].isupper()}
    assert given_out == {*FORMS, "Loss", "LossFunctionWrapper"}


class TestNumbers:
    @of_every_loss
    def test_class_function_and_strings_have_the_closed_form(self, name, targets, outputs, form):
        each = form(targets, outputs)
        known = getattr(losses, name)
        function = getattr(losses, known.function.__name__)
        np.testing.assert_allclose(function(targets, outputs), each, rtol=1e-12)
        np.testing.assert_allclose(known().call(targets, outputs), each, rtol=1e-12)
        for identifier in (*names(known), known, function, known()):
            loss = losses.get(identifier)
            assert type(loss) is known
            assert loss(targets, outputs) == pytest.approx(np.mean(each), rel=1e-12)

    @of_every_loss
    def test_gradients_are_the_slopes(self, name, targets, outputs, form):
        loss = getattr(losses, name)()
        gradcheck(lambda p: loss(targets, p), outputs)

    @of_every_loss
    def test_float32_is_kept(self, name, targets, outputs, form):
        outputs = Value(np.float32(outputs))
        loss = losses.get(name)(targets, outputs)
        loss.backward()
        assert (loss.dtype, outputs.grad.dtype) == (np.float32, np.float32)
        assert loss.item() == pytest.approx(np.mean(form(targets, outputs.data)), rel=1e-4)

    @of_every_loss
    def test_a_captured_step_has_the_same_numbers_for_every_batch(
        self, name, targets, outputs, form
    ):
        loss = losses.get(name)

        def step(t, p):
            leaf = Value(p)
            result = loss(t, leaf)
            result.backward()
            return result.raw, leaf.grad

        captured = capture(step, pure=True)
        for shift in range(6):
            batch = (np.roll(targets, shift, 0), np.roll(outputs, -shift, 0))
            for found, expected in zip(captured(*batch), step(*batch), strict=True):
                np.testing.assert_allclose(found, expected, rtol=1e-12)

    @of_every_loss
    def test_more_dimensions_are_more_examples(self, name, targets, outputs, form):
        function = losses.get(name).call
        pair = [np.stack([x, x[::-1]]) for x in (targets, outputs)]
        each = function(*pair)
        assert each.shape == (2, 4)
        np.testing.assert_allclose(each[0], function(targets, outputs), rtol=1e-12)

    def test_errors_far_out_do_not_overflow(self):
        assert losses.log_cosh([[0.0]], [[1000.0]]) == pytest.approx(1000 - np.log(2))
        assert losses.log_cosh([[0.0]], [[-1000.0]]) == pytest.approx(1000 - np.log(2))

    @pytest.mark.parametrize("delta", [0.1, 1.0, 3.0])
    def test_huber_turns_at_delta(self, delta):
        errors = np.array([[-4.0], [-delta], [delta / 2], [delta], [9.0]])
        inside, outside = errors**2 / 2, delta * abs(errors) - delta**2 / 2
        expected = np.where(abs(errors) <= delta, inside, outside)[:, 0]
        found = losses.Huber(delta, reduction=None)(np.zeros((5, 1)), errors)
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_probabilities_are_clipped_as_keras_clips_them(self):
        sure = np.float32([[0.0], [1.0]])
        found = losses.binary_crossentropy([[1], [0]], sure)
        np.testing.assert_allclose(found, [-np.log(1e-7), -np.log(2**-23)], rtol=1e-6)
        rows = np.float32([[1, 0, 0]])
        found = [losses.sparse_categorical_crossentropy([i], rows) for i in range(3)]
        np.testing.assert_allclose(np.ravel(found), [2**-23, *[-np.log(1e-7)] * 2], rtol=1e-6)
        assert losses.categorical_crossentropy([[0, 1, 0]], rows) == pytest.approx(-np.log(1e-7))

    def test_probabilities_that_do_not_sum_to_one_are_shares(self):
        assert losses.categorical_crossentropy([[0, 1]], [[3.0, 1]]) == pytest.approx(np.log(4))
        assert losses.sparse_categorical_crossentropy([1], [[3.0, 1]]) == pytest.approx(np.log(4))

    def test_a_zero_vector_has_no_direction(self):
        zero = Value(np.zeros((1, 3)))
        loss = losses.cosine_similarity([[1.0, 2, 3]], zero)
        loss.backward(np.ones(1))
        assert (loss.item(), np.isfinite(zero.grad).all()) == (0, True)

    @pytest.mark.parametrize("loss", [losses.hinge, losses.squared_hinge])
    def test_hinge_takes_0_and_1_for_signs(self, loss):
        np.testing.assert_array_equal(loss((SIGNS + 1) / 2, NUMBERS), loss(SIGNS, NUMBERS))


class TestFromLogits:
    """Where the outputs are logits, or the last activation makes probabilities of logits."""

    LOGITS = RANDOM.normal(size=(4, 3))

    def cases(self):
        for smoothing in (0.0, 0.3):
            binary = {"label_smoothing": smoothing}
            yield losses.BinaryCrossentropy, binary, OTHERS, ops.sigmoid
            yield losses.CategoricalCrossentropy, binary, ONE_HOT, softmax
        yield losses.SparseCategoricalCrossentropy, {}, LABELS, softmax

    @pytest.mark.parametrize("weights", [None, np.array([0.5, 2, 0, 1])])
    @pytest.mark.parametrize("reduction", ["mean", "sum", None, "mean_with_sample_weight"])
    def test_is_the_loss_of_the_probabilities(self, reduction, weights):
        for kind, settings, targets, activation in self.cases():
            plain = kind(**settings, reduction=reduction)
            logits = kind(from_logits=True, **settings, reduction=reduction)
            expected = plain(targets, activation(self.LOGITS), weights)
            for found in (
                logits(targets, self.LOGITS, weights),
                plain.on_logits(targets, self.LOGITS, weights),
            ):
                np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_says_which_activation_goes_with_it(self):
        assert losses.BinaryCrossentropy().fused_activation == "sigmoid"
        for kind in (losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy):
            assert kind().fused_activation == "softmax"
            assert kind(from_logits=True).fused_activation is None
        assert losses.MeanSquaredError().fused_activation is None
        assert losses.get(lambda t, p: p).fused_activation is None

    def test_digits_are_kept_where_the_network_is_sure(self):
        logits, none = np.float32([[30.0]]), np.float32([[0.0, 90.0]])
        assert losses.BinaryCrossentropy().on_logits([[0]], logits) == 30
        assert losses.BinaryCrossentropy(from_logits=True)([[0]], logits) == 30
        for loss, target in (
            (losses.CategoricalCrossentropy(), [[1, 0]]),
            (losses.SparseCategoricalCrossentropy(), [0]),
        ):
            assert loss.on_logits(target, none) == 90

    def test_smoothed_labels_by_hand(self):
        """0.2 of a label goes to both classes: 1 becomes 0.9; of four classes 1 becomes 0.85."""
        p = np.array([[0.7]])
        expected = -0.9 * np.log(0.7) - 0.1 * np.log(0.3)
        assert losses.BinaryCrossentropy(label_smoothing=0.2)([[1]], p) == pytest.approx(expected)
        rows = np.array([[0.1, 0.2, 0.3, 0.4]])
        expected = -np.log(rows[0]) @ [0.05, 0.05, 0.85, 0.05]
        loss = losses.CategoricalCrossentropy(label_smoothing=0.2)
        assert loss([[0, 0, 1, 0]], rows) == pytest.approx(expected)


class TestReduction:
    EACH = np.mean((WANTED - NUMBERS) ** 2, 1)
    WEIGHTS = np.array([0.5, 2, 0, 1])

    @pytest.mark.parametrize(
        ("reduction", "plain", "weighted"),
        [
            ("sum_over_batch_size", np.mean(EACH), np.mean(EACH * WEIGHTS)),
            ("mean", np.mean(EACH), np.mean(EACH * WEIGHTS)),
            ("sum", np.sum(EACH), EACH @ WEIGHTS),
            ("mean_with_sample_weight", np.mean(EACH), np.average(EACH, weights=WEIGHTS)),
            (None, EACH, EACH * WEIGHTS),
            ("none", EACH, EACH * WEIGHTS),
        ],
    )
    def test_by_hand(self, reduction, plain, weighted):
        loss = SAMPLE(reduction=reduction)
        np.testing.assert_allclose(loss(WANTED, NUMBERS), plain)
        for weights in (self.WEIGHTS, self.WEIGHTS[:, None], self.WEIGHTS.tolist()):
            np.testing.assert_allclose(loss(WANTED, NUMBERS, weights), weighted)
        np.testing.assert_allclose(loss(WANTED, Value(NUMBERS), self.WEIGHTS).data, weighted)

    def test_a_weight_for_each_loss_or_for_each_example(self):
        pair = [np.stack([x] * 2, 1) for x in (WANTED, NUMBERS)]  # (4, 2, 3): losses (4, 2)
        loss = SAMPLE(reduction="sum")
        assert loss(*pair, self.WEIGHTS) == pytest.approx(2 * self.EACH @ self.WEIGHTS)
        of_each = np.stack([self.WEIGHTS, 0 * self.WEIGHTS], 1)
        assert loss(*pair, of_each) == pytest.approx(self.EACH @ self.WEIGHTS)

    def test_no_weight_at_all_is_no_loss(self):
        assert SAMPLE("mean_with_sample_weight")(WANTED, NUMBERS, np.zeros(4)) == 0

    def test_refuses_weights_that_do_not_fit(self):
        with pytest.raises(ValueError, match=r"sample_weight of shape \(3,\) for losses of shape"):
            SAMPLE()(WANTED, NUMBERS, np.ones(3))

    def test_refuses_an_unknown_one(self):
        with pytest.raises(ValueError, match="unknown reduction 'average'; known are sum_over_b"):
            SAMPLE("average")


class TestTargets:
    def test_a_column_may_be_a_list(self):
        for name in ("mse", "mae", "huber", "log_cosh", "hinge", "poisson", "binary_crossentropy"):
            for y in ([0, 1], [[0], [1]], np.uint8([0, 1]), [False, True]):
                found = losses.get(name).check(y, (None, 1))
                assert found.dtype == np.float32
                np.testing.assert_array_equal(found, [[0], [1]])

    @pytest.mark.parametrize("dtype", ["?", "u1", "i1", "i2", "u8", "i8", "f4", "f8"])
    def test_classes_are_of_any_dtype_in_a_list_or_a_column(self, dtype):
        sparse = losses.get("sparse_categorical_crossentropy")
        for y in (np.array([0, 1, 1], dtype), np.array([[0], [1], [1]], dtype)):
            found = sparse.check(y, (None, 3))
            assert (found.tolist(), found.dtype.kind) == ([0, 1, 1], "i")

    def test_images_and_sequences(self):
        y = np.zeros((5, 2, 3))
        assert losses.get("mse").check(y, (None, 2, 3)).shape == (5, 2, 3)
        assert losses.get("mse").check(y, (None, None, 3)).shape == (5, 2, 3)
        sparse = losses.get("sparse_categorical_crossentropy")
        assert sparse.check(y, (None, 2, 3, 7)).shape == (5, 2, 3)
        assert sparse.check(y[..., :1], (None, 2, 7)).shape == (5, 2)

    def test_one_hot_of_several_labels(self):
        assert losses.get("categorical_crossentropy").check(ONE_HOT, (None, 3)).shape == (4, 3)
        assert losses.get("binary_crossentropy").check(ONE_HOT, (None, 3)).shape == (4, 3)

    def test_a_function_of_ones_own_gets_what_there_is(self):
        own = losses.get(lambda t, p: p)
        assert own.check(np.ones((4, 7)), (None, 3)).shape == (4, 7)
        assert own.check(np.ones(4), (None, 1)).shape == (4, 1)

    @pytest.mark.parametrize("name", REFUSED)
    def test_what_does_not_fit_is_refused_in_a_line(self, name):
        loss, y, shape, words = REFUSED[name]
        with pytest.raises(ValueError, match=words) as refused:
            losses.get(loss).check(y, shape)
        assert "\n" not in str(refused.value)

    @pytest.mark.parametrize("name", [name for name in FORMS if not name.startswith("Sparse")])
    def test_shapes_that_would_broadcast_are_refused(self, name):
        """Keras makes 4 · 4 losses of them, or another broadcast."""
        words = r"got targets of shape \(4,\) and outputs of shape \(4, 3\)"
        with pytest.raises(ValueError, match=words):
            losses.get(name)(np.ones(4), np.ones((4, 3)))
        with pytest.raises(ValueError, match=r"targets of shape \(4, 1\) and outputs"):
            losses.get(name)(np.ones((4, 1)), np.ones((4, 3)))


class TestNames:
    @pytest.mark.parametrize(
        ("short", "name"),
        [
            ("mse", "MeanSquaredError"),
            ("mae", "MeanAbsoluteError"),
            ("mape", "MeanAbsolutePercentageError"),
            ("msle", "MeanSquaredLogarithmicError"),
            ("bce", "BinaryCrossentropy"),
            ("kld", "KLDivergence"),
        ],
    )
    def test_short_ones(self, short, name):
        assert type(losses.get(short)) is type(losses.get(short.upper())) is getattr(losses, name)

    @pytest.mark.parametrize("name", FORMS)
    def test_a_configuration_makes_an_equal_loss(self, name):
        loss = getattr(losses, name)(reduction="sum", name="mine")
        config = json.loads(json.dumps(losses.serialize(loss)))
        for again in (
            losses.deserialize(config),
            losses.get(config),
            type(loss).from_config(loss.get_config()),
            copy.deepcopy(loss),
            pickle.loads(pickle.dumps(loss)),
        ):
            assert repr(again) == repr(loss)
            assert again.get_config() == loss.get_config()
            assert again.name == "mine"

    def test_a_function_may_be_a_loss(self):
        def ninth_power(y_true, y_pred):
            return np.mean((y_true - y_pred) ** 9, axis=-1)

        loss = losses.get(ninth_power)
        assert (loss.name, type(loss)) == ("ninth_power", losses.LossFunctionWrapper)
        assert loss([0, 0], [[1.0], [2.0]]) == pytest.approx((1 + 2**9) / -2)
        gradcheck(lambda p: loss(np.zeros((2, 1)), p), np.array([[1.0], [2.0]]))

    def test_a_loss_of_ones_own_has_call(self):
        class Offset(losses.Loss):
            def __init__(self, by):
                super().__init__(name="offset", reduction="sum")
                self.by = by

            def call(self, y_true, y_pred):
                return np.mean(y_pred - y_true + self.by, axis=-1)

        loss = losses.get(Offset(3))
        assert loss(np.zeros((2, 1)), np.ones((2, 1)), [1, 0.5]) == 6
        with pytest.raises(NotImplementedError, match="Loss is to define call"):
            losses.Loss()([1], [1])

    def test_dtype_is_the_one_to_compute_in(self):
        assert SAMPLE(dtype="float32")(WANTED, NUMBERS).dtype == np.float32
        assert losses.SparseCategoricalCrossentropy(dtype="float32")(LABELS, SHARES).dtype == (
            np.float32
        )
        assert losses.Huber(dtype="float64").check([1, 2], (None, 1)).dtype == np.float64

    @pytest.mark.parametrize(
        ("identifier", "words"),
        [
            ("dice", "unknown loss 'dice'; known are .*mean_squared_error.*mse"),
            (3, "loss should be a name, an object of Loss or a function, got 3"),
            (None, "got None"),
            (int, "got <class 'int'>"),
        ],
    )
    def test_what_is_no_loss_is_refused(self, identifier, words):
        with pytest.raises(ValueError, match=words):
            losses.get(identifier)

    def test_what_is_not_here_of_keras_is_refused_by_name(self):
        with pytest.raises(ValueError, match="got ignore_class=0, axis=-1, which are not supp"):
            losses.SparseCategoricalCrossentropy(ignore_class=0)
        with pytest.raises(ValueError, match="ignore_class=None, axis=1, which are not"):
            losses.sparse_categorical_crossentropy(LABELS, SHARES, axis=1)
        with pytest.raises(ValueError, match="label_smoothing should be from 0 to 1, got 3"):
            losses.BinaryCrossentropy(label_smoothing=3)
