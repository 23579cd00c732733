"""The feedback on a marked sheet in plain text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from tinygrad_hw.worksheet.marking.mark_sheet import Marks
from tinygrad_hw.worksheet.marking.marked_number import MarkedNumber
from tinygrad_hw.worksheet.rounding.written_number import read_number
from tinygrad_hw.worksheet.sheet.parts import FACTOR, TABLE, place

NUDGE, PLACE, ANSWER = 1, 2, 3
UNKNOWN = "Work it out again."  # for a number that no slip of the catalogue explains
ROUNDING = "A little is lost with every number that is rounded"
RESERVATIONS = {
    "truncated": "but cut and not rounded",
    "turned": "but every gradient has the wrong sign",
    "figures": "but with fewer figures than asked for",
}
"""What is said of a right number beside its verdict, by the note on it."""
WRONG_AGAIN = "wrong in the same way as before, and not charged again"


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Numbers that show more figures than the work before them supports, all for one reason.

    Attributes
    ----------
    step
        The update that the numbers belong to.
    reason
        The cancellation that cost the figures, or that of all rounding.
    sure, shown
        The figures that can be trusted, and those that are shown.
    carry, wanted
        The figures to carry in every number before, to get the figures that are wanted here.
    items
        The numbers.
    """

    step: int
    reason: str
    sure: int
    shown: int
    carry: int
    wanted: int
    items: tuple[MarkedNumber, ...]

    @property
    def names(self) -> list[str]:
        """The places of the numbers, a factor of many chains once."""
        return list(dict.fromkeys(i.name if i.part == FACTOR else place(i) for i in self.items))

    def __str__(self) -> str:
        sure = f"{self.sure or 'none'} of {self.shown} figure{'s' * (self.shown > 1)}"
        return f"{sure} can be trusted; carry {self.carry} to earn {self.wanted} here"


def shortfalls(marks: Marks) -> list[Shortfall]:
    """Find the numbers that show more figures than can be trusted, grouped by reason and figures.

    The closing table is left out, since it repeats the updates.
    """
    rounding = marks.sheet.rounding
    groups: dict[tuple[int, str, int, int, int, int], list[MarkedNumber]] = {}
    for item, lost in zip(marks.items, marks.digits_lost, strict=True):
        shown = read_number(item.printed).figures if item.verdict != "missing" else 0
        if item.trusted_digits < shown and item.part != TABLE:
            wanted = rounding[1] if rounding and rounding[0] == "figures" else shown
            reason = item.cancellation or ROUNDING
            key = (item.step, reason, item.trusted_digits, shown, wanted + lost, wanted)
            groups.setdefault(key, []).append(item)
    return [Shortfall(*key, tuple(items)) for key, items in groups.items()]


def nudges(marks: Marks) -> dict[str, int]:
    """Count the hints of the wrong numbers, in an order that does not give their places away."""
    wrong = (item for item in marks.items if item.verdict == "wrong" or item.note == "again")
    count = Counter(item.hint or UNKNOWN for item in wrong)
    return dict(sorted(count.items()))


def feedback_lines(
    marks: Marks, hints: int = ANSWER, points: str = "", changes: Sequence[str] = ()
) -> Iterator[str]:
    """Yield the feedback on a marked sheet as lines of text.

    Parameters
    ----------
    marks
        The marked sheet.
    hints
        How much is given away of the slips: 1, their kinds; 2, also the numbers that are wrong; 3,
        also the explanations.
    points
        The points in words, such as "92 of 104".
    changes
        In words, how the sheet differs from what was handed out.
    """
    sheet = marks.sheet
    heading = " · ".join(filter(None, (sheet.title, sheet.student)))
    if heading:
        yield from (heading, "")
    wrong = [item for item in marks.items if item.verdict == "wrong"]
    if wrong and hints == NUDGE:
        yield "Somewhere on this sheet"
        for nudge, times in nudges(marks).items():
            yield f"  {nudge}" + (f" ({times} times)" if times > 1 else "")
        yield ""
    elif wrong:
        yield "Wrong"
        yield from (f"  {_wrong_line(marks, item, hints)}" for item in wrong)
        yield ""
    if hints > NUDGE:
        yield from _list_lines(
            marks, "follows", "Right but for a slip before, and not charged again"
        )
        again = [item for item in marks.items if item.note == "again"]
        if again:
            yield WRONG_AGAIN.capitalize()
            yield from _by_step(marks, again, _with_number)
            yield ""
        if any(item.note == "turned" for item in marks.items):
            yield "Every gradient has the wrong sign, so that each step goes uphill"
            yield ""
    yield from _few_figures_lines(marks, hints)
    yield from _list_lines(marks, "missing", "Missing")
    if marks.unreadable:
        yield "No number, and counted as missing"
        yield from (f"  {reason}" for reason in marks.unreadable)
        yield ""
    if hints == ANSWER:
        yield from _shortfall_lines(marks)
    if marks.sheet.answers.revealed:
        yield "Revealed on the sheet's page before it was saved"
        yield f"  {', '.join(marks.sheet.answers.revealed)}"
        yield ""
    if changes:
        yield "Not as it was handed out"
        yield from (f"  {change}" for change in changes)
        yield ""
    yield _tally(marks) + (f" Points: {points}." if points else "")


def without_place(line: str, marks: Marks) -> str:
    """Return a line for a student, without the path by which the teacher has the sheet."""
    return re.sub(rf"^(\s*){re.escape(marks.sheet.where)}(?:, (?=line )|: )", r"\1", line)


def _wrong_line(marks: Marks, item: MarkedNumber, hints: int) -> str:
    where = marks.place(item)
    if hints == PLACE:
        return f"{where} = {item.printed}: {item.hint or UNKNOWN}"
    return item.explanation if where == item.name else f"{where}: {item.explanation}"


def _list_lines(marks: Marks, verdict: str, title: str) -> Iterator[str]:
    listed = [item for item in marks.items if item.verdict == verdict]
    listed = [item for item in listed if item.note not in ("unreadable", "again")]
    if listed:
        yield title
        yield from _by_step(marks, listed, place)
        yield ""


def _with_number(item: MarkedNumber) -> str:
    return f"{place(item)} = {item.printed}"


def _by_step(
    marks: Marks, items: Sequence[MarkedNumber], write: Callable[[MarkedNumber], str]
) -> Iterator[str]:
    """Yield a line of numbers; one for each step, where there are several."""
    for step, of_step in groupby(items, lambda item: item.step):
        heading = f"step {step}: " if marks.sheet.steps > 1 else ""
        yield f"  {heading}{', '.join(map(write, of_step))}"


def _few_figures_lines(marks: Marks, hints: int) -> Iterator[str]:
    short = [item for item in marks.items if item.note == "figures"]
    if short and marks.sheet.rounding:
        kind, count = marks.sheet.rounding
        yield f"Right, but with fewer than the {count} {kind} that the sheet asks for"
        if hints > NUDGE:
            yield from _by_step(marks, short, _with_number)
        else:
            yield f"  {len(short)} of {len(marks.items)} numbers"
        yield ""


def _shortfall_lines(marks: Marks) -> Iterator[str]:
    found = shortfalls(marks)
    if not found:
        return
    yield "Digits that cannot be trusted, even where every step is right"
    for reason in dict.fromkeys(short.reason for short in found):
        yield f"  {reason}."
        for short in (short for short in found if short.reason == reason):
            where = f" in step {short.step}" if marks.sheet.steps > 1 else ""
            yield f"    {', '.join(short.names)}{where}: {short}."
    yield ""


def _tally(marks: Marks) -> str:
    count = marks.summary
    right = count["exact"] + count["rounded"]
    again = sum(item.note == "again" for item in marks.items)
    others = {
        "exact": count["exact"],
        "honestly rounded": count["rounded"],
        "right but for a slip before": count["follows"] - again,
        "wrong in the same way again": again,
        "wrong": count["wrong"],
        "missing": count["missing"],
    }
    parts = [
        f"{number} {text}"
        for text, number in others.items()
        if number or text in ("exact", "honestly rounded")
    ]
    return f"{right} of {len(marks.items)} right: {', '.join(parts)}."
