import mpmath
import numpy as np
import pytest

from tinygrad_hw.nn.losses import LOSSES

BINARY = LOSSES["binary_crossentropy"]
SPARSE = LOSSES["sparse_categorical_crossentropy"]


def minus_log_sigmoid(z):
    return float(mpmath.log1p(mpmath.exp(-mpmath.mpf(float(z)))))


@pytest.mark.parametrize("z", [-1000.0, -30.0, -1.0, 0.0, 1e-3, 17.0, 90.0, 1000.0])
@pytest.mark.parametrize("y", [0, 1, 0.25])
def test_binary_crossentropy_is_minus_log_of_the_probability(z, y):
    with mpmath.workdps(600):
        expected = y * minus_log_sigmoid(z) + (1 - y) * minus_log_sigmoid(-z)
    found = BINARY.of_logits(np.array([[z]], np.float32), BINARY.targets([y]))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-38)
    assert found.dtype == np.float32


@pytest.mark.parametrize("logits", [[1.0, 2, 3], [-1000, 0, 1000], [88, 89, 90], [0, 0, 0]])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_sparse_categorical_crossentropy_is_minus_log_of_the_labels_probability(logits, label):
    with mpmath.workdps(1000):
        terms = [mpmath.exp(mpmath.mpf(z) - logits[label]) for z in logits]
        expected = float(mpmath.log(mpmath.fsum(terms)))
    found = SPARSE.of_logits(np.array([logits], np.float32), SPARSE.targets([label]))
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-5)
    assert found.dtype == np.float32


def test_losses_are_means_over_the_rows():
    z = np.array([[1.0], [2.0], [-4.0]], np.float32)
    each = [BINARY.of_logits(z[i : i + 1], BINARY.targets([1])) for i in range(3)]
    assert BINARY.of_logits(z, BINARY.targets([1, 1, 1])) == pytest.approx(np.mean(each))
    rows = np.array([[1.0, 2], [0, 5], [3, 3]], np.float32)
    each = [SPARSE.of_logits(rows[i : i + 1], SPARSE.targets([1])) for i in range(3)]
    assert SPARSE.of_logits(rows, SPARSE.targets([1, 1, 1])) == pytest.approx(np.mean(each))


def test_classes_are_keras():
    """Above a probability of one half, and not at it; the first of the most probable."""
    z = np.array([[-0.1], [0.0], [0.1]], np.float32)
    np.testing.assert_array_equal(BINARY.classes(z), [0, 0, 1])
    rows = np.array([[0.0, 1, 1], [5, 1, 1], [0, 0, 0]], np.float32)
    np.testing.assert_array_equal(SPARSE.classes(rows), [1, 0, 0])


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool, np.float32])
def test_binary_labels_of_any_kind_become_float32_columns(dtype):
    targets = BINARY.targets(np.array([0, 1, 1], dtype))
    assert (targets.tolist(), targets.dtype) == ([[0], [1], [1]], np.float32)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int64])
def test_classes_of_any_integer_kind_are_labels(dtype):
    targets = SPARSE.targets(np.array([0, 9, 1], dtype))
    assert targets.tolist() == [0, 9, 1]
    assert targets.dtype.kind == "i"


def test_a_class_is_not_a_fraction():
    with pytest.raises(ValueError, match="float64; give one whole number for each"):
        SPARSE.targets([0.5, 1.0])
