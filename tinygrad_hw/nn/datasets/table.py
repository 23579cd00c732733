"""Examples in a CSV file: a row for each, a column for its class, the others its numbers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.data.source import DataError, data_error, open_file, printable
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.datasets.examples import Part

MOST_BYTES = 1 << 28  # pandas needs several times as much memory
MOST_COLUMNS = 100_000
LONGEST_LINE = 1 << 22
LONGEST_LABEL = 100
LABEL_COLUMNS = ("label", "class", "target")


def import_pandas() -> Any:
    """Return the package ``pandas``; say how to install it where it is missing."""
    try:
        import pandas
    except ImportError:
        raise InputError(
            "pandas is not installed, and is needed to read CSV files: "
            "pip install 'tinygrad_hw[table]'"
        ) from None
    return pandas


def read_table(
    path: Path, label: str | None, needs_labels: bool, features: Sequence[str] | None = None
) -> tuple[Part, tuple[str, ...]]:
    """Return the examples of a CSV file, and the names of the columns of their numbers.

    Parameters
    ----------
    path
        The file: UTF-8, a line of names, then a line for each example. It is not trusted.
    label
        The column of classes; None for that of ``LABEL_COLUMNS`` that is there, or the one that is
        none of the features.
    needs_labels
        False if the file may do without.
    features
        The names of the columns of numbers, where they are known.

    Raises
    ------
    DataError
        If the file cannot be read, is no table, or has what is no number. The message names the
        row, counted from 1 below the names, and the column.
    """
    frame = _frame(path)
    columns = list(map(str, frame.columns))
    others = [name for name in columns if features is not None and name not in features]
    if label is None and len(others) == 1:
        label = others[0]
    column = _label_column(path, columns, label, needs_labels)
    labels = None
    if column is not None:
        labels = _labels(path, frame.pop(column), column)
    names = tuple(map(str, frame.columns))
    if not names:
        raise data_error(path, "has no column of numbers", "one beside the label", "add one")
    x = np.empty((len(frame), len(names)), np.float32)
    for i, name in enumerate(names):
        x[:, i] = _numbers(path, frame[name], name)
    return Part(x, labels, str(path)), names


def _frame(path: Path) -> Any:
    pandas = import_pandas()
    with open_file(path) as file, warnings.catch_warnings():
        warnings.simplefilter("error", pandas.errors.ParserWarning)  # it would drop columns
        if os.fstat(file.fileno()).st_size > MOST_BYTES:
            raise data_error(
                path, "is larger", f"at most {MOST_BYTES:,} bytes", "take a part of it"
            )
        names = file.read(LONGEST_LINE).partition(b"\n")[0]
        if names.count(b",") >= MOST_COLUMNS or len(names) == LONGEST_LINE:
            raise data_error(
                path,
                "has too many names, or too long ones, in its first line",
                f"at most {MOST_COLUMNS:,} columns",
                "look at its line ends",
            )
        file.seek(0)
        try:
            frame = pandas.read_csv(
                file,
                index_col=False,
                encoding="utf-8-sig",
                keep_default_na=False,
                na_values=[""],
                skip_blank_lines=False,
                low_memory=False,
            )
        except (ValueError, OverflowError, OSError, pandas.errors.ParserWarning) as error:
            reason = str(error).removeprefix("Error tokenizing data. C error: ").strip()
            raise data_error(
                path,
                f"is no table that can be read ({printable(reason)[:100]})",
                "a line of names, and below it lines of as many cells, in UTF-8",
                "mend that place",
            ) from None
    for i, name in enumerate(frame.columns, start=1):
        if str(name).startswith("Unnamed: "):
            raise data_error(
                path,
                f"column {i} has no name",
                "a name above each column",
                "give it one, or take it away if it numbers the rows",
            )
    if not len(frame):
        raise data_error(path, "has no rows", "a row for each example", "give a table with rows")
    return frame


def _label_column(
    path: Path, names: list[str], label: str | None, needs_labels: bool
) -> str | None:
    if label is not None:
        if label in names:
            return label
        found = f"has no column {label!r}"
    else:
        known = [name for name in names if name.lower() in LABEL_COLUMNS]
        if len(known) == 1:
            return known[0]
        if not known and not needs_labels:
            return None
        found = f"has the columns {', '.join(map(repr, known))}" if known else "has no such column"
    shown = ", ".join(map(repr, names[:10])) + ", …" * (len(names) > 10)
    raise data_error(
        path,
        printable(found)[:200],
        f"one column of classes, named {', '.join(LABEL_COLUMNS)}, or as --label says",
        f"give --label one of {printable(shown)[:300]}",
    )


def _labels(path: Path, column: Any, name: str) -> npt.NDArray[Any]:
    """Return classes as whole numbers or as texts."""
    missing = column.isna().to_numpy()
    if missing.any():
        raise _cell_error(path, int(np.argmax(missing)), name, "is empty", "a class")
    if column.dtype.kind in "iu":
        return np.asarray(column, np.int64)
    if column.dtype.kind == "f":
        values = np.asarray(column, float)
        broken = values != np.floor(values)
        if broken.any() or not np.isfinite(values).all():
            row = int(np.argmax(broken | np.logical_not(np.isfinite(values))))
            raise _cell_error(
                path, row, name, f"is {values[row]}", "a class, a whole number or a text"
            )
        return values.astype(np.int64)
    texts = [str(text) for text in column]
    for row, text in enumerate(texts):
        if len(text) > LONGEST_LABEL:
            found = f"has {len(text)} characters"
            raise _cell_error(path, row, name, found, f"a class of at most {LONGEST_LABEL}")
    return np.array(texts, dtype=np.str_)


def _numbers(path: Path, column: Any, name: str) -> npt.NDArray[Any]:
    import pandas

    if column.dtype.kind in "iufb":
        values = np.asarray(column, float)
    else:
        values = np.asarray(pandas.to_numeric(column, errors="coerce"), float)
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and so refused
        values = values.astype(np.float32)
    wrong = np.logical_not(np.isfinite(values))
    if wrong.any():
        row = int(np.argmax(wrong))
        cell = column.iloc[row]
        shown = "is empty" if pandas.isna(cell) else f"is {str(cell)!r:.60}"
        raise _cell_error(path, row, name, shown, "a finite number")
    return values


def _cell_error(path: Path, row: int, column: str, found: str, expected: str) -> DataError:
    return data_error(
        path,
        f"row {row + 1}, column {printable(column)[:60]!r} {found}",
        expected,
        "mend it, or leave the row out",
    )
