"""Metrics of an epoch, and reports on predictions in scikit-learn's form."""

from typing import Any

import numpy as np
import numpy.typing as npt


class RunningMeans:
    """Means of the loss and the metrics over the examples seen so far."""

    def __init__(self, metrics: tuple[str, ...]) -> None:
        self.metrics = metrics
        self.loss = 0.0
        self.right = 0
        self.examples = 0

    def add(self, mean_loss: float, right: int, examples: int) -> None:
        """Add a batch: its mean loss, its right answers and its examples."""
        self.loss += mean_loss * examples
        self.right += right
        self.examples += examples

    def means(self) -> dict[str, float]:
        """Return the means by name, "loss" first."""
        examples = max(self.examples, 1)
        metrics = {name: float(self.right / examples) for name in self.metrics}
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
    true, predicted = np.asarray(true), np.asarray(predicted)
    if true.shape != predicted.shape or true.ndim != 1:
        raise ValueError(
            f"expected two equal lists of classes, got {true.shape}, {predicted.shape}"
        )
    if classes is None:
        classes = int(max(true.max(initial=-1), predicted.max(initial=-1))) + 1
    for name, given in (("true", true), ("predicted", predicted)):
        if np.any((given != np.floor(given)) | (given < 0) | (given >= classes)):
            raise ValueError(
                f"{name} has {given.min()} to {given.max()} in it; give class numbers, "
                f"0 to {classes - 1}; of probabilities, those that predict_classes() gives"
            )
    true, predicted = true.astype(np.int64), predicted.astype(np.int64)
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (true, predicted), 1)
    return matrix


def classification_report(matrix: npt.ArrayLike) -> dict[str, Any]:
    """Return precision, recall, F1 and support of each class, from a confusion matrix.

    The layout is that of scikit-learn's ``classification_report(..., output_dict=True)``. A ratio
    whose denominator is zero is given as 0.

    Returns
    -------
    dict
        A class's number as text, "macro avg" and "weighted avg" each have a dict of "precision",
        "recall", "f1-score", "support"; "accuracy" has a number.
    """
    counts = np.asarray(matrix, np.float64)
    right, support, guessed = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    columns = {
        "precision": _ratio(right, guessed),
        "recall": _ratio(right, support),
        "f1-score": _ratio(2 * right, support + guessed),
    }
    total = support.sum()
    report: dict[str, Any] = {
        str(i): {**{name: float(column[i]) for name, column in columns.items()}, "support": int(n)}
        for i, n in enumerate(support)
    }
    report["accuracy"] = float(right.sum() / total) if total else 0.0
    for name, weights in (("macro avg", np.ones_like(support)), ("weighted avg", support)):
        averages = {
            key: float(_ratio(weights @ column, weights.sum())) for key, column in columns.items()
        }
        report[name] = {**averages, "support": int(total)}
    return report


def _ratio(part: npt.NDArray[Any], whole: npt.NDArray[Any]) -> npt.NDArray[Any]:
    ratio: npt.NDArray[Any] = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return ratio
