"""A case for the diagnosis: one written number with its context."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tinygrad_hw.engine import ops
from tinygrad_hw.symbolic import (
    Formula,
    add,
    is_call_of,
    multiply,
    names_in,
    operands_of,
    substitute,
)
from tinygrad_hw.worksheet.rounding.admissible import (
    Admissible,
    admissible_if_honest,
    known_number,
    union,
)
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber, last_place_unit
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED
from tinygrad_hw.worksheet.slips.student_work import Inputs, StudentWork
from tinygrad_hw.worksheet.solution.dependencies import PRIME, split_derivative, without_marks

MOST_TERMS = 60  # of the sum over the paths of one partial, when it is expanded


@dataclass(frozen=True)
class Case:
    """One written number with its context.

    Attributes
    ----------
    part, name, of
        The part of the sheet, the number's name and, of a factor, its partial: as in
        ``MarkedNumber``.
    expected
        The admissible values of the number, by this student's work before.
    formula, inputs
        The formula that the number is worked out by, and the values of its names. A factor has a
        name such as "dE/da4" there.
    work
        The student's work on the update.
    written, printed
        The number as it was read, and its text in the sheet.
    original
        For an entry of the table: the number that it copies, if that was right.
    """

    part: str
    name: str
    of: str | None
    expected: Admissible
    formula: Formula
    inputs: Mapping[str, Admissible]
    work: StudentWork
    written: WrittenNumber = field(default_factory=lambda: WrittenNumber(0, 0))
    printed: str = ""
    original: WrittenNumber | None = None

    @property
    def top(self) -> str:
        """The name that is differentiated: E of dE/da4."""
        return split_derivative(self.name)[0]

    @property
    def bottom(self) -> str:
        """The name to differentiate by: a4 of dE/da4."""
        return split_derivative(self.name)[1]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The parts whose slips may be in it: what is defined by a partial is a partial, too."""
        is_defined = self.part == FORWARD and self.name in self.work.sheet.define
        return (FORWARD, PARTIAL) if is_defined else (self.part,)

    @property
    def shows_little(self) -> bool:
        """Whether the number shows less than half of the figures, or decimals, that are asked for.

        It is too little to tell one way of working from another: 1 may be 0.6, or 1.4. A 0 is read
        as 0 to all that are asked for.
        """
        kind, count = self.work.sheet.rounding or ("figures", 0)
        shown = self.written.figures if kind == "figures" else -self.written.place
        return self.written.digits != 0 and 2 * shown < count

    @property
    def is_sum_over_paths(self) -> bool:
        """Whether the number is a derivative that is made from others: no local one."""
        return PARTIAL in self.kinds or (
            self.part == FACTOR and not self.work.dependencies.is_local(self.name)
        )

    @property
    def gradient(self) -> str:
        """The partial that a parameter is updated by: dE/dw of w."""
        return f"d{self.work.loss}/d{self.name}"

    @property
    def exact(self) -> float:
        """The right number at full precision; 0 where it is nothing but floating-point error."""
        if self.part == FORWARD:
            exact = self.work.solution.forward[self.name]
        elif self.part in (UPDATED, TABLE):
            exact = self.work.solution.updated[self.name]
        elif self.part == PARTIAL:
            exact = self.work.solution.partials[self.name]
        else:
            exact = self.work.dependencies.derivative(self.name)
        honest = self.expected.honest
        return 0.0 if 0 in honest and honest.magnitude < 1e-14 else exact

    @property
    def shows_no_digit(self) -> bool:
        """Whether the number has too few digits to show anything of its value.

        A new parameter should show the change, any other number itself. False where the numbers
        before explain why nothing shows.
        """
        if self.part not in (UPDATED, TABLE):
            return self._shows_nothing_but(0.0)
        is_rounded_off = self.written.is_honest_for(self.exact) and self._shows_nothing_but(0.0)
        return is_rounded_off or self._shows_nothing_but(self.work.parameters[self.name])

    def _shows_nothing_but(self, base: float) -> bool:
        """Whether the number is 0, or the old value, where neither work nor rounding makes it so.

        After a slip, the student's own numbers have to give it, not just some of their intervals: a
        0 without a digit before it would leave any 0 after it right.
        """
        written, exact, expected = self.written, self.exact, self.expected
        if exact == base or written.value != base:
            return False
        if base in expected.tight or base in (*expected.by_habit, *expected.in_steps):
            return False
        rounding = self.work.sheet.rounding
        if rounding is None:
            return True
        kind, count = rounding
        if count <= (written.figures if kind == "figures" else -written.place):
            return False
        unit = last_place_unit(exact, rounding)  # 2.58 may stand for 2.5800
        return all(abs(x - base) > unit for x in (exact, *expected.by_habit))

    @property
    def is_held_constant(self) -> bool:
        """Whether 0 is written for a derivative by what is only added, such as dz/db."""
        work = self.work
        if self.part not in (FACTOR, PARTIAL) or not self.printed or self.written.digits:
            return False
        users = work.dependencies.users(self.top, self.bottom)
        return bool(users) and all(work.derivative(f"d{x}/d{self.bottom}")[0] == 1 for x in users)

    def sum_over_paths(self) -> tuple[Formula, Inputs]:
        """Return a derivative as the whole sum over its paths, down to local derivatives."""
        work = self.work
        formula, inputs = self.formula, dict(self.inputs)
        for _ in range(len(work.dependencies.formulas) + 1):
            longer: dict[Formula, Formula] = {}
            for name in names_in(formula):
                if (
                    "/" not in name
                    or work.dependencies.is_local(name)
                    or work.derivatives.get(name.strip(PRIME))
                ):
                    continue
                longer[name], more = work.derivative(name)
                inputs |= more
            whole = substitute(formula, longer)
            if not longer or _count_terms(whole) > MOST_TERMS:
                break
            formula = _expand(whole)
        return formula, inputs

    def case_of_factor(self, name: str) -> Case | None:
        """Return the case of one local factor of a partial; None where it is not local."""
        if "/" not in name or not self.work.dependencies.is_local(name):
            return None
        formula, inputs = self.work.derivative(name)
        expected = self.work.expected_derivative(name)
        return Case(FACTOR, name.strip(PRIME), self.name, expected, formula, inputs, self.work)

    def written_input(self, name: str) -> WrittenNumber | None:
        """Return the written factor of a partial, or partial of an update; None if not written."""
        partials = self.work.answers.partials
        printed: str | None
        if self.part == UPDATED:
            printed = partials[name].value if name in partials else None
        else:
            paths = partials[self.name].paths if self.name in partials else ()
            i = name.count(PRIME)
            printed = paths[i].get(without_marks(name)) if i < len(paths) else None
        return self.work.read(printed) if printed and printed.strip() else None

    def written_product(self) -> tuple[WrittenNumber, Formula, Inputs] | None:
        """Return the written product of a factor's chain, its formula and inputs; None of a sum."""
        work, partial = self.work, str(self.of)
        answer = work.answers.partials[partial]
        if len(answer.paths) != 1 or not answer.value or not answer.value.strip():
            return None
        written = work.dependencies.complete_path(answer.paths[0], partial)
        if written is None:
            return None
        names = [work.reading(partial, 0, name) for name in written]
        inputs = {}
        for name in names:
            expected = work.expected_derivative(name)
            printed = answer.paths[0].get(without_marks(name), "").strip()
            number = work.read(printed) if printed else None
            if number and expected.can_give(number):
                inputs[name] = admissible_if_honest(expected, number)
            else:
                right = (x for x in work.derivatives.get(name, ()) if x.free_of_slips)
                inputs[name] = union(expected, *right)
        return work.read(answer.value), multiply(*names), inputs

    def answers_of_other_parameters(self) -> Iterator[tuple[str, Admissible]]:
        """Yield the answers of other parameters that differ from this one: written, and exact."""
        work, own = self.work, self.exact
        if self.part == FORWARD or (self.part == PARTIAL and self.bottom not in work.parameters):
            return
        for name in work.parameters:
            if self.part == PARTIAL:
                label = f"d{work.loss}/d{name}"
                answer = work.answers.partials.get(label)
                printed, exact = answer.value if answer else None, work.solution.partials[label]
            else:
                label = name
                printed, exact = work.answers.updated.get(name), work.solution.updated[name]
            if abs(exact - own) <= 1e-12 * abs(own):  # itself, or a twin
                continue
            if printed and printed.strip():
                yield label, known_number(work.read(printed).value)
            yield label, work.partials.get(label) or work.updated.get(label) or known_number(exact)
            yield label, known_number(exact)


def _count_terms(formula: Formula) -> int:
    """Count the terms of a formula when it is expanded."""
    counts = map(_count_terms, operands_of(formula))
    if is_call_of(formula, ops.add):
        return sum(counts)
    return math.prod(counts) if is_call_of(formula, ops.mul) else 1


def _expand(formula: Formula) -> Formula:
    """Expand products of sums into sums of products."""
    if is_call_of(formula, ops.add):
        return add(*(_expand(term) for term in operands_of(formula)))
    factors = operands_of(formula) if is_call_of(formula, ops.mul) else (formula,)
    for i, factor in enumerate(factors):
        if is_call_of(factor, ops.add):
            rest = (*factors[:i], *factors[i + 1 :])
            return add(*(_expand(multiply(*rest, term)) for term in operands_of(factor)))
    return formula
