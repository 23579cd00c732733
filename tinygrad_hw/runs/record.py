"""The record of a sweep: a CSV file with a line for each finished run.

A line is appended in one write as soon as its run is finished. A line that a crash or a full disk
has cut off lacks its end: it is taken away when the file is opened again, and its run done anew.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tinygrad_hw.files import OutputError, write_files
from tinygrad_hw.formatting import spreadsheet_cell
from tinygrad_hw.runs.settings import Settings
from tinygrad_hw.runs.training import Outcome

_SETTINGS = tuple(field.name for field in fields(Settings))
_OUTCOME = (
    *("measured_on", "examples", "correct", "accuracy", "loss"),
    *("epochs_trained", "best_epoch", "seconds"),
)
COLUMNS = ("data", *_SETTINGS, *_OUTCOME)
LIMIT = 100_000_000  # bytes of a record


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: its data and settings as they are written, and what was measured."""

    settings: Mapping[str, str]
    measured_on: str
    examples: int
    correct: int

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.settings["seed"])


def key_of(data: str, settings: Settings) -> tuple[str, ...]:
    """Return what a run is known by: the digest of its data and its settings, as texts."""
    values = [getattr(settings, name) for name in _SETTINGS]
    return tuple(spreadsheet_cell(_text(value)) for value in (data, *values))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def line_of(data: str, settings: Settings, outcome: Outcome) -> str:
    """Return the line of a finished run."""
    values = [
        *(outcome.measured_on, outcome.examples, outcome.correct, outcome.accuracy, outcome.loss),
        *(outcome.epochs, outcome.best_epoch, round(outcome.seconds, 3)),
    ]
    return _line([*key_of(data, settings), *map(_text, values)])


def _line(cells: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def open_record(path: Path) -> dict[tuple[str, ...], Run]:
    """Return the finished runs of a file, which is made where there is none.

    Raises
    ------
    OutputError
        If the file is something else, or cannot be read or written.
    """
    head = _line(COLUMNS)
    if not path.exists():
        write_files({path: head.encode()})
        return {}
    content = _content(path)
    whole = content[: content.rfind("\n") + 1]
    if not whole.startswith(head):
        raise OutputError(f"{path} is there already, and no record of a sweep; give another name")
    runs = read_runs(whole, path)
    if whole != content:
        write_files({path: whole.encode()})
    return runs


def _content(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > LIMIT:
            raise OutputError(f"{path} is no record of a sweep; give another name")
        return path.read_bytes().decode()
    except OSError as error:
        raise OutputError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise OutputError(f"{path} is no record of a sweep; give another name") from None


def read_runs(text: str, source: object) -> dict[tuple[str, ...], Run]:
    """Return the runs of a record's text; the first of those that are there twice.

    Raises
    ------
    OutputError
        For a line that is none of a record; ``source`` is named.
    """
    runs: dict[tuple[str, ...], Run] = {}
    lines = csv.reader(io.StringIO(text))
    next(lines)
    while True:
        try:
            cells = next(lines, None)
            if cells is None:
                return runs
            values = dict(zip(COLUMNS, cells, strict=True))
            examples, correct = int(values["examples"]), int(values["correct"])
            if not (0 <= correct <= examples and examples and values["seed"].isdecimal()):
                raise ValueError
        except (ValueError, csv.Error):
            raise OutputError(
                f"{source}, line {lines.line_num}: is no line of a sweep; take it away, and its "
                "run will be done again"
            ) from None
        settings = {name: values[name] for name in ("data", *_SETTINGS)}
        key = tuple(settings.values())
        runs.setdefault(key, Run(settings, values["measured_on"], examples, correct))


def append(path: Path, line: str) -> None:
    """Append a line to a record, in one write that reaches the disk."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            if os.write(descriptor, line.encode()) != len(line.encode()):
                raise OSError("the disk is full")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"cannot write {path}: {reason}; what it has is kept") from None
