"""A grid of runs: every combination of settings, with every seed."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

from threadpoolctl import threadpool_limits

from tinygrad_hw.nn.datasets import Examples
from tinygrad_hw.runs.settings import Settings, SettingsError
from tinygrad_hw.runs.training import Outcome, train

MOST_RUNS = 10_000
_ONE_AT_A_TIME = Lock()


def grid(base: Settings, axes: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Return the settings of every run: seed by seed, in each all combinations.

    Parameters
    ----------
    base
        The settings that all runs share.
    axes
        Values of some settings by name, "seed" among them or not.

    Raises
    ------
    SettingsError
        For a value that is there twice, or more than ``MOST_RUNS`` runs.
    """
    runs = 1
    for name, values in axes.items():
        runs *= len(values)
        twice = [value for value, times in Counter(values).items() if times > 1]
        if twice:
            raise SettingsError(f"--{OPTIONS.get(name, name)} has {twice[0]} twice; give it once")
    if runs > MOST_RUNS:
        raise SettingsError(f"the grid has {runs:,} runs; the most is {MOST_RUNS:,}")
    names = ["seed", *(name for name in axes if name != "seed")]
    lists = [axes.get(name, [base.seed]) for name in names]
    return [
        replace(base, **dict(zip(names, values, strict=True)))
        for values in itertools.product(*lists)
    ]


OPTIONS = {"learning_rate": "lr"}
"""The names of settings on the command line, where they are others."""


def values_of(option: str, text: str, convert: Callable[[str], Any]) -> list[Any]:
    """Return the values in a text, "0.1,0.01"; of whole numbers also "0:10", which are 0 to 9."""
    span = re.fullmatch(r"(\d{1,9}):(\d{1,9})", text)
    if span and convert is int:
        first, end = map(int, span.groups())
        if not first < end <= first + MOST_RUNS:
            raise SettingsError(f"--{option} is {text!r}; give FIRST:END, as 0:10 for 0 to 9")
        return list(range(first, end))
    try:
        return [convert(part.strip()) for part in text.split(",")]
    except ValueError:
        kind = "whole numbers" if convert is int else "numbers"
        raise SettingsError(f"--{option} is {text!r}; give {kind}, as 1,2") from None


def outcome_of(examples: Examples, settings: Settings) -> Outcome:
    """Train one network of a grid, on one thread, and return the outcome.

    Threads of one process, as workers of a cluster may have them, train one after the other: the
    limit of threads is the process's, and so would be what capturing a training looks through.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C has ended the training: what is left is no run that counts.
    """
    with _ONE_AT_A_TIME, threadpool_limits(1):
        outcome = train(settings, examples)[1]
    if outcome.interrupted:
        raise KeyboardInterrupt
    return outcome
