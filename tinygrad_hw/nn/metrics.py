"""Metrics of an epoch, and reports on predictions in scikit-learn's form."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine.core.data import as_array


class RunningMeans:
    """Means of the loss and the metrics over the examples added so far."""

    def __init__(self, metrics: tuple[str, ...]) -> None:
        self.metrics = metrics
        self.loss = 0.0
        self.correct = 0
        self.examples = 0

    def add(self, mean_loss: float, correct: int, examples: int) -> None:
        """Add a batch: its mean loss, number of correct predictions and number of examples."""
        self.loss += mean_loss * examples
        self.correct += correct
        self.examples += examples

    def means(self) -> dict[str, float]:
        """Return the means by name, "loss" first."""
        examples = max(self.examples, 1)
        metrics = {name: float(self.correct / examples) for name in self.metrics}
        return {"loss": self.loss / examples, **metrics}


def confusion_matrix(
    true: npt.ArrayLike, predicted: npt.ArrayLike, classes: int | None = None
) -> npt.NDArray[np.int64]:
    """Return the confusion matrix: [i, j] counts the examples of class i predicted as class j.

    Parameters
    ----------
    true, predicted
        Class numbers, both of shape (n,).
    classes
        Number of classes; by default the largest number seen, plus one.
    """
    true, predicted = as_array(true), as_array(predicted)
    if true.shape != predicted.shape or true.ndim != 1:
        raise ValueError(
            f"expected two equal lists of classes, got {true.shape}, {predicted.shape}"
        )
    if classes is None:
        classes = int(max(true.max(initial=-1), predicted.max(initial=-1))) + 1
    for name, numbers in (("true", true), ("predicted", predicted)):
        if np.any((numbers != np.floor(numbers)) | (numbers < 0) | (numbers >= classes)):
            raise ValueError(
                f"{name} has {numbers.min()} to {numbers.max()} in it; give class numbers, "
                f"0 to {classes - 1}; of probabilities, those that predict_classes() gives"
            )
    true, predicted = true.astype(np.int64), predicted.astype(np.int64)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (true, predicted), 1)
    return matrix


def classification_report(matrix: npt.ArrayLike) -> dict[str, Any]:
    """Return precision, recall, F1 and support of each class, from a confusion matrix.

    The layout is that of scikit-learn's ``classification_report(..., output_dict=True)``. A ratio
    whose denominator is zero is 0.

    Returns
    -------
    dict
        For each class's number as text, for "macro avg" and for "weighted avg" a dict of
        "precision", "recall", "f1-score" and "support"; for "accuracy" a number.
    """
    counts = as_array(matrix).astype(np.float64)
    correct, support, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    columns = {
        "precision": _ratio(correct, predicted),
        "recall": _ratio(correct, support),
        "f1-score": _ratio(2 * correct, support + predicted),
    }
    total = support.sum()
    report: dict[str, Any] = {
        str(i): {**{name: float(column[i]) for name, column in columns.items()}, "support": int(n)}
        for i, n in enumerate(support)
    }
    report["accuracy"] = float(correct.sum() / total) if total else 0.0
    for name, weights in (("macro avg", np.ones_like(support)), ("weighted avg", support)):
        averages = {
            key: float(_ratio(weights @ column, weights.sum())) for key, column in columns.items()
        }
        report[name] = {**averages, "support": int(total)}
    return report


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[Any]:
    ratio: npt.NDArray[Any] = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return ratio
