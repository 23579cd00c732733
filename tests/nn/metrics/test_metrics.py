"""The metrics by Keras's names: counted by hand, batch by batch, and inside captured functions."""

import copy
import json
import pickle

import numpy as np
import pytest

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.numpy_api import softmax
from tinygrad_hw.nn import losses, metrics
from tinygrad_hw.program import capture

RANDOM = np.random.default_rng(0)
P, WANTED = RANDOM.uniform(0.05, 0.95, (2, 12, 4))
T = (RANDOM.random((12, 4)) > 0.4).astype(float)
LABELS = RANDOM.integers(0, 4, 12)
ONE_HOT = np.eye(4)[LABELS]
WEIGHTS = RANDOM.uniform(0.5, 2, 12)


def rank(p, labels):
    """How many outputs of each example are larger than that of its class."""
    return np.array([sorted(row)[::-1].index(row[i]) for row, i in zip(p, labels, strict=True)])


def cosines(t, p):
    return [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(t, p, strict=True)]


MEANS = {  # the metric: targets, outputs, and the number of each example
    "Accuracy": (metrics.Accuracy(), T, P > 0.5, np.mean((P > 0.5) == T, 1)),
    "BinaryAccuracy": (metrics.BinaryAccuracy(), T, P, np.mean((P > 0.5) == T, 1)),
    "BinaryAccuracy(threshold=0.3)": (
        *(metrics.BinaryAccuracy(threshold=0.3), T, P),
        np.mean((P > 0.3) == T, 1),
    ),
    "CategoricalAccuracy": (metrics.CategoricalAccuracy(), ONE_HOT, P, rank(P, LABELS) == 0),
    "SparseCategoricalAccuracy": (
        *(metrics.SparseCategoricalAccuracy(), LABELS, P),
        rank(P, LABELS) == 0,
    ),
    "TopKCategoricalAccuracy": (
        *(metrics.TopKCategoricalAccuracy(k=2), ONE_HOT, P),
        rank(P, LABELS) < 2,
    ),
    "SparseTopKCategoricalAccuracy": (
        *(metrics.SparseTopKCategoricalAccuracy(k=3), LABELS, P),
        rank(P, LABELS) < 3,
    ),
    "MeanSquaredError": (metrics.MeanSquaredError(), WANTED, P, np.mean((WANTED - P) ** 2, 1)),
    "MeanAbsoluteError": (metrics.MeanAbsoluteError(), WANTED, P, np.mean(abs(WANTED - P), 1)),
    "MeanAbsolutePercentageError": (
        *(metrics.MeanAbsolutePercentageError(), WANTED, P),
        np.mean(100 * abs(WANTED - P) / WANTED, 1),
    ),
    "MeanSquaredLogarithmicError": (
        *(metrics.MeanSquaredLogarithmicError(), WANTED, P),
        np.mean((np.log1p(WANTED) - np.log1p(P)) ** 2, 1),
    ),
    "CosineSimilarity": (metrics.CosineSimilarity(), WANTED, P, cosines(WANTED, P)),
    "a function": (metrics.get(lambda t, p: p[:, 0] * t[:, 1]), T, P, P[:, 0] * T[:, 1]),
    "a loss": (metrics.get(losses.Huber()), WANTED, P, np.mean((WANTED - P) ** 2 / 2, 1)),
}
of_every_mean = pytest.mark.parametrize(
    ("metric", "targets", "outputs", "each"), MEANS.values(), ids=MEANS.keys()
)


class TestMeans:
    @of_every_mean
    def test_batches_are_weighted_by_their_examples(self, metric, targets, outputs, each):
        metric = copy.deepcopy(metric)
        assert metric.result() == 0
        for _ in range(2):
            for part in (slice(0, 5), slice(5, 6), slice(6, 12)):
                metric.update_state(targets[part], outputs[part])
            assert metric.result() == pytest.approx(np.mean(each), rel=1e-12)
            metric.reset_state()
            for part in (slice(0, 5), slice(5, 12)):
                metric.update_state(targets[part], outputs[part], WEIGHTS[part])
            expected = np.average(each, weights=WEIGHTS)
            assert metric.result() == pytest.approx(expected, rel=1e-12)
            metric.reset_state()
        assert metric(targets, outputs) == pytest.approx(np.mean(each), rel=1e-12)

    @of_every_mean
    def test_a_captured_function_sums_them(self, metric, targets, outputs, each):
        captured = capture(lambda t, p: np.sum(metric.sums(t, p)), pure=True)
        for shift in range(6):
            batch = [np.roll(x, shift, 0) for x in (targets, outputs)]
            assert metric.sums(*batch).shape == (12,)
            assert captured(*batch) == pytest.approx(np.sum(each), rel=1e-12)

    @pytest.mark.parametrize("name", [name for name in MEANS if "Accuracy" in name])
    def test_logits_tell_as_much_as_probabilities(self, name):
        metric, targets, *_ = MEANS[name]
        logits = 4 * (P - 0.5)
        for activation in metric.fused_activations:
            made = {"sigmoid": ops.sigmoid, "softmax": softmax}[activation](logits)
            found = metric.sums_on_logits(targets, logits)
            np.testing.assert_array_equal(found, metric.sums(targets, made))
            captured = capture(lambda t, z: np.sum(metric.sums_on_logits(t, z)), pure=True)
            for _ in range(4):
                assert captured(targets, logits) == pytest.approx(np.sum(found))
        assert bool(metric.fused_activations) == (name != "Accuracy")

    def test_columns_are_lists(self):
        y, p = np.array([0, 1, 1]), np.array([[0.2], [0.7], [0.4]])
        for targets in (y, y[:, None]):
            assert metrics.BinaryAccuracy()(targets, p) == pytest.approx(2 / 3)
            assert metrics.MeanSquaredError()(targets, p) == pytest.approx(0.49 / 3)
            assert metrics.SparseCategoricalAccuracy()(targets, np.eye(3)[[0, 1, 2]]) == 2 / 3

    def test_a_metric_of_no_example_at_a_time_counts_for_each(self):
        metric = metrics.get(lambda t, p: np.mean((t - p) ** 2))
        metric.update_state(np.zeros((3, 1)), np.ones((3, 1)))
        metric.update_state(np.zeros((1, 1)), 3 * np.ones((1, 1)))
        assert metric.result() == (3 * 1 + 9) / 4
        assert metric.sums(np.zeros((3, 1)), np.ones((3, 1))).tolist() == [1, 1, 1]

    def test_sums_may_be_added_from_elsewhere(self):
        metric = metrics.BinaryAccuracy()
        metric.add(3, 4)
        metric.add(np.float32(0), np.int64(2))
        assert metric.result() == 0.5

    def test_the_root_is_of_the_mean_of_all_batches(self):
        metric = metrics.RootMeanSquaredError()
        metric.update_state([[0.0]], [[3.0]])
        metric.update_state([[0.0]], [[4.0]])
        assert metric.result() == pytest.approx(np.sqrt(12.5))

    def test_mean_of_numbers(self):
        mean = metrics.Mean()
        mean.update_state([1, 3, 5])
        mean.update_state(7)
        assert mean.result() == 4
        mean.update_state([10, 0], sample_weight=[4, 2])
        assert mean.result() == 5.6

    def test_several_outputs_of_a_sigmoid_count_by_label(self):
        """One example, three labels: at most 1, not 3."""
        metric = metrics.get("accuracy", losses.get("binary_crossentropy"), (None, 3))
        assert metric([[0, 0, 0]], [[0.4, 0.4, 0.4]]) == 1


class TestConfusion:
    """By hand: four labels, 1 1 0 0, with the probabilities 0.9 0.4 0.6 0.1."""

    Y, PROBABILITIES = np.array([1, 1, 0, 0]), np.array([0.9, 0.4, 0.6, 0.1])

    @pytest.mark.parametrize(
        ("threshold", "precision", "recall"),
        [(None, 1 / 2, 1 / 2), (0.3, 2 / 3, 1), (0.7, 1, 1 / 2), (0.95, 0, 0), (0.9, 0, 0)],
    )
    def test_precision_and_recall_at_a_threshold(self, threshold, precision, recall):
        for pair in (
            (self.Y, self.PROBABILITIES),
            (self.Y[:, None], self.PROBABILITIES[:, None]),
            (self.Y, self.PROBABILITIES[:, None]),
            (self.Y.reshape(2, 2), self.PROBABILITIES.reshape(2, 2)),
        ):
            assert metrics.Precision(threshold)(*pair) == pytest.approx(precision)
            assert metrics.Recall(threshold)(*pair) == pytest.approx(recall)

    def test_several_thresholds_in_the_order_given(self):
        precision, recall = metrics.Precision([0.7, 0.3]), metrics.Recall([0.7, 0.3])
        np.testing.assert_allclose(precision(self.Y, self.PROBABILITIES), [1, 2 / 3])
        np.testing.assert_allclose(recall(self.Y, self.PROBABILITIES), [1 / 2, 1])

    def test_weights_and_batches(self):
        metric = metrics.Precision(0.3)
        for i in range(4):
            weight = [[3.0], [1], [2], [7]][i]
            metric.update_state(self.Y[i : i + 1], self.PROBABILITIES[i : i + 1], weight)
        assert metric.result() == pytest.approx((3 + 1) / (3 + 1 + 2))
        metric.reset_state()
        assert metric.result() == 0

    def test_top_k_and_one_class(self):
        y = np.array([[1, 0, 0], [0, 1, 0]])
        p = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1]])
        assert metrics.Precision(top_k=1)(y, p) == 1 / 2
        assert metrics.Recall(top_k=3)(y, p) == 1
        assert metrics.Recall(class_id=0, top_k=1)(y, p) == 0
        assert metrics.Precision(class_id=1, top_k=1)(y, p) == 1 / 2

    def test_area_under_roc_is_the_share_of_pairs_in_order(self):
        """Mann and Whitney: 0.9 over both, 0.4 over one of the two 0s: three of four pairs."""
        assert metrics.AUC()(self.Y, self.PROBABILITIES) == pytest.approx(0.75, abs=1e-6)
        assert metrics.AUC(2)(self.Y, self.PROBABILITIES) == pytest.approx(0.5, abs=1e-6)
        y, p = RANDOM.integers(0, 2, 300), RANDOM.random(300)
        pairs = np.mean(p[y == 1][:, None] > p[y == 0])
        assert metrics.AUC(20001)(y, p) == pytest.approx(pairs, abs=1e-3)
        logits = np.log(p / (1 - p))
        assert metrics.AUC(20001, from_logits=True)(y, logits) == pytest.approx(pairs, abs=1e-3)

    def test_area_bounds(self):
        y, p = RANDOM.integers(0, 2, 300), RANDOM.random(300)
        for curve in ("ROC", "PR"):
            low, mid, high = [
                metrics.AUC(50, curve, method)(y, p)
                for method in ("minoring", "interpolation", "majoring")
            ]
            assert 0 < low < mid < high < 1

    def test_a_sure_and_right_network_has_the_whole_area(self):
        for curve in ("ROC", "PR"):
            assert metrics.AUC(curve=curve)([0, 0, 1, 1], [0.0, 0.0, 1, 1]) == pytest.approx(1)

    def test_f_scores_by_hand(self):
        """Class 0: p = 1/2, r = 1; class 1: p = 1, r = 1/2; class 2: p = r = 1."""
        y = np.eye(3)[[0, 1, 1, 2]]
        p = np.eye(3)[[0, 0, 1, 2]] * 0.9
        each = [2 / 3, 2 / 3, 1]
        np.testing.assert_allclose(metrics.F1Score()(y, p), each, rtol=1e-6)
        assert metrics.F1Score("macro")(y, p) == pytest.approx(np.mean(each))
        weighted = np.average(each, weights=[1, 2, 1])
        assert metrics.F1Score("weighted")(y, p) == pytest.approx(weighted)
        assert metrics.F1Score("micro")(y, p) == pytest.approx(3 / 4)
        twice = [5 * 0.5 / (2 + 1), 5 * 0.5 / (4 + 0.5), 1]
        np.testing.assert_allclose(metrics.FBetaScore(beta=2.0)(y, p), twice, rtol=1e-6)
        assert metrics.F1Score("micro", threshold=0.95)(y, p) == 0

    def test_r2_by_hand(self):
        y, p = np.array([1.0, 2, 3, 6]), np.array([1.0, 3, 3, 5])
        expected = 1 - 2 / np.sum((y - 3) ** 2)
        metric = metrics.R2Score()
        for part in (slice(0, 1), slice(1, 4)):
            metric.update_state(y[part], p[part])
        assert metric.result() == pytest.approx(expected)
        two = np.stack([y, y], 1), np.stack([p, y], 1)
        np.testing.assert_allclose(metrics.R2Score(None)(*two), [expected, 1])
        assert metrics.R2Score()(*two) == pytest.approx((expected + 1) / 2)
        adjusted = 1 - (1 - expected) * 3 / 2
        assert metrics.R2Score(num_regressors=1)(y, p) == pytest.approx(adjusted)


class TestNames:
    @pytest.mark.parametrize("name", ["accuracy", "acc", "Accuracy"])
    @pytest.mark.parametrize(
        ("loss", "shape", "kind"),
        [
            ("binary_crossentropy", (None, 1), metrics.BinaryAccuracy),
            ("binary_crossentropy", (None, 3), metrics.BinaryAccuracy),
            ("categorical_crossentropy", (None, 3), metrics.CategoricalAccuracy),
            ("sparse_categorical_crossentropy", (None, 3), metrics.SparseCategoricalAccuracy),
            ("mse", (None, 1), metrics.BinaryAccuracy),
            ("mse", (None, 3), metrics.CategoricalAccuracy),
            ("hinge", (None, 1), metrics.BinaryAccuracy),
        ],
    )
    def test_accuracy_is_that_of_the_loss_or_the_outputs(self, name, loss, shape, kind):
        metric = metrics.get(name, losses.get(loss), shape)
        assert (type(metric), metric.name) == (kind, name)

    @pytest.mark.parametrize(
        ("name", "targets"),
        [
            *[(name, T) for name in ("bce", "binary_crossentropy", "hinge", "squared_hinge")],
            *[(name, ONE_HOT) for name in ("categorical_crossentropy", "categorical_hinge")],
            *[(name, T) for name in ("kl_divergence", "poisson")],
            ("sparse_categorical_crossentropy", LABELS),
        ],
    )
    def test_a_loss_by_its_name(self, name, targets):
        metric = metrics.get(name)
        assert metric.name == name
        assert metric(targets, P) == pytest.approx(losses.get(name)(targets, P))

    def test_a_string_is_the_name_in_the_history(self):
        for name in ("mse", "mae", "mean_squared_error", "AUC", "auc", "f1_score", "r2_score"):
            assert metrics.get(name).name == name
        assert type(metrics.get("accuracy")) is metrics.Accuracy
        assert type(metrics.get("top_k_categorical_accuracy")).__name__ == "TopKCategoricalAccuracy"
        assert metrics.get(metrics.Recall).name == "recall"
        assert metrics.get(losses.mean_absolute_error).name == "mean_absolute_error"

    OBJECTS = (
        *(metrics.BinaryAccuracy("mine", threshold=0.3), metrics.TopKCategoricalAccuracy(2)),
        *(metrics.Precision([0.5, 0.2], class_id=1), metrics.Recall(top_k=2), metrics.AUC(20)),
        *(metrics.AUC(thresholds=[0.5, 0.2], curve="PR"), metrics.F1Score("macro", 0.5)),
        *(metrics.FBetaScore(beta=2.0), metrics.R2Score(None, 2), metrics.MeanSquaredError()),
        *(metrics.CosineSimilarity(axis=0), metrics.RootMeanSquaredError(), metrics.Accuracy()),
    )

    @pytest.mark.parametrize("metric", OBJECTS, ids=repr)
    def test_a_configuration_makes_an_equal_metric(self, metric):
        config = json.loads(json.dumps(metrics.serialize(metric)))
        for again in (
            metrics.get(config),
            metrics.deserialize(config),
            type(metric).from_config(metric.get_config()),
            copy.deepcopy(metric),
            pickle.loads(pickle.dumps(metric)),
        ):
            assert type(again) is type(metric)
            assert again.get_config() == metric.get_config()
            if type(metric).__name__ not in ("F1Score", "FBetaScore", "R2Score"):
                np.testing.assert_array_equal(again(T, P), copy.deepcopy(metric)(T, P))

    REFUSED = (
        (lambda: metrics.get("accurcy"), "unknown metric 'accurcy'; known are accuracy, auc, bin"),
        (lambda: metrics.get(3), "metric should be a name, an object of Metric or a function, got"),
        (lambda: metrics.AUC(multi_label=True), "multi_label=True.*not supported; make one AUC"),
        (lambda: metrics.AUC(curve="roc"), "AUC got curve='roc'; give 'ROC' or 'PR'"),
        (lambda: metrics.AUC(1), "AUC got num_thresholds=1; give 2 or more"),
        (lambda: metrics.AUC(summation_method="x"), "summation_method='x'; give 'interpolation'"),
        (lambda: metrics.Precision(1.5), "thresholds of probabilities are from 0 to 1, got 1.5"),
        (lambda: metrics.Recall(top_k=0), "recall got top_k=0; give 1 or more"),
        (lambda: metrics.Recall(class_id=4)(T, P), "recall got class_id=4 and outputs of shape"),
        (lambda: metrics.BinaryAccuracy(threshold=2), "is between 0 and 1, got 2"),
        (lambda: metrics.F1Score("all"), "got average='all', beta=1.0; give 'micro', 'macro'"),
        (lambda: metrics.F1Score(threshold=2), "a threshold of probabilities is above 0, up to 1"),
        (lambda: metrics.F1Score()([1], [1]), r"f1_score is of shapes \(n, classes\), got \(1,\)"),
        (lambda: metrics.F1Score().result(), "f1_score got no examples: there is no score of none"),
        (lambda: metrics.R2Score("mean"), "R2Score got class_aggregation='mean'.*give one of unif"),
        (lambda: metrics.R2Score().result(), "r2_score got no examples"),
        (lambda: metrics.Recall()(T, P[:, :3]), r"recall got targets of shape \(12, 4\) and outp"),
        (lambda: metrics.BinaryAccuracy()(T, P[:, :3]), r"binary_accuracy got targets of shape"),
        (
            lambda: metrics.SparseCategoricalAccuracy()(T, P),
            r"targets of shape \(12, 4\) and outputs of shape \(12, 4\); give one class number",
        ),
        (lambda: metrics.Mean()([1, 2], [1, 2, 3]), r"mean got sample_weight of shape \(3,\) for"),
    )

    @pytest.mark.parametrize(("call", "words"), REFUSED)
    def test_refusals(self, call, words):
        with pytest.raises(ValueError, match=words):
            call()

    def test_a_metric_of_ones_own(self):
        class Largest(metrics.Metric):
            def __init__(self):
                super().__init__(name="largest")
                self.reset_state()

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.most = max(self.most, float(np.max(y_pred)))

            def result(self):
                return self.most

            def reset_state(self):
                self.most = 0.0

        metric = metrics.get(Largest())
        assert (metric(T, P), metric.name) == (P.max(), "largest")
        for method in ("update_state", "result", "reset_state"):
            with pytest.raises(NotImplementedError, match=f"Metric is to define {method}"):
                getattr(metrics.Metric(), method)()
