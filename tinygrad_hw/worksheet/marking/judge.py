"""One pass over a sheet, forward, back and over the updates: every number judged in its turn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tinygrad_hw.engine.core import ops
from tinygrad_hw.explain.notation.text import write
from tinygrad_hw.symbolic import (
    Formula,
    add,
    compute,
    differentiate,
    is_call_of,
    multiply,
    names_in,
    operands_of,
    substitute,
)
from tinygrad_hw.worksheet.marking.marked_number import MOST_DIGITS, Item, trusted_digits
from tinygrad_hw.worksheet.rounding.admissible import (
    Admissible,
    admissible_if_following,
    admissible_if_honest,
    admissible_if_unwritten,
    admissible_if_wrong,
    evaluate,
    known_number,
    last_place_unit,
    union,
    without_short_decimals,
)
from tinygrad_hw.worksheet.rounding.intervals import Interval
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber, read_number, round_number
from tinygrad_hw.worksheet.sheet.model import PartialAnswer, Sheet
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.diagnosis import Effort, Fit, convicts, diagnose
from tinygrad_hw.worksheet.slips.slip import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED, Case, Slip
from tinygrad_hw.worksheet.solution.dependencies import PRIME, Structure, parts_of
from tinygrad_hw.worksheet.solution.solve import Solution

RATE = "the rate"  # what it is called in a formula; no name of a sheet has a blank
MOST_PATHS = 60  # that are looked at one by one, for one partial
NO_ANSWER = PartialAnswer((), None, ())
Inputs = Mapping[str, Admissible]


class Step:
    """One pass forward, backward and over the updates, and all that was written for it."""

    def __init__(
        self,
        sheet: Sheet,
        solution: Solution,
        start: Inputs,
        number: int,
        before: Inputs,
        catalogue: Sequence[Slip] = CATALOGUE,
        scratch: bool = False,
        ideal: int | None = None,
    ) -> None:
        self.sheet, self.solution, self.number = sheet, solution, number
        self.before = before  # the parameters of the step before, where there is one
        self.catalogue, self.ideal = catalogue, ideal
        self.answers = solution.sheet.answers
        self.table = sheet.answers.table if number == sheet.steps else {}
        self.rounding = ("figures", ideal) if ideal and sheet.rounding else sheet.rounding
        self.scratch = sheet.rounding if scratch else None
        self.loss = sheet.loss
        self.parameters = solution.sheet.parameters
        self.structure = Structure(solution)
        self.forward: dict[str, Admissible] = {n: known_number(x) for n, x in sheet.given.items()}
        self.forward |= start
        self.derivatives: dict[str, list[Admissible]] = {}  # by name, as written so far
        self.partials: dict[str, Admissible] = {}
        self.updated: dict[str, Admissible] = {}
        self.effort = Effort()
        self.items: list[Item] = []
        self.cases: list[Case] = []  # what was written, as it was judged
        self.lost: dict[str, str] = {}  # where digits were lost, by the name of what lost them
        self._factors: dict[tuple[str, int, str], Admissible] = {}  # by partial, path and name
        self._locals: dict[str, Admissible] = {}
        self._totals: dict[str, Admissible] = {}

    # --- The pass ---------------------------------------------------------------------------------

    def mark(self) -> None:
        """Judge everything, in the order in which it is worked out."""
        self._check_answers()
        self._mark_forward()
        self._mark_partials()
        self._mark_updated()
        self._mark_table()

    def _mark_forward(self) -> None:
        for name, formula in self.structure.formulas.items():
            expected = self._worked_out(formula, self.structure.renamed(formula))
            case = Case(FORWARD, name, None, expected, formula, self.forward, self)
            printed = self.answers.forward.get(name)
            self.forward[name] = self._keep(*self._judge(case, printed))

    def _mark_partials(self) -> None:
        """Judge all factors, local ones first, then the results; list them in the sheet's order."""
        factors = {key: self._judge_factor(key) for key in self._factors_asked()}
        for name in dict.fromkeys((*self.answers.partials, *self.solution.partials)):
            answer = self.answers.partials.get(name, NO_ANSWER)
            for i, path in enumerate(answer.paths):
                self.items += [factors[name, i, factor] for factor in path]
            formula, inputs = self._product(name, answer)
            expected = evaluate(formula, inputs, self.scratch)
            case = Case(PARTIAL, name, None, expected, formula, inputs, self)
            self.partials[name] = self._keep(*self._judge(case, answer.value))

    def _mark_updated(self) -> None:
        for name in dict.fromkeys((*self.answers.updated, *self.parameters)):
            formula, inputs, expected = self._update(name)
            case = Case(UPDATED, name, None, expected, formula, inputs, self)
            self.updated[name] = self._keep(*self._judge(case, self.answers.updated.get(name)))

    def _mark_table(self) -> None:
        """Judge the closing table: a copy, or where there is nothing right to copy, an update."""
        verdicts = {item.name: item.verdict for item in self.items if item.part == UPDATED}
        for name, printed in self.table.items():
            formula, inputs, expected = self._update(name)
            held, copied, others = self.updated[name], None, []
            if verdicts.get(name) in ("exact", "rounded", "follows"):
                copied = read_number(self.answers.updated[name])
            if verdicts.get(name) in ("exact", "rounded"):
                expected = replace(held, honest=held.tight, own=held.own_tight)
            elif verdicts.get(name) in ("follows", "wrong"):
                others = [held]
            case = Case(TABLE, name, None, expected, formula, inputs, self, copied=copied)
            held = self._keep(*self._judge(case, printed, others))
            if verdicts.get(name, "missing") == "missing":
                self.updated[name] = held

    def _keep(self, held: Admissible, item: Item | None) -> Admissible:
        if item:
            self.items.append(item)
        return held

    def _factors_asked(self) -> list[tuple[str, int, str]]:
        """The factors of all chains as (partial, number of the path, name), local ones first."""
        asked = [
            (partial, i, name)
            for partial, answer in self.answers.partials.items()
            for i, path in enumerate(answer.paths)
            for name in path
        ]
        return sorted(asked, key=lambda key: not self.structure.is_local(*parts_of(key[2])))

    def _judge_factor(self, key: tuple[str, int, str]) -> Item:
        partial, i, name = key
        formula, inputs = self._derivative(*parts_of(name))
        others = self.derivatives.get(name, [])
        right = [other for other in others if other.free_of_slips]  # it may be copied from these
        expected = union(self._expected_derivative(*parts_of(name)), *right)
        case = Case(FACTOR, name, partial, expected, formula, inputs, self, path=i)
        printed = self.answers.partials[partial].paths[i][name]
        held, item = self._judge(case, printed, others)
        if printed.strip():
            self._factors[key] = held
            self.derivatives.setdefault(name, []).append(held)
            self._totals.clear()
        assert item
        return item

    # --- One number -------------------------------------------------------------------------------

    def _judge(
        self, case: Case, printed: str | None, others: Sequence[Admissible] = ()
    ) -> tuple[Admissible, Item | None]:
        """Give a number its verdict, if it was asked for; say what is carried on of it.

        ``others`` are what was written for the same quantity before.
        """
        expected, exact = case.expected, self.exact(case)
        if not printed or not printed.strip():
            held = admissible_if_unwritten(expected, self.rounding)
            return held, None if printed is None else self._item(case, "", exact, "missing")
        written = round_number(exact, "figures", self.ideal) if self.ideal else self._read(printed)
        case = replace(case, written=written, printed=printed)
        self.cases.append(case)
        verdict, source = self._verdict(case, exact, others)
        fits: list[Fit] = []
        if verdict == "wrong":
            fits = diagnose(case, self.catalogue)
        elif verdict != "exact" and self._is_unusual(written, verdict, source):
            copied = next(
                (x for x in others if not x.free_of_slips and x.matches_a_habit(written)), None
            )
            if copied:
                verdict, source = "follows", copied
            elif fits := convicts(case, self.catalogue, strictly=self.scratch is not None):
                verdict = "wrong"
        item = self._item(case, printed, exact, verdict, fits)
        if verdict == "wrong":
            imagined = fits[0].imagined if fits and fits[0].sharp else None
            return admissible_if_wrong(expected, written, imagined), item
        if verdict == "follows":
            return admissible_if_following(expected, source, written), item
        held = admissible_if_honest(expected, written)
        if (
            self.ideal and held.tight.short_decimal is None
        ):  # the worst that rounding could have done
            half = written.unit / 2
            held = replace(held, tight=expected.tight.widened(half, half))
        return held, item

    def _read(self, printed: str) -> WrittenNumber:
        """Read a number; of 12600, where three figures are asked, the zeros only hold the place."""
        written = read_number(printed)
        kind, count = self.sheet.rounding or ("decimals", 0)
        beyond = written.figures - count if kind == "figures" and written.place == 0 else 0
        if beyond > 0 and written.digits % 10**beyond == 0:
            return replace(written, digits=written.digits // 10**beyond, place=beyond)
        return written

    def _is_unusual(self, written: WrittenNumber, verdict: str, source: Admissible) -> bool:
        """Whether a number is within what rounding allows, but comes from no single habit."""
        likely = source.own_tight if verdict == "follows" else source.tight
        return not written.is_reachable_from(likely) and not source.matches_a_habit(written)

    def _verdict(
        self, case: Case, exact: float, others: Sequence[Admissible]
    ) -> tuple[str, Admissible]:
        written, expected = case.written, case.expected
        if self.shows_nothing(case):
            return "wrong", expected
        if written.is_rounding_of(exact):
            return "exact", expected
        if written.is_reachable_from(expected.honest):
            return "rounded", expected
        for other in (expected, *others):
            if not (other.free_of_slips and other is expected) and written.is_reachable_from(
                other.own
            ):
                return "follows", other
        return "wrong", expected

    def shows_nothing(self, case: Case) -> bool:
        """Whether a number has no digit of what it should show, and nothing before it says so."""
        written, exact = case.written, self.exact(case)
        old = self.parameters[case.name] if case.part in (UPDATED, TABLE) else 0.0
        expected = case.expected
        if (
            exact == old
            or written.value != old
            or old in expected.tight
            or old in expected.own_tight
        ):
            return False
        if self.sheet.rounding is None:
            return True
        kind, count = self.sheet.rounding
        if count <= (written.figures if kind == "figures" else -written.place):
            return False
        unit = last_place_unit(exact, self.sheet.rounding)  # 2.58 may stand for 2.5800
        return all(abs(x - old) > unit for x in (exact, *expected.by_habit))

    def exact(self, case: Case) -> float:
        """The number at full precision; 0 where only the floats' own error is left."""
        if case.part == FORWARD:
            exact = self.solution.forward[case.name]
        elif case.part in (UPDATED, TABLE):
            exact = self.solution.updated[case.name]
        elif case.part == PARTIAL:
            exact = self.solution.partials[case.name]
        else:
            exact = self.structure.derivative(case.name)
        honest = case.expected.honest
        return 0.0 if 0 in honest and honest.magnitude < 1e-14 else exact

    def _item(
        self, case: Case, printed: str, exact: float, verdict: str, fits: Sequence[Fit] = ()
    ) -> Item:
        first = fits[0] if fits else None
        ids = (slip.id for fit in fits for slip in fit.slips)
        return Item(
            part=case.part,
            name=case.name,
            of=case.of,
            printed=printed,
            exact=exact,
            verdict=verdict,
            note=self._note(case, exact, verdict),
            slip=first.slips[0].id if first else None,
            candidates=tuple(dict.fromkeys(ids)),
            explanation=self._explanation(case, verdict, fits),
            trusted_digits=trusted_digits(case.expected, exact),
            lost=self._lost(case),
            step=self.number,
            hint=first.slips[0].hint if first else "",
            formula=write(case.formula),
            is_sharp=bool(first and first.sharp),
            is_usual=case.expected.matches_a_habit(case.written) or not case.expected.free_of_slips,
        )

    def _note(self, case: Case, exact: float, verdict: str) -> str:
        written = case.written
        if verdict != "rounded":
            return ""
        likely = (exact, *case.expected.by_habit)
        if any(map(written.is_rounding_of, likely)):
            return ""
        half = written.unit / 2
        near = Interval(written.value - half, written.value + half)
        cut = any(map(written.is_truncation_of, likely)) or not near.overlaps(case.expected.honest)
        return "truncated" if cut else ""

    def _explanation(self, case: Case, verdict: str, fits: Sequence[Fit]) -> str:
        if verdict == "follows":
            return "Right but for a slip before it, which is charged there."
        if verdict != "wrong":
            return ""
        rivals = [fit.text for fit in fits if not fit.slips[0].betrayed] or [f.text for f in fits]
        if not rivals:
            return f"{case.name} = {case.printed} fits no slip of the catalogue."
        beside = [fit.detail for fit in fits if fit.slips[0].betrayed and fit.text not in rivals]
        text = rivals[0]
        if len(rivals) > 1:
            text = "The numbers cannot tell which. " + " Or: ".join(rivals)
        return " ".join([text, *(f"And {detail}." for detail in beside)])

    def _check_answers(self) -> None:
        """Read every number once, so that what is wrong with one is said with its place."""
        start = "answers" if self.number == 1 else f"answers.step{self.number}"
        for part, texts in ((FORWARD, self.answers.forward), (UPDATED, self.answers.updated)):
            self._check(f"{start}.{part}", texts)
        self._check(f"answers.{TABLE}", self.table)
        for partial, answer in self.answers.partials.items():
            section = f'{start}.partials."{partial}"'
            for path in answer.paths:
                for name in path:
                    self._check_factor(section, name, parts_of(partial)[1])
                self._check(section, path, "factors")
            self._check(section, {partial: answer.value or ""}, "value")

    def _check_factor(self, section: str, name: str, parameter: str) -> None:
        for part in parts_of(name):
            if part not in self.solution.values:
                reason = f"{name} names {part}, which is not in this sheet"
                raise self.sheet.error(reason, section, "factors")
        if not math.isfinite(exact := self.structure.derivative(name)):
            raise self.sheet.error(f"{name} is {exact}, so it cannot be marked", section, "factors")
        top, bottom = parts_of(name)
        depends = self.structure.depends
        above = top == self.loss or depends(self.loss, top)
        below = bottom == parameter or depends(bottom, parameter)
        if not (above and below and (top == bottom or depends(top, bottom))):
            reason = f"{name} is on no way from {self.loss} to {parameter}"
            raise self.sheet.error(reason, section, "factors")

    def _check(self, section: str, texts: Mapping[str, str], key: str = "") -> None:
        for name, text in texts.items():
            try:
                if text.strip():
                    read_number(text)
            except ValueError as error:
                reason = f"{name} = {text[:40]!r} {error}"
                raise self.sheet.error(reason, section, key or name) from None

    # --- What stands in the sheet -----------------------------------------------------------------

    def _worked_out(self, *formulas: Formula) -> Admissible:
        """Evaluate from the forward values, by formulas that are the same in different names."""
        ways = [
            evaluate(formula, self.forward, self.scratch)
            for formula in dict.fromkeys(formulas)
            if names_in(formula).keys() <= self.forward.keys()
        ]
        return union(*ways)

    def _derivative(self, top: str, bottom: str) -> tuple[Formula, Inputs]:
        """How dP/dQ is worked out, and from what."""
        if top == bottom:
            return 1.0, {}
        if self.structure.is_local(top, bottom):
            slope = differentiate(self.structure.formulas[top], bottom)
            return substitute(slope, {self.structure.formulas[top]: top}), self.forward
        return self._total(top, bottom)

    def _total(self, top: str, bottom: str) -> tuple[Formula, Inputs]:
        """How dP/dQ is worked out over all the ways to Q, that in P's own formula among them."""
        terms, inputs = [], {}
        for user in self.structure.users(top, bottom):
            upper, lower = f"d{top}/d{user}", f"d{user}/d{bottom}"
            inputs[lower] = self._carried_derivative(user, bottom)
            if user == top:
                terms.append(multiply(lower))
            else:
                inputs[upper] = self._carried_derivative(top, user)
                terms.append(multiply(upper, lower))
        return add(*terms), inputs

    def _expected_derivative(self, top: str, bottom: str) -> Admissible:
        """What dP/dQ should be, from what was written before it."""
        formula, inputs = self._derivative(top, bottom)
        if not self.structure.is_local(top, bottom):
            return evaluate(formula, inputs, self.scratch)
        name = f"d{top}/d{bottom}"
        if name not in self._locals:
            self._locals[name] = self._worked_out(formula, self.structure.renamed(formula))
        return self._locals[name]

    def _carried_derivative(self, top: str, bottom: str) -> Admissible:
        """What may be carried of dP/dQ: as written anywhere, or else as worked out."""
        name = f"d{top}/d{bottom}"
        if name not in self._totals:
            expected = admissible_if_unwritten(
                self._expected_derivative(top, bottom), self.rounding
            )
            written = self.derivatives.get(name, [])
            self._totals[name] = union(*written, expected) if written else expected
        return self._totals[name]

    def _product(self, partial: str, answer: PartialAnswer) -> tuple[Formula, Inputs]:
        """How a partial is worked out: from the factors written for it, if they are all there."""
        bottom = parts_of(partial)[1]
        terms: list[Formula] = []
        inputs: dict[str, Admissible] = {}
        exact = 0.0
        for i, path in enumerate(answer.paths):
            names = self.structure.completed(path, bottom)
            if names is None:
                break
            for name in names:
                held = self._factors.get((partial, i, name))
                if held is None:
                    held = self._carried_derivative(*parts_of(name))
                inputs[f"{name}{PRIME * i}"] = held
            terms.append(multiply(*(f"{name}{PRIME * i}" for name in names)))
            exact += math.prod(self.structure.derivative(name) for name in names)
        else:
            right = self.solution.partials[partial]
            if answer.paths and abs(exact - right) <= 1e-9 * abs(right):
                return add(*terms), inputs
        return self._total(self.loss, bottom)

    def _update(self, name: str) -> tuple[Formula, Inputs, Admissible]:
        """How a parameter is updated, from what, and what it should be then."""
        partial = f"d{self.loss}/d{name}"
        formula = add(name, multiply(-1.0, RATE, partial))
        inputs = {name: self.forward[name], RATE: known_number(self.sheet.rate)}
        inputs |= {partial: self.partials[partial]}
        expected = evaluate(formula, inputs, self.scratch)
        if inputs[partial].honest.magnitude and expected.honest.short_decimal is not None:
            expected = without_short_decimals(
                expected
            )  # not 5.7, but 5.7 - 1e-14, which is cut to 5.6
        return formula, inputs, expected

    # --- What the slips ask for -------------------------------------------------------------------

    def formula_names(self, top: str) -> tuple[str, ...]:
        """The names that stand in a formula."""
        return self.structure.uses.get(top, ())

    def siblings(self, name: str) -> list[str]:
        """Other names of the same kind that have a number by now."""
        kinds = (self.sheet.given, self.parameters, self.sheet.forward)
        kind = next((kind for kind in kinds if name in kind), {})
        return [other for other in self.forward if other in kind and other != name]

    def new_values(self, name: str) -> Iterator[Admissible]:
        """A parameter after its update, as it was written and as it is."""
        printed = self.answers.updated.get(name) or self.table.get(name)
        if printed and printed.strip():
            yield known_number(read_number(printed).value)
        yield known_number(self.solution.updated[name])

    def answers_like(self, case: Case) -> Iterator[tuple[str, Admissible]]:
        """The same answer of other parameters, where it is another number: exact, and written."""
        own = self.exact(case)
        for name in self.parameters:
            if case.part == PARTIAL:
                label = f"d{self.loss}/d{name}"
                answer = self.answers.partials.get(label)
                printed, exact = answer.value if answer else None, self.solution.partials[label]
            else:
                label = name
                printed, exact = self.answers.updated.get(name), self.solution.updated[name]
            if abs(exact - own) <= 1e-12 * abs(own):  # itself, or a twin
                continue
            if printed and printed.strip():
                yield label, known_number(read_number(printed).value)
            yield label, self.partials.get(label) or self.updated.get(label) or known_number(exact)
            yield label, known_number(exact)

    def expanded(self, case: Case) -> tuple[Formula, Inputs]:
        """The whole sum over paths of a partial, down to local factors."""
        formula, inputs = case.formula, dict(case.inputs)
        for _ in range(len(self.structure.formulas) + 1):
            longer: dict[Formula, Formula] = {}
            for name in names_in(formula):
                top, bottom = parts_of(name)
                if self.structure.is_local(top, bottom) or self.derivatives.get(name.strip(PRIME)):
                    continue
                longer[name], more = self._derivative(top, bottom)
                inputs |= more
            whole = substitute(formula, longer)
            if not longer or _terms(whole) > MOST_PATHS:
                break
            formula = _spread(whole)
        return formula, inputs

    def factor_case(self, name: str, case: Case) -> Case | None:
        """One local factor of a partial, as a case of its own."""
        top, bottom = parts_of(name)
        if not self.structure.is_local(top, bottom):
            return None
        formula, inputs = self._derivative(top, bottom)
        expected = self._expected_derivative(top, bottom)
        return Case(FACTOR, name.strip(PRIME), case.name, expected, formula, inputs, self)

    def written_for(self, case: Case, name: str) -> WrittenNumber | None:
        """The number that stands beside, which a later one is made from."""
        printed: str | None
        if case.part == UPDATED:
            answer = self.answers.partials.get(name)
            printed = answer.value if answer else None
        else:
            paths = (
                self.answers.partials[case.name].paths if case.name in self.answers.partials else ()
            )
            i = name.count(PRIME)
            printed = paths[i].get(name.strip(PRIME)) if i < len(paths) else None
        return read_number(printed) if printed and printed.strip() else None

    def has_allowed_precision(self, number: WrittenNumber) -> bool:
        """Whether a number has no more figures than the sheet asks for."""
        kind, count = self.sheet.rounding or ("figures", MOST_DIGITS)
        return (number.figures if kind == "figures" else -number.place) <= count

    def elsewhere(self, name: str) -> Iterator[WrittenNumber]:
        """A factor as it was written in any chain."""
        for answer in self.answers.partials.values():
            for path in answer.paths:
                if path.get(name, "").strip():
                    yield read_number(path[name])

    def beside(self, case: Case) -> tuple[WrittenNumber, Formula, Inputs] | None:
        """The result beside a factor, where it is the product of one path, and how it is made."""
        partial = str(case.of)
        answer = self.answers.partials[partial]
        if len(answer.paths) != 1 or not answer.value or not answer.value.strip():
            return None
        names = self.structure.completed(answer.paths[0], parts_of(partial)[1])
        if names is None:
            return None
        inputs = {}
        for name in names:
            expected = self._expected_derivative(*parts_of(name))
            printed = answer.paths[0].get(name, "").strip()
            number = read_number(printed) if printed else None
            fits = number and expected.can_give(number)
            right = union(expected, *(x for x in self.derivatives.get(name, ()) if x.free_of_slips))
            inputs[name] = admissible_if_honest(expected, number) if number and fits else right
        return read_number(answer.value), multiply(*names), inputs

    # --- Digits that can be trusted ---------------------------------------------------------------

    def _lost(self, case: Case) -> str:
        """Where digits were lost in a difference of nearly equal numbers, in words; "" if nowhere.

        In the number's own formula, or else in what its least certain input was worked out from.
        """
        here = self._cancelled(case) if case.part in (FORWARD, FACTOR) else ""
        if not here:
            sure = {
                name: trusted_digits(case.inputs[name], self.structure.value(name))
                for name in names_in(case.formula)
                if name != RATE
            }
            here = self.lost.get(min(sure, key=sure.__getitem__, default="").strip(PRIME), "")
        return self.lost.setdefault(case.name, here)

    def _cancelled(self, case: Case) -> str:
        for part in _sums(case.formula):
            if all(case.inputs[name].tight.short_decimal is not None for name in names_in(part)):
                continue
            middles = {name: case.inputs[name].unrounded for name in names_in(part)}
            largest = max(abs(compute(term, middles)) for term in operands_of(part))
            result = abs(compute(part, middles))
            if not result or largest < 10 * result:
                continue
            places = math.floor(math.log10(largest / result))
            digits = "a digit" if places == 1 else f"{places} digits"
            return f"{write(part)}, a difference of nearly equal numbers, costs {digits}"
        return ""


def _sums(formula: Formula) -> Iterator[Formula]:
    if is_call_of(formula, ops.add):
        yield formula
    for operand in operands_of(formula):
        yield from _sums(operand)


def _terms(formula: Formula) -> int:
    """How many terms a formula has when it is multiplied out."""
    counts = map(_terms, operands_of(formula))
    if is_call_of(formula, ops.add):
        return sum(counts)
    return math.prod(counts) if is_call_of(formula, ops.mul) else 1


def _spread(formula: Formula) -> Formula:
    """Multiply out: a product with a sum in it becomes a sum of products."""
    if is_call_of(formula, ops.add):
        return add(*(_spread(term) for term in operands_of(formula)))
    factors = operands_of(formula) if is_call_of(formula, ops.mul) else (formula,)
    for i, factor in enumerate(factors):
        if is_call_of(factor, ops.add):
            rest = (*factors[:i], *factors[i + 1 :])
            return add(*(_spread(multiply(*rest, term)) for term in operands_of(factor)))
    return formula
