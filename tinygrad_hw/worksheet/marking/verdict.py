"""The verdict on a number: exact, rounded, following or wrong; and its explanation in words."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_hw.formatting import MEANINGS
from tinygrad_hw.worksheet.rounding.admissible import Admissible
from tinygrad_hw.worksheet.rounding.intervals import Interval
from tinygrad_hw.worksheet.rounding.written_number import WrittenNumber
from tinygrad_hw.worksheet.slips.case import Case
from tinygrad_hw.worksheet.slips.diagnosis import Diagnosis


def decide(case: Case, earlier: Sequence[Admissible]) -> tuple[str, Admissible]:
    """Return the verdict on a written number, and the admissible values that it comes from.

    A number is ``rounded`` where some honest way of working gives it: every number before it
    rounded, or cut, or used with more digits than are written. It ``follows`` where only the
    student's own numbers give it, slips included.

    Parameters
    ----------
    case
        The number with its context.
    earlier
        The admissible values of the same quantity where it was written before: the number may be a
        copy of these.
    """
    written, expected = case.written, case.expected
    if case.shows_no_digit:
        return "wrong", expected
    if written.is_rounding_of(case.exact):
        return "exact", expected
    if written.is_reachable_from(expected.honest):
        return "rounded", expected
    if expected.is_in_steps(written):
        return "rounded" if expected.free_of_slips else "follows", expected
    if not expected.free_of_slips and written.is_reachable_from(expected.own):
        return "follows", expected
    for other in earlier:
        if written.is_reachable_from(other.own):
            return "follows", other
    return "wrong", expected


def is_unusual(written: WrittenNumber, verdict: str, source: Admissible) -> bool:
    """Whether rounding may give a number, but no single habit of rounding does."""
    likely = source.own_tight if verdict == "follows" else source.tight
    return not written.is_reachable_from(likely) and not source.matches_a_habit(written)


def note_on(case: Case, verdict: str) -> str:
    """Return "truncated" for a number that was cut and not rounded, else ""."""
    written = case.written
    if verdict != "rounded":
        return ""
    likely = (case.exact, *case.expected.by_habit)
    if any(map(written.is_rounding_of, likely)):
        return ""
    half = written.unit / 2
    rounds_here = Interval(written.value - half, written.value + half)
    is_cut = any(map(written.is_truncation_of, likely))
    return "truncated" if is_cut or not rounds_here.overlaps(case.expected.honest) else ""


def explain(case: Case, verdict: str, diagnoses: Sequence[Diagnosis]) -> str:
    """Explain in words why a number follows or is wrong; "" for any other verdict."""
    if verdict == "follows":
        return f"{MEANINGS['follows'].capitalize()}, which is charged there."
    if verdict != "wrong":
        return ""
    if not diagnoses:
        return f"{case.name} = {case.printed} fits no slip of the catalogue."
    texts = [d.text for d in diagnoses if not d.slips[0].evidence] or [d.text for d in diagnoses]
    evidence = [d.detail for d in diagnoses if d.slips[0].evidence and d.text not in texts]
    text = texts[0]
    if len(texts) > 1:
        text = "The numbers cannot tell which. " + " Or: ".join(texts)
    return " ".join([text, *(f"And {detail}." for detail in evidence)])
