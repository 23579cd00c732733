"""Reports on predicted classes, in scikit-learn's form."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine.core.data import as_array


def accuracy_score(true: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Return the fraction of examples whose predicted class is the true one.

    Parameters
    ----------
    true, predicted
        Class numbers, of shape (n,) or (n, 1).

    Raises
    ------
    ValueError
        If there are no examples, or if these are not two equally long lists of class numbers.
    """
    classes = _class_numbers(true, predicted)
    if not len(classes[0]):
        raise ValueError("accuracy_score got no examples: there is no mean over none")
    return float(np.mean(classes[0] == classes[1]))


def confusion_matrix(
    true: npt.ArrayLike, predicted: npt.ArrayLike, classes: int | None = None
) -> npt.NDArray[np.int64]:
    """Return the confusion matrix: [i, j] counts the examples of class i predicted as class j.

    Unlike scikit-learn's, it has a row for each class from 0 on, not only for those seen.

    Parameters
    ----------
    true, predicted
        Class numbers of any integer dtype, or whole numbers such as rounded probabilities; of shape
        (n,) or (n, 1).
    classes
        Number of classes; by default the largest number seen, plus one.

    Raises
    ------
    ValueError
        If these are not two equally long lists of class numbers, or a number is beyond ``classes``.
    """
    pair = _class_numbers(true, predicted)
    seen = int(np.concatenate(pair).max(initial=-1)) + 1
    size = seen if classes is None else classes
    if seen > size:
        raise ValueError(f"got class {seen - 1} and classes={size}; give {seen} classes or more")
    matrix = np.zeros((size, size), np.int64)
    np.add.at(matrix, tuple(pair), 1)
    return matrix


def _class_numbers(true: npt.ArrayLike, predicted: npt.ArrayLike) -> list[npt.NDArray[np.int64]]:
    """Return both lists of class numbers as integers, each of shape (n,)."""
    lists = [as_array(true), as_array(predicted)]
    n = [x.size if x.shape in ((x.size,), (x.size, 1)) else -1 for x in lists]
    if n[0] != n[1] or n[0] < 0:
        raise ValueError(
            f"expected two equal lists of classes, got {lists[0].shape}, {lists[1].shape}"
        )
    return [_whole(x.ravel(), name) for x, name in zip(lists, ("true", "predicted"), strict=True)]


def _whole(numbers: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    if numbers.dtype.kind not in "biuf":
        kinds = (int, float, np.integer, np.floating, np.bool_)
        others = [x for x in numbers if not isinstance(x, kinds)]
        if others:
            raise ValueError(
                f"{name} has {others[0]!s} in it, of type {type(others[0]).__name__}; give class "
                "numbers from 0: of names, np.unique(names, return_inverse=True)[1]"
            )
        numbers = numbers.astype(np.float64)
    with np.errstate(invalid="ignore"):  # of nan and inf, which no integer equals
        whole = numbers.astype(np.int64)
    is_class = (whole == numbers) & (whole >= 0)
    if not is_class.all():
        first = numbers[np.argmin(is_class)]
        raise ValueError(
            f"{name} has {first} in it; give class numbers, whole and from 0; of "
            "probabilities, those that predict_classes() gives"
        )
    return whole


def classification_report(
    true: npt.ArrayLike,
    predicted: npt.ArrayLike,
    *,
    target_names: Sequence[str] | None = None,
    digits: int = 2,
    output_dict: bool = False,
) -> Any:
    """Return precision, recall, F1 and support of each class, as scikit-learn does.

    Unlike scikit-learn's, it has a row for each class from 0 on, not only for those seen.

    Parameters
    ----------
    true, predicted
        As those of ``confusion_matrix``.
    target_names
        A name for each class, in order, instead of its number.
    digits
        Decimals in the text.
    output_dict
        Whether to return a dict: see ``report_of_matrix``.

    Returns
    -------
    A table as text, or the dict.
    """
    report = report_of_matrix(confusion_matrix(true, predicted))
    numbers = [name for name in report if name.isdigit()]
    names = list(numbers if target_names is None else target_names)
    if len(names) != len(numbers):
        raise ValueError(f"target_names has {len(names)} names for {len(numbers)} classes")
    for number, name in zip(numbers, names, strict=True):
        report = {name if key == number else key: row for key, row in report.items()}
    if output_dict:
        return report
    width = max(len(name) for name in report)
    columns = ["precision", "recall", "f1-score", "support"]
    lines = [f"{'':>{width}} " + "".join(f" {column:>9}" for column in columns), ""]
    total = report["weighted avg"]["support"]
    for name, row in report.items():
        if name == "accuracy":
            lines += ["", f"{name:>{width}} {'':>20} {row:>9.{digits}f} {total:>9}"]
        else:
            ratios = "".join(f" {row[column]:>9.{digits}f}" for column in columns[:3])
            lines.append(f"{name:>{width}} {ratios} {row['support']:>9}")
    return "\n".join([*lines, ""])


def report_of_matrix(matrix: npt.ArrayLike) -> dict[str, Any]:
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
