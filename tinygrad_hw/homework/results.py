"""The results of the homework, from which the report and ``results.json`` are made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_hw.data import Dataset
from tinygrad_hw.homework.experiments import ALL, INITIALIZERS, Experiment, Outcome
from tinygrad_hw.homework.report import original_figures
from tinygrad_hw.nn import Sequential
from tinygrad_hw.worksheet import Marks, Solution


@dataclass(frozen=True, slots=True)
class Results:
    """The results of the homework.

    Attributes
    ----------
    solutions, marks, drawings
        The solutions and marks of the worked examples and their graphs as SVG text, by "q1a" and
        "q1b".
    outcomes
        The outcomes of the six trainings, by the names of their experiments.
    data
        The whole data set, all its classes.
    digits
        The two digits of Question 2; the first is class 0.
    seed
        The seed of the trainings.
    seconds
        The time that everything took.
    epochs
        The most epochs that a network was allowed (``--epochs``); None for the homework's own.
    source
        The name of the data's file or folder; None for the MNIST that is shipped.
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

    def network(self, experiment: Experiment) -> Sequential:
        """Build the network of an experiment, as it was at the end."""
        model = experiment.model(self.data.x_train.shape[1:], self.seed)
        model.set_weights(self.outcomes[experiment.name].weights)
        return model

    @property
    def cut_short(self) -> bool:
        """Whether a network was allowed fewer epochs than the homework gave it."""
        return self.epochs is not None and any(self.epochs < e.epochs for e in ALL)

    @property
    def same_digits(self) -> bool:
        """Whether Question 2 is about the homework's digits, in either order."""
        return set(self.digits) == set(original_figures.DIGITS)

    @property
    def labels(self) -> list[str]:
        """The labels of the two classes of Question 2."""
        return [str(digit) for digit in self.digits]


def error_count(outcome: Outcome) -> int:
    """Return the number of test images that were not recognized."""
    return int(outcome.confusion.sum() - np.trace(outcome.confusion))


def test_image_count(outcome: Outcome) -> int:
    """Return the number of test images."""
    return int(outcome.confusion.sum())
