"""Fresh sheets from a seed, the blanks of a sheet, and its key."""

from __future__ import annotations

import dataclasses
import math
import random
import re
from itertools import pairwise

import numpy as np

from tinygrad_hw.errors import InputError
from tinygrad_hw.explain import explain_all, local_derivatives
from tinygrad_hw.formatting import numbers
from tinygrad_hw.symbolic import read_expression
from tinygrad_hw.worksheet.exercises.detectability import unseen_slips
from tinygrad_hw.worksheet.rounding.written_number import round_number
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet, SheetError
from tinygrad_hw.worksheet.solution.solve import Solution, solve

TRIES = 1000
MOST_PARAMETERS = 40  # of more, hardly any draw has all its answers apart
APART = 0.02  # two numbers closer than this, relatively, could be taken for each other
LARGEST_SUM = 4.0  # beyond, a sigmoid is flat: 1 - a loses its digits


class ExerciseError(InputError):
    """A network that no exercise can be made of."""


# --- Exercises ------------------------------------------------------------------------------------


def exercise(
    net: str,
    seed: int,
    figures: int = 4,
    steps: int = 1,
) -> Sheet:
    """Make a fresh sheet: a network of sigmoids with numbers of its own, and blanks to fill in.

    The numbers are drawn until no two of them, and no two answers, could be taken for each other,
    and no slip of the catalogue would go unseen: see ``_is_clear`` and ``unseen_slips``. The same
    arguments give the same sheet, on any machine.

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
        If the network is not one or is too large, or no fair sheet is found in ``TRIES`` tries.
    """
    title = f"A {net} network of sigmoids, no. {seed}"
    frame = dataclasses.replace(_frame(net, figures, steps), title=title)
    for attempt in range(TRIES):
        solution = solve(_with_numbers(frame, _Dice(f"{net} {seed} {attempt}")))
        if all(map(_is_clear, solution.steps)):
            asked = _asking(solution)
            if next(unseen_slips(key(asked)), None) is None:
                return asked
    raise ExerciseError(
        f"found no fair {net} network with {figures} figures in {TRIES:,} tries with seed {seed}; "
        "take another seed, more figures, fewer steps or a smaller network"
    )


def _frame(net: str, figures: int, steps: int) -> Sheet:
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
    if len(weights) + len(biases) > MOST_PARAMETERS:
        raise ExerciseError(
            f"a {net} network has {len(weights) + len(biases)} parameters; the most is "
            f"{MOST_PARAMETERS}: give a smaller one"
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


class _Dice:
    """Random numbers of few decimals, no two of the same size.

    Of Python's generator only ``random()`` is used, which alone is promised to stay as it is.
    """

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed).random
        self.drawn = {100}  # a factor of 1 could be left out unseen

    def whole(self, low: int, high: int) -> int:
        return low + int(self.random() * (high - low + 1))

    def hundredths(self, low: int, high: int, unit: int = 1) -> float:
        """Draw a multiple of ``unit`` hundredths, the bounds included."""
        drawn = unit * self.whole(low, high)
        while drawn in self.drawn:
            drawn = unit * self.whole(low, high)
        self.drawn.add(drawn)
        return drawn / 100

    def signed(self, number: float) -> float:
        return number if self.random() < 0.5 else -number


def _with_numbers(frame: Sheet, dice: _Dice) -> Sheet:
    given = {}
    for name in frame.given:
        if name.startswith("x"):
            given[name] = dice.signed(dice.hundredths(3, 25, unit=10))
        elif name.startswith("y"):
            given[name] = dice.hundredths(2, 18, unit=5)
    given["alpha"] = rate = dice.hundredths(3, 30, unit=10)
    parameters = {name: dice.signed(dice.hundredths(11, 97)) for name in frame.parameters}
    return dataclasses.replace(frame, given=given, parameters=parameters, rate=rate)


def _is_clear(solution: Solution) -> bool:
    """Whether every number of a step can be told from those that a slip would put in its place.

    No weighted sum is so large that the sigmoid is flat. Nothing is zero. No two partials are
    within two per cent of each other in size, and no factor is of 1, unless it is 1 by its formula:
    leaving it out would not be seen. Every update shows in the figures asked for.
    """
    sheet, rounding = solution.sheet, solution.sheet.rounding
    sums = [value for name, value in solution.forward.items() if name.startswith("z")]
    factors = [f.value for chain in solution.chains.values() for path in chain.paths for f in path]
    sizes = sorted(map(abs, solution.partials.values()))
    return (
        all(abs(z) <= LARGEST_SUM for z in sums)
        and all([*solution.forward.values(), *sizes, *factors])
        and all(high > low * (1 + APART) for low, high in pairwise(sizes))
        and all(abs(abs(factor) - 1) > APART or factor == 1 for factor in factors)
        and all(
            right(new, rounding) != right(sheet.parameters[name], rounding)
            for name, new in solution.updated.items()
        )
    )


# --- Blanks and keys ------------------------------------------------------------------------------


def blanks(sheet: Sheet) -> Sheet:
    """Ask for everything: every value, every factor of every path, every update, and the table."""
    return _asking(solve(sheet))


def _asking(solution: Solution) -> Sheet:
    table = dict.fromkeys(solution.final, "")
    first, *later = map(_blank_step, solution.steps)
    first = dataclasses.replace(first, table=table)
    return dataclasses.replace(solution.sheet, answers=first, later_answers=tuple(later))


def _blank_step(solution: Solution) -> Answers:
    partials = {}
    for name, parameter in zip(solution.partials, solution.sheet.parameters, strict=True):
        paths = solution.chains[parameter].paths
        alone = len(paths) == 1 and len(paths[0]) == 1  # the factor is the partial itself
        asked = () if alone else tuple({str(factor): "" for factor in path} for path in paths)
        partials[name] = PartialAnswer(asked, "", ())
    return Answers(
        forward=dict.fromkeys(solution.forward, ""),
        partials=partials,
        updated=dict.fromkeys(solution.updated, ""),
    )


def key(sheet: Sheet) -> Sheet:
    """Answer a sheet: whatever it asks for, worked out with all digits and rounded as it says.

    What was written in it is replaced, what was crossed out is left out, and the student's label
    too. Of a sheet without any answers, everything is asked. Where it does not say how to round,
    there are four figures, of an update four of its change.

    Raises
    ------
    SheetError
        If the sheet cannot be solved, or asks for a factor that is none of its derivatives.
    """
    solution = solve(sheet)
    if not any(map(_is_asked, (sheet.answers, *sheet.later_answers))):
        sheet = _asking(solution)
        solution = solve(sheet)
    first, *later = map(_right_step, solution.steps)
    last = solution.steps[-1]
    table = {name: _right_update(last, name) for name in sheet.answers.table}
    first = dataclasses.replace(first, table=table)
    return dataclasses.replace(sheet, student="", answers=first, later_answers=tuple(later))


def _is_asked(answers: Answers) -> bool:
    return answers != Answers()


def _right_step(solution: Solution) -> Answers:
    sheet, answers = solution.sheet, solution.sheet.answers
    factor = _Factors(sheet)
    return Answers(
        forward={name: right(solution.forward[name], sheet.rounding) for name in answers.forward},
        partials={
            name: PartialAnswer(
                tuple({f: right(factor(f), sheet.rounding) for f in path} for path in asked.paths),
                None if asked.value is None else right(solution.partials[name], sheet.rounding),
                (),
            )
            for name, asked in answers.partials.items()
        },
        updated={name: _right_update(solution, name) for name in answers.updated},
    )


def _right_update(solution: Solution, name: str) -> str:
    new, rounding = solution.updated[name], solution.sheet.rounding
    if rounding is None:
        return numbers.updated(solution.sheet.parameters[name], new)
    return right(new, rounding)


class _Factors:
    """The value of any factor dP/dQ: local where Q stands in P's formula, and total otherwise."""

    def __init__(self, sheet: Sheet) -> None:
        # With every number a parameter, there is a derivative by the given ones too.
        free = dataclasses.replace(sheet, given={}, parameters=sheet.given | sheet.parameters)
        self.where = sheet.where
        self.values = free.evaluate()
        self.local: dict[str, dict[str | None, float]] = {}

    def __call__(self, name: str) -> float:
        above, _, below = name.removeprefix("d").partition("/d")
        if above not in self.values or below not in self.values:
            raise SheetError(
                f"{self.where}: {name} is asked for, and is no derivative of the sheet"
            )
        node = self.values[above]
        with np.errstate(all="ignore"):  # what is not finite is refused below
            if above not in self.local:
                self.local[above] = {part.label: x for part, x in local_derivatives(node)}
            value = self.local[above].get(below)
            if value is None:
                value = explain_all(node, [self.values[below]])[below].value
        if not math.isfinite(value):
            raise SheetError(f"{self.where}: {name} is {value}, which has no digits to write down")
        return value


def right(x: float, rounding: tuple[str, int] | None) -> str:
    """Round half up as a sheet asks, to four figures if it does not; a whole number stays as it is.

    >>> right(0.5, ("figures", 4)), right(6.0, ("figures", 4))
    ('0.5000', '6')
    """
    if abs(x) < 1e15 and float(format(x, ".15g")).is_integer():
        return str(round(x))
    return str(round_number(x, *(rounding or ("figures", numbers.FIGURES))))
