"""What was done: everything that the report and ``results.json`` are made from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_hw.data import Dataset
from tinygrad_hw.homework.experiments import ALL, INITIALIZERS, Outcome
from tinygrad_hw.homework.report import original_figures
from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.solution.solve import Solution


@dataclass(frozen=True, slots=True)
class Results:
    """The homework, done.

    Attributes
    ----------
    solutions, marks, drawings
        Of the worked examples, by "q1a" and "q1b"; a drawing is an SVG file's text.
    outcomes
        Of the six trainings, by the names of their experiments.
    data
        The whole data set, all its classes.
    digits
        The two of Question 2; the first is class 0.
    seconds
        The time that all of it took.
    epochs
        The most epochs that a network was allowed (``--epochs``); None for the homework's own.
    source
        Where the data came from, to be shown; None for the MNIST that is shipped.
    """

    solutions: dict[str, Solution]
    marks: dict[str, Marks]
    drawings: dict[str, str]
    outcomes: dict[str, Outcome]
    data: Dataset
    digits: tuple[int, int]
    seed: int
    seconds: float
    epochs: int | None = None
    source: str | None = None

    @property
    def initializers(self) -> dict[str, Outcome]:
        """The outcomes of Question 2 B, in the homework's order."""
        return {e.name: self.outcomes[e.name] for e in INITIALIZERS}

    @property
    def cut_short(self) -> bool:
        """Whether a network was allowed fewer epochs than the homework gave it."""
        return self.epochs is not None and any(self.epochs < e.epochs for e in ALL)

    @property
    def same_digits(self) -> bool:
        """Whether Question 2 is about the homework's digits, whichever is class 0."""
        return set(self.digits) == set(original_figures.DIGITS)

    @property
    def labels(self) -> list[str]:
        """Labels of the two classes of Question 2."""
        return [str(digit) for digit in self.digits]


def errors(outcome: Outcome) -> int:
    """Count the test images that were not recognised."""
    return int(outcome.confusion.sum() - np.trace(outcome.confusion))


def tested(outcome: Outcome) -> int:
    """Count the test images."""
    return int(outcome.confusion.sum())
