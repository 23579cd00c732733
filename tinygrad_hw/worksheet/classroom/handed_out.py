"""Compare a sheet that was handed in with what was handed out, and mark it by that."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tinygrad_hw.worksheet.sheet.messages import abbreviate, printable
from tinygrad_hw.worksheet.sheet.model import Answers, PartialAnswer, Sheet
from tinygrad_hw.worksheet.sheet.parts import FACTOR, FORWARD, PARTIAL, TABLE, UPDATED, place
from tinygrad_hw.worksheet.solution.blanks import blanks, with_all_asked

NO_NAME = "the name is missing"
MOST_TOLD = 200  # changes, and questions in one of them; the sheet may have a hundred thousand


@dataclass(frozen=True, slots=True)
class Compared:
    """A sheet that was handed in, compared with what was handed out.

    Attributes
    ----------
    sheet
        What was handed out, with the answers that were handed in: what is absent is "", which
        counts as missing; what was not asked for is left out.
    changes
        In words, what was changed, deleted and added, what its page has revealed, and whether the
        name is missing.
    """

    sheet: Sheet
    changes: tuple[str, ...]


def compare(sheet: Sheet, handed_out: Sequence[Sheet]) -> Compared:
    """Compare a sheet with what was handed out.

    Parameters
    ----------
    sheet
        The sheet that was handed in.
    handed_out
        The sheets of blanks, or their keys: one, or all of them where each student got another.
        That from which the fewest entries were changed is taken for the student's own. One without
        answers asks for everything.

    Raises
    ------
    SheetError
        If a sheet without answers cannot be solved.
    """
    problem = _problem(sheet)
    changes, own = min(
        ((list(_changes(_problem(own), problem)), own) for own in handed_out),
        key=lambda found: len(found[0]),
    )
    changes = _some(changes)
    if sheet.ask != own.ask:
        changes.append("[ask] is not as it was")
    blank, written = Counter(_questions(own)), Counter(_questions(sheet))
    own = with_all_asked(own) if own.ask or blank else blanks(own)
    theirs = sheet.answers_by_step[: own.steps]
    first, *later = itertools.starmap(
        _answers_to, itertools.zip_longest(own.answers_by_step, theirs, fillvalue=Answers())
    )
    for what, questions in (
        ("deleted, and counted as missing", blank - written),
        ("not asked for, and not marked", written - Counter(_questions(own))),
    ):
        if questions:
            changes.append(f"{what}: {', '.join(_some([*map(str, questions.elements())]))}")
    if sheet.answers.revealed:
        changes.append(
            f"its page has shown, when asked: {printable(', '.join(sheet.answers.revealed))}"
        )
    if not sheet.student.strip():
        changes.append(NO_NAME)
    whole = dataclasses.replace(
        own,
        student=sheet.student,
        answers=first,
        later_answers=tuple(later),
        where=sheet.where,
        lines=sheet.lines,
    )
    return Compared(whole, tuple(changes))


def _some(texts: list[str]) -> list[str]:
    """Return the first of many texts, and how many more there are."""
    more = len(texts) - MOST_TOLD
    return [*texts[:MOST_TOLD], f"{more:,} more"] if more > 0 else texts


# --- The problem ----------------------------------------------------------------------------------


def _problem(sheet: Sheet) -> dict[str, tuple[Any, str]]:
    """Return all that a sheet gives and asks by its place: to compare, and to show."""
    kind, digits = sheet.rounding or ("digits", "any")
    return {
        **{f"{name} in [given]": (x, f"{x:.15g}") for name, x in sheet.given.items()},
        **{f"{name} in [parameters]": (x, f"{x:.15g}") for name, x in sheet.parameters.items()},
        **{
            f"{name} in [forward]": (formula.instructions, abbreviate(formula.source))
            for name, formula in sheet.forward.items()
        },
        **{
            f"{name} in [define]": (definition.formula, abbreviate(definition.source))
            for name, definition in sheet.define.items()
        },
        "the loss": (sheet.loss, sheet.loss),
        "the rate": (sheet.rate, "none" if sheet.rate is None else f"{sheet.rate:.15g}"),
        "the momentum": (sheet.momentum, f"{sheet.momentum:.15g}"),
        "the examples": (sheet.examples, f"{len(sheet.examples)} examples"),
        "the number of steps": (sheet.steps, str(sheet.steps)),
        "the rounding": (sheet.rounding, f"{digits} {kind}"),
    }


def _changes(own: dict[str, tuple[Any, str]], theirs: dict[str, tuple[Any, str]]) -> Iterator[str]:
    """Yield in words how a problem differs from the student's own."""
    for where in own | theirs:
        if where not in theirs:
            yield f"{where} is deleted"
        elif where not in own:
            yield f"{where} is new: {theirs[where][1]}"
        elif theirs[where][0] != own[where][0]:
            yield f"{where} is {theirs[where][1]}, and was {own[where][1]}"


# --- The questions --------------------------------------------------------------------------------


class _Question(NamedTuple):
    step: int
    part: str
    name: str
    of: str | None

    def __str__(self) -> str:
        return place(self) + (f" (step {self.step})" if self.step > 1 else "")


def _questions(sheet: Sheet) -> Iterator[_Question]:
    """Yield what a sheet asks for; a factor as often as it is on a path."""
    for step, answers in enumerate(sheet.answers_by_step, start=1):
        for name in answers.forward:
            yield _Question(step, FORWARD, name, None)
        for partial, answer in answers.partials.items():
            for path in answer.paths:
                yield from (_Question(step, FACTOR, name, partial) for name in path)
            if answer.value is not None:
                yield _Question(step, PARTIAL, partial, None)
        for part, texts in ((UPDATED, answers.updated), (TABLE, answers.table)):
            yield from (_Question(step, part, name, None) for name in texts)


def _answers_to(asked: Answers, written: Answers) -> Answers:
    """Return what was written to each question, "" where the question is absent."""
    return Answers(
        _texts(asked.forward, written.forward),
        {
            name: _partial(answer, written.partials.get(name, PartialAnswer()))
            for name, answer in asked.partials.items()
        },
        _texts(asked.updated, written.updated),
        _texts(asked.table, written.table),
        written.revealed,
    )


def _texts(asked: Mapping[str, str], written: Mapping[str, str]) -> dict[str, str]:
    return {name: written.get(name, "") for name in asked}


def _partial(asked: PartialAnswer, written: PartialAnswer) -> PartialAnswer:
    """Return what was written to a partial; its paths may stand in another order."""
    left = list(written.paths)
    paths = []
    for path in asked.paths:
        theirs = max(left, key=lambda other: len(path.keys() & other.keys()), default={})
        if path.keys() & theirs.keys():
            left.remove(theirs)
            paths.append(_texts(path, theirs))
        else:
            paths.append(_texts(path, {}))
    value = None if asked.value is None else written.value or ""
    return PartialAnswer(tuple(paths), value, written.struck)
