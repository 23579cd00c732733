"""Make fresh exercises from a seed: networks of sigmoids that are fair to mark."""

from __future__ import annotations

import dataclasses
import random
import re
from itertools import pairwise

from tinygrad_hw.errors import InputError
from tinygrad_hw.symbolic import read_expression
from tinygrad_hw.worksheet.exercises.answer_key import key, rounded_text
from tinygrad_hw.worksheet.exercises.detectability import unseen_slips
from tinygrad_hw.worksheet.sheet.model import Answers, Sheet
from tinygrad_hw.worksheet.solution.blanks import with_blanks
from tinygrad_hw.worksheet.solution.solve import Solution, solve

MAX_TRIES = 1000
MAX_PARAMETERS = 40  # of more, hardly any draw has all its answers apart
MIN_GAP = 0.02  # two numbers closer than this, relatively, could be taken for each other
MAX_SUM = 4.0  # beyond, a sigmoid is flat: 1 - a loses its digits


class ExerciseError(InputError):
    """A network that no exercise can be made of."""


def exercise(
    net: str,
    seed: int,
    figures: int = 4,
    steps: int = 1,
) -> Sheet:
    """Make a fresh sheet: a network of sigmoids with numbers of its own, and blanks to fill in.

    The numbers are drawn until no two of them, and no two answers, could be taken for each other,
    and no slip of the catalogue would go unseen: see ``numbers_are_apart``, ``shows_every_factor``
    and ``unseen_slips``. The same arguments give the same sheet, on any machine.

    Parameters
    ----------
    net
        Units of each layer, inputs first: "2-3-1".
    seed
        Any integer; another gives another sheet.
    figures
        Significant figures that are asked for.
    steps
        How many updates are asked for, one after the other.

    Raises
    ------
    ExerciseError
        If the network is not one or is too large, or no fair sheet is found in ``MAX_TRIES`` tries.
    """
    title = f"A {net} network of sigmoids, no. {seed}"
    template = dataclasses.replace(_network_sheet(net, figures, steps), title=title)
    for attempt in range(MAX_TRIES):
        drawn = _with_numbers(template, Numbers(f"{net} {seed} {attempt}"))
        if not numbers_are_apart(drawn):
            continue
        solution = solve(drawn)
        if all(map(shows_every_factor, solution.steps)):
            blank = with_blanks(solution)
            if next(unseen_slips(key(blank)), None) is None:
                return blank
    raise ExerciseError(
        f"found no fair {net} network with {figures} figures in {MAX_TRIES:,} tries with seed "
        f"{seed}; take another seed, more figures, fewer steps or a smaller network"
    )


def _network_sheet(net: str, figures: int, steps: int) -> Sheet:
    """Make the sheet of a network, every number being 1."""
    if not re.fullmatch(r"[1-9](-[1-9]){1,8}", net):
        raise ExerciseError(
            f"the network is {net!r:.40}; give the units of two to nine layers, 1 to 9 each, "
            "such as 2-3-1"
        )
    inputs, *layers = map(int, net.split("-"))
    below = [f"x{i}" for i in range(1, inputs + 1)]
    given = list(below)
    weights: list[str] = []
    biases: list[str] = []
    forward = {}
    for units in layers:
        above = []
        for _ in range(units):
            j = len(biases) + 1
            new = [f"w{len(weights) + i}" for i in range(1, len(below) + 1)]
            terms = [f"{w}*{x}" for w, x in zip(new, below, strict=True)]
            forward[f"z{j}"] = " + ".join([*terms, f"b{j}"])
            forward[f"a{j}"] = f"sigmoid(z{j})"
            weights += new
            biases.append(f"b{j}")
            above.append(f"a{j}")
        below = above
    targets = ["y"] if len(below) == 1 else [f"y{i}" for i in range(1, len(below) + 1)]
    squares = [f"({y} - {a})**2 / 2" for y, a in zip(targets, below, strict=True)]
    forward["E"] = " + ".join(squares)
    if len(weights) + len(biases) > MAX_PARAMETERS:
        raise ExerciseError(
            f"a {net} network has {len(weights) + len(biases)} parameters; the most is "
            f"{MAX_PARAMETERS}: give a smaller one"
        )
    return Sheet(
        title="",
        student="",
        given=dict.fromkeys([*given, *targets, "alpha"], 1.0),
        parameters=dict.fromkeys([*weights, *biases], 1.0),
        forward={name: read_expression(source) for name, source in forward.items()},
        loss="E",
        rate=1.0,
        rounding=("figures", figures),
        answers=Answers(),
        where="exercise",
        lines=[],
        steps=steps,
        later_answers=(Answers(),) * (steps - 1),
    )


class Numbers:
    """Random numbers of few decimals, no two of the same size.

    Of Python's generator only ``random()`` is used, which alone is promised to stay as it is.
    """

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed).random
        self.drawn = {100}  # a factor of 1 could be left out unseen

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number, the bounds included."""
        return low + int(self.random() * (high - low + 1))

    def hundredths(self, low: int, high: int, unit: int = 1) -> float:
        """Draw a multiple of ``unit`` hundredths, the bounds included."""
        drawn = unit * self.whole(low, high)
        while drawn in self.drawn:
            drawn = unit * self.whole(low, high)
        self.drawn.add(drawn)
        return drawn / 100

    def signed(self, number: float) -> float:
        """Draw the sign of a number."""
        return number if self.random() < 0.5 else -number


def _with_numbers(template: Sheet, numbers: Numbers) -> Sheet:
    given = {}
    for name in template.given:
        if name.startswith("x"):
            given[name] = numbers.signed(numbers.hundredths(3, 25, unit=10))
        elif name.startswith("y"):
            given[name] = numbers.hundredths(2, 18, unit=5)
    given["alpha"] = rate = numbers.hundredths(3, 30, unit=10)
    parameters = {name: numbers.signed(numbers.hundredths(11, 97)) for name in template.parameters}
    return dataclasses.replace(template, given=given, parameters=parameters, rate=rate)


def numbers_are_apart(sheet: Sheet) -> bool:
    """Return whether no number of a sheet could be taken for another, in none of its updates.

    No weighted sum is so large that the sigmoid is flat. Nothing is zero. No two partials are
    within two per cent of each other in size. Every update shows in the figures asked for. (That
    takes no chains, which ``solve`` builds for a multiple of the time.)
    """
    rate = sheet.rate or 0.0
    for _ in range(sheet.steps):
        values = sheet.evaluate()
        sheet.loss_of(values).backward()
        slopes = {name: float(values[name].grad) for name in sheet.parameters}
        updated = {name: x - rate * slopes[name] for name, x in sheet.parameters.items()}
        sizes = sorted(map(abs, slopes.values()))
        if not (
            all(values[name].data for name in sheet.forward)
            and all(abs(values[name].data) <= MAX_SUM for name in sheet.forward if name[0] == "z")
            and all(high > low * (1 + MIN_GAP) for low, high in pairwise([0.0, *sizes]))
            and all(
                rounded_text(updated[name], sheet.rounding) != rounded_text(x, sheet.rounding)
                for name, x in sheet.parameters.items()
            )
        ):
            return False
        sheet = dataclasses.replace(sheet, parameters=updated)
    return True


def shows_every_factor(solution: Solution) -> bool:
    """Return whether no factor is left out unseen: none is 0 or 1, but those 1 by their formula."""
    factors = [f.value for chain in solution.chains.values() for path in chain.paths for f in path]
    return all(f == 1 or (f and abs(abs(f) - 1) > MIN_GAP) for f in factors)
