"""The judge, who decides the verdict on each number of one update, in the order of the work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tinygrad_hw.explain import formula_text
from tinygrad_hw.symbolic import names_in, substitute
from tinygrad_hw.worksheet.marking.check_answers import check_answers
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.marking.trusted_digits import cancellation, trusted_digits
from tinygrad_hw.worksheet.marking.verdict import (
    decide,
    explain,
    is_unusual,
    lacks_figures,
    note_on,
)
from tinygrad_hw.worksheet.rounding.admissible import (
    Admissible,
    admissible_if_following,
    admissible_if_honest,
    admissible_if_unwritten,
    admissible_if_wrong,
    union,
)
from tinygrad_hw.worksheet.rounding.written_number import (
    WrittenNumber,
    round_number,
)
from tinygrad_hw.worksheet.sheet.model import PartialAnswer
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.catalogue import CATALOGUE
from tinygrad_hw.worksheet.slips.diagnosis import (
    Budget,
    Diagnosis,
    diagnose,
    diagnose_despite_rounding,
)
from tinygrad_hw.worksheet.slips.slip import Slip
from tinygrad_hw.worksheet.slips.student_work import StudentWork
from tinygrad_hw.worksheet.slips.unreadable import Unreadable
from tinygrad_hw.worksheet.solution.dependencies import (
    PRIME,
    WHOLE,
    split_derivative,
    without_marks,
)

ITSELF = -1  # in place of the number of a path: the partial itself, none of its factors
DEFINED = -2  # the same: what is defined to be the partial, or it with the other sign


class Judge:
    """The judge of the numbers of one update.

    Parameters
    ----------
    work
        The student's work on the update. The admissible values of each number that has been judged
        are added to it.
    budget
        The bound of the search for slips.
    catalogue
        The slips to look for.
    figures
        The number of figures to which right answers are rounded, to judge these in place of the
        written ones; None to judge the written ones.

    Attributes
    ----------
    marked
        The marked numbers, in the sheet's order.
    cases
        The numbers that were written and their marks, in the order in which they were judged.
    unanswered
        Those that were asked for and not written, in that order.
    """

    def __init__(
        self,
        work: StudentWork,
        budget: Budget,
        catalogue: Sequence[Slip] = CATALOGUE,
        figures: int | None = None,
    ) -> None:
        self.work, self.catalogue, self.figures = work, catalogue, figures
        self.budget = budget
        self.marked: list[MarkedNumber] = []
        self.cases: list[tuple[Case, MarkedNumber]] = []
        self.unanswered: list[Case] = []
        self._short: set[str] = set()  # numbers with fewer figures than asked for, or after such
        self._cancellations: dict[str, str] = {}  # by the name of the number that lost digits

    def judge_all(self) -> None:
        """Judge all numbers, in the order in which they are worked out."""
        check_answers(self.work)
        self._judge_forward()
        self._judge_partials()
        self._judge_updates()
        self._judge_table()

    def _judge_forward(self) -> None:
        work = self.work
        for name in work.dependencies.formulas:
            formula, expected = work.forward_value(name)
            case = Case(FORWARD, name, None, expected, formula, work.forward, work)
            work.forward[name] = self._judge_and_list(case, work.answers.forward.get(name))

    def _judge_partials(self) -> None:
        """Judge all factors, and the partials that others use; then the results for parameters.

        They are listed in the sheet's order.
        """
        work = self.work
        judged: dict[tuple[str, int, str], MarkedNumber | None] = {}
        for partial, i, name in self._derivatives_asked_for():
            if i == ITSELF:
                judged[partial, i, name] = self._judge_partial(partial)
                if work.answers.partials[partial].value:
                    whole = work.dependencies.whole(partial)
                    work.add_derivative(whole, work.partials[partial])
            elif i == DEFINED:
                judged[partial, i, name] = self._judge_definition(name, partial)
            else:
                judged[partial, i, name] = self._judge_factor(partial, i, name)
        for name in dict.fromkeys((*work.answers.partials, *work.solution.partials)):
            answer = work.answers.partials.get(name, PartialAnswer())
            for i, path in enumerate(answer.paths):
                self.marked += filter(None, (judged[name, i, factor] for factor in path))
            itself = (name, ITSELF, name)
            result = judged[itself] if itself in judged else self._judge_partial(name)
            self.marked += filter(None, [result])
        for name, definition in work.sheet.define.items():
            key = (str(definition.partial), DEFINED, name)
            result = judged[key] if key in judged else self._judge_definition(name)
            self.marked += filter(None, [result])

    def _derivatives_asked_for(self) -> list[tuple[str, int, str]]:
        """Return the factors of all chains as (partial, index of the path, name), local first.

        The others follow from the loss downwards. Among them, with ``ITSELF`` for a path, is each
        partial that others may use: after the factors of its chain, before its copies in others.
        """
        work = self.work
        keys = [
            (partial, i, name)
            for partial, answer in work.answers.partials.items()
            for i, path in enumerate(answer.paths)
            for name in path
        ]
        used = [name for name in work.answers.partials if work.may_be_factor(name)]
        keys += [(name, ITSELF, name) for name in used]
        keys += [
            (definition.partial, DEFINED, name)
            for name, definition in work.sheet.define.items()
            if definition.partial and work.may_be_factor(definition.partial)
        ]
        defined = {key[0] for key in keys if key[1] == DEFINED}
        order = {name: i for i, name in enumerate(work.dependencies.formulas)}

        def place(key: tuple[str, int, str]) -> tuple[bool, int, int]:
            partial, path, name = key if key[1] != DEFINED else (key[0], key[1], key[0])
            read = work.dependencies.whole(name) if path < 0 else work.reading(partial, path, name)
            is_local = work.dependencies.is_local(read)
            is_copy = path >= 0 and name in (*used, *defined) and name != partial
            rank = -path if path < 0 else 3 * is_copy
            return not is_local, -order.get(split_derivative(name)[1], -1), rank

        return sorted(keys, key=place)

    def _judge_partial(self, name: str) -> MarkedNumber | None:
        work = self.work
        answer = work.answers.partials.get(name, PartialAnswer())
        formula, inputs = work.partial(name, answer)
        expected = work.evaluate(formula, inputs)
        case = Case(PARTIAL, name, None, expected, formula, inputs, work)
        work.partials[name], marked = self._judge_number(case, answer.value, ())
        return marked

    def _judge_definition(self, name: str, partial: str = "") -> MarkedNumber | None:
        """Judge what is defined by partials; if it is one, others may be worked out from it."""
        work = self.work
        formula = work.sheet.define[name].formula
        inputs = {
            used: work.derivative_in_use(used) if "/" in used else work.forward[used]
            for used in names_in(formula)
        }
        expected = work.evaluate(formula, inputs)
        case = Case(FORWARD, name, None, expected, formula, inputs, work)
        printed = work.answers.forward.get(name)
        value, marked = self._judge_number(case, printed, ())
        if partial and printed and printed.strip():
            sign = substitute(formula, {partial: name})
            whole = work.dependencies.whole(partial)
            work.add_derivative(whole, work.evaluate(sign, {name: value}))
        return marked

    def _judge_factor(self, partial: str, path: int, name: str) -> MarkedNumber:
        work = self.work
        printed = work.answers.partials[partial].paths[path][name]
        case, earlier = self._case_of_factor(partial, work.reading(partial, path, name))
        for reading in (name, work.dependencies.whole(name)):
            if reading != case.name and printed.strip():  # right for who means the other derivative
                other, others = self._case_of_factor(partial, reading)
                if not self._is_right(case, printed, earlier) and self._is_right(
                    other, printed, others
                ):
                    case, earlier = other, others
        value, marked = self._judge_number(case, printed, earlier)
        if printed.strip():
            work.add_factor(partial, path, case.name, value)
        assert marked
        return marked

    def _case_of_factor(self, partial: str, name: str) -> tuple[Case, list[Admissible]]:
        """Return the case of a factor, and the values of the same derivative written before."""
        formula, inputs = self.work.derivative(name)
        earlier = self.work.derivatives.get(name, [])
        right = [value for value in earlier if value.free_of_slips]  # which it may be a copy of
        expected = union(self.work.expected_derivative(name), *right)
        return Case(FACTOR, name, partial, expected, formula, inputs, self.work), earlier

    def _is_right(self, case: Case, printed: str, earlier: Sequence[Admissible]) -> bool:
        written = self._read(case, printed, earlier)
        return decide(replace(case, written=written, printed=printed), earlier)[0] != "wrong"

    def _judge_updates(self) -> None:
        work = self.work
        if work.sheet.rate is None:
            return
        for name in dict.fromkeys((*work.answers.updated, *work.parameters)):
            formula, inputs, expected = work.update(name)
            case = Case(UPDATED, name, None, expected, formula, inputs, work)
            work.updated[name] = self._judge_and_list(case, work.answers.updated.get(name))

    def _judge_table(self) -> None:
        """Judge the closing table as copies, or as updates where there is nothing right to copy."""
        work = self.work
        verdicts = {number.name: number.verdict for number in self.marked if number.part == UPDATED}
        for name, printed in work.table.items():
            formula, inputs, expected = work.update(name)
            verdict = verdicts.get(name, "missing")
            updated, original, earlier = work.updated[name], None, []
            if verdict in ("exact", "rounded", "follows"):
                original = work.read(work.answers.updated[name])
            if verdict in ("exact", "rounded"):
                expected = replace(updated, honest=updated.tight, own=updated.own_tight)
            elif verdict in ("follows", "wrong"):
                earlier = [updated]
            case = Case(TABLE, name, None, expected, formula, inputs, work, original=original)
            value = self._judge_and_list(case, printed, earlier)
            if verdict == "missing":
                work.updated[name] = value

    # --- One number -------------------------------------------------------------------------------

    def _judge_and_list(
        self, case: Case, printed: str | None, earlier: Sequence[Admissible] = ()
    ) -> Admissible:
        """Judge a number; if it was asked for, list it as marked. Return its admissible values."""
        value, marked = self._judge_number(case, printed, earlier)
        if marked:
            self.marked.append(marked)
        return value

    def _judge_number(
        self, case: Case, printed: str | None, earlier: Sequence[Admissible]
    ) -> tuple[Admissible, MarkedNumber | None]:
        """Judge a number; return its admissible values and, if it was asked for, the marked number.

        Parameters
        ----------
        case
            The number's context.
        printed
            Its text; "" where it is missing, None where it was not asked for.
        earlier
            The admissible values of the same quantity where it was written before.
        """
        expected = case.expected
        if not printed or not printed.strip():
            value = admissible_if_unwritten(expected, self.work.unwritten_rounding)
            return value, None if printed is None else self._mark_missing(case, printed)
        written = self._read(case, printed, earlier)
        if self.figures:
            written = round_number(case.exact, "figures", self.figures)
        case = replace(case, written=written, printed=printed)
        verdict, source, diagnoses = self._verdict(case, earlier)
        after_short = self._is_after_short(case)
        lacks_some = lacks_figures(case, verdict, source, after_short)
        if lacks_some or after_short:
            self._short.add(_key(case))
        marked = self._mark(case, verdict, diagnoses, lacks_some)
        self.cases.append((case, marked))
        if verdict == "wrong":
            is_explained = diagnoses and diagnoses[0].explains_every_digit
            made_by_slip = diagnoses[0].made_by_slip if is_explained else None
            return admissible_if_wrong(expected, written, made_by_slip), marked
        if verdict == "follows":
            return admissible_if_following(expected, source, written), marked
        value = admissible_if_honest(expected, written)
        if self.figures and value.tight.short_decimal is None:
            half = written.unit / 2  # the most that rounding can have changed
            value = replace(value, tight=expected.tight.widened(half, half))
        return value, marked

    def _verdict(
        self, case: Case, earlier: Sequence[Admissible]
    ) -> tuple[str, Admissible, list[Diagnosis]]:
        """Return verdict, source and diagnoses; a number of no habit may be, or copy, a slip."""
        verdict, source = decide(case, earlier)
        if verdict == "wrong":
            return verdict, source, diagnose(case, self.budget, self.catalogue)
        if verdict != "exact" and is_unusual(case.written, verdict, source):
            for value in earlier:
                if not value.free_of_slips and value.matches_a_habit(case.written):
                    return "follows", value, []
            table_only = self.work.intermediate_rounding is not None
            found = diagnose_despite_rounding(case, self.budget, self.catalogue, table_only)
            if found:
                return "wrong", source, found
        return verdict, source, []

    def _read(self, case: Case, printed: str, earlier: Sequence[Admissible]) -> WrittenNumber:
        """Read a number as the first of its meanings that is right; as the usual one if none is."""
        meanings = self.work.meanings_of(printed)
        if len(meanings) == 1:
            self.work.meanings[printed] = meanings[0]
            return meanings[0]
        for meaning in meanings:
            if decide(replace(case, written=meaning, printed=printed), earlier)[0] != "wrong":
                self.work.meanings[printed] = meaning
                return meaning
        return meanings[0]

    def _mark_missing(self, case: Case, printed: str) -> MarkedNumber:
        """Mark a number that is missing, or is none: what was written is kept."""
        self.unanswered.append(case)
        marked = self._mark(case, "missing")
        if isinstance(printed, Unreadable):
            return replace(
                marked, printed=printed.printed, note="unreadable", explanation=printed.reason
            )
        return marked

    def _is_after_short(self, case: Case) -> bool:
        """Whether a number is, in the end, worked out from one that lacks figures, or a copy."""
        names = {name.strip(PRIME) for name in names_in(case.formula)}
        return not self._short.isdisjoint({_key(case), *names})

    def _mark(
        self,
        case: Case,
        verdict: str,
        diagnoses: Sequence[Diagnosis] = (),
        lacks_some: bool = False,
    ) -> MarkedNumber:
        first = diagnoses[0] if diagnoses else None
        slip = first.slips[0] if first else None
        ids = (slip.id for diagnosis in diagnoses for slip in diagnosis.slips)
        expected = case.expected
        return MarkedNumber(
            part=case.part,
            name=without_marks(case.name),
            of=case.of,
            printed=case.printed,
            exact=case.exact,
            verdict=verdict,
            note=note_on(case, verdict, lacks_some),
            slip=slip.id if slip else None,
            candidates=tuple(dict.fromkeys(ids)),
            rules=tuple(dict.fromkeys(rule for diagnosis in diagnoses for rule in diagnosis.rules)),
            explanation=without_marks(explain(case, verdict, diagnoses, lacks_some)),
            trusted_digits=trusted_digits(expected, case.exact),
            cancellation=self._cancellations.setdefault(
                case.name, cancellation(case, self._cancellations)
            ),
            step=self.work.number,
            hint=slip.hint if slip else "",
            formula=formula_text(case.formula).replace(WHOLE, ""),
            slip_explains_every_digit=bool(first and first.explains_every_digit),
            matches_a_habit=expected.matches_a_habit(case.written) or not expected.free_of_slips,
        )


def _key(case: Case) -> str:
    """Return the name of a number; of a new parameter, one that differs from the old one's."""
    return f"new {case.name}" if case.part in (UPDATED, TABLE) else case.name
