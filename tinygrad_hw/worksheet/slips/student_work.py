"""The student's work on one update: the written numbers, and the formulas that lead to each."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cached_property

from tinygrad_hw.symbolic import Formula, add, differentiate, multiply, names_in, substitute
from tinygrad_hw.worksheet.rounding.admissible import (
    Admissible,
    admissible_if_unwritten,
    evaluate,
    known_number,
    union,
    without_short_decimals,
)
from tinygrad_hw.worksheet.rounding.scratch_work import StepRounding
from tinygrad_hw.worksheet.rounding.written_number import (
    MOST_DIGITS,
    WrittenNumber,
    further_meanings,
    read_number,
)
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet
from tinygrad_hw.worksheet.slips.unreadable import readable_answers
from tinygrad_hw.worksheet.solution.dependencies import (
    PRIME,
    WHOLE,
    Dependencies,
    split_derivative,
)
from tinygrad_hw.worksheet.solution.solve import Solution

RATE = "the rate"  # its name in a formula; no name of a sheet has a blank
MOMENTUM = "the momentum"
BEFORE = "the one before"  # of a parameter, at the update before
Inputs = Mapping[str, Admissible]


class StudentWork:
    """A student's work on one update: forward pass, partials, new parameters.

    Parameters
    ----------
    sheet, solution, number
        The whole sheet; the solution of this update; the number of this update, counted from 1.
    parameters, previous_parameters
        The parameters that this update starts from, and those of the update before, if any.
    rounds_intermediates
        Whether intermediate results, such as the terms of a sum, are taken to be rounded as the
        sheet asks.
    step_rounding
        How the student rounds intermediate results, if that is known.
    figures
        The significant figures of numbers that are not written; None for those the sheet asks for.

    Attributes
    ----------
    answers, table
        The student's answers to this update; the closing table, after the last update only.
    forward, partials, updated
        The admissible values of the forward names so far, of the partials and of the new
        parameters, by name.
    derivatives
        The admissible values of every factor written so far, by name.
    """

    def __init__(
        self,
        sheet: Sheet,
        solution: Solution,
        number: int,
        parameters: Inputs,
        previous_parameters: Inputs,
        rounds_intermediates: bool = False,
        step_rounding: StepRounding | None = None,
        figures: int | None = None,
    ) -> None:
        self.sheet, self.solution, self.number = sheet, solution, number
        self.loss = sheet.loss
        self.answers = readable_answers(sheet, solution.sheet.answers, number)
        table = readable_answers(sheet, Answers(table=sheet.answers.table), 1).table
        self.table = table if number == sheet.steps else {}
        self.parameters = solution.sheet.parameters
        self.previous_parameters = previous_parameters
        self.dependencies = Dependencies(solution)
        self.unwritten_rounding = (
            ("figures", figures) if figures and sheet.rounding else sheet.rounding
        )
        self.step_rounding = step_rounding
        self.intermediate_rounding = sheet.rounding if rounds_intermediates else None
        self.forward = {name: known_number(x) for name, x in solution.sheet.given.items()} | dict(
            parameters
        )
        self.derivatives: dict[str, list[Admissible]] = {}
        self.partials: dict[str, Admissible] = {}
        self.updated: dict[str, Admissible] = {}
        self.meanings: dict[str, WrittenNumber] = {}  # of texts that may mean several numbers
        self._factors: dict[tuple[str, int, str], Admissible] = {}  # by partial, path and name
        self._readings: dict[tuple[str, int, str], str] = {}  # by the same
        self._local_derivatives: dict[str, Admissible] = {}
        self._derivatives_in_use: dict[str, Admissible] = {}

    def add_factor(self, partial: str, path: int, name: str, value: Admissible) -> None:
        """Add a factor that was written for a path of a partial."""
        self._readings[partial, path, name.removesuffix(WHOLE)] = name
        self._factors[partial, path, name] = value
        self.add_derivative(name, value)

    def reading(self, partial: str, path: int, name: str) -> str:
        """Return what a factor dP/dQ is read as: local, or whole, as it was judged.

        One that was not is whole where ``solve`` writes the whole in the partial's chain.
        """
        if known := self._readings.get((partial, path, name)):
            return known
        is_total = self.dependencies.is_total_in_chain(name, partial)
        return self.dependencies.whole(name) if is_total else name

    def add_derivative(self, name: str, value: Admissible) -> None:
        """Add a derivative that was written, which others may be worked out from."""
        self.derivatives.setdefault(name, []).append(value)
        self._derivatives_in_use.clear()

    # --- Formulas and expected values -------------------------------------------------------------

    def evaluate(self, formula: Formula, inputs: Inputs) -> Admissible:
        """Compute a formula in every honest way."""
        return evaluate(formula, inputs, self.intermediate_rounding, self.step_rounding)

    def forward_value(self, name: str) -> tuple[Formula, Admissible]:
        """Return the formula of a forward name, and its admissible values by the names before."""
        formula = self.dependencies.formulas[name]
        return formula, self._from_forward_values(formula)

    def _from_forward_values(self, formula: Formula) -> Admissible:
        """Evaluate a formula as it is, and with names for the parts that have one."""
        ways = [
            self.evaluate(way, self.forward)
            for way in dict.fromkeys((formula, self.dependencies.with_names(formula)))
            if names_in(way).keys() <= self.forward.keys()
        ]
        return union(*ways)

    def derivative(self, name: str) -> tuple[Formula, Inputs]:
        """Return the formula of dP/dQ and its inputs."""
        top, bottom = split_derivative(name)
        if top == bottom:
            return 1.0, {}
        if self.dependencies.is_local(name):
            formula = self.dependencies.formulas[top]
            return substitute(differentiate(formula, bottom), {formula: top}), self.forward
        return self._total_derivative(top, bottom)

    def _total_derivative(self, top: str, bottom: str) -> tuple[Formula, Inputs]:
        """Return dP/dQ as the sum over all paths from P to Q, and the inputs of this formula."""
        terms, inputs = [], {}
        for user in self.dependencies.users(top, bottom):
            upper, lower = self.dependencies.whole(f"d{top}/d{user}"), f"d{user}/d{bottom}"
            inputs[lower] = self._derivative_in_use(lower)
            if user == top:
                terms.append(multiply(lower))
            else:
                inputs[upper] = self._derivative_in_use(upper)
                terms.append(multiply(upper, lower))
        return add(*terms), inputs

    def expected_derivative(self, name: str) -> Admissible:
        """Return the admissible values of dP/dQ by the numbers that were written before."""
        name = name.strip(PRIME)
        formula, inputs = self.derivative(name)
        if not self.dependencies.is_local(name):
            return self.evaluate(formula, inputs)
        if name not in self._local_derivatives:
            self._local_derivatives[name] = self._from_forward_values(formula)
        return self._local_derivatives[name]

    def derivative_in_use(self, name: str) -> Admissible:
        """Return dP/dQ, the whole derivative, as the student may use it."""
        if name in self.partials:
            return self.partials[name]
        return self._derivative_in_use(self.dependencies.whole(name))

    def _derivative_in_use(self, name: str) -> Admissible:
        """Return dP/dQ as the student may use it: as written in some chain, or not written."""
        if name not in self._derivatives_in_use:
            expected = self.expected_derivative(name)
            unwritten = admissible_if_unwritten(expected, self.unwritten_rounding)
            self._derivatives_in_use[name] = union(*self.derivatives.get(name, ()), unwritten)
        return self._derivatives_in_use[name]

    def partial(self, name: str, answer: PartialAnswer) -> tuple[Formula, Inputs]:
        """Return the formula of a partial and its inputs: the written factors, if all are there."""
        terms: list[Formula] = []
        inputs: dict[str, Admissible] = {}
        exact = 0.0
        for i, path in enumerate(answer.paths):
            factors = self.dependencies.complete_path(path, name)
            if factors is None:
                break
            factors = [self.reading(name, i, factor) for factor in factors]
            for factor in factors:
                value = self._factors.get((name, i, factor))
                if value is None:
                    value = self._derivative_in_use(factor)
                inputs[f"{factor}{PRIME * i}"] = value
            terms.append(multiply(*(f"{factor}{PRIME * i}" for factor in factors)))
            exact += math.prod(self.dependencies.derivative(factor) for factor in factors)
        else:
            right = self.solution.partials[name]
            if answer.paths and abs(exact - right) <= 1e-9 * abs(right):
                return add(*terms), inputs
        return self._total_derivative(*split_derivative(name))

    def may_be_factor(self, partial: str) -> bool:
        """Return whether a partial may stand in other chains; not that of the loss by a weight."""
        top, bottom = split_derivative(partial)
        return top != self.loss or bottom not in self.parameters

    def update(self, name: str) -> tuple[Formula, Inputs, Admissible]:
        """Return the formula of a parameter's update, its inputs and its admissible values."""
        partial = f"d{self.loss}/d{name}"
        formula = add(name, multiply(-1.0, RATE, partial))
        inputs = {
            name: self.forward[name],
            RATE: known_number(self.sheet.rate or 0.0),
            partial: self.partials[partial],
        }
        if self.sheet.momentum and self.previous_parameters:
            formula = add(formula, multiply(MOMENTUM, add(name, multiply(-1.0, BEFORE))))
            inputs[MOMENTUM] = known_number(self.sheet.momentum)
            inputs[BEFORE] = self.previous_parameters[name]
        expected = self.evaluate(formula, inputs)
        if inputs[partial].honest.magnitude and expected.honest.short_decimal is not None:
            # Not 5.7, but 5.7 - 1e-14, which is cut to 5.6.
            expected = without_short_decimals(expected)
        return formula, inputs, expected

    # --- Written numbers --------------------------------------------------------------------------

    @cached_property
    def writes_decimal_commas(self) -> bool:
        """Whether an answer has a comma that separates no group of digits: 0,5."""
        answers, partials = self.answers, self.answers.partials.values()
        texts = [*answers.forward.values(), *answers.updated.values(), *self.table.values()]
        texts += [text for answer in partials for path in answer.paths for text in path.values()]
        texts += [answer.value or "" for answer in partials]
        return any(re.search(r"\d,(?!\d{3}(?!\d))\d", text) for text in texts)

    def meanings_of(self, printed: str) -> list[WrittenNumber]:
        """Return the numbers that a text may mean, the usual one first, by what the sheet asks."""
        usual = read_number(printed)
        meanings = [usual, *further_meanings(printed, point_groups=self.writes_decimal_commas)]
        kind, count = self.sheet.rounding or ("", 0)
        if kind and not usual.digits and usual.fraction is None:
            return [usual.padded(kind, count)]  # 0 is 0.000 where three figures are asked for
        if kind == "figures":  # the zeros of 12600 are no figures where three are asked for
            asked = [x for x in meanings if x.figures == count and x.place > 0]
            return [*asked, *(x for x in meanings if not asked or x.figures < count)]
        if kind == "decimals":
            return [x for x in meanings if x.place <= 0] or meanings
        return meanings

    def read(self, printed: str) -> WrittenNumber:
        """Read a number, as what it has turned out to mean where it may mean several."""
        return self.meanings.get(printed) or read_number(printed)

    def names_of_same_kind(self, name: str) -> list[str]:
        """Return the other names of a kind (given, parameter, forward) that have a value so far."""
        kinds = (self.sheet.given, self.parameters, self.sheet.forward)
        kind = next((kind for kind in kinds if name in kind), {})
        return [other for other in self.forward if other in kind and other != name]

    def new_values(self, name: str) -> Iterator[Admissible]:
        """Yield the values of a parameter after its update: the written one and the exact one."""
        if name not in self.solution.updated:
            return
        printed = self.answers.updated.get(name) or self.table.get(name)
        if printed and printed.strip():
            yield known_number(self.read(printed).value)
        yield known_number(self.solution.updated[name])

    def written_factors(self, name: str) -> Iterator[WrittenNumber]:
        """Yield the numbers that were written for a factor, chain by chain."""
        for answer in self.answers.partials.values():
            for path in answer.paths:
                if path.get(name, "").strip():
                    yield self.read(path[name])

    def is_within_rounding(self, number: WrittenNumber) -> bool:
        """Whether a number has no more digits than the sheet asks for."""
        kind, count = self.sheet.rounding or ("figures", MOST_DIGITS)
        return (number.figures if kind == "figures" else -number.place) <= count
